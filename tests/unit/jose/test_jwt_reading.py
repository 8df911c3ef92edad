# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that are no tokens, and readers that fail in no other way than by saying so."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._jose import base64url
from plugins.module_utils._jose.jwt import LONGEST, Expectation, SharedKey, TokenRefused, mint, read, verify

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d.e",
        "e30.e30.=",
        " e30.e30.",
        "e30.e30.\n",
        "W10.e30.",
        "e30.W10.",
        "bnVsbA.e30.",
        "e30.é.",
        "e30." + base64url.encode(b"[" * 9000) + ".",
        "e30." + base64url.encode(b'{"a":' * 2000) + ".",
        "A" * (LONGEST + 1),
    ],
    ids=lambda token: token[:12],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused) as refusal:
        read(token)
    assert refusal.value.cause == "malformed"


@pytest.mark.parametrize(("longer", "taken"), [(0, True), (1, False)])
def test_kind_8_a_token_beyond_the_limit_is_refused_unread(longer: int, taken: bool) -> None:
    """Its signature is padded, so that nothing but the length of the whole is the reason."""
    start = "e30.e30."
    token = start + "A" * (LONGEST + longer - len(start))
    if taken:
        assert read(token).claims == {}
        return
    with pytest.raises(TokenRefused, match=f"has {LONGEST + 1} characters, more than {LONGEST}"):
        read(token)


@given(st.text(max_size=40) | st.lists(st.binary(max_size=12).map(base64url.encode), max_size=4).map(".".join))
def test_reader_raises_nothing_but_its_own_error(token: str) -> None:
    try:
        told = read(token)
    except TokenRefused:
        return
    assert isinstance(told.claims, dict)


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)


@given(st.dictionaries(st.sampled_from(["exp", "nbf", "iat", "iss", "aud", "sub"]), VALUES))
def test_verifier_raises_nothing_but_its_own_error(claims: dict[str, t.Any]) -> None:
    key = SharedKey("k", bytes(range(32)))
    try:
        verify(mint(claims, key), [key], Expectation(issuer="https://trust.example"), NOW)
    except TokenRefused:
        return
    raise AssertionError("a token without the expected issuer was accepted")
