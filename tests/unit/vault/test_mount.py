# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mounts that others enable at the same time, and the table that all items of a batch share (R22)."""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from plugins.module_utils._core.errors import Overtaken
from plugins.module_utils._core.reconcile import reconcile
from plugins.module_utils._vault.answer import Fields
from plugins.module_utils._vault.errors import NoMount, Rejected
from plugins.module_utils._vault.mount import MOUNTS, MountTable
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.memory import Data, Memory, Reply, refused
from tests.unit.vault.subjects import completed
from tests.unit.vault.test_ladder import NOON, run, sent

DB: t.Final = {"path": "db", "type": "database", "description": "ours"}
IN_USE: t.Final = refused(400, "path is already in use at db/")


class Patient(Memory):
    """A server whose port tries a second time."""

    @property
    def vault(self) -> Vault:
        return Vault(t.cast(t.Any, self), retries=1, sleep=lambda _seconds: None)


def enabled_by_others(memory: Memory, made: Data) -> None:
    """Let others enable something at the very moment when it is asked for."""

    def refuse(_path: str, _body: Data) -> Reply:
        memory._mount("sys/mounts", "db", made)
        return IN_USE

    memory.on("post", "sys/mounts/db", refuse)


def test_r22_what_others_enabled_first_as_declared_is_their_deed() -> None:
    memory = Memory()
    enabled_by_others(memory, DB)
    outcome = run(memory, MOUNTS, DB)
    assert (outcome.error, outcome.changed) == (None, False)


@pytest.mark.parametrize("made", [{**DB, "description": "theirs"}, {**DB, "type": "pki"}], ids=str)
def test_r22_what_others_enabled_first_in_another_way_is_an_error(made: Data) -> None:
    memory = Memory()
    enabled_by_others(memory, made)
    outcome = run(memory, MOUNTS, DB)
    assert isinstance(outcome.error, Overtaken)
    assert not outcome.changed


def test_r22_what_others_enabled_where_ours_was_disabled_is_ours_when_it_is_as_declared() -> None:
    memory = Memory(db="pki")
    enabled_by_others(memory, DB)
    outcome = run(memory, MOUNTS, {**DB, "on_mismatch": "replace"})
    assert (outcome.error, outcome.changed) == (None, True)
    assert [asked[:2] for asked in sent(memory)] == [("delete", "sys/mounts/db"), ("post", "sys/mounts/db")]


def test_what_was_enabled_by_an_attempt_whose_answer_was_lost_is_ours() -> None:
    memory, tries = Patient(), [refused(502, "bad gateway"), IN_USE]

    def enable(_path: str, body: Data) -> Reply:
        memory._mount("sys/mounts", "db", body)
        return tries.pop(0)

    memory.on("post", "sys/mounts/db", enable)
    outcome = run(memory, MOUNTS, DB)
    assert (outcome.error, outcome.changed, tries) == (None, True, [])


def test_any_other_refusal_stays_one() -> None:
    memory = Memory()
    memory.on("post", "sys/mounts/db", lambda _path, _body: refused(400, "plugin not found in the catalog: database"))
    outcome = run(memory, MOUNTS, DB)
    assert isinstance(outcome.error, Rejected) and not isinstance(outcome.error, Overtaken)
    assert "plugin not found" in str(outcome.error)
    assert not outcome.changed


def test_r22_what_others_changed_since_the_first_look_is_not_disabled() -> None:
    memory = Memory(db="pki")
    looks: list[str] = []

    def look(path: str, _body: Data) -> None:
        looks.append(path)
        if len(looks) == 2:
            memory.tables["sys/mounts"]["db/"]["description"] = "theirs"

    memory.on("get", "sys/mounts", look)
    outcome = run(memory, MOUNTS, {**DB, "on_mismatch": "replace"})
    assert outcome.error is not None
    assert sent(memory) == []


def test_what_is_gone_has_no_facts_whatever_the_table_says() -> None:
    memory = Memory(db="pki")
    (mount,) = MOUNTS.batch(memory.vault, completed(MOUNTS.spec, mounts=[DB])).resources
    assert mount.describe(None) == {}
    assert mount.describe(mount.read())["accessor"] == "db_1"


def test_an_engine_and_a_login_method_at_one_path_are_two() -> None:
    memory = Memory()
    items = [{"path": "x", "type": "kv"}, {"path": "x", "type": "approle", "category": "auth"}]
    batch = MOUNTS.batch(memory.vault, completed(MOUNTS.spec, mounts=items))
    outcomes = reconcile(batch, check_mode=False, clock=lambda: NOON)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert [outcome.resource.identity for outcome in outcomes] == ["vault_mount x", "vault_mount auth/x"]
    vault = t.cast(t.Any, batch.resources[0]).vault
    for path in ("x/roles/r", "auth/x/role/r", "auth/y/role/r"):
        vault.miss("it", path, NoMount(path))
    assert [text.partition(":")[0::2] for text in vault.warnings] == [("it", " auth/y/role/r")], "the rest is declared"


# -- the table ---------------------------------------------------------------------------------------------------------


class SlowServer:
    """Answers with a table once it may, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.reading = threading.Event()
        self.may_answer = threading.Event()

    def read_or_nothing(self, _path: str) -> Fields:
        """Answer."""
        self.asked += 1
        self.reading.set()
        assert self.may_answer.wait(5)
        return Fields.of({"a/": {"type": "kv"}}, "the table")


@pytest.mark.parametrize("others", ["entry", "forget"])
def test_the_table_is_fetched_by_one_and_forgotten_for_all(others: str) -> None:
    server = SlowServer()
    table = MountTable(t.cast(t.Any, server))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(table.entry, "secret", "a")
        assert server.reading.wait(5)
        second = pool.submit(table.entry, "secret", "a") if others == "entry" else pool.submit(table.forget)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.1)
        server.may_answer.set()
        assert first.result(5) == {"type": "kv"}
        second.result(5)
    assert table.entry("secret", "b") is None
    assert server.asked == (1 if others == "entry" else 2)
