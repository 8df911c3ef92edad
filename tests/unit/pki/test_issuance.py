# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The development authority and revocation lists, with openssl as second opinion."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
from cryptography import x509

from plugins.module_utils._pki import keys
from plugins.module_utils._pki.certificate import CertificateFacts, serial_text
from plugins.module_utils._pki.chain import verify_chain
from plugins.module_utils._pki.development import (
    DEVELOPMENT_POLICY,
    DEVELOPMENT_UNIT,
    is_development,
    policy_extension,
)
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.issuance import Authority, Span, marked, requested_names, sign_authority, sign_leaf
from plugins.module_utils._pki.names import Subject, SubjectAltNames
from plugins.module_utils._pki.request import make_csr
from plugins.module_utils._pki.revocation import (
    REASONS,
    CrlFacts,
    Revocation,
    _updates,
    crl_pem,
    make_crl,
    parse_crl,
)
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, NOON

SPAN = Span(NOON - DAY, NOON + 365 * DAY)
SPECS = [keys.KeySpec("ec", 256), keys.KeySpec("ec", 521), keys.KeySpec("rsa", 2048), keys.KeySpec("ed25519")]


def _authority(spec: keys.KeySpec, path_length: int = 0, parent: Authority | None = None) -> Authority:
    key = keys.generate(spec)
    # Every level has a name of its own: a certificate whose issuer has its name does not count for the path length.
    level = 0 if parent is None else int(parent.certificate.subject.rfc4514_string()[len("CN=Mesh ")]) + 1
    return Authority(sign_authority(Subject(common_name=f"Mesh {level}"), key, SPAN, path_length, parent), key)


@pytest.fixture(scope="module")
def root() -> Authority:
    """A root."""
    return _authority(SPECS[0], 1)


@pytest.fixture(scope="module")
def mesh(root: Authority) -> Authority:
    """An intermediate below it."""
    return _authority(SPECS[0], 0, root)


def _leaf(issuer: Authority, **usages: t.Any) -> x509.Certificate:
    names = SubjectAltNames.declared(["node1.example.com"], ["10.0.0.1"], ["spiffe://example.org/node1"])
    request = make_csr(forge.ec_key(), Subject(common_name="node1", organization=("Example",)), names)
    return sign_leaf(request, issuer, Span(NOON, NOON + 30 * DAY), **usages)


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(forge.Made(entry, None).pem for entry in certificates)


def _verify(directory: pathlib.Path, leaf: x509.Certificate, between: bytes, root: bytes, *options: str) -> str:
    for name, content in {"leaf": _pem(leaf), "between": between, "root": root}.items():
        (directory / name).write_bytes(content)
    moment = str(int((NOON + DAY).timestamp()))
    untrusted = ("-untrusted", directory / "between") if between else ()
    files = ("-CAfile", directory / "root", *untrusted, directory / "leaf")
    return forge.openssl("verify", "-x509_strict", "-attime", moment, *options, *files, ok=False)


@pytest.mark.parametrize("top", SPECS, ids=str)
def test_openssl_verifies_what_is_signed_with_any_key(top: keys.KeySpec, tmp_path: pathlib.Path) -> None:
    root = _authority(top, 1)
    mesh = _authority(top, 0, root)
    leaf = _leaf(mesh)
    assert verify_chain(leaf, [mesh.certificate], [root.certificate], NOON, "ClientAuth") == []
    for purpose in ("sslserver", "sslclient"):
        text = _verify(tmp_path, leaf, _pem(mesh.certificate), _pem(root.certificate), "-purpose", purpose)
        assert ": OK" in text


def test_mb_02_an_authority_is_one_in_every_field(root: Authority, mesh: Authority) -> None:
    facts = CertificateFacts.of(mesh.certificate)
    assert (facts.is_ca, facts.path_length) == (True, 0)
    assert facts.key_usage == {"CertSign", "CRLSign", "DigitalSignature"}
    assert facts.authority_key_id == CertificateFacts.of(root.certificate).subject_key_id
    text = forge.openssl("x509", "-noout", "-text", data=_pem(mesh.certificate))
    assert "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0" in text


