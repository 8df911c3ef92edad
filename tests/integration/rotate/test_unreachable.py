# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J1: a rotation that did not reach one of its hosts is no success, and the others get their keys all the same."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest

from tests.rigs.process import wait_until
from tests.rigs.runner import PlayResult, Runner

from .conftest import spelled
from .test_emergency import report

NAME = "perffsp-1"
LOST = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


class Keys:
    """One signing key in files, an instant after it was made, and an inventory with a host that nobody reaches."""

    def __init__(self, runner: Runner, base: pathlib.Path) -> None:
        self.runner, self.base = runner, base
        self.options = {
            "custody": "files",
            "directory": str(base / "secret"),
            "algorithm": "ES256",
            "publish": [{"kind": "directory", "path": str(base / "trust")}],
        }
        self.runner.module("jws_key", {**self.options, "participants": [{"name": NAME}]}).ok()
        self.before = self.public.read_text()
        made = self._now()
        wait_until(lambda: self._now() > made, what="the next second")
        self.moment = self._now()
        (base / "lost.yml").write_text(json.dumps({"all": {"hosts": {"lost": LOST}}}))

    @staticmethod
    def _now() -> str:
        return spelled(datetime.datetime.now(datetime.timezone.utc))

    @property
    def public(self) -> pathlib.Path:
        return self.base / "trust" / f"{NAME}.pem"

    def play(self, playbook: str, **given: t.Any) -> PlayResult:
        (self.base / "variables.json").write_text(json.dumps(given))
        arguments = ["-i", str(self.base / "lost.yml"), "-e", f"@{self.base / 'variables.json'}"]
        return self.runner.playbook(f"trustmesh.security.{playbook}", arguments=arguments, name=f"lost {playbook}")


@pytest.fixture
def keys(runner: Runner, tmp_path: pathlib.Path) -> Keys:
    return Keys(runner, tmp_path)


def given_to(playbook: str, keys: Keys, hosts: str) -> dict[str, t.Any]:
    """Return the variables with which a playbook replaces the key on hosts."""
    if playbook == "rotate_all_keys":
        jws = {**keys.options, "participants": [{"name": NAME}]}
        return {"rotate_all_hosts": hosts, "rotate_all_jws_key": jws, "rotation_schedule": 60}
    moment = "compromised_at" if playbook == "emergency_key_rotation" else "not_before"
    one = {"rotate_keys_hosts": hosts, "rotate_keys_jws": keys.options, "rotate_keys_participants": [NAME]}
    return {**one, "participant": NAME, moment: keys.moment}


@pytest.mark.parametrize("hosts", ["localhost:lost", "lost"])
@pytest.mark.parametrize("playbook", ["rotate_keys", "rotate_all_keys", "emergency_key_rotation"])
def test_j1_a_host_that_was_not_reached_fails_the_rotation(keys: Keys, playbook: str, hosts: str) -> None:
    """J1, J4: whether the others were reached or nobody was, the run fails, and an emergency names the host."""
    play = keys.play(playbook, **given_to(playbook, keys, hosts))
    assert play.rc != 0
    assert play.stats["lost"]["unreachable"] == 1, play.tail()
    if hosts != "lost" and playbook != "rotate_all_keys":
        assert keys.public.read_text() != keys.before, "the host that was reached has another key"
    if hosts != "lost" and playbook == "emergency_key_rotation":
        assert [problem.partition(",")[0] for problem in report(play)["problems"]] == [
            "lost: was not reached to the end"
        ]


def test_j1_a_drill_that_reached_nobody_fails(keys: Keys) -> None:
    """J1: neither is it recorded as one that passed."""
    record = keys.base / "drill.json"
    play = keys.play("rotation_drill", rotation_drill_record=str(record), **LOST)
    assert play.rc != 0
    assert play.stats["localhost"]["unreachable"] == 1, play.tail()
    assert not record.exists()
