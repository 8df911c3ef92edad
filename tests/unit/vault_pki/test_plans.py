# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan tables of the PKI resources: (current, desired, clock) -> action, reasons, steps, warnings or refusal."""

from __future__ import annotations

import datetime
import pathlib
import re
import typing as t

import pytest
import yaml

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.plan import Plan, Step
from plugins.module_utils._core.redact import render
from tests.unit.vault_pki.subjects import SUBJECTS

Case = dict[str, t.Any]

TABLES = sorted((pathlib.Path(__file__).parent / "plans").glob("*.yml"))
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


def _cases() -> list[t.Any]:
    found = []
    for path in TABLES:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [pytest.param(table["resource"], case, id=f"{path.stem}: {case['name']}") for case in table["cases"]]
    return found


def unmarked(body: t.Any) -> t.Any:
    """Replace the beginning of a fingerprint, which tables cannot foretell because keys are made at test time."""
    return re.sub("-[0-9a-f]{8}$", "-<mark>", body) if isinstance(body, str) else body


def plan_of(kind: str, case: Case, now: datetime.datetime) -> Plan:
    """Build the resource of a case and plan it."""
    resource, current = SUBJECTS[kind](case)
    return resource.plan(current, now)


def flat(plan: Plan) -> t.Iterator[Step]:
    """Yield the steps of a plan; of a composite those of its members."""
    for step in plan.steps:
        yield from flat(step.body) if isinstance(step.body, Plan) else [step]


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_plan(kind: str, case: Case) -> None:
    now = case.get("now", NOON)
    if "refused" in case:
        with pytest.raises(TrustmeshError) as refusal:
            plan_of(kind, case, now)
        assert str(refusal.value) == case["refused"]
        return

    plan = plan_of(kind, case, now)

    assert plan.action.value == case["action"]
    assert plan.reasons == case.get("reasons", [])
    if "after" in case:
        assert {change.path: render(change.after) for change in plan.changes} == case["after"]
    steps = [[step.verb, step.target, unmarked(render(step.body))] for step in flat(plan)]
    assert steps == [[*step, None][:3] for step in case.get("steps", [])]
    assert list(plan.warnings) == case.get("warnings", [])
    assert plan_of(kind, case, now) == plan, "planning is pure: asked again, it says the same"


def test_every_table_has_cases_with_names_of_their_own() -> None:
    names = [case.id for case in _cases()]
    assert TABLES
    assert len(names) == len(set(names)) > 10
