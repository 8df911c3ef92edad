# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a file, how much, and what is said of that which is not read (R3, R13)."""

from __future__ import annotations

import errno
import os
import stat
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core import files, places, reading, removal
from plugins.module_utils._core.attributes import FileFailure

STRANGER: t.Final = 12345
OTHER: t.Final = 23456
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def test_r13_no_more_than_16_mib_is_read_unless_said_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 16 * 1024 * 1024)
    assert len(files.read_file(str(path)) or b"") == 16 * 1024 * 1024
    os.truncate(path, 16 * 1024 * 1024 + 1)
    with pytest.raises(FileFailure, match="is larger than 16384 KiB, the most that is read of such a file") as failure:
        files.read_file(str(path))
    assert failure.value.field == str(path)
    assert len(files.read_file(str(path), limit=2**25) or b"") == 16 * 1024 * 1024 + 1


@pytest.mark.parametrize(("size", "calls"), [(0, 1), (1, 1), (5000, 1), (100_000, None)])
def test_what_is_as_large_as_it_says_is_not_asked_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, calls: int | None
) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    read, parts = os.read, []
    monkeypatch.setattr(os, "read", lambda *given: parts.append(read(*given)) or parts[-1])
    assert files.read_file(f"{tmp_path}/file") == content
    assert b"" not in parts[1:]
    assert calls is None or len(parts) == calls


def test_r13_what_grows_meanwhile_is_read_to_its_end_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    read = os.read

    def slow(descriptor: int, most: int) -> bytes:
        part = read(descriptor, 2)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with path.open("ab") as more:
                more.write(b"d")
        return part

    monkeypatch.setattr(os, "read", slow)
    with pytest.raises(FileFailure, match="larger than 1 KiB"):
        files.read_file(str(path), limit=1024)


def _read_bit_by_bit(path: str) -> bytes:
    with files.open_file(path) as handle:
        return handle.read()


