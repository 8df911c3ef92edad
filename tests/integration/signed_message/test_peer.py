# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed messages and another implementation of them, for Node; and in plays, as their documentation shows them."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import time
import typing as t

import pytest

from plugins.filter.signed_message_sign import signed_message_sign
from plugins.filter.signed_message_verify import signed_message_verify
from plugins.module_utils._jose import base64url
from plugins.module_utils._jose.ed25519 import public_bytes, read_private
from tests.integration.conftest import or_skip
from tests.rigs.process import MissingPartError, clean_environment

PEER: t.Final = pathlib.Path(__file__).parent / "peer.mjs"
SEED: t.Final = bytes(range(32)).hex()
PUBLIC: t.Final = public_bytes(read_private(SEED)).hex()
BODIES: t.Final[list[t.Any]] = [
    {},
    [],
    None,
    "text",
    {"amount": "10", "to": "bob", "nested": {"z": [1, {"y": None}], "a": True}},
    {"ä": "grüße", "\u20ac": "€", "\U0001f600": "\U0001f600", "\ufb33": 1, "\r": '\b\f\n\t"\\/\x7f\x1f'},
    {"numbers": [0, -0.0, 1.0, 1.5, 1e21, 1e-7, 1.5e300, 2**53, -(2**53), 5e-324]},
    {"10": "ten", "9": "nine", "": "empty", "__proto__": "data"},
]


@pytest.fixture(scope="module")
def peer() -> t.Callable[[list[dict[str, t.Any]]], list[t.Any]]:
    """A function that answers requests, each with what the peer says to it."""

    def node() -> str:
        found = shutil.which("node")
        if found is None:
            raise MissingPartError("node is not on the path")
        return found

    program: str = or_skip(node)

    def ask(requests: list[dict[str, t.Any]]) -> list[t.Any]:
        text = "".join(json.dumps(request) + "\n" for request in requests)
        done = subprocess.run(
            [program, str(PEER)],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=clean_environment(),
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


def test_pk_01_another_implementation_accepts_what_we_sign(peer: t.Any) -> None:
    messages = [signed_message_sign(body, SEED) for body in BODIES]
    assert peer([{"do": "verify", "message": message} for message in messages]) == [True] * len(BODIES)
    tampered = [{**message, "body": "another"} for message in messages]
    assert peer([{"do": "verify", "message": message} for message in tampered]) == [False] * len(BODIES)


def test_pk_01_we_accept_what_another_implementation_signs(peer: t.Any) -> None:
    now = int(time.time())
    request = {"do": "sign", "seed": SEED, "created": now, "ends": now + 300, "nonce": base64url.encode(bytes(32))}
    for body, message in zip(BODIES, peer([{**request, "body": body} for body in BODIES]), strict=True):
        verdict = signed_message_verify(message, PUBLIC)
        assert verdict["valid"], verdict
        assert verdict["body"] == body
        assert signed_message_verify({**message, "expires_at": now + 301}, PUBLIC)["reason"] == "invalid_signature"


def test_pk_42_to_44_in_a_play(play: t.Any, canary: t.Any) -> None:
    """Signed, accepted, refused when changed, repeated or late; the key is in no output."""
    key = canary()[:8].encode().hex().ljust(64, "0")
    public = public_bytes(read_private(key)).hex()
    verify = "{{ message | trustmesh.security.signed_message_verify(public, used_nonces=used | default([])) }}"
    changed = "{{ message | combine({'body': {'amount': '11'}}) | trustmesh.security.signed_message_verify(public) }}"
    late = (
        "{{ 'x' | trustmesh.security.signed_message_sign(key, lifetime=1, created_at=1700000000)"
        " | trustmesh.security.signed_message_verify(public) }}"
    )
    sign = "{{ {'amount': '10'} | trustmesh.security.signed_message_sign(key) }}"
    conditions = [
        "first.valid and first.body == {'amount': '10'}",
        "changed.reason == 'invalid_signature' and changed.body is none",
        "late.reason == 'expired'",
        "again.reason == 'replayed'",
        "'note' is trustmesh.security.ed25519_valid('note' | trustmesh.security.ed25519_sign(key), public)",
        "'Note' is not trustmesh.security.ed25519_valid('note' | trustmesh.security.ed25519_sign(key), public)",
    ]
    tasks = [
        {"ansible.builtin.set_fact": {"message": sign}, "no_log": True},
        {"ansible.builtin.set_fact": {"first": verify, "changed": changed, "late": late}},
        {"ansible.builtin.set_fact": {"used": ["{{ first.nonce }}"]}},
        {"ansible.builtin.set_fact": {"again": verify}},
        {"ansible.builtin.assert": {"that": conditions}},
    ]
    play(tasks, variables={"key": key, "public": public}).ok()
