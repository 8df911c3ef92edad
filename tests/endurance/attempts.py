# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills and meetings: one attempt each, at a spot of its own, and what it showed."""

from __future__ import annotations

import dataclasses
import datetime
import random
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from tests.endurance import judging
from tests.endurance.subject import Meeting, Seen, Subject, Wish
from tests.endurance.workshop import DEADLINE, Run, Spot, Workshop

#: Kills that come too late are tried again, each time earlier.
_TRIES: t.Final = 6
_EARLIER: t.Final = 0.8
_SOONEST: t.Final = 0.02


@dataclasses.dataclass(frozen=True)
class Length:
    """A run that nobody disturbs: its moments, its seconds, and what it left."""

    moments: int
    seconds: float


@dataclasses.dataclass
class Report:
    """What came of one attempt."""

    subject: Subject
    what: str
    #: Of a kill: ``before`` the first moment, ``between``, ``after`` the last one. Of a meeting: ``met`` or ``apart``.
    hit: str
    findings: list[str]
    where: str = ""


class Arena:
    """Bases and lengths, made once; attempts on copies of them."""

    def __init__(self, workshop: Workshop, *, broken: str | None = None) -> None:
        self.workshop = workshop
        self._broken = broken
        self._lock = threading.Lock()
        self._bases: dict[str, tuple[Spot, float]] = {}
        self._lengths: dict[tuple[str, str], Length] = {}

    def breaking(self, broken: str) -> Arena:
        """Return an arena with the same bases and lengths, in which a function of :mod:`.broken` is applied."""
        other = Arena(self.workshop, broken=broken)
        other._bases, other._lengths, other._lock = self._bases, self._lengths, self._lock
        return other

    def base(self, subject: Subject) -> Spot:
        """Return a spot at which the first wish of a subject holds, for longer than a second."""
        with self._lock:
            if subject.label not in self._bases:
                spot = self.workshop.spot("base")
                made = self.workshop.run(spot, subject.module, subject.arguments(spot, subject.wishes[0], ""))
                assert made.failure is None, f"{subject.label}: {made.failure}"
                self._bases[subject.label] = spot, time.time()
            spot, since = self._bases[subject.label]
        while int(time.time()) <= since:  # an instant is declared in whole seconds
            time.sleep(0.05)
        return spot

    def length(self, subject: Subject, wish: Wish) -> Length:
        """Return how long a run takes that nobody disturbs; it has to bring about what is declared."""
        base = self.base(subject) if wish.onto_base else None
        with self._lock:
            if (subject.label, wish.label) not in self._lengths:
                with self.workshop.passing(base) as spot:
                    before = subject.see(spot)
                    run = self.workshop.run(spot, subject.module, subject.arguments(spot, wish, _now()))
                    findings = [*judging.said([run])]
                    findings += judging.when_done(before, None, subject.see(spot), wish, subject, wish.made)
                assert not findings, f"{subject.label}, {wish.label}, undisturbed: {findings}"
                self._lengths[subject.label, wish.label] = Length(len(run.moments), run.seconds)
            return self._lengths[subject.label, wish.label]

    def kill(self, subject: Subject, wish: Wish, share: float, *, by_time: bool, withdrawn: bool = False) -> Report:
        """Kill a run after a share of its moments or of its time, and see what the next ones make of it.

        Where the wish is ``withdrawn``, the next run declares what held before.
        """
        length = self.length(subject, wish)
        base = self.base(subject) if wish.onto_base else None
        seconds = length.seconds
        for attempt in range(_TRIES):
            by_time = by_time and attempt < _TRIES - 1
            with self.workshop.passing(base) as spot:
                given, before = subject.arguments(spot, wish, _now()), subject.see(spot)
                fatal = 0 if by_time else 1 + int(share * length.moments)
                lifetime = max(_SOONEST, share * seconds) if by_time else DEADLINE
                run = self._run(spot, subject, given, fatal=fatal, lifetime=lifetime)
                if run.result is None:
                    following = subject.arguments(spot, subject.wishes[0], "") if withdrawn else given
                    findings = self._aftermath(spot, subject, wish, following, before, withdrawn)
                    what = f"{wish.label}, withdrawn" if withdrawn else wish.label
                    where = f"after moment {len(run.moments)} of {length.moments}"
                    report = Report(subject, what, _where(run, length), findings, where)
                    if findings:
                        spot.keep(findings)
                    return report
                seconds = _EARLIER * min(seconds, run.seconds)
                share *= 1.0 if by_time else _EARLIER
        raise AssertionError(f"{subject.label}, {wish.label}: ends before it can be killed")

    def _aftermath(
        self, spot: Spot, subject: Subject, wish: Wish, following: dict[str, t.Any], before: Seen, withdrawn: bool
    ) -> list[str]:
        between = subject.see(spot)
        findings = [*judging.after_a_kill(before, between, wish)]
        completed = self._run(spot, subject, following)
        findings += judging.said([completed])
        least = 0 if withdrawn else wish.made
        findings += judging.when_done(before, between, subject.see(spot), wish, subject, least)
        return [*findings, *self._rest(spot, subject, following)]

    def meet(self, subject: Subject, meeting: Meeting, delay: float) -> Report:
        """Start two runs, the second after a delay in seconds that is negative where the first has to wait."""
        onto_base = meeting.left.onto_base
        with self.workshop.passing(self.base(subject) if onto_base else None) as spot:
            before, now = subject.see(spot), _now()
            given = [subject.arguments(spot, wish, now) for wish in (meeting.left, meeting.right)]
            with ThreadPoolExecutor(2) as pool:
                delays = (max(0.0, -delay), max(0.0, delay))
                runs = list(pool.map(lambda at: self._later(spot, subject, given[at], delays[at]), (0, 1)))
            findings = [*judging.said(runs, subject.yields_with)]
            findings += judging.after_a_meeting(before, subject.see(spot), meeting, subject, runs)
            final = subject.arguments(spot, meeting.final, now)
            completed = self._run(spot, subject, final)
            findings += judging.said([completed])
            if meeting.settled and completed.changed and not any(run.failure for run in runs):
                findings.append("the run after both still had something to do")
            seen = subject.see(spot)
            findings += [*seen.problems, *seen.missing, *seen.unfinished, *self._rest(spot, subject, final)]
            hit = "met" if runs[0].started < runs[1].ended and runs[1].started < runs[0].ended else "apart"
            if findings:
                spot.keep(findings)
        return Report(subject, meeting.label, hit, findings)

    def _later(self, spot: Spot, subject: Subject, arguments: dict[str, t.Any], delay: float) -> Run:
        time.sleep(delay)
        return self._run(spot, subject, arguments)

    def _rest(self, spot: Spot, subject: Subject, arguments: dict[str, t.Any]) -> list[str]:
        """Run once more, and return what that did or left."""
        digest = spot.digest()
        last = self._run(spot, subject, arguments)
        findings = [*judging.settled(last, digest, spot.digest())]
        return [*findings, *(f"left behind: {path}" for path in spot.leftovers())]

    def _run(self, spot: Spot, subject: Subject, arguments: dict[str, t.Any], **how: t.Any) -> Run:
        return self.workshop.run(spot, subject.module, arguments, broken=self._broken, **how)


def shares(count: int, seed: random.Random) -> list[float]:
    """Return shares of a length, one drawn from each of as many equal parts of it."""
    return [(at + seed.random()) / count for at in range(count)]


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _where(run: Run, length: Length) -> str:
    if not run.moments:
        return "before"
    return "between" if len(run.moments) < length.moments else "after"
