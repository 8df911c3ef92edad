# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical JSON: the facts of RFC 8785 typed in, what is refused, and that reading back changes nothing."""

from __future__ import annotations

import json
import math
import struct
import typing as t
from collections import UserDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._jose.canonical import LARGEST, canonical, double, parse, stringified
from plugins.module_utils._jose.errors import JoseError

#: RFC 8785, appendix B: the bits of a double in hex, and how it is printed.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("bits", "printed"), NUMBERS.items())
def test_doubles_are_printed_as_in_rfc_8785_appendix_b(bits: str, printed: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert double(value) == printed


def test_the_example_of_rfc_8785_section_3_2_2() -> None:
    given_text = r"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    assert canonical(parse(given_text)).hex() == (
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e"
        "756d62657273223a5b3333333333333333332e333333333333332c31652b3330"
        "2c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac24"
        "5c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )


def test_names_are_sorted_as_in_rfc_8785_section_3_2_3() -> None:
    given_text = (
        r'{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",'
        r'"\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}'
    )
    assert list(json.loads(canonical(parse(given_text))).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (1.0, b"1"),
        (-0.0, b"0"),
        (0, b"0"),
        (1e20, b"100000000000000000000"),
        (1e21, b"1e+21"),
        (1e-6, b"0.000001"),
        (1e-7, b"1e-7"),
        (2**53, b"9007199254740992"),
        (True, b"true"),
        ("\u2028\x7f\x1f/", b'"\xe2\x80\xa8\x7f\\u001f/"'),
        ((1, [2, ()]), b"[1,[2,[]]]"),
        (UserDict({"b": 1, "a": UserDict()}), b'{"a":{},"b":1}'),
    ],
)
def test_the_spellings_that_differ_elsewhere(value: t.Any, printed: bytes) -> None:
    assert canonical(value) == printed


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, "NaN and infinities are not JSON"),
        (-math.inf, "NaN and infinities are not JSON"),
        (2**53 + 1, "beyond 2^53"),
        (-(2**53) - 1, "beyond 2^53"),
        (10**400, "beyond 2^53"),
        ("\ud800", "half of a surrogate pair"),
        ({"\udfff\U0001f600": 1}, "half of a surrogate pair"),
        ({1: "a"}, "name of a member is not a text"),
        ({"a": 1, None: 2}, "name of a member is not a text"),
        (b"bytes", "bytes is not JSON"),
        ({"a": {1, 2}}, "a set is not JSON"),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: t.Any, problem: str) -> None:
    with pytest.raises(JoseError) as caught:
        canonical({"inside": [value]})
    assert problem in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a":1,"b":{"c":1,"c":1}}', "named twice"),
        (r'{"a":1,"\u0061":2}', "named twice"),
        ("9007199254740993", "beyond 2^53"),
        ("-1" + "0" * 5000, "beyond 2^53"),
        ("1152921504606846976", "beyond 2^53"),
        ("1e400", "beyond what a double holds"),
        ("[NaN]", "not JSON"),
        ("[-Infinity]", "not JSON"),
        (r'"\ud800"', "half of a surrogate pair"),
        (r'{"\udc00\ud800":1}', "half of a surrogate pair"),
        ('"\ud800"', "half of a surrogate pair"),
        (b'"\xed\xa0\x80"', "is not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8"),
        ("\ufeff{}", "is not JSON"),
        ('"\x01"', "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[1,]", "is not JSON"),
        ("{} {}", "is not JSON"),
        ("'a'", "is not JSON"),
        ("01", "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_what_readers_disagree_about_is_refused(text: str | bytes, problem: str) -> None:
    with pytest.raises(JoseError, match=problem.replace("^", r"\^")):
        parse(text)


def test_large_whole_numbers_are_read_when_they_come_back_as_they_were() -> None:
    for text in ("9007199254740992", "9007199254740994", "100000000000000000000", "-295147905179352830000"):
        assert canonical(parse(text)) == text.encode()
        assert canonical(int(text)) == text.encode()


@given(st.integers(-(10**23), 10**23) | st.builds(int, st.floats(-1e22, 1e22)))
def test_data_is_judged_as_its_text_is(value: int) -> None:
    """Item 5 of "trust nothing": a body that Ansible has parsed already is taken and refused as the text it was."""
    outcomes = []
    for given_value in (lambda: parse(str(value)), lambda: value):
        try:
            outcomes.append(canonical({"amount": [given_value()]}))
        except JoseError as error:
            outcomes.append(str(error).encode())
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("value", [10**21, -(10**21), 10**22, 2**60, 2**53 + 1, 1 << 100_000], ids=int.bit_length)
def test_whole_numbers_that_ecmascript_prints_otherwise_are_refused(value: int) -> None:
    with pytest.raises(JoseError, match=r"beyond 2\^53"):
        canonical(value)


def test_what_is_read_is_at_most_a_hundred_levels_deep() -> None:
    inside = json.dumps([{}] * 200)
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        deepest = opening * 98 + inside + closing * 98
        assert canonical(parse(deepest)) == deepest.replace(" ", "").encode()
        with pytest.raises(JoseError, match="nested too deeply"):
            parse(opening + deepest + closing)
        with pytest.raises(JoseError, match="nested too deeply"):
            canonical((parse(deepest),))


def test_stringified_keeps_the_order_but_for_indexes() -> None:
    text = '{"b":1,"10":2,"a":3,"9":4,"01":5,"-1":6,"4294967295":7,"4294967294":8,"1.5":9}'
    moved = '{"9":4,"10":2,"4294967294":8,"b":1,"a":3,"01":5,"-1":6,"4294967295":7,"1.5":9}'
    assert stringified(parse(text)).decode() == moved


@given(documents)
def test_reading_back_changes_nothing(document: t.Any) -> None:
    text = canonical(document)
    assert parse(text) == document
    assert canonical(parse(text)) == text
    assert canonical(parse(stringified(document))) == text


@given(st.text() | st.binary() | st.text('{}[]",:0123456789.eE+-\\uadtrfn \t', max_size=30))
def test_reading_raises_nothing_but_its_own_error(text: str | bytes) -> None:
    try:
        value = parse(text)
    except JoseError:
        return
    assert canonical(value)
