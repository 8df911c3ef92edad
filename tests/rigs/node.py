# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of npm packages: installed once outside the checkout, and asked line by line in one process.

A recipe is a folder beside this file with ``package.json``, ``package-lock.json`` and the program that answers. Its
modules are in the cache under a hash of the first two, so that a changed recipe is installed anew, anything else never.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import typing as t
import weakref

from tests.rigs.go_program import RECIPES, cache_folder
from tests.rigs.process import MissingPartError, RigError, clean_environment

INSTALL_DEADLINE = 600.0
ANSWER_DEADLINE = 60.0
_OPTIONS = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


class PeerError(Exception):
    """The program refused; the message is its own."""


def find(name: str) -> str:
    """Return the path of ``node`` or ``npm``."""
    found = shutil.which(name)
    if found is None:
        raise MissingPartError(f"{name} is not on the path (on Debian: nodejs, npm)")
    return found


def modules(recipe: str) -> pathlib.Path:
    """Return the ``node_modules`` of a recipe; installs them when they are not cached."""
    files = [RECIPES / recipe / name for name in ("package.json", "package-lock.json")]
    folder = cache_folder(recipe, files)
    installed = folder / "node_modules"
    if installed.exists():
        return installed
    npm = find("npm")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers of one test run want them at the same time
        if not installed.exists():
            _install(npm, files, folder)
    return installed


def _install(npm: str, files: list[pathlib.Path], folder: pathlib.Path) -> None:
    """Install beside the final name and rename, so that what was cut short is not taken for an installation."""
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        for path in files:
            shutil.copy(path, unfinished)
        done = subprocess.run(
            [npm, "ci", *_OPTIONS],
            cwd=unfinished,
            capture_output=True,
            text=True,
            timeout=INSTALL_DEADLINE,
            check=False,
        )
        if done.returncode != 0:
            raise RigError(f"npm did not install {folder.name}:\n{done.stderr[-2000:]}")
        (pathlib.Path(unfinished) / "node_modules").rename(folder / "node_modules")


class Lines:
    """A program that answers each line on its standard input with one on its output. Usable as a context manager."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the program
        # It ends with its input, however this process ends.
        self._child = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment
        )
        self._unread = b""
        self._finalizer = weakref.finalize(self, _end, self._child)

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        self._finalizer()

    def ask(self, line: str) -> str:
        """Return its answer to a line."""
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(line.encode() + b"\n")
        stdin.flush()
        while b"\n" not in self._unread:
            ready, _writable, _failed = select.select([stdout], [], [], ANSWER_DEADLINE)
            read = os.read(stdout.fileno(), 1 << 20) if ready else b""
            if not read:
                raise RigError(f"no answer from {self._child.args!r}\n{self._complaint()}")
            self._unread += read
        answer, _newline, self._unread = self._unread.partition(b"\n")
        return answer.decode()

    def _complaint(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:]


def _end(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(5)


class Peer(Lines):
    """The program of a recipe: ``Peer("sdk_standard_components").call("jws.sign", version="19.18.8", ...)``."""

    def __init__(self, recipe: str, program: str = "peer.js") -> None:
        environment = clean_environment(NODE_PATH=str(modules(recipe)))
        super().__init__([find("node"), str(RECIPES / recipe / program)], environment)

    def call(self, name: str, **given: t.Any) -> t.Any:
        """Return the value of a call; raises `PeerError` when the program refuses."""
        # ASCII: halves of surrogate pairs go over as escapes, as JSON allows them.
        answer = json.loads(self.ask(json.dumps({"call": name, **given})))
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer["value"]
