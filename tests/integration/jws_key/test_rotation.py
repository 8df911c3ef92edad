# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation drill: old signatures are refused after the cut-over and new ones accepted, by two hands."""

from __future__ import annotations

import datetime
import json
import os
import typing as t

from tests.rigs.mcm import Manager
from tests.rigs.node import Peer, PeerError

from .conftest import Mesh

Module = t.Callable[..., t.Any]


def moment_after(mesh: Mesh, name: str) -> str:
    """Return the first whole second after a key was made, once it has come."""
    created = datetime.datetime.fromisoformat(mesh.held(name)["created"].replace("Z", "+00:00"))
    moment = created + datetime.timedelta(seconds=1)
    mesh.vault.wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) >= moment, what="the next second")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _peer_accepts(peer: Peer, mesh: Mesh, receiver: str, request: dict[str, t.Any]) -> set[bool]:
    """Return what the versions of the reference library say, which read the same directory."""
    headers = {name.lower(): value for name, value in request["headers"].items()}
    arrived = {"headers": headers, "body": json.loads(request["body"])}
    answers = set()
    for version in ("19.18.8", "19.19.1"):
        try:
            answers.add(bool(peer.call("jws.validate", version=version, keys=mesh.trust(receiver), request=arrived)))
        except PeerError:
            answers.add(False)
    return answers


def test_old_signatures_are_refused_after_the_cut_over_and_new_ones_accepted(
    run_module: Module, mesh: Mesh, peer: Peer
) -> None:
    args = {**mesh.connection, **mesh.args()}
    run_module("jws_key", args).ok()
    old = mesh.signed("perffsp-1", "hub", mesh.held("perffsp-1")["private_key"])
    others = mesh.signed("perffsp-2", "hub", mesh.held("perffsp-2")["private_key"])
    assert mesh.accepts("hub", old)
    moment = moment_after(mesh, "perffsp-1")
    args["participants"][1]["not_before"] = moment
    done = run_module("jws_key", args).ok()
    assert [item["action"] for item in done.result["results"]] == ["none", "replace", "none"]
    key = done.result["results"][1]["key"]
    assert 0 < key["window_seconds"] < 30
    assert key["previous"] == 1
    new = mesh.signed("perffsp-1", "hub", mesh.held("perffsp-1")["private_key"])
    for receiver in ("hub", "perffsp-2"):
        assert not mesh.accepts(receiver, old)
        assert mesh.accepts(receiver, new)
    assert mesh.accepts("hub", others)
    assert _peer_accepts(peer, mesh, "hub", old) == {False}
    assert _peer_accepts(peer, mesh, "hub", new) == {True}
    assert not run_module("jws_key", args).ok().changed, "a second run changes nothing"


def test_a_place_that_cannot_be_written_stops_the_cut_over_and_the_next_run_completes_it(
    run_module: Module, mesh: Mesh
) -> None:
    args = {**mesh.connection, **mesh.args()}
    run_module("jws_key", args).ok()
    before = mesh.held("perffsp-1")
    args["participants"][1]["not_before"] = moment_after(mesh, "perffsp-1")
    trust = mesh.base / "perffsp-2" / "trust"
    os.rename(trust, mesh.base / "aside")
    os.symlink("/proc/trust", trust)
    failed = run_module("jws_key", args)
    assert failed.failed
    held = mesh.held("perffsp-1")
    assert held["private_key"] == before["private_key"], "still signs with the key that everybody has or had"
    os.unlink(trust)
    os.rename(mesh.base / "aside", trust)
    done = run_module("jws_key", args).ok()
    assert mesh.held("perffsp-1")["private_key"] != before["private_key"]
    assert mesh.held("perffsp-1")["private_key"] == held["next"]["private_key"], "completed, not begun anew"
    request = mesh.signed("perffsp-1", "hub", mesh.held("perffsp-1")["private_key"])
    assert mesh.accepts("hub", request)
    assert mesh.accepts("perffsp-2", request)
    assert done.result["results"][1]["action"] == "replace"


def test_a_manager_that_refuses_a_key_stops_the_cut_over(run_module: Module, mesh: Mesh) -> None:
    with Manager(["perffsp-1"], token="of-the-manager-0123") as manager:
        mcm = {"kind": "mcm", "url": manager.url, "hub": "hub", "token": "of-the-manager-0123"}
        args = {**mesh.connection, **mesh.args("hub", "perffsp-1")}
        args["publish"].append(mcm)
        run_module("jws_key", args).ok()
        assert manager.store["hub-jws-certs"]["publicKey"] == mesh.held("hub")["public_key"]
        seen = len(manager.writes)
        assert not run_module("jws_key", args).ok().changed
        assert len(manager.writes) == seen
        before = mesh.held("perffsp-1")
        failed = run_module("jws_key", {**args, "algorithm": "ES256", "on_mismatch": "replace"})
        assert failed.failed
        assert "state INVALID" in failed.msg
        held = mesh.held("perffsp-1")
        assert held["private_key"] == before["private_key"], "the new key is not used"
        assert "of-the-manager-0123" not in failed.stdout


def test_trap_jws_2_a_manager_without_the_participant_is_told(run_module: Module, mesh: Mesh) -> None:
    with Manager() as manager:
        args = {**mesh.connection, **mesh.args("perffsp-1")}
        args["publish"] = [{"kind": "mcm", "url": manager.url}]
        failed = run_module("jws_key", args)
        assert "Create the participant in the connection manager first" in failed.msg
