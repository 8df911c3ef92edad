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

from .._jose.errors import JoseError
from .._jose.keys import load_public, same_pair
from .record import KeyMaterial


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


def lost(holder: t.Optional[Holder], material: KeyMaterial) -> t.Sequence[str]:
    """Return a sentence when a holder does not have the private half of a key that is left to it."""
    handle = material.facts.get("handle")
    if holder is None or not isinstance(handle, str):
        return ()
    public = holder.public_pem(handle)
    if public is None:
        return (f"{holder.identity} has no key {handle} any more",)
    return () if _same(public, material.public) else (f"{holder.identity} has another key under {handle}",)


def _same(public: str, recorded: t.Optional[str]) -> bool:
    """Tell whether two texts are one public key, whatever its spelling; a damaged record is another one."""
    try:
        return recorded is not None and same_pair(load_public(public), load_public(recorded))
    except JoseError:
        return False


@dataclass(frozen=True)
class HeldKey:
    """One key of a holder, as what signs messages takes it (:class:`.._jose.signing.Signer`)."""

    holder: Holder
    handle: str
    algorithm: str

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message in the form of JWS."""
        return self.holder.sign(self.handle, message, self.algorithm)
