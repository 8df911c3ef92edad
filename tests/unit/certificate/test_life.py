# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate on real files from its first run to its removal, with an authority that signs in this process."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import stat
import typing as t

import pytest
from cryptography import x509

from plugins.module_utils._certificate.declaration import ITEM_OPTIONS, declared
from plugins.module_utils._certificate.resource import HostCertificate
from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from tests.unit.pki import forge

DAY: t.Final = forge.DAY
ROLES: t.Final = ("key", "cert", "chain", "fullchain", "ca")


@dataclasses.dataclass
class Authority:
    """Signs with an intermediate below a root; what it does is up to the test."""

    now: datetime.datetime = forge.NOON
    life: datetime.timedelta = 30 * DAY
    there: bool = True
    identity: str = "ca/sign/any"
    backdate_seconds: int = 0
    against: list[InvalidInput] = dataclasses.field(default_factory=list)
    revoked: set[int] = dataclasses.field(default_factory=set)
    prepared: list[bool] = dataclasses.field(default_factory=list)
    #: What it signs instead of what it is asked to.
    instead: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    signed: int = 0

    def __post_init__(self) -> None:
        end = forge.NOON + 4000 * DAY
        self.root = forge.make("Root", ca=True, end=end)
        self.issuer = forge.make("Issuer", self.root, ca=True, path_length=0, end=end)

    def chain(self) -> tuple[x509.Certificate, ...] | None:
        """Return the issuer and its root."""
        return (self.issuer.certificate, self.root.certificate) if self.there else None

    def revocation(self, certificate: x509.Certificate) -> str | None:
        """Say whether the test has it revoked."""
        return "revoked by the test" if certificate.serial_number in self.revoked else None

    def prepare(self, _wanted: t.Any, *, new: bool) -> None:
        """Note what is asked for."""
        self.prepared.append(new)

    def objections(self, _wanted: t.Any, _now: datetime.datetime) -> list[InvalidInput]:
        """Return what the test has against it."""
        return self.against

    def sign(self, csr: x509.CertificateSigningRequest, _wanted: t.Any) -> tuple[x509.Certificate, t.Any]:
        """Sign what is asked for."""
        self.signed += 1
        public = t.cast(t.Any, csr.public_key())
        names = [(entry.value, entry.critical) for entry in csr.extensions]
        asked = {"start": self.now, "end": self.now + self.life, "extensions": names, "key": _Public(public)}
        made = forge.make(csr.subject, self.issuer, **{**asked, **self.instead})
        return made.certificate, self.chain()


class _Public:
    """As much of a private key as making a certificate for its public half needs."""

    def __init__(self, public: t.Any) -> None:
        self._public = public

    def public_key(self) -> t.Any:
        """Return the public half."""
        return self._public


@dataclasses.dataclass
class Host:
    """A directory and the runs that are made in it."""

    base: pathlib.Path
    authority: Authority

    def run(self, *, check: bool = False, **options: t.Any) -> Outcome:
        """Reconcile one certificate as the module does."""
        resource = self.declared(**options)
        batch = Batch([resource], reads_here=True, transaction=resource.files)
        (outcome,) = reconcile(batch, check_mode=check, clock=lambda: self.authority.now)
        return outcome

    def declared(self, **options: t.Any) -> HostCertificate:
        """Return what the module makes of one declaration."""
        item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
        item.update(name="web", directory=str(self.base), mount="pki", role="any", state="present")
        item.update(options)
        return declared(item, lambda _item: t.cast(t.Any, self.authority), FileTransaction())

    def text(self, role: str) -> str:
        """Return what a published file holds."""
        return (self.base / f"web/{role}.pem").read_text("ascii")

    @property
    def certificate(self) -> x509.Certificate:
        """The one in force."""
        return x509.load_pem_x509_certificate(self.text("cert").encode())

    @property
    def generations(self) -> list[list[str]]:
        """Return the files of every generation, the oldest first."""
        store = self.base / ".trustmesh/web"
        return [sorted(os.listdir(store / name)) for name in sorted(os.listdir(store)) if name.startswith("g-")]

    def generations_exist(self) -> bool:
        """Tell whether anything was ever kept."""
        return any(self.base.glob(".trustmesh/web/g-*"))

    def later(self, days: float) -> None:
        """Let time pass."""
        self.authority.now += days * DAY


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    """An empty directory and an authority."""
    tmp_path.chmod(0o755)
    return Host(tmp_path, Authority())


