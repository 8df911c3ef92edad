# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine has issued and revoked, and what it signs: of an engine in memory that signs in this process."""

from __future__ import annotations

import datetime
import pathlib
import threading
import time
import types
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.reconcile import reconcile
from plugins.module_utils._vault.errors import NoMount
from plugins.module_utils._vault.pki_issued import issued_to
from plugins.module_utils._vault.pki_revocation import REVOCATIONS
from plugins.module_utils._vault.revoked import RevokedCertificates
from plugins.module_utils._vault.signer import VaultSigner
from tests.unit.pki import forge
from tests.unit.vault.memory import Data, Memory, found, refused
from tests.unit.vault.subjects import completed
from tests.unit.vault.test_ladder import run, sent

NOON: t.Final = forge.NOON
#: Beyond the clock of any machine that runs these tests: what has ended is not revoked.
LATE: t.Final = NOON + 2999 * forge.DAY
DENIED: t.Final = refused(403, "1 error occurred: permission denied")


def number(certificate: x509.Certificate) -> str:
    """Return a serial number as the engine spells it."""
    digits = f"{certificate.serial_number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


class Engine:
    """A PKI engine with one issuer; what it has issued is kept with what it says of it."""

    def __init__(self) -> None:
        self.memory = Memory(pki="pki")
        self.root = forge.make("Root", ca=True, end=NOON + 4000 * forge.DAY)
        self.issuer = forge.make("Issuer", self.root, ca=True, end=NOON + 3000 * forge.DAY)
        self.kept: dict[str, Data] = {}
        self.signed: list[Data] = []
        memory = self.memory
        memory.on("get", r"pki/issuer/(default|sub)/json", lambda _path, _body: found(self._chain()))
        memory.on("get", r"pki/issuer/default/crl", lambda _path, _body: found({"crl": self.crl()}))
        memory.on("get", r"pki/cert/.*", self._cert)
        memory.on("list", r"pki/certs", lambda _path, _body: found({"keys": sorted(self.kept)}))
        memory.on("list", r"pki/certs/detailed", lambda _path, _body: found(self._detailed()))
        memory.on("list", r"pki/certs/revoked", lambda _path, _body: found({"keys": self._revoked()}))
        memory.on("post", r"pki/revoke", self._revoke)
        memory.on("post", r"pki/(issuer/sub/)?sign/web", self._sign)

    def _chain(self) -> Data:
        return {"certificate": self.issuer.pem.decode(), "ca_chain": [self.issuer.pem.decode(), self.root.pem.decode()]}

    def _cert(self, path: str, _body: Data) -> tuple[int, Data]:
        held = self.kept.get(path.rpartition("/")[2])
        return (
            refused(404) if held is None else found({name: held[name] for name in ("certificate", "revocation_time")})
        )

    def _detailed(self) -> Data:
        return {"keys": sorted(self.kept), "key_info": {name: held["told"] for name, held in self.kept.items()}}

    def _revoked(self) -> list[str]:
        return [name for name, held in self.kept.items() if held["revocation_time"]]

    def _revoke(self, _path: str, body: Data) -> tuple[int, Data]:
        if "certificate" in body:
            serial = number(x509.load_pem_x509_certificate(body["certificate"].encode()))
            self.kept.setdefault(serial, {"certificate": body["certificate"], "told": {}})
        else:
            serial = body["serial_number"]
        self.kept[serial]["revocation_time"] = int(NOON.timestamp())
        return found({"revocation_time": int(NOON.timestamp())})

    def _sign(self, _path: str, body: Data) -> tuple[int, Data]:
        self.signed.append(body)
        made = self.issue("web")
        return found({"certificate": made.pem.decode(), "issuing_ca": self.issuer.pem.decode(), **self._more})

    _more: t.Mapping[str, t.Any] = {}

    def answer_chain(self, *members: forge.Made) -> None:
        """Let answers to signing carry a chain."""
        self._more = {"ca_chain": [member.pem.decode() for member in members]}

    def issue(self, name: str, *dns_names: str, told: Data | None = None, **how: t.Any) -> forge.Made:
        """Issue a certificate and keep it."""
        sans = [(forge.sans(*dns_names), False)] if dns_names else []
        subject: t.Any = name or x509.Name([])
        made = forge.make(subject, self.issuer, extensions=sans, **how)
        end = made.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {"common_name": name, "dns_names": list(dns_names), "not_after": end} if told is None else told
        entry = {"certificate": made.pem.decode(), "revocation_time": 0, "told": about}
        self.kept[number(made.certificate)] = entry
        return made

    def crl(self, *serials: int) -> str:
        """Return the list of the issuer."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.issuer.certificate.subject)
        builder = builder.last_update(NOON).next_update(NOON + forge.DAY)
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOON)
            builder = builder.add_revoked_certificate(entry.build())
        made = builder.sign(self.issuer.key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def engine() -> Engine:
    """One."""
    return Engine()


# -- what it has issued --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detailed", [True, False], ids=["OpenBao", "HashiCorp Vault"])
def test_what_was_issued_to_a_name_and_lives_is_told_the_oldest_first(engine: Engine, detailed: bool) -> None:
    if not detailed:
        engine.memory.on("list", "pki/certs/detailed", lambda _path, _body: refused(404, "unsupported path"))
    young = engine.issue("A.example", "b.example", start=NOON - datetime.timedelta(hours=1))
    old = engine.issue("a.example", start=NOON - 3 * forge.DAY)
    unnamed = engine.issue("", "a.example", "c.example", start=NOON - 2 * forge.DAY)
    silent = engine.issue("a.example", told={}, start=NOON - 2.5 * forge.DAY)
    engine.issue("a.example", end=NOON)
    engine.issue("b.example", "a.example")
    engine.issue("other.example")
    engine.kept[number(old.certificate)]["revocation_time"] = int(NOON.timestamp())
    told = issued_to(engine.memory.vault, "pki", ["a.EXAMPLE"], NOON)
    expected = [number(made.certificate) for made in (old, silent, unnamed, young)]
    assert [entry["serial"] for entry in told] == expected
    assert [entry["revoked"] for entry in told] == [True, False, False, False]
    assert [entry["revoked_at"] for entry in told] == ["2026-06-01T12:00:00Z", None, None, None]
    assert told[3]["common_name"] == "A.example"
    assert told[3]["dns_names"] == ["b.example"]
    assert (told[3]["not_before"], told[3]["not_after"]) == ("2026-06-01T11:00:00Z", "2026-07-01T12:00:00Z")
    assert told[2]["dns_names"] == ["a.example", "c.example"]
    read = [path for method, path, _body in engine.memory.asked if "/cert/" in path]
    assert len(read) == (5 if detailed else 7), "what the listing rules out is not read"


def test_four_certificates_are_read_at_once(engine: Engine) -> None:
    for _at in range(12):
        engine.issue("a.example")
    read, reading, most = threading.Lock(), set(), [0]

    def look(path: str, _body: Data) -> None:
        with read:
            reading.add(path)
            most[0] = max(most[0], len(reading))
        time.sleep(0.02)
        reading.discard(path)

    engine.memory.on("get", "pki/cert/.*", look)
    assert len(issued_to(engine.memory.vault, "pki", ["a.example"], NOON)) == 12
    assert most == [4]


def test_what_was_tidied_away_meanwhile_is_not_told(engine: Engine) -> None:
    made = engine.issue("a.example")
    engine.memory.on("get", "pki/cert/.*", lambda _path, _body: (404, {"errors": []}))
    assert issued_to(engine.memory.vault, "pki", ["a.example"], NOON) == []
    assert made.certificate.not_valid_after_utc > NOON


# -- what it has revoked -------------------------------------------------------------------------------------------


def test_standing_is_listed_once_and_exact(engine: Engine) -> None:
    good, bad, undated, old = engine.issue("a"), engine.issue("b"), engine.issue("c"), engine.issue("d")
    engine.kept[number(old.certificate)]["revocation_time"] = 1
    engine.kept[number(bad.certificate)]["revocation_time"] = int(NOON.timestamp())
    engine.kept[number(undated.certificate)]["revocation_time"] = 2**62
    revoked = RevokedCertificates(engine.memory.vault, "/pki/")
    standings = [revoked.standing(made.certificate) for made in (good, bad, undated, old, good)]
    since = ["since 2026-06-01T12:00:00Z", "according to pki/certs/revoked", "since 1970-01-01T00:00:01Z"]
    assert [standing.revoked for standing in standings] == [None, *since, None]
    assert all(standing.known and not standing.note for standing in standings)
    assert sum(method == "list" for method, _path, _body in engine.memory.asked) == 1


@pytest.mark.parametrize("denied", [DENIED, refused(404, "unsupported path")], ids=["denied", "no endpoint"])
def test_the_list_of_the_issuer_stands_in_and_says_what_it_does_not_know(
    engine: Engine, denied: tuple[int, Data]
) -> None:
    engine.memory.on("list", "pki/certs/revoked", lambda _path, _body: denied)
    good, bad = engine.issue("a"), engine.issue("b")
    text = engine.crl(bad.certificate.serial_number)
    engine.memory.on("get", "pki/issuer/default/crl", lambda _path, _body: found({"crl": text}))
    revoked = RevokedCertificates(engine.memory.vault, "pki")
    standing = revoked.standing(good.certificate)
    assert (standing.revoked, standing.known) == (None, True)
    assert "is not noticed" in standing.note and "2026-06-01T12:00:00Z" in standing.note
    listed = revoked.standing(bad.certificate)
    assert listed.revoked is not None and "2026-06-01T12:00:00Z" in listed.revoked
    stranger = revoked.standing(forge.make("x").certificate)
    assert (stranger.revoked, stranger.known) == (None, False)
    asked = [path for method, path, _body in engine.memory.asked if path.endswith("/crl")]
    assert len(asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        found({"crl": ""}),
        found({"crl": None}),
        found({}),
        DENIED,
        refused(404, "unsupported path"),
        (404, {"errors": []}),
    ],
    ids=str,
)
def test_without_any_list_nothing_is_known(engine: Engine, answer: tuple[int, Data]) -> None:
    engine.memory.on("list", "pki/certs/revoked", lambda _path, _body: DENIED)
    engine.memory.on("get", "pki/issuer/default/crl", lambda _path, _body: answer)
    standing = RevokedCertificates(engine.memory.vault, "pki").standing(engine.issue("a").certificate)
    assert (standing.revoked, standing.known) == (None, False)
    assert "is unknown" in standing.note


def test_a_list_that_is_none_is_an_error(engine: Engine) -> None:
    engine.memory.on("list", "pki/certs/revoked", lambda _path, _body: DENIED)
    engine.memory.on("get", "pki/issuer/default/crl", lambda _path, _body: found({"crl": "damaged"}))
    with pytest.raises(TrustmeshError, match="pki/issuer/default/crl"):
        RevokedCertificates(engine.memory.vault, "pki").standing(engine.issue("a").certificate)
    engine.memory.on("list", "pki/certs/revoked", lambda _path, _body: found({"keys": ["not a number"]}))
    with pytest.raises(TrustmeshError, match="something else than serial numbers"):
        RevokedCertificates(engine.memory.vault, "pki").standing(engine.issue("a").certificate)
    with pytest.raises(NoMount):
        RevokedCertificates(Memory().vault, "pki").standing(engine.issue("a").certificate)


# -- revoking ------------------------------------------------------------------------------------------------------


def test_a_certificate_is_revoked_once_by_its_number(engine: Engine) -> None:
    serial = number(engine.issue("a", end=LATE).certificate)
    item = {"mount": "pki", "serial": serial.upper()}
    foretold = run(engine.memory, REVOCATIONS, item, check=True)
    assert (foretold.error, foretold.changed, sent(engine.memory)) == (None, True, [])
    assert foretold.facts == {"serial": serial, "revoked": False, "revoked_at": None}
    assert foretold.plan.reasons == ["revoked is false, declared true"]
    made = run(engine.memory, REVOCATIONS, item)
    assert (made.error, made.plan.action) == (None, Action.UPDATE)
    assert sent(engine.memory) == [("post", "pki/revoke", {"serial_number": serial})]
    again = run(engine.memory, REVOCATIONS, item)
    assert (again.error, again.changed) == (None, False)
    assert again.facts == {"serial": serial, "revoked": True, "revoked_at": "2026-06-01T12:00:00Z"}


def test_what_the_engine_does_not_store_is_revoked_by_itself_alone(engine: Engine, tmp_path: pathlib.Path) -> None:
    made = engine.issue("a", end=LATE)
    engine.kept.clear()
    serial = number(made.certificate)
    engine.memory.on("get", "pki/cert/.*", lambda path, body: None if engine.kept else (404, {"errors": []}))
    refusal = run(engine.memory, REVOCATIONS, {"mount": "pki", "serial": serial})
    assert isinstance(refusal.error, InvalidInput)
    assert "pki stores no certificate with this number" in str(refusal.error)
    path = tmp_path / "cert.pem"
    item = {"mount": "pki", "certificate_file": str(path)}
    early = run(engine.memory, REVOCATIONS, item, check=True)
    assert (early.error, early.changed) == (None, True)
    assert early.plan.reasons == ["revoked is false, declared true"]
    assert early.result()["item"] == str(path)
    assert early.facts == {"serial": "", "revoked": False, "revoked_at": None}
    failed = run(engine.memory, REVOCATIONS, item)
    assert "does not exist on this host" in str(failed.error)
    path.write_bytes(made.pem)
    done = run(engine.memory, REVOCATIONS, item)
    assert (done.error, done.changed) == (None, True)
    assert sent(engine.memory) == [("post", "pki/revoke", {"certificate": made.pem.decode()})]
    assert done.facts["revoked"] is True
    for again in (item, {"mount": "pki", "certificate": made.pem.decode()}, {"mount": "pki", "serial": serial}):
        assert run(engine.memory, REVOCATIONS, again).changed is False


@pytest.mark.parametrize("options", [{"certificate": "none"}, {"certificate_file": "FILE"}, {"serial": "zz"}], ids=str)
def test_what_is_no_certificate_is_named(engine: Engine, tmp_path: pathlib.Path, options: dict[str, str]) -> None:
    path = tmp_path / "cert.pem"
    path.write_text("none")
    given = {name: value.replace("FILE", str(path)) for name, value in options.items()}
    with pytest.raises(InvalidInput) as raised:
        run(engine.memory, REVOCATIONS, {"mount": "pki", **given})
    assert raised.value.field is not None and raised.value.field.endswith(next(iter(options)))


def test_before_the_mount_exists_revoking_is_foretold(engine: Engine) -> None:
    item = {"mount": "pki", "serial": "01:02"}
    memory = Memory()
    batch = REVOCATIONS.batch(memory.vault, completed(REVOCATIONS.spec, revocations=[item]))
    (foretold,) = reconcile(batch, check_mode=True, clock=lambda: NOON)
    assert (foretold.error, foretold.changed) == (None, True)
    assert foretold.plan.reasons == ["revoked is false, declared true"]
    assert foretold.facts["revoked"] is False
    assert [text.partition(": ")[0] for text in batch.warnings] == ["vault_pki_revocation pki/01:02"]
    assert run(Memory(), REVOCATIONS, item).error is not None
    assert engine.kept == {}


# -- signing -------------------------------------------------------------------------------------------------------


def signer(engine: Engine, issuer: str | None = None, **role: t.Any) -> VaultSigner:
    """Return one for a role that says this."""
    engine.memory.request("post", "v1/pki/roles/web", json=role)
    vault = engine.memory.vault
    return VaultSigner(vault, "pki", "web", issuer, RevokedCertificates(vault, "pki"))


def wanted(**sans: t.Any) -> t.Any:
    """Return as much of a declaration as signing needs."""

    names = {name: frozenset(sans.get(name, ())) for name in ("dns", "ip", "uri", "email")}
    return types.SimpleNamespace(ttl=3600, common_name="web", sans=types.SimpleNamespace(**names))


def csr() -> x509.CertificateSigningRequest:
    """Return a request."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(forge.name("web"))
    return builder.sign(forge.ec_key(), hashes.SHA256())


