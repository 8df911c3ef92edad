# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what `make test` ran, counted from the reports it left, and refuse skips where ``CI=true``.

Usage: counts.py REPORTS SANITY... [--without PART]...

A skip is all right on a contributor's machine. In CI a part that is missing is a failure; a test that does not apply
(to this product, say) begins its reason with ``not applicable:`` and is counted apart.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import sys
from dataclasses import dataclass, field
from xml.etree import ElementTree

NOT_APPLICABLE = "not applicable:"


@dataclass
class Count:
    """What one report says: things that ran, tests that did not apply, and reasons of the other skips."""

    name: str
    ran: int
    unit: str
    not_applicable: int = 0
    skipped: list[str] = field(default_factory=list)


def tests(report: pathlib.Path) -> Count:
    """Count a JUnit report of pytest."""
    count = Count(report.stem, 0, "tests")
    for case in ElementTree.parse(report).iter("testcase"):
        skip = case.find("skipped")
        if skip is None or skip.get("type") == "pytest.xfail":
            count.ran += 1
        elif NOT_APPLICABLE in skip.get("message", ""):
            count.not_applicable += 1
        else:
            count.skipped.append(f"{case.get('classname')}::{case.get('name')}: {skip.get('message')}")
    return count


def sanity(report: pathlib.Path) -> Count:
    """Count the output of ansible-test sanity, which announces each test it runs."""
    text = report.read_text(encoding="utf-8")
    ran = set(re.findall(r'^Running sanity test "([^"]+)"', text, re.MULTILINE))
    return Count(report.stem, len(ran), "sanity tests")


def loaded(report: pathlib.Path) -> Count:
    """Count the output of galaxy-importer, which announces each plugin and role that it loads."""
    return Count(report.stem, len(re.findall("^Loading ", report.read_text(encoding="utf-8"), re.MULTILINE)), "parts")


def steps(report: pathlib.Path) -> Count:
    """Count the steps of scenarios that Molecule lists at its end; it ends with an error when one of them failed."""
    done = re.findall(r"^\S+ > \w+: Executed: Successful$", report.read_text(encoding="utf-8"), re.MULTILINE)
    return Count(report.stem, len(done), "steps")


def files(report: pathlib.Path, pattern: str) -> Count:
    """Count the files a linter says it looked at; ``pattern`` has one group, the number."""
    found = re.search(pattern, report.read_text(encoding="utf-8"))
    return Count(report.stem, int(found.group(1)) if found else 0, "files")


def collect(reports: pathlib.Path, sanity_runs: list[str]) -> list[Count]:
    """Return the counts of every report; one that is not there or counts nothing is an error."""
    counts = [
        tests(reports / "unit.xml"),
        tests(reports / "integration.xml"),
        *(sanity(reports / f"{name}.log") for name in sanity_runs),
        loaded(reports / "importer.log"),
        steps(reports / "molecule.log"),
        files(reports / "mypy.log", r"no issues found in (\d+) source file"),
        files(reports / "ansible-lint.log", r"0 failure\(s\), 0 warning\(s\) in (\d+) files"),
    ]
    empty = [count.name for count in counts if not count.ran]
    if empty:
        raise SystemExit(f"Nothing was counted in: {', '.join(empty)}")
    return counts


def main() -> None:
    """Print the table; exit with 1 when something was skipped in CI."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reports", type=pathlib.Path)
    parser.add_argument("sanity", nargs="+")
    parser.add_argument("--without", action="append", default=[], metavar="PART")
    arguments = parser.parse_args()
    counts = collect(arguments.reports, arguments.sanity)
    for count in counts:
        apart = f", {count.not_applicable} not applicable" if count.not_applicable else ""
        skips = f", {len(count.skipped)} skipped" if count.skipped else ""
        print(f"{count.name:20} {count.ran:5} {count.unit}{apart}{skips}")
    for part in arguments.without:
        print(f"not run: {part}")
    skipped = [f"{count.name}: {reason}" for count in counts for reason in count.skipped]
    print("\n".join(f"skipped: {reason}" for reason in skipped), end="\n" if skipped else "")
    if skipped and os.environ.get("CI") == "true":
        sys.exit("In CI a part that is missing is a failure.")


if __name__ == "__main__":
    main()
