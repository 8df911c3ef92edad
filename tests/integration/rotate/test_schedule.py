# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The periods of schedules, with systemd as the second opinion on when the next one begins."""

from __future__ import annotations

import datetime
import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.process import MissingPartError
from tests.rigs.runner import Runner

VARIABLES = pathlib.Path(__file__).resolve().parents[3] / "playbooks" / "vars" / "rotate_all_keys.yml"

#: Instant, schedule, and when its period began and the next one begins.
PERIODS = [
    ("2026-11-21T14:30:15Z", "hourly", "2026-11-21T14:00:00Z", "2026-11-21T15:00:00Z"),
    ("2026-11-21T14:30:15Z", "daily", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
    ("2026-11-21T14:30:15Z", "weekly", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
    ("2026-11-23T00:00:00Z", "weekly", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
    ("2026-11-21T14:30:15Z", "monthly", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
    ("2026-12-31T23:59:59Z", "monthly", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ("2028-02-29T12:00:00Z", "monthly", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    ("2026-11-21T14:30:15Z", "quarterly", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ("2026-06-30T00:00:00Z", "semiannually", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
    ("2026-11-21T14:30:15Z", "yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ("2026-11-21T14:30:15Z", "annually", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ("2026-11-21T14:30:15Z", 86400, "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
    ("2026-11-21T14:30:15Z", "21600", "2026-11-21T12:00:00Z", "2026-11-21T18:00:00Z"),
    ("2026-11-21T14:30:15Z", 900, "2026-11-21T14:30:00Z", "2026-11-21T14:45:00Z"),
]
WRONG = ["", "fortnightly", "monthly ", "-1", "59", "30d", 0]


def _seconds(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def test_periods(runner: Runner) -> None:
    cases = [
        {"__rotation_now": _seconds(at), "rotation_schedule": "yearly", "rotation_schedules": {"jwt_key": schedule}}
        for at, schedule, _since, _next in PERIODS
    ]
    load = {"name": "Load", "ansible.builtin.include_vars": {"file": str(VARIABLES)}}
    show = {
        "name": "Show",
        "ansible.builtin.debug": {"msg": "{{ [__rotation_periods.jwt_key, __rotation_unknown] }}"},
        "vars": {name: "{{ item." + name + " }}" for name in cases[0]},
        "loop": cases,
    }
    done = runner.play([load, show]).ok()
    found = [task.result["msg"] for task in done.tasks if task.item]
    wanted = [{"schedule": schedule, "since": since, "next": following} for _at, schedule, since, following in PERIODS]
    assert found == [[period, []] for period in wanted]


def test_what_is_no_schedule_is_refused(runner: Runner) -> None:
    load = {"name": "Load", "ansible.builtin.include_vars": {"file": str(VARIABLES)}}
    show = {
        "name": "Show",
        "ansible.builtin.debug": {"msg": "{{ __rotation_unknown }}"},
        "vars": {"rotation_schedule": "{{ item }}", "rotation_schedules": {"jws": "daily"}},
        "loop": WRONG,
    }
    done = runner.play([load, show]).ok()
    assert [task.result["msg"] for task in done.tasks if task.item] == [[schedule, "jws"] for schedule in WRONG]


def _systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        raise MissingPartError("systemd-analyze is not installed (Debian package systemd)")
    return found


@pytest.mark.parametrize(("at", "schedule", "following"), [(at, word, end) for at, word, _since, end in PERIODS[:11]])
def test_systemd_thinks_so_too(at: str, schedule: t.Any, following: str) -> None:
    base = at.replace("T", " ").replace("Z", " UTC")
    command = [or_skip(_systemd_analyze), "calendar", f"--base-time={base}", f"{schedule} UTC"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env={"TZ": "UTC"}).stdout
    elapse = re.search(r"Next elapse: \w+ (\S+) (\S+) UTC", said)
    assert elapse is not None, said
    assert f"{elapse.group(1)}T{elapse.group(2)}Z" == following
