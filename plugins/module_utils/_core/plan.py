# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Plans: the difference between two states, with reasons, before anything is done about it."""

from __future__ import annotations

import enum
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .redact import Secret, render
from .state import Meta, S, State

ABSENT = "does not exist"
UNWANTED = "exists but is declared absent"


class Action(str, enum.Enum):
    """What a plan would do to the object as a whole."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """One difference: where, from what, to what, and the sentence that says why."""

    path: str
    before: t.Any
    after: t.Any
    reason: str


@dataclass(frozen=True)
class Step:
    """One step of a plan, in data: a verb of the port, its target and its body."""

    verb: str
    target: str
    body: t.Any = None
    #: It makes something new each time, so the port must not repeat it when it cannot tell whether it happened.
    once: bool = False


@dataclass(frozen=True)
class Plan:
    """What has to happen to one object; false when nothing has to."""

    action: Action = Action.NONE
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.action is not Action.NONE

    @property
    def reasons(self) -> list[str]:
        """The sentences of all changes, each once, in order."""
        return list(dict.fromkeys(change.reason for change in self.changes))

    @property
    def changed_fields(self) -> frozenset[str]:
        """The fields that differ; of a mapping, the field and not its keys."""
        return frozenset(change.path.partition(".")[0] for change in self.changes)

    def diff(self, header: str) -> dict[str, t.Any]:
        """Return the Ansible diff of this plan: the changed fields alone, secrets as fingerprints."""
        before: t.Any = render({change.path: change.before for change in self.changes})
        after: t.Any = render({change.path: change.after for change in self.changes})
        if self.action is Action.CREATE:
            before = {}
        if self.action is Action.DELETE:
            after = {}
        return {"before_header": header, "after_header": header, "before": before, "after": after}

    def within(self, section: str) -> Plan:
        """Return this plan with paths and reasons that begin with the section the fields belong to."""
        return replace(
            self,
            changes=tuple(
                replace(change, path=f"{section}.{change.path}", reason=f"{section}.{change.reason}")
                for change in self.changes
            ),
        )

    def with_steps(self, steps: t.Iterable[Step]) -> Plan:
        """Return this plan with its steps."""
        return replace(self, steps=tuple(steps))


NO_PLAN = Plan()


def plan_state(current: S | None, desired: S | None) -> Plan:
    """Compare the managed fields of two states and return the plan, without steps.

    ``None`` stands for an absent object. Write-only fields take part in creation alone, since nothing reads back.
    """
    if desired is None:
        return NO_PLAN if current is None else _plan_delete(current)
    if current is None:
        wanted = desired.managed_values() or {"exists": True}
        return Plan(Action.CREATE, tuple(Change(path, None, value, ABSENT) for path, value in wanted.items()))
    metas = desired.metas()
    changes = [
        change
        for name, value in desired.managed_values().items()
        if not metas[name].write_only
        for change in _field_changes(name, getattr(current, name), value, metas[name])
    ]
    if not changes:
        return NO_PLAN
    plan = Plan(Action.UPDATE, tuple(changes))
    must_replace = any(metas[name].replace for name in plan.changed_fields)
    return replace(plan, action=Action.REPLACE) if must_replace else plan


def _field_changes(name: str, held: t.Any, wanted: t.Any, meta: Meta) -> Iterator[Change]:
    """Compare one field; a mapping key by key, so that the plan names what differs inside it."""
    if not isinstance(wanted, Mapping):
        if held != wanted:
            yield Change(name, held, wanted, _difference(name, held, wanted))
        return
    before = held if isinstance(held, Mapping) else {}
    keys = list(wanted) if meta.partial else list(dict.fromkeys([*before, *wanted]))
    for key in keys:
        if key not in before or key not in wanted or before[key] != wanted[key]:
            path, old, new = f"{name}.{key}", before.get(key), wanted.get(key)
            yield Change(path, old, new, _difference(path, old, new))


def _plan_delete(current: State) -> Plan:
    held = {path: value for path, value in current.managed_values().items() if value is not None}
    changes = [Change(path, value, None, UNWANTED) for path, value in (held or {"exists": True}).items()]
    return Plan(Action.DELETE, tuple(changes))


def _difference(path: str, held: t.Any, wanted: t.Any) -> str:
    """Say how a field differs; sets by what is missing and extra, long texts and secrets without their content."""
    if isinstance(wanted, frozenset) and isinstance(held, frozenset):
        lacks = ", ".join(sorted(wanted - held))
        extra = ", ".join(sorted(held - wanted))
        return f"{path} " + " and ".join(filter(None, (lacks and f"lacks {lacks}", extra and f"has {extra} too")))
    opaque = any(isinstance(value, (Secret, dict)) or "\n" in str(value) for value in (held, wanted))
    return f"{path} differs" if opaque else f"{path} is {_say(held)}, declared {_say(wanted)}"


def _say(value: t.Any) -> str:
    if value is None:
        return "unset"
    if value == "" or value == () or value == frozenset():
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (frozenset, tuple)):
        return ", ".join(sorted(value) if isinstance(value, frozenset) else map(str, value))
    return str(value)
