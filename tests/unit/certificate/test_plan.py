# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of a certificate, as data in plans/certificate.yml."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import pathlib
import re
import typing as t

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from plugins.module_utils._certificate.declaration import ITEM_OPTIONS, declared
from plugins.module_utils._certificate.holding import HeldKey, Holding
from plugins.module_utils._certificate.resource import Certificate, SignedOtherwise, _texts
from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal, TrustmeshError
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.normal import duration
from plugins.module_utils._core.plan import Change, Plan
from plugins.module_utils._pki.certificate import CertificateFacts
from plugins.module_utils._pki.drift import Wanted
from plugins.module_utils._pki.keys import KeySpec, generate, spki_sha256

START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
BACKDATE = datetime.timedelta(seconds=30)
NAME = "a.svc.example"
CASES = yaml.safe_load((pathlib.Path(__file__).parent / "plans" / "certificate.yml").read_text())["cases"]


class TestAuthority:
    """An authority that signs with a clock of the test's own."""

    __test__ = False
    identity = "test authority"

    def __init__(self, common_name: str) -> None:
        self.key = generate(KeySpec.declared("ec"))
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        self.now = START
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = self._builder(self.name, self.key.public_key(), datetime.timedelta(days=400))
        builder = builder.add_extension(constraints, True).add_extension(usage, True)
        self.certificate = builder.sign(self.key, hashes.SHA256())  # type: ignore[arg-type]

    def _builder(self, subject: x509.Name, key: t.Any, life: datetime.timedelta) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(self.now - BACKDATE).not_valid_after(self.now + life)

    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate,)

    def revocation(self, certificate: x509.Certificate) -> None:
        """Revoke nothing."""

    backdate_seconds = 30

    def prepare(self, wanted: Wanted, *, new: bool) -> None:
        """Look up nothing."""

    def objections(self, wanted: Wanted, now: datetime.datetime) -> list[InvalidInput]:
        """Object to nothing."""
        return []

    def sign(
        self, csr: x509.CertificateSigningRequest, wanted: Wanted
    ) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
        builder = self._builder(csr.subject, csr.public_key(), datetime.timedelta(seconds=wanted.ttl or 86400))
        for extension in csr.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(self.key, hashes.SHA256()), self.chain()  # type: ignore[arg-type]


@functools.cache
def _authority(common_name: str) -> TestAuthority:
    return TestAuthority(common_name)


def _resource(directory: pathlib.Path, declare: dict[str, t.Any], policy: dict[str, t.Any]) -> Certificate:
    item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    item.update(name=NAME, directory=str(directory), mount="pki", role="mesh", ttl="30d", renew_jitter_percent=0)
    resource = declared({**item, **declare, **policy}, lambda _item: _authority("Other"), FileTransaction())
    assert isinstance(resource, Certificate)
    return resource


@functools.cache
def _issued() -> tuple[HeldKey, CertificateFacts]:
    from plugins.module_utils._pki.request import make_csr

    resource = _resource(pathlib.Path("/pki"), {}, {})
    key = generate(KeySpec.declared("ec"))
    leaf, _chain = _authority("Other").sign(
        make_csr(key, resource.wanted.subject, resource.wanted.sans), resource.wanted
    )
    return HeldKey(KeySpec.declared("ec"), spki_sha256(key)), CertificateFacts.of(leaf)


def _holding(hold: t.Any) -> Holding | None:
    if hold == "nothing":
        return None
    hold = hold or {}
    key, facts = _issued()
    authority = _authority("Other").chain()
    whole = Holding(
        key, facts, _texts(facts.certificate, authority), (), (), frozenset(hold.get("foreign", ())), authority, START
    )
    changes: dict[str, t.Any] = {}
    if hold.get("key") == "other":
        changes["key"] = HeldKey(key.spec, "00" * 32)
    if hold.get("key") == "missing":
        changes.update(key=None, problems=("the key is missing",))
    if hold.get("certificate") == "damaged":
        changes.update(facts=None, problems=("the certificate cannot be used: certificate 1 of 1 is malformed",))
    if hold.get("chain") == "other":
        changes["texts"] = {**whole.texts, "chain": "something else"}
    if "placement" in hold:
        changes["placement"] = (Change("key_file", None, "link", hold["placement"]),)
    if "authority" in hold:
        other = TestAuthority("Other").chain()
        changes["authority"] = None if hold["authority"] == "unknown" else other
    return dataclasses.replace(whole, **changes)


