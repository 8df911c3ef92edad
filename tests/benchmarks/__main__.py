# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command line: measure, print the tables, keep them below build/bench."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import sys
import typing as t

from tests.benchmarks import ilp, issuing, items, message_keys, tables
from tests.benchmarks.estate import build_estate
from tests.benchmarks.participants import participants
from tests.benchmarks.provisioning import provisioning
from tests.benchmarks.rate import Rates, rates
from tests.benchmarks.report import targets
from tests.benchmarks.session import FULL, QUICK, Schedule, Session
from tests.benchmarks.workbench import OUTPUT, Workbench
from tests.rigs.openbao import OpenBao

#: What takes a server, and what is measured within a process.
SERVER_SUITES = ("issue", "due", "check", "provision", "participants", "rate")
PROCESS_SUITES = {"jws": message_keys, "ilp": ilp, "items": items}
SUITES = (*SERVER_SUITES, *PROCESS_SUITES)

#: A report for people and one for programs.
Result = tuple[str, dict[str, t.Any]]


def _sizes(value: str) -> tuple[int, ...]:
    return tuple(int(part) for part in value.split(","))


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few repetitions: minutes instead of hours")
    parser.add_argument("--only", default=",".join(SUITES), help=f"which of {','.join(SUITES)}")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="measure ours and the scripts alone")
    parser.add_argument("--sources", action="store_true", help="measure this working tree, not build/collections")
    parser.add_argument("--sizes", type=_sizes, help="certificates of our runs, for example 1,100,1000")
    parser.add_argument("--repeats", type=int, help="repetitions of our runs")
    parser.add_argument("--peer-sizes", type=_sizes, help="certificates of the peers' runs")
    parser.add_argument("--peer-repeats", type=int, help="repetitions of the peers' runs")
    return parser.parse_args(argv)


def _schedule(arguments: argparse.Namespace) -> Schedule:
    schedule = QUICK if arguments.quick else FULL
    names = ("sizes", "repeats", "peer_sizes", "peer_repeats")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    schedule = dataclasses.replace(schedule, **given)
    # What is compared with a run that has nothing to do needs such a run of its size.
    return dataclasses.replace(schedule, due=max((n for n in schedule.sizes if n <= FULL.due), default=1))


def _measure(session: Session, suites: list[str], *, peers: bool) -> Rates | None:
    issuing.floor(session)
    if "issue" in suites:
        issuing.issuing(session, peers=peers)
    if "due" in suites:
        issuing.due(session)
    if "check" in suites:
        issuing.checking(session, peers=peers)
    if "provision" in suites:
        provisioning(session, peers=peers)
    if "participants" in suites:
        participants(session)
    return rates(session) if "rate" in suites else None


def _with_server(bench: Workbench, arguments: argparse.Namespace, suites: list[str]) -> Result:
    with OpenBao() as server:
        estate = build_estate(server, bench.directory / "authority")
        found: Rates | None = None
        with Session(bench, estate, _schedule(arguments)) as session:
            try:
                found = _measure(session, suites, peers=arguments.peers)
            except KeyboardInterrupt:
                print("Interrupted: this is what there is.")
        verdicts = targets(session, found)
        return tables.text(session, found, verdicts), tables.document(session, found, verdicts)


def _within_process(bench: Workbench, arguments: argparse.Namespace, name: str) -> Result:
    suite = PROCESS_SUITES[name]
    timings = suite.measure(bench, quick=arguments.quick, peers=arguments.peers)
    verdicts = suite.targets(timings)
    data = {"timings": timings, "targets": verdicts}
    document = {name: {key: [dataclasses.asdict(entry) for entry in entries] for key, entries in data.items()}}
    return f"{suite.text(timings)}\n\nTargets\n\n{tables.verdict_table(verdicts)}\n", document


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks; the exit code does not depend on how fast anything was."""
    arguments = _arguments(argv)
    bench = Workbench(sources=arguments.sources)
    suites = arguments.only.split(",")
    results = [_within_process(bench, arguments, name) for name in PROCESS_SUITES if name in suites]
    if set(suites).intersection(SERVER_SUITES):
        results.append(_with_server(bench, arguments, suites))
    report = "\n\n".join(text for text, _data in results)
    data = {"versions": bench.versions, **{key: value for _text, data in results for key, value in data.items()}}
    stamp = datetime.datetime.now(tz=datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path = tables.keep(OUTPUT, stamp, report, data)
    print(f"\n{report}\nKept in {path} and beside it as JSON.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