def test_openssl_refuses_an_authority_below_path_length_0(
    mesh: Authority, root: Authority, tmp_path: pathlib.Path
) -> None:
    deep = _authority(SPECS[0], 0, mesh)
    leaf = _leaf(deep)
    text = _verify(tmp_path, leaf, _pem(deep.certificate, mesh.certificate), _pem(root.certificate))
    assert "path length constraint exceeded" in text
    assert len(verify_chain(leaf, [deep.certificate, mesh.certificate], [root.certificate], NOON)) == 2


def test_a_leaf_has_the_names_of_its_request_and_nothing_else_of_it(mesh: Authority) -> None:
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(forge.name("node1"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(forge.usage("key_cert_sign"), critical=True)
        .add_extension(forge.sans("a.example"), critical=False)
        .sign(forge.ec_key(), forge.hashes.SHA256())
    )
    facts = CertificateFacts.of(sign_leaf(request, mesh, SPAN))
    assert not facts.is_ca
    assert facts.key_usage == {"DigitalSignature"}
    assert facts.extended_key_usage == {"ServerAuth", "ClientAuth"}
    assert facts.sans.dns == {"a.example"}


def test_usages_of_a_leaf_can_be_chosen(mesh: Authority) -> None:
    chosen = CertificateFacts.of(_leaf(mesh, key_usage={"KeyAgreement"}, extended_key_usage={"ClientAuth"}))
    assert (chosen.key_usage, chosen.extended_key_usage) == ({"KeyAgreement"}, {"ClientAuth"})
    none = CertificateFacts.of(_leaf(mesh, key_usage=frozenset(), extended_key_usage=frozenset()))
    assert (none.key_usage, none.extended_key_usage) == (frozenset(), frozenset())


def test_an_rsa_leaf_may_encipher_keys(mesh: Authority) -> None:
    request = make_csr(keys.generate(SPECS[2]), Subject(common_name="a"), SubjectAltNames())
    assert CertificateFacts.of(sign_leaf(request, mesh, SPAN)).key_usage == {"DigitalSignature", "KeyEncipherment"}


def test_a_request_without_names_asks_for_none() -> None:
    assert not requested_names(make_csr(forge.ec_key(), Subject(common_name="a"), SubjectAltNames()))


def test_mb_47_everything_an_authority_signs_tells_that_it_is_for_development(root: Authority, mesh: Authority) -> None:
    leaf = _leaf(mesh)
    for certificate in (root.certificate, mesh.certificate, leaf):
        assert is_development(certificate)
        text = forge.openssl("x509", "-noout", "-ext", "certificatePolicies", data=_pem(certificate))
        assert f"Policy: {DEVELOPMENT_POLICY}" in text
        assert f"Explicit Text: {DEVELOPMENT_UNIT}" in text
    assert f"OU = {DEVELOPMENT_UNIT}" in forge.openssl("x509", "-noout", "-issuer", data=_pem(leaf))


def test_mb_47_either_mark_in_any_place_of_a_chain_is_enough(root: Authority) -> None:
    unit = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, DEVELOPMENT_UNIT)])
    clean = forge.make("Clean", ca=True)
    by_unit = forge.make("leaf", forge.make(unit, ca=True))
    by_policy = forge.make("leaf", clean, extensions=[(policy_extension(), False)])
    plain = forge.make("leaf", clean).certificate
    assert is_development(by_unit.certificate)
    assert is_development(by_policy.certificate)
    assert not is_development([plain, clean.certificate])
    assert is_development([plain, clean.certificate, root.certificate])
    assert not is_development([])


def test_an_authority_is_marked_once() -> None:
    subject = Subject(common_name="a", organizational_unit=("Team",))
    assert marked(marked(subject)).organizational_unit == (DEVELOPMENT_UNIT, "Team")


