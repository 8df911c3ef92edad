# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains: our verdict beside that of openssl, on the same certificates at the same instant."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import random
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from plugins.module_utils._pki import signature
from plugins.module_utils._pki.certificate import CertificateFacts, parse_certificates
from plugins.module_utils._pki.chain import fullchain, is_self_signed, order_chain, verify_chain
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, NOON, Made, make

Estate = dict[str, Made]


@pytest.fixture(scope="module")
def estate() -> Estate:
    """A hierarchy and its broken relatives, by name."""
    root = make("Root", ca=True, path_length=2, end=NOON + 3650 * DAY)
    upper = make("Upper", root, ca=True, path_length=1, end=NOON + 1800 * DAY)
    lower = make("Lower", upper, ca=True, path_length=0, end=NOON + 900 * DAY)
    other = make("Other", ca=True)
    return {
        "root": root,
        "upper": upper,
        "lower": lower,
        "other": other,
        "leaf": make("leaf", lower, extensions=[(forge.sans("a.example"), False)]),
        "old": make("old", lower, start=NOON - 9 * DAY, end=NOON - DAY),
        "early": make("early", lower, start=NOON + DAY),
        "imposter": make("Lower", other, ca=True),
        "fake": make("fake", make("Lower", ca=True)),
        "no_ca": make("No CA", root),
        "no_sign": make("No sign", root, ca=True, usages=("crl_sign",)),
        "too_deep": make("Deep", lower, ca=True),
        "plain": make("Plain", root, constraints=False, usages=()),
        "lapsed": make("Lapsed", root, ca=True, start=NOON - 9 * DAY, end=NOON - DAY),
    }


CASES: dict[str, tuple[str, list[str], str | None]] = {
    # leaf (or the authority a new leaf is made below), intermediates, what has to be in the verdict
    "whole chain": ("leaf", ["lower", "upper"], None),
    "order does not matter": ("leaf", ["upper", "other", "lower"], None),
    "authority as leaf": ("lower", ["upper"], None),
    "root as leaf": ("root", [], None),
    "intermediate missing": ("leaf", ["upper"], "the issuer of CN=leaf, CN=Lower, is not among the given"),
    "top missing": ("leaf", ["lower"], "the issuer of CN=Lower, CN=Upper, is not among the given"),
    "expired": ("old", ["lower", "upper"], "CN=old expired at 2026-05-31T12:00:00Z"),
    "not yet valid": ("early", ["lower", "upper"], "CN=early is not valid before 2026-06-02T12:00:00Z"),
    "same name, other key": ("fake", ["lower", "upper"], "only the name is the same"),
    "self-signed stranger": ("other", [], "CN=Other is self-signed and not among the trusted"),
    "below no CA": (">no_ca", ["no_ca"], "CN=No CA has signed, but is not a CA certificate"),
    "below one without constraints": (">plain", ["plain"], "CN=Plain has signed, but is not a CA certificate"),
    "below one that may not sign": (">no_sign", ["no_sign"], "CN=No sign has signed, but its key usage does not"),
    "path too long": (">too_deep", ["too_deep", "lower", "upper"], "CN=Lower allows 0 CA certificates below it"),
    "below an expired authority": (">lapsed", ["lapsed"], "CN=Lapsed expired at"),
}


def _openssl_accepts(
    directory: pathlib.Path, leaf: bytes, between: list[bytes], root: bytes, at: datetime.datetime
) -> bool:
    files = {"leaf": leaf, "between": b"".join(between), "root": root}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    extra = ["-untrusted", directory / "between"] if between else []
    command = ("verify", "-x509_strict", "-attime", str(int(at.timestamp())), "-CAfile", directory / "root")
    return ": OK" in forge.openssl(*command, *extra, directory / "leaf", ok=False)


@pytest.mark.parametrize("case", CASES)
def test_verdict_and_second_opinion(case: str, estate: Estate, tmp_path: pathlib.Path) -> None:
    name, between, expected = CASES[case]
    leaf = make("below", estate[name[1:]]) if name.startswith(">") else estate[name]
    root = estate["root"]
    problems = verify_chain(
        leaf.certificate, [estate[entry].certificate for entry in between], [root.certificate], NOON
    )
    assert (expected in "; ".join(problems)) if expected else not problems
    second = _openssl_accepts(tmp_path, leaf.pem, [estate[entry].pem for entry in between], root.pem, NOON)
    assert second is (not problems)


def test_every_problem_is_named_not_only_the_first(estate: Estate) -> None:
    leaf = make("late", estate["no_sign"], start=NOON - 9 * DAY, end=NOON - DAY)
    problems = verify_chain(leaf.certificate, [estate["no_sign"].certificate], [estate["root"].certificate], NOON)
    assert len(problems) == 2


