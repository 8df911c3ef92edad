# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests and the usages in them."""

from __future__ import annotations

import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._pki import keys, usages
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.names import Subject, SubjectAltNames
from plugins.module_utils._pki.request import load_request, make_csr, request_pem
from tests.unit.pki import forge

SPECS = [keys.KeySpec("ec", 256), keys.KeySpec("ec", 384), keys.KeySpec("rsa", 2048), keys.KeySpec("ed25519")]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_openssl_accepts_a_request_and_sees_what_was_asked(spec: keys.KeySpec) -> None:
    names = SubjectAltNames.declared(["node1.example.com"], ["10.0.0.1"])
    request = make_csr(
        keys.generate(spec),
        Subject(common_name="us-east-1-node-01"),
        names,
        frozenset({"DigitalSignature"}),
        frozenset({"ServerAuth", "ClientAuth"}),
    )
    text = forge.openssl("req", "-verify", "-noout", "-text", data=request_pem(request).encode())
    assert "verify OK" in text
    for shown in ("CN = us-east-1-node-01", "DNS:node1.example.com, IP Address:10.0.0.1", "Digital Signature"):
        assert shown in text
    assert "TLS Web Client Authentication, TLS Web Server Authentication" in text
    assert load_request(request_pem(request)).public_bytes(serialization.Encoding.DER) == request.public_bytes(
        serialization.Encoding.DER
    )


def test_a_request_says_nothing_that_was_not_asked() -> None:
    request = make_csr(forge.ec_key(), Subject(common_name="a"), SubjectAltNames())
    assert list(request.extensions) == []


def test_names_are_critical_when_there_is_no_subject() -> None:
    for subject, critical in ((Subject(), True), (Subject(common_name="a"), False)):
        request = make_csr(forge.ec_key(), subject, SubjectAltNames.declared(uris=["spiffe://example.org/a"]))
        assert request.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical is critical


def test_a_request_that_was_tampered_with_is_refused() -> None:
    request = make_csr(forge.ec_key(), Subject(common_name="node-aaaa"), SubjectAltNames())
    der = request.public_bytes(serialization.Encoding.DER).replace(b"node-aaaa", b"node-bbbb")
    tampered = x509.load_der_x509_csr(der)
    with pytest.raises(PkiError, match="signature of the certificate request is wrong"):
        load_request(request_pem(tampered))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no PEM block"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "cannot be read"),
        (forge.make("a").pem.decode(), "0 certificate requests were found"),
    ],
)
def test_what_is_no_request_is_an_error_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(PkiError, match=message) as caught:
        load_request(text)
    assert caught.value.remedy


def test_two_requests_are_one_too_many() -> None:
    text = request_pem(make_csr(forge.ec_key(), Subject(common_name="a"), SubjectAltNames()))
    with pytest.raises(PkiError, match="2 certificate requests were found"):
        load_request(text + text)


def test_the_older_label_of_a_request_is_read() -> None:
    text = request_pem(make_csr(forge.ec_key(), Subject(common_name="a"), SubjectAltNames()))
    assert load_request(text.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"))


@pytest.mark.parametrize("name", usages.KEY_USAGES)
def test_every_key_usage_is_read_in_every_spelling_and_survives(name: str) -> None:
    for spelling in (name, name.lower(), name.upper(), f"KeyUsage{name}", f" {name} "):
        assert usages.key_usage(spelling) == name
    # The two qualifiers mean something beside key agreement only.
    chosen = frozenset({name, "KeyAgreement"}) if name.endswith("Only") else frozenset({name})
    assert usages.key_usage_names(usages.key_usage_extension(chosen)) == chosen


@pytest.mark.parametrize(("name", "oid"), usages.EXTENDED_KEY_USAGES.items())
def test_every_extended_key_usage_is_read_in_every_spelling_and_survives(name: str, oid: str) -> None:
    for spelling in (name, name.lower(), f"ExtKeyUsage{name}", oid):
        assert usages.extended_key_usage(spelling) == name
    assert usages.extended_key_usage_names(usages.extended_key_usage_extension({name})) == {name}


def test_an_extended_key_usage_without_a_name_is_its_identifier() -> None:
    assert usages.extended_key_usage("1.3.6.1.4.1.32473.1") == "1.3.6.1.4.1.32473.1"
    extension = usages.extended_key_usage_extension({"1.3.6.1.4.1.32473.1", "ServerAuth"})
    assert usages.extended_key_usage_names(extension) == {"1.3.6.1.4.1.32473.1", "ServerAuth"}


def test_openssl_sees_every_key_usage() -> None:
    chosen = frozenset(usages.KEY_USAGES) - {"EncipherOnly", "DecipherOnly"}
    made = forge.make("a", usages=(), extensions=[(usages.key_usage_extension(chosen), True)])
    text = forge.openssl("x509", "-noout", "-ext", "keyUsage", data=made.pem)
    assert (
        "Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, Key Agreement, Certificate Sign, CRL"
        in text
    )


@pytest.mark.parametrize(
    ("canonical", "wrong"),
    [
        (usages.key_usage, "bogus"),
        (usages.key_usage, ""),
        (usages.extended_key_usage, "1.2.x"),
        (usages.extended_key_usage, "x"),
    ],
)
def test_trap_05_an_unknown_usage_is_refused(canonical: t.Callable[[str], str], wrong: str) -> None:
    with pytest.raises(ValueError, match=r"is not an? (extended )?key usage; use"):
        canonical(wrong)
