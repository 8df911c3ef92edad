# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical JSON beside a Go module, an npm package, the reference library's own stringifier and bare ECMAScript."""

from __future__ import annotations

import json
import math
import random
import struct
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.module_utils._jose.canonical import LARGEST, canonical, double, parse, stringified
from plugins.module_utils._jose.errors import JoseError
from tests.integration.conftest import or_skip
from tests.rigs.json_canonicalization import Canonicalizer, documents
from tests.rigs.node import Peer, PeerError

#: By ECMAScript itself, by what the reference library spells with, and by the npm package canonicalize.
SPELLERS = ("json.sorted", "json.stable", "json.canonicalize")

names = st.text(st.characters(exclude_categories=("Cs",)), max_size=5) | st.sampled_from(
    [
        "__proto__",
        "constructor",
        "toJSON",
        "10",
        "9",
        "01",
        "-0",
        "4294967295",
        "\ue000",
        "\uffff",
        "\U0001f4b6",
        "\u2028",
    ]
)
numbers = st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | names,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=5),
    max_leaves=20,
)
thoroughly = settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def test_the_documents_of_the_go_module_come_out_as_they_should() -> None:
    found = or_skip(documents)
    assert {name for name, _given, _wanted in found} >= {"french.json", "unicode.json", "values.json", "weird.json"}
    for name, given_text, wanted in found:
        # The names of weird.json are sorted by UTF-16, its values hold every escape.
        assert canonical(parse(given_text)) == wanted.rstrip(b"\n"), name


@thoroughly
@given(values)
def test_generated_documents_are_spelled_by_all_alike(peer: Peer, canonicalizer: Canonicalizer, value: t.Any) -> None:
    text = json.dumps({"document": value})
    ours = canonical(parse(text)).decode()
    assert ours == canonical({"document": value}).decode()
    for speller in SPELLERS:
        assert peer.call(speller, texts=[text]) == [ours], speller
    assert canonicalizer.canonical(text) == ours


@thoroughly
@given(values)
def test_generated_documents_keep_their_order_as_in_ecmascript(peer: Peer, value: t.Any) -> None:
    text = json.dumps({"document": value})
    assert peer.call("json.ordered", texts=[text]) == [stringified(parse(text)).decode()]


def test_doubles_of_any_bits_are_printed_as_in_ecmascript(peer: Peer) -> None:
    source = random.Random(8785)
    doubles = [struct.unpack(">d", source.randbytes(8))[0] for _number in range(40_000)]
    # Where the forms change: around powers of ten, and halfway between neighbours.
    for exponent in range(-12, 25):
        power = 10.0**exponent
        doubles += [power, -power, math.nextafter(power, 0), math.nextafter(power, math.inf), power / 3, power * 7 / 9]
    finite = [value for value in doubles if math.isfinite(value)]
    assert len(finite) > 39_000
    printed = peer.call("json.ordered", texts=[repr(value) for value in finite])
    assert [double(value) for value in finite] == printed


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', "[NaN]", "[1e999]", r'["\ud800"]', "[1,]", '["\x01"]', '{"a"}', "[\ufeff1]"]
)
def test_what_another_hand_refuses_is_refused(canonicalizer: Canonicalizer, text: str) -> None:
    with pytest.raises(PeerError):
        canonicalizer.canonical(text)
    with pytest.raises(JoseError):
        parse(text)


def test_what_others_change_without_a_word_is_refused(peer: Peer, canonicalizer: Canonicalizer) -> None:
    changed = {"[9007199254740993]": "[9007199254740992]", "[1152921504606846976]": "[1152921504606847000]"}
    for text, other in changed.items():
        assert peer.call("json.stable", texts=[text]) == [other]
        assert canonicalizer.canonical(text) == other
        with pytest.raises(JoseError, match=r"beyond 2\^53"):
            parse(text)


def test_data_is_refused_exactly_where_ecmascript_does_not_give_a_whole_number_back(peer: Peer) -> None:
    """Item 5 of "trust nothing": JSON.parse and JSON.stringify decide, for texts and for parsed bodies alike."""
    source = random.Random(53)
    wholes = [base + step for base in (2**53, 10**16, 2**60, 10**20, 10**21, 10**22) for step in range(-40, 41)]
    # Doubles beyond 2^53, as they print and one beside it.
    for _number in range(2000):
        exact = int(source.uniform(2**53, 1.2e21))
        wholes += [exact, exact + 1, int(double(float(exact))) if exact < 10**21 else exact]
    wholes += [-whole for whole in wholes]
    texts = [str(whole) for whole in wholes]
    for whole, text, back in zip(wholes, texts, peer.call("json.ordered", texts=texts), strict=True):
        wanted = text if back == text else None
        assert _spelled(whole) == _spelled(text) == wanted, text


def _spelled(given_value: int | str) -> str | None:
    try:
        return canonical(parse(given_value) if isinstance(given_value, str) else given_value).decode()
    except JoseError:
        return None
