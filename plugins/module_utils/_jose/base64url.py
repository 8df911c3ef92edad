# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Base64url without padding (RFC 7515, 2), read strictly: one text per value, or another text is the same signature."""

from __future__ import annotations

import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def encode(octets: bytes) -> str:
    """Return octets as base64url without padding."""
    return encoded(octets).decode("ascii")


def encoded(octets: bytes) -> bytes:
    """Return the same in ASCII, for what is to be signed or encoded once more."""
    # Text encodes to few of the two characters, and replacing few takes half the time of translating all.
    standard = binascii.b2a_base64(octets, newline=False)
    return standard.rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")


def decode(text: str) -> bytes:
    """Return the octets of a text; raises ``ValueError`` for padding, other characters and bits that are left over."""
    try:
        # Reads anything; only what it would be written as is accepted.
        octets = binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
        if encode(octets) == text:
            return octets
    except ValueError:  # not ASCII, or one character too many
        pass
    if _ALPHABET.fullmatch(text) and len(text) % 4 != 1:
        raise ValueError("is base64url with stray bits at its end")
    raise ValueError("is not base64url without padding")


def encode_number(number: int, length: int | None = None) -> str:
    """Return a positive number as base64url of its big-endian octets (RFC 7518, 2: Base64urlUInt)."""
    return encode(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))
