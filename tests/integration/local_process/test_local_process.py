# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Background processes, started and stopped for real."""

from __future__ import annotations

import http.client
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from tests.integration.ladder import Ladder
from tests.integration.local_process.sandbox import Sandbox, accepts, alive
from tests.rigs.process import free_port, wait_until

RunModule = t.Callable[..., t.Any]


def test_ladder(ladder: Ladder, sandbox: Sandbox) -> None:
    rungs = ladder.climb("local_process", sandbox.args(), tamper=sandbox.kill, absent=sandbox.stopped, server=False)
    assert rungs["create"].items[0]["reasons"] == ["is not running"]
    assert rungs["mend"].items[0]["action"] == "create"
    assert "has ended" in rungs["mend"].items[0]["reasons"][0]
    assert not accepts(sandbox.port)
    assert not sandbox.pid_file.exists()


def test_check_mode_starts_and_writes_nothing(run_module: RunModule, sandbox: Sandbox) -> None:
    before = sorted(path.name for path in sandbox.directory.iterdir())
    assert run_module("local_process", sandbox.args(), check=True).ok().changed
    assert sorted(path.name for path in sandbox.directory.iterdir()) == before
    assert not accepts(sandbox.port)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chdir": "/"}, "chdir is"),
        ({"environment": {"COLOUR": "red"}}, "environment.COLOUR"),
        ({"watch_files": []}, "is no longer watched"),
    ],
)
def test_what_differs_starts_it_anew(
    run_module: RunModule, sandbox: Sandbox, changes: dict[str, t.Any], reason: str
) -> None:
    run_module("local_process", sandbox.args()).ok()
    first = sandbox.pid
    item = run_module("local_process", sandbox.args(**changes)).ok().result["results"][0]
    assert item["action"] == "replace"
    assert any(reason in text for text in item["reasons"]), item["reasons"]
    assert sandbox.pid != first
    assert not alive(first)
    assert not run_module("local_process", sandbox.args(**changes)).ok().changed


def test_a_changed_configuration_starts_it_anew(run_module: RunModule, sandbox: Sandbox) -> None:
    run_module("local_process", sandbox.args()).ok()
    first = sandbox.pid
    sandbox.config.write_text("two\n")
    foretold = run_module("local_process", sandbox.args(), check=True).ok().result["results"][0]
    assert foretold["reasons"] == [f"{sandbox.config} changed since the process was started"]
    assert sandbox.pid == first
    assert run_module("local_process", sandbox.args()).ok().result["results"][0]["action"] == "replace"
    assert sandbox.pid != first
    assert accepts(sandbox.port)


def test_a_secret_of_the_environment_is_nowhere_but_in_the_process(
    run_module: RunModule, sandbox: Sandbox, canary: t.Callable[..., str]
) -> None:
    one, other = canary(), canary()
    started = run_module("local_process", sandbox.args(secret_environment={"TOKEN": one}), diff=True).ok()
    assert f"TOKEN={one}".encode() in pathlib.Path(f"/proc/{sandbox.pid}/environ").read_bytes().split(b"\0")
    assert one not in sandbox.pid_file.read_text() + started.stdout
    assert sandbox.pid_file.stat().st_mode & 0o777 == 0o600
    assert sandbox.log_file.stat().st_mode & 0o777 == 0o600
    assert not run_module("local_process", sandbox.args(secret_environment={"TOKEN": one})).ok().changed
    changed = run_module("local_process", sandbox.args(secret_environment={"TOKEN": other}), diff=True).ok()
    assert changed.result["results"][0]["reasons"] == ["environment.TOKEN differs"]
    assert f"TOKEN={other}".encode() in pathlib.Path(f"/proc/{sandbox.pid}/environ").read_bytes().split(b"\0")


def test_the_callers_environment_stays_behind(run_module: RunModule, sandbox: Sandbox) -> None:
    run_module("local_process", sandbox.args(), env={"VAULT_ADDR": "https://vault.example.com"}).ok()
    names = {
        entry.partition(b"=")[0] for entry in pathlib.Path(f"/proc/{sandbox.pid}/environ").read_bytes().split(b"\0")
    }
    assert b"PATH" in names
    assert b"VAULT_ADDR" not in names


def test_a_recycled_pid_is_left_alone(run_module: RunModule, sandbox: Sandbox) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        run_module("local_process", sandbox.args()).ok()
        ours = sandbox.pid
        sandbox.kill()
        # What the kernel does when it hands the pid out again: the number is somebody else's now.
        sandbox.pid_file.write_text(sandbox.pid_file.read_text().replace(str(ours), str(stranger.pid), 1))
        result = run_module("local_process", sandbox.stopped).ok().result["results"][0]
        assert result["reasons"] == [f"process {stranger.pid} has ended and left its pid file"]
        assert stranger.poll() is None
        assert not sandbox.pid_file.exists()
    finally:
        stranger.kill()
        stranger.communicate()


def test_a_foreign_pid_file_is_refused(run_module: RunModule, sandbox: Sandbox) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        sandbox.pid_file.write_text(f"{stranger.pid}\n")
        for args in (sandbox.args(), sandbox.stopped):
            result = run_module("local_process", args)
            assert result.failed
            assert "was not written by this module" in result.msg
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()


