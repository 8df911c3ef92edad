# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How names are taken and given up where a system says something else than Linux does, or others are faster."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core import places, removal, staging
from plugins.module_utils._core.attributes import Attributes, FileFailure
from plugins.module_utils._core.errors import certain
from plugins.module_utils._core.files import FileTransaction, put_file


def _failing(code: int) -> t.Callable[..., t.NoReturn]:
    def fail(*_given: t.Any, **_more: t.Any) -> t.NoReturn:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("make", "code", "removed"),
    [
        (Path.mkdir, errno.EISDIR, True),
        (Path.mkdir, errno.EPERM, True),
        (Path.mkdir, errno.EACCES, False),
        (Path.touch, errno.EPERM, False),
        (Path.touch, errno.EISDIR, False),
        (Path.touch, errno.EROFS, False),
        (Path.touch, errno.ENOENT, None),
    ],
)
def test_only_a_directory_is_removed_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: t.Callable[[Path], None], code: int, removed: bool | None
) -> None:
    make(tmp_path / "it")
    folder = places.directory(str(tmp_path))
    monkeypatch.setattr(os, "unlink", _failing(code))
    if removed is False:
        with pytest.raises(OSError, match=os.strerror(code)):
            removal.remove_entry(folder, "it")
    else:
        removal.remove_entry(folder, "it")
    assert (tmp_path / "it").exists() is not bool(removed)


def test_a_directory_that_others_removed_first_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full/inner").mkdir(parents=True)
    folder = places.directory(str(tmp_path))
    rmdir = os.rmdir

    def faster(name: str, *, dir_fd: int) -> None:
        rmdir(name, dir_fd=dir_fd)
        raise FileNotFoundError(errno.ENOENT, "gone")

    monkeypatch.setattr(os, "rmdir", faster)
    removal.remove_entry(folder, "empty")
    removal.remove_entry(folder, "full")
    assert list(tmp_path.iterdir()) == []


class _Library:
    """The C library, as far as it is called here; a call is answered with an error, or does not exist."""

    def __init__(self, code: int | None) -> None:
        if code is not None:
            self.renameat2 = lambda *_given: ctypes.set_errno(code) * 0 - 1


@pytest.mark.parametrize(
    ("library", "others"),
    [
        (lambda *_given, **_more: _Library(None), False),
        (_failing(errno.ENOENT), False),
        (lambda *_given, **_more: _Library(errno.EINVAL), False),
        (lambda *_given, **_more: _Library(errno.ENOSYS), True),
        (lambda *_given, **_more: _Library(errno.EEXIST), None),
    ],
)
def test_fresh_never_replaces_where_the_system_has_no_such_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: t.Any, others: bool | None
) -> None:
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.put(f"{tmp_path}/file", b"new", Attributes(), fresh=True)
    if others:
        (tmp_path / "file").write_text("of another run")
    monkeypatch.setattr(ctypes, "CDLL", library)
    failures = transaction.commit()
    if others is False:
        assert not failures
        assert (tmp_path / "file").read_text() == "new"
    else:
        assert "appeared meanwhile" in str(failures["it"])
    assert [path.name for path in tmp_path.iterdir()] == ([] if others is None else ["file"])


@pytest.mark.parametrize("library", [lambda *_given, **_more: _Library(None), _failing(errno.ENOENT)])
def test_where_no_file_system_can_be_flushed_each_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: t.Any
) -> None:
    flushed: list[int] = []
    for number in range(20):
        (tmp_path / str(number)).touch()
    wanted = [staging.Place.of(f"{tmp_path}/{number}") for number in range(20)]
    monkeypatch.setattr(ctypes, "CDLL", library)
    monkeypatch.setattr(os, "fsync", flushed.append)
    staging.flush(wanted, with_files=True)
    assert len(flushed) == 21


def test_what_is_not_fresh_replaces_what_is_there(tmp_path: Path) -> None:
    for name in ("put", "reserved", "linked"):
        (tmp_path / name).write_text("old")
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.put(f"{tmp_path}/put", b"new", Attributes())
        group.reserve(f"{tmp_path}/reserved", b"new", Attributes())
        group.link(f"{tmp_path}/linked", "put")
    assert not transaction.commit()
    assert {(tmp_path / name).read_text() for name in ("put", "reserved", "linked")} == {"new"}


def test_what_is_made_is_made_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, modes = os.open, set()

    def noting(name: t.Any, flags: int, mode: int = 0o777, **more: t.Any) -> int:
        if flags & os.O_CREAT:
            modes.add(mode)
        return opened(name, flags, mode, **more)

    monkeypatch.setattr(os, "open", noting)
    put_file(f"{tmp_path}/file", b"", Attributes(mode=0o644))
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.tree(f"{tmp_path}/tree").write("file", b"", Attributes(mode=0o644))
    assert not transaction.commit()
    assert modes == {0o600}


def test_what_is_written_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system may take less than it is given."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:3]))
    put_file(f"{tmp_path}/file", b"a longer content", Attributes())
    assert (tmp_path / "file").read_bytes() == b"a longer content"


def test_a_directory_that_was_never_opened_is_closed_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    places.Directory.__new__(places.Directory).__del__()
    gone = os.open("/", os.O_RDONLY)
    folder = places.Directory(gone, "/", os.stat("/"), True)
    os.close(gone)
    folder.__del__()
    folder.descriptor = os.open("/", os.O_RDONLY)
    assert said == []


def test_what_has_to_be_there_is() -> None:
    assert certain(0) == 0
    with pytest.raises(AssertionError):
        certain(None)


def test_a_tree_is_named_by_the_path_that_it_will_have(tmp_path: Path) -> None:
    transaction = FileTransaction()
    with (
        pytest.raises(FileFailure, match="the name is too long") as failure,
        transaction.group("it") as group,
    ):
        group.tree(f"{tmp_path}/tree").write("n" * 300, b"", Attributes())
    assert failure.value.field == f"{tmp_path}/tree/{'n' * 300}"
    assert list(tmp_path.iterdir()) == []
