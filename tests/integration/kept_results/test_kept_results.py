# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible keeps of a run (facts in a cache, results of asynchronous tasks) holds no secret."""

from __future__ import annotations

import json
import pathlib
import typing as t
from collections.abc import Callable

from tests.rigs.canary import Canaries, refuse
from tests.rigs.process import wait_until


def test_fact_caches_and_asynchronous_results_hold_no_secret(
    play: t.Any, tmp_path: pathlib.Path, canary: Callable[..., str], canaries: Canaries
) -> None:
    secrets = [{"name": name, "value": canary()} for name in ("PASSWORD", "TOKEN")]
    files = {"files": [{"path": str(tmp_path / "a.env"), "secrets": secrets}]}
    keys = {"custody": "files", "directory": str(tmp_path / "keys"), "clients": [{"name": "a"}]}
    cache, kept, sent = (tmp_path / name for name in ("cache", "async", "sent"))
    tasks = [
        {"name": "a file", "trustmesh.security.environment_file": files, "register": "file"},
        {"name": "a key", "trustmesh.security.api_key": keys, "register": "key"},
        {
            "name": "later",
            "trustmesh.security.environment_file": {**files, "mode": "0640"},
            "async": 60,
            "poll": 0,
            "register": "job",
        },
        {
            "name": "wait",
            "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "waited",
            "until": "waited is finished",
            "retries": 100,
            "delay": 0.2,
        },
        {
            "name": "keep",
            "ansible.builtin.set_fact": {"kept": "{{ [file, key, waited] }}", "cacheable": True},
        },
    ]
    done = play(
        tasks,
        env={
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(cache),
            "ANSIBLE_ASYNC_DIR": str(kept),
            "ANSIBLE_REMOTE_TEMP": str(sent),
        },
    ).ok()
    assert done.task("wait").result["changed"]
    cached = json.loads(next(path for path in cache.rglob("*") if path.is_file()).read_text())
    assert "PASSWORD" in json.dumps(cached) and list(kept.iterdir())
    written = next((tmp_path / "keys").glob(".trustmesh-api_key/a/*/api_key"))
    canaries.record(written.read_text().strip(), "api key")
    # Ansible itself puts the arguments of such a task into a directory of its user alone, and looks every five seconds
    # whether it may go.
    wait_until(lambda: not list(sent.glob("*/AnsiballZ_*")), 30, "the end of the asynchronous task")
    refuse(canaries.search_trees([cache, kept, sent]))
