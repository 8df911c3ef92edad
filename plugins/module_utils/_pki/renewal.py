# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""When a certificate is due: a decision about times, with the clock passed in.

The margin is measured from the certificate's own dates, because an authority back-dates (Vault by 30 seconds) and may
shorten what it was asked for.
"""

from __future__ import annotations

import datetime
import enum
import hashlib
import re
import typing as t
from dataclasses import dataclass
from fractions import Fraction

from .._core.normal import duration, spell_duration
from .errors import PkiError

#: A margin below this leaves no room for a second attempt.
MINIMUM_SECONDS: t.Final = 300
_PERCENT = re.compile(r"(\d{1,2}(?:\.\d+)?)\s*%")
_LEAST_PERCENT, _MOST_PERCENT = 1, 90


@dataclass(frozen=True)
class Window:
    """How long before its end a certificate is renewed: whole ``seconds``, or a ``fraction`` of its own lifetime."""

    seconds: int | None = None
    fraction: Fraction | None = Fraction(1, 3)

    @classmethod
    def parse(cls, text: str | int | None, option: str = "renew_before") -> Window:
        """Read ``"7d"`` or ``"33%"``; ``None`` is a third of the lifetime. Raises :class:`PkiError`."""
        if text is None:
            return cls()
        percent = _PERCENT.fullmatch(str(text).strip())
        if percent:
            share = Fraction(percent.group(1))
            if not _LEAST_PERCENT <= share <= _MOST_PERCENT:
                raise _refused(option, f"{text} is outside {_LEAST_PERCENT}% to {_MOST_PERCENT}%")
            return cls(fraction=share / 100)
        try:
            seconds = duration(text)
        except ValueError as error:
            raise _refused(option, str(error)) from None
        if seconds < MINIMUM_SECONDS:
            raise _refused(option, f"{text} is less than {spell_duration(MINIMUM_SECONDS)}")
        return cls(seconds, None)

    def margin(self, not_before: datetime.datetime, not_after: datetime.datetime) -> datetime.timedelta:
        """Return the margin for a certificate with these dates, in whole seconds."""
        if self.fraction is None:
            return datetime.timedelta(seconds=self.seconds or 0)
        lifetime = int((not_after - not_before).total_seconds())
        return datetime.timedelta(seconds=int(lifetime * self.fraction))

    def problem(self, not_before: datetime.datetime, not_after: datetime.datetime) -> str | None:
        """Say why a certificate with these dates could never rest: it would be due from its first moment."""
        lifetime = not_after - not_before
        margin = self.margin(not_before, not_after)
        if margin < lifetime:
            return None
        return (
            f"a lifetime of {spell_span(lifetime)} does not exceed the renewal margin of {spell_span(margin)}, "
            "so that every run would issue again"
        )


def _refused(option: str, problem: str) -> PkiError:
    return PkiError(problem, field=option, remedy="Give a duration such as 7d, or a share of the lifetime such as 33%.")


def seconds_of(text: str | int, option: str) -> int:
    """Return a declared lifetime in seconds; raises :class:`PkiError` naming the option."""
    try:
        seconds = duration(text)
    except ValueError as error:
        raise PkiError(str(error), field=option) from None
    if seconds < 1:
        raise PkiError("is zero", field=option, remedy="Give a duration such as 90d.")
    return seconds


def due_at(
    not_before: datetime.datetime,
    not_after: datetime.datetime,
    window: Window,
    jitter_fraction: float = 0.0,
    seed: str = "",
) -> datetime.datetime:
    """Return the instant from which a certificate is to be renewed, in whole seconds.

    Jitter brings it forward, so that the declared margin is kept, by up to ``jitter_fraction`` of the margin or of the
    time before it, whichever is shorter. It depends on ``seed`` alone: a host and name always get the same.
    """
    margin = window.margin(not_before, not_after)
    due = not_after - margin
    room = max(min(margin, due - not_before), datetime.timedelta(0))
    ahead = int(room.total_seconds() * min(max(jitter_fraction, 0.0), 1.0) * _share(seed))
    return (due - datetime.timedelta(seconds=ahead)).replace(microsecond=0)


def _share(seed: str) -> float:
    """Map a seed evenly into [0, 1)."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big") / float(1 << 48)


class Standing(str, enum.Enum):
    """Where a certificate is in its life."""

    EARLY = "not_yet_valid"
    VALID = "valid"
    DUE = "due"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Verdict:
    """What the clock says about a certificate; ``reason`` is empty while it is valid and not due."""

    standing: Standing
    reason: str
    due_at: datetime.datetime
    seconds_left: int

    @property
    def due(self) -> bool:
        """Whether to renew."""
        return self.standing in (Standing.DUE, Standing.EXPIRED)


def verdict(
    now: datetime.datetime,
    not_before: datetime.datetime,
    not_after: datetime.datetime,
    window: Window,
    jitter_fraction: float = 0.0,
    seed: str = "",
) -> Verdict:
    """Decide whether a certificate with these dates is due at ``now``, and say why in one sentence."""
    due = due_at(not_before, not_after, window, jitter_fraction, seed)
    left = not_after - now
    standing, reason = Standing.VALID, ""
    if now < not_before:
        standing = Standing.EARLY
        reason = f"becomes valid in {say_span(not_before - now)}; the clock of this host may be slow"
    elif now > not_after:
        standing, reason = Standing.EXPIRED, f"expired {say_span(-left)} ago"
    elif now >= due:
        margin = window.margin(not_before, not_after)
        brought_forward = f", brought forward by {say_span(left - margin)}" if left > margin else ""
        standing = Standing.DUE
        reason = f"expires in {say_span(left)}, renewal margin is {say_span(margin)}{brought_forward}"
    return Verdict(standing, reason, due, int(left.total_seconds()))


_SPANS: t.Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def say_span(span: datetime.timedelta) -> str:
    """Return a span in its largest unit that fills at least two, or the one it fills: ``5 days``, ``36 hours``."""
    seconds = max(int(span.total_seconds()), 0)
    for size, unit in _SPANS:
        if seconds >= 2 * size or seconds == size or size == 1:
            count = seconds // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    raise AssertionError("unreachable")


def spell_span(span: datetime.timedelta) -> str:
    """Return a span exactly: ``1d12h``."""
    return spell_duration(int(span.total_seconds()))
