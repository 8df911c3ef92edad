# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running plays and modules: results come back as data, check and diff arrive, nothing of the caller leaks in."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.rigs.process import RigError
from tests.rigs.runner import Runner

TASKS: list[dict[str, t.Any]] = [
    {"name": "Fine", "ansible.builtin.ping": {}},
    {"name": "Many", "ansible.builtin.command": {"cmd": "echo {{ item }}"}, "loop": ["a", "b"]},
    {"name": "Left out", "ansible.builtin.ping": {}, "when": False},
    {"name": "Broken", "ansible.builtin.fail": {"msg": "on purpose"}, "ignore_errors": True},
    {"name": "Hidden", "ansible.builtin.ping": {"data": "quiet"}, "no_log": True},
]


def test_play_returns_each_task(runner: Runner) -> None:
    done = runner.play(TASKS).ok()
    assert [(task.task, task.status, task.item) for task in done.tasks] == [
        ("Fine", "ok", False),
        ("Many", "ok", True),
        ("Many", "ok", True),
        ("Many", "ok", False),
        ("Left out", "skipped", False),
        ("Broken", "failed", False),
        ("Hidden", "ok", False),
    ]
    assert [task.result["stdout"] for task in done.tasks if task.item] == ["a", "b"]
    assert done.task("Broken").ignored
    assert done.task("Broken").result["msg"] == "on purpose"
    assert "ping" not in done.task("Hidden").result
    assert done.changed == 1
    assert done.stats["localhost"]["ignored"] == 1
    with pytest.raises(LookupError, match="no task 'Absent' among"):
        done.task("Absent")


def test_failing_play_returns_its_code(runner: Runner) -> None:
    done = runner.play([{"name": "Broken", "ansible.builtin.fail": {"msg": "on purpose"}}])
    assert done.rc == 2
    assert done.task("Broken").status == "failed"
    with pytest.raises(AssertionError, match="on purpose"):
        done.ok()


def test_check_and_diff_reach_the_task(runner: Runner, tmp_path: pathlib.Path) -> None:
    target = tmp_path / "file"
    copy = {"content": "new\n", "dest": str(target), "mode": "0600"}
    done = runner.play([{"name": "Copy", "ansible.builtin.copy": copy}], check=True, diff=True).ok()
    assert done.task("Copy").changed
    assert done.task("Copy").result["diff"][0]["after"] == "new\n"
    assert not target.exists()


def test_play_uses_the_installed_collection(runner: Runner) -> None:
    done = runner.play([{"name": "Ask for nothing", "trustmesh.security.vault_policy": {}}])
    installed = runner.collections / "ansible_collections" / "trustmesh" / "security"
    assert (installed / "MANIFEST.json").exists(), "installed from a tarball, not a link to the working tree"
    assert f"Using module file {installed}/plugins/modules/vault_policy.py" in done.stdout
    assert "policies" in done.task("Ask for nothing").result["msg"]


def test_callers_environment_stays_out(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "not-for-the-play")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    tasks = [
        {"name": "Look", "ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.env', item, default='none') }}"}}
        | {"loop": ["VAULT_TOKEN", "HTTPS_PROXY", "GIVEN"]}
    ]
    done = runner.play(tasks, env={"GIVEN": "yes"}).ok()
    assert [task.result["msg"] for task in done.tasks if task.item] == ["none", "none", "yes"]


def test_module_gets_arguments_check_and_diff(runner: Runner, tmp_path: pathlib.Path) -> None:
    target = tmp_path / "line"
    args = {"path": str(target), "line": "one", "create": True, "mode": "0600"}
    foretold = runner.module("ansible.builtin.lineinfile", args, check=True, diff=True).ok()
    assert foretold.changed
    assert not target.exists()
    done = runner.module("ansible.builtin.lineinfile", args, diff=True).ok()
    assert "diff" in done.result
    assert done.result["msg"].startswith("line added")
    assert target.read_text() == "one\n"
    assert not runner.module("ansible.builtin.lineinfile", args).ok().changed


def test_failing_module_is_a_result(runner: Runner) -> None:
    done = runner.module("ansible.builtin.ping", {"bogus": 1})
    assert done.failed
    assert "Unsupported parameters" in done.msg
    with pytest.raises(AssertionError, match="Unsupported parameters"):
        done.ok()


def test_module_without_json_is_an_error(runner: Runner) -> None:
    with pytest.raises(RigError, match="printed no JSON"):
        runner.module("trustmesh.security.no_such_module")


def test_module_comes_from_the_installed_collection(runner: Runner) -> None:
    done = runner.module("vault_policy", {"policies": [], "bogus": 1})
    assert done.failed
    assert "bogus" in done.msg
