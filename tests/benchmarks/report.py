# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the samples say: medians, ratios beside their targets. Whatever was not measured itself carries a ``~``."""

from __future__ import annotations

import dataclasses
import statistics
import typing as t
from collections.abc import Callable

from tests.benchmarks import participants
from tests.benchmarks.contenders import PEERS, SCRIPTS
from tests.benchmarks.provisioning import OBJECTS, OURS_TASKS
from tests.benchmarks.rate import Rates
from tests.benchmarks.session import Session


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Seconds, measured or extrapolated from smaller sizes."""

    seconds: float
    extrapolated: bool = False

    def __str__(self) -> str:
        return f"{'~' if self.extrapolated else ''}{self.seconds:.2f} s"


@dataclasses.dataclass(frozen=True)
class Target:
    """One promise: what was measured, what was promised, and whether it holds; ``None`` when it was not measured."""

    bench: str
    what: str
    measured: str
    promised: str
    met: bool | None


def estimate(session: Session, bench: str, contender: str, n: int, *, pipelining: bool = True) -> Estimate | None:
    """Return the median at ``n``; above the largest measured size, the straight line through smallest and largest.

    ``None`` where nothing was measured or where the line does not rise, as few runs on a busy machine can have it.
    """
    exact = session.median(bench, contender, n, pipelining=pipelining)
    if exact is not None:
        return Estimate(exact)
    sizes = sorted({s.n for s in session.samples if session.valid(bench, contender, s.n, pipelining=pipelining)})
    if len(sizes) < 2 or n < sizes[-1]:
        return None
    low, high = (session.median(bench, contender, size, pipelining=pipelining) or 0.0 for size in (sizes[0], sizes[-1]))
    slope = (high - low) / (sizes[-1] - sizes[0])
    return Estimate(high + slope * (n - sizes[-1]), extrapolated=True) if slope > 0 else None


def _best(session: Session, bench: str, n: int, names: t.Iterable[str]) -> tuple[str, Estimate] | None:
    found = [(name, value) for name in names if (value := estimate(session, bench, name, n)) is not None]
    return min(found, key=lambda entry: entry[1].seconds) if found else None


def _largest(session: Session, bench: str, n: int, field: str) -> int | None:
    """Return the largest count of all valid runs of ours: a promise about counts has to hold every time."""
    counts = [getattr(sample.cost, field) for sample in session.valid(bench, "ours", n)]
    return max(counts) if counts else None


def _at_least(
    bench: str, what: str, ours: Estimate | None, theirs: tuple[str, Estimate] | None, factor: float
) -> Target:
    if ours is None or theirs is None:
        return Target(bench, what, "not measured", f">= {factor:g}x", None)
    name, other = theirs
    ratio = other.seconds / ours.seconds
    mark = "~" if other.extrapolated or ours.extrapolated else ""
    return Target(bench, what, f"{mark}{ratio:.1f}x ({name} {other}, ours {ours})", f">= {factor:g}x", ratio >= factor)


def _at_most(bench: str, what: str, value: float | None, limit: float | None, unit: str, note: str = "") -> Target:
    promised = "-" if limit is None else f"<= {limit:.4g} {unit}".rstrip()
    if value is None or limit is None:
        return Target(bench, what, "not measured", promised, None)
    return Target(bench, what, f"{value:.4g} {unit}{note}".rstrip(), promised, value <= limit)


def targets(session: Session, rates: Rates | None) -> list[Target]:
    """Return every promise with its verdict."""
    return [
        *_issuing_targets(session),
        *_repeat_targets(session),
        *_provisioning_targets(session),
        *_participant_targets(session),
        *([_rate_target(rates)] if rates else []),
        *_curve_targets(session),
    ]


def _issuing_targets(session: Session) -> list[Target]:
    peers = [peer.name for peer in PEERS]
    found = []
    ours, theirs = session.median("B1", "ours", 1), session.median("B1", "hashi_vault", 1)
    found.append(_at_most("B1", "1 certificate: no slower than hashi_vault and two copies", ours, theirs, "s"))
    for n, factor in ((100, 60), (1000, 200)):
        best = _best(session, "B1", n, peers)
        what = f"{n} certificates, beside the fastest peer"
        found.append(_at_least("B1", what, estimate(session, "B1", "ours", n), best, factor))
    bare, floor = _best(session, "B1", 1000, [script.name for script in SCRIPTS]), session.median("floor", "ansible", 1)
    measured = estimate(session, "B1", "ours", 1000)
    limit = None if bare is None or floor is None else 2 * (bare[1].seconds + floor)
    note = "" if bare is None or floor is None else f" ({bare[0]} {bare[1]}, Ansible {floor:.2f} s)"
    value = None if measured is None else measured.seconds
    found.append(
        _at_most("B1", "1000 certificates: twice the plain script and Ansible's floor", value, limit, "s", note)
    )
    return found


def _repeat_targets(session: Session) -> list[Target]:
    due = session.schedule.due
    again = session.median("B2", "ours", due)
    soon, check = session.median("B3", "ours", due), session.median("B7", "ours", due)
    theirs = _best(session, "B2", 100, ["crypto"])
    ours = estimate(session, "B2", "ours", 100)
    signed = _largest(session, "B3", due, "signatures")
    return [
        _at_least("B2", "100 certificates, nothing to do, beside crypto", ours, theirs, 100),
        _at_most("B2", "1000 certificates, nothing to do", session.median("B2", "ours", 1000), 2.0, "s"),
        _at_most("B2", f"{due} certificates: writes", _largest(session, "B2", due, "writes"), 0, ""),
        _at_most("B2", f"{due} certificates: reads", _largest(session, "B2", due, "reads"), 3, ""),
        _at_most("B3", f"1 of {due} due, beside nothing to do", soon and again and soon / again, 1.2, "x"),
        Target("B3", f"1 of {due} due: signatures", str(signed), "= 1", None if signed is None else signed == 1),
        _at_most("B7", f"check mode, {due} on an empty host, beside B2", check and again and check / again, 1.2, "x"),
        _at_most("B7", f"check mode, {due}: writes", _largest(session, "B7", due, "writes"), 0, ""),
    ]


def _provisioning_targets(session: Session) -> list[Target]:
    theirs = _best(session, "B4 again", OBJECTS, ["hashivault"])
    ours, floor = estimate(session, "B4 again", "ours", OBJECTS), session.median("floor", "ansible", OURS_TASKS)
    each = None if ours is None or floor is None else (ours.seconds - floor) / OBJECTS * 1000
    changed = [sample.changed for sample in session.valid("B4 again", "ours", OBJECTS)]
    return [
        _at_least("B4", "provisioning again, beside hashivault", ours, theirs, 10),
        _at_most("B4", "provisioning again: above the floor of a play, per object", each, 20, "ms"),
        Target("B4", "provisioning again: changed", str(changed), "all 0", set(changed) == {0} if changed else None),
    ]


def _participant_targets(session: Session) -> list[Target]:
    n = participants.size(session)
    if not any(sample.bench in participants.BENCHES for sample in session.samples):
        return []
    bare = participants.raw_generation(n)
    note = f" (bare generation {bare:.2f} s)"
    first, again = session.median(participants.FIRST, "ours", n), session.median(participants.AGAIN, "ours", n)
    return [
        _at_most("B11", f"keys of {n} participants made and published", first, 5.0 + bare, "s", note),
        _at_most("B11", f"keys of {n} participants, nothing to do", again, 2.0, "s"),
        _at_most("B11", f"keys of {n} participants: writes", _largest(session, participants.AGAIN, n, "writes"), 0, ""),
    ]


def _rate_target(rates: Rates) -> Target:
    best = {client: max(statistics.median(v) for v in table.values() if v) for client, table in rates.items()}
    share = best["ours"] / best["bare"]
    said = f"{share:.0%} ({best['ours']:.0f} of {best['bare']:.0f} signatures a second)"
    return Target("B9", "sign rate beside a bare keep-alive client", said, ">= 80%", share >= 0.8)


def _curve_targets(session: Session) -> list[Target]:
    sizes = [n for n in session.schedule.sizes if session.median("B1", "ours", n) is not None]
    found = []
    if len(sizes) >= 3:
        walls = [session.median("B1", "ours", n) or 0.0 for n in sizes[-3:]]
        slopes = [(walls[i + 1] - walls[i]) / (sizes[i - 2] - sizes[i - 3]) for i in (0, 1)]
        what = f"cost of one more certificate, {sizes[-2]} to {sizes[-1]} beside {sizes[-3]} to {sizes[-2]}"
        note = f" ({slopes[0] * 1000:.1f} and {slopes[1] * 1000:.1f} ms)"
        found.append(_at_most("B1", f"linear: {what}", slopes[1] / slopes[0], 1.5, "x", note))
    fields: dict[str, Callable[[int], float | None]] = {
        name: lambda n, name=name: session.median("B1", "ours", n, name)  # type: ignore[misc]
        for name in ("logins", "interpreters", "children")
    }
    for name, count in fields.items() if sizes else ():
        counts = [count(n) for n in sizes]
        said = ", ".join(f"{value:g}" for value in counts if value is not None)
        found.append(Target("B1", f"constant at every size: {name}", said, "all equal", len(set(counts)) == 1))
    return found