def _plan(case: dict[str, t.Any], directory: pathlib.Path) -> Plan:
    resource = _resource(directory, case.get("declare", {}), case.get("policy", {}))
    now = START + datetime.timedelta(seconds=duration(case.get("after", "1m")))
    return resource.plan(_holding(case.get("hold")), now)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_plan(case: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    if "refused" in case:
        with pytest.raises(PolicyRefusal) as refusal:
            _plan(case, tmp_path)
        assert case["refused"] in str(refusal.value)
        return
    plan = _plan(case, tmp_path)
    assert plan.action.value == case["action"]
    if "reasons" in case:
        assert plan.reasons == case["reasons"]
    if "steps" in case:
        assert [[step.verb, step.body.get("key")] for step in plan.steps] == case["steps"]


def _signed_by(authority: TestAuthority, directory: pathlib.Path, **declare: t.Any) -> Certificate:
    item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    item.update(name=NAME, directory=str(directory), mount="pki", role="mesh", ttl="30d", renew_jitter_percent=0)
    resource = declared({**item, **declare}, lambda _item: authority, FileTransaction())
    assert isinstance(resource, Certificate)
    return resource


def test_trap_30_a_certificate_that_this_host_cannot_use_yet_is_not_installed(tmp_path: pathlib.Path) -> None:
    resource = _signed_by(_Standing("Old", starts=START - datetime.timedelta(days=9)), tmp_path)
    an_hour_behind = START - datetime.timedelta(hours=1)
    with pytest.raises(
        SignedOtherwise, match=r"clock: .* becomes valid only in 59m30s by this host's clock.*Set the clock"
    ):
        resource.apply(resource.plan(None, an_hour_behind))
    assert not list(tmp_path.iterdir())


def test_what_is_installed_is_what_was_planned(tmp_path: pathlib.Path) -> None:
    resource = _resource(tmp_path, {"dns_names": ["b.svc.example"]}, {})
    resource.apply(resource.plan(None, START))
    assert not resource.files.commit()
    held = resource.read()
    assert not resource.plan(held, START)
    assert held is not None and held.facts is not None
    assert held.facts.sans.dns == {NAME, "b.svc.example"}


class _Standing(TestAuthority):
    """An authority with a certificate of any dates and extensions. It signs all the same, as a server may."""

    def __init__(
        self,
        common_name: str,
        *,
        starts: datetime.datetime = START - datetime.timedelta(days=9),
        ends: datetime.datetime = START + datetime.timedelta(days=400),
        path_length: int | None = None,
        extensions: t.Sequence[x509.ExtensionType] = (),
        above: TestAuthority | None = None,
        key: t.Any = None,
    ) -> None:
        super().__init__(common_name)
        self.key = key or self.key
        issuer = above or self
        builder = x509.CertificateBuilder().subject_name(self.name).issuer_name(issuer.name)
        builder = builder.public_key(self.key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(starts).not_valid_after(ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), True)
        for extension in extensions:
            builder = builder.add_extension(extension, isinstance(extension, x509.NameConstraints))
        self.certificate = builder.sign(issuer.key, hashes.SHA256())  # type: ignore[arg-type]
        self.above = above
        self.signatures = 0

    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *(self.above.chain() if self.above else ()))

    def sign(
        self, csr: x509.CertificateSigningRequest, wanted: Wanted
    ) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
        self.signatures += 1
        return super().sign(csr, wanted)


