# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked about the mount of an engine, how often, and what a life beyond it comes to (C4)."""

from __future__ import annotations

import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault.errors import NotVault, UnknownParameter
from plugins.module_utils._vault.pki_mount import PkiMount
from plugins.module_utils._vault.pki_parent import Parent
from plugins.module_utils._vault.pki_role import PKI_ROLES
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault.test_ladder import run, sent
from tests.unit.vault_pki.engine import Engine, root

TUNE: t.Final = "sys/mounts/pki/tune"
DENIED: t.Final = refused(403, "1 error occurred: permission denied")


def tuned(memory: Memory, longest: int, usual: int = 0) -> None:
    """Let the mount be tuned so."""
    memory.on("get", TUNE, lambda _p, _b: found({"max_lease_ttl": longest, "default_lease_ttl": usual}))


@pytest.fixture
def memory() -> Memory:
    """A server with one engine."""
    return Memory(pki="pki")


@pytest.mark.parametrize(
    ("longest", "usual", "told"), [(100, 10, (100, 10)), (0, 10, (None, 10)), (100, 0, (100, None))]
)
def test_nothing_is_no_bound_and_either_question_looks_it_up(
    memory: Memory, longest: int, usual: int, told: tuple[int | None, int | None]
) -> None:
    tuned(memory, longest, usual)
    assert PkiMount(memory.vault, "pki").ceiling == told[0]
    mount = PkiMount(memory.vault, "pki")
    assert (mount.usual, mount.ceiling, mount.usual) == (told[1], *told)
    assert [path for _method, path, _body in memory.asked] == [TUNE, TUNE], "each mount once"


def test_where_the_tuning_may_not_be_read_what_everybody_may_read_counts(memory: Memory) -> None:
    memory.on("get", TUNE, lambda _path, _body: DENIED)
    memory.tables["sys/mounts"]["pki/"]["config"].update(max_lease_ttl=60, default_lease_ttl=6)
    mount = PkiMount(memory.vault, "pki")
    assert (mount.ceiling, mount.usual) == (60, 6)
    memory.on("get", "sys/internal/ui/mounts/pki", lambda _path, _body: DENIED)
    assert (PkiMount(memory.vault, "pki").ceiling, PkiMount(memory.vault, "pki").usual) == (None, None)


def test_an_answer_with_another_text_is_not_that_of_a_server(memory: Memory) -> None:
    memory.on("get", TUNE, lambda _p, _b: found({"description": 5, "max_lease_ttl": 60}))
    with pytest.raises(NotVault, match="description"):
        PkiMount(memory.vault, "pki").learn()


@pytest.mark.parametrize("question", ["learn", "revocation_rules"])
def test_many_items_ask_once(memory: Memory, question: str) -> None:
    def slowly(_path: str, _body: Data) -> Reply:
        time.sleep(0.05)
        return found({"max_lease_ttl": 60, "expiry": "72h"})

    memory.on("get", "(sys/mounts/pki/tune|pki/config/crl)", slowly)
    mount, ready = PkiMount(memory.vault, "pki"), threading.Barrier(3)

    def ask() -> object:
        ready.wait(5)
        return getattr(mount, question)()

    with ThreadPoolExecutor(3) as pool:
        answers = [task.result(5) for task in [pool.submit(ask) for _at in range(3)]]
    assert answers[0] == answers[1] == answers[2]
    assert len(memory.asked) == 1


def test_rules_that_may_not_be_read_are_none_and_asked_for_once(memory: Memory) -> None:
    memory.on("get", "pki/config/crl", lambda _path, _body: DENIED)
    mount = PkiMount(memory.vault, "pki")
    assert (mount.revocation_rules(), mount.revocation_rules()) == ({}, {})
    assert len(memory.asked) == 1