WHOLE: t.Final = sorted(f"{role}.pem" for role in ROLES)


def test_first_run_issues_once_and_the_next_does_nothing(host: Host) -> None:
    foretold = host.run(check=True)
    assert (foretold.plan.action, host.authority.signed, os.listdir(host.base)) == (Action.CREATE, 0, [])
    assert foretold.facts == {}
    made = host.run()
    assert (made.error, made.plan.action, host.authority.signed) == (None, Action.CREATE, 1)
    assert host.authority.prepared == [True, True, True, False]
    assert host.generations == [WHOLE]
    assert all((host.base / f"web/{role}.pem").is_symlink() for role in ROLES)
    modes = [stat.S_IMODE((host.base / f"web/{role}.pem").stat().st_mode) for role in ROLES]
    assert modes == [0o600, 0o644, 0o644, 0o644, 0o644]
    leaf, issuer, root = (host.text("cert"), host.authority.issuer.pem.decode(), host.authority.root.pem.decode())
    assert [host.text(role) for role in ROLES[2:]] == [issuer, leaf + issuer, root]
    again = host.run()
    assert (again.error, again.changed, host.authority.signed) == (None, False, 1)
    assert again.facts == made.facts
    facts = again.facts
    assert facts["common_name"] == "web" and facts["dns_names"] == ["web"]
    assert (facts["not_before"], facts["not_after"]) == ("2026-06-01T12:00:00Z", "2026-07-01T12:00:00Z")
    assert (facts["made_at"], facts["previous"], facts["key_type"], facts["key_size"]) == (
        "2026-06-01T12:00:00Z",
        [],
        "ec",
        256,
    )
    assert "2026-06-18" < facts["renew_at"] < "2026-06-23"
    assert facts["files"]["key"] == str(host.base / "web/key.pem")


def test_it_is_renewed_in_time_and_former_ones_stay_only_while_they_live(host: Host) -> None:
    host.run()
    first = host.certificate.serial_number
    host.later(15)
    assert not host.run().changed
    host.later(8)
    renewed = host.run()
    assert (renewed.error, renewed.plan.action, host.authority.signed) == (None, Action.REPLACE, 2)
    assert host.certificate.serial_number != first
    assert host.generations == [WHOLE, WHOLE]
    (before,) = renewed.facts["previous"]
    assert before["made_at"] == "2026-06-01T12:00:00Z"
    assert x509.load_pem_x509_certificate(pathlib.Path(before["certificate_file"]).read_bytes()).serial_number == first
    # Of a certificate that lives on, what names it stays, and nothing that could be used stays with it.
    host.later(2)
    host.run(renew_before="29d")
    assert host.generations == [["cert.pem"], WHOLE, WHOLE]
    host.later(10)
    host.run(renew_before="25d")
    assert host.generations == [["cert.pem"], WHOLE, WHOLE]
    assert [entry["made_at"][:10] for entry in host.run().facts["previous"]] == ["2026-06-24", "2026-06-26"]


def test_one_generation_is_kept_where_one_is_declared(host: Host) -> None:
    host.run(keep_generations=1)
    host.later(31)
    assert host.run(keep_generations=1).plan.reasons == ["expired 1 day ago"]
    assert host.generations == [WHOLE]


@pytest.mark.parametrize(
    ("options", "same"),
    [({}, False), ({"renew_key": False}, True), ({"renew_key": False, "key_type": "ed25519"}, False)],
    ids=["new key", "same key", "another kind"],
)
def test_a_renewal_keeps_the_key_only_where_that_is_declared_and_fits(
    host: Host, options: dict[str, t.Any], same: bool
) -> None:
    host.run()
    before = host.text("key")
    host.later(25)
    assert host.run(**options).error is None
    assert (host.text("key") == before) is same


