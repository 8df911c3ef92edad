# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill 500 runs and let 500 pairs of runs meet, over every resource that keeps keys or secrets.

Usage: python -m tests.endurance [--kills N] [--pairs N] [--seed N] [--only TEXT] [--workers N]

Prints where the kills hit and every finding; what an attempt with a finding has left stays in build/endurance.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import time

from tests.endurance import campaign
from tests.endurance.attempts import Arena, Report
from tests.endurance.workshop import ROOT, Workshop
from tests.rigs.openbao import OpenBao
from tests.rigs.warm import WarmPython

_LEFT = ROOT / "build" / "endurance"


def _print(report: Report) -> Report:
    for finding in report.findings:
        print(f"{report.subject.label}, {report.what}, {report.where or report.hit}: {finding}", flush=True)
    return report


def main() -> int:
    """Return 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make endurance")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--only", default="", help="part of what the table calls a resource, such as 'jwt_key, files'")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--collections", type=pathlib.Path, default=ROOT / "build" / "collections")
    options = parser.parse_args()
    shutil.rmtree(_LEFT, ignore_errors=True)
    _LEFT.mkdir(parents=True)
    warm, start = WarmPython(), time.monotonic()
    try:
        with OpenBao() as server:
            workshop = Workshop(options.collections.resolve(), _LEFT, server, warm)
            subjects = [each for each in campaign.table(workshop.connection) if options.only in each.label]
            arena = Arena(workshop)
            print(
                f"{options.kills} kills and {options.pairs} pairs over {len(subjects)} custodies, seed {options.seed}"
            )
            attempts = campaign.kills(subjects, options.kills, options.seed)
            killed = [_print(report) for report in campaign.carry_out(arena, attempts, options.workers)]
            print(f"\nkills\n{campaign.summary(killed, ('before', 'between', 'after'))}\n", flush=True)
            attempts = campaign.meetings(subjects, options.pairs, options.seed)
            # A pair keeps two workers busy by itself.
            met = [_print(report) for report in campaign.carry_out(arena, attempts, max(1, options.workers // 2))]
            print(f"\npairs\n{campaign.summary(met, ('met', 'apart'))}", flush=True)
    finally:
        warm.stop()
    findings = sum(bool(report.findings) for report in (*killed, *met))
    print(f"\n{len(killed)} kills and {len(met)} pairs in {time.monotonic() - start:.0f} s: {findings} with findings")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
