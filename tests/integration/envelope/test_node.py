# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An independent peer: what Node's crypto seals opens here, and what is sealed here opens there."""

from __future__ import annotations

import itertools
import secrets
import typing as t
from collections.abc import Callable

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.envelope_open import envelope_open
from plugins.filter.envelope_seal import envelope_seal
from plugins.module_utils._envelope.record import Form
from tests.rigs.canary import Canaries

Node = Callable[..., dict[str, t.Any]]

VALUES = ["", "x", "sk_live_4242", "Zwölf Boxkämpfer ✓ 𝄞", "lang" * 5000, '{"a": [1, 2.5, null]}', "\x00\x01\n"]
LAYOUTS = list(itertools.product((12, 16), ("base64", "hex"), ("", "stripe_api_key")))
IDS = [f"{iv_bytes} bytes, {encoding}, {'with' if aad else 'no'} aad" for iv_bytes, encoding, aad in LAYOUTS]


@pytest.fixture
def master(canaries: Canaries) -> str:
    """A master key."""
    return canaries.record(secrets.token_hex(32), "master key")


def _key(master: str) -> dict[str, str]:
    return {"type": "value", "value": master}


@pytest.mark.parametrize(("iv_bytes", "encoding", "aad"), LAYOUTS, ids=IDS)
def test_mb_27_node_opens_ours(node: Node, master: str, iv_bytes: int, encoding: str, aad: str) -> None:
    for value in VALUES:
        record = envelope_seal(value, _key(master), aad=aad, iv_bytes=iv_bytes, encoding=encoding)
        given = {"master": master, "record": record, "aad": aad, "ivBytes": iv_bytes, "encoding": encoding}
        assert node("open", **given) == {"result": value}


@pytest.mark.parametrize(("iv_bytes", "encoding", "aad"), LAYOUTS, ids=IDS)
def test_mb_27_ours_opens_those_of_node(node: Node, master: str, iv_bytes: int, encoding: str, aad: str) -> None:
    for value in VALUES:
        given = {"master": master, "value": value, "aad": aad, "ivBytes": iv_bytes, "encoding": encoding}
        record = node("seal", **given)["result"]
        assert list(record) == list(envelope_seal(value, _key(master)))
        assert envelope_open(record, _key(master), aad=aad, encoding=encoding) == value


@pytest.mark.parametrize("part", ["encryptedValue", "encryptedDEK", "iv", "authTag"])
def test_what_was_changed_is_refused_by_both(node: Node, master: str, part: str) -> None:
    form = Form("base64", 12)
    record = envelope_seal("value", _key(master), aad="name")
    for at in range(len(form.read(record[part]))):
        octets = bytearray(form.read(record[part]))
        octets[at] ^= 1
        changed = {**record, part: form.write(bytes(octets))}
        given = {"master": master, "record": changed, "aad": "name", "ivBytes": 12, "encoding": "base64"}
        assert "refused" in node("open", **given)
        with pytest.raises(AnsibleFilterError, match="does not open with"):
            envelope_open(changed, _key(master), aad="name")


def test_another_aad_is_refused_by_both(node: Node, master: str) -> None:
    record = envelope_seal("value", _key(master), aad="name")
    given = {"master": master, "record": record, "ivBytes": 12, "encoding": "base64"}
    for aad in ("", "Name", "name "):
        assert "refused" in node("open", **given, aad=aad)
        with pytest.raises(AnsibleFilterError, match="does not open with its data key"):
            envelope_open(record, _key(master), aad=aad)


def test_a_play_seals_what_node_opens(play: t.Any, node: Node, master: str, canary: Callable[..., str]) -> None:
    """In a real play, where texts are tagged and keys come from variables."""
    secret = canary("sk_live_")
    seal = "{{ secret | trustmesh.security.envelope_seal(key=master, aad='stripe_api_key', iv_bytes=16) }}"
    opened = "(record | trustmesh.security.envelope_open(key=master, aad='stripe_api_key')) == secret"
    tasks = [
        {"name": "seal", "ansible.builtin.set_fact": {"record": seal}},
        {"name": "open", "ansible.builtin.assert": {"that": opened}},
    ]
    env = {"MASTER_ENCRYPTION_KEY": master, "THE_SECRET": secret}
    variables = {
        "master": {"type": "environment"},
        "secret": "{{ lookup('ansible.builtin.env', 'THE_SECRET') }}",
    }
    done = play(tasks, env=env, variables=variables).ok()
    record = done.task("seal").result["ansible_facts"]["record"]
    given = {"master": master, "record": record, "aad": "stripe_api_key", "ivBytes": 16, "encoding": "base64"}
    assert node("open", **given) == {"result": secret}