def test_fields_that_an_endpoint_knows_one_and_all_are_no_error(memory: Memory) -> None:
    mount = PkiMount(memory.vault, "pki")
    shown = set(memory._new("pki/roles/r"))
    mount.require_fields("pki/roles/r", shown)
    assert len(memory.asked) == 1
    mount.require_fields("pki/roles/r", frozenset())
    assert len(memory.asked) == 1, "nothing is asked for nothing"
    with pytest.raises(UnknownParameter) as refusal:
        mount.require_fields("pki/roles/r", {*shown, "new", "brand_new"})
    assert refusal.value.field == "brand_new, new"
    assert refusal.value.remedy is not None


# -- roles -------------------------------------------------------------------------------------------------------------


def test_a_life_beyond_the_mount_is_refused_when_it_is_written_unless_the_mount_was_raised(memory: Memory) -> None:
    tuned(memory, 60)
    item = {"mount": "pki", "name": "web", "max_ttl": "2m"}
    foretold = run(memory, PKI_ROLES, item, check=True)
    assert foretold.error is None and foretold.changed
    assert [text for text in foretold.plan.warnings if text.startswith("max_ttl: 2m is longer than the mount pki")]
    refusal = run(memory, PKI_ROLES, item)
    assert isinstance(refusal.error, InvalidInput) and refusal.error.field == "max_ttl"
    assert sent(memory) == []
    looks: list[int] = []

    def raised(_path: str, _body: Data) -> Reply:
        looks.append(1)
        return found({"max_lease_ttl": 60 * len(looks)})

    memory.on("get", TUNE, raised)
    made = run(memory, PKI_ROLES, item)
    assert (made.error, made.changed, len(looks)) == (None, True, 2)


@pytest.mark.parametrize(("item", "asked"), [({}, False), ({"ttl": 0}, False), ({"ttl": 60}, True)], ids=str)
def test_the_mount_is_looked_at_where_a_life_is_declared(memory: Memory, item: Data, asked: bool) -> None:
    run(memory, PKI_ROLES, {"mount": "pki", "name": "web", **item}, check=True)
    assert (TUNE in [path for _method, path, _body in memory.asked]) is asked


def test_a_field_that_the_server_lacks_is_refused_and_is_no_fact(memory: Memory) -> None:
    refusal = run(memory, PKI_ROLES, {"mount": "pki", "name": "web", "no_store_metadata": True})
    assert isinstance(refusal.error, UnknownParameter) and refusal.error.field == "no_store_metadata"
    assert sent(memory) == []
    made = run(memory, PKI_ROLES, {"mount": "pki", "name": "web", "no_store_metadata": False, "ttl": 5})
    assert made.error is None
    assert (made.facts["ttl"], made.facts["max_ttl"]) == (5, 0), "what nobody declared is a fact as well"
    assert "serial_number_source" not in made.facts


# -- parents -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize(
    ("fields", "cuts"), [(["ttl"], False), (["ttl", "enforce_leaf_not_after_behavior"], True), ([], True)], ids=str
)
@pytest.mark.parametrize("denied", [False, True])
def test_whether_a_server_cuts_a_life_is_asked_where_it_grants_it(
    granted: bool, fields: list[str], cuts: bool, denied: bool
) -> None:
    engine = Engine()
    engine.add("r", "root", root())
    helped: list[str] = []

    def explain(path: str) -> Reply:
        helped.append(path)
        properties: Data = {name: {} for name in fields}
        return 200, {"openapi": {"components": {"schemas": {"Any": {"properties": properties}}}}}

    engine.memory._help = explain  # type: ignore[method-assign]
    if denied:
        engine.memory.on("get", "pki/issuer/root", lambda _path, _body: DENIED)
    vault = engine.memory.vault
    parent = Parent.read(vault, "pki/issuer/root").looked_at(vault, "pki/issuer/root", granted=granted)
    assert helped == (["pki/issuer/root/sign-intermediate"] if granted else [])
    assert parent.cuts is (cuts or not granted)
    assert parent.kept == ({} if denied else engine.issuers["r"])
    assert parent.certificate == root().certificate
