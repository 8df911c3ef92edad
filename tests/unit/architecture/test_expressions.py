# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of expressions finds filters without an order, and those that take Bank for bank."""

from __future__ import annotations

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import expressions

_ORDER = "has no order; use select('in', ...) or reject('in', ...)"
_CASE = "unique ignores case; use unique(case_sensitive=true)"


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("hosts | difference(known)", f"difference {_ORDER}"),
        ("hosts|intersect(known)", f"intersect {_ORDER}"),
        ("hosts | ansible.builtin.union(known)", f"union {_ORDER}"),
        ("hosts | symmetric_difference(known)", f"symmetric_difference {_ORDER}"),
        ("files | unique", _CASE),
        ("files | unique | sort", _CASE),
        ("files | unique(case_sensitive=false)", _CASE),
    ],
)
def test_a_filter_that_cannot_be_relied_on_is_found(plant: Plant, expression: str, problem: str) -> None:
    paths = ("inventories/demo/hosts.yml", "playbooks/vars/site.yml", "roles/edge/templates/edge.conf.j2")
    root = plant(dict.fromkeys(paths, f"---\nx: '{{{{ {expression} }}}}'\n"))
    assert expressions.violations(root) == [f"{path}:2: {problem}" for path in paths]


def test_what_keeps_the_order_and_the_case_is_right(plant: Plant) -> None:
    text = "x: '{{ hosts | reject(\"in\", known) | unique(case_sensitive=true) | list }}'\n# the difference is unique\n"
    assert expressions.violations(plant({"playbooks/site.yml": text, "docs/page.yml": "{{ a | unique }}"})) == []


@pytest.mark.parametrize("call", ["append(entry)", "extend(query('file', place))", "update({name: entry})"])
def test_j11_a_call_that_loses_what_cannot_be_worked_out_is_found(plant: Plant, call: str) -> None:
    """J11: a revocation list that could not be fetched was installed empty, because its failure was kept in a name."""
    name = call.partition("(")[0]
    kept = f"x: >-\n  {{%- set added = found.{call} -%}}\n"
    asked = f"x: >-\n  {{%- if found.{call} -%}}{{%- endif -%}}\n"
    problem = f"set ... = {name}(...) loses what is undefined; write if ...{name}(...) and endif"
    root = plant({"playbooks/vars/site.yml": kept, "roles/edge/vars/main.yml": asked})
    assert expressions.violations(root) == [f"playbooks/vars/site.yml:2: {problem}"]
