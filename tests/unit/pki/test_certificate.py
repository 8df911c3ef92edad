# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of a certificate, each against what openssl reads from the same bytes."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import re
import types
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._pki import certificate
from plugins.module_utils._pki.certificate import CertificateFacts, parse_certificates
from plugins.module_utils._pki.errors import PkiError
from tests.unit.pki import forge

URL = x509.UniformResourceIdentifier
ACCESS = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(x509.AuthorityInformationAccessOID.OCSP, URL("http://ocsp.example")),
        x509.AccessDescription(x509.AuthorityInformationAccessOID.CA_ISSUERS, URL("http://ca.example/ca.der")),
    ]
)
POINTS = x509.CRLDistributionPoints(
    [x509.DistributionPoint([URL("http://crl.example/1"), URL("http://crl.example/2")], None, None, None)]
)
POLICIES = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)])


@pytest.fixture(scope="module")
def root() -> forge.Made:
    """A root with a path length."""
    return forge.make("Root", ca=True, path_length=3)


@pytest.fixture(scope="module")
def leaf(root: forge.Made) -> forge.Made:
    """A leaf with every extension that has a fact."""
    names = forge.sans("node1.example.com", "10.0.0.1", "spiffe://example.org/node1", "ops@example.com")
    extended = x509.ExtendedKeyUsage(
        [x509.ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.3.6.1.4.1.32473.9")]
    )
    extensions = [(entry, False) for entry in (names, extended, ACCESS, POINTS, POLICIES)]
    return forge.make(
        "node1", root, usages=("digital_signature", "key_agreement", "encipher_only"), extensions=extensions
    )


def test_facts_of_a_leaf(leaf: forge.Made, root: forge.Made) -> None:
    facts = CertificateFacts.of(leaf.certificate)
    assert facts.shown() == json.loads(json.dumps(facts.shown()))
    expected = {
        "subject": {"common_name": "node1"},
        "subject_dn": "CN=node1",
        "issuer_dn": "CN=Root",
        "dns_names": ["node1.example.com"],
        "ip_addresses": ["10.0.0.1"],
        "uris": ["spiffe://example.org/node1"],
        "emails": ["ops@example.com"],
        "key_usage": ["DigitalSignature", "EncipherOnly", "KeyAgreement"],
        "extended_key_usage": ["1.3.6.1.4.1.32473.9", "ServerAuth"],
        "is_ca": False,
        "path_length": None,
        "not_before": "2026-05-31T12:00:00Z",
        "not_after": "2026-07-01T12:00:00Z",
        "lifetime_seconds": 31 * 86400,
        "key_type": "ec",
        "key_size": 256,
        "ocsp_urls": ["http://ocsp.example"],
        "issuer_urls": ["http://ca.example/ca.der"],
        "crl_urls": ["http://crl.example/1", "http://crl.example/2"],
        "signature_algorithm": "ecdsa-with-SHA256",
        "policies": ["2.23.140.1.2.1"],
        "self_issued": False,
        "development": False,
    }
    assert {key: facts.shown()[key] for key in expected} == expected
    assert facts.authority_key_id == CertificateFacts.of(root.certificate).subject_key_id


def test_facts_are_what_openssl_reads(leaf: forge.Made) -> None:
    facts = CertificateFacts.of(leaf.certificate).shown()
    text = forge.openssl(
        *("x509", "-noout", "-serial", "-fingerprint", "-sha256", "-startdate", "-enddate", "-text"), data=leaf.pem
    )
    fingerprint = re.search(r"Fingerprint=([0-9A-F:]+)", text)
    serial = re.search(r"serial=([0-9A-F]+)", text)
    assert fingerprint and serial
    assert fingerprint.group(1).replace(":", "").lower() == facts["fingerprint_sha256"]
    assert serial.group(1).lower() == facts["serial"].replace(":", "")
    assert "notAfter=Jul  1 12:00:00 2026 GMT" in text
    assert facts["subject_key_id"].upper() in text.replace(":", "")
    der = forge.openssl_binary(
        "pkey", "-pubin", "-outform", "DER", data=forge.openssl_binary("x509", "-noout", "-pubkey", data=leaf.pem)
    )
    assert facts["spki_sha256"] == hashlib.sha256(der).hexdigest()


def test_facts_of_an_authority(root: forge.Made) -> None:
    facts = CertificateFacts.of(root.certificate)
    assert (facts.is_ca, facts.path_length, facts.self_issued) == (True, 3, True)
    assert facts.key_usage == {"CertSign", "CRLSign"}


def test_a_certificate_with_nothing_in_it_has_facts() -> None:
    key = forge.ec_key()
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 1, forge.NOON, forge.NOON)
    made = forge.Made(builder.sign(key, forge.hashes.SHA256()), key)
    facts = CertificateFacts.of(made.certificate)
    assert facts.subject_dn == ""
    assert facts.key_usage == facts.extended_key_usage == frozenset()
    assert (facts.subject_key_id, facts.authority_key_id, facts.path_length) == (None, None, None)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (rsa.generate_private_key(65537, 2048), "sha256WithRSAEncryption"),
        (ec.generate_private_key(ec.SECP384R1()), "ecdsa-with-SHA256"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
    ],
    ids=["rsa", "ec", "ed25519"],
)
def test_signature_algorithms_have_their_names(key: t.Any, name: str) -> None:
    assert CertificateFacts.of(forge.make("a", key=key).certificate).signature_algorithm == name