def test_another_boot_means_another_process(run_module: RunModule, sandbox: Sandbox) -> None:
    run_module("local_process", sandbox.args(ready=None)).ok()
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    text = sandbox.pid_file.read_text()
    sandbox.pid_file.write_text(text.replace(boot, "00000000-0000-0000-0000-000000000000"))
    predicted = run_module("local_process", sandbox.args(ready=None), check=True).ok().result["results"][0]
    assert predicted["action"] == "create"
    sandbox.pid_file.write_text(text)


def test_a_taken_port_names_its_holder_and_starts_nothing(run_module: RunModule, sandbox: Sandbox) -> None:
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(sandbox.port), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: accepts(sandbox.port), what="the other server")
        for check in (True, False):
            result = run_module("local_process", sandbox.args(), check=check)
            assert result.failed
            assert f"port {sandbox.port} on 127.0.0.1 is taken by process {other.pid} (python" in result.msg
        assert not sandbox.pid_file.exists()
        assert not sandbox.log_file.exists()
    finally:
        other.kill()
        other.wait()


def test_a_program_that_ends_at_once_fails_with_the_end_of_its_log(run_module: RunModule, sandbox: Sandbox) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('the configuration is wrong')"]
    began = time.monotonic()
    result = run_module("local_process", sandbox.args(argv=argv))
    assert result.failed
    assert "the configuration is wrong" in result.msg
    assert time.monotonic() - began < 20, "it waits for a process that has ended"


def test_a_program_that_never_gets_ready_fails_at_the_deadline(run_module: RunModule, sandbox: Sandbox) -> None:
    argv = [sys.executable, "-c", "import signal; signal.pause()"]
    args = sandbox.args(argv=argv, start_timeout=1)
    result = run_module("local_process", args)
    assert result.failed
    assert f"it is not ready after 1 s: 127.0.0.1:{sandbox.port} does not accept connections" in result.msg
    again = run_module("local_process", args, check=True).ok().result["results"][0]
    assert again["action"] == "update"
    complaint = f"127.0.0.1:{sandbox.port} does not accept connections (Connection refused)"
    assert again["reasons"] == [f"is not ready: {complaint}"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"argv": ["/no/such/program"]}, "processes[0] (web).argv"),
        ({"chdir": "/no/such/directory"}, "processes[0] (web).chdir"),
        ({"ready": {"url": "ftp://127.0.0.1/"}}, "processes[0] (web).ready.url"),
        ({"ready": {"port": 70000}}, "processes[0] (web).ready.port"),
        ({"ready": {}}, "one of the following is required: port, url"),
        ({"log_file": "/no/such/directory/log"}, "/no/such/directory/log"),
    ],
)
def test_bad_input_names_the_option(
    run_module: RunModule, sandbox: Sandbox, changes: dict[str, t.Any], field: str
) -> None:
    result = run_module("local_process", sandbox.args(**changes))
    assert result.failed
    assert field in result.msg
    assert not sandbox.pid_file.exists()


def test_it_waits_for_the_status_of_a_url(run_module: RunModule, sandbox: Sandbox) -> None:
    url = f"http://127.0.0.1:{sandbox.port}/missing"
    args = sandbox.args(ready={"url": url, "status": [404]})
    assert run_module("local_process", args).ok().result["results"][0]["process"]["ready"] is True
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=5)
    connection.request("GET", "/missing")
    assert connection.getresponse().status == 404
    refused = run_module("local_process", sandbox.args(ready={"url": url}, start_timeout=1))
    assert refused.failed
    assert f"{url} answers with HTTP status 404" in refused.msg


def test_stop_ends_children_and_a_process_that_will_not_listen(run_module: RunModule, sandbox: Sandbox) -> None:
    stubborn = (
        "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = os.fork(); print(os.getpid() if child else 'child', flush=True); signal.pause()"
    )
    run_module("local_process", sandbox.args(argv=[sys.executable, "-c", stubborn], ready=None)).ok()
    leader = sandbox.pid
    wait_until(lambda: "child" in sandbox.log_file.read_text(), what="the child")
    family = [
        int(entry.name)
        for entry in pathlib.Path("/proc").iterdir()
        if entry.name.isdigit() and alive(int(entry.name)) and _session(int(entry.name)) == leader
    ]
    assert len(family) == 2
    stop = {"processes": [{**sandbox.stopped["processes"][0], "stop_timeout": 1}]}
    assert run_module("local_process", stop).ok().changed
    assert not any(alive(pid) for pid in family)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def test_it_outlives_the_play_and_its_signals(play: t.Any, sandbox: Sandbox) -> None:
    task = {"name": "start", "trustmesh.security.local_process": sandbox.args()}
    assert play([task]).ok().changed == 1
    assert accepts(sandbox.port)
    assert os.getsid(sandbox.pid) == sandbox.pid
    os.kill(sandbox.pid, signal.SIGHUP)
    wait_until(lambda: not accepts(sandbox.port), what="the effect of the signal")
    assert play([task]).ok().task("start").result["results"][0]["action"] == "create"


def test_after_a_failure_the_rest_is_not_attempted(run_module: RunModule, sandbox: Sandbox) -> None:
    broken = sandbox.item(
        name="broken",
        pid_file=str(sandbox.directory / "broken.pid"),
        argv=[sys.executable, "-c", "raise SystemExit(1)"],
        ready={"port": free_port()},
    )
    result = run_module("local_process", {"processes": [broken, sandbox.item()]})
    assert result.failed
    assert "not attempted" in result.result["results"][1]["msg"]
    assert not sandbox.pid_file.exists()
