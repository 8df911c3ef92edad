# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers that are signed elsewhere or imported, and what may be declared of each kind of issuer."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, NotConverged, TrustmeshError
from plugins.module_utils._vault.pki_issuer_declaration import ISSUERS
from tests.unit.pki import forge
from tests.unit.vault.memory import Data
from tests.unit.vault.subjects import completed
from tests.unit.vault_pki.certificates import authority
from tests.unit.vault_pki.subjects import DAY, NOON
from tests.unit.vault_pki.test_issuer_below import key_pem
from tests.unit.vault_pki.working import MESH, ROOT, Server

# -- signed elsewhere --------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(server: Server, tmp_path: pathlib.Path) -> Data:
    """An issuer of the first engine that is signed by hand."""
    server.settle(ROOT)
    return {"name": "mesh", "type": "intermediate", "common_name": "Mesh", "csr_file": str(tmp_path / "ca.csr")}


def signed(server: Server, item: Data, **asked: t.Any) -> str:
    """Have the request in the file signed, and return the certificate."""
    csr = pathlib.Path(item["csr_file"]).read_text()
    body = {"common_name": "Mesh", "exclude_cn_from_sans": True, "ttl": 365 * DAY, "csr": csr, **asked}
    return t.cast(str, server.above._sign("above/issuer/root/sign-intermediate", body)[1]["data"]["certificate"])


def test_a_request_in_a_file_is_written_by_the_run_and_not_by_its_check(server: Server, elsewhere: Data) -> None:
    path = pathlib.Path(elsewhere["csr_file"])
    (foretold,) = server.run(elsewhere, check=True)
    assert foretold.changed and not path.exists()
    assert {change.path: change.after for change in foretold.plan.changes} == {
        "key_name": "mesh",
        "csr_file": str(path),
    }
    assert server.settle(elsewhere) == ["create"]
    assert path.read_text().startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert [key["key_name"] for key in server.pki.keys.values()] == ["mesh"]
    (waiting,) = server.run(elsewhere)
    assert waiting.facts == {"csr": path.read_text()}
    assert [text for text in waiting.plan.warnings if "waits for its certificate" in text]


@pytest.mark.parametrize("content", [None, "", "-----BEGIN", "other subject", "other key"])
def test_a_file_that_does_not_hold_the_request_is_written_again(
    server: Server, elsewhere: Data, content: str | None
) -> None:
    server.settle(elsewhere)
    path = pathlib.Path(elsewhere["csr_file"])
    if content is None:
        path.unlink()
    elif content == "other key":
        server.settle({**elsewhere, "name": "other"})
    elif content == "other subject":
        elsewhere = {**elsewhere, "organization": ["Hub"], "ou": ["Ops"]}
    else:
        path.write_text(content)
    (outcome,) = server.run(elsewhere, check=True)
    assert outcome.plan.reasons == ["csr_file does not hold a request for the waiting key"]
    assert server.settle(elsewhere) == ["update"]
    assert len(server.pki.keys) == (2 if content == "other key" else 1)


def test_a_request_names_its_subject_in_any_order(server: Server, elsewhere: Data) -> None:
    item = {**elsewhere, "organization": ["A", "B"]}
    server.settle(item)
    (key_id,) = server.pki.keys
    body = {"key_ref": key_id, "common_name": "Mesh", "organization": ["B", "A"], "exclude_cn_from_sans": True}
    csr = server.pki._request("pki/intermediate/generate/existing", body)[1]["data"]["csr"]
    pathlib.Path(elsewhere["csr_file"]).write_text(csr)
    assert server.settle(item) == ["none"]


def test_one_file_holds_the_request_of_one_issuer(server: Server, elsewhere: Data) -> None:
    with pytest.raises(InvalidInput, match="csr_file"):
        server.run(elsewhere, {**elsewhere, "name": "other"})
    server.settle(elsewhere)
    certified = {**elsewhere, "certificate": signed(server, elsewhere)}
    assert len(server.run(certified, {**certified, "name": "other"})) == 2, "where nothing is written"


def test_what_was_signed_elsewhere_is_installed_named_and_replaced(server: Server, elsewhere: Data) -> None:
    server.settle(elsewhere)
    certified = {**elsewhere, "certificate": signed(server, elsewhere)}
    assert server.settle(certified) == ["create"]
    (outcome,) = server.run(elsewhere)
    assert (outcome.changed, outcome.facts["subject"]) == (False, "CN=Mesh")
    (refusal,) = server.run({**elsewhere, "organization": ["Hub"], "on_mismatch": "replace"})
    assert isinstance(refusal.error, InvalidInput) and refusal.error.field == "certificate"
    longer = {**elsewhere, "certificate": signed(server, elsewhere, ttl=400 * DAY), "on_mismatch": "replace"}
    old = server.pki.named("mesh")
    assert server.settle(longer) == ["replace"]
    assert old["issuer_name"].startswith("mesh-")


@pytest.mark.parametrize("kind", ["here", "elsewhere", "root"])
def test_a_key_that_waits_and_is_of_another_type_is_refused(server: Server, elsewhere: Data, kind: str) -> None:
    item = {"here": MESH, "elsewhere": elsewhere, "root": {**ROOT, "mount": "pki", "name": "mesh"}}[kind]
    server.settle(elsewhere)
    (outcome,) = server.run({**item, "key_type": "rsa"})
    assert outcome.error is not None and outcome.error.field == "key_name"
    assert server.pki.issuers == {}


