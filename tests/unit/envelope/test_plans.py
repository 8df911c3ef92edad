# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan tables of envelopes: (current, item) -> action, reasons, steps or refusal; see plans/*.yml."""

from __future__ import annotations

import datetime
import json
import pathlib
import secrets
import typing as t
from collections.abc import Callable

import pytest
import yaml

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.redact import Secret, render
from plugins.module_utils._core.resource import Resource
from plugins.module_utils._envelope.key_file import KeyFile, MasterKeyFile
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._envelope.rewrap import Census, Rewrap, Terms
from plugins.module_utils._envelope.secret import Held, SealedSecret

Case = dict[str, t.Any]
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
TABLES = sorted((pathlib.Path(__file__).parent / "plans").glob("*.yml"))


class Untouched:
    """What planning may ask a port: its name."""

    identity = "secrets.dek"

    def __getattr__(self, name: str) -> t.NoReturn:
        raise AssertionError(f"planning asked the outside ({name})")


OUTSIDE: t.Any = Untouched()


def rewrap(case: Case) -> tuple[Resource[t.Any], t.Any]:
    """Build from a census and terms."""
    held = {**case["current"]}
    held["examples"] = tuple(held.get("examples", ()))
    return Rewrap(OUTSIDE, OUTSIDE, Terms("the old key", "the new key", **case["item"])), Census(**held)


def secret(case: Case) -> tuple[Resource[t.Any], t.Any]:
    """Build from a value or a flaw."""
    defaults = {"name": "name", "value": None, "bind_name": True, "on_mismatch": "fail", "state": "present"}
    resource = SealedSecret(OUTSIDE, OUTSIDE, Form(), {**defaults, **case["item"]})
    held = case["current"]
    if held is None:
        return resource, None
    value = Secret(held["value"]) if "value" in held else None
    return resource, Held({"algorithm": "aes-256-gcm"}, value, held.get("flaw"))


def key_file(case: Case) -> tuple[Resource[t.Any], t.Any]:
    """Build from what is at the path."""
    defaults = {"path": "/etc/hub/master.key", "owner": None, "group": None, "mode": "0600", "on_mismatch": "fail"}
    item = {**defaults, "deletion_allowed": False, "state": "present", **case["item"]}
    held = case["current"]
    resource = MasterKeyFile(FileTransaction(), item)
    if held is None:
        return resource, None
    key = None if "flaw" in held else Secret(secrets.token_hex(32))
    return resource, KeyFile(key, held.get("flaw"), tuple(tuple(entry) for entry in held.get("misplaced", ())))


SUBJECTS: dict[str, Callable[[Case], tuple[Resource[t.Any], t.Any]]] = {
    "rewrap": rewrap,
    "secret": secret,
    "key_file": key_file,
}


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


def _step(verb: str, target: str, body: t.Any) -> list[t.Any]:
    if isinstance(body, Secret):
        return [verb, target, "secret"]
    return [verb, target, render(body)] if body is not None or verb == "seal" else [verb, target]


@pytest.mark.parametrize(("kind", "case"), _cases(refused=False))
def test_plan(kind: str, case: Case) -> None:
    resource, current = SUBJECTS[kind](case)
    plan = resource.plan(current, NOON)
    assert plan.action.value == case["action"]
    assert plan.reasons == case.get("reasons", [])
    assert [_step(step.verb, step.target, step.body) for step in plan.steps] == case.get("steps", [])
    assert len(plan.warnings) == case.get("warnings", 0)
    assert resource.plan(current, NOON) == plan, "planning is pure: asked again, it says the same"
    shown = json.dumps([plan.diff(resource.identity), resource.describe(current)])
    for hidden in case.get("secrets", []):
        assert hidden not in shown


@pytest.mark.parametrize(("kind", "case"), _cases(refused=True))
def test_refusal(kind: str, case: Case) -> None:
    def judge() -> None:
        resource, current = SUBJECTS[kind](case)
        resource.plan(current, NOON)

    with pytest.raises(TrustmeshError) as caught:
        judge()
    assert case["refused"] in str(caught.value)


def test_every_table_has_cases_with_names_of_their_own() -> None:
    names = [case.id for refused in (False, True) for case in _cases(refused=refused)]
    assert {path.stem for path in TABLES} == set(SUBJECTS)
    assert len(names) == len(set(names)) > 25
