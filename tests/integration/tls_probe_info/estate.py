# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates made for one run: a CA with an intermediate, a stranger, and clients with one fault each."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.rigs.pki import write_private

Key = ec.EllipticCurvePrivateKey
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM


class Authority(t.NamedTuple):
    """A CA certificate, its key, and what a client of it presents besides its own certificate."""

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...]


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Estate:
    """Files below one directory: ``<name>.pem`` (with its chain), ``<name>.key``, ``root.pem``, ``crl.pem``."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.now = datetime.datetime.now(datetime.timezone.utc)
        root = self._authority("root")
        self.issuer = self._authority("intermediate", root)
        self.stranger = self._authority("stranger")
        self._write("root.pem", root.certificate.public_bytes(PEM))
        self.leaf("server", dns=("localhost",))
        for name in ("hub", "uninvited"):
            self.leaf(name)
        self.leaf("expired", start=-2 * DAY, end=-1 * DAY)
        self.leaf("early", start=1 * DAY, end=2 * DAY)
        self.leaf("foreign", issuer=self.stranger)
        revoked = self.leaf("revoked")
        lists = self._crl(self.issuer, revoked), self._crl(root)
        self._write("crl.pem", b"".join(entry.public_bytes(PEM) for entry in lists))

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def client(self, name: str) -> dict[str, str]:
        """Return the probe options that present a client's certificate."""
        return {"client_cert": self.path(f"{name}.pem"), "client_key": self.path(f"{name}.key")}

    def leaf(
        self,
        name: str,
        *,
        issuer: Authority | None = None,
        dns: tuple[str, ...] = (),
        start: datetime.timedelta = -DAY / 24,
        end: datetime.timedelta = DAY,
    ) -> x509.Certificate:
        """Issue a certificate that is valid from ``start`` to ``end``, counted from now, and write it with its key."""
        issuer = issuer or self.issuer
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(name, key, issuer, start, end)
        names = [x509.DNSName(entry) for entry in (name, *dns)]
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if dns else []
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = (
            builder.add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.SubjectAlternativeName([*names, *addresses]), False)
            .add_extension(x509.ExtendedKeyUsage(usages), False)
            .sign(issuer.key, hashes.SHA256())
        )
        chain = (certificate, *issuer.chain)
        self._write(f"{name}.pem", b"".join(entry.public_bytes(PEM) for entry in chain))
        self._write(f"{name}.key", _key_pem(key, serialization.NoEncryption()))
        return certificate

    def encrypt_key(self, name: str) -> None:
        """Write the key of ``name`` as ``<name>-encrypted.key``."""
        key = serialization.load_pem_private_key((self.directory / f"{name}.key").read_bytes(), None)
        self._write(f"{name}-encrypted.key", _key_pem(t.cast("Key", key), serialization.BestAvailableEncryption(b"pw")))

    def _authority(self, name: str, parent: Authority | None = None) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = self._builder(name, key, parent, -3 * DAY, 9 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(usage, True)
        certificate = builder.sign(parent.key if parent else key, hashes.SHA256())
        return Authority(certificate, key, (certificate, *parent.chain) if parent else ())

    def _builder(
        self, name: str, key: Key, issuer: Authority | None, start: datetime.timedelta, end: datetime.timedelta
    ) -> x509.CertificateBuilder:
        signer = issuer.key if issuer else key
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(issuer.certificate.subject if issuer else _name(name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + start)
            .not_valid_after(self.now + end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
        )

    def _crl(self, issuer: Authority, *revoked: x509.Certificate) -> x509.CertificateRevocationList:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(self.now - DAY)
            .next_update(self.now + DAY)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
            .add_extension(x509.CRLNumber(1), False)
        )
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(self.now)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(issuer.key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> None:
        write_private(self.directory / name, content)


def _key_pem(key: Key, encryption: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)
