# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What bounds a life beside the role is looked up once and only where it matters; what is read is held to its form."""

from __future__ import annotations

import dataclasses
import datetime
import threading
import time
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from plugins.module_utils._pki.drift import Wanted
from plugins.module_utils._vault import signer as module
from plugins.module_utils._vault.errors import NotVault, ServerFault
from plugins.module_utils._vault.signer import VaultSigner
from tests.unit.pki import forge
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault.test_signer import _wanted

NOON: t.Final = forge.NOON
DAY: t.Final = forge.DAY
SECOND: t.Final = datetime.timedelta(seconds=1)
ROLE: t.Final[Data] = {"key_type": "ec"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "system_clock", lambda: NOON)


class Engine:
    """An engine with one role, an issuer and a root."""

    def __init__(
        self,
        role: Data | None = None,
        issuer_ends: datetime.timedelta = 10 * DAY,
        root_ends: datetime.timedelta = 20 * DAY,
        behavior: Reply | None = None,
    ) -> None:
        self.memory = Memory(pki="pki")
        root = forge.make("Root", ca=True, end=NOON + root_ends)
        issuer = forge.make("Issuer", root, ca=True, end=NOON + issuer_ends)
        self.chain = [issuer.pem.decode(), root.pem.decode()]
        if role is not None:
            self.memory.objects["pki/roles/mesh"] = role
        self.memory.on("get", "pki/issuer/default/json", lambda _path, _body: found({"ca_chain": self.chain}))
        told = behavior or found({"leaf_not_after_behavior": "err"})
        self.memory.on("get", "pki/issuer/default", lambda _path, _body: told)
        self.vault = self.memory.vault
        self.signer = VaultSigner(self.vault, "pki", "mesh", None, t.cast(t.Any, None))

    def asked(self, path: str) -> int:
        """Return how often something was read."""
        return [place for _method, place, _body in self.memory.asked].count(path)

    def objections(self, seconds: float | None, *, new: bool = False) -> list[str]:
        """Return what stands against a life, after that was looked up."""
        self.signer.prepare(wanted(seconds), new=new)
        found_ = self.signer.objections(wanted(seconds), NOON)
        return [str(error) for error in found_ if error.field in ("ttl", "issuer", "renew_before")]


def wanted(seconds: float | None) -> Wanted:
    return dataclasses.replace(_wanted("2h"), ttl=None if seconds is None else int(seconds))


def test_kind_10_what_the_mount_grants_is_asked_once_and_only_for_what_is_new() -> None:
    engine = Engine(ROLE, issuer_ends=400 * DAY, root_ends=500 * DAY)
    beyond = (33 * DAY).total_seconds()
    assert engine.objections(beyond) == []
    assert engine.asked("sys/mounts/pki/tune") == 0
    for _again in range(2):
        (text,) = engine.objections(beyond, new=True)
        assert "33d exceeds the max_lease_ttl of mount pki" in text
    assert engine.asked("sys/mounts/pki/tune") == 1
    assert engine.objections((32 * DAY).total_seconds(), new=True) == []


@pytest.mark.parametrize(
    ("behavior", "said"),
    [
        (found({"leaf_not_after_behavior": "err"}), "which the issuer refuses"),
        (found({}), "which the issuer refuses"),
        (found({"leaf_not_after_behavior": "truncate"}), "where the issuer cuts it"),
        (found({"leaf_not_after_behavior": "permit"}), None),
        (refused(403, "1 error occurred: permission denied"), "whether the issuer permits that cannot be read"),
    ],
)
def test_kind_10_what_the_issuer_does_beyond_its_end_is_asked_only_there(behavior: Reply, said: str | None) -> None:
    engine = Engine(ROLE, behavior=behavior)
    exactly = (10 * DAY).total_seconds()
    assert engine.objections(exactly) == []
    assert engine.asked("pki/issuer/default") == 0
    for _again in range(2):
        assert [str(said) in text for text in engine.objections(exactly + 1)] == ([] if said is None else [True])
    assert engine.asked("pki/issuer/default") == (2 if behavior[0] == 403 else 1)


def test_kind_10_the_life_that_the_role_grants_counts_where_none_is_asked_for() -> None:
    long, short = ({**ROLE, "ttl": int((days * DAY).total_seconds())} for days in (11, 9))
    assert [text for text in Engine(long).objections(None) if "reaches beyond the end of CN=Issuer" in text]
    assert Engine(short).objections(None) == []
    assert Engine(long).objections((9 * DAY).total_seconds()) == [], "what is asked for counts first"
    engine = Engine(ROLE, issuer_ends=0 * DAY)
    engine.objections(None)
    assert engine.asked("pki/issuer/default") == 0, "a life of which nothing is known reaches nowhere"


