# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""When a key is due for replacement: a pure decision from a record, a policy and the clock.

A replacement has a safe order: make the next key, publish its public part everywhere, then use it. Each moment is noted
in the record, so that a run that was interrupted is completed by the next one instead of beginning anew.
"""

from __future__ import annotations

import datetime
import enum
import typing as t
from dataclasses import dataclass, replace

from .._core.clock import SKEW, ahead, made_before, still_to_come
from .._core.errors import InvalidInput
from .._core.normal import duration, instant, spell_duration
from .._core.spec import Options
from .record import Generation, Record, spell_instant

ROTATION_OPTIONS: t.Final[Options] = {
    "max_age": {"type": "str"},
    "not_before": {"type": "str"},
    "lead": {"type": "str", "default": "0"},
    "overlap": {"type": "str", "default": "0"},
    "keep_previous": {"type": "str", "default": "7d"},
}


class Verb(str, enum.Enum):
    """What is due."""

    NONE = "none"
    CREATE = "create"
    #: Make the next key, publish it, and use it unless it has to wait.
    ROTATE = "rotate"
    #: Publish and use the next key that an earlier run made.
    COMPLETE = "complete"


@dataclass(frozen=True)
class Rotation:
    """A policy; spans in seconds."""

    max_age: t.Optional[int] = None
    #: A key made before this instant is replaced, from this instant on.
    not_before: t.Optional[datetime.datetime] = None
    #: How long a new key is published before it is used.
    lead: int = 0
    #: How long a replaced key is published after another took its place.
    overlap: int = 0
    #: How long a replaced key stays in custody; never shorter than ``overlap``.
    keep_previous: int = 0

    @classmethod
    def declared(cls, options: t.Mapping[str, t.Any]) -> Rotation:
        """Build from :data:`ROTATION_OPTIONS`; raises :class:`InvalidInput`."""
        spans = {name: _span(options, name) for name in ("max_age", "lead", "overlap", "keep_previous")}
        not_before = options.get("not_before")
        try:
            moment = None if not_before is None else instant(not_before)
        except ValueError as error:
            raise InvalidInput(str(error), field="not_before") from None
        lead, overlap = spans["lead"] or 0, spans["overlap"] or 0
        max_age = spans["max_age"]
        if max_age is not None and max_age <= lead:
            raise InvalidInput(
                f"{spell_duration(max_age)} is not longer than lead, so that a key would be too old before it is used",
                field="max_age",
                remedy="Lengthen it.",
            )
        return cls(max_age, moment, lead, overlap, max(overlap, spans["keep_previous"] or 0))

    def published_until(self, generation: Generation) -> t.Optional[datetime.datetime]:
        """Return when a replaced key stops being published; ``None`` for one that was not replaced.

        In whole seconds, as a run tells the time: one that is taken back at once is so at the moment of that run.
        """
        if generation.retired is None:
            return None
        end = generation.retired.replace(microsecond=0) + datetime.timedelta(seconds=self.overlap)
        return end if generation.until is None else min(end, generation.until)

    def kept_until(self, generation: Generation) -> t.Optional[datetime.datetime]:
        """Return when a replaced key leaves custody."""
        if generation.retired is None:
            return None
        return generation.retired + datetime.timedelta(seconds=self.keep_previous)


@dataclass(frozen=True)
class Decision:
    """What is due and why."""

    verb: Verb
    reasons: tuple[str, ...] = ()
    #: Until when a published key waits before it is used.
    waits_until: t.Optional[datetime.datetime] = None
    #: Replaced keys whose time in custody is over.
    expired: tuple[Generation, ...] = ()


def decide(
    record: t.Optional[Record], policy: Rotation, now: datetime.datetime, mismatches: t.Sequence[str] = ()
) -> Decision:
    """Return what is due; ``mismatches`` are sentences on how the newest key differs from what is declared."""
    if record is None:
        return Decision(Verb.CREATE)
    expired = outlived(record, policy, now)
    reasons = (*mismatches, *_too_old(record.newest, policy, now))
    if reasons:
        return Decision(Verb.ROTATE, reasons, expired=expired)
    if record.next is None:
        return Decision(Verb.NONE, expired=expired)
    ready = ready_at(record.next, policy)
    if ready is not None and ready > now:
        return Decision(Verb.NONE, waits_until=ready, expired=expired)
    made = spell_instant(record.next.created)
    why = f"the key made at {made} is not in use yet"
    return Decision(Verb.COMPLETE, (why,), expired=expired)


def advanced(record: Record, policy: Rotation, now: datetime.datetime) -> Record:
    """Return a record whose next key is published everywhere: in use, or noted as published where it has to wait."""
    noted = record if policy.lead == 0 else record.published(now)
    if noted.next is not None and policy.lead > 0 and not _past(ready_at(noted.next, policy), now):
        return noted
    switched = limited(noted.switched(now), policy)
    return switched.without(outlived(switched, policy, now))


def limited(record: Record, policy: Rotation) -> Record:
    """Return a record that notes of each replaced key until when it is published.

    A key that leaked is taken back by a short overlap, and a usual one in the next run must not bring it back.
    """
    return replace(
        record, previous=tuple(replace(entry, until=policy.published_until(entry)) for entry in record.previous)
    )


def by_this_clock(record: Record, policy: Rotation, now: datetime.datetime) -> Record:
    """Return a record whose moments have come, as far as anything depends on them.

    Those that a clock has noted that was ahead would let a replaced key live, or the next one wait, for as much longer.
    Raises :class:`TrustmeshError`, but where ``not_before`` has come: who declares that knows what time it is.
    """
    following = record.next
    moments = [record.newest.created] if policy.max_age is not None else []
    moments += [] if following is None else [following.published or following.created]
    moment = ahead([*moments, *(entry.retired for entry in record.previous)], now)
    if moment is None:
        return record
    if policy.not_before is None or policy.not_before > now:
        raise still_to_come("a moment in the life of the key was", moment, "declare not_before, which replaces the key")

    def come(noted: t.Optional[datetime.datetime]) -> t.Optional[datetime.datetime]:
        return now if noted is not None and noted > now + SKEW else noted

    previous = tuple(replace(entry, retired=come(entry.retired)) for entry in record.previous)
    waiting = following and replace(following, published=come(following.published))
    return replace(record, next=waiting, previous=previous)


def outlived(record: Record, policy: Rotation, now: datetime.datetime) -> tuple[Generation, ...]:
    """Return the replaced keys whose time in custody is over."""
    return tuple(entry for entry in record.previous if _past(policy.kept_until(entry), now))


def ready_at(generation: Generation, policy: Rotation) -> t.Optional[datetime.datetime]:
    """Return from when on a next key may be used; ``None`` while it is not known to be published everywhere."""
    if generation.published is None:
        return None
    return generation.published + datetime.timedelta(seconds=policy.lead)


def _too_old(newest: Generation, policy: Rotation, now: datetime.datetime) -> t.Iterator[str]:
    age = int((now - newest.created).total_seconds())
    if policy.max_age is not None and age > policy.max_age:
        yield f"the key is {spell_duration(age)} old, max_age is {spell_duration(policy.max_age)}"
    wanted = policy.not_before
    if wanted is not None and made_before(newest.created, wanted, now):
        yield f"the key was made at {spell_instant(newest.created)}, not_before is {spell_instant(wanted)}"


def _past(moment: t.Optional[datetime.datetime], now: datetime.datetime) -> bool:
    return moment is not None and moment <= now


def _span(options: t.Mapping[str, t.Any], name: str) -> t.Optional[int]:
    value = options.get(name)
    if value is None:
        return None
    try:
        return duration(value)
    except ValueError as error:
        raise InvalidInput(str(error), field=name) from None