@pytest.mark.parametrize("why", ["revoked", "not_before"])
def test_a_doubtful_key_is_never_kept(host: Host, why: str) -> None:
    host.run(renew_key=False)
    before, serial = host.text("key"), host.certificate.serial_number
    host.later(1)
    options: dict[str, t.Any] = {"renew_key": False}
    if why == "revoked":
        host.authority.revoked.add(serial)
    else:
        options["not_before"] = "2026-06-01T12:00:01Z"
    replaced = host.run(**options)
    assert (replaced.error, replaced.plan.action) == (None, Action.REPLACE)
    assert host.text("key") != before
    assert not host.run(**options).changed


def test_what_differs_is_issued_again_or_refused(host: Host) -> None:
    host.run()
    refused = host.run(dns_names=["b.example"], on_mismatch="fail")
    assert isinstance(refused.error, PolicyRefusal)
    assert "would have to be issued again" in str(refused.error)
    assert host.authority.signed == 1
    assert host.run(dns_names=["b.example"]).plan.action is Action.REPLACE
    assert host.run(dns_names=["b.example"]).facts["dns_names"] == ["b.example", "web"]


@pytest.mark.parametrize("role", ["chain", "fullchain", "ca"])
def test_chains_are_put_right_without_a_new_certificate(host: Host, role: str) -> None:
    host.run()
    serial, key = host.certificate.serial_number, host.text("key")
    held = (host.base / f"web/{role}.pem").resolve()
    held.write_text("something else\n")
    mended = host.run()
    assert (mended.error, mended.plan.action) == (None, Action.UPDATE)
    assert mended.plan.reasons == [f"the {role} file is not the issuer's"]
    assert [(change.path, change.before) for change in mended.plan.changes] == [(role, "other")]
    assert (host.certificate.serial_number, host.text("key"), host.authority.signed) == (serial, key, 1)
    assert host.text("ca") == host.authority.root.pem.decode()
    assert not host.run().changed
    assert host.run().facts["made_at"] == "2026-06-01T12:00:00Z"


def test_without_an_authority_what_is_held_is_only_arranged(host: Host) -> None:
    host.run()
    texts = {role: host.text(role) for role in ROLES}
    host.authority.there = False
    assert not host.run().changed
    mended = host.run(mode="0640")
    assert (mended.error, mended.plan.action) == (None, Action.UPDATE)
    assert {role: host.text(role) for role in ROLES} == texts
    assert stat.S_IMODE((host.base / "web/cert.pem").stat().st_mode) == 0o640


@pytest.mark.parametrize("role", ["key", "cert"])
def test_an_unusable_half_of_our_own_is_replaced(host: Host, role: str) -> None:
    host.run()
    (host.base / f"web/{role}.pem").resolve().write_text("damaged\n")
    replaced = host.run()
    assert (replaced.error, replaced.plan.action) == (None, Action.REPLACE)
    noun = {"key": "key", "cert": "certificate"}[role]
    assert replaced.plan.reasons[0].startswith(f"the {noun} cannot be used: ")
    assert not host.run().changed


def _left_by_others(host: Host, *, usable: bool = True) -> forge.Made:
    made = forge.make("web", host.authority.issuer, extensions=[(forge.sans("web"), False)])
    (host.base / "web").mkdir()
    (host.base / "web/key.pem").write_bytes(made.key_pem if usable else b"damaged")
    (host.base / "web/cert.pem").write_bytes(made.pem)
    (host.base / "web/key.pem").chmod(0o755)
    return made


def test_a_pair_of_others_is_taken_over_as_it_is(host: Host) -> None:
    made = _left_by_others(host)
    taken = host.run()
    assert (taken.error, taken.plan.action, host.authority.signed) == (None, Action.UPDATE, 0)
    assert f"{host.base}/web/key.pem is not kept as a generation" in taken.plan.reasons
    assert host.certificate == made.certificate
    assert host.text("key").encode() == made.key_pem
    assert host.text("ca") == host.authority.root.pem.decode()
    assert host.generations == [WHOLE]
    assert not host.run().changed


def test_a_pair_of_others_that_is_replaced_is_kept_and_its_key_closed(host: Host) -> None:
    made = _left_by_others(host)
    replaced = host.run(dns_names=["b.example"])
    assert (replaced.error, replaced.plan.action, host.authority.signed) == (None, Action.REPLACE, 1)
    assert sorted(host.generations, key=len) == [["cert.pem", "key.pem"], WHOLE]
    (folder,) = [path.parent for path in host.base.glob(".trustmesh/web/g-*/key.pem") if _same(path, made.key_pem)]
    assert (folder / "cert.pem").read_bytes() == made.pem
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o750
    assert [entry["made_at"] for entry in replaced.facts["previous"]] == ["2026-05-31T12:00:00Z"]


