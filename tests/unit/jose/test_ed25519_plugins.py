# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ed25519_sign and the test ed25519_valid."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from plugins.filter import ed25519_sign as filters
from plugins.filter.ed25519_sign import ed25519_sign
from plugins.test import ed25519_valid as tests
from plugins.test.ed25519_valid import ed25519_valid
from tests.unit.jose import edwards
from tests.unit.jose.test_ed25519 import VECTORS


@pytest.mark.parametrize("name", VECTORS)
def test_pk_01_vectors_of_rfc_8032(name: str) -> None:
    seed, public, message, signature = VECTORS[name]
    made = ed25519_sign(message, seed, encoding="hex")
    assert base64.urlsafe_b64decode(made + "==").hex() == signature
    for form in (made, signature, signature.upper(), base64.b64encode(bytes.fromhex(signature)).decode()):
        assert ed25519_valid(message, form, public, encoding="hex")
    assert not ed25519_valid(message + "00", made, public, encoding="hex")


def test_the_encodings_stand_for_the_same_octets() -> None:
    seed, public, *_rest = VECTORS["TEST 2"]
    octets = "grüße".encode()
    forms = {"text": "grüße", "hex": octets.hex(), "base64": base64.b64encode(octets).decode()}
    signatures = {ed25519_sign(data, seed, encoding=encoding) for encoding, data in forms.items()}
    assert len(signatures) == 1
    assert all(ed25519_valid(data, *signatures, public, encoding=encoding) for encoding, data in forms.items())


@pytest.mark.parametrize("signature", ["", "x", None, 5, "00" * 63, "00" * 65, "é" * 86])
def test_what_is_no_signature_is_not_valid(signature: t.Any) -> None:
    assert not ed25519_valid("data", signature, VECTORS["TEST 1"][1])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"data": 5}, "data: is a whole number, not a text"),
        ({"data": "hidden", "encoding": "hex"}, "data: is not in hex"),
        ({"data": "hidden!", "encoding": "base64"}, "data: is not in base64"),
        ({"data": "é", "encoding": "base64"}, "data: is not in base64"),
        ({"data": "\ud800"}, "data: is not in text"),
        ({"encoding": "utf-16"}, "encoding: is unknown"),
        ({"key": "hidden"}, "is neither PEM nor 32 octets"),
        ({"key": None}, "takes a text, not null"),
    ],
)
def test_what_makes_no_sense_is_an_error(options: t.Any, problem: str) -> None:
    given = {"data": "data", "key": VECTORS["TEST 1"][1], "encoding": "text", **options}
    calls: list[t.Callable[[], t.Any]] = [
        lambda: ed25519_sign(given["data"], given["key"], given["encoding"]),
        lambda: ed25519_valid(given["data"], "00" * 64, given["key"], given["encoding"]),
    ]
    for call in calls:
        with pytest.raises(AnsibleFilterError, match=problem) as refused:
            call()
        assert "hidden" not in str(refused.value)


def test_a_weak_key_is_an_error_and_not_a_verdict() -> None:
    with pytest.raises(AnsibleFilterError, match="public_key: is a point of small order"):
        ed25519_valid("data", "00" * 64, edwards.encoded(edwards.NEUTRAL).hex())


@given(st.text(), st.text())
def test_whatever_is_presented_is_no_signature(data: str, signature: str) -> None:
    try:
        assert not ed25519_valid(data, signature, VECTORS["TEST 1"][1])
    except AnsibleFilterError:
        assert any("\ud800" <= character <= "\udfff" for character in data)


def test_ansible_finds_them_by_their_names() -> None:
    assert filters.FilterModule().filters() == {"ed25519_sign": ed25519_sign}
    assert tests.TestModule().tests() == {"ed25519_valid": ed25519_valid}
