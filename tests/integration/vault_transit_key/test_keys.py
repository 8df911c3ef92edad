# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_transit_key against a real server: the ladder, rotation by condition, and what cannot be taken back."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.docs_policies.returned import differences
from tests.integration.ladder import Ladder
from tests.rigs.openbao import OpenBao

Module = Callable[..., t.Any]
Name = Callable[[str], str]

# As the module's documentation states it.
POLICY = """
path "{mount}/keys/hub" {{ capabilities = ["read", "update", "delete"] }}
path "{mount}/keys/hub/config" {{ capabilities = ["update"] }}
path "{mount}/keys/hub/rotate" {{ capabilities = ["update"] }}
"""


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """A transit engine."""
    path = unique_name("transit")
    vault.api.write(f"sys/mounts/{path}", type="transit")
    return path


def _soon() -> str:
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).isoformat()


def test_ladder(ladder: Ladder, vault: OpenBao, mount: str) -> None:
    item = {"name": "hub", "mount": mount, "type": "aes256-gcm96", "deletion_allowed": True}
    keys = [item, {**item, "name": "panel", "auto_rotate_period": "30d", "exportable": False, "max_age": "90d"}]
    rungs = ladder.climb(
        "vault_transit_key",
        {"keys": keys},
        tamper=lambda: vault.api.write(f"{mount}/keys/hub/config", deletion_allowed=False),
        absent={"keys": [{**entry, "state": "absent"} for entry in keys]},
    )
    assert differences("vault_transit_key", rungs["create"].result.result) == []
    assert [record.path for record in rungs["mend"].writes] == [f"{mount}/keys/hub/config"]
    assert rungs["mend"].items[0]["reasons"] == ["deletion_allowed is false, declared true"]
    shown = rungs["again"].items[1]["key"]
    assert (shown["type"], shown["exportable"], shown["latest_version"]) == ("aes256-gcm96", False, 1)
    assert shown["auto_rotate_period"] == 30 * 24 * 3600
    assert len(rungs["again"].reads) == 2


@pytest.mark.parametrize("kind", ["aes128-gcm96", "chacha20-poly1305", "ed25519", "ecdsa-p256", "rsa-2048"])
def test_ts_09_every_kind(
    run_module: Module, connection: dict[str, str], mount: str, kind: str, vault: OpenBao
) -> None:
    args = {**connection, "keys": [{"name": "k", "mount": mount, "type": kind}]}
    key = run_module("vault_transit_key", args).ok().result["results"][0]["key"]
    assert key["made_at"] is not None
    assert ("public_key" in key) == (kind in ("ed25519", "ecdsa-p256", "rsa-2048"))
    assert not run_module("vault_transit_key", args).ok().changed
    export = vault.api.request("GET", f"{mount}/export/encryption-key/k")
    assert export.status >= 400, "not exportable unless declared"


def test_ts_09_rotation_is_a_condition(
    run_module: Module, connection: dict[str, str], mount: str, vault: OpenBao
) -> None:
    item = {"name": "hub", "mount": mount, "type": "aes256-gcm96", "max_age": "90d"}
    run_module("vault_transit_key", {**connection, "keys": [item]}).ok()
    now = datetime.datetime.now(datetime.timezone.utc)
    # Versions count whole seconds; a moment that is later than the version, and has come, is there a second later.
    moment = (now + datetime.timedelta(seconds=1)).replace(microsecond=0).isoformat()
    vault.wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) > now + datetime.timedelta(seconds=2))
    due = {**connection, "keys": [{**item, "not_before": moment}]}
    foretold = run_module("vault_transit_key", due, check=True).ok()
    done = run_module("vault_transit_key", due).ok()
    assert foretold.result["results"][0]["reasons"] == done.result["results"][0]["reasons"]
    assert "version 1 was made before" in done.result["results"][0]["reasons"][0]
    assert done.result["results"][0]["key"]["latest_version"] == 2
    assert not run_module("vault_transit_key", due).ok().changed
    later = {**connection, "keys": [{**item, "not_before": _soon()}]}
    assert not run_module("vault_transit_key", later).ok().changed, "its time has not come"
    retired = {**connection, "keys": [{**item, "min_decryption_version": 2}]}
    assert run_module("vault_transit_key", retired).ok().result["results"][0]["key"]["min_decryption_version"] == 2


def test_deletion_wants_a_word(run_module: Module, connection: dict[str, str], mount: str, vault: OpenBao) -> None:
    vault.api.write(f"{mount}/keys/hub")
    gone = {"name": "hub", "mount": mount, "state": "absent"}
    refused = run_module("vault_transit_key", {**connection, "keys": [gone]})
    assert "deletion_allowed: everything that this key wrapped would be lost with it" in refused.msg
    assert vault.api.read(f"{mount}/keys/hub")
    assert run_module("vault_transit_key", {**connection, "keys": [{**gone, "deletion_allowed": True}]}).ok().changed
    assert vault.api.read(f"{mount}/keys/hub") is None


def test_what_was_allowed_once_cannot_be_taken_back(
    run_module: Module, connection: dict[str, str], mount: str, vault: OpenBao
) -> None:
    item = {"name": "hub", "mount": mount, "type": "aes256-gcm96", "exportable": True}
    run_module("vault_transit_key", {**connection, "keys": [item]}).ok()
    inside = {**item, "exportable": False}
    refused = run_module("vault_transit_key", {**connection, "keys": [inside]})
    assert "on_mismatch: cannot be changed in place: exportable is true, declared false" in refused.msg
    done = run_module("vault_transit_key", {**connection, "keys": [{**inside, "on_mismatch": "replace"}]}).ok()
    assert done.result["results"][0]["action"] == "replace"
    assert done.result["results"][0]["key"]["exportable"] is False


def test_documented_policy_is_enough(run_module: Module, connection: dict[str, str], mount: str, token: t.Any) -> None:
    limited = {**connection, "token": token(rules=POLICY.format(mount=mount)), "mount": mount}
    item = {"name": "hub", "type": "aes256-gcm96"}
    for change in ({}, {"deletion_allowed": True}, {"state": "absent", "deletion_allowed": True}):
        assert run_module("vault_transit_key", {**limited, "keys": [{**item, **change}]}).ok().changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_age": "soon"}, "max_age: 'soon' is not a duration"),
        ({"max_age": "5m"}, "max_age: 5m is less than an hour"),
        ({"not_before": "tomorrow"}, "not_before: 'tomorrow' is not an instant"),
        ({"not_before": "2026-01-31"}, "not_before: '2026-01-31' names no offset from UTC"),
        ({"convergent_encryption": True}, "convergent_encryption: needs derived"),
    ],
)
def test_wrong_declaration_says_so(
    run_module: Module, connection: dict[str, str], mount: str, change: dict[str, t.Any], message: str
) -> None:
    item = {"name": "hub", "mount": mount, "type": "aes256-gcm96", **change}
    done = run_module("vault_transit_key", {**connection, "keys": [item]})
    assert done.failed
    assert message in done.msg
