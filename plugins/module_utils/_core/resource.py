# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Resources: read, plan, apply for one kind of object."""

from __future__ import annotations

import abc
import datetime
import functools
import typing as t
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from .errors import Overtaken, PolicyRefusal
from .free_text import in_the_clear
from .kinds import PUBLIC_TEXTS
from .plan import Action, Change, Plan, Step, plan_state
from .redact import render
from .spec import Options
from .state import State

S = t.TypeVar("S")


class Resource(abc.ABC, t.Generic[S]):
    """One object of the world that can be read, planned and made true.

    ``S`` is the type of its state. A resource reaches the world through a narrow port that its domain defines.
    """

    #: The kind in messages and diffs, for example ``vault_policy``.
    kind: t.ClassVar[str]
    #: The key under which :meth:`describe` appears in a result, for example ``policy``.
    noun: t.ClassVar[str]

    def __init__(self, name: str, desired: S | None) -> None:
        self.name = name
        self.desired = desired

    @property
    def lock_directory(self) -> str | None:
        """A directory of this host in which one run at a time may read and write, if there is such."""
        return None

    @property
    def makes_lock_directory(self) -> bool:
        """Whether that directory is needed where it is missing."""
        return True

    @property
    def workplaces(self) -> t.Sequence[str]:
        """Directories in which each run removes the temporary files of killed ones, whatever else it has to do.

        For those that are not listed to be read; a store that lists its own plans the removal.
        """
        return ()

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        """Files of this host that nothing else in a call may write: the option that names each, and its path."""
        return ()

    @property
    def identity(self) -> str:
        """Kind and address; two resources of a batch must not share it."""
        return f"{self.kind} {self.name}"

    @abc.abstractmethod
    def read(self) -> S | None:
        """Return the current state, or ``None`` only when the object does not exist."""

    @abc.abstractmethod
    def plan(self, current: S | None, now: datetime.datetime) -> Plan:
        """Return what has to happen; pure: no network, no disk, no clock but ``now``."""

    @abc.abstractmethod
    def apply(self, plan: Plan) -> None:
        """Carry out a plan that is not empty; nothing is decided here."""

    def describe(self, current: S | None) -> dict[str, t.Any]:
        """Return public facts about a state for the result; no secret may be among them."""
        return current.shown() if isinstance(current, State) else {}


F = t.TypeVar("F", bound=State)


#: What a declaration allows when a difference cannot be removed in place.
ON_MISMATCH: t.Final[Options] = {"on_mismatch": {"type": "str", "choices": ["fail", "replace"], "default": "fail"}}


class StateResource(Resource[F]):
    """A resource whose plan is the field comparison and whose steps follow from the action."""

    #: Of a kind whose replacement destroys something, the declared value of ``on_mismatch``.
    on_mismatch = "replace"

    def plan(self, current: F | None, now: datetime.datetime) -> Plan:
        plan = self.refine(plan_state(current, self.desired), current)
        exposed = tuple(self._exposed())
        if exposed:
            plan = replace(plan, warnings=(*plan.warnings, *exposed))
        if plan.action is Action.REPLACE and self.on_mismatch == "fail":
            raise PolicyRefusal(
                f"cannot be changed in place: {'; '.join(plan.reasons)}",
                field="on_mismatch",
                remedy="Correct the declaration, or set on_mismatch to replace, which destroys what is there now.",
            )
        return plan.with_steps(self.steps(plan, current)) if plan else plan

    def refine(self, plan: Plan, current: F | None) -> Plan:
        """Amend the comparison by what only this kind of object knows; pure."""
        return plan

    def _exposed(self) -> t.Iterator[str]:
        for name in _public_texts(t.cast("t.Any", type(self.desired))) if self.desired is not None else ():
            texts = getattr(self.desired, name)
            if isinstance(texts, Mapping):
                yield from in_the_clear(texts, name, "Keep it where secrets are kept.")

    @abc.abstractmethod
    def steps(self, plan: Plan, current: F | None) -> t.Iterable[Step]:
        """Return the steps that carry out ``plan``, in order."""


@functools.cache
def _public_texts(kind: type[State]) -> tuple[str, ...]:
    """Return the fields of a state that hold texts which everybody sees."""
    return tuple(name for name, meta in kind.metas().items() if meta.kind is PUBLIC_TEXTS)


Members = tuple[t.Any, ...]


class Composite(Resource[Members]):
    """Members that belong together: planned together, applied in order (deletion in reverse), proved together."""

    def __init__(self, name: str, members: t.Sequence[Resource[t.Any]]) -> None:
        super().__init__(name, None)
        self.members = tuple(members)

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return (entry for member in self.members for entry in member.own_files)

    def read(self) -> Members:
        return tuple(member.read() for member in self.members)

    def plan(self, current: Members | None, now: datetime.datetime) -> Plan:
        states = current if current is not None else (None,) * len(self.members)
        plans = [member.plan(state, now) for member, state in zip(self.members, states)]
        busy = [plan for plan in plans if plan]
        steps = [Step("member", str(at), plan) for at, plan in enumerate(plans) if plan]
        if all(plan.action is Action.DELETE for plan in busy):
            steps.reverse()
        return Plan(
            _joint_action(plans, states),
            self._joint_changes(plans),
            tuple(steps),
            tuple(warning for plan in plans for warning in plan.warnings),
        )

    def _joint_changes(self, plans: t.Sequence[Plan]) -> tuple[Change, ...]:
        """Return all changes; a path that several members have is told apart by the member's noun, else its name."""
        shared = Counter(path for plan in plans for path in {change.path for change in plan.changes})
        nouns = Counter(member.noun for member in self.members)
        changes = []
        for member, plan in zip(self.members, plans):
            label = member.noun if nouns[member.noun] == 1 else member.name
            for change in plan.changes:
                path = change.path if shared[change.path] == 1 else f"{label}.{change.path}"
                changes.append(replace(change, path=path))
        return tuple(changes)

    def apply(self, plan: Plan) -> None:
        first: Overtaken | None = None
        wrote = False
        for step in plan.steps:
            try:
                self.members[int(step.target)].apply(step.body)
                wrote = True
            except Overtaken as error:
                first = first or error
        if first is not None and not wrote:
            raise first

    def describe(self, current: Members | None) -> dict[str, t.Any]:
        facts: dict[str, t.Any] = {}
        for member, state in zip(self.members, current or ()):
            facts.update(member.describe(state))
        rendered: dict[str, t.Any] = render(facts)
        return rendered


def _joint_action(plans: t.Sequence[Plan], states: Members) -> Action:
    """Name the action of a whole: what its members share, else ``replace`` if any does, else ``update``.

    A member that is absent and stays so does not count in a deletion: deleting the rest deletes the whole.
    """
    actions = {plan.action for plan in plans}
    if len(actions) == 1:
        return actions.pop()
    if all(plan.action is Action.DELETE or (not plan and state is None) for plan, state in zip(plans, states)):
        return Action.DELETE
    return Action.REPLACE if Action.REPLACE in actions else Action.UPDATE