def test_trap_27_pem_in_every_shape_is_read(leaf: forge.Made, root: forge.Made) -> None:
    pair = (leaf.certificate, root.certificate)
    both = leaf.pem + root.pem
    one_line = re.sub(rb"\n(?!-----)", b"", leaf.pem.replace(b"CERTIFICATE-----\n", b"CERTIFICATE-----\r\n", 1))
    for text in (
        both,
        both.replace(b"\n", b"\r\n"),
        both.rstrip(b"\n"),
        b"# comment\n\n" + both + b"\ntrailing",
        "Aussteller: Ä\n".encode("latin-1") + both,
        leaf.key_pem + both,
        both.replace(b"CERTIFICATE", b"X509 CERTIFICATE"),
        one_line + b"\n" + root.pem,
    ):
        assert parse_certificates(text) == pair


def test_ts_26_der_is_read(leaf: forge.Made) -> None:
    assert parse_certificates(leaf.der) == (leaf.certificate,)
    assert parse_certificates(certificate.decoded(base64.encodebytes(leaf.der).decode())) == (leaf.certificate,)
    assert parse_certificates(certificate.decoded(base64.b64encode(leaf.pem).decode())) == (leaf.certificate,)


def test_text_written_is_read_back(leaf: forge.Made, root: forge.Made) -> None:
    text = certificate.certificate_pem(leaf.certificate, root.certificate)
    assert text == (leaf.pem + root.pem).decode()
    assert parse_certificates(text.encode()) == (leaf.certificate, root.certificate)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no certificate was found"),
        (b"\x30", "the DER data is malformed"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 of 1 is malformed"),
        (b"-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", "certificate 1 is malformed"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "no certificate was found"),
        (
            forge.make("a").pem * 2 + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "certificate 3 of 3",
        ),
        (forge.make("a").key_pem, "no certificate was found"),
    ],
)
def test_what_is_no_certificate_is_an_error_with_a_remedy(data: bytes, message: str) -> None:
    with pytest.raises(PkiError, match=message) as caught:
        parse_certificates(data)
    assert caught.value.remedy


@given(st.binary(max_size=200))
def test_noise_is_an_error_and_nothing_else(noise: bytes) -> None:
    for data in (noise, b"\x30" + noise, b"-----BEGIN CERTIFICATE-----\n" + noise + b"\n-----END CERTIFICATE-----"):
        with pytest.raises(PkiError):
            parse_certificates(data)


@given(st.integers(min_value=1, max_value=2**159))
def test_a_serial_number_is_read_in_every_spelling(number: int) -> None:
    text = certificate.serial_text(number)
    assert re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2})*", text)
    for spelling in (text, text.upper(), text.replace(":", "-"), text.replace(":", ""), f"0x{number:x}"):
        assert certificate.serial_number(spelling) == number


@pytest.mark.parametrize("wrong", ["", "xyz", "12:zz", "0x", "-"])
def test_what_is_no_serial_number_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a serial number"):
        certificate.serial_number(wrong)


def test_trap_59_dates_of_an_older_library_are_utc() -> None:
    naive = datetime.datetime(2026, 1, 1), datetime.datetime(2026, 2, 1)
    old = types.SimpleNamespace(not_valid_before=naive[0], not_valid_after=naive[1])
    start, end = certificate.validity(t.cast(t.Any, old))
    assert (certificate.iso(start), certificate.iso(end)) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    assert certificate.validity(forge.make("a").certificate) == (forge.NOON - forge.DAY, forge.NOON + 30 * forge.DAY)


def test_an_extension_that_is_there_twice_is_an_error() -> None:
    made = forge.make("a", extensions=[(forge.sans("a.example"), False), (POLICIES, False)])
    # Both extensions get the identifier of the first: 2.5.29.32 becomes 2.5.29.17.
    der = made.der.replace(bytes.fromhex("0603551d20"), bytes.fromhex("0603551d11"))
    with pytest.raises(PkiError, match=r"an extension of the certificate .* is malformed"):
        CertificateFacts.of(x509.load_der_x509_certificate(der))
