# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates, requests, lists and keys: how they are read, and right inputs of each."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519 as library_ed25519

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._jose import keys
from plugins.module_utils._pki import certificate, names, request
from plugins.module_utils._pki import keys as pki_keys
from plugins.module_utils._pki.chain import order_chain, verify_chain
from plugins.module_utils._pki.constraints import name_violations
from tests.unit.pki import forge

NOW: t.Final = forge.NOON


@functools.cache
def certificates() -> tuple[forge.Made, ...]:
    root = forge.make("Root", ca=True)
    names_in = [(forge.sans("a.example", "10.0.0.1", "mail@b.example", "https://c.example/d"), False)]
    rsa = pki_keys.generate(pki_keys.KeySpec("rsa", 2048))
    return root, forge.make("a.example", root, extensions=names_in), forge.make("other", key=rsa)


def load(octets: bytes) -> object:
    found = certificate.parse_certificates(octets)
    facts = [certificate.facts_of(each) for each in found]
    verify_chain(found[0], order_chain(found[0], found), found, NOW)
    return facts


def pems() -> list[bytes]:
    root, leaf, other = certificates()
    return [leaf.pem, leaf.pem + root.pem, other.pem, leaf.der, root.der, b"text\n" + leaf.pem.replace(b"\n", b"\r\n")]


def crls() -> list[bytes]:
    root = certificates()[0]
    day = datetime.timedelta(days=1)
    builder = x509.CertificateRevocationListBuilder().issuer_name(root.certificate.subject).last_update(NOW)
    entry = x509.RevokedCertificateBuilder().serial_number(7).revocation_date(NOW)
    entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
    builder = builder.next_update(NOW + day).add_revoked_certificate(entry.build())
    builder = builder.add_extension(x509.CRLNumber(3), critical=False)
    made = builder.sign(root.key, hashes.SHA256())
    return [made.public_bytes(encoding) for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)]


def requests() -> list[bytes]:
    key = forge.ec_key()
    builder = x509.CertificateSigningRequestBuilder().subject_name(forge.name("a.example"))
    made = builder.add_extension(forge.sans("a.example"), critical=False).sign(key, hashes.SHA256())
    return [made.public_bytes(serialization.Encoding.PEM)]


def load_request(text: str) -> object:
    found = request.load_request(text)
    return names.dn_text(found.subject), names.Subject.observed(found.subject)


def private_keys() -> list[bytes]:
    made = [
        pki_keys.generate(pki_keys.KeySpec("rsa", 2048)),
        forge.ec_key(),
        library_ed25519.Ed25519PrivateKey.generate(),
    ]
    plain = [forge.pkcs8(key) for key in made]
    best = serialization.BestAvailableEncryption(b"passphrase")
    closed = made[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, best)
    public = (
        made[1].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return [*plain, closed, public]


def load_keys(octets: bytes) -> object:
    found = []
    cache = keys.KeyCache(4)
    for load in (
        lambda: pki_keys.load_private_key(octets),
        lambda: pki_keys.is_encrypted(octets),
        lambda: keys.load_private(octets, cache=cache),
        lambda: keys.algorithm(keys.load_public(octets, cache=cache)),
        lambda: keys.private_encoding(octets),
    ):
        try:
            found.append(load())
        except TrustmeshError:
            found.append(None)
    return any(found)


@functools.cache
def _constrained() -> tuple[forge.Made, forge.Made]:
    subtrees = [
        x509.DNSName("a.example"),
        x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
        x509.UniformResourceIdentifier("c.example"),
        x509.RFC822Name("b.example"),
        x509.DirectoryName(forge.name("a")),
    ]
    limits = x509.NameConstraints(permitted_subtrees=subtrees, excluded_subtrees=subtrees[:1])
    authority = forge.make("Limited", ca=True, extensions=[(limits, True)])
    named = [(forge.sans("x.a.example", "10.0.0.1", "mail@b.example", "https://c.example/d"), False)]
    return authority, forge.make("x.a.example", authority, extensions=named)


def limited() -> list[bytes]:
    return [made.der for made in _constrained()]


def check_limits(octets: bytes) -> object:
    """Hold a certificate against an authority and an authority against it."""
    found = certificate.parse_certificates(octets)
    authority, leaf = (made.certificate for made in _constrained())
    return bool(name_violations([leaf, found[0]])), bool(name_violations([found[0], authority]))
