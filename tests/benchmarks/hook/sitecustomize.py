# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count processes: write one line for every Python program that starts and for every child that one makes.

Python imports a module of this name at start when it is on the path. The kernel tells CPU time and memory of a process
tree once it has ended, but not how many processes there were. Off unless ``TRUSTMESH_BENCH_EVENTS`` names a file.
"""

from __future__ import annotations

import os
import sys
import typing as t

CHILDREN = frozenset({"os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"})


def _install(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, b"interpreter\n")

    def hook(event: str, _arguments: tuple[t.Any, ...]) -> None:
        if event in CHILDREN:
            os.write(descriptor, b"child\n")

    sys.addaudithook(hook)


if os.environ.get("TRUSTMESH_BENCH_EVENTS"):
    _install(os.environ["TRUSTMESH_BENCH_EVENTS"])
