# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of a transit engine: how old is too old, what is a version, and what is not opened."""

from __future__ import annotations

import base64
import datetime
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.reconcile import Batch, reconcile
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._vault.errors import NotVault, Rejected, ServerFault, VaultError
from plugins.module_utils._vault.port import Vault
from plugins.module_utils._vault.transit import TransitKey, _Versions, transit_opener
from plugins.module_utils._vault.transit_holder import TransitHolder
from plugins.module_utils._vault.transit_key import TRANSIT_KEYS, Rotation, TransitKeyResource, TransitKeyState
from plugins.modules import vault_transit_key
from tests.unit.vault.memory import Data, Memory, Reply, found
from tests.unit.vault.subjects import NOON, completed
from tests.unit.vault.test_ladder import run, sent

SECOND: t.Final = datetime.timedelta(seconds=1)
HOUR: t.Final = datetime.timedelta(hours=1)
ROTATION: t.Final[Data] = {"max_age": None, "not_before": None}


def declared(memory: Memory, **item: t.Any) -> TransitKeyResource:
    params = completed(vault_transit_key.SPEC, keys=[{"name": "k", "type": "aes256-gcm96", "mount": "transit", **item}])
    return TransitKeyResource.declared(memory.vault, params["keys"][0])


def state(age: datetime.timedelta, version: int = 3) -> TransitKeyState:
    made_at = (NOON - age).isoformat()
    return TransitKeyState.of(
        {"type": "aes256-gcm96", "latest_version": version, "keys": {str(version): {"creation_time": made_at}}}
    )