def test_kind_10_who_ends_above_the_issuer_ends_the_life() -> None:
    engine = Engine(ROLE, issuer_ends=10 * DAY, root_ends=5 * DAY)
    assert engine.objections((5 * DAY).total_seconds()) == []
    (text,) = engine.objections((5 * DAY + SECOND).total_seconds())
    assert "reaches beyond the end of CN=Root" in text
    assert "which stands above the issuer" in text
    assert engine.asked("pki/issuer/default") == 0


def test_without_an_issuer_nothing_bounds_a_life() -> None:
    engine = Engine(ROLE)
    engine.memory.on("get", "pki/issuer/default/json", lambda _path, _body: refused(500, "no default issuer"))
    assert engine.objections((99 * DAY).total_seconds()) == []
    assert engine.vault.warnings[0].startswith("no certificate can be issued yet: ")


@pytest.mark.parametrize(
    ("role", "asked"),
    [
        (ROLE, set()),
        (None, set()),
        ({**ROLE, "use_csr_common_name": True, "use_csr_sans": True}, set()),
        ({**ROLE, "use_csr_common_name": False}, {"common_name"}),
        ({**ROLE, "use_csr_sans": False}, {"alt_names", "ip_sans", "uri_sans"}),
    ],
)
def test_names_are_given_beside_the_request_only_to_a_role_that_takes_none_from_it(
    role: Data | None, asked: set[str]
) -> None:
    engine = Engine(role)
    if role is None:
        engine.memory.on("get", "pki/roles/mesh", lambda _path, _body: refused(403, "1 error occurred: denied"))
    engine.signer.chain()
    body = engine.signer._body(_request(), wanted(60))
    assert set(body) == {"csr", "format", "exclude_cn_from_sans", "ttl", *asked}
    assert (body["format"], body["exclude_cn_from_sans"], body["ttl"]) == ("pem", True, "60s")


def _request() -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(forge.name("a.svc.example"))
    return builder.sign(forge.ec_key(), hashes.SHA256())


def test_a_signature_whose_answer_was_lost_is_not_asked_for_again() -> None:
    engine = Engine(ROLE)
    tried = engine.memory.lose("post", "pki/sign/mesh")
    engine.vault._retries = 3
    with pytest.raises(ServerFault):
        engine.signer.sign(_request(), wanted(60))
    assert len(tried) == 1


@pytest.mark.parametrize("field", ["allowed_domains", "allow_any_name", "key_type", "max_ttl"])
def test_a_role_is_known_by_any_of_its_fields(field: str) -> None:
    value: t.Any = {"allowed_domains": ["a"], "allow_any_name": True, "key_type": "ec", "max_ttl": 60}[field]
    engine = Engine({field: value})
    assert engine.signer.chain() is not None
    assert engine.vault.warnings == []


def test_r17_what_is_not_a_role_is_not_taken_for_one_without_limits() -> None:
    with pytest.raises(NotVault, match="allowed_domains is missing"):
        Engine({"other": 1}).signer.chain()


def test_a_role_that_is_not_there_yet_is_told_in_a_warning() -> None:
    engine = Engine(None)
    assert engine.signer.chain() is not None
    assert engine.vault.warnings == ["pki has no role mesh yet"]


def test_a_chain_that_ends_before_a_root_is_told_in_a_warning() -> None:
    whole = Engine(ROLE)
    whole.signer.chain()
    assert whole.vault.warnings == []
    cut = Engine(ROLE)
    del cut.chain[1]
    cut.signer.chain()
    (warning,) = cut.vault.warnings
    assert warning.startswith("the chain of issuer default of pki ends before a root, at CN=Issuer; ")


def test_many_threads_read_the_role_once() -> None:
    engine = Engine(ROLE)

    def slow(_path: str, _body: Data) -> None:
        time.sleep(0.05)

    engine.memory.on("get", ".*", slow)
    threads = [
        threading.Thread(target=engine.signer.prepare, args=(wanted((11 * DAY).total_seconds()),), kwargs={"new": True})
        for _at in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = {path: engine.asked(path) for path in ("pki/roles/mesh", "pki/issuer/default/json", "pki/issuer/default")}
    assert set(counted.values()) == {1}
