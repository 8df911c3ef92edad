# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan tables: (current, desired, clock) -> action, changes with reasons, steps and warnings; see plans/*.yml."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest
import yaml

from plugins.module_utils._core.plan import Plan, Step
from plugins.module_utils._core.redact import Secret, render
from plugins.module_utils._core.resource import Resource
from plugins.module_utils._core.state import State
from tests.unit.core.samples import Lease, LeaseResource, Pair, Sample, SampleResource

Case = dict[str, t.Any]

TABLES = sorted((pathlib.Path(__file__).parent / "plans").glob("*.yml"))
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


def _cases() -> list[t.Any]:
    found = []
    for path in TABLES:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [pytest.param(table["resource"], case, id=f"{path.stem}: {case['name']}") for case in table["cases"]]
    return found


def _sample(name: str, case: Case) -> tuple[Resource[t.Any], State | None]:
    nulls = dict.fromkeys(case.get("null_fields", ()))
    desired = None if case["desired"] is None else Sample.declared(case["desired"], **nulls)
    current = None if case["current"] is None else Sample.observed(case["current"])
    return SampleResource(name, desired), current


def _lease(name: str, case: Case) -> tuple[Resource[t.Any], State | None]:
    current = None if case["current"] is None else Lease.observed(case["current"])
    return LeaseResource(name, Lease.declared(case["desired"])), current


def _pair(name: str, case: Case) -> tuple[Resource[t.Any], t.Any]:
    pairs = []
    for at, (current, desired) in enumerate(zip(case["current"], case["desired"])):
        build = _sample if at < 2 else _lease
        pairs.append(build(f"{name}.{at}", {"current": current, "desired": desired}))
    return Pair(name, [member for member, _state in pairs]), tuple(state for _member, state in pairs)


RESOURCES = {"sample": _sample, "lease": _lease, "pair": _pair}


def _steps(steps: t.Sequence[Step]) -> list[t.Any]:
    """Return steps as the tables write them; a step of a composite carries the plan of a member."""
    written = []
    for step in steps:
        body = step.body
        if isinstance(body, Plan):
            body = {"action": body.action.value, "steps": _steps(body.steps)}
        written.append([step.verb, step.target] if body is None else [step.verb, step.target, body])
    return written


def _expected_value(value: t.Any) -> t.Any:
    if isinstance(value, dict) and list(value) == ["secret"]:
        return Secret(value["secret"]).fingerprint()
    return value


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_plan(kind: str, case: Case) -> None:
    resource, current = RESOURCES[kind]("it", case)
    now = case.get("now", NOON)

    plan = resource.plan(current, now)

    assert plan.action.value == case["action"]
    changes = {change.path: [render(change.before), render(change.after), change.reason] for change in plan.changes}
    expected = {
        path: [_expected_value(before), _expected_value(after), reason]
        for path, (before, after, reason) in case.get("changes", {}).items()
    }
    assert changes == expected
    assert len(plan.changes) == len(changes), "two changes share a path"
    assert _steps(plan.steps) == case.get("steps", [])
    assert list(plan.warnings) == case.get("warnings", [])
    assert bool(plan) is (case["action"] != "none")
    assert resource.plan(current, now) == plan, "planning is pure: asked again, it says the same"


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_diff_shows_the_changed_fields_and_no_secret(kind: str, case: Case) -> None:
    resource, current = RESOURCES[kind]("it", case)

    diff = resource.plan(current, case.get("now", NOON)).diff("sample it")

    paths = set(case.get("changes", {}))
    assert set(diff["before"]) == (set() if case["action"] == "create" else paths)
    assert set(diff["after"]) == (set() if case["action"] == "delete" else paths)
    assert diff["before_header"] == diff["after_header"] == "sample it"
    text = json.dumps(diff)
    for secret in ("hunter2", "correct horse", "battery staple", "grow well"):
        assert secret not in text


def test_every_table_has_cases_with_names_of_their_own() -> None:
    names = [case.id for case in _cases()]
    assert len(TABLES) == 3
    assert len(names) == len(set(names)) > 40
