# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Envoy as the one who verifies: it fetches the published set, and no token is refused while the key changes."""

from __future__ import annotations

import contextlib
import functools
import http.client
import http.server
import json
import pathlib
import threading
import time
import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._jose.jwt import FORGERIES, SigningKey, forge, mint, signing_key
from plugins.module_utils._pki.keys import KeySpec, generate, private_pem
from tests.integration.conftest import or_skip
from tests.rigs.canary import Canaries
from tests.rigs.envoy import Envoy

TYPES = "type.googleapis.com/envoy.extensions.filters"
CLAIMS = {"iss": "https://trust.example", "aud": "trust-api", "sub": "user123", "role": "admin"}
ALGORITHMS = {"trust-service": "RS256", "coordination-server": "ES256", "host-panel": "EdDSA"}
#: How long the edge goes on using a set that it fetched.
CACHE_SECONDS = 1
DEADLINE = 30.0


def edge_config(sets_port: int, issuer: str) -> dict[str, t.Any]:
    """Configure an edge that answers 200 to a valid token of one issuer, whose set is served at a port."""
    provider = {
        "issuer": "https://trust.example",
        "audiences": ["trust-api"],
        "remote_jwks": {
            "http_uri": {"uri": f"http://127.0.0.1/{issuer}.json", "cluster": "sets", "timeout": "5s"},
            "cache_duration": f"{CACHE_SECONDS}s",
        },
        "claim_to_headers": [{"header_name": "x-role", "claim_name": "role"}],
    }
    manager = {
        "@type": f"{TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "http_filters": [
            {
                "name": "jwt",
                "typed_config": {
                    "@type": f"{TYPES}.http.jwt_authn.v3.JwtAuthentication",
                    "providers": {"trust": provider},
                    "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "trust"}}],
                },
            },
            {"name": "router", "typed_config": {"@type": f"{TYPES}.http.router.v3.Router"}},
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "direct_response": {"status": 200},
                            "response_headers_to_add": [
                                {
                                    "header": {"key": "x-role", "value": "%REQ(x-role)%"},
                                    "append_action": "ADD_IF_ABSENT",
                                }
                            ],
                        }
                    ],
                }
            ]
        },
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": sets_port}}}
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "edge",
                    "address": address,
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "sets",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "sets",
                        "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
                    },
                }
            ],
        }
    }


class Sets(http.server.SimpleHTTPRequestHandler):
    """Serves a directory without a word."""

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002
        """Say nothing."""


class Estate:
    """Issuers with keys in files, their sets on a web server, and an edge for one of them."""

    def __init__(self, run: Callable[..., t.Any], base: pathlib.Path, canaries: Canaries) -> None:
        self._run = run
        self.base = base
        self._canaries = canaries

    def reconcile(self, issuer: str, **declared: t.Any) -> dict[str, t.Any]:
        """Run the module once and return what it says about the issuer."""
        size = {"key_size": 2048} if ALGORITHMS[issuer] == "RS256" else {}
        args = {
            "custody": "files",
            "directory": str(self.base / "keys"),
            "publish": [{"kind": "directory", "path": str(self.base / "jwks")}],
            "issuers": [{"name": issuer, "algorithm": ALGORITHMS[issuer], **size, **declared}],
        }
        (done,) = self._run("jwt_key", args).ok().result["results"]
        self._canaries.record(self.pem(issuer), "private key of an issuer")
        return t.cast("dict[str, t.Any]", done)

    def pem(self, issuer: str) -> str:
        return (self.base / "keys" / issuer / "jwt.key").read_text()

    def key(self, issuer: str) -> SigningKey:
        """Return the key that the issuer signs with now."""
        key = signing_key(ALGORITHMS[issuer], self.pem(issuer))
        assert isinstance(key, SigningKey)
        return key


@pytest.fixture
def estate(run_module: Callable[..., t.Any], tmp_path: pathlib.Path, canaries: Canaries) -> Estate:
    return Estate(run_module, tmp_path, canaries)


