# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R1, R17: a state is made of what others hold only if its fields have their types; all else is an error, not drift."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

import pytest

from plugins.module_utils._core import kinds
from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.foreign import Answer
from plugins.module_utils._core.state import Field, State, managed

PEM: t.Final = "-----BEGIN A-----\nAAAA\n-----END A-----"


@dataclass(frozen=True)
class Sample(State):
    """A field of each kind."""

    text: Field[str] = managed(kinds.TEXT, wire_name="words")
    lines: Field[str] = managed(kinds.LINES)
    lower: Field[str] = managed(kinds.LOWER)
    flag: Field[bool] = managed(kinds.BOOLEAN, server_default=False)
    count: Field[int] = managed(kinds.INTEGER, server_default=0)
    life: Field[int] = managed(kinds.SECONDS, server_default=0)
    ordered: Field[tuple[str, ...]] = managed(kinds.ORDERED, server_default=())
    names: Field[frozenset[str]] = managed(kinds.NAMES, server_default=())
    pem: Field[str] = managed(kinds.PEM)
    labels: Field[dict[str, str]] = managed(kinds.MAPPING, server_default={})


RIGHT: t.Final[dict[str, list[t.Any]]] = {
    "words": ["a", "", None],
    "lines": ["a\nb"],
    "lower": ["A"],
    "flag": [True, False, None],
    "count": [7, 7.0, "7", 0],
    "life": [3600, "3600", "1h", 0],
    "ordered": [["a"], "a,b", [], ""],
    "names": [["a.example"], "a.example", ["*.no name"]],
    "pem": [PEM],
    "labels": [{"a": "b"}, {"a": 1}, {}],
}
WRONG: t.Final[dict[str, list[t.Any]]] = {
    "words": [7, True, ["a"], {"a": "b"}],
    "lines": [7, False, ["a"], {}],
    "lower": [1.5, ["A"]],
    "flag": ["true", "False", 0, 1, [], {}],
    "count": [True, [7], {"a": 7}],
    "life": [True, [60], {}],
    "ordered": [7, True, {"a": "b"}, [7], [["a"]], [None]],
    "names": [7, {"a.example": 1}, [{"a": 1}]],
    "pem": [7, [PEM], {}],
    "labels": ["a=b", ["a"], 7, {"a": ["b"]}, {"a": {"b": "c"}}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in RIGHT.items() for value in values])
def test_what_has_its_type_is_read(name: str, value: t.Any) -> None:
    Sample.observed(Answer.of({name: value}, "get a/b"))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_has_another_type_is_an_error_that_names_the_field(name: str, value: t.Any) -> None:
    for data in (Answer.of({name: value}, "get a/b"), {name: value}):
        with pytest.raises(TrustmeshError, match=name) as caught:
            Sample.observed(data)
        assert caught.value.remedy


def test_an_answer_with_none_of_the_fields_is_an_error() -> None:
    for strange in ({}, {"colour": "blue"}):
        with pytest.raises(TrustmeshError, match="the answer to get a/b is not as expected: words or lines or lower"):
            Sample.observed(Answer.of(strange, "get a/b"))
    assert Sample.observed({}).flag is False, "what nobody answered has the server's defaults"


def test_an_answer_stays_that_to_its_own_place() -> None:
    assert Answer.of(Answer.of({}, "get a/b"), "elsewhere").place == "get a/b"
    assert Answer.of({}, "elsewhere").place == "elsewhere"


def test_every_kind_of_the_core_is_judged() -> None:
    sorts = {kind.option["type"] for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)}
    assert {meta.kind.option["type"] for meta in Sample.metas().values()} == sorts
