# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Samples, and the session that collects them."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import statistics
import typing as t

from tests.benchmarks.contenders import Contender, Leaf, Run
from tests.benchmarks.estate import Estate
from tests.benchmarks.measure import Cost, Done, Meter
from tests.benchmarks.verify import Void, verify
from tests.benchmarks.workbench import Workbench

#: How Ansible and a Python program say what went wrong.
COMPLAINT = re.compile(r'"msg": "(.+?)"|\[ERROR\]: (.+)|^(\w+(?:\.\w+)*(?:Error|Exception): .+)', re.MULTILINE)
LONGEST_COMPLAINT = 300


@dataclasses.dataclass(frozen=True)
class Sample:
    """One run: what was measured, of whom, for how many objects."""

    bench: str
    contender: str
    n: int
    pipelining: bool
    cost: Cost
    void: str = ""
    """Why it does not count; empty when it does"""
    changed: int | None = None


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How much to measure."""

    sizes: tuple[int, ...]
    """Of our own runs and of the scripts'"""
    repeats: int
    peer_sizes: tuple[int, ...]
    peer_repeats: int
    plain_sizes: tuple[int, ...]
    """Of the runs without pipelining"""
    due: int
    """Certificates of which one is due"""
    signatures: int
    """Requests in a measurement of the sign rate"""


FULL = Schedule(
    sizes=(1, 10, 100, 1000, 5000),
    repeats=5,
    peer_sizes=(1, 20, 100),
    peer_repeats=5,
    plain_sizes=(1, 20),
    due=1000,
    signatures=4000,
)
QUICK = Schedule(
    sizes=(1, 10, 100), repeats=2, peer_sizes=(1, 3), peer_repeats=1, plain_sizes=(1,), due=100, signatures=400
)


class Session:
    """Everything that a suite needs to take samples."""

    def __init__(self, bench: Workbench, estate: Estate, schedule: Schedule) -> None:
        self.bench = bench
        self.estate = estate
        self.schedule = schedule
        self.samples: list[Sample] = []
        self._all_targets = bench.directory / "targets"
        self._targets = 0
        pid = estate.server.pid
        assert pid is not None
        self._meter = Meter(estate.server.audit, pid, bench.directory)

    def target(self, name: str) -> pathlib.Path:
        """Return a new directory.

        Nothing is removed before the session ends: on a file system that hands freed blocks back at once (``discard``),
        removing the thousands of files of one run triples the time of the next.
        """
        self._targets += 1
        path = self._all_targets / f"{name}-{self._targets}"
        path.mkdir(mode=0o700)
        return path

    def __enter__(self) -> Session:
        self._clear()
        self._all_targets.mkdir()
        os.sync()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._all_targets, ignore_errors=True)

    def measure(self, run: Run) -> Done:
        """Run without taking a sample."""
        return self._meter.run(*run)

    def take(
        self,
        bench: str,
        contender: str,
        n: int,
        run: Run,
        *,
        pipelining: bool = True,
        check: t.Callable[[Done], None] = lambda done: None,
    ) -> Done:
        """Run, verify with ``check`` and keep the sample; print one line of it."""
        done = self.measure(run)
        void = ""
        if done.rc != 0:
            void = f"rc={done.rc}: {_complaint(done.stdout)}"
        else:
            try:
                check(done)
            except Void as error:
                void = str(error)
        self.samples.append(Sample(bench, contender, n, pipelining, done.cost, void, done.changed))
        print(_line(self.samples[-1]), flush=True)
        return done

    def issue(
        self, bench: str, contender: Contender, wanted: list[Leaf], target: pathlib.Path, *, pipelining: bool = True
    ) -> Done:
        """Let a contender make certificates and verify them."""
        return self.take(
            bench,
            contender.name,
            len(wanted),
            contender.command(wanted, target, pipelining=pipelining, check=False),
            pipelining=pipelining,
            check=lambda done: verify(contender, wanted, target, self.estate),
        )

    def valid(self, bench: str, contender: str, n: int, *, pipelining: bool = True) -> list[Sample]:
        """Return the samples that count."""
        wanted = (bench, contender, n, pipelining)
        return [s for s in self.samples if (s.bench, s.contender, s.n, s.pipelining) == wanted and not s.void]

    def median(
        self, bench: str, contender: str, n: int, field: str = "wall", *, pipelining: bool = True
    ) -> float | None:
        """Return the median of one cost, None when there is no valid sample."""
        values = [getattr(s.cost, field) for s in self.valid(bench, contender, n, pipelining=pipelining)]
        return statistics.median(values) if values else None


def _line(sample: Sample) -> str:
    cost = sample.cost
    state = f"  VOID {sample.void}" if sample.void else ""
    return (
        f"  {sample.bench:<12} {sample.contender:<12} n={sample.n:<5} {'' if sample.pipelining else 'no '}pipelining "
        f"{cost.wall:8.2f} s  cpu {cost.cpu:6.2f} s  {cost.peak_mib:5.0f} MiB  "
        f"reads {cost.reads} writes {cost.writes} signed {cost.signatures} logins {cost.logins}{state}"
    )


def _complaint(output: str) -> str:
    """Return the first line of an output that says what went wrong, else its end."""
    found = COMPLAINT.search(output)
    said = next(filter(None, found.groups())) if found else output
    return " ".join(said.split())[-LONGEST_COMPLAINT:]
