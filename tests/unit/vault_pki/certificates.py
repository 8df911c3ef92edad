# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CA certificates as a server would make them, with the dates that a plan table asks for."""

from __future__ import annotations

import dataclasses
import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_BACKDATING = datetime.timedelta(seconds=30)


@dataclasses.dataclass(frozen=True)
class Authority:
    """A CA certificate and the key it was made with."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate in PEM form."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


@functools.cache
def _key(_name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def authority(
    common_name: str,
    made: datetime.datetime,
    seconds: int,
    organization: str | None = None,
    path_length: int | None = None,
    parent: Authority | None = None,
    permitted: tuple[str, ...] = (),
) -> Authority:
    """Return a CA that was made at an instant to live for a time; the same question gets the same answer."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        subject.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    key = _key(common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(parent.certificate.subject if parent else x509.Name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made - _BACKDATING)
        .not_valid_after(made + datetime.timedelta(seconds=seconds))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    )
    if permitted:
        constraints = x509.NameConstraints([x509.DNSName(name) for name in permitted], None)
        builder = builder.add_extension(constraints, critical=True)
    certificate = builder.sign(parent.key if parent else key, hashes.SHA256())
    return Authority(certificate, key)
