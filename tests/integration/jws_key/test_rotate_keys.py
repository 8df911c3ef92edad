# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that replaces the keys of one participant."""

from __future__ import annotations

import json
import typing as t

from tests.rigs.runner import PlayResult, Runner

from .conftest import NAMES, Mesh
from .test_rotation import moment_after

PLAYBOOK = "trustmesh.security.rotate_keys"


def _rotate(runner: Runner, mesh: Mesh, *, check: bool = False, **more: t.Any) -> PlayResult:
    options = {name: value for name, value in mesh.args().items() if name != "participants"}
    publish = [{**place, "prune": True} for place in options["publish"]]
    publish[0].pop("audiences")
    given = {
        "rotate_keys_vault": mesh.connection,
        "rotate_keys_jws": {**options, "publish": publish},
        "rotate_keys_participants": list(NAMES),
        **more,
    }
    variables = mesh.base / "variables.json"
    variables.write_text(json.dumps(given))
    return runner.playbook(PLAYBOOK, check=check, arguments=["-e", f"@{variables}"], name="rotate_keys")


def test_one_participant_is_rotated_once_and_the_window_is_reported(
    runner: Runner, run_module: t.Any, mesh: Mesh
) -> None:
    run_module("jws_key", {**mesh.connection, **mesh.args()}).ok()
    before = {name: mesh.held(name)["private_key"] for name in NAMES}
    today = _rotate(runner, mesh, participant="perffsp-1").ok()
    assert today.changed == 0, "by default keys made since the beginning of the day are left alone"

    moment = moment_after(mesh, "perffsp-1")
    foretold = _rotate(runner, mesh, participant="perffsp-1", not_before=moment, check=True).ok()
    assert foretold.changed == 1
    assert mesh.held("perffsp-1")["private_key"] == before["perffsp-1"]
    done = _rotate(runner, mesh, participant="perffsp-1", not_before=moment).ok()
    report = done.task("Report the rotation").result["msg"]
    assert (report["participant"], report["action"]) == ("perffsp-1", "replace")
    assert 0 < float(report["window_seconds"]) < 30
    after = {name: mesh.held(name)["private_key"] for name in NAMES}
    assert after["perffsp-1"] != before["perffsp-1"]
    assert [name for name in NAMES if after[name] != before[name]] == ["perffsp-1"]
    assert set(mesh.trust("hub")) == {"perffsp-1", "perffsp-2"}, "nobody is pruned"
    request = mesh.signed("perffsp-1", "hub", after["perffsp-1"])
    assert mesh.accepts("hub", request)
    assert mesh.accepts("perffsp-2", request)
    again = _rotate(runner, mesh, participant="perffsp-1", not_before=moment).ok()
    assert again.changed == 0


def test_without_a_participant_nothing_is_guessed(runner: Runner, mesh: Mesh) -> None:
    refused = _rotate(runner, mesh)
    assert refused.rc != 0
    assert "Name the participant" in refused.stdout


def test_a_place_with_another_key_fails_the_playbook(runner: Runner, run_module: t.Any, mesh: Mesh) -> None:
    run_module("jws_key", {**mesh.connection, **mesh.args()}).ok()
    stray = mesh.base / "hub" / "trust" / "PERFFSP-1.pem"
    stray.write_text((mesh.base / "hub" / "trust" / "perffsp-1.pem").read_text())
    failed = _rotate(runner, mesh, participant="perffsp-1")
    assert failed.rc != 0
    assert failed.task("Look whether every place has the key in use").status == "failed"