@pytest.fixture
def sets_port(tmp_path: pathlib.Path) -> Iterator[int]:
    """Port of a web server with the published sets."""
    (tmp_path / "jwks").mkdir()
    handler = functools.partial(Sets, directory=str(tmp_path / "jwks"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def edge(sets_port: int) -> Iterator[Callable[[str], Callable[[str | None], tuple[int, str | None]]]]:
    """A function that starts an edge for an issuer; it returns one that asks with a token for (status, role)."""
    with contextlib.ExitStack() as stack:

        def start(issuer: str) -> Callable[[str | None], tuple[int, str | None]]:
            envoy = stack.enter_context(or_skip(lambda: Envoy(edge_config(sets_port, issuer))))

            def ask(token: str | None) -> tuple[int, str | None]:
                connection = http.client.HTTPConnection("127.0.0.1", envoy.ports["edge"], timeout=10)
                with contextlib.closing(connection):
                    connection.request(
                        "GET", "/", headers={} if token is None else {"Authorization": f"Bearer {token}"}
                    )
                    answer = connection.getresponse()
                    return answer.status, answer.getheader("x-role")

            return ask

        yield start


def fresh(**claims: t.Any) -> dict[str, t.Any]:
    """Return claims that hold for fifteen minutes."""
    now = int(time.time())
    return {**CLAIMS, "iat": now, "exp": now + 900, **claims}


def wait(condition: Callable[[], bool], what: str) -> None:
    """Ask until it is so."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE} s for {what}"


@pytest.mark.parametrize("issuer", ALGORITHMS)
def test_edge_accepts_what_the_issuer_signs_and_refuses_the_rest(estate: Estate, edge: t.Any, issuer: str) -> None:
    estate.reconcile(issuer)
    ask, key = edge(issuer), estate.key(issuer)
    assert ask(mint(fresh(), key)) == (200, "admin")
    assert ask(None)[0] == 401
    for forgery in FORGERIES:
        assert ask(forge(forgery, fresh(), key))[0] == 401, forgery
    stranger = signing_key(key.algorithm, private_pem(generate(_kind(issuer))).decode())
    assert isinstance(stranger, SigningKey)
    assert ask(mint(fresh(), stranger))[0] == 401, "an identifier that is not in the set"
    assert ask(mint(fresh(), SigningKey(key.kid, stranger.key, key.algorithm)))[0] == 401, (
        "an identifier of another key"
    )
    for claims, status in (
        ({"exp": int(time.time()) - 120}, 401),
        ({"nbf": int(time.time()) + 600}, 401),
        ({"iss": "https://trust.example.evil"}, 401),
        ({"aud": "other-api"}, 403),
    ):
        assert ask(mint(fresh(**claims), key))[0] == status, claims


def _kind(issuer: str) -> KeySpec:
    return {"RS256": KeySpec("rsa", 2048), "ES256": KeySpec("ec", 256), "EdDSA": KeySpec("ed25519")}[ALGORITHMS[issuer]]


def test_no_token_is_refused_while_the_key_changes_and_none_accepted_after_the_overlap(
    estate: Estate, edge: t.Any
) -> None:
    """Rotate with a lead longer than the edge keeps a set, and ask with both tokens all the while."""
    issuer = "coordination-server"
    first = estate.reconcile(issuer)
    ask, old = edge(issuer), mint(fresh(), estate.key(issuer))
    assert ask(old)[0] == 200
    policy = {"lead": f"{2 * CACHE_SECONDS}s", "token_lifetime": "1s", "overlap": "8s"}
    wait(lambda: _stamp(time.time() - 1) > first["key"]["created"], "the second after the key was made")
    moment = _stamp(time.time())
    tokens, actions = [old], []
    began = time.monotonic()

    def step() -> str:
        """Take one run's step, then ask with every token so far and with one that the issuer signs now."""
        done = estate.reconcile(issuer, not_before=moment, **policy)
        actions.append(done["action"])
        tokens.append(mint(fresh(), estate.key(issuer)))
        if len(done["key"]["previous_kids"]) == 0 or done["action"] != "update":
            for token in tokens:
                assert ask(token)[0] == 200, (actions, json.loads((estate.base / f"jwks/{issuer}.json").read_text()))
        return str(done["action"])

    wait(lambda: step() == "update", "the end of the overlap")

    assert [action for action in actions if action != "none"] == ["replace", "replace", "update"]
    assert time.monotonic() - began >= 8
    assert ask(tokens[-1])[0] == 200
    wait(lambda: ask(old)[0] == 401, "the edge to fetch the set again")
    assert ask(tokens[-1])[0] == 200


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
