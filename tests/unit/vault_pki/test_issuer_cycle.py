# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers of an engine that makes keys and certificates, from their first run to their last, as a module runs them."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, NotConverged, Overtaken, TrustmeshError
from plugins.module_utils._core.reconcile import Outcome, reconcile
from plugins.module_utils._vault import pki_issuer_deeds
from plugins.module_utils._vault.errors import NoIssuer
from plugins.module_utils._vault.pki_issuer_declaration import ISSUERS
from plugins.module_utils._vault.port import Vault
from tests.unit.pki import forge
from tests.unit.vault.memory import Data, Memory, Reply, refused
from tests.unit.vault.subjects import completed
from tests.unit.vault_pki.certificates import authority
from tests.unit.vault_pki.subjects import DAY, NOON
from tests.unit.vault_pki.test_issuer_below import key_pem
from tests.unit.vault_pki.working import Working

ROOT: t.Final[Data] = {"mount": "above", "name": "root", "type": "root", "common_name": "Root", "ttl": "3650d"}
MESH: t.Final[Data] = {
    "name": "mesh",
    "type": "intermediate",
    "common_name": "Mesh",
    "ttl": "365d",
    "signed_by": {"mount": "above", "issuer": "root"},
}


class Server(Memory):
    """Two engines, and a port that tries a second time where that is safe."""

    def __init__(self) -> None:
        super().__init__()
        self.above = Working(self, "above")
        self.pki = Working(self, "pki")
        self._vault = Vault(t.cast(t.Any, self), retries=1, sleep=lambda _seconds: None)

    @property
    def vault(self) -> Vault:
        return self._vault

    def run(self, *items: Data, check: bool = False) -> list[Outcome]:
        """Reconcile items as the module does."""
        self._vault = Vault(t.cast(t.Any, self), retries=1, sleep=lambda _seconds: None)
        batch = ISSUERS.batch(self._vault, completed(ISSUERS.spec, mount="pki", issuers=list(items)))
        self.asked.clear()
        return reconcile(batch, check_mode=check, clock=lambda: NOON)

    def settle(self, *items: Data) -> list[str]:
        """Run, let nothing fail, prove that another run changes nothing, and return what was done to each."""
        foretold = self.run(*items, check=True)
        assert self.writes == []
        made = self.run(*items)
        assert [outcome.error for outcome in made] == [None] * len(items)
        assert [outcome.plan.reasons for outcome in made] == [outcome.plan.reasons for outcome in foretold]
        for outcome in self.run(*items):
            assert (outcome.error, outcome.changed) == (None, False)
        return [outcome.action.value for outcome in made]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(pki_issuer_deeds, "system_clock", lambda: NOON)
    return Server()


def test_a_hierarchy_is_made_in_one_run_in_order(server: Server) -> None:
    mesh = {**MESH, "usage": ["issuing-certificates"], "default": True, "max_path_length": 0, "organization": ["Hub"]}
    assert server.settle({**ROOT, "max_path_length": 1}, mesh) == ["create", "create"]
    assert (server.above.names, server.pki.names) == (["root"], ["", "mesh"]), "what is above comes along"
    held = server.pki.named("mesh")
    assert held["usage"] == "issuing-certificates,read-only"
    assert server.pki.config == {"default": held["issuer_id"], "default_follows_latest_issuer": False}
    assert [key["key_name"] for key in server.pki.keys.values()] == ["mesh"]
    assert held["ca_chain"][1:] == [server.above.named("root")["certificate"]]
    assert not [text for text in server.vault.warnings if "path length" in text.lower()], "what is declared is no news"


def test_what_is_below_a_ca_that_could_not_be_made_is_not_attempted(server: Server) -> None:
    server.on("post", "above/root/generate/internal", lambda _path, _body: refused(400, "no such type of key"))
    root, mesh = server.run(ROOT, MESH)
    assert "no such type of key" in str(root.error)
    assert "not attempted" in str(mesh.error)
    assert server.pki.keys == {}


@pytest.mark.parametrize("answer", [None, (404, {"errors": []})], ids=["unknown", "nothing"])
def test_a_ca_below_one_that_nobody_makes_is_an_error_of_its_option(server: Server, answer: Reply | None) -> None:
    if answer is not None:
        server.on("get", "above/issuer/root/json", lambda _path, _body: answer)
    (outcome,) = server.run(MESH)
    assert isinstance(outcome.error, NoIssuer)
    assert outcome.error.field == "signed_by"
    assert "there is no issuer above/issuer/root" in str(outcome.error)
    assert server.pki.keys == {}


def test_a_life_that_nobody_declared_is_cut_by_the_server_and_a_declared_one_refused(server: Server) -> None:
    server.settle({**ROOT, "ttl": "10d"})
    (outcome,) = server.run({**MESH, "ttl": "11d"})
    assert outcome.error is not None and outcome.error.field == "ttl"
    assert server.pki.keys == {}
    assert server.settle({**MESH, "ttl": "9d"}) == ["create"]
    server.tables["sys/mounts"]["above/"]["config"]["default_lease_ttl"] = 20 * DAY
    undeclared = {name: value for name, value in MESH.items() if name != "ttl"}
    (outcome,) = server.run({**undeclared, "name": "other", "common_name": "Other"}, check=True)
    assert outcome.error is None, "what nobody declared ends with the CA above"


