# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is short of is named for what it is (kind 9: full, read-only, killed)."""

from __future__ import annotations

import errno
import os
import types
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core import attributes
from plugins.module_utils._core.attributes import FileFailure, unforeseen
from plugins.module_utils._core.errors import Defect
from plugins.module_utils._core.files import Attributes, FileTransaction, put_file


def _fails_to_write(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def write(_descriptor: int, _content: t.Any) -> t.NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full. Free some space."),
        (
            errno.EDQUOT,
            "a disk quota is used up, of space or of files. See which one (quota). Remove files, or raise it.",
        ),
        (
            errno.EMFILE,
            "the limit for open files of this process is reached. Raise it (ulimit -n, LimitNOFILE= of a service), and "
            "run again.",
        ),
        (
            errno.EFBIG,
            "the limit for the size of a file is reached. Raise it (ulimit -f, LimitFSIZE= of a service), or choose "
            "another file system.",
        ),
        (
            errno.ENOMEM,
            "the memory is used up. Free some, or raise its limit (ulimit -v, MemoryMax= of a service).",
        ),
        (errno.ENFILE, "the limit for open files of this system is reached. Raise fs.file-max, and run again."),
    ],
)
def test_each_shortage_has_its_name_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    _fails_to_write(monkeypatch, number)
    path = f"{tmp_path}/x"
    with pytest.raises(FileFailure) as caught:
        put_file(path, b"content", Attributes())
    assert str(caught.value) == f"{path}: {said}"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("files", "free_files", "free_blocks", "lacks_inodes"),
    [(10, 0, 5, True), (1, 0, 1, True), (10, 1, 5, False), (10, 0, 0, False), (0, 0, 5, False)],
)
def test_a_lack_of_inodes_is_told_from_a_full_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: int,
    free_files: int,
    free_blocks: int,
    lacks_inodes: bool,
) -> None:
    """A file system that does not count files says 0 of 0."""
    asked: list[str] = []

    def statvfs(path: str) -> t.Any:
        asked.append(path)
        os.stat(path)
        return types.SimpleNamespace(f_files=files, f_favail=free_files, f_bavail=free_blocks)

    monkeypatch.setattr(os, "statvfs", statvfs)
    said = str(attributes.failure(f"{tmp_path}/new/deep/x", OSError(errno.ENOSPC, "No space left on device")))
    assert ("no inode left" in said) is lacks_inodes
    assert ("the disk is full" in said) is not lacks_inodes
    assert asked[-1] == str(tmp_path)


def test_what_cannot_be_looked_at_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> t.NoReturn:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "statvfs", refuse)
    said = attributes.failure(f"{tmp_path}/x", OSError(errno.ENOSPC, "No space left on device"))
    assert said.problem == "the disk is full"


def test_what_any_library_runs_short_of_is_no_defect() -> None:
    for number in (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM):
        said = unforeseen(OSError(number, os.strerror(number), "/etc/ssl/ca.pem"))
        assert isinstance(said, FileFailure) and said.field == "/etc/ssl/ca.pem"
    said = unforeseen(MemoryError())
    assert not isinstance(said, Defect) and "the memory is used up" in str(said)
    for error in (OSError(errno.EIO, "Input/output error"), ValueError("x"), RuntimeError("no new thread")):
        with pytest.raises(type(error)) as caught:
            raise error
        assert isinstance(unforeseen(caught.value), Defect)


def test_a_tree_is_removed_although_nothing_more_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(*_arguments: t.Any, **_more: t.Any) -> t.NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def collect() -> None:
        with FileTransaction().group("it") as group:
            tree = group.tree(f"{tmp_path}/tree")
            tree.write("one", b"secret", Attributes())
            group.put(f"{tmp_path}/file", b"secret", Attributes())
            group.link(f"{tmp_path}/link", "tree")
            monkeypatch.setattr(os, "open", refuse)
            tree.write("two", b"secret", Attributes())

    with pytest.raises(FileFailure, match="the limit for open files"):
        collect()
    monkeypatch.setattr(os, "open", real)
    assert not list(tmp_path.iterdir())
