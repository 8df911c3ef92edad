# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signatures of messages by themselves: RSASSA-PKCS1-v1_5 with SHA-256, and ECDSA on P-256 (RFC 7518, 3.3 and 3.4)."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.redact import Secret
from .errors import JoseError
from .keys import CACHE, algorithm, load_private, load_public, octets

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    # They have no state, and making them anew takes a tenth of the time of verifying.
    _SHA256: t.Final = hashes.SHA256()
    _PKCS1: t.Final = padding.PKCS1v15()
    _ECDSA: t.Final = ec.ECDSA(_SHA256)
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    from .keys import Pem, PrivateKey, PublicKey

#: Octets of each half of an ES256 signature.
_HALF: t.Final = 32


class Signer(t.Protocol):
    """Whoever holds a private key and signs with it, in this process or out of its reach."""

    @property
    def algorithm(self) -> str:
        """The name of its algorithm: ``RS256`` or ``ES256``."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message in the form of JWS: that of ES256 is two numbers of 32 octets."""


@dataclass(frozen=True)
class KeySigner:
    """A private key at hand."""

    key: PrivateKey
    algorithm: str

    @classmethod
    def of(cls, key: PrivateKey) -> KeySigner:
        """Return the signer of an RSA or P-256 key; raises :class:`JoseError` for others."""
        return cls(key, usable(key))

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message; raises :class:`JoseError` when the parts of the key disagree."""
        key: t.Any = self.key
        try:
            if self.algorithm == "RS256":
                return t.cast(bytes, key.sign(message, _PKCS1, _SHA256))
            return raw_from_der(key.sign(message, _ECDSA))
        except ValueError:
            raise JoseError("the private key is damaged", field="key", remedy="Restore it from a backup.") from None


def usable(key: t.Any) -> str:
    """Return the algorithm of a key, private or public; raises :class:`JoseError` unless FSPIOP verifiers know it."""
    name = algorithm(key)
    if name not in ("RS256", "ES256"):
        raise JoseError(
            f"{name} is not among the algorithms of FSPIOP", field="key", remedy="Use an RSA key, or EC on P-256."
        )
    return name


def raw_from_der(signature: bytes) -> bytes:
    """Return an ECDSA signature as JWS has it (RFC 7518, 3.4), of one in DER as other software makes it."""
    r, s = decode_dss_signature(signature)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


@dataclass(frozen=True)
class KeyVerifier:
    """A public key at hand."""

    key: PublicKey
    algorithm: str

    @classmethod
    def of(cls, key: PublicKey) -> KeyVerifier:
        """Return the verifier of an RSA or P-256 key; raises :class:`JoseError` for others."""
        return cls(key, usable(key))

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether a signature in the form of JWS is that of the key over a message."""
        key: t.Any = self.key
        try:
            if self.algorithm == "RS256":
                key.verify(signature, message, _PKCS1, _SHA256)
            elif len(signature) == 2 * _HALF:
                r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
                key.verify(encode_dss_signature(r, s), message, _ECDSA)
            else:
                return False
        except InvalidSignature:
            return False
        return True


def signer_of(key: PrivateKey | Pem) -> KeySigner:
    """Return the signer of a key, or of one in PEM, which is parsed once; raises :class:`JoseError`."""
    if isinstance(key, (str, bytes, Secret)):
        return CACHE.get("signer", octets(key), lambda data: KeySigner.of(load_private(data)))
    return KeySigner.of(key)


def verifier_of(key: PublicKey | Pem) -> KeyVerifier:
    """Return the verifier of a key, or of one in PEM, which is parsed once; raises :class:`JoseError`."""
    if isinstance(key, (str, bytes, Secret)):
        return CACHE.get("verifier", octets(key), lambda data: KeyVerifier.of(load_public(data)))
    return KeyVerifier.of(key)
