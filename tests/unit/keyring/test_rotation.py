# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions about rotation, as data in plans/rotation.yml, and what a policy refuses."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
import yaml

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.normal import duration
from plugins.module_utils._keyring.record import Generation, KeyMaterial, Record
from plugins.module_utils._keyring.rotation import Rotation, decide

START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
CASES = yaml.safe_load((pathlib.Path(__file__).parent / "plans" / "rotation.yml").read_text())["cases"]


def _at(span: t.Any) -> datetime.datetime:
    return START + datetime.timedelta(seconds=duration(span))


def _record(hold: t.Any) -> Record | None:
    if hold == "nothing":
        return None
    hold = hold or {}
    material = KeyMaterial({})
    following = hold.get("next")
    moments = {name: _at(span) for name, span in (following or {}).items()}
    previous = [Generation(material, START, retired=_at(span)) for span in hold.get("retired", ())]
    return Record(Generation(material, START), Generation(material, **moments) if following else None, tuple(previous))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_decision(case: dict[str, t.Any]) -> None:
    policy = Rotation.declared(case.get("policy", {}))
    decision = decide(_record(case.get("hold")), policy, _at(case["now"]), case.get("mismatches", ()))
    assert decision.verb.value == case["verb"]
    assert list(decision.reasons) == case.get("reasons", [])
    assert decision.waits_until == (_at(case["waits_until"]) if "waits_until" in case else None)
    assert len(decision.expired) == case.get("expired", 0)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"max_age": "a month"}, "max_age"),
        ({"max_age": "1h", "lead": "1h"}, "max_age"),
        ({"not_before": "yesterday"}, "not_before"),
        ({"not_before": "2026-01-01T12:00:00"}, "not_before"),
        ({"overlap": "-1h"}, "overlap"),
    ],
)
def test_what_means_nothing_is_refused_by_name(options: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Rotation.declared(options)
    assert refused.value.field == field
