# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.certificate.conftest import engine, estate, make_engine

__all__ = ["engine", "estate", "make_engine"]

#: A user of no name, so that no account has to be made.
UID: t.Final = 54321
_RUN = """
import sys, runpy
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE, sys.argv = sys.stdin.buffer.read(), "legacy", ["module"]
runpy.run_module(f"ansible_collections.trustmesh.security.plugins.modules.{sys.argv_name}", run_name="__main__")
"""


@dataclass(frozen=True)
class Person:
    """A service user with a home that everybody may pass."""

    home: pathlib.Path
    python: str
    collections: str

    def give(self, path: pathlib.Path) -> pathlib.Path:
        """Make something the user's own."""
        os.chown(path, UID, UID, follow_symlinks=False)
        return path

    def run(self, script: str) -> str:
        """Run a script of the shell as the user."""
        done = subprocess.run(
            [*self._as_user(), "sh", "-c", script],
            capture_output=True,
            text=True,
            cwd=self.home,
            check=False,
            timeout=60,
        )
        return (done.stdout + done.stderr).strip()

    def module(self, name: str, args: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run a module as the user, as become does."""
        code = _RUN.replace("{sys.argv_name}", name)
        given = {**args, "_ansible_remote_tmp": str(self.home)}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PYTHONPATH": self.collections}
        done = subprocess.run(
            [*self._as_user(), self.python, "-c", code],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
            capture_output=True,
            text=True,
            cwd="/",
            env=environment,
            check=False,
            timeout=120,
        )
        assert done.stdout.strip(), done.stderr
        return t.cast("dict[str, t.Any]", json.loads(done.stdout))

    @staticmethod
    def _as_user() -> list[str]:
        return ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]


@pytest.fixture
def person(runner: t.Any) -> Iterator[Person]:
    """A service user; below /tmp itself, since pytest keeps its own directories from everybody else."""
    if os.geteuid() != 0:
        pytest.skip("takes root")
    top = pathlib.Path(tempfile.mkdtemp(prefix="trustmesh-root-"))
    top.chmod(0o755)
    copy = top / "collections"
    shutil.copytree(runner.collections, copy)
    subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
    home = top / "home"
    home.mkdir()
    os.chown(home, UID, UID)
    yield Person(home, runner.python, str(copy))
    shutil.rmtree(top)
