# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates for tests, right and wrong in every way, made with the library and without the code under test."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import pathlib
import subprocess
import typing as t
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519

NOON: t.Final = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
DAY: t.Final = datetime.timedelta(days=1)
CA_USAGE: t.Final = ("key_cert_sign", "crl_sign")
_USAGES: t.Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_numbers = itertools.count(1000)


@dataclass(frozen=True)
class Made:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: t.Any

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The key as PKCS#8."""
        return pkcs8(self.key)


def pkcs8(key: t.Any) -> bytes:
    """Return a private key as PKCS#8 PEM."""
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """Return a new elliptic curve key."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def name(common_name: str) -> x509.Name:
    """Return a name with a common name."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def usage(*names: str) -> x509.KeyUsage:
    """Return a key usage extension."""
    return x509.KeyUsage(**{entry: entry in names for entry in _USAGES})


def sans(*texts: str) -> x509.SubjectAlternativeName:
    """Return alternative names: addresses, URIs, mail addresses and host names are told apart by their look."""
    entries: list[x509.GeneralName] = []
    for text in texts:
        try:
            entries.append(x509.IPAddress(ipaddress.ip_address(text)))
        except ValueError:
            kind = x509.UniformResourceIdentifier if "://" in text else x509.RFC822Name if "@" in text else x509.DNSName
            entries.append(kind(text))
    return x509.SubjectAlternativeName(entries)


def make(
    subject: str | x509.Name,
    issuer: Made | None = None,
    *,
    key: t.Any = None,
    ca: bool = False,
    path_length: int | None = None,
    usages: tuple[str, ...] | None = None,
    start: datetime.datetime = NOON - DAY,
    end: datetime.datetime = NOON + 30 * DAY,
    extensions: t.Iterable[tuple[x509.ExtensionType, bool]] = (),
    digest: hashes.HashAlgorithm | None = None,
    issuer_name: x509.Name | None = None,
    constraints: bool = True,
) -> Made:
    """Make a certificate; without ``issuer`` it is signed by itself."""
    key = key or ec_key()
    subject = name(subject) if isinstance(subject, str) else subject
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else subject))
        .public_key(key.public_key())
        .serial_number(next(_numbers))
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
    chosen = (CA_USAGE if ca else ("digital_signature",)) if usages is None else usages
    if chosen:
        builder = builder.add_extension(usage(*chosen), critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    unhashed = isinstance(signer, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return Made(builder.sign(signer, None if unhashed else digest or hashes.SHA256()), key)


def openssl(*arguments: str | pathlib.Path, data: bytes = b"", ok: bool = True) -> str:
    """Run the openssl command and return both its outputs."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60, check=False)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert not ok or done.returncode == 0, text
    return text


def openssl_binary(*arguments: str | pathlib.Path, data: bytes = b"") -> bytes:
    """Run the openssl command and return what it writes."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60, check=True)
    return done.stdout
