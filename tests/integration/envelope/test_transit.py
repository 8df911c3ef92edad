# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Master keys in a real transit engine."""

from __future__ import annotations

import base64
import typing as t
from collections.abc import Callable

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.envelope_open import envelope_open
from plugins.filter.envelope_seal import envelope_seal
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]

POLICY = """
path "{mount}/keys/hub" {{ capabilities = ["read"] }}
path "{mount}/encrypt/hub" {{ capabilities = ["update"] }}
path "{mount}/decrypt/hub" {{ capabilities = ["update"] }}
"""


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """A transit engine with the key ``hub``."""
    path = unique_name("transit")
    vault.api.write(f"sys/mounts/{path}", type="transit")
    vault.api.write(f"{path}/keys/hub")
    return path


def _key(mount: str, name: str = "hub") -> dict[str, str]:
    return {"type": "transit", "mount": mount, "name": name}


def test_mb_22_ts_53_what_is_sealed_opens(mount: str, connection: dict[str, str], vault: OpenBao) -> None:
    record = envelope_seal("geheim", _key(mount), aad="name", vault=connection)
    assert record["encryptedDEK"].startswith("vault:v1:")
    assert envelope_open(record, _key(mount), aad="name", vault=connection) == "geheim"
    answer = vault.api.write(f"{mount}/decrypt/hub", ciphertext=record["encryptedDEK"])
    assert len(base64.b64decode(answer.data["plaintext"])) == 32


def test_documented_policy_is_enough(mount: str, connection: dict[str, str], token: t.Any) -> None:
    limited = {**connection, "token": token(rules=POLICY.format(mount=mount))}
    record = envelope_seal("x", _key(mount), vault=limited)
    assert envelope_open(record, _key(mount), vault=limited) == "x"


def test_older_versions_open_until_they_are_retired(mount: str, connection: dict[str, str], vault: OpenBao) -> None:
    record = envelope_seal("x", _key(mount), vault=connection)
    vault.api.write(f"{mount}/keys/hub/rotate")
    assert envelope_open(record, _key(mount), vault=connection) == "x"
    assert envelope_seal("x", _key(mount), vault=connection)["encryptedDEK"].startswith("vault:v2:")
    vault.api.write(f"{mount}/keys/hub/config", min_decryption_version=2)
    with pytest.raises(AnsibleFilterError, match="encryptedDEK: does not open with"):
        envelope_open(record, _key(mount), vault=connection)


def test_what_was_changed_is_refused(mount: str, connection: dict[str, str], vault: OpenBao) -> None:
    record = envelope_seal("x", _key(mount), vault=connection)
    wrapped = base64.b64decode(record["encryptedDEK"].removeprefix("vault:v1:"))
    for at in range(0, len(wrapped), 7):
        octets = bytearray(wrapped)
        octets[at] ^= 1
        changed = {**record, "encryptedDEK": "vault:v1:" + base64.b64encode(octets).decode()}
        with pytest.raises(AnsibleFilterError, match="encryptedDEK: does not open with"):
            envelope_open(changed, _key(mount), vault=connection)
    vault.api.write(f"{mount}/keys/other")
    with pytest.raises(AnsibleFilterError, match="encryptedDEK: does not open with"):
        envelope_open(record, _key(mount, "other"), vault=connection)
    for text in ("vault:v9:AAAA", "vault:v1:", "x", "vault:v1:§"):
        with pytest.raises(AnsibleFilterError, match="encryptedDEK: does not open with"):
            envelope_open({**record, "encryptedDEK": text}, _key(mount), vault=connection)


def test_a_key_that_is_not_there_is_not_made(mount: str, connection: dict[str, str], vault: OpenBao) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"key\.name: there is no key {mount}/keys/none\. Create it first"):
        envelope_seal("x", _key(mount, "none"), vault=connection)
    assert vault.api.read(f"{mount}/keys/none") is None
    with pytest.raises(AnsibleFilterError, match=r"key\.mount: nothing is mounted for"):
        envelope_seal("x", _key("nowhere"), vault=connection)


@pytest.mark.parametrize(
    ("fields", "message"), [({"type": "ed25519"}, "is of type ed25519"), ({"derived": True}, "is derived")]
)
def test_a_key_that_cannot_wrap_says_so(
    mount: str, connection: dict[str, str], vault: OpenBao, fields: dict[str, t.Any], message: str
) -> None:
    vault.api.write(f"{mount}/keys/wrong", **fields)
    with pytest.raises(AnsibleFilterError, match=message):
        envelope_seal("x", _key(mount, "wrong"), vault=connection)


def test_no_key_is_in_the_audit_log(mount: str, connection: dict[str, str], vault: OpenBao) -> None:
    record = envelope_seal("x", _key(mount), vault=connection)
    key = vault.api.write(f"{mount}/decrypt/hub", ciphertext=record["encryptedDEK"]).data["plaintext"]
    assert key.encode() not in vault.audit.path.read_bytes()


def test_mb_26_key_that_was_generated_in_a_secret(
    run_module: t.Any, connection: dict[str, str], vault: OpenBao, unique_name: Name, canaries: Canaries
) -> None:
    """Where the application itself holds the master key, Vault may make it and keep it."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    wanted = {"key": "MASTER_ENCRYPTION_KEY", "length": 64, "charset": "hex"}
    args = {**connection, "secrets": [{"mount": mount, "path": "panel", "generate": [wanted]}]}
    run_module("vault_kv_secret", args).ok()
    held = vault.api.read(f"{mount}/data/panel")
    assert held is not None
    master = canaries.record(held["data"]["MASTER_ENCRYPTION_KEY"], "master key")
    key = {"type": "value", "value": master}
    assert envelope_open(envelope_seal("x", key), key) == "x"
    assert not run_module("vault_kv_secret", args).ok().changed
