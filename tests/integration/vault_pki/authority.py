# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CA outside the server, made at test time: it signs the requests of intermediates and is imported."""

from __future__ import annotations

import datetime
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
_CA_USAGE = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate in PEM form."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """A root with a key of its own."""

    def __init__(self, common_name: str = "Offline Root", days: int = 3650) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        self.certificate = self._certify(self.name, self.key.public_key(), days, ca=True)

    @property
    def key_pem(self) -> str:
        """The private key in PKCS#8 form."""
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    def sign(self, request: str, days: int = 365, *, ca: bool = True) -> str:
        """Return the certificate of a request in PEM form."""
        asked = x509.load_pem_x509_csr(request.encode())
        return pem(self._certify(asked.subject, asked.public_key(), days, ca=ca))

    def issue(self, common_name: str, days: int = 365, *, ca: bool = True) -> str:
        """Return a certificate for a key that nobody has."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        return pem(self._certify(name, ec.generate_private_key(ec.SECP256R1()).public_key(), days, ca=ca))

    def _certify(self, subject: x509.Name, key: t.Any, days: int, *, ca: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        own = self.key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + days * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )
        if ca:
            builder = builder.add_extension(_CA_USAGE, critical=True)
        return builder.sign(self.key, hashes.SHA256())
