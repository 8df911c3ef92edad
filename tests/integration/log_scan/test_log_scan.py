# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in the logs of a host are found, and neither result nor output repeats them."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.rigs.plants import Plants


@pytest.fixture
def logs(tmp_path: pathlib.Path, canary: t.Any) -> pathlib.Path:
    """Logs with secrets that must not turn up in what the module says."""
    folder = tmp_path / "log"
    folder.mkdir()
    lines = [
        f"login password={canary()}",
        f'request {{"Authorization": "Bearer {canary()}"}}',
        f"connecting to postgres://hub:{canary()}@db.example/hub next to {canary('word-')}",
        "nothing here",
    ]
    (folder / "api.log").write_text("".join(f"{line}\n" for line in lines))
    (folder / "clean.log").write_text("nothing here\n")
    return folder


@pytest.mark.parametrize("check", [True, False], ids=["check", "apply"])
def test_it_finds_and_does_not_repeat(run_module: t.Any, logs: pathlib.Path, check: bool) -> None:
    done = run_module("log_scan", {"paths": [str(logs)]}, check=check)
    assert not done.failed, done.result
    assert not done.changed
    api, clean = done.result["results"]
    assert [(finding["rule"], finding["line"]) for finding in api["findings"]] == [
        ("password-field", 1),
        ("authorization-header", 2),
        ("url-password", 3),
    ]
    assert (api["ok"], clean["ok"], clean["lines"]) == (False, True, 1)
    assert done.result["summary"]["problems"] == 1


def test_in_a_play(play: t.Any, logs: pathlib.Path) -> None:
    tasks = [
        {"trustmesh.security.log_scan": {"paths": [f"{logs}/*.log"]}, "register": "logs"},
        {"ansible.builtin.assert": {"that": "logs.summary.findings == 3"}},
    ]
    done = play(tasks)
    assert done.rc == 0, done.tail()
    assert done.changed == 0


def test_a_missing_file_fails_after_the_others(run_module: t.Any, logs: pathlib.Path) -> None:
    done = run_module("log_scan", {"paths": [f"{logs}/none.log", f"{logs}/clean.log"]})
    assert done.failed
    assert "none.log: there is no such file on this host" in done.result["msg"]
    assert done.result["results"][1]["ok"]


def test_a_private_key_in_one_line(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "k.log"
    key = Plants(1).private_key()
    log.write_text("key " + key.replace("\n", "\\n") + "\n")
    (finding,) = run_module("log_scan", {"paths": [str(log)]}).result["results"][0]["findings"]
    assert (finding["rule"], finding["excerpt"]) == ("private-key", "key [private-key]")
