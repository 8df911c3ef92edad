# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Base64url without padding (RFC 7515, 2), read strictly: one text per value, or another text is the same signature."""

from __future__ import annotations

import base64
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def encode(octets: bytes) -> str:
    """Return octets as base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the octets of a text; raises ``ValueError`` for padding, other characters and bits that are left over."""
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("is not base64url without padding")
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(octets) != text:
        raise ValueError("is base64url with stray bits at its end")
    return octets


def encode_number(number: int, length: int | None = None) -> str:
    """Return a positive number as base64url of its big-endian octets (RFC 7518, 2: Base64urlUInt)."""
    return encode(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))
