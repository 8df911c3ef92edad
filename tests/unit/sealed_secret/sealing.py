# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key pair of a controller, and an opener of its own writing: what the tests know about sealed objects."""

from __future__ import annotations

import base64
import datetime
import functools
import typing as t
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

Object = dict[str, t.Any]
_YEAR: t.Final = datetime.timedelta(days=365)


@dataclass(frozen=True)
class Controller:
    """Who may open."""

    key: t.Any
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        """The private key, as the controller keeps it."""
        form = serialization.PrivateFormat.TraditionalOpenSSL
        return t.cast("bytes", self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))

    def open(self, text: str, label: str) -> bytes:
        """Return the value of one ciphertext, or raise ValueError or InvalidTag."""
        sealed = base64.b64decode(text, validate=True)
        length = int.from_bytes(sealed[:2], "big")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label.encode())
        key = self.key.decrypt(sealed[2 : 2 + length], oaep)
        assert len(key) == 32
        return AESGCM(key).decrypt(b"\0" * 12, sealed[2 + length :], None)


@functools.cache
def controller(bits: int = 2048, number: int = 0, ended: bool = False) -> Controller:
    """Return a controller; ``number`` tells several apart, 0 bits is one with a key on a curve."""
    key: t.Any = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sealing {number}")])
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    end = now - datetime.timedelta(days=1) if ended else now + 10 * _YEAR
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - _YEAR).not_valid_after(end)
    return Controller(key, builder.sign(key, hashes.SHA256()))


def secret(**changes: t.Any) -> Object:
    """Return the manifest of a Secret; ``changes`` replace members, None removes them."""
    whole: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": "payments"},
        "stringData": {"user": "hub", "password": "correct horse battery"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}
