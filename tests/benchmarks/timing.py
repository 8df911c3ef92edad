# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single calls within one process: quantiles, and a table of them."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

#: Contenders that every suite has.
OURS, RAW = "trustmesh.security", "OpenSSL, bare call"


@dataclasses.dataclass(frozen=True)
class Timing:
    """What one call took, in microseconds; without p95 where a program tells no more than a mean."""

    suite: str
    kind: str
    """What was called with: a type of key, a version of a format"""
    what: str
    """What was called: sign, verify, create"""
    contender: str
    p50: float
    p95: float | None
    count: int

    @classmethod
    def of(cls, suite: str, kind: str, what: str, contender: str, nanoseconds: Sequence[int]) -> Timing:
        """Return the quantiles of single measurements."""
        cuts = statistics.quantiles(nanoseconds, n=20)
        return cls(suite, kind, what, contender, cuts[9] / 1000, cuts[18] / 1000, len(nanoseconds))


def median(timings: Sequence[Timing], kind: str, what: str, contender: str) -> float | None:
    """Return one p50 in microseconds, None when it was not measured."""
    wanted = (kind, what, contender)
    return next((entry.p50 for entry in timings if (entry.kind, entry.what, entry.contender) == wanted), None)


def rows(timings: Sequence[Timing]) -> list[list[str]]:
    """Return a line of each timing: what, who, p50, p95, and how many times ours it takes."""
    lines = []
    for entry in timings:
        ours = median(timings, entry.kind, entry.what, OURS)
        p95 = "-" if entry.p95 is None else f"{entry.p95:.1f}"
        share = "-" if ours is None else f"{entry.p50 / ours:.2f}"
        lines.append([f"{entry.kind}, {entry.what}", entry.contender, f"{entry.p50:.1f}", p95, share])
    return lines
