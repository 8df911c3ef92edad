# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: how they are made, and which are refused."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._ilp.errors import IlpError
from plugins.module_utils._ilp.published import PUBLISHED, published
from plugins.module_utils._ilp.secret import LEAST_OCTETS, check, generate


def test_made_secrets_are_new_long_and_accepted() -> None:
    made = {generate() for _each in range(200)}
    assert len(made) == 200
    for secret in made:
        check(secret)
        assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    assert len(base64.urlsafe_b64decode(generate(48))) == 48


def test_short_ones_are_not_made() -> None:
    with pytest.raises(IlpError, match="bytes: a secret of 31 octets is too short"):
        generate(LEAST_OCTETS - 1)


@pytest.mark.parametrize(
    "spelling",
    [
        "mojaloop-sdk",
        "mojaloop-sdk\n",
        '"mojaloop-sdk"',
        " 'mojaloop-sdk' ",
        base64.b64encode(b"mojaloop-sdk").decode(),
        base64.b64encode(b"mojaloop-sdk\n").decode() + "\n",
    ],
)
def test_trap_jws_10_public_default_of_the_adapter_is_refused_however_it_was_copied(spelling: str) -> None:
    with pytest.raises(IlpError, match="is the default of the scheme adapter, known to everybody"):
        check(spelling)


@pytest.mark.parametrize(
    "placeholder",
    ["your-secret-key", "your-role-id", "your-secret-id", "secure_password", "<your-64-character-hex-key>", "test"],
)
def test_placeholders_of_documentation_are_known(placeholder: str) -> None:
    assert published(placeholder)


def test_list_holds_digests_and_nothing_else() -> None:
    assert len(PUBLISHED) >= 18
    for digest, origin in PUBLISHED.items():
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
        assert re.fullmatch(r"[A-Za-z' ]+", origin)


@given(st.text())
def test_any_text_is_published_or_not(text: str) -> None:
    problem = ""
    try:
        check(text)
    except IlpError as error:
        problem = str(error)
    assert problem or published(text) is None
    assert len(text) < 8 or text not in problem


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("", "is empty"),
        ("Ab1!" * 7 + "xyz", "has 31 octets, fewer than 32"),
        ("abababab" * 8, "again and again"),
        ("0" * 64, "again and again"),
        (" 0123456789abcdefghijklmnopqrstuv", "white space"),
        ("0123456789abcdefghijklmnopqrstuv\n", "white space"),
        ("0123456789abcdef\tghijklmnopqrstuv", "cannot be seen"),
    ],
)
def test_weak_secrets_are_refused_without_being_quoted(secret: str, problem: str) -> None:
    with pytest.raises(IlpError, match=problem) as refusal:
        check(secret)
    assert not secret or secret not in str(refusal.value)


def test_what_others_made_well_is_accepted() -> None:
    for octets in (bytes(range(32)), bytes(range(100, 148))):
        check(base64.b64encode(octets).decode())
        check(octets.hex())
