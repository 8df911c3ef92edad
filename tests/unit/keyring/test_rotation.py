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
from plugins.module_utils._keyring.rotation import Rotation, advanced, decide

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


@pytest.mark.parametrize(
    ("policy", "published", "after", "in_use", "noted"),
    [
        ({}, None, "0", True, None),
        ({"lead": "1h"}, None, "0", False, "0"),
        ({"lead": "1h"}, "0", "59m59s", False, "0"),
        ({"lead": "1h"}, "0", "1h", True, "0"),
        ({"lead": "1s"}, "0", "0", False, "0"),
        ({"lead": "1s"}, "0", "1s", True, "0"),
    ],
)
def test_a_next_key_is_in_use_once_it_was_published_for_the_lead(
    policy: dict[str, str], published: str | None, after: str, in_use: bool, noted: str | None
) -> None:
    old = Generation(KeyMaterial({}), START, activated=START)
    following = Generation(KeyMaterial({}), START, published=None if published is None else _at(published))
    found = advanced(Record(old, following), Rotation.declared({"keep_previous": "7d", **policy}), _at(after))
    newest = found.newest
    assert (found.next is None) is in_use
    assert newest.published == (None if noted is None else _at(noted))
    assert newest.activated == (_at(after) if in_use else None)
    assert [entry.retired for entry in found.previous] == ([_at(after)] if in_use else [])


@pytest.mark.parametrize(
    ("policy", "kept", "until"),
    [
        ({}, True, "0"),
        ({"overlap": "1h"}, True, "1h"),
        ({"keep_previous": "0"}, False, None),
        ({"keep_previous": "0", "overlap": "1h"}, True, "1h"),
        ({"keep_previous": "1s"}, True, "0"),
    ],
)
def test_a_replaced_key_is_kept_and_published_for_its_time(
    policy: dict[str, str], kept: bool, until: str | None
) -> None:
    record = Record(Generation(KeyMaterial({}), START), Generation(KeyMaterial({}), START))
    found = advanced(record, Rotation.declared({"keep_previous": "7d", **policy}), START)
    assert [entry.until for entry in found.previous] == ([_at(until)] if kept else [])


def test_a_record_without_a_next_key_is_left_alone() -> None:
    record = Record(Generation(KeyMaterial({}), START))
    for policy in ({}, {"lead": "1h"}):
        assert advanced(record, Rotation.declared(policy), START) == record
