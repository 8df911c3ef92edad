# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of Molecule scenarios notices what is missing."""

from __future__ import annotations

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import scenarios

_VERIFY = """
- hosts: localhost
  tasks:
    - block:
        - ansible.builtin.import_tasks: tasks/independent.yml
      always:
        - ansible.builtin.include_role: {name: trustmesh.security.pki, tasks_from: verify}
"""
_GOOD = {
    "roles/pki/tasks/main.yml": "",
    "roles/quickstart/tasks/main.yml": "",
    "extensions/molecule/default/molecule.yml": "{}",
    **{f"extensions/molecule/pki/{name}": "" for name in scenarios.FILES},
    "extensions/molecule/pki/verify.yml": _VERIFY,
}


def test_a_role_with_a_scenario_is_right(plant: Plant) -> None:
    assert scenarios.violations(plant(_GOOD)) == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"roles/edge/tasks/main.yml": ""}, "roles/edge: has no scenario in extensions/molecule"),
        (
            {"extensions/molecule/pki/verify.yml": _VERIFY.replace("tasks_from: verify", "tasks_from: main")},
            "extensions/molecule/pki: does not run the entry point verify of the role",
        ),
        (
            {"extensions/molecule/pki/verify.yml": _VERIFY.replace("security.pki", "security.edge")},
            "extensions/molecule/pki: does not run the entry point verify of the role",
        ),
    ],
)
def test_a_scenario_that_asks_too_little_is_found(plant: Plant, more: dict[str, str], problem: str) -> None:
    assert scenarios.violations(plant({**_GOOD, **more})) == [problem]


def test_a_missing_file_is_found(plant: Plant) -> None:
    files = {name: text for name, text in _GOOD.items() if not name.endswith("pki/tasks/independent.yml")}
    assert scenarios.violations(plant(files)) == ["extensions/molecule/pki: has no tasks/independent.yml"]


def test_a_scenario_without_a_role_is_found(plant: Plant) -> None:
    files = {name: text for name, text in _GOOD.items() if not name.startswith("roles/pki")}
    assert scenarios.violations(plant(files)) == ["extensions/molecule/pki: there is no role of this name"]
