# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intermediates that are signed elsewhere, and CAs that were made elsewhere."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable

import pytest
from cryptography import x509

from tests.integration.ladder import Ladder
from tests.integration.vault_pki.authority import Authority, pem
from tests.integration.vault_pki.engine import Engine
from tests.integration.vault_pki_issuer.declarations import Item, loaded, only_issuer
from tests.rigs.canary import Canaries
from tests.rigs.runner import ModuleResult

Manage = Callable[..., ModuleResult]


@pytest.fixture(scope="module")
def offline() -> Authority:
    """A root that no server holds."""
    return Authority()


@pytest.fixture
def waiting(tmp_path: pathlib.Path) -> Item:
    """An intermediate whose request goes to a file."""
    return {
        "name": "mesh",
        "type": "intermediate",
        "common_name": "Example Mesh CA",
        "organization": ["Example Hub", "Another"],
        "key_type": "ec",
        "csr_file": str(tmp_path / "mesh.csr"),
    }


def request_of(item: Item) -> pathlib.Path:
    return pathlib.Path(item["csr_file"])


# -- signed elsewhere --------------------------------------------------------------------------------------------------


def test_request_goes_out_and_certificate_comes_back(
    manage: Manage, engine: Engine, offline: Authority, waiting: Item, audit_window: t.Any
) -> None:
    with audit_window() as window:
        foretold = manage(waiting, check=True).ok().result["results"][0]
    assert (foretold["action"], foretold["changed"]) == ("create", True)
    assert not window.writes and not request_of(waiting).exists()

    made = manage(waiting).ok().result["results"][0]
    request = request_of(waiting).read_text()
    assert made["action"] == "create" and made["issuer"] == {"csr": request}
    assert request_of(waiting).stat().st_mode & 0o777 == 0o644
    assert x509.load_pem_x509_csr(request.encode()).is_signature_valid
    assert "waits for its certificate" in made["warnings"][0]

    again = manage(waiting).ok().result["results"][0]
    assert (again["action"], again["issuer"]) == ("none", {"csr": request})

    signed = {**waiting, "certificate": offline.sign(request) + pem(offline.certificate), "default": True}
    foretold = manage(signed, check=True).ok().result["results"][0]
    assert foretold["action"] == "create"
    facts = only_issuer(manage(signed))
    assert list(engine.keys()) == [facts["key_id"]]
    assert (facts["issuer"], facts["default"], facts["chain_complete"]) == ("CN=Offline Root", True, True)
    assert not manage(signed).ok().changed
    # With the certificate gone from the declaration, the issuer stays what it is.
    assert not manage(waiting).ok().changed


def test_lost_request_is_made_again_for_the_same_key(manage: Manage, engine: Engine, waiting: Item) -> None:
    manage(waiting).ok()
    key = loaded_request(waiting).public_key()
    for damage in (request_of(waiting).unlink, lambda: request_of(waiting).write_text("-----BEGIN nothing")):
        damage()
        (item,) = manage(waiting).ok().result["results"]
        assert item["action"] == "update"
        assert loaded_request(waiting).public_key() == key
    assert len(engine.keys()) == 1


def test_request_of_another_subject_or_key_is_made_again(
    manage: Manage, engine: Engine, waiting: Item, tmp_path: pathlib.Path
) -> None:
    manage(waiting).ok()
    assert manage({**waiting, "common_name": "Other"}).ok().result["results"][0]["action"] == "update"
    assert loaded_request(waiting).subject.rfc4514_string().startswith("CN=Other")
    other = {**waiting, "name": "other", "csr_file": str(tmp_path / "other.csr")}
    manage(other).ok()
    request_of(waiting).write_text(request_of(other).read_text())
    assert manage(waiting).ok().result["results"][0]["action"] == "update"
    assert len(engine.keys()) == 2


def loaded_request(item: Item) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(request_of(item).read_bytes())


def test_certificate_of_another_key_is_refused(
    manage: Manage, engine: Engine, offline: Authority, waiting: Item
) -> None:
    plain = {**waiting, "organization": None}
    manage(plain).ok()
    result = manage({**plain, "certificate": offline.issue("Example Mesh CA")})
    assert result.failed
    assert f"certificate: was not made for the key mesh of {engine.path}" in result.msg
    assert engine.issuers() == {}


def test_certificate_before_its_request_is_refused(manage: Manage, offline: Authority, waiting: Item) -> None:
    result = manage({**waiting, "organization": None, "certificate": offline.issue("Example Mesh CA")})
    assert result.failed
    assert "without certificate, a run writes it" in result.msg


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"max_path_length": 0}, "max_path_length is -1, declared 0"), ({"common_name": "X"}, "common_name is Example")],
)
def test_certificate_that_is_not_what_was_declared_is_refused(
    manage: Manage, engine: Engine, offline: Authority, waiting: Item, change: Item, reason: str
) -> None:
    manage(waiting).ok()
    result = manage({**waiting, **change, "certificate": offline.sign(request_of(waiting).read_text())})
    assert result.failed
    assert f"certificate: {reason}" in result.msg
    assert engine.issuers() == {}


def test_certificate_that_is_not_for_a_ca_is_refused(
    manage: Manage, engine: Engine, offline: Authority, waiting: Item
) -> None:
    manage(waiting).ok()
    result = manage({**waiting, "certificate": offline.sign(request_of(waiting).read_text(), ca=False)})
    assert result.failed
    assert "certificate: it is not the certificate of a CA" in result.msg
    assert engine.issuers() == {}


