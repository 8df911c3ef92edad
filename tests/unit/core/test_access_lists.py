# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whoever owns a directory says nothing about who else reads what root writes into it (kind 2)."""

from __future__ import annotations

import errno
import os
import struct
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core.attributes import Attributes
from plugins.module_utils._core.files import FileFailure, put_file
from plugins.module_utils._core.places import make_directory
from tests.unit.core.test_files import write_in_every_way

_HELD = "system.posix_acl_access"
_STRANGER = 65534
_USER, _NAMED, _GROUP, _MASK, _OTHER = 1, 2, 4, 16, 32
_NOBODY: t.Final = 0xFFFFFFFF


def _entry(tag: int, rights: int, whose: int = _NOBODY) -> bytes:
    return struct.pack("<HHI", tag, rights, whose)


@pytest.fixture(name="shared")
def _shared(tmp_path: Path) -> Path:
    """A directory whose owner wants a stranger to have every right to every new file (setfacl -d)."""
    entries = [_entry(_USER, 7), _entry(_NAMED, 7, _STRANGER), _entry(_GROUP, 7), _entry(_MASK, 7), _entry(_OTHER, 0)]
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", struct.pack("<I", 2) + b"".join(entries))
    except (AttributeError, OSError) as error:
        pytest.skip(f"this file system has no access control lists: {error}")
    (tmp_path / "as others make it").write_bytes(b"")
    assert _has_list(tmp_path / "as others make it")
    return tmp_path


def _has_list(path: Path) -> bool:
    return _HELD in os.listxattr(path)


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_directory_gives_nobody_a_right_to_what_is_written_into_it(shared: Path, mode: int) -> None:
    """A key of mode 0640 was readable for whoever the default list of its directory named."""
    write_in_every_way(shared, mode)
    make_directory(f"{shared}/made/below")
    for name in ("put", "reserved", "tree", "tree/file", "made", "made/below"):
        assert not _has_list(shared / name), name
    assert (shared / "put").stat().st_mode & 0o7777 == mode


@pytest.mark.parametrize("number", [errno.ENODATA, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_lists_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    _refuse(monkeypatch, number)
    put_file(f"{tmp_path}/x", b"content", Attributes())
    assert (tmp_path / "x").read_bytes() == b"content"


def test_a_list_that_cannot_be_taken_away_is_a_failure_that_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, errno.EACCES)
    with pytest.raises(FileFailure, match="permission denied"):
        put_file(f"{tmp_path}/x", b"content", Attributes(mode=0o640))
    assert not list(tmp_path.iterdir())


def _refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def remove(_descriptor: int, _name: str) -> t.NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "removexattr", remove, raising=False)
