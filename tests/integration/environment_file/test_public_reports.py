# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about Ansible itself, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import pathlib
import typing as t


def test_the_result_file_of_a_task_in_the_background_holds_no_secret(play: t.Any, tmp_path: pathlib.Path) -> None:
    """ansible/ansible#41576: what everybody may read below the directory of such tasks showed arguments."""
    jobs, secret = tmp_path / "jobs", "not-minted-4f1c9e"
    file = {"path": str(tmp_path / "x.env"), "secrets": [{"name": "S", "value": secret}]}
    done = play(
        [
            {
                "name": "Start",
                "trustmesh.security.environment_file": {"files": [file, {**file, "path": "/nowhere/x.env"}]},
                "async": 60,
                "poll": 0,
                "register": "job",
            },
            {
                "name": "Wait",
                "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
                "register": "end",
                "until": "end.finished",
                "retries": 100,
                "delay": 0.2,
                "ignore_errors": True,
            },
        ],
        env={"ANSIBLE_ASYNC_DIR": str(jobs)},
        diff=True,
    )
    assert done.task("Wait").result["summary"]["create"] == 1
    assert (tmp_path / "x.env").read_text().count(secret) == 1
    (job,) = (path for path in jobs.iterdir() if path.is_file())
    assert secret not in job.read_text() and secret not in done.stdout
