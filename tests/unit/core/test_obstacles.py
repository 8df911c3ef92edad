# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nobody can replace is refused before anything is written: mount points, immutable and append-only files."""

from __future__ import annotations

import ctypes
import os
import pathlib
import sys
import typing as t
from collections.abc import Iterator

import pytest

from plugins.module_utils._core import obstacles
from plugins.module_utils._core.attributes import Attributes, FileFailure
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.obstacles import refuse_obstacles, refuse_protected

#: statx(2), linux/stat.h.
IMMUTABLE, APPEND, MOUNT_ROOT = 0x10, 0x20, 0x2000


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Iterator[int]:
    """An open directory with a file and a link to a mount point."""
    (tmp_path / "file").write_text("as it was")
    (tmp_path / "link").symlink_to("/proc")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_mount_point_is_not_replaced_and_takes_new_files(folder: int) -> None:
    """The kernel itself says so of /proc; a link to it is a file like any other."""
    root = os.open("/", os.O_RDONLY)
    try:
        with pytest.raises(FileFailure, match="/proc: is mounted by itself"):
            refuse_obstacles(root, "proc", "/proc")
    finally:
        os.close(root)
    for name in ("file", "link", "none"):
        refuse_obstacles(folder, name, name)
    mounted = os.open("/proc", os.O_RDONLY)
    try:
        refuse_protected(mounted, "/proc")
    finally:
        os.close(mounted)


@pytest.fixture
def attributed(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[int], list[tuple[t.Any, ...]]]:
    """A function that lets the kernel give some attributes, and returns what it is asked."""

    def give(attributes: int) -> list[tuple[t.Any, ...]]:
        asked: list[tuple[t.Any, ...]] = []

        def statx(folder: int, name: bytes, flags: int, mask: int, room: t.Any) -> int:
            asked.append((folder, name, flags, mask))
            ctypes.memmove(ctypes.addressof(room) + 8, attributes.to_bytes(8, sys.byteorder), 8)
            return 0

        monkeypatch.setattr(obstacles, "_statx", lambda: statx)
        return asked

    return give


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        (IMMUTABLE, "is protected from every change"),
        (APPEND | 0x4, "may only grow"),
        (MOUNT_ROOT, "is mounted by itself"),
        (0x4 | 0x800, None),
    ],
)
def test_each_obstacle_is_named(
    folder: int, attributed: t.Callable[[int], list[tuple[t.Any, ...]]], attributes: int, problem: str | None
) -> None:
    asked = attributed(attributes)
    for refuse, given in ((refuse_obstacles, (folder, "file", "path")), (refuse_protected, (folder, "path"))):
        if problem is None or (refuse is refuse_protected and attributes == MOUNT_ROOT):
            refuse(*given)
        else:
            with pytest.raises(FileFailure, match=f"^path: {problem}"):
                refuse(*given)
    assert asked == [(folder, b"file", 0x100, 0), (folder, b"", 0x1000, 0)]


def test_where_the_kernel_cannot_be_asked_nothing_is_refused(folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obstacles, "_statx", lambda: None)
    refuse_obstacles(folder, "file", "file")


def test_nothing_is_staged_in_a_directory_that_is_protected(
    tmp_path: pathlib.Path, attributed: t.Callable[[int], list[tuple[t.Any, ...]]]
) -> None:
    """The new file would stay: what may only grow takes it, and gives it back to nobody."""
    attributed(APPEND)
    with pytest.raises(FileFailure, match="may only grow"), FileTransaction().group("one") as group:
        group.put(f"{tmp_path}/file", b"secret", Attributes())
    assert list(tmp_path.iterdir()) == []
