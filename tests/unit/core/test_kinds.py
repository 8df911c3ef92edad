# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of field: canonical on both sides, and the wire takes what the canonical form says."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core import kinds
from plugins.module_utils._core.redact import Secret

WORDS = st.lists(st.text("abcdefg-", min_size=1, max_size=6), max_size=6)
#: A value that each kind takes, as declared.
SAMPLES: dict[str, t.Any] = {
    "TEXT": "a",
    "LINES": "a\r\nb",
    "LOWER": "Ab",
    "BOOLEAN": True,
    "INTEGER": "7",
    "SECONDS": "1h",
    "ORDERED": ["b", "a"],
    "SET": ["b", "a", "b"],
    "NAMES": ["B.example", "a.example"],
    "ADDRESSES": ["10.0.0.1"],
    "NETWORKS": ["10.0.0.1/8"],
    "PEM": "-----BEGIN A-----\nAAAA\n-----END A-----",
    "MAPPING": {"a": 1},
    "SECRET": "a secret",
}


def _kinds() -> dict[str, kinds.Kind]:
    return {name: kind for name, kind in vars(kinds).items() if isinstance(kind, kinds.Kind)}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_goes_over_the_wire_reads_back_as_the_same(name: str) -> None:
    kind = _kinds()[name]
    canonical = kind.canonical(SAMPLES[name])
    assert kind.canonical(kind.wire(canonical)) == canonical
    assert kind.canonical(canonical) == canonical


@pytest.mark.parametrize("name", _kinds())
def test_every_kind_is_an_option_that_ansible_understands(name: str) -> None:
    option = _kinds()[name].option
    assert option["type"] in ("str", "bool", "int", "list", "dict", "path")
    assert (option["type"] == "list") is ("elements" in option)


@given(WORDS)
def test_trap_04_a_list_and_its_comma_separated_text_are_one(words: list[str]) -> None:
    for kind in (kinds.ORDERED, kinds.SET):
        assert kind.canonical(words) == kind.canonical(",".join(words)) == kind.canonical(" , ".join(words))


@given(WORDS)
def test_trap_04_order_and_repetition_mean_nothing_in_a_set_and_something_in_a_list(words: list[str]) -> None:
    assert kinds.SET.canonical(words + words[::-1]) == kinds.SET.canonical(words)
    assert kinds.SET.wire(kinds.SET.canonical(words)) == sorted(set(words))
    assert kinds.ORDERED.canonical(words) == tuple(words)
    assert kinds.ORDERED.wire(kinds.ORDERED.canonical(words)) == words


def test_an_entry_of_a_list_may_hold_a_comma() -> None:
    assert kinds.SET.canonical(["a,b"]) == frozenset({"a,b"})


def test_trap_24_names_addresses_and_networks_are_sets_of_canonical_entries() -> None:
    assert kinds.NAMES.canonical("A.example,a.EXAMPLE.") == frozenset({"a.example"})
    assert kinds.ADDRESSES.canonical(["2001:DB8::0:1", "2001:db8::1"]) == frozenset({"2001:db8::1"})
    assert kinds.NETWORKS.canonical(["10.1.2.3/8", "10.0.0.0/8"]) == frozenset({"10.0.0.0/8"})


@pytest.mark.parametrize(("value", "number"), [(7, 7), ("7", 7), (" 7 ", 7), (-1, -1), (7.0, 7), ("0", 0)])
def test_whole_numbers(value: t.Any, number: int) -> None:
    assert kinds.INTEGER.canonical(value) == number


@pytest.mark.parametrize(
    "wrong", [True, False, 1.5, "1.5", "x", "", None, [], "1_000", "٣", float("inf"), float("nan")]
)
def test_what_is_no_whole_number_is_refused_and_not_rounded(wrong: t.Any) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        kinds.INTEGER.canonical(wrong)


@pytest.mark.parametrize("wrong", [1, 0, "true", "yes", None, ""])
def test_only_truth_values_are_truth_values(wrong: t.Any) -> None:
    with pytest.raises(ValueError, match="is not true or false"):
        kinds.BOOLEAN.canonical(wrong)


def test_a_mapping_holds_texts() -> None:
    assert kinds.MAPPING.canonical({"a": 1, 2: "b"}) == {"a": "1", "2": "b"}
    for wrong in ([], "a=b", 1):
        with pytest.raises(ValueError, match="is not a mapping"):
            kinds.MAPPING.canonical(wrong)


def test_a_secret_is_one_whatever_it_came_as_and_revealed_only_on_the_wire() -> None:
    secret = Secret("correct horse")
    assert kinds.SECRET.canonical("correct horse") == secret
    assert kinds.SECRET.canonical(secret) is secret
    assert kinds.SECRET.wire(secret) == "correct horse"
    assert kinds.SECRET.option["no_log"] is True


def test_choices_narrow_the_option_and_nothing_else() -> None:
    narrowed = kinds.TEXT.choices("a", "b")
    assert narrowed.option == {"type": "str", "choices": ["a", "b"]}
    assert narrowed.canonical("c") == "c"
    assert "choices" not in kinds.TEXT.option


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        (kinds.LOWER, "AbC", "abc"),
        (kinds.LINES, "a \r\nb", "a\nb\n"),
        (kinds.SECONDS, "1h", 3600),
        (kinds.TEXT, 1, "1"),
    ],
)
def test_quirks_die_in_the_canonical_form(kind: kinds.Kind, value: t.Any, canonical: t.Any) -> None:
    assert kind.canonical(value) == canonical
