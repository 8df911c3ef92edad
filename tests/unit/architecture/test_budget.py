# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of sizes notices what grows too long, and is silent one line before."""

from __future__ import annotations

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import budget

_DOCUMENTATION = 'DOCUMENTATION = r"""\n' + "x: 1\n" * 500 + '"""\n'


def _function(lines: int) -> str:
    return "def long():\n" + "    pass\n" * (lines - 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("plugins/modules/a.py", _DOCUMENTATION + "x = 1\n" * 120),
        ("plugins/module_utils/_vault/a.py", _function(40)),
        ("docs/guide.md", "text\n" * 400),
        ("changelogs/changelog.yaml", "text: 1\n" * 2000),
        ("tests/long_function.py", _function(50)),
    ],
)
def test_what_keeps_within_the_limits_is_right(plant: Plant, path: str, text: str) -> None:
    assert budget.violations(plant({path: text})) == []


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("plugins/modules/a.py", _DOCUMENTATION + "x = 1\n" * 121, ": its code: 121 lines, the limit is 120"),
        ("plugins/module_utils/_vault/a.py", "\n" + _function(41), ":2: long: 41 lines, the limit is 40"),
        ("docs/guide.md", "text\n" * 401, ": 401 lines, the limit is 400"),
    ],
)
def test_what_exceeds_a_limit_is_found(plant: Plant, path: str, text: str, problem: str) -> None:
    assert budget.violations(plant({path: text})) == [path + problem]
