# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A place that is to hold nothing but what is declared: what goes, and what stays."""

from __future__ import annotations

import typing as t

from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._keyring.resource import PublishedSet
from tests.unit.keyring.memory import World


def _set(mesh: World, declared: t.Sequence[str], place: int) -> Outcome:
    ring = mesh.keyring()
    batch = Batch([PublishedSet(ring, ring.targets[place], declared)], transaction=ring)
    (outcome,) = reconcile(batch, check_mode=False, clock=lambda: mesh.clock)
    return outcome


def _told(outcome: Outcome) -> list[tuple[t.Any, ...]]:
    return [(change.path, change.before, change.after, change.reason) for change in outcome.plan.changes]


def test_a_place_keeps_nothing_of_those_who_are_not_declared_or_kept() -> None:
    mesh = World()
    texts = {"a": "1", "b": "2", "kept": "3", "z": "4"}
    mesh.near.texts.update(texts)
    mesh.far.texts.update(texts)
    near = _set(mesh, ["a", "b"], 0)
    assert (near.plan.action, _told(near)) == (
        Action.UPDATE,
        [(name, "published", None, f"near has {name}, who is not declared") for name in ("kept", "z")],
    )
    far = _set(mesh, ["a", "b"], 1)
    assert [name for name, *_rest in _told(far)] == ["b", "z"], "what is of b is not for this place"
    assert (mesh.near.texts.keys(), mesh.far.texts.keys()) == ({"a", "b"}, {"a", "kept"})
    assert [(step.verb, step.target) for step in far.plan.steps] == [("withdraw", "far")]
    assert not _set(mesh, ["a", "b"], 1).changed
