# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation drill passes, is recorded, leaves nothing behind, and tells when it was too long ago."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest

from tests.rigs.runner import PlayResult, Runner

from .conftest import spelled

PLAYBOOK = "trustmesh.security.rotation_drill"


@pytest.fixture
def drill(runner: Runner, tmp_path: pathlib.Path) -> t.Any:
    """A function that runs the playbook with a record, in a temporary directory of its own."""
    (tmp_path / "scratch").mkdir()

    def run(**given: t.Any) -> PlayResult:
        variables = tmp_path / "variables.json"
        variables.write_text(json.dumps({"rotation_drill_record": str(tmp_path / "drill.json"), **given}))
        env = {"TMPDIR": str(tmp_path / "scratch")}
        return runner.playbook(PLAYBOOK, arguments=["-e", f"@{variables}"], env=env, name="rotation_drill")

    return run


def ago(days: int) -> str:
    return spelled(datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days))


def report(play: PlayResult) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", play.task("Report the drill and the last rotations").result["msg"])


def test_pk_47_a_drill_passes_and_is_recorded(drill: t.Any, tmp_path: pathlib.Path) -> None:
    unknown = drill(rotation_drill_only_look=True)
    assert unknown.rc != 0
    assert report(unknown)["problems"] == ["no drill has passed yet"]
    done = drill(rotation_drill_algorithm="ES256").ok()
    written = json.loads((tmp_path / "drill.json").read_text())
    assert report(done)["drill"] == written
    assert (written["algorithm"], written["passed_at"] > ago(1)) == ("ES256", True)
    assert 0 < written["window_seconds"] <= written["seconds"] < 120
    assert list((tmp_path / "scratch").glob("rotation-drill-*")) == [], "the keys are thrown away"
    looked = drill(rotation_drill_only_look=True).ok()
    assert looked.changed == 0
    assert report(looked)["problems"] == []


@pytest.mark.parametrize("content", [None, "{}", '{"jws_key": {}}'])
def test_j1_a_record_without_any_rotation_is_no_success(
    drill: t.Any, tmp_path: pathlib.Path, content: str | None
) -> None:
    """J1: nothing was looked at, be it for want of the file or of what it holds."""
    record = tmp_path / "record.json"
    if content is not None:
        record.write_text(content)
    (tmp_path / "drill.json").write_text(json.dumps({"passed_at": ago(1)}))
    told = drill(rotation_drill_only_look=True, rotation_drill_rotations=str(record))
    assert told.rc != 0
    assert f"no rotation is recorded in {record}" in told.stdout


def test_pk_47_what_is_too_long_ago_is_told(drill: t.Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "drill.json").write_text(json.dumps({"passed_at": ago(93)}))
    stamps = {"perffsp-1": ago(32).replace("Z", ".213Z"), "perffsp-2": ago(30)}
    (tmp_path / "record.json").write_text(
        json.dumps({"jws_key": stamps, "vault_transit_key": {"hub": ago(40).replace("Z", "+00:00")}})
    )
    told = drill(rotation_drill_only_look=True, rotation_drill_rotations=str(tmp_path / "record.json"))
    assert told.rc != 0
    assert [problem.partition(" at ")[0] for problem in report(told)["problems"]] == [
        "the last drill passed",
        "jws_key of perffsp-1 was replaced last",
        "vault_transit_key of hub was replaced last",
    ]
