# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records survive the way to custody and back, and what is no record is left alone."""

from __future__ import annotations

import contextlib
import datetime
import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.normal import instant
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.names import checked_name, filled
from plugins.module_utils._keyring.record import DamagedRecord, Generation, KeyMaterial, Record, Shape

SHAPE = Shape(("private_key", "salt"))
START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)

_moments = st.datetimes(
    min_value=datetime.datetime(2000, 1, 1),
    max_value=datetime.datetime(2100, 1, 1),
    timezones=st.just(datetime.timezone.utc),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
_materials = st.builds(
    KeyMaterial,
    st.dictionaries(st.sampled_from(SHAPE.secrets), st.text().map(Secret)),
    st.none() | st.text(),
    st.dictionaries(st.sampled_from(["kid", "algorithm"]), st.text() | st.integers()),
)
_generations = st.builds(
    Generation,
    _materials,
    _moments,
    *(st.none() | _moments for _field in ("offered", "published", "activated", "retired")),
)


@given(st.builds(Record, _generations, st.none() | _generations, st.lists(_generations, max_size=2).map(tuple)))
def test_a_record_survives_the_way_through_json(record: Record) -> None:
    assert Record.of(json.loads(json.dumps(record.document(SHAPE))), SHAPE, "kv/a") == record


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["format", "created", "next", "previous"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["format", "created", "next", "previous", "private_key"]), _json))
def test_what_is_no_record_raises_its_own_error_and_nothing_else(document: dict[str, t.Any]) -> None:
    with contextlib.suppress(DamagedRecord):
        Record.of(document, SHAPE, "kv/a")


def test_a_damaged_record_is_named_without_its_content() -> None:
    with pytest.raises(DamagedRecord) as damaged:
        Record.of({"format": 1, "created": ["x"], "private_key": "the secret"}, SHAPE, "kv/a")
    assert "the secret" not in str(damaged.value)


def test_what_is_secret_is_no_text_of_the_record() -> None:
    record = Record(Generation(KeyMaterial({"private_key": Secret("the secret of all")}), START))
    assert "the secret of all" not in repr(record)
    assert record.document(SHAPE)["private_key"] == "the secret of all"


def test_the_window_is_from_the_first_offer_to_use() -> None:
    material = KeyMaterial({})
    record = Record(Generation(material, START)).with_next(Generation(material, START))
    for second in (1, 5):  # an interrupted run, and the one that completes it
        record = record.offered(START + datetime.timedelta(seconds=second))
    used = record.switched(START + datetime.timedelta(seconds=9, milliseconds=250))
    assert used.current.window_seconds == 8.25
    assert Record(Generation(material, START)).offered(START).current.window_seconds is None, "nobody knew a key before"


@pytest.mark.parametrize("text", ["2026-01-01T12:00:00Z", "2026-01-01T12:00:00+00:00", " 2026-01-01T14:00:00+02:00"])
def test_an_instant_is_one_however_it_is_spelled(text: str) -> None:
    assert instant(text) == START


@pytest.mark.parametrize("name", ["perffsp-1", "Hub", "a.b", "_x", "0"])
def test_names_stay_as_they_are(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n", "a\0b", "é", "x" * 129])
def test_names_that_would_leave_the_directory_or_vanish_in_it_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_name(name)
    assert refused.value.field == "name"


def test_a_template_that_is_the_same_for_all_is_refused() -> None:
    assert filled("a/{name}.key", "x", "path") == "a/x.key"
    with pytest.raises(InvalidInput):
        filled("a/key", "x", "path")
