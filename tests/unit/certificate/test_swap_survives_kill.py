# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pair swap is killed (SIGKILL) before each of its system calls in turn: never a mismatched pair (trap 31)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# One process imports the code once and forks a child for each swap, so that hundreds of kills take seconds.
DRIVER = textwrap.dedent(
    """
    import datetime, json, os, signal, sys
    from ansible_collections.trustmesh.security.plugins.module_utils._certificate import generation
    from ansible_collections.trustmesh.security.plugins.module_utils._certificate.layout import LAYOUT_OPTIONS, Layout
    from ansible_collections.trustmesh.security.plugins.module_utils._certificate.look import look
    from ansible_collections.trustmesh.security.plugins.module_utils._core.files import FileTransaction

    def swap(directory, label, style, fatal):
        calls = 0
        def mortal(function):
            def call(*arguments, **options):
                nonlocal calls
                calls += 1
                if calls == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)
            return call
        for name in ("open", "mkdir", "symlink", "replace", "unlink", "rmdir", "chown", "chmod", "write", "fsync"):
            setattr(os, name, mortal(getattr(os, name)))
        item = {name: option.get("default") for name, option in LAYOUT_OPTIONS.items()}
        item.update(name="switch", directory=directory)
        if style == "flat":
            item.update(key_file="certs/{name}-key.pem", certificate_file="certs/{name}-cert.pem")
        layout = Layout.declared(item)
        transaction = FileTransaction()
        contents = {role: f"{role} of {label}".encode() for role in ("key", "certificate", "chain", "fullchain", "ca")}
        with transaction.group("switch") as group:
            now = datetime.datetime(2026, 11, 21, 9, 0, int(label))
            generation.stage(group, layout, contents, keep=2, now=now, seen=look(layout))
        failures = transaction.commit()
        assert not failures, failures

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                swap(*json.loads(line))
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    """
)

PATHS = {
    "nested": ("switch/key.pem", "switch/cert.pem"),
    "flat": ("certs/switch-key.pem", "certs/switch-cert.pem"),
}


Swap = Callable[..., int]


@pytest.fixture(scope="module")
def swap() -> Iterator[Swap]:
    """Return a function that swaps in a generation, killed before its n-th system call if told so."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdin is not None and driver.stdout is not None
        stdin, stdout = driver.stdin, driver.stdout

        def run(directory: Path, label: str, style: str, fatal: int = 0) -> int:
            stdin.write(json.dumps([str(directory), label, style, fatal]) + "\n")
            stdin.flush()
            status = int(stdout.readline())
            assert status in (0, -signal.SIGKILL)
            return status

        yield run
        stdin.close()


def _visible(directory: Path, style: str) -> tuple[str | None, str | None]:
    """Return the labels of the visible key and certificate; ``None`` where nothing can be read."""
    labels = []
    for path in PATHS[style]:
        try:
            labels.append((directory / path).read_text().rpartition(" ")[2])
        except FileNotFoundError:
            labels.append(None)
    return labels[0], labels[1]


def _prepare(swap: Swap, directory: Path, start: str, style: str) -> None:
    if start == "ours":
        assert swap(directory, "1", style) == 0
    if start == "foreign":
        for path, role in zip(PATHS[style], ("key", "certificate")):
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(f"{role} of 1")


@pytest.mark.parametrize("style", ["nested", "flat"])
@pytest.mark.parametrize("start", ["nothing", "ours", "foreign"])
def test_trap_31_no_kill_leaves_a_mismatched_pair(swap: Swap, tmp_path: Path, start: str, style: str) -> None:
    before = "1" if start != "nothing" else None
    survivors = []
    for fatal in range(1, 600):
        directory = tmp_path / str(fatal)
        directory.mkdir()
        _prepare(swap, directory, start, style)
        killed = swap(directory, "2", style, fatal)
        key, certificate = _visible(directory, style)
        assert key == certificate, f"killed before call {fatal}: key of {key} beside certificate of {certificate}"
        assert key in (before, "2")
        survivors.append(key)
        assert swap(directory, "3", style) == 0
        assert _visible(directory, style) == ("3", "3"), "the next run completes"
        assert not list(directory.rglob("*.tmp")), "and clears up what the killed one left"
        if killed == 0:
            break
    else:
        pytest.fail("the swap never ran to its end")
    assert fatal > 15, "so few calls mean that the kill is not where the writing is"
    assert survivors[-1] == "2"
    assert before in survivors


def test_the_foreign_pair_is_kept_as_a_generation(swap: Swap, tmp_path: Path) -> None:
    _prepare(swap, tmp_path, "foreign", "nested")
    assert swap(tmp_path, "2", "nested") == 0
    kept = [path.read_text() for path in (tmp_path / ".trustmesh/switch").glob("g-*/key.pem")]
    assert sorted(kept) == ["key of 1", "key of 2"]


def test_only_the_last_generations_are_kept(swap: Swap, tmp_path: Path) -> None:
    for label in ("1", "2", "3", "4"):
        assert swap(tmp_path, label, "nested") == 0
    kept = [path.read_text() for path in (tmp_path / ".trustmesh/switch").glob("g-*/key.pem")]
    assert sorted(kept) == ["key of 3", "key of 4"]


def test_modes_are_in_place_before_the_names_are(swap: Swap, tmp_path: Path) -> None:
    assert swap(tmp_path, "1", "nested") == 0
    assert (tmp_path / "switch/key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "switch/cert.pem").stat().st_mode & 0o777 == 0o644
