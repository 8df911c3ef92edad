# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names become part of an address without becoming another one."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.address import Address, at, checked, component, route, sendable, word
from plugins.module_utils._core.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("prod", "kv/prod"),
        ("prod#old", "kv/prod%23old"),
        ("prod?x=1", "kv/prod%3Fx%3D1"),
        ("50%", "kv/50%25"),
        ("%2e%2e", "kv/%252e%252e"),
        ("a b", "kv/a%20b"),
        ("a/b", "kv/a/b"),
        ("t\u00e9", "kv/t%C3%A9"),
        ("...", "kv/..."),
    ],
)
def test_r9_name_is_encoded(name: str, sent: str) -> None:
    assert at("kv", name) == sent
    assert sendable(at("kv", name)) == sent
    assert at("v1", at("kv", name)) == f"v1/{sent}"


@pytest.mark.parametrize(
    "name", ["", "/", "a//b", "a/", "..", ".", "a/../b", "a/./b", "a\nb", "a\x00", "\x7f", "\u200b", "\u202e"]
)
def test_r9_name_that_no_address_can_carry_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be part of an address"):
        at("kv", name)


@pytest.mark.parametrize("text", ["kv/a#b", "kv/a?b", "kv/a b", "kv/a%b", "kv/../a", "kv//a", "", "kv/\u00e9", "a\n"])
def test_r9_text_that_was_pasted_together_is_not_sent(text: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be sent"):
        checked(text)
    assert sendable(Address("kv/a%23b")) == "kv/a%23b"


@pytest.mark.parametrize("text", ["", "/", "//", "..", "a/../b", "a//b", "a\tb"])
def test_r9_route_names_its_field(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        route(text, "mount")
    assert caught.value.field == "mount"
    assert route("/a/b#c/", "mount") == "a/b#c"


@pytest.mark.parametrize("text", ["", "a#b", "a/b", "a b", "-a", "a.", "\u00e9", "a\n"])
def test_r9_word_is_of_ascii(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        word(text)
    assert caught.value.field == "name"
    assert word("a-b.c_1") == "a-b.c_1"


def test_a_text_is_spelled_as_addresses_of_others_spell_it() -> None:
    assert component("a/b c&d=\u00fc~\udc80") == "a%2Fb%20c%26d%3D%C3%BC~%3F"
