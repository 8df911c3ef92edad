# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Rotation of a master key: data keys are wrapped anew, the values that they seal stay as they are.

A wrapped key says by itself whose it is, because it opens with one master key only. So there is no record of progress
to keep or to lose: what a run left behind when it was killed, the next one finds.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field, replace

from .._core.errors import InvalidInput, PolicyRefusal, TrustmeshError
from .._core.plan import NO_PLAN, Action, Change, Plan, Step
from .._core.resource import Resource
from .errors import EnvelopeError
from .provider import KeyProvider, Mover

_EXAMPLES: t.Final = 5
#: Passes over the column until nobody wrote into it meanwhile.
_PASSES: t.Final = 3

#: The row's key, and its wrapped data key.
Entry = tuple[t.Any, t.Optional[str]]


class KeyColumn(t.Protocol):
    """A column of wrapped keys."""

    @property
    def identity(self) -> str:
        """Its name in messages."""

    def pages(self, rows: int) -> t.Iterator[list[Entry]]:
        """Yield all entries in order of the rows' keys, so many at a time."""

    def replace(self, entries: t.Sequence[tuple[t.Any, str, str]]) -> int:
        """Replace wrapped keys (row, old, new) in one transaction; return how many still were as given."""

    def note(self, progress: str) -> None:
        """Let those who watch the database see how far this is."""


@dataclass(frozen=True)
class Census:
    """Whose the wrapped keys of a column are."""

    rows: int = 0
    current: int = 0
    outdated: int = 0
    unknown: int = 0
    empty: int = 0
    #: Keys of some rows whose wrapped key nobody knows.
    examples: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return the numbers."""
        names = ("rows", "current", "outdated", "unknown", "empty")
        return {name: getattr(self, name) for name in names}


class ByHand:
    """Data keys go through this process, from one master key to another."""

    def __init__(self, old: KeyProvider, new: KeyProvider) -> None:
        self._old = old
        self._new = new

    def is_current(self, wrapped: t.Sequence[str]) -> list[t.Optional[bool]]:
        """Tell by trying the new key, then the old one."""
        found: list[t.Optional[bool]] = [None if key is None else True for key in self._new.unwrap(wrapped)]
        rest = [at for at, known in enumerate(found) if known is None]
        for at, key in zip(rest, self._old.unwrap([wrapped[at] for at in rest]) if rest else ()):
            found[at] = None if key is None else False
        return found

    def move(self, wrapped: t.Sequence[str]) -> list[t.Optional[str]]:
        """Open with the old key, wrap with the new one, and open once more: nothing else may replace what opened."""
        keys = self._old.unwrap(wrapped)
        known = [key for key in keys if key is not None]
        anew = self._new.wrap(known)
        if self._new.unwrap(anew) != known:
            raise EnvelopeError(
                f"{self._new.identity} does not open what it wrapped a moment ago",
                field="new_key",
                remedy="Nothing was replaced by it. Check the key.",
            )
        fresh = iter(anew)
        return [None if key is None else next(fresh) for key in keys]


def mover(old: KeyProvider, new: KeyProvider) -> Mover:
    """Return the way from one master key to another that keeps data keys closest to them."""
    return new.successor_of(old) or ByHand(old, new)


@dataclass(frozen=True)
class Terms:
    """What is declared beside the column: whose keys, rows per transaction, and what may stay unknown."""

    old: str
    new: str
    batch_rows: int = 500
    on_unknown: str = "fail"

    def __post_init__(self) -> None:
        if self.batch_rows < 1:
            raise InvalidInput(f"{self.batch_rows} is too small", field="batch_rows", remedy="Give 1 or more.")


@dataclass
class _Tally:
    done: int = 0
    refused: list[str] = field(default_factory=list)
    missed: int = 0


class Rewrap(Resource[Census]):
    """All wrapped keys of one column, to be under the new master key."""

    kind = "envelope_rewrap"
    noun = "data_keys"

    def __init__(self, column: KeyColumn, way: Mover, terms: Terms) -> None:
        super().__init__(column.identity, None)
        self._column = column
        self._way = way
        self._terms = terms
        self._rewrapped = 0

    def read(self) -> Census:
        census = Census()
        for page in self._column.pages(self._terms.batch_rows):
            wrapped = [(row, text) for row, text in page if text is not None]
            verdicts = self._way.is_current([text for _row, text in wrapped])
            unknown = [str(row) for (row, _text), verdict in zip(wrapped, verdicts) if verdict is None]
            census = replace(
                census,
                rows=census.rows + len(page),
                current=census.current + verdicts.count(True),
                outdated=census.outdated + verdicts.count(False),
                unknown=census.unknown + len(unknown),
                empty=census.empty + len(page) - len(wrapped),
                examples=(*census.examples, *unknown)[:_EXAMPLES],
            )
        return census

    def plan(self, current: Census | None, now: datetime.datetime) -> Plan:
        census = current or Census()
        warnings: tuple[str, ...] = ()
        if census.unknown:
            problem = (
                f"{census.unknown} of {census.rows} wrapped keys open neither with {self._terms.new} "
                f"nor with {self._terms.old} (rows {', '.join(census.examples)})"
            )
            if self._terms.on_unknown == "fail":
                raise PolicyRefusal(
                    problem,
                    field="on_unknown",
                    remedy="Give the master key that wrapped them as old_key, or leave them with on_unknown: skip.",
                )
            warnings = (f"{self.identity}: {problem}",)
        if not census.outdated:
            return replace(NO_PLAN, warnings=warnings)
        reason = f"{census.outdated} of {census.rows} keys are wrapped by {self._terms.old}, declared {self._terms.new}"
        change = Change("outdated", census.outdated, 0, reason)
        return Plan(Action.UPDATE, (change,), (Step("rewrap", self.name, census.outdated),), warnings)

    def apply(self, plan: Plan) -> None:
        total = t.cast(int, plan.steps[0].body)
        for _pass in range(_PASSES):
            tally = self._pass(total)
            if tally.refused:
                raise TrustmeshError(
                    f"{self._terms.old} does not open {len(tally.refused)} of the keys that it wrapped by their looks "
                    f"(rows {', '.join(tally.refused[:_EXAMPLES])}); the others are done",
                    field="old_key",
                    remedy="Those were changed, or another key of the same kind wrapped them.",
                )
            if not tally.missed:
                break

    def _pass(self, total: int) -> _Tally:
        tally = _Tally()
        for page in self._column.pages(self._terms.batch_rows):
            self._column.note(f"{self.kind} {self._rewrapped}/{total}")
            known = [(row, text) for row, text in page if text is not None]
            verdicts = self._way.is_current([text for _row, text in known])
            due = [entry for entry, verdict in zip(known, verdicts) if verdict is False]
            moved = self._way.move([text for _row, text in due]) if due else []
            ready = [(row, text, new) for (row, text), new in zip(due, moved) if new is not None]
            tally.refused += [str(row) for (row, _text), new in zip(due, moved) if new is None]
            written = self._column.replace(ready) if ready else 0
            tally.missed += len(ready) - written
            self._rewrapped += written
        self._column.note(f"{self.kind} {self._rewrapped}/{total} done")
        return tally

    def describe(self, current: Census | None) -> dict[str, t.Any]:
        counts = (current or Census()).counts()
        return {**counts, "rewrapped": self._rewrapped, "old_key": self._terms.old, "new_key": self._terms.new}
