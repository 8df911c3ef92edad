# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give every parser that reads what others wrote its share of a million inputs.

Usage: python -m tests.fuzz [--inputs N] [--seconds N] [--seed N] [--only TEXT]

Findings are written to build/fuzz; once mended, an input goes into tests/fuzz/corpus, and is tried first ever after.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pathlib
import sys
import time

from .feeding import Report, Target, fuzz, spelled
from .targets import TARGETS

_FOUND = pathlib.Path("build/fuzz")


def _one(task: tuple[str, int, int, float]) -> Report:
    name, inputs, seed, seconds = task
    target = next(target for target in TARGETS if target.name == name)
    return fuzz(target, inputs, seed, seconds=seconds)


def _tasks(targets: list[Target], inputs: int, seed: int, seconds: float) -> list[tuple[str, int, int, float]]:
    shares = sum(target.share for target in targets)
    return [(target.name, 1 + int(inputs * target.share / shares), seed, seconds) for target in targets]


def main() -> int:
    """Return 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=600, help="the most that one parser may take")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    start = time.monotonic()
    targets = [target for target in TARGETS if options.only in target.name]
    tasks = _tasks(targets, options.inputs, options.seed, options.seconds)
    _FOUND.mkdir(parents=True, exist_ok=True)
    total = findings = 0
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        for report in pool.imap_unordered(_one, tasks, chunksize=1):
            total += report.inputs
            findings += len(report.findings)
            print(
                f"{report.name:20} {report.inputs:8} inputs {report.outcomes:5} outcomes,"
                f" slowest {report.slowest:.3f} s",
                flush=True,
            )
            for what, given in report.findings.items():
                print(f"    {what}: {str(given)[:100]!r}", flush=True)
            if report.findings:
                found = [spelled(given) for given in report.findings.values()]
                (_FOUND / f"{report.name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"{total} inputs for {len(targets)} parsers in {time.monotonic() - start:.0f} s: {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
