# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module that talks to a server says what is wrong with the connection: field and remedy, no traceback."""

from __future__ import annotations

import pathlib
import socket
import typing as t

import pytest
import yaml

from tests.rigs.openbao import OpenBao
from tests.rigs.pki import make_server_pair

ROOT = pathlib.Path(__file__).resolve().parents[3]

#: The least that each module of the action group has to be told.
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "api_key": {"mount": "kv", "clients": [{"name": "a"}]},
    "certificate": {"mount": "pki", "role": "mesh", "directory": "DIRECTORY", "certificates": [{"name": "a.example"}]},
    "container_secret": {"secrets": [{"name": "a", "vault": {"mount": "kv", "path": "a", "key": "a"}}]},
    "certificate_info": {"sources": [{"mount": "pki", "serial": "39:dd"}]},
    "noise_key": {"mount": "kv", "peers": [{"name": "a"}]},
    "jwt_key": {"mount": "kv", "issuers": [{"name": "a"}]},
    "envelope_rewrap": {"database": {}, "tables": [{"new_key": {"type": "transit", "name": "hub"}}]},
    "envelope_secret": {"database": {}, "key": {"type": "transit", "name": "hub"}, "secrets": [{"name": "a"}]},
    "fspiop_jws_probe": {
        "endpoints": [
            {
                "name": "a",
                "url": "http://127.0.0.1:1/transfers",
                "source": "a",
                "body": {"a": 1},
                "signing_key": {"mount": "kv", "path": "a"},
            }
        ],
    },
    "ilp_secret": {"mount": "kv", "participants": [{"name": "a"}]},
    "jws_key": {"mount": "kv", "participants": [{"name": "a"}]},
    "jws_key_info": {"mount": "kv", "participants": [{"name": "a"}]},
    "environment_file": {
        "files": [
            {"path": "DIRECTORY/a", "secrets": [{"name": "A", "vault": {"mount": "kv", "path": "a", "key": "a"}}]}
        ],
    },
    "secret_manifest": {
        "stores": [{"name": "kv", "type": "vault_kv", "mount": "kv"}],
        "secrets": [{"name": "a", "store": "kv", "key": "a", "owner": "o"}],
    },
    "systemd_credential": {
        "encrypt": "never",
        "directory": "DIRECTORY/credentials",
        "unit_directory": "DIRECTORY/units",
        "services": [
            {"service": "a", "credentials": [{"name": "a", "vault": {"mount": "kv", "path": "a", "key": "a"}}]}
        ],
    },
    "vault_approle": {"roles": [{"name": "issuer"}]},
    "vault_info": {},
    "vault_kv_secret": {"secrets": [{"mount": "kv", "path": "a", "data": {"key": "value"}}]},
    "vault_mount": {"mounts": [{"path": "kv", "type": "kv"}]},
    "vault_pki_certificate_info": {"mount": "pki", "common_names": ["a.example"]},
    "vault_pki_config": {"engines": [{"mount": "pki", "urls": {"ocsp_servers": ["http://ocsp.example"]}}]},
    "vault_pki_issuer": {
        "issuers": [{"name": "root", "type": "root", "mount": "pki", "common_name": "R", "ttl": "90d"}]
    },
    "vault_pki_revocation": {"revocations": [{"mount": "pki", "serial": "39:dd:2e"}]},
    "vault_pki_role": {"roles": [{"name": "mesh", "mount": "pki"}]},
    "vault_policy": {"policies": [{"name": "a", "rules": 'path "x" { capabilities = ["read"] }'}]},
    "vault_seal": {"keys_file": "DIRECTORY/keys.json"},
    "vault_stack": {
        "mounts": [{"path": "kv", "type": "kv"}],
        "secrets": [{"mount": "kv", "path": "a", "data": {"key": "value"}}],
    },
    "vault_token": {
        "path": "DIRECTORY/token",
        "auth_method": "userpass",
        "username": "nobody",
        "password": "not-a-password-of-anybody",
    },
    "vault_transit_key": {"keys": [{"name": "hub", "type": "aes256-gcm96"}]},
}

#: What each fault says; a module for which the fault is none is left out here and tested by its own tests.
FAULTS: dict[str, tuple[str, frozenset[str]]] = {
    "wrong token": ("permission denied", frozenset({"vault_info", "vault_seal", "vault_token"})),
    "wrong CA": ("ca_cert: the certificate of ", frozenset()),
    "unreachable": ("url: nothing listens at ", frozenset()),
    "unresolvable": ("url: the host name in ", frozenset()),
    "not TLS": ("does not speak TLS", frozenset()),
    "sealed": ("the server is sealed", frozenset({"vault_info", "vault_seal"})),
    "no address": ("url: not given", frozenset()),
    "unknown option": ("Unsupported parameters", frozenset()),
}

CASES = [(module, fault) for fault, (_text, without) in FAULTS.items() for module in ARGUMENTS if module not in without]


@pytest.fixture(scope="module")
def sealed(start_vault: t.Any) -> OpenBao:
    """A server of this file's own, sealed."""
    server: OpenBao = start_vault()
    server.seal()
    return server


@pytest.fixture(scope="module")
def plain_port() -> t.Iterator[int]:
    """A port on which something listens that does not speak TLS."""
    import http.server
    import threading

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _connection(
    fault: str, base: dict[str, t.Any], tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> dict[str, t.Any]:
    connection = {**base, "retries": 0, "timeout": 10}
    if fault == "wrong token":
        connection["token"] = "s.not-a-token-of-this-server"
    elif fault == "wrong CA":
        connection["ca_cert"] = str(make_server_pair(tmp_path).ca)
    elif fault == "unreachable":
        connection["url"] = f"https://127.0.0.1:{_free_port()}"
    elif fault == "unresolvable":
        connection["url"] = "https://vault.invalid:8200"
    elif fault == "not TLS":
        connection["url"] = f"https://127.0.0.1:{request.getfixturevalue('plain_port')}"
    elif fault == "sealed":
        server: OpenBao = request.getfixturevalue("sealed")
        connection.update(url=server.url, ca_cert=server.ca_path, token=server.root_token)
    elif fault == "no address":
        del connection["url"]
    elif fault == "unknown option":
        connection["no_such_option"] = "x"
    return connection


@pytest.mark.parametrize(("module", "fault"), CASES, ids=[f"{module}: {fault}" for module, fault in CASES])
def test_fault(
    run_module: t.Any,
    connection: dict[str, t.Any],
    tmp_path: pathlib.Path,
    request: pytest.FixtureRequest,
    module: str,
    fault: str,
) -> None:
    directory = tmp_path / "out"
    given = yaml.safe_load(yaml.safe_dump(ARGUMENTS[module]).replace("DIRECTORY", str(directory)))
    done = run_module(module, {**_connection(fault, connection, tmp_path, request), **given})
    everything = str(done.result)
    assert done.failed, everything
    assert FAULTS[fault][0] in everything
    assert "Traceback" not in everything + done.stderr
    assert "defect in trustmesh.security" not in everything
    # The first request of vault_token is its deed, the login, so that a failure there may have changed something.
    assert not done.changed or module == "vault_token"
    assert not [path for path in directory.rglob("*") if path.is_file()], "nothing half-written"


def test_every_module_of_the_group_is_here() -> None:
    group = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["vault"]
    assert sorted(ARGUMENTS) == sorted(group)
