# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The port to those who hold private keys and never give them away: a transit engine, a hardware token.

A key in a holder is named by its *handle*, which the record in custody keeps instead of the private text.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

#: The fact of a key in a record that names it to its holder.
HANDLE: t.Final = "handle"


class Holder(t.Protocol):
    """Makes keys and signs with them. One holder serves many owners and threads."""

    @property
    def identity(self) -> str:
        """What messages call it, such as ``transit/`` or ``pkcs11 token jws``."""

    def generate(self, name: str, algorithm: str, bits: int) -> tuple[str, str]:
        """Make a new key for an owner (``RS256``, ``ES256``) and leave those before it usable.

        ``bits`` is the size of an RSA key. Return the handle and the public key as PEM (SubjectPublicKeyInfo).
        """

    def public_pem(self, handle: str) -> t.Optional[str]:
        """Return the public key as PEM, ``None`` when the holder has no such key (any more)."""

    def sign(self, handle: str, data: bytes, algorithm: str) -> bytes:
        """Return the JWS signature of ``data`` (RFC 7518: PKCS#1 v1.5 for RS256, R and S concatenated for ES256)."""

    def destroy(self, handle: str) -> None:
        """Destroy a key; one that is not there is destroyed already."""


@dataclass(frozen=True)
class HeldKey:
    """One key of a holder, as what signs messages takes it (:class:`.._jose.signing.Signer`)."""

    holder: Holder
    handle: str
    algorithm: str

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message in the form of JWS."""
        return self.holder.sign(self.handle, message, self.algorithm)
