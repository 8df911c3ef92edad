# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F7: messages speak of instants and of types as users write them, and name an option where it was written."""

from __future__ import annotations

import datetime
import pathlib
import re
import types
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.normal import instant, kind_of
from plugins.module_utils._core.spec import batch, build_each

PLUGINS = pathlib.Path(__file__).resolve().parents[3] / "plugins"


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01T00:00:00Z", "20.11.2026", "1764550000", "now", "None"])
def test_f7_what_is_no_instant_is_said_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=f"^'{re.escape(text)}' is not an instant; write it like 2026-"):
        instant(text)


@pytest.mark.parametrize("text", ["2026-11-21", "2026-11-21T14:00:00", "2026-11-21 14:00"])
def test_f7_an_instant_without_an_offset_is_said_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="names no offset from UTC; write it like 2026-11-21T14:00:00Z"):
        instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_f7_an_instant_out_of_range_is_not_a_defect(text: str) -> None:
    with pytest.raises(ValueError, match="is not an instant"):
        instant(text)


@pytest.mark.parametrize("text", ["2026-11-21T14:00:00Z", "2026-11-21T15:00:00+01:00", " 2026-11-21t14:00:00z "])
def test_instants_are_read(text: str) -> None:
    assert instant(text) == datetime.datetime(2026, 11, 21, 14, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("digits", ["5", "500", "5000000", "500000999"])
def test_fractions_of_any_length_are_read(digits: str) -> None:
    assert instant(f"2026-11-21T14:00:00.{digits}Z").microsecond == 500_000


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a truth value"),
        (type("_AnsibleTaggedInt", (int,), {})(5), "a whole number"),
        (type("_AnsibleTaggedStr", (str,), {})("x"), "a text"),
        (type("_AnsibleLazyTemplateDict", (dict,), {})(), "a mapping"),
        (types.MappingProxyType({}), "a mapping"),
        ((1,), "a list"),
        (1.5, "a number"),
        (b"x", "bytes"),
        (datetime.date(2026, 1, 1), "a date"),
        ({1}, "a set"),
        (object(), "an object"),
    ],
)
def test_f7_types_are_those_of_yaml(value: t.Any, words: str) -> None:
    assert kind_of(value) == words


def test_f7_no_message_names_a_python_type() -> None:
    """Errors have classes worth naming, and the library's objects; what a user gave has none."""
    allowed = {"error", "cause", "reason", "public", "subtree", "entry", "name"}
    found = [
        f"{path.relative_to(PLUGINS)}: {match.group(0)}"
        for path in sorted(PLUGINS.rglob("*.py"))
        for match in re.finditer(r"type\((\w+)[^()]*\)\.__name__(?! ==)", path.read_text())
        if match.group(1) not in allowed and "causes[-1]" not in match.group(0)
    ]

    assert found == []


SPEC = batch(
    "things",
    {"name": {"type": "str"}, "ttl": {"type": "str"}, "inner": {"type": "dict"}},
    shared=("ttl",),
)


def _failure(field: str | None, **item: t.Any) -> str:
    def build(thing: dict[str, t.Any]) -> None:
        raise InvalidInput("is wrong", field=field)

    params = {"things": [{"name": "a", "ttl": None, "inner": None, **item}], "ttl": "1h", "secret_id": "x"}
    spec = SPEC.__class__({**SPEC.options, "secret_id": {"type": "str"}}, plural="things", shared=("ttl",))
    with pytest.raises(InvalidInput) as failure:
        build_each(spec, params, build)
    return str(failure.value)


def test_f7_a_field_is_named_where_it_was_written() -> None:
    assert _failure("secret_id") == "secret_id: is wrong", "an option beside the list"
    assert _failure("ttl") == "ttl: is wrong", "a shared option that the item does not give"
    assert _failure("ttl", ttl="2h") == "things[0] (a).ttl: is wrong"
    assert _failure("inner.key") == "things[0] (a).inner.key: is wrong"
    assert _failure("elsewhere") == "things[0] (a).elsewhere: is wrong"
    assert _failure(None) == "things[0] (a): is wrong"
