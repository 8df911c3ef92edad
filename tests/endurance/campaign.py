# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spread kills and meetings over the table by a seed, carry them out, and print what came of them."""

from __future__ import annotations

import collections
import functools
import random
import typing as t
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.endurance import files, rings
from tests.endurance.attempts import Arena, Report, shares
from tests.endurance.subject import Subject

Attempt = Callable[[Arena], Report]
#: How much later than the other the second run of a meeting begins at most, in seconds.
_LATEST: t.Final = 0.15


def table(connection: dict[str, str]) -> list[Subject]:
    """Return every resource with each of its custodies."""
    return [*files.subjects(connection), *rings.subjects(connection)]


def kills(subjects: Sequence[Subject], count: int, seed: int) -> Iterator[Attempt]:
    """Yield ``count`` kills, spread evenly over modules and their wishes, half of them by moment and half by time."""
    for module, number in _split(count, _modules(subjects)):
        pairs = [(subject, wish) for subject in subjects if subject.module == module for wish in subject.wishes]
        for (subject, wish), some in _split(number, pairs):
            drawn = random.Random(f"{seed} {subject.label} {wish.label}")
            for by_time, part in _split(some, [False, True]):
                for at, share in enumerate(shares(part, drawn)):
                    withdrawn = wish.withdrawable and at % 3 == 1
                    yield functools.partial(
                        Arena.kill, subject=subject, wish=wish, share=share, by_time=by_time, withdrawn=withdrawn
                    )


def meetings(subjects: Sequence[Subject], count: int, seed: int) -> Iterator[Attempt]:
    """Yield ``count`` meetings, spread evenly over modules and their pairs."""
    for module, number in _split(count, _modules(subjects)):
        pairs = [(subject, pair) for subject in subjects if subject.module == module for pair in subject.meetings]
        for (subject, meeting), some in _split(number, pairs):
            drawn = random.Random(f"{seed} {subject.label} {meeting.label}")
            for _turn in range(some):
                delay = drawn.choice((0.0, drawn.uniform(-_LATEST, _LATEST)))
                yield functools.partial(Arena.meet, subject=subject, meeting=meeting, delay=delay)


def carry_out(arena: Arena, attempts: Iterable[Attempt], workers: int) -> Iterator[Report]:
    """Yield the reports as they come in."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda attempt: attempt(arena), attempts)


def summary(reports: Sequence[Report], hits: Sequence[str]) -> str:
    """Return a table with a line for each resource: attempts, where they hit, findings."""
    by_module: dict[str, list[Report]] = collections.defaultdict(list)
    for report in reports:
        by_module[report.subject.module].append(report)
    lines = [_row("resource", "runs", *hits, "findings")]
    for module, own in [*by_module.items(), ("all", list(reports))]:
        counted = collections.Counter(report.hit for report in own)
        found = sum(bool(report.findings) for report in own)
        lines.append(_row(module, len(own), *(counted[hit] for hit in hits), found))
    return "\n".join(lines)


def _row(name: str, *cells: object) -> str:
    return f"{name:18}" + "".join(f"{cell!s:>10}" for cell in cells)


def _modules(subjects: Sequence[Subject]) -> list[str]:
    return list(dict.fromkeys(subject.module for subject in subjects))


T = t.TypeVar("T")


def _split(count: int, parts: Sequence[T]) -> Iterator[tuple[T, int]]:
    """Yield the parts with what falls to each, the first ones getting what cannot be divided."""
    for at, part in enumerate(parts):
        share = count // len(parts) + (at < count % len(parts))
        if share:
            yield part, share
