# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan tables: (current, item, clock) -> action, reasons, steps or refusal; see plans/*.yml and `subjects`."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
import yaml

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.plan import Plan, Step
from plugins.module_utils._core.redact import Secret, render
from plugins.module_utils._core.state import State
from tests.unit.vault.subjects import NOON, SUBJECTS, TABLES, Case


def _cases(*, refused: bool) -> list[t.Any]:
    found = []
    for path in TABLES:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [
            pytest.param(table["resource"], case, id=f"{path.stem}: {case['name']}")
            for case in table["cases"]
            if ("refused" in case) is refused
        ]
    return found


def _body(body: t.Any) -> t.Any:
    """Return a step's body as the tables write it: no secret, and of a state only that it is one."""
    if isinstance(body, State) or (dataclasses.is_dataclass(body) and not isinstance(body, type)):
        return type(body).__name__
    return "secret" if isinstance(body, Secret) else render(body)


def _steps(steps: t.Sequence[Step]) -> list[t.Any]:
    written: list[t.Any] = []
    for step in steps:
        if isinstance(step.body, Plan):
            written += _steps(step.body.steps)
        else:
            written.append([step.verb, step.target] + ([] if step.body is None else [_body(step.body)]))
    return written


@pytest.mark.parametrize(("kind", "case"), _cases(refused=False))
def test_plan(kind: str, case: Case) -> None:
    resource, current = SUBJECTS[kind](case)
    now = case.get("now", NOON)

    plan = resource.plan(current, now)

    assert plan.action.value == case["action"]
    assert plan.reasons == case.get("reasons", [])
    assert _steps(plan.steps) == case.get("steps", [])
    assert bool(plan) is (case["action"] != "none")
    assert resource.plan(current, now) == plan, "planning is pure: asked again, it says the same"
    text = json.dumps(plan.diff(resource.identity))
    for secret in case.get("secrets", []):
        assert secret not in text


@pytest.mark.parametrize(("kind", "case"), _cases(refused=True))
def test_refusal(kind: str, case: Case) -> None:
    def judge() -> None:
        resource, current = SUBJECTS[kind](case)
        resource.plan(current, NOON)

    with pytest.raises((TrustmeshError, ValueError)) as caught:
        judge()
    assert case["refused"] in str(caught.value)


def test_every_table_has_cases_with_names_of_their_own() -> None:
    names = [case.id for refused in (False, True) for case in _cases(refused=refused)]
    assert {path.stem for path in TABLES} == set(SUBJECTS)
    assert len(names) == len(set(names)) > 60
