# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables for people and JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t
from collections.abc import Sequence

from tests.benchmarks import participants
from tests.benchmarks.contenders import PEERS, SCRIPTS
from tests.benchmarks.measure import Cost
from tests.benchmarks.provisioning import CONTENDERS, OBJECTS, OURS_TASKS
from tests.benchmarks.rate import THREADS, Rates
from tests.benchmarks.report import Target, estimate
from tests.benchmarks.session import Session

MARKS = {True: "met", False: "MISSED", None: "not measured"}
LABELS = {"ours": "trustmesh.security"}
Rows = list[list[str]]


def table(head: Sequence[str], rows: Rows) -> str:
    """Return a table, the first column to the left and the others to the right."""
    widths = [max(len(row[at]) for row in [list(head), *rows]) for at in range(len(head))]
    lines = []
    for row in [list(head), ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def text(session: Session, rates: Rates | None, verdicts: Sequence[Target]) -> str:
    """Return the whole report."""
    parts = [
        "What ran",
        table(["", "version"], [[name, version] for name, version in sorted(session.bench.versions.items())]),
        "Issuing on one host, wall seconds (~ extrapolated from smaller sizes, not measured)",
        _contenders(session, "B1"),
        "The same again: nothing has changed",
        _contenders(session, "B2"),
        "Without pipelining, wall seconds",
        _contenders(session, "B1", pipelining=False),
        "The curve of trustmesh.security: first run, one login with an AppRole; peak is the largest process",
        _curve(session, "B1"),
        "The curve of trustmesh.security: nothing to do",
        _curve(session, "B2"),
        f"Provisioning {OBJECTS} objects, wall seconds; a play that does nothing takes "
        f"{_seconds(session.median('floor', 'ansible', OURS_TASKS))}",
        _provisioning(session),
        "Signing keys of participants in one task, kept in the server and published to one directory",
        _participants(session),
    ]
    if rates:
        parts += ["Signatures a second, median, by number of threads", _rates(rates)]
    parts += ["Targets", verdict_table(verdicts)]
    voids = _voids(session)
    if voids:
        parts += ["Void runs: they count nowhere", "\n".join(voids)]
    parts.append(_notes(session))
    return "\n\n".join(parts) + "\n"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _contenders(session: Session, bench: str, *, pipelining: bool = True) -> str:
    schedule = session.schedule
    sizes = sorted({*schedule.sizes, *schedule.peer_sizes, 100, 1000} if pipelining else schedule.plain_sizes)
    names = {"ours": "trustmesh.security", **{peer.name: peer.label for peer in PEERS}}
    if bench == "B1" and pipelining:
        names.update({script.name: script.label for script in SCRIPTS})
    rows: Rows = []
    for name, label in names.items():
        row = [label]
        for n in sizes:
            found = estimate(session, bench, name, n, pipelining=pipelining)
            row.append("-" if found is None else str(found).removesuffix(" s"))
        rows.append(row)
    return table(["certificates", *map(str, sizes)], rows)


def _curve(session: Session, bench: str) -> str:
    fields = [field.name for field in dataclasses.fields(Cost) if field.name != "load"]
    rows = []
    for n in session.schedule.sizes:
        found = [session.median(bench, "ours", n, field) for field in fields]
        wall = found[0]
        each = "-" if wall is None else f"{wall / n * 1000:.1f}"
        rows.append([str(n), each, *("-" if value is None else f"{value:.4g}" for value in found)])
    return table(["certificates", "ms each", *(field.replace("_", " ") for field in fields)], rows)


def _provisioning(session: Session) -> str:
    rows: Rows = []
    for name in CONTENDERS:
        for bench in ("B4 first", "B4 again"):
            samples = session.valid(bench, name, OBJECTS)
            row = [f"{LABELS.get(name, name)}, {bench[3:]} run", _seconds(session.median(bench, name, OBJECTS))]
            for field in ("reads", "writes", "interpreters", "children"):
                value = session.median(bench, name, OBJECTS, field)
                row.append("-" if value is None else f"{value:g}")
            row.append(", ".join(str(sample.changed) for sample in samples if sample.changed is not None) or "-")
            rows.append(row)
    return table(["", "wall", "reads", "writes", "interpreters", "children", "tasks changed"], rows)


def _participants(session: Session) -> str:
    n = participants.size(session)
    fields = ("wall", "cpu", "reads", "writes", "logins")
    rows = []
    for bench in participants.BENCHES:
        found = [session.median(bench, "ours", n, field) for field in fields]
        rows.append([f"{n} participants, {bench[4:]}", *("-" if value is None else f"{value:.4g}" for value in found)])
    return table(["", *fields], rows)


def _rates(rates: Rates) -> str:
    rows: Rows = []
    for client, by_threads in rates.items():
        middle = [sorted(values)[len(values) // 2] if values else None for values in by_threads.values()]
        rows.append([client, *("-" if value is None else f"{value:.0f}" for value in middle)])
    return table(["client", *map(str, THREADS)], rows)


def verdict_table(verdicts: Sequence[Target]) -> str:
    """Return what was promised beside what was measured."""
    return table(["", "measured", "promised", ""], [_verdict(entry) for entry in verdicts])


def _verdict(entry: Target) -> list[str]:
    return [f"{entry.bench}  {entry.what}", entry.measured, entry.promised, MARKS[entry.met]]


def _voids(session: Session) -> list[str]:
    return [
        f"  {sample.bench} {sample.contender} n={sample.n}: {sample.void}" for sample in session.samples if sample.void
    ]


def _notes(session: Session) -> str:
    load = max(sample.cost.load for sample in session.samples)
    lines = [
        "Notes",
        "  Everybody runs on one interpreter, one set of libraries and one server (TLS, EC, in memory, audit log on).",
        "  Ours logs in with an AppRole and gives its token back in every run; the others are handed a token.",
        "  Ours flushes its files to disk and writes five of them per certificate; the others write two or three.",
        "  hashicorp.vault is not compared: the ansible package does not bundle it.",
        f"  Highest load average at the start of a run: {load:.1f}; above 1 these are not figures of an idle machine.",
    ]
    return "\n".join(lines)


def document(session: Session, rates: Rates | None, verdicts: Sequence[Target]) -> dict[str, t.Any]:
    """Return everything, every repetition included, as plain data."""
    return {
        "versions": session.bench.versions,
        "schedule": dataclasses.asdict(session.schedule),
        "targets": [dataclasses.asdict(entry) for entry in verdicts],
        "rates": rates,
        "samples": [dataclasses.asdict(sample) for sample in session.samples],
    }


def keep(directory: pathlib.Path, name: str, report: str, data: dict[str, t.Any]) -> pathlib.Path:
    """Write both forms under ``name`` and as the latest; return the path of the text."""
    for stem in (name, "latest"):
        (directory / f"{stem}.txt").write_text(report, encoding="utf-8")
        (directory / f"{stem}.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    return directory / f"{name}.txt"
