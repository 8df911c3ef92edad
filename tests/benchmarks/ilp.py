# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""B11: Interledger packets made and fulfilments validated, ours beside the npm libraries."""

from __future__ import annotations

import contextlib
import copy
import json
import secrets
import statistics
import subprocess
import typing as t
from collections.abc import Iterator, Sequence

from tests.benchmarks.report import Target
from tests.benchmarks.tables import table
from tests.benchmarks.timing import OURS, Timing, median, rows
from tests.benchmarks.workbench import Workbench
from tests.rigs.node import Peer
from tests.rigs.process import MissingPartError

PEER_VERSIONS = ("19.18.8", "19.19.1")
#: Versions of the packet.
KINDS = ("v1", "v4")
BOTH, MEAN = "create and validate", "create and validate, mean"
#: Milliseconds that packets are said to add to a request.
PER_REQUEST = 3.0
#: A quote of the usual size.
QUOTE: dict[str, t.Any] = {
    "transactionType": {"scenario": "TRANSFER", "initiator": "PAYER", "initiatorType": "CONSUMER"},
    "payee": {
        "partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "27787654321", "fspId": "perffsp-2"},
        "name": "Ama Mensah",
    },
    "payer": {
        "partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "27713803912", "fspId": "perffsp-1"},
        "personalInfo": {"complexName": {"firstName": "Kofi", "lastName": "Owusu"}, "dateOfBirth": "1983-10-25"},
    },
    "expiration": "2030-01-31T12:00:00.123Z",
    "amount": {"currency": "USD", "amount": "124.45"},
    "note": "rent",
}


def measure(bench: Workbench, *, quick: bool, peers: bool) -> list[Timing]:
    """Make and validate packets of both versions, ours and theirs in turns."""
    rounds, count, warmup = (2, 500, 200) if quick else (8, 2000, 500)
    secret = secrets.token_urlsafe(32)
    found: list[Timing] = []
    with _library(peers) as library:
        for kind in KINDS:
            spent: dict[tuple[str, str], list[int]] = {}
            for _round in range(rounds):
                task = {"secret": secret, "transactions": _transactions(warmup + count)}
                for what, times in _script(bench, {**task, "version": kind, "warmup": warmup}).items():
                    spent.setdefault((OURS, what), []).extend(times)
                for release in PEER_VERSIONS if library is not None else ():
                    assert library is not None
                    times = library.call("ilp.time", version=release, packets=kind, **task)[warmup:]
                    spent.setdefault((f"npm library {release}", BOTH), []).extend(times)
            for (contender, what), times in spent.items():
                found.append(Timing.of("ilp", kind, what, contender, times))
                if what == BOTH:
                    mean = statistics.fmean(times) / 1000
                    found.append(Timing("ilp", kind, MEAN, contender, mean, None, len(times)))
    return found


def text(timings: Sequence[Timing]) -> str:
    """Return the table; the last column is a multiple of ours."""
    head = ["microseconds", "", "p50", "p95", "of ours"]
    return table(head, sorted(rows(timings), key=lambda row: row[0]))


def targets(timings: Sequence[Timing]) -> list[Target]:
    """Return what was promised beside what was measured; of the libraries the faster one counts."""
    found = []
    for kind in KINDS:
        for what, name in ((BOTH, "p50"), (MEAN, "mean")):
            ours = median(timings, kind, what, OURS)
            theirs = [
                spent
                for release in PEER_VERSIONS
                if (spent := median(timings, kind, what, f"npm library {release}")) is not None
            ]
            if ours is not None and theirs:
                said, promised = f"{ours:.1f} us", f"<= {min(theirs):.1f} us"
                subject = f"{kind}: {BOTH}, {name}, beside the npm library"
                found.append(Target("B11", subject, said, promised, ours <= min(theirs)))
        spent_each = median(timings, kind, BOTH, OURS)
        if spent_each is not None:
            said, promised = f"{spent_each / 1000:.3f} ms", f"<= {PER_REQUEST:g} ms"
            found.append(Target("B11", f"{kind}: added to a request", said, promised, spent_each <= PER_REQUEST * 1000))
    return found


def _transactions(count: int) -> list[dict[str, t.Any]]:
    """Return quotes of which no two are the same, so that nothing that was made can be used again."""
    made = []
    for at in range(count):
        quote = copy.deepcopy(QUOTE)
        identifiers = {name: f"{at:08x}-{secrets.token_hex(2)}-4000-8000-{secrets.token_hex(6)}" for name in ("q", "t")}
        made.append({"quoteId": identifiers["q"], "transactionId": identifiers["t"], **quote})
    return made


@contextlib.contextmanager
def _library(wanted: bool) -> Iterator[Peer | None]:
    """Yield the libraries in a process of their own, None when they are missing or not wanted."""
    with contextlib.ExitStack() as stack:
        peer: Peer | None = None
        try:
            peer = stack.enter_context(Peer("sdk_standard_components")) if wanted else None
        except MissingPartError as missing:
            print(f"The npm library was not measured: {missing}")
        yield peer


def _script(bench: Workbench, task: dict[str, t.Any]) -> dict[str, list[int]]:
    environment = bench.environment()
    environment["PYTHONPATH"] += f":{bench.collections}"
    done = subprocess.run(
        bench.script("packets"), input=json.dumps(task), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the packets were not measured:\n{done.stderr[-2000:]}")
    spent: dict[str, list[int]] = json.loads(done.stdout)
    return spent