def test_trap_38_of_two_paths_the_good_one_counts(estate: Estate) -> None:
    key = forge.ec_key()
    crossed = make("Crossed", estate["root"], key=key, ca=True)
    lapsed = make("Crossed", estate["other"], key=key, ca=True, start=NOON - 9 * DAY, end=NOON - DAY)
    leaf = make("leaf", crossed)
    anchors = [estate["other"].certificate, estate["root"].certificate]
    for pool in ([crossed, lapsed], [lapsed, crossed]):
        assert verify_chain(leaf.certificate, [entry.certificate for entry in pool], anchors, NOON) == []
    assert verify_chain(leaf.certificate, [lapsed.certificate], anchors, NOON) == [
        "CN=Crossed expired at 2026-05-31T12:00:00Z"
    ]


def test_authorities_that_sign_each_other_end_the_search(estate: Estate) -> None:
    one, two = forge.ec_key(), forge.ec_key()
    first = make("One", make("Two", key=two, ca=True), key=one, ca=True)
    second = make("Two", make("One", key=one, ca=True), key=two, ca=True)
    leaf = make("leaf", first)
    problems = verify_chain(
        leaf.certificate, [first.certificate, second.certificate], [estate["root"].certificate], NOON
    )
    assert len(problems) == 1
    assert order_chain(leaf.certificate, [first.certificate, second.certificate]) == (
        leaf.certificate,
        first.certificate,
        second.certificate,
    )


def test_an_intermediate_may_be_the_anchor(estate: Estate) -> None:
    assert verify_chain(estate["leaf"].certificate, [], [estate["lower"].certificate], NOON) == []


@pytest.mark.parametrize(("purpose", "good"), [(None, True), ("ServerAuth", True), ("ClientAuth", False)])
def test_a_purpose_has_to_be_allowed(purpose: str | None, good: bool, estate: Estate, tmp_path: pathlib.Path) -> None:
    extension = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
    leaf = make("server", estate["lower"], extensions=[(extension, False)])
    between = [estate["lower"].certificate, estate["upper"].certificate]
    problems = verify_chain(leaf.certificate, between, [estate["root"].certificate], NOON, purpose)
    assert problems == ([] if good else ["CN=server is not for ClientAuth"])


def test_a_digest_that_can_be_forged_is_a_problem(tmp_path: pathlib.Path) -> None:
    root = make("Root", key=rsa.generate_private_key(65537, 2048), ca=True)
    for name, content in {"ca.pem": root.pem, "ca.key": root.key_pem, "leaf.key": forge.pkcs8(forge.ec_key())}.items():
        (tmp_path / name).write_bytes(content)
    request = forge.openssl_binary("req", "-new", "-subj", "/CN=leaf", "-key", tmp_path / "leaf.key")
    command = ("x509", "-req", "-sha1", "-days", "3650", "-CA", tmp_path / "ca.pem", "-CAkey", tmp_path / "ca.key")
    (leaf,) = parse_certificates(forge.openssl_binary(*command, "-CAcreateserial", data=request))
    start = CertificateFacts.of(leaf).not_before
    assert "CN=leaf is signed with sha1WithRSAEncryption, which can be forged" in verify_chain(
        leaf, [], [root.certificate], start
    )


def test_an_unknown_critical_extension_is_a_problem(estate: Estate, tmp_path: pathlib.Path) -> None:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00")
    for critical in (True, False):
        leaf = make("odd", estate["root"], extensions=[(extension, critical)])
        problems = verify_chain(leaf.certificate, [], [estate["root"].certificate], NOON)
        assert bool(problems) is critical
        assert _openssl_accepts(tmp_path, leaf.pem, [], estate["root"].pem, NOON) is not critical


def test_trap_27_a_full_chain_has_no_root(estate: Estate) -> None:
    leaf, lower, upper, root = (estate[name].certificate for name in ("leaf", "lower", "upper", "root"))
    others = [root, upper, lower, estate["other"].certificate, lower]
    random.Random(1).shuffle(others)
    assert order_chain(leaf, others) == (leaf, lower, upper, root)
    assert fullchain(leaf, others) == (leaf, lower, upper)
    assert fullchain(root, [root]) == (root,)
    assert order_chain(leaf, [root]) == (leaf,)


def test_a_certificate_that_only_names_itself_as_issuer_is_not_self_signed(estate: Estate) -> None:
    pretender = make("Root", estate["other"], issuer_name=forge.name("Root"), ca=True)
    assert not is_self_signed(pretender.certificate)
    assert is_self_signed(estate["root"].certificate)


KEYS: dict[str, t.Callable[[], t.Any]] = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
}


