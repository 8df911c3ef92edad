# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of local_process; see plans/process.yml."""

from __future__ import annotations

import datetime
import pathlib
import re
import typing as t

import pytest
import yaml

from plugins.module_utils._host.control import Program
from plugins.module_utils._host.process import LocalProcess, ProcessState
from plugins.module_utils._host.procfs import ProcessId

Case = dict[str, t.Any]

CASES: list[Case] = yaml.safe_load((pathlib.Path(__file__).parent / "plans" / "process.yml").read_text())["cases"]
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
PROGRAM = Program((), "/", {}, "/run/it.pid", "/run/it.log", (), 1, 1)


def _resource(case: Case) -> tuple[LocalProcess, ProcessState | None]:
    resource = LocalProcess("it", PROGRAM, None, wanted=False)
    resource.desired = None if case["desired"] is None else ProcessState.declared(case["desired"])
    if case["current"] is None:
        return resource, None
    known = {"process": ProcessId(4711, 99), "alive": case["current"]["alive"]}
    return resource, ProcessState.observed(case["current"], **known)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_plan(case: Case) -> None:
    resource, current = _resource(case)
    plan = resource.plan(current, NOON)
    assert plan.action.value == case["action"]
    assert plan.reasons == case.get("reasons", [])
    assert [step.verb for step in plan.steps] == case.get("steps", [])
    assert [step.body for step in plan.steps if step.verb == "stop"] == [ProcessId(4711, 99)] * (
        "stop" in case.get("steps", [])
    )


def test_the_diff_shows_no_value_of_the_environment() -> None:
    case = next(case for case in CASES if "its value is not told" in case["name"])
    resource, current = _resource(case)
    diff = resource.plan(current, NOON).diff("it")
    assert set(diff["before"]) == {"environment.TOKEN"}
    shown = [diff[side]["environment.TOKEN"] for side in ("before", "after")]
    assert all(re.fullmatch("secret:[0-9a-f]{12}", text) for text in shown)
    assert shown[0] != shown[1]


def test_names_of_cases_are_their_own() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names)) >= 15
