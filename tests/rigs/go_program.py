# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that other projects publish as Go modules, built once and kept outside the checkout.

A recipe is a folder beside this file with ``go.mod`` and ``go.sum``, and programs of ours in folders of their own. What
it stands for is in the cache under a hash of these, so that a changed recipe is built anew and nothing else twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

from tests.rigs.process import MissingPartError, RigError

RECIPES = pathlib.Path(__file__).parent
BUILD_DEADLINE = 900.0


def go_program(recipe: str, package: str) -> pathlib.Path:
    """Return the program that ``package`` makes, with the versions of ``recipe``; builds it when it is not cached."""
    folder = RECIPES / recipe
    files = [folder / "go.mod", folder / "go.sum", *sorted(folder.glob("*/*.go"))]
    program = cache_folder(recipe, files) / package.rpartition("/")[2]
    if program.exists():
        return program
    go = find_go()
    program.parent.mkdir(parents=True, exist_ok=True)
    with (program.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers of one test run want it at the same time
        if not program.exists():
            _build(go, folder, package, program)
    return program


def find_go() -> str:
    """Return the path of ``go``."""
    go = shutil.which("go")
    if go is None:
        raise MissingPartError("go is not on the path (https://go.dev/dl, or Debian's golang-go)")
    return go


def cache_folder(name: str, recipe: list[pathlib.Path]) -> pathlib.Path:
    """Return where what is made from a recipe is kept."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in recipe)).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
    return pathlib.Path(base) / "trustmesh-rigs" / f"{name}-{digest}"


def _build(go: str, folder: pathlib.Path, package: str, program: pathlib.Path) -> None:
    """Build beside the final name and rename, so that a build that was cut short is not taken for a program."""
    unfinished = program.with_name(f"{program.name}.{os.getpid()}")
    argv = [go, "build", "-trimpath", "-mod=readonly", "-ldflags=-s -w", "-o", str(unfinished), package]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=BUILD_DEADLINE, check=False)
    if done.returncode != 0:
        raise RigError(f"{package} was not built:\n{done.stderr[-2000:]}")
    unfinished.rename(program)
