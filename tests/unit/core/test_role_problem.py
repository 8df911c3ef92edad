# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J1: what is wrong with the variables of a role is said by name, with the remedy, and without their values."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from plugins.plugin_utils.role_variables import Given, Role, problems

DEFAULTS: t.Final = {
    "edge_items": [],
    "edge_vault": "{{ trustmesh_vault | default({}) }}",
    "edge_mode": "0600",
    "edge_directory": "/etc/edge",
    "edge_retry": 900,
    "edge_active": True,
    "edge_names": [],
    "edge_port": None,
}
ROLE: t.Final = Role(
    "edge",
    {
        "edge_items": {"type": "list", "elements": "dict", "default": []},
        "edge_vault": {"type": "dict"},
        "edge_mode": {"default": "0600"},
        "edge_directory": {"type": "path", "default": "/etc/edge"},
        "edge_retry": {"type": "int", "default": 900},
        "edge_active": {"type": "bool", "default": True},
        "edge_names": {"type": "list", "elements": "str", "default": []},
        "edge_port": {"type": "int"},
        "edge_owner": {"type": "str"},
    },
    DEFAULTS,
)
TEMPLATES: t.Final = {DEFAULTS["edge_vault"]: {}, "{{ none }}": None, "{{ list }}": [{}], "{{ empty }}": []}


def found(*others: str, insist: bool = False, **variables: t.Any) -> list[str]:
    given = Given({**DEFAULTS, **variables}, lambda value: TEMPLATES.get(value, value))
    return problems(ROLE, given, others, insist=insist)


def misspelt(name: str, meant: str) -> list[str]:
    return [f"{name}: is not a variable of the role edge. Correct the name; did you mean {meant}?"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("edge_itmes", "edge_items"),
        ("edge_item", "edge_items"),
        ("edge_vautl", "edge_vault"),
        ("edge_ownr", "edge_owner"),
        ("edge_Items", "edge_items"),
        ("edge_it\u0435ms", "edge_items"),
        ("\u0435dge_items", "edge_items"),
        ("Edge_items", "edge_items"),
        ("edge-items", "edge_items"),
    ],
)
def test_j1_a_misspelt_name_is_refused(name: str, meant: str) -> None:
    assert found(**{name: "x"}) == misspelt(name, meant)


@pytest.mark.parametrize(
    "variables",
    [
        {"edge_colour": "red"},
        {"edge_result": {}, "edge_verdict": {}},
        {"edge_itmes": [{}], "edge_items": [{}]},
        {"edge_ownr": "me", "edge_owner": "me"},
        {"ansible_facts": {}, "items": [{}], "hedge_items": [{}]},
    ],
)
def test_j1_a_variable_of_ones_own_is_no_misspelt_one(variables: dict[str, t.Any]) -> None:
    assert found(**variables) == []


def test_names_for_something_else_are_left_alone() -> None:
    assert found(edge_items_of="x") != []
    assert found("edge_items_", edge_items_of="x") == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"edge_items": {}}, "edge_items: takes a list, not a mapping. Give a list."),
        ({"edge_items": "a,b"}, "edge_items: takes a list, not a text. Give a list."),
        ({"edge_items": [{}, None]}, "edge_items[1]: takes a mapping, not null. Give a mapping."),
        ({"edge_items": ["{{ list }}"]}, "edge_items[0]: takes a mapping, not a list. Give a mapping."),
        ({"edge_names": [["a"]]}, "edge_names[0]: takes a text, not a list. Give a text."),
        ({"edge_vault": "url=x"}, "edge_vault: takes a mapping, not a text. Give a mapping."),
        ({"edge_mode": ["0600"]}, "edge_mode: takes a text, not a list. Give a text."),
        ({"edge_mode": True}, "edge_mode: takes a text, not a truth value. Give a text."),
        ({"edge_mode": datetime.date(2026, 1, 1)}, "edge_mode: takes a text, not a date. Give a text."),
        ({"edge_directory": 5}, "edge_directory: takes a text, not a whole number. Give a text."),
        ({"edge_directory": "{{ list }}"}, "edge_directory: takes a text, not a list. Give a text."),
        ({"edge_retry": True}, "edge_retry: takes a whole number, not a truth value. Give a whole number."),
        ({"edge_items": None}, "edge_items: is null. Give a list, or leave it out."),
        ({"edge_vault": "{{ none }}"}, "edge_vault: is null. Give a mapping, or leave it out."),
        ({"edge_active": None}, "edge_active: is null. Give a truth value, or leave it out."),
        ({"edge_directory": None}, "edge_directory: is null. Give a text, or leave it out."),
    ],
)
def test_j1_a_value_of_another_kind_is_refused(variables: dict[str, t.Any], said: str) -> None:
    assert found(**variables) == [said]


@pytest.mark.parametrize(
    "variables",
    [
        {"edge_mode": 600},
        {"edge_items": "{{ list }}"},
        {"edge_retry": "900"},
        {"edge_active": "no"},
        {"edge_port": None, "edge_owner": None},
    ],
)
def test_what_ansible_takes_and_the_role_understands_is_right(variables: dict[str, t.Any]) -> None:
    assert found(**variables) == []


@pytest.mark.parametrize("empty", [[], "{{ empty }}"])
def test_j1_a_role_that_is_given_nothing_is_refused(empty: t.Any) -> None:
    said = ["edge_items: empty, so that there is nothing to do. Declare something, or leave the role out."]
    assert found(edge_items=empty, insist=True) == said
    assert found(edge_items=empty) == []
    assert found(edge_items=[{}], insist=True) == []
    assert found(edge_items=empty, edge_itmes=[{}], insist=True) == misspelt("edge_itmes", "edge_items")


def test_no_value_is_in_what_is_said() -> None:
    said = " ".join(found(edge_vault="hunter2", edge_names=[{"hunter2": 1}], edge_itmes="hunter2"))
    assert said.count(". ") > 2
    assert "hunter2" not in said