def test_renewed_certificate_replaces_when_that_is_declared(
    manage: Manage, engine: Engine, offline: Authority, waiting: Item
) -> None:
    manage(waiting).ok()
    request = request_of(waiting).read_text()
    old = only_issuer(manage({**waiting, "certificate": offline.sign(request), "default": True}))
    renewed = {**waiting, "certificate": offline.sign(request, days=700)}
    refused = manage(renewed)
    assert refused.failed and "cannot be changed in place: certificate differs" in refused.msg
    new = only_issuer(manage({**renewed, "on_mismatch": "replace"}))
    assert (new["key_id"], new["default"]) == (old["key_id"], True)
    assert new["not_after"] > old["not_after"]
    assert engine.read("issuer", f"mesh-{old['fingerprint_sha256'][:8]}")["issuer_id"] == old["issuer_id"]
    assert not manage({**renewed, "on_mismatch": "replace"}).ok().changed


def test_request_file_that_cannot_be_written_is_named(manage: Manage, waiting: Item) -> None:
    result = manage({**waiting, "csr_file": "/proc/nowhere/mesh.csr"})
    assert result.failed
    assert "/proc/nowhere/mesh.csr: no such directory. Create it first." in result.msg


@pytest.mark.parametrize("option", ["ttl", "signature_bits", "use_pss"])
def test_what_is_decided_elsewhere_is_not_declared_here(manage: Manage, waiting: Item, option: str) -> None:
    result = manage({**waiting, option: "1"})
    assert result.failed
    assert f"{option}: has no meaning for type intermediate with csr_file" in result.msg


# -- made elsewhere ----------------------------------------------------------------------------------------------------


def imported(authority: Authority, canaries: Canaries, **fields: t.Any) -> Item:
    canaries.record(authority.key_pem, "private key of an imported CA")
    item = {"name": "legacy", "type": "imported", "certificate": pem(authority.certificate), **fields}
    return {**item, "private_key": authority.key_pem}


def test_import_climbs_the_ladder(ladder: Ladder, engine: Engine, canaries: Canaries) -> None:
    authority = Authority("Legacy Root")
    rungs = ladder.climb(
        "vault_pki_issuer",
        {"mount": engine.path, "issuers": [imported(authority, canaries, usage=["crl-signing"])]},
        tamper=lambda: engine.write("issuer/legacy", usage="read-only", issuer_name="legacy"),
        absent={"mount": engine.path, "issuers": [{"name": "legacy", "state": "absent", "delete_key": True}]},
    )
    facts = rungs["create"].items[0]["issuer"]
    assert facts["certificate"] == pem(authority.certificate)
    assert facts["usage"] == ["crl-signing", "read-only"]
    assert engine.keys() == {}


def test_imported_key_gets_the_name(manage: Manage, engine: Engine, canaries: Canaries) -> None:
    manage(imported(Authority("Legacy Root"), canaries, key_name="legacy-key")).ok()
    assert [info["key_name"] for info in engine.keys().values()] == ["legacy-key"]


def test_trap_36_import_again_is_no_change_and_key_may_follow(
    manage: Manage, engine: Engine, canaries: Canaries
) -> None:
    whole = imported(Authority("Legacy Root"), canaries)
    bare = {name: value for name, value in whole.items() if name != "private_key"}
    assert only_issuer(manage(bare))["key_id"] == ""
    assert not manage(bare).ok().changed
    (item,) = manage(whole).ok().result["results"]
    assert (item["action"], item["reasons"]) == ("update", ["has_key is false, declared true"])
    assert list(engine.keys()) == [item["issuer"]["key_id"]]
    assert not manage(whole).ok().changed
    assert not manage(bare).ok().changed
    assert len(engine.issuers()) == 1


def test_nameless_import_is_named(manage: Manage, engine: Engine, canaries: Canaries) -> None:
    whole = imported(Authority("Legacy Root"), canaries)
    engine.write("issuers/import/bundle", pem_bundle=whole["certificate"] + whole["private_key"])
    (item,) = manage(whole).ok().result["results"]
    assert item["reasons"] == ["issuer_name is empty, declared legacy"]
    assert len(engine.issuers()) == 1


def test_key_that_does_not_belong_is_refused(manage: Manage, engine: Engine, canaries: Canaries) -> None:
    item = imported(Authority("Legacy Root"), canaries, certificate=pem(Authority("Legacy Root").certificate))
    result = manage(item)
    assert result.failed
    assert "private_key: does not belong to certificate" in result.msg
    assert engine.issuers() == engine.keys() == {}


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_malformed_certificate_is_refused_before_anything_is_asked(
    manage: Manage, audit_window: t.Any, text: str
) -> None:
    with audit_window() as window:
        result = manage({"name": "legacy", "type": "imported", "certificate": text})
    assert result.failed
    assert "certificate" in result.msg and "Traceback" not in result.msg and "defect" not in result.msg
    assert not window.requests


def test_malformed_key_is_refused(manage: Manage, offline: Authority) -> None:
    item = {"name": "legacy", "type": "imported", "certificate": pem(offline.certificate), "private_key": "nonsense"}
    result = manage(item)
    assert result.failed
    assert "private_key: no private key in PEM form was found" in result.msg


def test_chain_of_an_import_may_come_in_any_order(manage: Manage, offline: Authority) -> None:
    below = offline.issue("Imported Mesh CA")
    root = pem(offline.certificate)
    facts = only_issuer(manage({"name": "legacy", "type": "imported", "certificate": below + root + root}))
    assert facts["subject"] == "CN=Imported Mesh CA"
    assert facts["chain_length"] == 2
    assert loaded(facts["certificate"]) == loaded(below)