def _list(issuer: Authority, entries: t.Iterable[Revocation], number: int = 1) -> x509.CertificateRevocationList:
    return make_crl(
        issuer.certificate, issuer.key, entries, number=number, this_update=NOON, next_update=NOON + 7 * DAY
    )


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_openssl_refuses_what_a_list_revokes_and_nothing_else(spec: keys.KeySpec, tmp_path: pathlib.Path) -> None:
    authority = _authority(spec)
    good, bad = _leaf(authority), _leaf(authority)
    crl = _list(authority, [Revocation(bad.serial_number, NOON, "key_compromise")])
    trusted = _pem(authority.certificate) + crl_pem(crl)
    assert ": OK" in _verify(tmp_path, good, b"", trusted, "-crl_check")
    assert "certificate revoked" in _verify(tmp_path, bad, b"", trusted, "-crl_check")
    text = forge.openssl("crl", "-noout", "-text", data=crl_pem(crl))
    assert "Key Compromise" in text
    assert "X509v3 CRL Number: \n                1" in text


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_survives(reason: str, mesh: Authority) -> None:
    facts = CrlFacts.of(_list(mesh, [Revocation(7, NOON - DAY, reason)]))
    assert facts.entries() == [Revocation(7, NOON - DAY, reason)]
    assert facts.find(7) == Revocation(7, NOON - DAY, reason)
    assert facts.find(8) is None


def test_a_list_is_read_from_pem_and_der(mesh: Authority, root: Authority) -> None:
    crl = _list(mesh, [Revocation(0x39DD, NOON, "superseded"), Revocation(2, NOON)], number=41)
    pem = crl_pem(crl)
    der = forge.openssl_binary("crl", "-outform", "DER", data=pem)
    for data in (pem, der, pem.replace(b"\n", b"\r\n"), b"note\n" + pem):
        facts = parse_crl(data)
        assert facts.is_signed_by(mesh.certificate)
        assert not facts.is_signed_by(root.certificate)
    assert facts.shown() == {
        "issuer_dn": f"CN=Mesh 1,OU={DEVELOPMENT_UNIT}",
        "number": 41,
        "this_update": "2026-06-01T12:00:00Z",
        "next_update": "2026-06-08T12:00:00Z",
        "revoked": [
            {"serial": "02", "revoked_at": "2026-06-01T12:00:00Z", "reason": "unspecified"},
            {"serial": serial_text(0x39DD), "revoked_at": "2026-06-01T12:00:00Z", "reason": "superseded"},
        ],
    }


def test_a_list_of_the_same_name_and_another_key_is_not_taken(mesh: Authority) -> None:
    double = Authority(sign_authority(Subject(common_name="Mesh 1"), forge.ec_key(), SPAN, 0), mesh.key)
    assert not CrlFacts.of(_list(mesh, [])).is_signed_by(double.certificate)


def test_a_revocation_is_said_in_a_sentence() -> None:
    assert Revocation(1, NOON, "key_compromise").sentence == "since 2026-06-01T12:00:00Z (key compromise)"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no revocation list was found"),
        (forge.make("a").pem, "no revocation list was found"),
        (b"\x30\x00", "malformed"),
        (b"-----BEGIN X509 CRL-----\n?\n-----END X509 CRL-----", "malformed"),
    ],
)
def test_what_is_no_list_is_an_error_with_a_remedy(data: bytes, message: str) -> None:
    with pytest.raises(PkiError, match=message) as caught:
        parse_crl(data)
    assert caught.value.remedy


def test_trap_59_dates_of_a_list_in_an_older_library_are_utc() -> None:
    class Old:
        last_update = datetime.datetime(2026, 1, 1)
        next_update: datetime.datetime | None = datetime.datetime(2026, 2, 1)

    utc = datetime.timezone.utc
    assert _updates(t.cast(t.Any, Old())) == (
        datetime.datetime(2026, 1, 1, tzinfo=utc),
        datetime.datetime(2026, 2, 1, tzinfo=utc),
    )
    Old.next_update = None
    assert _updates(t.cast(t.Any, Old()))[1] is None
