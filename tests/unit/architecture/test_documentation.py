# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guards of documentation and action groups notice each way to say something else than what is true."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import action_groups, documentation

_ATTRIBUTES = """
class ModuleDocFragment:
    DOCUMENTATION = '''
options: {}
attributes:
  check_mode: {description: x, support: full}
  diff_mode: {description: x, support: full}
  idempotent: {description: x, support: full}
'''
    INFO = '''
options: {}
attributes:
  check_mode: {description: x, support: full}
  diff_mode: {description: x, support: N/A}
  idempotent: {description: x, support: full}
'''
    ACTIONGROUP_VAULT = '''
options: {}
attributes:
  action_group: {description: x, support: full, membership: [trustmesh.security.vault]}
'''
"""
_VAULT = "class ModuleDocFragment:\n    DOCUMENTATION = 'options: {url: {description: x, type: str}}'\n"
_BASE = {
    "plugins/doc_fragments/_attributes.py": _ATTRIBUTES,
    "plugins/doc_fragments/_vault.py": _VAULT,
    "meta/runtime.yml": "action_groups: {vault: [vault_thing]}\n",
}
_OPTIONS: dict[str, t.Any] = {"name": {"description": "x", "type": "str", "required": True}}
_TAKEN: dict[str, t.Any] = {"name": {"type": "str", "required": True}, "url": {"type": "str"}}
_FRAGMENTS = ("vault", "attributes", "attributes.actiongroup_vault")


def _module(
    *,
    name: str = "vault_thing",
    fragments: t.Sequence[str] = _FRAGMENTS,
    options: t.Mapping[str, t.Any] | None = None,
    taken: t.Mapping[str, t.Any] | None = None,
    author: str = "The authors (!UNKNOWN)",
    used: str = "vault_thing",
    returned: str = "a: {description: x, returned: always, type: str}",
) -> dict[str, str]:
    documented = {
        "extends_documentation_fragment": [f"trustmesh.security.{fragment}" for fragment in fragments],
        "author": [author],
        "options": dict(_OPTIONS if options is None else options),
    }
    text = (
        f'DOCUMENTATION = r"""\n{yaml.safe_dump(documented)}"""\n'
        f'EXAMPLES = r"""\n- trustmesh.security.{used}:\n"""\n'
        f'RETURN = r"""\n{returned}\n"""\n'
        "class Spec:\n"
        "    def argument_spec(self):\n"
        f"        return {dict(_TAKEN if taken is None else taken)!r}\n"
        "SPEC = Spec()\n"
    )
    return {**_BASE, f"plugins/modules/{name}.py": text}


def test_a_module_that_documents_what_it_takes_is_right(plant: Plant) -> None:
    root = plant(_module())
    assert documentation.violations(root) == []
    assert action_groups.violations(root) == []


def _nested(key: str, value: t.Any) -> dict[str, t.Any]:
    return {"type": "list", "elements": "dict", "options": {"ttl": {"type": "str", key: value}}}


_LIST = {
    "description": "x",
    "type": "list",
    "elements": "dict",
    "suboptions": {"ttl": {"description": "x", "type": "str"}},
}


@pytest.mark.parametrize(
    ("options", "taken", "problem"),
    [
        (_OPTIONS, {**_TAKEN, "more": {}}, "more is taken but not documented"),
        ({**_OPTIONS, "less": {"description": "x"}}, _TAKEN, "less is documented but not taken"),
        (
            _OPTIONS,
            {**_TAKEN, "name": {"required": False}},
            "name: required is documented as True and is False",
        ),
        (
            {**_OPTIONS, "list": _LIST},
            {**_TAKEN, "list": _nested("default", "1h")},
            "list.ttl: default is documented as None and is '1h'",
        ),
        (
            {**_OPTIONS, "list": _LIST},
            {**_TAKEN, "list": _nested("aliases", ["life"])},
            "list.ttl: aliases is documented as None and is ['life']",
        ),
        (
            {**_OPTIONS, "list": _LIST},
            {**_TAKEN, "list": _nested("type", "int")},
            "list.ttl: type is documented as 'str' and is 'int'",
        ),
        (
            {"name": {**_OPTIONS["name"], "choices": ["a", "b"]}},
            {**_TAKEN, "name": {"required": True, "choices": ("a", "c")}},
            "name: choices is documented as ['a', 'b'] and is ('a', 'c')",
        ),
        ({"name": {"type": "str", "required": True}}, _TAKEN, "name has no description"),
    ],
)
def test_a_difference_between_documentation_and_spec_is_found(
    plant: Plant, options: dict[str, t.Any], taken: dict[str, t.Any], problem: str
) -> None:
    root = plant(_module(options=options, taken=taken))
    assert documentation.violations(root) == [f"plugins/modules/vault_thing.py: {problem}"]


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (_module(used="vault_other"), "vault_thing.py: has no example of trustmesh.security.vault_thing"),
        (_module(returned="a: {description: x, type: str}"), "vault_thing.py: RETURN a lacks returned"),
        (_module(author="The authors"), "vault_thing.py: author has to be a list of entries that end in (!UNKNOWN)"),
        (_module(fragments=["vault"]), "vault_thing.py: has no attribute check_mode"),
        (
            _module(name="vault_info", used="vault_info"),
            "vault_info.py: is read-only, so attribute diff_mode has to be N/A",
        ),
        ({"plugins/modules/a.py": "EXAMPLES = ''\nRETURN = ''\n"}, "a.py: has no DOCUMENTATION"),
        ({"plugins/modules/a.py": ""}, "a.py: has no DOCUMENTATION and no EXAMPLES and no RETURN"),
    ],
)
def test_what_a_module_leaves_out_is_found(plant: Plant, module: dict[str, str], problem: str) -> None:
    assert documentation.violations(plant(module))[0] == f"plugins/modules/{problem}"


def test_a_read_only_module_with_its_own_attributes_is_right(plant: Plant) -> None:
    fragments = ["vault", "attributes.info", "attributes.actiongroup_vault"]
    root = plant(_module(name="vault_info", used="vault_info", fragments=fragments))
    assert documentation.violations(root) == []


@pytest.mark.parametrize(
    ("fragments", "groups", "problem"),
    [
        (_FRAGMENTS, "{vault: []}", "meta/runtime.yml: vault_thing is missing in group vault"),
        (
            _FRAGMENTS,
            "{vault: [vault_thing, vault_gone]}",
            "meta/runtime.yml: vault_gone does not say that it belongs to group vault",
        ),
        (
            ["vault", "attributes"],
            "{vault: []}",
            "plugins/modules/vault_thing.py: takes the options of group vault without belonging to it",
        ),
    ],
)
def test_an_incomplete_action_group_is_found(
    plant: Plant, fragments: t.Sequence[str], groups: str, problem: str
) -> None:
    files = {**_module(fragments=fragments), "meta/runtime.yml": f"action_groups: {groups}\n"}
    assert action_groups.violations(plant(files)) == [problem]