@pytest.mark.parametrize("kind", ["imported", "elsewhere"])
def test_what_is_no_ca_or_another_one_is_not_installed(server: Server, elsewhere: Data, kind: str) -> None:
    leaf = forge.make("leaf.example")
    item = {"name": "mesh", "type": "imported"} if kind == "imported" else elsewhere
    if kind == "elsewhere":
        server.settle(elsewhere)
    (outcome,) = server.run({**item, "common_name": "Mesh", "certificate": leaf.pem.decode()})
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == "certificate"
    problems = "it is not the certificate of a CA; common_name is leaf.example, declared Mesh"
    assert outcome.error.problem == problems
    assert server.pki.issuers == {}


# -- what is declared --------------------------------------------------------------------------------------------------

_CA: t.Final = authority("Made elsewhere", NOON, 900 * DAY)
_VALUES: t.Final[Data] = {
    "signed_by": {"mount": "above", "issuer": "root"},
    "csr_file": "/nowhere/ca.csr",
    "certificate": _CA.pem,
    "private_key": key_pem(_CA),
    "ttl": "10d",
    "signature_bits": 256,
    "use_pss": True,
}
_KINDS: t.Final[dict[str, Data]] = {
    "root": {"type": "root", "common_name": "X"},
    "intermediate here": {"type": "intermediate", "common_name": "X", "signed_by": _VALUES["signed_by"]},
    "intermediate elsewhere": {"type": "intermediate", "common_name": "X", "csr_file": _VALUES["csr_file"]},
    "imported": {"type": "imported", "certificate": _VALUES["certificate"]},
}
_MEANT: t.Final = {
    "root": {"ttl", "signature_bits", "use_pss"},
    "intermediate here": {"signed_by", "ttl", "signature_bits", "use_pss"},
    "intermediate elsewhere": {"csr_file", "certificate"},
    "imported": {"certificate", "private_key"},
}


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("option", _VALUES)
def test_an_option_that_means_nothing_for_a_kind_of_issuer_is_refused(server: Server, kind: str, option: str) -> None:
    item = {"name": "x", **_KINDS[kind], option: _VALUES[option]}
    if option in _MEANT[kind]:
        ISSUERS.batch(server.vault, completed(ISSUERS.spec, mount="pki", issuers=[item]))
        return
    with pytest.raises(InvalidInput) as refusal:
        ISSUERS.batch(server.vault, completed(ISSUERS.spec, mount="pki", issuers=[item]))
    assert refusal.value.field is not None
    assert refusal.value.field.rpartition(".")[2] in (option, "signed_by")


def test_another_certificate_under_the_name_is_a_replacement(server: Server) -> None:
    imported = {"name": "x", "type": "imported", "certificate": _CA.pem, "private_key": key_pem(_CA)}
    assert server.settle(imported) == ["create"]
    assert [key["key_name"] for key in server.pki.keys.values()] == ["x"]
    other = authority("Made elsewhere", NOON, 901 * DAY)
    (outcome,) = server.run({"name": "x", "type": "imported", "certificate": other.pem})
    assert outcome.error is not None and "certificate differs" in str(outcome.error)
    assert server.settle({"name": "x", "type": "imported", "certificate": other.pem, "on_mismatch": "replace"}) == [
        "replace"
    ]


def test_a_certificate_is_imported_with_those_above_it_in_order(server: Server) -> None:
    top = authority("Top", NOON, 999 * DAY)
    lower = authority("Lower", NOON, 900 * DAY, parent=top)
    bundles: list[str] = []
    server.on("post", "pki/issuers/import/cert", lambda _path, body: bundles.append(body["pem_bundle"]))
    assert server.settle({"name": "x", "type": "imported", "certificate": lower.pem + top.pem}) == ["create"]
    assert bundles == [lower.pem + top.pem]
    assert server.pki.names == ["", "x"]


def test_what_is_no_certificate_is_named_by_its_option(server: Server) -> None:
    with pytest.raises(TrustmeshError) as refusal:
        server.run({"name": "x", "type": "imported", "certificate": "none"})
    assert refusal.value.field == "issuers[0] (x).certificate"


def test_a_certificate_that_does_not_appear_is_not_converged(server: Server) -> None:
    server.on("patch", "pki/issuer/.*", lambda _path, body: (200, {"data": body}))
    (outcome,) = server.run({"name": "x", "type": "imported", "certificate": _CA.pem})
    assert isinstance(outcome.error, NotConverged)


def test_an_import_that_ended_before_the_naming_is_continued(server: Server) -> None:
    imported = {"name": "x", "type": "imported", "certificate": _CA.pem}
    server.settle({**imported, "certificate": authority("Made elsewhere", NOON, 901 * DAY).pem, "name": "other"})
    server.settle(imported)
    for held in server.pki.issuers.values():
        held["issuer_name"] = ""
    assert server.settle(imported) == ["update"]
    assert server.pki.names == ["", "x"]


def test_a_text_that_is_no_key_is_named_by_its_option(server: Server) -> None:
    (outcome,) = server.run({"name": "x", "type": "imported", "certificate": _CA.pem, "private_key": "none"})
    assert outcome.error is not None and outcome.error.field == "private_key"
    assert server.writes == []