def test_chain_is_read_once_and_its_issuer_comes_first(engine: Engine) -> None:
    one = signer(engine)
    chain = (engine.issuer.certificate, engine.root.certificate)
    assert (one.chain(), one.chain()) == (chain, chain)
    assert sum(path.endswith("/json") for _method, path, _body in engine.memory.asked) == 1
    engine.memory.on("get", ".*/json", lambda _path, _body: found({"certificate": engine.root.pem.decode()}))
    assert signer(engine).chain() == (engine.root.certificate,)
    engine.memory.on("get", ".*/json", lambda _path, _body: refused(500, "unable to find PKI issuer"))
    vault = engine.memory.vault
    assert VaultSigner(vault, "pki", "web", None, RevokedCertificates(vault, "pki")).chain() is None
    assert "no certificate can be issued yet" in vault.warnings[0]


@pytest.mark.parametrize(("issuer", "path"), [(None, "pki/sign/web"), ("sub", "pki/issuer/sub/sign/web")])
def test_signing_names_the_issuer_and_what_a_role_does_not_take_from_the_request(
    engine: Engine, issuer: str | None, path: str
) -> None:
    one = signer(engine, issuer, use_csr_common_name=True)
    one.chain()
    leaf, chain = one.sign(csr(), wanted(dns=["b", "a"]))
    assert (leaf.issuer, chain) == (engine.issuer.certificate.subject, (engine.issuer.certificate,))
    assert engine.memory.asked[-1][1] == path
    body = engine.signed[-1]
    assert "BEGIN CERTIFICATE REQUEST" in body.pop("csr")
    assert body == {"format": "pem", "exclude_cn_from_sans": True, "ttl": "3600s"}
    engine.answer_chain(engine.issuer, engine.root)
    other = signer(engine, issuer, use_csr_common_name=False, use_csr_sans=False)
    other.chain()
    _leaf, chain = other.sign(
        csr(), wanted(dns=["b", "a"], email=["m@a"], ip=["192.0.2.2", "192.0.2.1"], uri=["a://b"])
    )
    assert chain == (engine.issuer.certificate, engine.root.certificate)
    body = engine.signed[-1]
    assert (body["common_name"], body["alt_names"]) == ("web", "a,b,m@a")
    assert (body["ip_sans"], body["uri_sans"]) == (["192.0.2.1", "192.0.2.2"], ["a://b"])


def test_signer_tells_what_is_revoked_and_warns_where_it_cannot(engine: Engine) -> None:
    one = signer(engine)
    made = engine.issue("web")
    assert one.revocation(made.certificate) is None
    engine.memory.on("list", "pki/certs/revoked", lambda _path, _body: DENIED)
    two = signer(engine)
    engine.memory.on(
        "get", "pki/issuer/default/crl", lambda _p, _b: found({"crl": engine.crl(made.certificate.serial_number)})
    )
    assert "2026-06-01" in str(two.revocation(made.certificate))
    assert "cannot be listed" in two._vault.warnings[0]
    vault = Memory().vault
    nowhere = VaultSigner(vault, "none", "web", None, RevokedCertificates(vault, "none"))
    assert nowhere.revocation(made.certificate) is None


@pytest.mark.parametrize(("said", "seconds"), [({}, 30), ({"not_before_duration": 7200}, 7200)], ids=str)
def test_signer_knows_how_far_a_role_dates_back(engine: Engine, said: Data, seconds: int) -> None:
    one = signer(engine, **said)
    one.chain()
    assert one.backdate_seconds == seconds
