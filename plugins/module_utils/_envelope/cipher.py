# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""AES-256 in Galois/Counter Mode (NIST SP 800-38D), with the parts kept apart as Node's ``crypto`` keeps them."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from .errors import EnvelopeError

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:  # asked for by every face before any of it is used
    pass

#: What Node's ``createCipheriv`` calls it.
ALGORITHM: t.Final = "aes-256-gcm"
KEY_BYTES: t.Final = 32
TAG_BYTES: t.Final = 16
#: 12 is what the standard recommends; 16 is what many programs use, and costs one more pass of the hash.
IV_BYTES: t.Final = (12, 16)


@dataclass(frozen=True)
class Sealed:
    """One ciphertext with its initialisation vector (12 or 16 bytes) and its tag (16 bytes)."""

    iv: bytes
    tag: bytes
    ciphertext: bytes

    def packed(self) -> bytes:
        """Return initialisation vector, tag and ciphertext in one."""
        return self.iv + self.tag + self.ciphertext

    @classmethod
    def of_key(cls, packed: bytes) -> Sealed:
        """Take apart a packed key; how long its initialisation vector is follows from the key's own 32 bytes."""
        iv_bytes = len(packed) - TAG_BYTES - KEY_BYTES
        if iv_bytes not in IV_BYTES:
            raise EnvelopeError(
                f"is {len(packed)} bytes long, and a wrapped key has 60 or 64",
                remedy="It was cut off, or it is not one that AES wrapped.",
            )
        return cls(packed[:iv_bytes], packed[iv_bytes : iv_bytes + TAG_BYTES], packed[iv_bytes + TAG_BYTES :])


def new_key() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, aad: bytes = b"", iv_bytes: int = 12) -> Sealed:
    """Encrypt; ``aad`` is authenticated with it, and has to be given again to open it."""
    iv = os.urandom(iv_bytes)
    return seal_with(key, iv, plaintext, aad)


def seal_with(key: bytes, iv: bytes, plaintext: bytes, aad: bytes = b"") -> Sealed:
    """Encrypt under a given initialisation vector, which must never be used twice with one key."""
    whole = AESGCM(key).encrypt(iv, plaintext, aad)
    return Sealed(iv, whole[-TAG_BYTES:], whole[:-TAG_BYTES])


def unseal(key: bytes, sealed: Sealed, aad: bytes = b"") -> bytes | None:
    """Decrypt; ``None`` when key, any part or ``aad`` is not what it was when it was sealed."""
    try:
        return AESGCM(key).decrypt(sealed.iv, sealed.ciphertext + sealed.tag, aad)
    except InvalidTag:
        return None
