# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of roles notices every disagreement between argument spec, defaults and README."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import roles

ROOT = pathlib.Path(__file__).resolve().parents[3]

_SPEC = """
argument_specs:
  main:
    options:
      pki_mount: {type: str, default: pki}
      pki_url: {type: str}
      pki_roles: {type: list, elements: dict, required: true}
  verify:
    options:
      pki_mount: {type: str, default: pki}
"""
_DEFAULTS = """
pki_mount: pki
pki_url: "{{ trustmesh_vault_url }}"
# pki_roles:
#   - name: mesh
"""
_README = """
| Variable | Type | Default | Meaning |
|---|---|---|---|
| `pki_mount` | str | `pki` | Where the engine is. |
| `pki_url` | str | `trustmesh_vault_url` | The server. |
| `pki_roles` | list | required | The roles. |

| File | What |
|---|---|
| `chain.pem` | Another table. |
"""
_GOOD = {
    **{f"roles/pki/{name}": "" for name in roles.FILES},
    "roles/pki/meta/argument_specs.yml": _SPEC,
    "roles/pki/defaults/main.yml": _DEFAULTS,
    "roles/pki/README.md": _README,
}


def test_a_role_that_says_the_same_three_times_is_right(plant: Plant) -> None:
    assert roles.violations(plant(_GOOD)) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        ("defaults/main.yml", "pki_mount: pki\n", "", "pki_mount has no default"),
        (
            "defaults/main.yml",
            "pki_mount: pki\n",
            "pki_mount: pki_int\n",
            "pki_mount: default is 'pki_int', the argument spec says 'pki'",
        ),
        (
            "defaults/main.yml",
            '"{{ trustmesh_vault_url }}"',
            "https://vault.example.com",
            "pki_url: default is 'https://vault.example.com', the argument spec says nothing",
        ),
        ("defaults/main.yml", "# pki_roles:", "pki_roles:", "pki_roles is required and has a default"),
        ("defaults/main.yml", "# pki_roles:", "#", "pki_roles is required and not shown, commented, in the defaults"),
        ("defaults/main.yml", "\n", "\npki_more: 1\n", "pki_more has a default but is in no argument spec"),
        ("README.md", "| `pki_url` ", "| url ", "pki_url has no row in the README"),
        (
            "README.md",
            "\n|---",
            "\n| `pki_old` | str | | Gone. |\n|---",
            "pki_old is in the README but in no argument spec",
        ),
        ("README.md", "required", "`[]`", "pki_roles is required, which the README does not say"),
        (
            "README.md",
            "`pki` | Where",
            "`pki_int` | Where",
            "pki_mount: the README says its default is `pki_int`, the argument spec says 'pki'",
        ),
        (
            "README.md",
            "| str | `pki`",
            "| path | `pki`",
            "pki_mount: the README says its type is path, the argument spec says str",
        ),
        (
            "README.md",
            "| str | `trustmesh_vault_url` | The",
            "| The",
            "pki_url: its row in the README needs four cells: variable, type, default, meaning",
        ),
        (
            "meta/argument_specs.yml",
            "{type: list, elements: dict, required: true}",
            "{type: list, elements: dict, default: '{{ trustmesh_roles }}'}",
            "pki_roles: the argument spec gives an expression where a list is due; leave it out there",
        ),
        (
            "meta/argument_specs.yml",
            "  verify:",
            "  audit:",
            "has no argument spec for entry point verify",
        ),
    ],
)
def test_a_disagreement_is_found(plant: Plant, path: str, old: str, new: str, problem: str) -> None:
    name = f"roles/pki/{path}"
    files = {**_GOOD, name: _GOOD[name].replace(old, new, 1)}
    assert roles.violations(plant(files))[0] == f"roles/pki: {problem}"


def test_an_entry_point_without_tasks_is_found(plant: Plant) -> None:
    files = {**_GOOD, "roles/pki/meta/argument_specs.yml": _SPEC + "  audit: {}\n"}
    assert roles.violations(plant(files)) == ["roles/pki: has an argument spec for audit, but no tasks/audit.yml"]


def test_a_variable_without_the_prefix_is_found(plant: Plant) -> None:
    files = {name: text.replace("pki_url", "address") for name, text in _GOOD.items()}
    assert roles.violations(plant(files)) == ["roles/pki: address does not begin with pki_"]


def test_a_missing_file_is_found(plant: Plant) -> None:
    files = {name: text for name, text in _GOOD.items() if not name.endswith("verify.yml")}
    assert roles.violations(plant(files)) == ["roles/pki: has no tasks/verify.yml"]


@pytest.mark.parametrize("playbook", ["site", "verify"])
def test_j1_every_role_has_its_group_in_the_playbooks(playbook: str) -> None:
    """J1: a host in the group of a role that the playbook forgot is green, and nothing was done there."""
    root = pathlib.Path(__file__).resolve().parents[3]
    kept = {path.name for path in (root / "roles").iterdir()} - {"quickstart"}
    plays = yaml.safe_load((root / f"playbooks/{playbook}.yml").read_text(encoding="utf-8"))
    assert {play["hosts"] for play in plays} - {"localhost:all"} == kept


@pytest.mark.parametrize(("playbook", "ending"), [("site", "result"), ("verify", "verdict")])
def test_j1_playbooks_look_at_what_roles_leave_and_not_inside(playbook: str, ending: str) -> None:
    """J1: whether a role looked at anything is told by the variable that its page names."""
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    (last,) = [play for play in yaml.safe_load(text) if play["hosts"] == "localhost:all"]
    names = last.get("vars", last["tasks"][0].get("vars"))["__insist_on"]
    applied = [path.parent.parent.name for path in sorted(ROOT.glob("roles/*/tasks/verify.yml"))]
    assert sorted(names) == sorted(f"{role}_{ending}" for role in applied if role != "quickstart")


@pytest.mark.parametrize(
    ("playbooks", "variables", "start"),
    [
        (("rotate_keys", "emergency_key_rotation"), "rotate_keys", "rotate_keys_"),
        (("rotate_all_keys",), "rotate_all_keys", "rotate_all_"),
    ],
)
def test_j8_every_variable_of_a_playbook_is_known_by_name(
    playbooks: tuple[str, ...], variables: str, start: str
) -> None:
    """J8: what the heads of the playbooks describe is what a misspelt name is compared with."""
    heads = (
        (ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8").partition("\n---\n")[0] for name in playbooks
    )
    described = {name for head in heads for name in re.findall(rf"\b{start}(\w+)", head)} - {"replaced", "keys"}
    declared = yaml.safe_load((ROOT / "playbooks" / "vars" / f"{variables}.yml").read_text(encoding="utf-8"))
    known = declared["__misspelt_options"]
    kinds = declared["__rotation_kinds"] if isinstance(known, str) else []
    assert described == {*kinds, *(re.findall(r"'(\w+)'", known) if isinstance(known, str) else known)}
