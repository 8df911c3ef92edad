# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A test that lacks a part is skipped on a contributor's machine and fails in CI, whoever calls pytest."""

from __future__ import annotations

import types
import typing as t

import pytest

from tests.conftest import pytest_runtest_makereport


def _judged(outcome: str, reason: str, **more: t.Any) -> t.Any:
    skipped = outcome == "skipped"
    report = types.SimpleNamespace(outcome=outcome, skipped=skipped, longrepr=("file", 1, f"Skipped: {reason}"), **more)
    steps = pytest_runtest_makereport()
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(t.cast("pytest.TestReport", report))
    return end.value.value


@pytest.mark.parametrize(
    ("ci", "outcome", "reason", "expected"),
    [
        ("true", "skipped", "no such program", "failed"),
        ("true", "skipped", "not applicable: another product", "skipped"),
        ("true", "passed", "", "passed"),
        ("", "skipped", "no such program", "skipped"),
    ],
)
def test_f1_missing_part_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str, reason: str, expected: str
) -> None:
    monkeypatch.setenv("CI", ci)
    assert _judged(outcome, reason).outcome == expected


def test_f1_failure_names_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert "no such program" in _judged("skipped", "no such program").longrepr
    assert _judged("skipped", "", wasxfail="later").outcome == "skipped"
