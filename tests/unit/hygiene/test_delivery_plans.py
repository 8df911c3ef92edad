# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of what hands secrets to services; see plans/delivery.yml."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
import yaml

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import Attributes, FileTransaction
from plugins.module_utils._core.free_text import free_text
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._core.resource import Resource
from plugins.module_utils._core.state import UNMANAGED
from plugins.module_utils._hygiene.container_secret import LABEL, ContainerSecret, Engine, Podman
from plugins.module_utils._hygiene.credential import CredentialState, Place, Sealer, ServiceCredentials
from plugins.module_utils._hygiene.digest import DigestKey
from plugins.module_utils._hygiene.environment_file import EnvironmentFile, EnvironmentState

Case = dict[str, t.Any]

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
CASES: list[Case] = yaml.safe_load((pathlib.Path(__file__).parent / "plans" / "delivery.yml").read_text())["cases"]
PLACE = Place("/c/hub.service", "/u/hub.service.d/60-trustmesh-credentials.conf", encrypted=False, with_key="auto")


def _environment(case: Case, _folder: pathlib.Path) -> tuple[Resource[t.Any], t.Any]:
    def state(data: Case | None, plain: t.Collection[str]) -> EnvironmentState | None:
        if data is None:
            return None
        secrets = {name: Secret(text) for name, text in data.get("secrets", {}).items()}
        variables = {name: text if name in plain else Secret(text) for name, text in data.get("variables", {}).items()}
        return EnvironmentState({**variables, **secrets}, data.get("owner", UNMANAGED), UNMANAGED, data["mode"])

    plain = frozenset((case["desired"] or {}).get("variables", {}))
    desired = state(case["desired"], plain)
    return EnvironmentFile(FileTransaction(), "/e/hub.env", desired, Attributes(), plain), state(case["current"], plain)


def _credential(case: Case, _folder: pathlib.Path) -> tuple[Resource[t.Any], t.Any]:
    current = desired = None
    if case["desired"] is not None:
        values = {name: Secret(text) for name, text in case["desired"].items()}
        desired = CredentialState(values, PLACE.text(values), dict.fromkeys(values, "0600"))
    if case["current"] is not None:
        held = {name: Secret(text) for name, text in case["current"]["values"].items()}
        current = CredentialState(held, PLACE.text(case["current"]["loads"]), case["current"]["files"])
    return ServiceCredentials(FileTransaction(), Sealer(), "hub.service", PLACE, desired), current


def _container(case: Case, folder: pathlib.Path) -> tuple[Resource[t.Any], t.Any]:
    key = DigestKey(str(folder / "digest.key"))
    key.ensure()
    engine = Engine(Podman("podman"), key)
    item: Case = {"name": "db", "state": "absent", "driver": "file", "labels": None, "value_file": None, "vault": None}
    if case["desired"] is not None:
        item.update(case["desired"], state="present")

    class Held(Engine):
        """The engine with one secret in it, as podman would tell of it."""

        def held(self, name: str) -> Case | None:
            if case["current"] is None:
                return None
            value = case["current"].get("value")
            mark = {} if value is None else {LABEL: key.of("db", Secret(value))}
            labels = {**case["current"].get("labels", {}), **mark}
            return {"Driver": {"Name": case["current"].get("driver", "file")}, "Labels": labels}

    resource = ContainerSecret.declared(Held(engine.podman, key), _no_vault, item)
    return resource, resource.read()


def _no_vault(mount: str, path: str, key: str) -> Secret:
    raise AssertionError("nothing is in Vault here")


MAKERS = {"environment": _environment, "credential": _credential, "container": _container}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_plan(case: Case, tmp_path: pathlib.Path) -> None:
    resource, current = MAKERS[case["kind"]](case, tmp_path)
    plan = resource.plan(current, NOON)
    assert plan.action.value == case["action"]
    assert plan.reasons == case.get("reasons", [])
    assert [f"{step.verb} {step.target.rpartition('/')[2]}" for step in plan.steps] == case.get("steps", [])
    assert list(plan.warnings) == case.get("warnings", [])


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_no_value_is_in_a_diff(case: Case, tmp_path: pathlib.Path) -> None:
    resource, current = MAKERS[case["kind"]](case, tmp_path)
    diff = str(resource.plan(current, NOON).diff("x"))
    for value in ("old value", "new value", "a value", "'one'", "'two'", "'new'"):
        assert value not in diff


def test_names_of_cases_are_their_own() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names)) >= 25


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (3, "3"), (1.5, "1.5"), ("", ""), ("x", "x")]
)
def test_s9_a_scalar_is_spelled_as_yaml_does(value: object, text: str) -> None:
    assert free_text(value, "variables.A") == text


@pytest.mark.parametrize("value", [None, [1, 2], {"a": True}])
def test_s9_what_is_no_text_is_refused_with_the_remedy(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"variables\.A: is .*, not a text\. Write the text that is meant in quotes"):
        free_text(value, "variables.A")