def _same(path: pathlib.Path, content: bytes) -> bool:
    return path.read_bytes() == content


def test_an_unusable_file_of_others_is_not_overwritten(host: Host) -> None:
    _left_by_others(host, usable=False)
    refused = host.run()
    assert isinstance(refused.error, PolicyRefusal)
    assert "was not made by this module and is not overwritten" in str(refused.error)
    assert (host.base / "web/key.pem").read_bytes() == b"damaged"


def test_absence_removes_links_and_store_and_nothing_of_others(host: Host) -> None:
    assert not host.run(state="absent").changed
    assert os.listdir(host.base) == []
    host.run()
    serial = host.run().facts["serial"]
    (host.base / "web/note.txt").write_text("mine")
    foretold = host.run(check=True, state="absent")
    assert [(change.path, change.before, change.after) for change in foretold.plan.changes] == [
        ("certificate", serial, None)
    ]
    assert len(host.generations) == 1
    removed = host.run(state="absent")
    assert (removed.error, removed.plan.action) == (None, Action.DELETE)
    assert os.listdir(host.base / "web") == ["note.txt"]
    assert not (host.base / ".trustmesh/web").exists()
    assert not host.run(state="absent").changed


def test_absence_is_refused_for_what_others_made(host: Host) -> None:
    _left_by_others(host)
    refused = host.run(state="absent")
    assert isinstance(refused.error, PolicyRefusal)
    assert f"{host.base}/web/cert.pem, {host.base}/web/key.pem was not made by this module" in str(refused.error)


def test_objections_refuse_what_would_be_issued_and_warn_of_what_will_be(host: Host) -> None:
    host.authority.against = [InvalidInput("is refused", field="ttl"), InvalidInput("is too much", field="dns_names")]
    refused = host.run()
    assert str(refused.error).startswith("ttl: is refused; dns_names: is too much")
    assert (host.authority.signed, host.generations_exist()) == (0, False)
    against, host.authority.against = host.authority.against, []
    host.run()
    host.authority.against = against
    warned = host.run()
    assert (warned.error, warned.changed) == (None, False)
    texts = [text.partition(": the next renewal would be refused. ")[2] for text in warned.plan.warnings]
    assert texts == [str(objection) for objection in against]
    host.later(25)
    assert str(host.run().error).startswith("ttl: is refused")


WRONG: t.Final[dict[str, tuple[dict[str, t.Any], str]]] = {
    "another name": ({"extensions": [(forge.sans("other.example"), False)]}, "is not what was declared: "),
    "not yet valid": ({"start": forge.NOON + DAY}, "becomes valid only in 1d"),
    "already over": ({"start": forge.NOON - 9 * DAY, "end": forge.NOON - DAY}, "is not what was declared: "),
    "another key": ({"key": forge.ec_key()}, "is not what was declared: "),
}


@pytest.mark.parametrize(("instead", "problem"), WRONG.values(), ids=WRONG)
def test_what_is_signed_otherwise_is_not_installed(host: Host, instead: dict[str, t.Any], problem: str) -> None:
    host.run()
    before = {role: host.text(role) for role in ROLES}
    host.authority.instead = instead
    failed = host.run(dns_names=["b.example"])
    assert problem in str(failed.error)
    assert {role: host.text(role) for role in ROLES} == before
    assert len(host.generations) == 1


def test_an_authority_that_has_expired_is_an_error_and_not_drift(host: Host) -> None:
    host.run()
    host.authority.now = forge.NOON + 4001 * DAY
    made = forge.make(
        "web", host.authority.issuer, end=forge.NOON + 9000 * DAY, extensions=[(forge.sans("web"), False)]
    )
    for role, content in (("key", made.key_pem), ("cert", made.pem)):
        (host.base / f"web/{role}.pem").resolve().write_bytes(content)
    failed = host.run()
    assert "expired at" in str(failed.error)