# -- age ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["soon", "-1h", "1x", ""])
@pytest.mark.parametrize("field", ["max_age", "not_before"])
def test_an_age_that_cannot_be_read_is_named(field: str, given: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Rotation.declared({**ROTATION, field: given})
    assert refusal.value.field == field


@pytest.mark.parametrize(("given", "seconds"), [("1h", 3600), ("60m", 3600), ("3601s", 3601), ("3599s", None)])
def test_the_least_age_is_an_hour(given: str, seconds: int | None) -> None:
    if seconds is not None:
        assert Rotation.declared({**ROTATION, "max_age": given}) == Rotation(seconds)
        return
    with pytest.raises(InvalidInput, match="3599s is less than an hour") as refusal:
        Rotation.declared({**ROTATION, "max_age": given})
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("max_age", True)


@pytest.mark.parametrize(("age", "due"), [(23 * HOUR, False), (24 * HOUR - SECOND, False), (24 * HOUR, True)])
def test_a_version_is_due_at_its_age(age: datetime.timedelta, due: bool) -> None:
    why = Rotation(24 * 3600).due(state(age), NOON)
    assert why == ("version 3 is 1d old, declared 1d" if due else None)


@pytest.mark.parametrize(
    ("not_before", "due"),
    [(-2 * HOUR, False), (-HOUR, False), (-HOUR + SECOND, True), (0 * HOUR, True), (SECOND, False)],
)
def test_a_version_is_due_after_an_instant_that_has_come(not_before: datetime.timedelta, due: bool) -> None:
    why = Rotation(None, NOON + not_before).due(state(HOUR), NOON)
    assert (why is not None) is due
    assert why is None or why.startswith("version 3 was made before 2026-01-01T")


@pytest.mark.parametrize(
    ("rotation", "ahead", "told"),
    [
        (Rotation(7200), HOUR, False),
        (Rotation(7200), HOUR + SECOND, True),
        (Rotation(None, NOON), HOUR + SECOND, True),
        (Rotation(None, NOON), HOUR, False),
        (Rotation(), 99 * HOUR, False),
    ],
)
def test_kind_3_a_version_of_tomorrow_is_an_error_where_its_age_counts(
    rotation: Rotation, ahead: datetime.timedelta, told: bool
) -> None:
    if not told:
        assert rotation.due(state(-ahead), NOON) is None
        return
    with pytest.raises(VaultError, match="which is still to come here") as caught:
        rotation.due(state(-ahead), NOON)
    assert (caught.value.field, bool(caught.value.remedy)) == ("clock", True)


def test_a_new_version_is_foreseen_by_its_number() -> None:
    plan = declared(Memory(transit="transit"), max_age="1h").plan(state(2 * HOUR), NOON)
    change = plan.changes[0]
    assert (change.path, change.before, change.after) == ("latest_version", 3, 4)
    assert change.reason == "version 3 is 2h old, declared 1h"
    assert (plan.steps[0].verb, plan.steps[0].target, plan.steps[0].body) == ("rotate", "transit/keys/k/rotate", 3)


def test_a_key_is_called_by_its_place() -> None:
    assert declared(Memory(), mount="transit/team").identity == "vault_transit_key transit/team/keys/k"


@pytest.mark.parametrize(
    ("item", "possible"),
    [
        ({"convergent_encryption": True, "derived": True}, True),
        ({"convergent_encryption": False, "derived": False}, True),
        ({"convergent_encryption": False}, True),
        ({"derived": False}, True),
        ({"convergent_encryption": True, "derived": False}, False),
        ({"convergent_encryption": True}, False),
    ],
)
def test_kind_10_convergent_encryption_needs_a_derived_key(item: Data, possible: bool) -> None:
    if possible:
        declared(Memory(), **item)
        return
    with pytest.raises(InvalidInput) as refusal:
        declared(Memory(), **item)
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("convergent_encryption", True)


# -- wrapping ----------------------------------------------------------------------------------------------------------


def key(**about: t.Any) -> tuple[TransitKey, Memory]:
    memory = Memory(transit="transit")
    memory.objects["transit/keys/master"] = {"type": "aes256-gcm96", "latest_version": 1, **about}
    return TransitKey(memory.vault, "transit", "master"), memory


@pytest.mark.parametrize("latest", [0, -1])
def test_r17_a_key_without_a_version_is_not_vaults(latest: int) -> None:
    held, _memory = key(latest_version=latest)
    with pytest.raises(NotVault, match="latest_version is not the number of a version"):
        held.check()
    key()[0].check()


@pytest.mark.parametrize("least", [None, 0, 1])
def test_the_first_version_is_current_where_no_other_is_the_oldest(least: int | None) -> None:
    held, _memory = key(**({} if least is None else {"min_decryption_version": least}))
    assert _Versions(held).is_current(["vault:v1:AAAA", "vault:v2:AAAA", "sealed:v1:AAAA"]) == [True, None, None]


@pytest.mark.parametrize("plaintext", ["!!!", "YWI=*", "YW\nI=", "YWI", 5, None, ["YWI="]])
def test_r17_what_is_not_base64_is_no_data_key(plaintext: t.Any) -> None:
    held, memory = key()
    answer: Reply = found({"batch_results": [{"plaintext": plaintext}, {"plaintext": "YWI="}]})
    memory.on("post", "transit/decrypt/master", lambda _path, _body: answer)
    assert held.unwrap(["vault:v1:AAAA", "vault:v1:BBBB"]) == [None, b"ab"]


@pytest.mark.parametrize(("mount", "place"), [(None, "transit/keys/master"), ("team/t", "team/t/keys/master")])
def test_an_opener_looks_at_the_key_that_is_declared(mount: str | None, place: str) -> None:
    memory = Memory(transit="transit", team="transit")
    vault = memory.vault
    connections: list[Vault] = []

    def connect() -> Vault:
        connections.append(vault)
        return vault

    opener = transit_opener(connect)
    assert connections == []
    with pytest.raises(InvalidInput, match=f"there is no key {place}"):
        opener({"mount": mount, "name": "master"}, t.cast(Form, None))
    memory.objects[place] = {"type": "aes256-gcm96", "latest_version": 1}
    opened = opener({"mount": mount, "name": "master"}, t.cast(Form, None))
    assert (opened.identity, connections) == (place, [vault, vault])


# -- signing -----------------------------------------------------------------------------------------------------------


def test_a_signing_key_whose_answer_was_lost_is_not_made_twice() -> None:
    memory = Memory(transit="transit")
    tried = memory.lose("post", "transit/keys/.*")
    vault = memory.vault
    vault._retries = 3
    with pytest.raises(ServerFault):
        TransitHolder(vault, "transit").generate("fsp", "ES256", 256)
    assert len(tried) == 1


@pytest.mark.parametrize("encoded", ["c2ln-_==", "c2ln", "c2lnYQ"])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_r17_a_signature_is_in_the_alphabet_that_was_asked_for(algorithm: str, encoded: str) -> None:
    memory = Memory(transit="transit")
    memory.on("post", "transit/sign/.*", lambda _path, _body: found({"signature": f"vault:v1:{encoded}"}))
    holder = TransitHolder(memory.vault, "transit")
    ours = {"c2ln": True, "c2lnYQ": algorithm == "ES256", "c2ln-_==": False}[encoded]
    if ours:
        padded = encoded + "=" * (-len(encoded) % 4)
        assert holder.sign("k", b"x", algorithm) == base64.b64decode(padded)
        return
    with pytest.raises(Rejected, match="answered with something else than a signature"):
        holder.sign("k", b"x", algorithm)


# -- others ------------------------------------------------------------------------------------------------------------


def _made_by_others(memory: Memory, answers: list[Reply]) -> None:
    """Let a creation find the key that others have made, and be answered so."""

    def made(path: str, body: Data) -> Reply:
        if path not in memory.objects:
            memory._object("post", path, body, "transit")
        return answers.pop(0)

    memory.on("post", "transit/keys/k", made)


EXISTED: t.Final[Reply] = (200, {"warnings": ["key k already existed"]})
LOST: t.Final[Reply] = (502, {"errors": ["broken"]})


@pytest.mark.parametrize(("answers", "changed"), [([EXISTED], False), ([LOST, EXISTED], True), ([(204, {})], True)])
def test_r22_a_key_that_others_made_meanwhile_is_not_called_ours(answers: list[Reply], changed: bool) -> None:
    """An attempt whose answer was lost may have made it."""
    memory = Memory(transit="transit")
    _made_by_others(memory, list(answers))
    vault = memory.vault
    vault._retries = 1
    item = completed(vault_transit_key.SPEC, keys=[{"name": "k", "type": "aes256-gcm96", "mount": "transit"}])["keys"][
        0
    ]
    batch = Batch([TransitKeyResource.declared(vault, item)], warnings=vault.warnings)
    (outcome,) = reconcile(batch, check_mode=False, clock=lambda: NOON)
    assert (outcome.error, outcome.changed) == (None, changed)
    assert vault.warnings == [], "it is as declared"


def test_r22_what_is_configured_beside_a_key_of_others_is_ours() -> None:
    memory = Memory(transit="transit")
    _made_by_others(memory, [EXISTED])
    outcome = run(memory, TRANSIT_KEYS, {"name": "k", "type": "aes256-gcm96", "min_encryption_version": 1})
    assert (outcome.error, outcome.changed) == (None, True)


def test_a_rotation_whose_answer_was_lost_is_not_repeated() -> None:
    memory = Memory(transit="transit")
    memory.objects["transit/keys/k"] = {"type": "aes256-gcm96", "latest_version": 1, "keys": {"1": 1700000000}}
    tried: list[int] = []

    def lost(_path: str, _body: Data) -> Reply:
        tried.append(1)
        return LOST

    memory.on("post", "transit/keys/k/rotate", lost)
    resource = declared(memory, max_age="1h")
    resource.vault._retries = 3
    with pytest.raises(ServerFault):
        resource.apply(resource.plan(resource.read(), NOON))
    assert len(tried) == 1


@pytest.mark.parametrize("allowed", [True, False])
def test_a_key_is_given_up_only_after_that_was_allowed(allowed: bool) -> None:
    memory = Memory(transit="transit")
    held = {"type": "aes128-gcm96", "latest_version": 1, "keys": {"1": 1700000000}, "deletion_allowed": allowed}
    memory.objects["transit/keys/k"] = held
    outcome = run(memory, TRANSIT_KEYS, {"name": "k", "type": "aes256-gcm96", "on_mismatch": "replace"})
    assert (outcome.error, outcome.changed) == (None, True)
    steps = [] if allowed else [("post", "transit/keys/k/config", {"deletion_allowed": True})]
    assert sent(memory) == [
        *steps,
        ("delete", "transit/keys/k", {}),
        ("post", "transit/keys/k", {"type": "aes256-gcm96"}),
    ]
