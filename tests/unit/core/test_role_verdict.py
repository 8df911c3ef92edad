# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that gives the verdicts of the roles (J1, J10, J11)."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.role_verdict import role_verdict

GOOD: t.Final = {"item": "a", "changed": False, "reasons": []}
LEFT: t.Final = {"item": "b", "changed": True, "reasons": ["is missing", "mode is 0644"]}
REFUSED: t.Final = {"item": "c", "changed": False, "failed": True, "refused": True, "reasons": [], "msg": "not so"}
UNREAD: t.Final = {"item": "d", "changed": False, "failed": True, "reasons": [], "msg": "no answer"}


def verdict(*results: dict[str, t.Any], msg: str = "") -> dict[str, t.Any]:
    return role_verdict({"results": list(results), "msg": msg}, "edge", "files", "file")


def test_what_is_as_declared_is_no_problem() -> None:
    assert verdict(GOOD) == {"looked_at": 1, "problem": "", "report": ["pass file a"]}


def test_j1_a_result_without_items_is_a_problem() -> None:
    remedy = "Declare something, or leave the role out."
    problem = f"edge: no files are declared, so that nothing was looked at. {remedy}"
    assert verdict() == {"looked_at": 0, "problem": problem, "report": []}


def test_j11_what_cannot_be_read_is_an_error_and_no_drift() -> None:
    found = verdict(GOOD, LEFT, REFUSED, UNREAD, msg="2 of 4 items failed.")
    assert found["report"] == [
        "pass file a",
        "FAIL file b: is missing; mode is 0644",
        "FAIL file c: not so",
        "ERROR file d: no answer",
    ]
    assert found["problem"] == (
        "2 of 4 files are not as declared: b, c. Apply the role edge to put them right."
        " 1 of 4 files could not be read: d. 2 of 4 items failed."
    )


def test_a_refusal_is_told_by_its_line_alone() -> None:
    assert "not so" not in verdict(REFUSED, msg="c: not so")["problem"]


def test_j11_a_module_that_failed_as_a_whole_is_an_error() -> None:
    found = role_verdict({"failed": True, "msg": "url: not given."}, "edge", "files", "file")
    assert found == {"looked_at": 0, "problem": "The files could not be read. url: not given.", "report": []}


def test_items_of_several_sections_are_called_by_them() -> None:
    found = role_verdict({"results": [{**LEFT, "section": "roles"}]}, "edge", "items")
    assert found["problem"] == "1 of 1 items are not as declared (roles b). Apply the role edge to put them right."
    assert found["report"] == ["FAIL roles b: is missing; mode is 0644"]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("x", "role_verdict: result: takes a mapping, not a text"),
        ({"results": "x"}, "role_verdict: result.results: takes a list, not a text"),
        ({"results": ["x"]}, r"role_verdict: result.results\[0\]: takes a mapping, not a text"),
    ],
)
def test_what_is_no_result_is_refused(result: t.Any, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        role_verdict(result, "edge", "files")