@pytest.mark.parametrize("kind", KEYS)
def test_trap_59_without_the_library_s_method_signatures_are_checked_the_same(kind: str) -> None:
    root, stranger = make("Root", key=KEYS[kind](), ca=True), make("Root", key=KEYS[kind](), ca=True)
    leaf = make("leaf", root)
    for issuer, good in ((root, True), (stranger, False)):
        assert signature.is_signed_by(leaf.certificate, issuer.certificate) is good
        assert signature.has_valid_signature(leaf.certificate, issuer.certificate) is good


def test_trap_59_a_pss_signature_is_checked_the_same(tmp_path: pathlib.Path) -> None:
    (tmp_path / "key").write_bytes(forge.pkcs8(rsa.generate_private_key(65537, 2048)))
    scheme = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
    (made,) = parse_certificates(
        forge.openssl_binary("req", "-x509", "-sha256", *scheme, "-subj", "/CN=Root", "-key", tmp_path / "key")
    )
    assert "pss" in CertificateFacts.of(made).signature_algorithm.lower()
    assert signature.is_signed_by(made, made)
    assert signature.has_valid_signature(made, made)
    other = make("Root", key=rsa.generate_private_key(65537, 2048), ca=True).certificate
    assert not signature.has_valid_signature(made, other)


def _constrained(permitted: list[x509.GeneralName] | None, excluded: list[x509.GeneralName] | None) -> Made:
    extension = x509.NameConstraints(permitted, excluded)
    return make("Bound", ca=True, extensions=[(extension, True)])


DNS, URI, MAIL, IP = x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name, x509.IPAddress
NETWORK = ipaddress.ip_network("10.0.0.0/8")
CONSTRAINTS: dict[str, tuple[list[x509.GeneralName] | None, list[x509.GeneralName] | None, list[str], bool]] = {
    "below": ([DNS("example.org")], None, ["a.b.example.org"], True),
    "the domain itself": ([DNS("example.org")], None, ["example.org"], True),
    "another domain": ([DNS("example.org")], None, ["badexample.org"], False),
    "one bad among good": ([DNS("example.org")], None, ["a.example.org", "a.example.com"], False),
    "a kind that is free": ([DNS("example.org")], None, ["10.0.0.1"], True),
    "excluded": (None, [DNS("secret.example.org")], ["x.secret.example.org"], False),
    "not excluded": (None, [DNS("secret.example.org")], ["x.example.org"], True),
    "address inside": ([IP(NETWORK)], None, ["10.1.2.3"], True),
    "address outside": ([IP(NETWORK)], None, ["192.0.2.1"], False),
    "uri host": ([URI("example.org")], None, ["spiffe://example.org/a"], True),
    "uri below": ([URI(".example.org")], None, ["spiffe://a.example.org/a"], True),
    "uri of another host": ([URI("example.org")], None, ["spiffe://a.example.org/a"], False),
    "mail host": ([MAIL("example.org")], None, ["ops@example.org"], True),
    "mail of another host": ([MAIL("example.org")], None, ["ops@a.example.org"], False),
    "one mailbox": ([MAIL("ops@example.org")], None, ["root@example.org"], False),
    "wildcard": ([DNS("example.org")], None, ["*.example.org"], True),
}


@pytest.mark.parametrize("case", CONSTRAINTS)
def test_name_constraints_and_second_opinion(case: str, tmp_path: pathlib.Path) -> None:
    permitted, excluded, names, good = CONSTRAINTS[case]
    root = _constrained(permitted, excluded)
    leaf = make(
        x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "x")]),
        root,
        extensions=[(forge.sans(*names), False)],
    )
    problems = verify_chain(leaf.certificate, [], [root.certificate], NOON)
    assert bool(problems) is not good, problems
    assert _openssl_accepts(tmp_path, leaf.pem, [], root.pem, NOON) is good


def test_directory_names_are_constrained(tmp_path: pathlib.Path) -> None:
    organization = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example")
    root = _constrained([x509.DirectoryName(x509.Name([organization]))], None)
    common_name = x509.NameAttribute(x509.NameOID.COMMON_NAME, "leaf")
    for subject, good in ((x509.Name([organization, common_name]), True), (x509.Name([common_name]), False)):
        leaf = make(subject, root)
        assert bool(verify_chain(leaf.certificate, [], [root.certificate], NOON)) is not good
        assert _openssl_accepts(tmp_path, leaf.pem, [], root.pem, NOON) is good


def test_a_constraint_of_a_kind_that_is_not_checked_is_not_passed_over() -> None:
    root = _constrained([x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))], None)
    leaf = make("leaf", root)
    assert verify_chain(leaf.certificate, [], [root.certificate], NOON) == [
        "CN=Bound constrains names of the kind RegisteredID, which is not checked here"
    ]
