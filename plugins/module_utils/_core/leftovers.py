# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Temporary names, and which of them a process left that no longer runs.

A temporary name says which process made it and in which world of process numbers (boot and pid namespace), because the
same number means another process in a container beside this one, or on another host of a shared file system. Within one
world the process is asked for; a name from elsewhere counts as left when it has not been written for an hour.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import secrets
import time
import typing as t

from .attributes import FileFailure
from .kernel import kernel_link, kernel_text
from .places import Directory
from .reading import names_in
from .removal import remove_entry

_ABANDONED = 3600
_TEMPORARY = re.compile(r"\.trustmesh-([0-9a-f]{8})-(\d+)-[0-9a-f]+\.tmp")
#: As earlier releases made them, which do not say where the process ran.
_FORMER = re.compile(r"\.trustmesh-\d+-[0-9a-f]+\.tmp")


def temporary_name() -> str:
    """Return a name that nobody else has."""
    return f".trustmesh-{_world()}-{os.getpid()}-{secrets.token_hex(6)}.tmp"


def remove_leftovers(folder: Directory) -> None:
    """Remove the temporary files and directories of processes that no longer run."""
    with contextlib.suppress(OSError, FileFailure):
        for name in leftovers(folder, names_in(folder)):
            remove_entry(folder, name)


def leftovers(folder: Directory, names: t.Iterable[str]) -> list[str]:
    """Return those of the names in a directory that are temporary and were left by processes that no longer run."""
    shaped = [name for name in names if name.startswith(".trustmesh-") and name.endswith(".tmp")]
    return [name for name in shaped if _is_left(folder, name)]


def _is_left(folder: Directory, name: str) -> bool:
    made = _TEMPORARY.fullmatch(name)
    if made is None and not _FORMER.fullmatch(name):
        return False
    if made is not None and made.group(1) == _world():
        return not _runs(int(made.group(2)))
    return time.time() - folder.stat(name).st_mtime > _ABANDONED


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


@functools.lru_cache(maxsize=1)
def _world() -> str:
    """Return what tells apart the places where process numbers mean different processes."""
    boot, namespace = kernel_text("sys", "kernel", "random", "boot_id"), kernel_link("self", "ns", "pid")
    return hashlib.sha256(f"{os.uname().nodename}/{boot}/{namespace}".encode()).hexdigest()[:8]
