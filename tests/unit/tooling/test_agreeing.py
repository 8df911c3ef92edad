# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F8: the guard that every module run of the tests passes refuses a result that contradicts itself."""

from __future__ import annotations

import typing as t

import pytest

from tests.rigs.runner import agreeing

NOTHING = {"none": 0, "create": 0, "update": 0, "replace": 0, "delete": 0, "failed": 0}


def _result(*items: tuple[bool, str, bool], changed: bool, **counts: int) -> dict[str, t.Any]:
    results = [{"changed": changed, "action": action, "failed": failed} for changed, action, failed in items]
    return {"changed": changed, "results": results, "summary": {**NOTHING, **counts}}


@pytest.mark.parametrize(
    "result",
    [
        _result((False, "none", False), (False, "none", True), changed=False, none=1, failed=1),
        _result((True, "update", True), (True, "create", False), changed=True, update=1, create=1, failed=1),
        {"changed": False, "summary": {"ok": 1}, "results": [{"ok": True}]},
        {"failed": True, "msg": "not given"},
    ],
)
def test_one_truth_passes(result: dict[str, t.Any]) -> None:
    assert agreeing(result) is result


@pytest.mark.parametrize(
    "result",
    [
        _result((True, "create", True), changed=True, failed=1),
        _result((False, "create", True), changed=False, failed=1),
        _result((False, "none", True), changed=False, none=1, failed=1),
        _result((False, "none", True), changed=True, failed=1),
    ],
    ids=["the case that was seen", "an intention", "failed counted as declared", "changed without an item"],
)
def test_a_contradiction_is_refused(result: dict[str, t.Any]) -> None:
    with pytest.raises(AssertionError):
        agreeing(result)
