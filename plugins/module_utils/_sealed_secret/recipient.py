# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The encryption of one value.

Layout: two bytes with the length of the RSA block (big endian), the block, the ciphertext with its tag. The block is a
new 256-bit key under RSA-OAEP (RFC 8017, SHA-256 for hash and mask) with the scope as label; the ciphertext is AES-GCM
with a nonce of zeros, which is sound because no key encrypts twice. Source: sealed-secrets 0.36, ``pkg/crypto``.
"""

from __future__ import annotations

import datetime
import struct
import typing as t
from dataclasses import dataclass

from .._pki.certificate import iso, parse_certificates, validity
from .._pki.keys import spec_of, spki_sha256
from .errors import SealingError

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:  # reported through Library.check before any of this is called
    pass

if t.TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

_KEY_BITS: t.Final = 256
_NONCE: t.Final = bytes(12)
_SHORTEST_RSA_BITS: t.Final = 2048


@dataclass(frozen=True)
class Recipient:
    """The controller that may open: its public key, and the SHA-256 of that key in hex."""

    key: rsa.RSAPublicKey
    spki_sha256: str

    @classmethod
    def of(cls, pem: bytes, now: datetime.datetime) -> Recipient:
        """Return the recipient of a certificate in PEM; the first one counts, as it does for kubeseal."""
        certificate = parse_certificates(pem)[0]
        spec = spec_of(certificate)
        if spec.type != "rsa" or (spec.size or 0) < _SHORTEST_RSA_BITS:
            raise SealingError(
                f"has a key of type {spec}; sealing needs RSA with {_SHORTEST_RSA_BITS} bits or more",
                field="certificate",
                remedy="Take the certificate that the controller serves (kubeseal --fetch-cert).",
            )
        _begin, end = validity(certificate)
        if now > end:
            raise SealingError(
                f"has ended at {iso(end)}", field="certificate", remedy="Fetch the current one from the controller."
            )
        return cls(t.cast("rsa.RSAPublicKey", certificate.public_key()), spki_sha256(certificate))

    def seal(self, value: bytes, label: bytes) -> bytes:
        """Return ``value`` encrypted so that only the controller can open it, and only where ``label`` says."""
        key = AESGCM.generate_key(_KEY_BITS)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label)
        block = self.key.encrypt(key, oaep)
        return struct.pack(">H", len(block)) + block + AESGCM(key).encrypt(_NONCE, value, None)
