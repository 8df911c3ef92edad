# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation is killed (SIGKILL) before each of its system calls in turn: no signer ever uses what nobody was given."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# One process imports the code once and forks a child for each run, so that hundreds of kills take seconds.
DRIVER = textwrap.dedent(
    """
    import datetime, json, os, pathlib, signal, sys, traceback
    from tests.unit.keyring.ring import Ring

    def run(directory, days, fatal):
        ring = Ring(pathlib.Path(directory), names=("hub", "dfsp-1"))
        ring.later(days=days)
        calls = 0
        def mortal(function):
            def call(*arguments, **options):
                nonlocal calls
                calls += 1
                if calls == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)
            return call
        for name in ("open", "mkdir", "symlink", "replace", "unlink", "rmdir", "chmod", "write", "fsync"):
            setattr(os, name, mortal(getattr(os, name)))
        outcomes = ring.run(max_age="30d", keep_previous="7d")
        failures = [str(outcome.error) for outcome in outcomes if outcome.error]
        assert not failures, failures

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run(*json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    """
)
Run = Callable[..., int]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Return a function that reconciles two owners some days later, killed before its n-th system call if told so."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        stdin, stdout = driver.stdin, driver.stdout

        def once(directory: Path, days: int, fatal: int = 0) -> int:
            stdin.write(json.dumps([str(directory), days, fatal]) + "\n")
            stdin.flush()
            status = int(stdout.readline())
            assert status in (0, -signal.SIGKILL)
            return status

        yield once
        stdin.close()


def _record(directory: Path) -> dict[str, object]:
    held: dict[str, object] = json.loads((directory / "keys/.trustmesh-word/hub/current/record.json").read_text())
    return held


def _seen(directory: Path) -> tuple[str, list[str]]:
    """Return the word that the signer uses, and those that verifiers know."""
    trusted = [directory / "trust" / "hub.pem", directory / "dfsp-1" / "trust" / "hub.pem"]
    return (directory / "keys" / "hub.key").read_text(), [path.read_text() for path in trusted]


def test_a_kill_between_the_steps_of_a_rotation_is_completed_by_the_next_run(run: Run, tmp_path: Path) -> None:
    stages = set()
    start = tmp_path / "start"
    assert run(start, 0) == 0
    before, _trusted = _seen(start)
    for fatal in range(1, 400):
        directory = tmp_path / str(fatal)
        shutil.copytree(start, directory, symlinks=True)
        killed = run(directory, 31, fatal)
        word, trusted = _seen(directory)
        if word != before:
            assert trusted == [f"public {word}"] * 2, f"killed before call {fatal}: a key is used that is not published"
        held = _record(directory)
        following = held.get("next")
        stages.add((following is not None, word != before, trusted[0] != f"public {before}"))
        assert run(directory, 31) == 0
        after, trusted = _seen(directory)
        assert after != before
        assert trusted == [f"public {after}"] * 2, "the next run completes"
        if isinstance(following, dict):
            assert after == following["private_key"], "with the key that was made already"
        if word != before:
            assert after == word, "and makes none anew"
        assert not list(directory.rglob("*.tmp")), "and clears up what the killed one left"
        if killed == 0:
            break
    else:
        pytest.fail("the rotation never ran to its end")
    assert fatal > 30, "so few calls mean that the kill is not where the writing is"
    assert stages == {
        (False, False, False),  # nothing done yet
        (True, False, False),  # made, not published
        (True, False, True),  # published, not used
        (False, True, True),  # used
    }
