# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers of an engine that makes keys and certificates, from their first run to their last, as a module runs them."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.errors import InvalidInput, Overtaken
from plugins.module_utils._vault.errors import NoIssuer
from tests.unit.vault.memory import Data, Reply, refused
from tests.unit.vault_pki.subjects import DAY
from tests.unit.vault_pki.working import MESH, ROOT, Server


def test_a_hierarchy_is_made_in_one_run_in_order(server: Server) -> None:
    mesh = {**MESH, "usage": ["issuing-certificates"], "default": True, "max_path_length": 0, "organization": ["Hub"]}
    assert [outcome.error for outcome in server.run({**ROOT, "max_path_length": 1}, mesh)] == [None, None]
    assert server.vault.warnings == [], "what is declared is no news"
    assert server.settle({**ROOT, "max_path_length": 1}, mesh) == ["none", "none"]
    assert (server.above.names, server.pki.names) == (["root"], ["", "mesh"]), "what is above comes along"
    held = server.pki.named("mesh")
    assert held["usage"] == "issuing-certificates,read-only"
    assert server.pki.config == {"default": held["issuer_id"], "default_follows_latest_issuer": False}
    assert [key["key_name"] for key in server.pki.keys.values()] == ["mesh"]
    assert held["ca_chain"][1:] == [server.above.named("root")["certificate"]]


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


def test_a_life_that_a_server_grants_and_does_not_cut_is_refused_below_a_ca_of_the_same_run(server: Server) -> None:
    """OpenBao signs beyond the end of the issuer, and the CA would be of no use from then on."""
    schema: Data = {"openapi": {"components": {"schemas": {"Any": {"properties": {"ttl": {}}}}}}}
    server._help = lambda _path: (200, schema)  # type: ignore[method-assign]
    server.tables["sys/mounts"]["above/"]["config"]["default_lease_ttl"] = 20 * DAY
    undeclared = {name: value for name, value in MESH.items() if name != "ttl"}
    root, mesh = server.run({**ROOT, "ttl": "10d"}, undeclared)
    assert root.error is None
    assert isinstance(mesh.error, InvalidInput) and mesh.error.field == "ttl"
    assert server.pki.keys == {}
