# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C1: good and bad chains, judged here and by ``openssl verify``; where the two differ, the table says why."""

from __future__ import annotations

import functools
import pathlib
import typing as t
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from plugins.module_utils._pki.chain import verify_chain
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, NOON, Made, make

SERVER, CLIENT, ANY = (
    x509.ExtendedKeyUsage([oid])
    for oid in (
        x509.ExtendedKeyUsageOID.SERVER_AUTH,
        x509.ExtendedKeyUsageOID.CLIENT_AUTH,
        x509.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    )
)
ORGANIZATION = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example")


@dataclass(frozen=True)
class Case:
    """A chain, leaf first, and why it is refused (a part of the sentence; ``None`` where it is good).

    ``openssl`` is what OpenSSL says where that differs, ``why`` the reason for the difference.
    """

    chain: tuple[Made, ...]
    refused: str | None = None
    purpose: str | None = None
    openssl: bool | None = None
    why: str = ""


@functools.cache
def _rsa(bits: int) -> t.Any:
    return rsa.generate_private_key(65537, bits)


def _chain(leaf: dict[str, t.Any], between: dict[str, t.Any], root: dict[str, t.Any]) -> tuple[Made, ...]:
    """Make a chain of three from what is special about each."""
    top = make(root.pop("subject", "Root"), ca=True, **{"end": NOON + 3650 * DAY, **root})
    middle = make(between.pop("subject", "Issuing"), top, **{"ca": True, "end": NOON + 900 * DAY, **between})
    return make(leaf.pop("subject", "shop.example"), middle, **leaf), middle, top


def _extension(*values: x509.ExtensionType, critical: bool = False) -> dict[str, t.Any]:
    return {"extensions": [(value, critical) for value in values]}


def _permit(*names: x509.GeneralName) -> dict[str, t.Any]:
    return _extension(x509.NameConstraints(list(names), None), critical=True)


def _exclude(*names: x509.GeneralName) -> dict[str, t.Any]:
    return _extension(x509.NameConstraints(None, list(names)), critical=True)


