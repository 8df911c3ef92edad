# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One target after the other gets its share of inputs; what is no error of the collection, or slow, is a finding.

An input whose outcome is new (another error, or from another line) joins the pool that later ones are made of.
"""

from __future__ import annotations

import functools
import json
import pathlib
import random
import time
import traceback
import typing as t
from dataclasses import dataclass, field

from plugins.module_utils._core import redact
from plugins.module_utils._core.errors import TrustmeshError

from . import mutate

CORPUS: t.Final = pathlib.Path(__file__).parent / "corpus"
#: Seconds of this process that an input may take, whatever it is; none of them is longer than 64 KiB.
SLOW: t.Final = 1.0
_LARGEST_POOL: t.Final = 400
_GROWN: t.Final = (10_000, 20_000, 40_000, 80_000)
#: Eight times the length may take so many times the time; the square of it would be 64 times.
_STEEP: t.Final = 24
#: Less than this, in seconds, is not worth a comparison: the clock of a busy machine is no finer.
_MEASURABLE: t.Final = 0.01


@dataclass(frozen=True)
class Target:
    """A parser: what is called, and right inputs of it, octets or documents."""

    name: str
    run: t.Callable[[t.Any], object]
    seeds: t.Callable[[], t.Sequence[t.Any]]
    #: Pieces that mean something to it.
    tokens: tuple[bytes, ...] = ()
    #: Parts of the inputs that it gets: those that are slow by their nature get fewer.
    share: float = 1.0


@dataclass
class Report:
    """What came of one target."""

    name: str
    inputs: int = 0
    outcomes: int = 0
    slowest: float = 0.0
    findings: dict[str, t.Any] = field(default_factory=dict)


def corpus(target: Target) -> list[t.Any]:
    """Return the inputs that were findings once: documents, or octets as texts of Latin-1, some of them repeated."""
    path = CORPUS / f"{target.name}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return [
        _octets(entry) if isinstance(entry, dict) and set(entry) == {"octets", "times"} else entry for entry in found
    ]


def _octets(entry: t.Mapping[str, t.Any]) -> bytes:
    return t.cast(str, entry["octets"]).encode("latin-1") * t.cast(int, entry["times"])


def spelled(given: t.Any) -> t.Any:
    """Return an input as the corpus has it."""
    return {"octets": given.decode("latin-1"), "times": 1} if isinstance(given, bytes) else given


class _Feed:
    """Gives inputs to one target and keeps what it learns."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.report = Report(target.name)
        self.known: set[tuple[t.Any, ...]] = set()

    def give(self, given: t.Any) -> bool:
        """Give one input; tell whether its outcome is new."""
        start = time.process_time()
        outcome = self._outcome(given)
        seconds = time.process_time() - start
        if seconds > SLOW and self._is_slow(given):
            self.report.findings.setdefault(f"slow: {seconds:.1f} s", given)
        self.report.inputs += 1
        self.report.slowest = max(self.report.slowest, seconds)
        new = outcome not in self.known
        self.known.add(outcome)
        self.report.outcomes = len(self.known)
        return new

    def _outcome(self, given: t.Any) -> tuple[t.Any, ...]:
        try:
            found = self.target.run(given)
        except TrustmeshError as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            return type(error).__name__, frame.filename, frame.lineno, error.field
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            frame = next((one for one in reversed(frames) if "/plugins/" in one.filename), frames[-1])
            where = f"{type(error).__name__} ({pathlib.Path(frame.filename).name}:{frame.lineno})"
            self.report.findings.setdefault(where, given)
            return (where,)
        said = isinstance(found, tuple) and all(isinstance(part, str) for part in found)
        return type(found).__name__, found if said else bool(found)

    def _is_slow(self, given: t.Any) -> bool:
        """Try again twice: what else this machine does must not count."""
        for _again in range(2):
            start = time.process_time()
            self._outcome(given)
            if time.process_time() - start <= SLOW:
                return False
        return True

    def grow(self, sizes: t.Sequence[int], end: float) -> None:
        """Give every piece longer and longer, and hold the time of the longest against that of the shortest."""
        for make in self._growing():
            if not sizes or time.monotonic() > end:
                return
            grown = [make(size) for size in sizes]
            for given in grown:
                self.give(given)
            if self._seconds(grown[-1]) > _MEASURABLE and self._is_steep(grown[0], grown[-1]):
                self.report.findings.setdefault(f"not linear: {self._seconds(grown[-1]):.2f} s", grown[-1])

    def _growing(self) -> t.Iterator[t.Callable[[int], t.Any]]:
        seeds = self.target.seeds()
        if not isinstance(seeds[0], bytes):
            for seed in seeds[:2]:
                yield from mutate.growing(seed)
            return
        for piece in (*self.target.tokens, b"\n", b" ", b"a", b"0", b"[", b"{", b'{"a":', b"=", b"-", b"\xff"):
            for head, tail in ((b"", b""), *((seed[: len(seed) // 2], seed[len(seed) // 2 :]) for seed in seeds[:2])):
                yield functools.partial(_repeated, head, piece, tail)

    def _seconds(self, given: t.Any) -> float:
        start = time.process_time()
        self._outcome(given)
        return time.process_time() - start

    def _is_steep(self, short: t.Any, long: t.Any) -> bool:
        """Measure three times: what else this machine does must not count."""
        shortest = max(min(self._seconds(short) for _time in range(3)), _MEASURABLE / _STEEP)
        return min(self._seconds(long) for _time in range(3)) > _STEEP * shortest


def _repeated(head: bytes, piece: bytes, tail: bytes, size: int) -> bytes:
    return head + piece * (size // len(piece)) + tail


def fuzz(
    target: Target, inputs: int, seed: int, sizes: t.Sequence[int] = _GROWN, seconds: float = float("inf")
) -> Report:
    """Give a target so many inputs, drawn by a seed, or as many as fit in so many seconds after the right ones."""
    end = time.monotonic() + seconds
    source = random.Random(f"{seed} {target.name}")
    feed = _Feed(target)
    pool = [*target.seeds(), *corpus(target)]
    for given in pool:
        feed.give(given)
    feed.grow(sizes, min(end, time.monotonic() + seconds / 3))
    while feed.report.inputs < inputs and time.monotonic() < end:
        if isinstance(pool[0], bytes):
            given = mutate.octets(source, pool, target.tokens)
        else:
            given = mutate.document(source, pool)
        if feed.give(given) and len(pool) < _LARGEST_POOL:
            pool.append(given)
        if feed.report.inputs % 1000 == 0:
            redact._known.clear()  # texts that were taken for secrets; nothing is printed here
    return feed.report
