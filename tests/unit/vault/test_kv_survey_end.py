# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret whose newest version ends by itself is a finding of the manifest (S11)."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from plugins.module_utils._vault.kv_survey import KvSurvey

NOW: t.Final = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)


class _Answers:
    def __init__(self, end: str) -> None:
        self._end = end

    def read(self, _path: str) -> dict[str, t.Any]:
        version = {"created_time": "2026-05-31T00:00:00.123456789Z", "deletion_time": self._end, "destroyed": False}
        return {"current_version": 1, "versions": {"1": version}}


@pytest.mark.parametrize(
    ("end", "faults"),
    [("", ()), ("2026-06-01T01:00:00.5Z", ("is deleted by itself at 2026-06-01T01:00:00.5Z (delete_version_after)",))],
)
def test_s11_a_version_that_ends_by_itself_is_a_fault(end: str, faults: tuple[str, ...]) -> None:
    survey = KvSurvey.__new__(KvSurvey)
    survey.__dict__.update(_vault=_Answers(end), _versioned=True, _mount="kv", _prefix="", _now=NOW)
    found = survey._look("app/db", values=False)
    assert found is not None
    assert found.faults == faults
