# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores below a directory of a service user, and two runs at once in one of them (R2 to R6, R11, R19)."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import typing as t

import pytest

from .conftest import Estate

NAME = "a.svc.example"
STRANGER = 12345
DRIVER = """import sys, runpy
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE, sys.argv = sys.stdin.buffer.read(), "legacy", ["x"]
runpy.run_module("ansible_collections.trustmesh.security.plugins.modules.%s", run_name="__main__")"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")


def _at_once(collection: pathlib.Path, module: str, args: dict[str, t.Any], count: int) -> list[dict[str, t.Any]]:
    given = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
    running = []
    for _turn in range(count):
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER % module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(collection)},
        )
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
        process.stdin = None
        running.append(process)
    return [json.loads(process.communicate(timeout=120)[0]) for process in running]


def _pour(handle: t.BinaryIO) -> None:
    while True:
        handle.write(bytes(4096))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _home(path: pathlib.Path) -> pathlib.Path:
    path.mkdir(parents=True)
    os.chown(path, STRANGER, STRANGER)
    return path


def _jws(directory: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    participants = [{"name": f"fsp-{number}"} for number in range(3)]
    return {"custody": "files", "directory": str(directory), "algorithm": "ES256", "participants": participants, **more}


@needs_root
@pytest.mark.parametrize("path", [".trustmesh", f".trustmesh/{NAME}", f".trustmesh/{NAME}/current"])
def test_r2_a_store_that_is_a_link_is_refused(
    run_module: t.Any, estate: Estate, tmp_path: pathlib.Path, path: str
) -> None:
    args = {}
    for who in ("victim", "thief"):
        directory = _home(tmp_path / who)
        args[who] = estate.args({"name": NAME}, directory=str(directory), owner=str(STRANGER))
        run_module("certificate", args[who]).ok()
    key = (tmp_path / f"victim/{NAME}/key.pem").read_bytes()
    stolen = tmp_path / "thief" / path
    stolen.rename(tmp_path / "thief/old")
    stolen.symlink_to(os.path.realpath(tmp_path / "victim" / path))
    os.chown(stolen, STRANGER, STRANGER, follow_symlinks=False)
    for item in ({"name": NAME}, {"name": NAME, "state": "absent"}):
        refused = run_module("certificate", {**args["thief"], "certificates": [item]})
        assert refused.failed and str(stolen) in refused.msg
        assert "link" in refused.msg or "out of this store" in refused.msg
    assert (tmp_path / f"victim/{NAME}/key.pem").read_bytes() == key


@needs_root
def test_r2_a_custody_that_is_a_link_or_a_strangers_is_refused(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    for who in ("victim", "thief"):
        run_module("jws_key", _jws(_home(tmp_path / who), owner=str(STRANGER))).ok()
    store = tmp_path / "thief/.trustmesh-jws_key"
    store.rename(tmp_path / "thief/old")
    store.symlink_to(tmp_path / "victim/.trustmesh-jws_key")
    refused = run_module("jws_key", _jws(tmp_path / "thief", owner=str(STRANGER)))
    assert refused.failed and "symbolic link" in refused.msg
    store.unlink()
    (tmp_path / "thief/old").rename(store)
    os.chown(store, STRANGER + 1, STRANGER + 1)
    refused = run_module("jws_key", _jws(tmp_path / "thief", owner=str(STRANGER)))
    assert refused.failed and "belongs to another user" in refused.msg


@needs_root
def test_r3_what_a_stranger_left_is_refused_or_kept_as_it_was(
    run_module: t.Any, estate: Estate, tmp_path: pathlib.Path
) -> None:
    directory = _home(tmp_path / "app")
    args = estate.args({"name": NAME}, directory=str(directory), owner=str(STRANGER))
    run_module("certificate", args).ok()
    (tmp_path / "root-only").write_text("ROOT-ONLY")
    chain = directory / NAME / "chain.pem"
    os.chown(chain.parent, STRANGER, STRANGER)
    chain.unlink()
    chain.symlink_to(tmp_path / "root-only")
    refused = run_module("certificate", args)
    assert refused.failed and f"{chain}: is a symbolic link" in refused.msg
    chain.unlink()
    os.link(tmp_path / "root-only", chain)
    refused = run_module("certificate", args)
    assert refused.failed and "second name (hard link)" in refused.msg
    chain.unlink()
    os.mkfifo(chain)
    refused = run_module("certificate", args)
    assert refused.failed and "is a named pipe" in refused.msg
    chain.unlink()
    chain.write_text("PRIVATE")
    chain.chmod(0o600)
    assert run_module("certificate", args).ok().changed
    kept = [path for path in (directory / ".trustmesh" / NAME).glob("g-*/chain.pem") if path.read_text() == "PRIVATE"]
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]
    assert not run_module("certificate", args).ok().changed


def test_r4_two_runs_at_once_lose_no_key(collection: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for _turn in range(4):
        results = _at_once(collection, "jws_key", _jws(tmp_path / "jws", not_before=_now()), 3)
        assert not [result["msg"] for result in results if result.get("failed")]
        for number in range(3):
            assert "PRIVATE KEY" in (tmp_path / f"jws/fsp-{number}.key").read_text()
        time.sleep(1.01)  # `not_before` is given in seconds


def test_r6_runs_at_once_issue_once_and_leave_a_pair(
    run_module: t.Any, collection: pathlib.Path, estate: Estate
) -> None:
    for number in range(4):
        args = estate.args({"name": NAME}, not_before=_now(), keep_generations=1)
        results = _at_once(collection, "certificate", args, 3)
        assert not [result["msg"] for result in results if result.get("failed")]
        assert sum(result["changed"] for result in results) == 1, f"round {number}: the others find it done"
        assert not run_module("certificate", args).ok().changed
        time.sleep(1.01)


def test_r6_a_run_that_waits_too_long_names_the_store(
    estate: Estate, run_module: t.Any, collection: pathlib.Path
) -> None:
    run_module("certificate", estate.args({"name": NAME})).ok()
    store = estate.directory / ".trustmesh"
    keeper = (
        f"import fcntl, sys; handle = open({str(store / '.lock')!r}, 'a'); fcntl.flock(handle, fcntl.LOCK_EX); "
        "print('held', flush=True); sys.stdin.read()"
    )
    locks = "ansible_collections.trustmesh.security.plugins.module_utils._core.locks"
    hasty = f"import {locks} as locks\nlocks.PATIENCE = 0.3\n{DRIVER}"
    with subprocess.Popen([sys.executable, "-c", keeper], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        done = subprocess.run(
            [sys.executable, "-c", hasty % "certificate"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": estate.args({"name": NAME})}).encode(),
            capture_output=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(collection)},
            check=False,
        )
        result = json.loads(done.stdout)
        assert result["failed"] and f"{store}: another run has been working there" in result["msg"]
        assert run_module("certificate", estate.args({"name": NAME}), check=True).ok(), "looking needs no lock"
        process.communicate()


@pytest.mark.parametrize("mask", [0o000, 0o027, 0o077])
def test_r11_the_umask_changes_nothing(run_module: t.Any, estate: Estate, tmp_path: pathlib.Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        run_module("certificate", estate.args({"name": NAME})).ok()
        run_module("jws_key", _jws(tmp_path / "jws")).ok()
    finally:
        os.umask(before)
    for base in (estate.directory, tmp_path / "jws"):
        modes = {path.stat().st_mode & 0o7777 for path in (base, *base.rglob("*")) if path.is_dir()}
        assert modes == {0o755}


@needs_root
def test_r11_directories_of_a_store_are_mended_and_others_told(run_module: t.Any, estate: Estate) -> None:
    args = estate.args({"name": NAME}, owner=str(STRANGER))
    run_module("certificate", args).ok()
    for path, mode in ((".trustmesh", 0o777), (f".trustmesh/{NAME}", 0o700)):
        (estate.directory / path).chmod(mode)
        mended = run_module("certificate", args).ok()
        assert f"mode of {estate.directory / path} is {mode:04o}, needed 0755" in mended.result["results"][0]["reasons"]
        assert (estate.directory / path).stat().st_mode & 0o777 == 0o755
    (estate.directory / NAME).chmod(0o700)
    told = run_module("certificate", args).ok()
    assert not told.changed
    assert any(f"{estate.directory / NAME} has mode 0700" in text for text in told.result["results"][0]["warnings"])


@needs_root
def test_r19_a_full_disk_issues_nothing_and_leaves_no_key(
    run_module: t.Any, estate: Estate, tmp_path: pathlib.Path, audit_window: t.Any
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        run_module("certificate", estate.args({"name": NAME}, directory=str(small / "tls"))).ok()
        with (small / "full").open("wb", buffering=0) as handle, pytest.raises(OSError, match="No space left"):
            _pour(handle)
        os.truncate(small / "full", (small / "full").stat().st_size - 4096)
        time.sleep(1.01)
        with audit_window() as window:
            refused = run_module(
                "certificate", estate.args({"name": NAME}, directory=str(small / "tls"), not_before=_now())
            )
        assert refused.failed and "the disk is full" in refused.msg
        assert not [request for request in window.writes if "/sign/" in request.path]
        left = sorted(path.name for path in (small / f"tls/.trustmesh/{NAME}").iterdir())
        assert len(left) == 2 and left[0] == "current" and re.match("g-", left[1])
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_r7_a_living_certificate_that_was_superseded_stays_without_its_key(run_module: t.Any, estate: Estate) -> None:
    """A repair does not push it out either."""
    serials = []
    for _turn in range(3):
        args = estate.args({"name": NAME}, not_before=_now(), keep_generations=1)
        serials.append(run_module("certificate", args).ok().result["results"][0]["certificate"]["serial"])
        time.sleep(1.01)
    done = run_module("certificate", {**args, "mode": "0640"}).ok()
    assert done.changed
    previous = done.result["results"][0]["certificate"]["previous"]
    assert len(previous) == 2, "each that lives once; the one in force is not among them"
    for entry in previous:
        assert os.listdir(os.path.dirname(entry["certificate_file"])) == ["cert.pem"]
    keys = list((estate.directory / ".trustmesh" / NAME).glob("g-*/key.pem"))
    assert len(keys) == 1
