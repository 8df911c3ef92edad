# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that replaces the keys of one participant."""

from __future__ import annotations

import json
import typing as t

import pytest

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
        "rotate_keys_jws": {**options, "publish": publish, "prune_custody": True},
        "rotate_keys_participants": list(NAMES),
        **more,
    }
    variables = mesh.base / "variables.json"
    variables.write_text(json.dumps({name: value for name, value in given.items() if value is not None}))
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
    said, kid = foretold.task("Report the rotation").result["msg"], mesh.held("perffsp-1")["kid"]
    assert (said["check_mode"], said["action"], said["previous_kid"]) == (True, "replace", kid)
    unknown = [said[name] for name in ("kid", "created", "window_seconds", "published_to")]
    assert not any(unknown), "a key that would be made is not known"
    assert mesh.held("perffsp-1")["private_key"] == before["perffsp-1"]
    done = _rotate(runner, mesh, participant="perffsp-1", not_before=moment).ok()
    report = done.task("Report the rotation").result["msg"]
    assert (report["participant"], report["action"], report["check_mode"]) == ("perffsp-1", "replace", False)
    assert (report["kid"], report["previous_kid"]) == (mesh.held("perffsp-1")["kid"], kid)
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Name the participant"),
        ({"participant": "hubb"}, "participant: hubb is not a declared participant, did you mean hub?"),
        (
            {"participant": "hub", "not_before": "yesterday", "rotate_keys_notify": ["https://a.example"]},
            "not_before: 'yesterday' is not an instant. Write it like 2026-11-21T14:00:00Z. rotate_keys_events: not "
            "given, but rotate_keys_notify needs it.",
        ),
        ({"participant": "hub", "not_before": "2026-02-30T00:00:00Z"}, "is not an instant"),
    ],
)
def test_nothing_is_guessed(
    runner: Runner, mesh: Mesh, given: dict[str, t.Any], said: str, audit_window: t.Any
) -> None:
    """J3, J8, F7: what cannot be right is refused, all of it at once, before anything is read or changed."""
    with audit_window() as window:
        refused = _rotate(runner, mesh, **given)
    assert refused.rc != 0
    assert said in refused.stdout.replace("\n", " ")
    assert window.requests == []


def test_j3_without_a_declaration_nobody_gets_a_key(runner: Runner, mesh: Mesh, audit_window: t.Any) -> None:
    with audit_window() as window:
        refused = _rotate(runner, mesh, participant="hubb1", rotate_keys_participants=None)
    assert refused.rc != 0
    assert "hubb1 is not a declared participant, and there is no signing key of that name" in refused.stdout
    assert window.writes == []


def test_j8_the_keys_have_a_connection_of_their_own(runner: Runner, run_module: t.Any, mesh: Mesh) -> None:
    """J8: what jws_key is given reaches every step; a plan that fails comes before the first change."""
    run_module("jws_key", {**mesh.connection, **mesh.args()}).ok()
    moment = moment_after(mesh, "hub")
    before = mesh.held("hub")["kid"]
    options = {name: value for name, value in mesh.args().items() if name != "participants"}
    options["publish"][0].pop("audiences")
    incomplete = {**options, "publish": [*options["publish"], {"kind": "kv", "mount": "kv"}]}
    given: dict[str, t.Any] = {"participant": "hub", "not_before": moment, "rotate_keys_vault": {}}
    failed = _rotate(runner, mesh, **given, rotate_keys_jws={**mesh.connection, **incomplete})
    assert failed.rc != 0
    assert "publish[2].path: not given" in failed.stdout
    assert mesh.held("hub")["kid"] == before
    _rotate(runner, mesh, **given, rotate_keys_jws={**mesh.connection, **options}).ok()
    assert mesh.held("hub")["kid"] != before


def test_a_place_with_another_key_fails_the_playbook(runner: Runner, run_module: t.Any, mesh: Mesh) -> None:
    run_module("jws_key", {**mesh.connection, **mesh.args()}).ok()
    stray = mesh.base / "hub" / "trust" / "PERFFSP-1.pem"
    stray.write_text((mesh.base / "hub" / "trust" / "perffsp-1.pem").read_text())
    failed = _rotate(runner, mesh, participant="perffsp-1")
    assert failed.rc != 0
    assert failed.task("Look whether every place has the key in use").status == "failed"
