# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base64url: one text per value, and nothing else is read."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._jose.base64url import decode, encode


@given(st.binary(max_size=200))
def test_what_was_written_is_read_back(octets: bytes) -> None:
    text = encode(octets)
    assert text == base64.urlsafe_b64encode(octets).decode("ascii").rstrip("=")
    assert decode(text) == octets


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("AQgw-_+/= \n"), max_size=12))
def test_any_text_is_the_one_of_its_value_or_refused(text: str) -> None:
    try:
        octets = decode(text)
    except ValueError:
        return
    assert encode(octets) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("AA==", "not base64url without padding"),
        ("AAA=", "not base64url without padding"),
        ("A", "not base64url without padding"),
        ("AAAAA", "not base64url without padding"),
        ("+_8A", "not base64url without padding"),
        ("/_8A", "not base64url without padding"),
        ("AA AA", "not base64url without padding"),
        ("AAAA\n", "not base64url without padding"),
        ("Ünïc", "not base64url without padding"),
        ("AB", "stray bits at its end"),
        ("AAB", "stray bits at its end"),
    ],
)
def test_other_spellings_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode(text)
