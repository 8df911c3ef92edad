# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What keeps even root from giving a name to another file: it is a mount point, or protected (chattr(1)).

One call of statx(2) tells all of it. It is asked before the first file of a group gets its name, so that a group takes
effect whole or not at all, and before anything is made that exists only once.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import typing as t

from .attributes import FileFailure

#: linux/fcntl.h and linux/stat.h.
_AT_SYMLINK_NOFOLLOW: t.Final = 0x100
_AT_EMPTY_PATH: t.Final = 0x1000
_ROOM: t.Final = 256
_ATTRIBUTES: t.Final = slice(8, 16)
_MOUNT_ROOT: t.Final = 0x2000
_UNPROTECTED: t.Final = "See lsattr. Take the attribute away with chattr, or leave the file out."
_OBSTACLES: t.Final[t.Mapping[int, tuple[str, str]]] = {
    _MOUNT_ROOT: (
        "is mounted by itself, so that no other file can take its place",
        "Mount the directory that holds it instead, or unmount it.",
    ),
    0x10: ("is protected from every change (immutable)", _UNPROTECTED),
    0x20: ("may only grow (append-only)", _UNPROTECTED),
}


def refuse_obstacles(folder: int, name: str, path: str) -> None:
    """Raise :class:`FileFailure` when what has a name in an open directory cannot be replaced."""
    _refuse(_attributes(folder, name, _AT_SYMLINK_NOFOLLOW), path)


def refuse_protected(folder: int, path: str) -> None:
    """Raise :class:`FileFailure` when names in an open directory cannot be changed; it may well be a mount point."""
    _refuse(_attributes(folder, "", _AT_EMPTY_PATH) & ~_MOUNT_ROOT, path)


def _refuse(attributes: int, path: str) -> None:
    for attribute, (problem, remedy) in _OBSTACLES.items():
        if attributes & attribute:
            raise FileFailure(problem, field=path, remedy=remedy)


@functools.lru_cache(maxsize=1)
def _statx() -> t.Any:
    try:
        return ctypes.CDLL(None).statx
    except (OSError, AttributeError):
        return None


def _attributes(folder: int, name: str, flags: int) -> int:
    """Return the attributes of a file, none where there is no file or no such call."""
    room = ctypes.create_string_buffer(_ROOM)
    statx = _statx()
    if statx is None or statx(folder, os.fsencode(name), flags, 0, room) != 0:
        return 0
    return int.from_bytes(room.raw[_ATTRIBUTES], sys.byteorder)
