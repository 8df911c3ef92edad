# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing and verifying in a play: the request goes out over HTTP, and the reference library verifies what arrives."""

from __future__ import annotations

import http.server
import json
import pathlib
import threading
import typing as t
from collections.abc import Iterator

import pytest

from plugins.module_utils._jose.fspiop import verify
from tests.rigs.canary import Canaries
from tests.rigs.node import Peer
from tests.unit.jose.requests import PRIVATE, PUBLIC

BODY = {"z": 1.0, "amount": {"currency": "USD", "amount": "100.25"}, "ä": ["€", True, None], "a": "{{ 40 + 2 }}"}


class Switch(http.server.ThreadingHTTPServer):
    """Keeps what it is sent."""

    received: t.ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    """Accepts transfers."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Switch.received.append((self.command, self.path, dict(self.headers.items()), body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def switch() -> Iterator[str]:
    """The address of a server that keeps what it is sent."""
    Switch.received.clear()
    with Switch(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_mj_14_a_play_signs_and_sends_what_both_verify(
    play: t.Any, peer: Peer, switch: str, canaries: Canaries, tmp_path: pathlib.Path, algorithm: str
) -> None:
    canaries.record(PRIVATE[algorithm], "JWS key")
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    key.write_text(PRIVATE[algorithm])
    headers = {"FSPIOP-Source": "perffsp-1", "FSPIOP-Destination": "switch", "Content-Type": "application/json"}
    request = {"method": "POST", "url": f"{switch}/fspiop/transfers", "headers": headers, "body": BODY}
    keys = {"perffsp-1": PUBLIC[algorithm]}
    sign = f"request | trustmesh.security.fspiop_jws_sign(lookup('ansible.builtin.file', '{key}'))"
    valid = "signed is trustmesh.security.fspiop_jws_valid"
    sending = {name: f"{{{{ signed.{name} }}}}" for name in ("url", "method", "headers")}
    play(
        [
            {"name": "sign", "ansible.builtin.set_fact": {"signed": f"{{{{ {sign} }}}}"}},
            {
                "name": "send",
                "ansible.builtin.uri": {
                    **sending,
                    "body": "{{ signed.body | string }}",
                    "body_format": "raw",
                    "status_code": [202],
                },
            },
            {
                "name": "verify",
                "ansible.builtin.assert": {
                    "that": [
                        f"{valid}(keys)",
                        f"{valid}(keys['perffsp-1'], canonicalization='sorted')",
                        "signed | combine({'url': '/quotes'}) is not trustmesh.security.fspiop_jws_valid(keys)",
                        "(signed | trustmesh.security.fspiop_jws_verify(keys)).canonicalization == 'both'",
                    ]
                },
            },
        ],
        variables={"request": request, "keys": keys},
    ).ok()
    ((method, path, arrived, body),) = Switch.received
    assert body.decode() == '{"a":42,"amount":{"amount":"100.25","currency":"USD"},"z":1,"ä":["€",true,null]}'
    verify(keys, method=method, url=path, headers=arrived, body=body).require()
    folded = {name.lower(): text for name, text in arrived.items()}
    given = {"headers": folded, "body": json.loads(body)}
    for version in ("19.18.8", "19.19.1"):
        assert peer.call("jws.validate", version=version, keys=keys, request=given) is True


def test_a_refusal_names_field_and_remedy_and_no_key(play: t.Any, canaries: Canaries) -> None:
    canaries.record(PRIVATE["RS256"], "JWS key")
    request = {"method": "GET", "url": "/transfers/1", "headers": {"FSPIOP-Source": "a"}}
    done = play(
        [
            {
                "name": "refuse",
                "ansible.builtin.debug": {"msg": "{{ request | trustmesh.security.fspiop_jws_sign(key) }}"},
                "no_log": False,
            }
        ],
        variables={"request": request, "key": PRIVATE["RS256"]},
    )
    assert done.rc != 0
    assert "fspiop_jws_sign: method: is not one of requests with a body" in done.task("refuse").result["msg"]