@needs_root
@pytest.mark.parametrize(
    ("names", "folder", "mode", "owner", "refused"),
    [
        (1, STRANGER, 0o755, 0, False),
        (2, STRANGER, 0o755, 0, True),
        (3, STRANGER, 0o755, OTHER, True),
        (2, STRANGER, 0o755, STRANGER, False),
        (2, STRANGER, 0o777, STRANGER, True),
        (2, STRANGER, 0o1777, STRANGER, True),
        (2, 0, 0o755, STRANGER, False),
        (2, 0, 0o777, STRANGER, True),
        (2, 0, 0o1777, STRANGER, True),
        (2, 0, 0o1777, 0, False),
    ],
)
def test_r3_which_second_names_are_not_read(
    tmp_path: Path, names: int, folder: int, mode: int, owner: int, refused: bool
) -> None:
    """Whoever may link files there can have given one of others a name; with files of his own he may do as he likes."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "file").write_text("content")
    os.chown(home / "file", owner, owner)
    for number in range(1, names):
        os.link(home / "file", tmp_path / f"name{number}")
    os.chown(home, folder, folder)
    home.chmod(mode)
    places._kept.let_go()
    for read in (
        lambda: files.read_file(f"{home}/file"),
        lambda: reading.read_entry(places.directory(str(home)), "file"),
        lambda: _read_bit_by_bit(f"{home}/file"),
    ):
        if not refused:
            assert read()
            continue
        with pytest.raises(FileFailure, match="second name") as failure:
            read()
        assert failure.value.field == f"{home}/file"
        assert f"in a directory of {'root' if folder == 0 else folder}" in str(failure.value)


@needs_root
@pytest.mark.parametrize(
    ("folder", "owner", "mode", "ours"),
    [
        (0, 0, 0o644, True),
        (0, 0, 0o664, False),
        (0, 0, 0o602, False),
        (0, STRANGER, 0o600, False),
        (STRANGER, 0, 0o600, False),
    ],
)
def test_whose_content_it_can_be(tmp_path: Path, folder: int, owner: int, mode: int, ours: bool) -> None:
    home = tmp_path / "home"
    home.mkdir()
    path = home / "file"
    path.write_text("")
    path.chmod(mode)
    os.chown(path, owner, owner)
    os.chown(home, folder, folder)
    found = reading.read_found(str(path))
    assert found is not None
    assert (found.ours, found.status.st_uid) == (ours, owner)


def test_what_is_refused_is_closed_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(bytes(100))
    folder = places.directory(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for attempt in (
        lambda: files.open_file(f"{tmp_path}/pipe").__enter__(),
        lambda: files.read_file(f"{tmp_path}/pipe"),
        lambda: reading.read_entry(folder, "pipe"),
        lambda: files.read_file(f"{tmp_path}/file", limit=10),
        lambda: files.open_to_append(f"{tmp_path}/pipe").__enter__(),
    ):
        with pytest.raises(FileFailure):
            attempt()
    assert reading.names_in(folder) == ["file", "pipe"]
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_entry_is_named_with_its_directory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    folder = places.directory(str(tmp_path))
    for name in ("pipe", "link", "n" * 300):
        with pytest.raises(FileFailure) as failure:
            reading.read_entry(folder, name)
        assert failure.value.field == f"{tmp_path}/{name}"


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (Path.touch, errno.EACCES, "permission denied"),
        (Path.touch, errno.EIO, "Input/output error"),
        (os.mkfifo, errno.EIO, "is a named pipe, not a regular file"),
        (os.mkfifo, errno.EACCES, "permission denied"),
    ],
)
def test_why_a_file_was_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: t.Callable[[Path], None], code: int, said: str
) -> None:
    make(tmp_path / "it")
    opened = os.open

    def refuse(name: t.Any, *given: t.Any, **more: t.Any) -> int:
        if name == "it":
            raise OSError(code, os.strerror(code))
        return opened(name, *given, **more)

    monkeypatch.setattr(os, "open", refuse)
    for attempt in (
        files.read_file,
        lambda path: files.open_file(path).__enter__(),
        lambda path: files.open_to_append(path).__enter__(),
    ):
        with pytest.raises(FileFailure, match=said) as failure:
            attempt(f"{tmp_path}/it")
        assert failure.value.field == f"{tmp_path}/it"


@pytest.mark.parametrize("count", [1, 39, 40, 41, 42])
def test_as_many_links_are_followed_as_by_the_kernel(tmp_path: Path, count: int) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0/file").write_text("content")
    for number in range(1, count + 1):
        (tmp_path / str(number)).symlink_to(str(number - 1))
    (tmp_path / "last").symlink_to("0/file")
    for number in range(1, count):
        (tmp_path / f"last{number}").symlink_to(f"last{number - 1}" if number > 1 else "last")
    directory, file = f"{tmp_path}/{count}", f"{tmp_path}/last{count - 1}" if count > 1 else f"{tmp_path}/last"
    for path, look in (
        (directory, files.entries),
        (f"{directory}/file", files.read_file),
        (file, files.read_file),
        (file, lambda path: files.status(path, follow=True)),
    ):
        if os.path.exists(path):
            assert look(path)
            continue
        with pytest.raises(FileFailure, match="loop"):
            look(path)


def test_each_failure_to_look_names_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = f"{tmp_path}/{'n' * 300}"
    for path, look in (
        (long, files.status),
        (long, files.exists),
        (f"{long}/x", files.link_text),
        (long, files.entries),
        (long, lambda path: list(files.walk(path))),
        (long, lambda path: files.open_file(path).__enter__()),
    ):
        with pytest.raises(FileFailure, match="the name is too long") as failure:
            look(path)
        assert failure.value.field == path
    with pytest.raises(FileFailure, match=r"does not exist\. Correct the path\.") as failure:
        files.open_file(f"{tmp_path}/none").__enter__()
    assert failure.value.field == f"{tmp_path}/none"


def test_a_file_that_cannot_be_read_to_its_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")

    def broken(*_given: t.Any) -> t.NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", broken)
        with pytest.raises(FileFailure, match="Input/output error") as failure:
            files.read_file(f"{tmp_path}/file")
    assert failure.value.field == f"{tmp_path}/file"


def test_what_is_there_is_told_from_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "to-folder").symlink_to("folder")
    (tmp_path / "to-nothing").symlink_to("none")
    there = {
        name: (
            files.exists(f"{tmp_path}/{name}"),
            files.is_directory(f"{tmp_path}/{name}"),
            files.link_text(f"{tmp_path}/{name}"),
        )
        for name in ("folder", "file", "to-folder", "to-nothing", "none", "none/x")
    }
    assert there == {
        "folder": (True, True, None),
        "file": (True, False, None),
        "to-folder": (True, True, "folder"),
        "to-nothing": (True, False, "none"),
        "none": (False, False, None),
        "none/x": (False, False, None),
    }


def test_what_is_below_a_file_is_an_error_and_no_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert files.link_text(f"{tmp_path}/file/x") is None
    for look in (files.exists, files.is_directory, files.entries, files.read_file):
        with pytest.raises(FileFailure, match="a part of the path is a file") as failure:
            look(f"{tmp_path}/file/x")
        assert failure.value.field == f"{tmp_path}/file/x"


def _nested(base: Path, depth: int) -> None:
    descriptor = os.open(base, os.O_RDONLY)
    for _level in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(os.open("file", os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)


@pytest.mark.parametrize(("depth", "fits"), [(127, True), (128, False)])
def test_r13_a_tree_is_walked_128_directories_deep(tmp_path: Path, depth: int, fits: bool) -> None:
    _nested(tmp_path, depth)
    if fits:
        assert len(list(files.walk(str(tmp_path)))) == depth + 1
        return
    with pytest.raises(FileFailure, match="nested too deeply"):
        list(files.walk(str(tmp_path)))


@pytest.mark.parametrize(("depth", "fits"), [(128, True), (129, False)])
def test_r13_a_tree_is_removed_128_directories_deep(tmp_path: Path, depth: int, fits: bool) -> None:
    _nested(tmp_path, depth)
    if fits:
        assert files.remove(f"{tmp_path}/d")
        assert list(tmp_path.iterdir()) == []
        return
    with pytest.raises(FileFailure, match="nested too deeply"):
        removal.remove_entry(places.directory(str(tmp_path)), "d")
