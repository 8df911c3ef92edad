# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of `make test`: counts come from the reports, and in CI a skip is a failure."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from tests.tooling import counts

_RAN = '<testcase classname="a" name="one"/>'
_SKIPPED = '<testcase classname="a" name="two"><skipped type="pytest.skip" message="no envoy here"/></testcase>'
_APART = (
    '<testcase classname="a" name="three"><skipped type="pytest.skip" message="not applicable: OpenBao"/></testcase>'
)
_EXPECTED = '<testcase classname="a" name="four"><skipped type="pytest.xfail" message="known"/></testcase>'
_REPORTS = {
    "sanity-core-2.19.log": 'x\nRunning sanity test "import" on Python 3.8\n'
    'Running sanity test "import" on Python 3.9\n'
    'Running sanity test "pep8"\n',
    "importer.log": "Loading module a\nLinting module a\nLoading role b\n",
    "molecule.log": "INFO     [hub > verify] Executed: Successful\n\nDETAILS\nhub > converge: Executed: Successful\n"
    "hub > verify: Executed: Successful\nhub > cleanup: Executed: Missing playbook (Remove it)\n",
    "mypy.log": "Success: no issues found in 110 source files\n",
    "ansible-lint.log": "Passed: 0 failure(s), 0 warning(s) in 165 files processed of 193 encountered.\n",
}


@pytest.fixture
def reports(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder of reports in which everything ran."""
    for name, text in _REPORTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("unit", "integration"):
        _write(tmp_path / f"{name}.xml", _RAN)
    return tmp_path


def _write(report: pathlib.Path, *cases: str) -> None:
    report.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", encoding="utf-8")


def _run(reports: pathlib.Path, ci: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, counts.__file__, str(reports), "sanity-core-2.19", "--without", "sanity on Python 3.9"]
    return subprocess.run(command, env={"CI": ci}, capture_output=True, text=True, timeout=60, check=False)


def test_counts_are_those_of_the_reports(reports: pathlib.Path) -> None:
    _write(reports / "unit.xml", _RAN, _RAN, _EXPECTED, _APART)
    found = {count.name: (count.ran, count.not_applicable) for count in counts.collect(reports, ["sanity-core-2.19"])}
    assert found == {
        "unit": (3, 1),
        "integration": (1, 0),
        "sanity-core-2.19": (2, 0),
        "importer": (2, 0),
        "molecule": (2, 0),
        "mypy": (110, 0),
        "ansible-lint": (165, 0),
    }


def test_a_skip_is_told_and_fails_in_ci_only(reports: pathlib.Path) -> None:
    _write(reports / "integration.xml", _RAN, _SKIPPED)
    here, ci = _run(reports, ""), _run(reports, "true")
    assert (here.returncode, ci.returncode) == (0, 1)
    assert "skipped: integration: a::two: no envoy here" in here.stdout
    assert "not run: sanity on Python 3.9" in here.stdout


def test_what_does_not_apply_is_no_skip(reports: pathlib.Path) -> None:
    _write(reports / "integration.xml", _RAN, _APART)
    assert _run(reports, "true").returncode == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mypy.log", "Found 1 error in 1 file\n"),
        ("ansible-lint.log", "Failed: 1 failure(s), 0 warning(s) in 165 files\n"),
        ("sanity-core-2.19.log", ""),
        ("importer.log", "ERROR: The import failed\n"),
        ("molecule.log", "hub > converge: Executed: Failed (Ansible return code was 2)\n"),
        ("unit.xml", "<testsuites/>"),
    ],
)
def test_a_part_in_which_nothing_ran_fails_everywhere(reports: pathlib.Path, name: str, text: str) -> None:
    (reports / name).write_text(text, encoding="utf-8")
    done = _run(reports, "")
    assert done.returncode == 1
    assert f"Nothing was counted in: {name.rpartition('.')[0]}" in done.stderr


def test_a_missing_report_fails(reports: pathlib.Path) -> None:
    (reports / "integration.xml").unlink()
    assert _run(reports, "").returncode == 1