def _cases() -> dict[str, Case]:
    key = forge.ec_key()
    old = make("Issuing", make("Root", ca=True), ca=True, key=key)
    wrong_identifier = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)
    names = _extension(forge.sans("a.example.org"))
    root = make("Root", ca=True, end=NOON + 3650 * DAY)
    old_issuing, renewed = make("Issuing", root, ca=True), make("Issuing", old, ca=True)
    return {
        "sound": Case(_chain({}, {}, {})),
        "intermediate expired": Case(_chain({}, {"start": NOON - 9 * DAY, "end": NOON - DAY}, {}), "expired at"),
        "root expired": Case(_chain({}, {}, {"start": NOON - 9 * DAY, "end": NOON - DAY}), "CN=Root expired at"),
        "root not yet valid": Case(_chain({}, {}, {"start": NOON + DAY}), "CN=Root is not valid before"),
        "leaf of 1024 bits": Case(
            _chain({"key": _rsa(1024)}, {}, {}),
            "CN=shop.example has a key of rsa with 1024 bits",
            openssl=True,
            why="openssl verify asks for 80 bits of security unless told otherwise",
        ),
        "intermediate of 1024 bits": Case(
            _chain({}, {"key": _rsa(1024)}, {}),
            "CN=Issuing has a key of rsa with 1024 bits",
            openssl=True,
            why="as above",
        ),
        "root of 1024 bits": Case(_chain({}, {}, {"key": _rsa(1024)}), "CN=Root has a key of rsa", openssl=True),
        "rsa of 2048 bits": Case(_chain({"key": _rsa(2048)}, {"key": _rsa(2048)}, {"key": _rsa(2048)})),
        "dsa": Case(_chain({"key": dsa.generate_private_key(1024)}, {}, {}), "1024 bits", openssl=True),
        "p-192": Case(_chain({"key": forge.ec_key(ec.SECP192R1())}, {}, {}), "192 bits", openssl=True),
        "p-224": Case(_chain({"key": forge.ec_key(ec.SECP224R1())}, {}, {})),
        "ed25519": Case(_chain({"key": ed25519.Ed25519PrivateKey.generate()}, {}, {})),
        "purpose server": Case(_chain(_extension(SERVER), {}, {}), purpose="ServerAuth"),
        "purpose client, leaf for servers": Case(_chain(_extension(SERVER), {}, {}), "is not for", "ClientAuth"),
        "intermediate for clients": Case(
            _chain(_extension(SERVER), _extension(CLIENT), {}), "CN=Issuing is not for", "ServerAuth"
        ),
        "root for clients": Case(_chain(_extension(SERVER), {}, _extension(CLIENT)), "CN=Root is not", "ServerAuth"),
        "leaf for any purpose": Case(
            _chain(_extension(ANY), {}, {}),
            None,
            "ServerAuth",
            openssl=False,
            why="RFC 5280, 4.2.1.12 lets anyExtendedKeyUsage stand for all; OpenSSL wants the one named",
        ),
        "leaf may not sign anything": Case(
            _chain({"usages": ("content_commitment",)}, {}, {}), "by its key usage", "ServerAuth"
        ),
        "leaf enciphers, as server": Case(_chain({"usages": ("key_encipherment",)}, {}, {}), None, "ServerAuth"),
        "leaf enciphers, as client": Case(
            _chain({"usages": ("key_encipherment",)}, {}, {}), "by its key usage", "ClientAuth"
        ),
        "leaf without usages": Case(_chain({"usages": ()}, {}, {}), None, "ServerAuth"),
        "intermediate is no authority": Case(_chain({}, {"ca": False}, {}), "is not a CA certificate"),
        "intermediate may not sign": Case(_chain({}, {"usages": ("crl_sign",)}, {}), "key usage does not allow"),
        "root may not sign": Case(_chain({}, {}, {"usages": ("crl_sign",)}), "key usage does not allow"),
        "root too short": Case(_chain({}, {}, {"path_length": 0}), "CN=Root allows 0 CA certificates below it"),
        "intermediate may have none below": Case(_chain({}, {"path_length": 0}, {})),
        "authority as leaf under one that may have none": Case(
            (make("Deep", (lower := make("Low", root, ca=True, path_length=0)), ca=True), lower, root),
            None,
            openssl=True,
            why="the last certificate is not an intermediate (RFC 5280, 6.1.4)",
        ),
        "self-issued ones do not count": Case(
            (
                make(
                    "leaf",
                    (again := make("Issuing", (first := make("Issuing", root, ca=True, path_length=0)), ca=True)),
                ),
                again,
                first,
                root,
            )
        ),
        "name permitted": Case(
            _chain(_extension(forge.sans("a.example.org")), _permit(x509.DNSName("example.org")), {})
        ),
        "name not permitted": Case(
            _chain(_extension(forge.sans("a.example.com")), _permit(x509.DNSName("example.org")), {}),
            "does not permit the name a.example.com",
        ),
        "name not permitted by the root": Case(
            _chain(_extension(forge.sans("a.example.com")), {}, _permit(x509.DNSName("example.org"))),
            "CN=Root does not",
        ),
        "name excluded": Case(_chain(names, _exclude(x509.DNSName("a.example.org")), {}), "excludes the name"),
        "a leading dot excludes the domain": Case(
            _chain(_extension(forge.sans("example.org")), _permit(x509.DNSName(".example.org")), {}), "does not permit"
        ),
        "a leading dot covers what is below": Case(
            _chain(_extension(forge.sans("a.example.org")), _permit(x509.DNSName(".example.org")), {})
        ),
        "common name not permitted": Case(
            _chain({"subject": "a.example.com"}, _permit(x509.DNSName("example.org")), {}), "does not permit the name"
        ),
        "common name permitted": Case(_chain({"subject": "a.example.org"}, _permit(x509.DNSName("example.org")), {})),
        "common name that is not a host": Case(_chain({"subject": "The Shop"}, _permit(x509.DNSName("a.org")), {})),
        "common name beside a permitted name": Case(
            _chain({"subject": "a.example.com", **names}, _permit(x509.DNSName("example.org")), {})
        ),
        "mail address of the subject not permitted": Case(
            _chain(
                {"subject": x509.Name([x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, "me@example.com")])},
                _permit(x509.RFC822Name("example.org")),
                {},
            ),
            "does not permit the name me@example.com",
        ),
        "directory of the intermediate not permitted": Case(
            _chain({"subject": x509.Name([ORGANIZATION])}, {}, _permit(x509.DirectoryName(x509.Name([ORGANIZATION])))),
            "does not permit the name CN=Issuing",
        ),
        "names another key of its issuer": Case(
            (_renamed(old_issuing, wrong_identifier), old_issuing, root),
            "as the key of its issuer",
        ),
        "signed by another key": Case((make("leaf", old), make("Issuing", root, ca=True), root), "only the name"),
        "anchor that is not a root": Case(
            (make("leaf", renewed), renewed), None, openssl=False, why="no -partial_chain"
        ),
    }


def _renamed(issuer: Made, identifier: x509.AuthorityKeyIdentifier) -> Made:
    """Make a leaf that names another key than its issuer has."""
    key = forge.ec_key()
    builder = x509.CertificateBuilder().subject_name(forge.name("leaf")).issuer_name(issuer.certificate.subject)
    builder = builder.public_key(key.public_key()).serial_number(7).add_extension(identifier, critical=False)
    builder = builder.not_valid_before(NOON - DAY).not_valid_after(NOON + DAY)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Made(builder.sign(issuer.key, forge.hashes.SHA256()), key)


CASES = _cases()


def _openssl_accepts(directory: pathlib.Path, case: Case) -> bool:
    leaf, *between, root = case.chain
    (directory / "leaf").write_bytes(leaf.pem)
    (directory / "root").write_bytes(root.pem)
    (directory / "between").write_bytes(b"".join(made.pem for made in between))
    purposes = {"ServerAuth": "sslserver", "ClientAuth": "sslclient"}
    options: list[t.Any] = ["-purpose", purposes[case.purpose]] if case.purpose else []
    options += ["-untrusted", directory / "between"] if between else []
    options += ["-x509_strict", "-attime", str(int(NOON.timestamp())), "-CAfile", directory / "root"]
    return ": OK" in forge.openssl("verify", *options, directory / "leaf", ok=False)


@pytest.mark.parametrize("name", CASES)
def test_c1_verdict_and_second_opinion(name: str, tmp_path: pathlib.Path) -> None:
    case = CASES[name]
    leaf, *between, root = (made.certificate for made in case.chain)
    problems = verify_chain(leaf, between, [root], NOON, case.purpose)
    if case.refused is None:
        assert problems == []
    else:
        assert case.refused in "; ".join(problems)
    expected = (case.refused is None) if case.openssl is None else case.openssl
    assert _openssl_accepts(tmp_path, case) is expected, case.why
