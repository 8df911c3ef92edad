# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J3: what nobody declared is told of custody, and is removed from it where that is asked for and from nowhere else."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal, TrustmeshError, Unlisted
from plugins.module_utils._core.locks import hold
from plugins.module_utils._core.reconcile import Outcome, reconcile
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.remainder import whole_batch
from plugins.module_utils._keyring.resource import Terms
from plugins.module_utils._keyring.rotation import Rotation

from .ring import Ring, Word

EVERYBODY = ("hub", "dfsp-1", "dfsp-2", "dfsp-3")


class MarkedWord(Word):
    """A word whose records are told from those of others."""

    marks = frozenset({"letters"})


class Task:
    """A task that declares some of the owners."""

    def __init__(self, ring: Ring, *names: str, prune: bool = True, limit: int = 10, **more: t.Any) -> None:
        keyring = ring.keyring()
        entries = [{"name": name, "state": "present"} for name in names]
        params = {"words": entries, "prune_custody": prune, "prune_custody_limit": limit, **more}
        terms = Terms(Rotation.declared({}))
        keys = [MarkedWord(name, keyring, terms) for name in names]
        self.ring = ring
        self.warnings: list[str] = []
        self.batch = whole_batch(
            params,
            keyring,
            keys,
            lambda name: MarkedWord(name, keyring, None),
            owners="words",
            workers=1,
            warnings=self.warnings,
        )

    @property
    def undeclared(self) -> t.Any:
        return self.batch.returned["undeclared"]

    def run(self, *, check: bool = False) -> dict[str, Outcome]:
        outcomes = reconcile(self.batch, check_mode=check, clock=lambda: self.ring.clock)
        assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
        return {outcome.resource.name: outcome for outcome in outcomes}


@pytest.fixture
def ring(tmp_path: pathlib.Path) -> Ring:
    """Everybody has a word."""
    made = Ring(tmp_path, EVERYBODY, MarkedWord)
    made.run()
    return made


def _owners(ring: Ring) -> list[str]:
    return ring.keyring().custody.names()


def test_j3_nothing_is_removed_unasked(ring: Ring) -> None:
    task = Task(ring, "hub", "dfsp-1", prune=False)
    assert task.undeclared == ["dfsp-2", "dfsp-3"]
    assert [outcome.action.value for outcome in task.run().values()] == ["none", "none"]
    assert _owners(ring) == sorted(EVERYBODY)


def test_j3_who_is_not_declared_loses_public_and_secret_parts(ring: Ring) -> None:
    foretold = Task(ring, "hub", "dfsp-1").run(check=True)
    assert _owners(ring) == sorted(EVERYBODY)
    done = Task(ring, "hub", "dfsp-1").run()
    shown = [{name: (each.action, each.plan.diff(name)) for name, each in run.items()} for run in (foretold, done)]
    assert shown[0] == shown[1], "check mode says what is done"
    assert [each.action.value for each in done.values()] == ["none", "none", "delete", "delete"]
    assert done["dfsp-3"].plan.reasons[0] == "dfsp-3 is in custody and not declared"
    assert _owners(ring) == ["dfsp-1", "hub"]
    assert [ring.trusted(name) is None for name in EVERYBODY] == [False, False, True, True]
    assert not list((ring.base / "keys").glob("dfsp-[23]*"))
    again = Task(ring, "hub", "dfsp-1")
    assert again.undeclared == []
    assert [each.action.value for each in again.run().values()] == ["none", "none"]


def test_j3_a_declaration_of_nobody_is_refused(ring: Ring) -> None:
    with pytest.raises(InvalidInput, match="no owner is declared present"):
        Task(ring)
    assert Task(ring, prune=False).undeclared == sorted(EVERYBODY)


def test_j3_more_than_the_limit_is_refused_whole(ring: Ring) -> None:
    with pytest.raises(PolicyRefusal, match=r"more than 1 owners in .* are not declared, such as dfsp-2, dfsp-3"):
        Task(ring, "hub", "dfsp-1", limit=1)
    assert len(Task(ring, "hub", "dfsp-1", limit=2).run()) == 4


def test_j3_names_of_places_are_declared_too(ring: Ring) -> None:
    places = [{"keep": ["dfsp-1"]}, {"audiences": ["dfsp-2"]}, {"keep": None}]
    assert Task(ring, "hub", publish=places).undeclared == ["dfsp-3"]


@pytest.mark.parametrize(
    "document",
    [
        {"text": "theirs"},
        {"format": 1, "created": "2026-01-01T00:00:00Z", "private_key": "of another module", "kid": "x"},
        {"format": 2, "created": "2026-01-01T00:00:00Z", "private_key": "of a later version", "letters": 3},
        {"format": 1, "created": "some day", "private_key": "damaged", "letters": 3},
    ],
)
def test_j3_what_others_made_is_left_alone(ring: Ring, document: dict[str, t.Any]) -> None:
    record = ring.base / "keys" / ".trustmesh-word" / "dfsp-3" / "current" / "record.json"
    record.write_text(json.dumps(document))
    task = Task(ring, "hub", "dfsp-1", "dfsp-2")
    assert task.undeclared == ["dfsp-3"]
    assert task.warnings == [f"{record} is not a record as this module makes them, and is left alone"]
    task.run()
    assert json.loads(record.read_text()) == document


def test_j3_what_a_holder_has_needs_the_holder(ring: Ring) -> None:
    record = ring.base / "keys" / ".trustmesh-word" / "dfsp-3" / "current" / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "handle": "dfsp-3-00"}))
    with pytest.raises(PolicyRefusal, match="private key of dfsp-3, who is not declared, is with a holder"):
        Task(ring, "hub")


def test_j3_removal_waits_for_its_turn(ring: Ring) -> None:
    task = Task(ring, "hub", "dfsp-1", "dfsp-2")
    store = str(ring.base / "keys" / ".trustmesh-word")
    assert {resource.lock_directory for resource in task.batch.resources} == {store}
    # Another task declares the owner between listing and lock: what it made since is judged as it is then.
    with hold([store], make=False):
        ring.keyring().custody.remove(["dfsp-3"])
    assert task.run()["dfsp-3"].action.value in ("none", "delete")
    assert "dfsp-3" not in _owners(ring)


@pytest.mark.parametrize("prune", [False, True])
def test_j3_an_unreadable_custody_is_an_error(ring: Ring, prune: bool) -> None:
    store = ring.base / "keys" / ".trustmesh-word"
    store.rename(ring.base / "aside")
    store.write_text("a file")
    with pytest.raises(TrustmeshError, match="not a directory"):
        Task(ring, "hub", prune=prune)


def test_j3_a_right_that_was_not_given_is_an_error_for_pruning_alone(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FileCustody, besides: object = ()) -> list[str]:
        raise Unlisted("permission denied")

    monkeypatch.setattr(FileCustody, "names", refuse)
    assert Task(ring, "hub", prune=False).undeclared is None
    with pytest.raises(Unlisted, match="permission denied"):
        Task(ring, "hub")