def _lapsed(common_name: str) -> _Standing:
    return _Standing(common_name, ends=START - datetime.timedelta(days=1))


_ELSEWHERE = x509.NameConstraints([x509.DNSName("other.example")], None)
_CLIENTS = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
_KEYLESS = x509.KeyUsage(True, False, False, False, False, False, True, False, False)
UNSOUND: t.Final[dict[str, tuple[t.Callable[[], _Standing], dict[str, t.Any], str]]] = {
    "expired": (lambda: _lapsed("A"), {}, "CN=A expired at"),
    "not valid yet": (
        lambda: _Standing("A", starts=START + datetime.timedelta(hours=1)),
        {},
        "CN=A is not valid before",
    ),
    "a name outside": (
        lambda: _Standing("A", extensions=[_ELSEWHERE]),
        {},
        f"CN=A does not permit the name {NAME}",
    ),
    "a name outside, two above": (
        lambda: _Standing("B", above=_Standing("A", extensions=[_ELSEWHERE])),
        {},
        f"CN=A does not permit the name {NAME}",
    ),
    "path length": (
        lambda: _Standing("C", above=_Standing("B", above=_Standing("A", path_length=0))),
        {},
        "CN=A allows 0 CA",
    ),
    "not for servers": (
        lambda: _Standing("A", extensions=[_CLIENTS]),
        {"extended_key_usage": ["ServerAuth"]},
        "CN=A is not for ServerAuth",
    ),
    "may not sign": (lambda: _Standing("A", extensions=[_KEYLESS]), {}, "CN=A has signed, but its key usage"),
    "expired above": (lambda: _Standing("B", above=_lapsed("A")), {}, "CN=A expired at"),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_c4_what_would_not_verify_is_refused_before_anything_is_signed(case: str, tmp_path: pathlib.Path) -> None:
    make, declare, problem = UNSOUND[case]
    authority = make()
    resource = _signed_by(authority, tmp_path, **declare)
    with pytest.raises(InvalidInput, match=f"issuer: {re.escape(problem)}.*; certificates below it are not valid"):
        resource.plan(None, START)
    assert authority.signatures == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("declare", [{}, {"extended_key_usage": ["ServerAuth"]}, {"dns_names": ["*.svc.example"]}])
def test_c4_what_the_authorities_allow_is_signed(declare: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    allowing = x509.NameConstraints([x509.DNSName("svc.example")], [x509.DNSName("b.svc.example")])
    root = _Standing("A", path_length=1, extensions=[allowing])
    authority = _Standing("B", path_length=0, above=root)
    assert _signed_by(authority, tmp_path, **declare).plan(None, START).action.value == "create"


def test_kind_10_the_chain_of_a_new_certificate_is_checked_before_anything_is_installed(
    tmp_path: pathlib.Path,
) -> None:
    """The authority was exchanged between the look at it and its signature."""
    authority = _Standing("A")
    resource = _signed_by(authority, tmp_path)
    plan = resource.plan(None, START)
    other = _Standing("A", ends=START - datetime.timedelta(days=1)).chain()
    sign = authority.sign
    authority.sign = lambda csr, wanted: (sign(csr, wanted)[0], other)  # type: ignore[method-assign]
    with pytest.raises(SignedOtherwise):
        resource.apply(plan)
    assert not list(tmp_path.iterdir())


def test_c1_a_certificate_below_an_authority_that_has_expired_is_not_fine() -> None:
    resource = _resource(pathlib.Path("/pki"), {}, {})
    held = _holding(None)
    assert held is not None
    assert not resource.plan(held, START + datetime.timedelta(minutes=1))
    ended = _Standing("Other", ends=START - datetime.timedelta(days=1), key=_authority("Other").key)
    lapsed = dataclasses.replace(held, authority=ended.chain())
    with pytest.raises(TrustmeshError, match=r"issuer: CN=Other expired at .*; certificates below it are not valid"):
        resource.plan(lapsed, START + datetime.timedelta(minutes=1))