def test_a_life_is_granted_below_a_ca_that_is_made_in_the_same_run(server: Server) -> None:
    server.tables["sys/mounts"]["above/"]["config"]["default_lease_ttl"] = 20 * DAY
    undeclared = {name: value for name, value in MESH.items() if name != "ttl"}
    assert server.settle({**ROOT, "ttl": "10d"}, undeclared) == ["create", "create"]


@pytest.mark.parametrize("mount", ["above", "pki"], ids=["root", "intermediate"])
def test_what_is_replaced_keeps_its_key_and_is_called_by_its_print(server: Server, mount: str) -> None:
    server.settle(ROOT, {**MESH, "default": True})
    engine, name = (server.above, "root") if mount == "above" else (server.pki, "mesh")
    old = engine.named(name)
    again = {**(ROOT if mount == "above" else MESH), "organization": ["New"]}
    (refusal,) = server.run(again)
    assert refusal.error is not None and refusal.error.field == "on_mismatch"
    (action,) = server.settle({**again, "on_mismatch": "replace"})
    assert action == "replace"
    new = engine.named(name)
    assert new["issuer_id"] != old["issuer_id"] and old["issuer_id"] in engine.issuers
    assert old["issuer_name"].startswith(f"{name}-") and len(old["issuer_name"]) == len(name) + 9
    assert engine.config["default"] == new["issuer_id"], "a default stays one"
    names = {engine.keys[held["key_id"]]["key_name"] for held in (old, new)}
    assert names == {name, old["issuer_name"]}


def test_a_run_that_ended_before_the_certificate_is_continued_with_its_key(server: Server) -> None:
    server.settle(ROOT)
    server.on("post", "above/issuer/root/sign-intermediate", lambda _path, _body: refused(400, "try later"))
    (failed,) = server.run(MESH)
    assert failed.error is not None and len(server.pki.keys) == 1
    server._handlers.pop(0)
    assert server.settle(MESH) == ["create"]
    assert len(server.pki.keys) == 1


def test_a_run_that_ended_before_the_naming_is_continued(server: Server) -> None:
    server.settle(ROOT, MESH)
    server.pki.named("mesh")["issuer_name"] = ""
    assert server.settle(MESH) == ["update"]
    assert server.pki.names == ["", "mesh"]


@pytest.mark.parametrize("delete_key", [False, True])
def test_what_is_deleted_takes_its_key_along_where_that_is_declared(server: Server, delete_key: bool) -> None:
    server.settle(ROOT, MESH)
    gone = {"name": "mesh", "state": "absent", "delete_key": delete_key}
    assert server.settle(gone) == ["delete"]
    assert server.pki.names == [""]
    assert (server.pki.keys == {}) is delete_key
    assert server.above.names == ["root"]


@pytest.mark.parametrize("place", ["root/generate/internal", "intermediate/generate/internal", "sign-intermediate"])
def test_what_makes_something_new_is_not_asked_for_twice(server: Server, place: str) -> None:
    if not place.startswith("root"):
        server.settle(ROOT)
    server.on("post", f".*{place}", lambda _path, _body: refused(502, "bad gateway"))
    (outcome,) = server.run(ROOT if place.startswith("root") else MESH)
    assert outcome.error is not None
    assert len([path for _method, path in server.writes if path.endswith(place)]) == 1


def test_a_request_for_a_key_that_waits_may_be_asked_for_twice(server: Server) -> None:
    server.settle(ROOT)
    server.pki._request(
        "pki/intermediate/generate/internal", {**MESH, "key_name": "mesh", "exclude_cn_from_sans": True}
    )
    lost = [refused(502, "bad gateway")]
    server.on("post", "pki/intermediate/generate/existing", lambda _path, _body: lost.pop() if lost else None)
    assert [outcome.error for outcome in server.run(MESH)] == [None]


@pytest.mark.parametrize("item", [ROOT, MESH], ids=["root", "intermediate"])
def test_r22_who_comes_second_has_made_nothing(server: Server, item: Data) -> None:
    """Others make the same issuer between our first look and our first request."""
    if item is MESH:
        server.settle(ROOT)
    place = "above/root/generate/internal" if item is ROOT else "pki/intermediate/generate/internal"
    others: list[str] = []

    def overtake(_path: str, _body: Data) -> None:
        if not others:
            others.append("made")
            assert Server.run(server, item)[0].error is None

    server.on("post", place, overtake)
    (outcome,) = server.run(item)
    assert (outcome.error, outcome.changed) == (None, False)


def test_r22_names_that_others_gave_to_something_else_are_an_error(server: Server) -> None:
    server.settle(ROOT)
    server.on(
        "post", "pki/intermediate/generate/internal", lambda _path, _body: refused(400, "key name already in use")
    )
    (outcome,) = server.run(MESH)
    assert isinstance(outcome.error, Overtaken)
    assert not outcome.changed


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
