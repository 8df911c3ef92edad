# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a path is followed, and what is refused on the way (R2, R3, R13). Real files, and as root real users."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.trustmesh.security.plugins.module_utils._core import files, places, reading
from ansible_collections.trustmesh.security.plugins.module_utils._core.files import FileFailure

STRANGER = 12345

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory of another user")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory of another user."""
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, STRANGER, STRANGER)
    return home


def test_a_link_of_ours_is_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/file").write_text("content")
    (tmp_path / "var").symlink_to("run")
    (tmp_path / "var/last").symlink_to("../run/file")
    (tmp_path / "absolute").symlink_to(tmp_path / "run")
    assert files.read_file(f"{tmp_path}/var/file") == b"content"
    assert files.read_file(f"{tmp_path}/var/last") == b"content"
    assert files.read_file(f"{tmp_path}/absolute/../run/./file") == b"content"


def test_absence_is_none_whatever_is_missing(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    for path in ("file", "no/such/file", "dangling", "dangling/file"):
        assert files.read_file(f"{tmp_path}/{path}") is None
    assert files.status(f"{tmp_path}/dangling") is not None
    assert files.entries(f"{tmp_path}/no") is None


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o700])
@pytest.mark.parametrize("path", ["link", "folder/file", "below/deep/file"])
def test_r2_a_link_in_a_directory_of_a_stranger_is_refused(tmp_path: Path, home: Path, path: str, mode: int) -> None:
    home.chmod(mode)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("of another")
    (home / "link").symlink_to(secret / "file")
    (home / "folder").symlink_to(secret)
    (home / "below").mkdir()  # even one of root's: the stranger can move it about
    (home / "below/deep").symlink_to(secret)
    with pytest.raises(FileFailure, match="symbolic link"):
        files.read_file(f"{home}/{path}")
    with pytest.raises(FileFailure, match="symbolic link"):
        files.status(f"{home}/{path}", follow=True)


@needs_root
@pytest.mark.parametrize(
    ("mode", "owner", "followed"),
    [(0o777, 0, False), (0o1777, 0, True), (0o1777, STRANGER, False), (0o775, 0, False), (0o755, STRANGER, True)],
)
def test_whose_link_counts(tmp_path: Path, mode: int, owner: int, followed: bool) -> None:
    """In a directory that others may write a link counts only where it is sticky, and the link root's."""
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, 0, STRANGER)
    shared.chmod(mode)
    (tmp_path / "file").write_text("content")
    (shared / "link").symlink_to(tmp_path / "file")
    os.chown(shared / "link", owner, owner, follow_symlinks=False)
    if followed:
        assert files.read_file(f"{shared}/link") == b"content"
    else:
        with pytest.raises(FileFailure, match="not followed"):
            files.read_file(f"{shared}/link")


@needs_root
def test_a_directory_of_a_stranger_works_without_links(home: Path) -> None:
    files.put_file(f"{home}/file", b"content", files.Attributes(STRANGER, STRANGER, 0o640))
    assert files.read_file(f"{home}/file") == b"content"
    assert (home / "file").stat().st_uid == STRANGER


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for path in ("one", "one/file"):
        with pytest.raises(FileFailure, match="loop"):
            files.read_file(f"{tmp_path}/{path}")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(str(path))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "name"),
    [(_pipe, "a named pipe"), (_socket, "a socket"), (_device, "a device"), (Path.mkdir, "a directory")],
)
def test_r13_only_regular_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("thing"))

    def logged(path: str) -> None:
        files.open_to_append(path).__enter__()

    for attempt in (files.read_file, lambda path: files.open_file(path).__enter__(), logged):
        if attempt is logged and name in ("a device", "a directory"):
            continue
        with pytest.raises(FileFailure, match=f"{name}, not a regular file"):
            attempt(f"{tmp_path}/thing")


def test_r13_a_large_file_is_refused_and_a_growing_one_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(5000))
    assert files.read_file(f"{tmp_path}/file", limit=5000) == bytes(5000)
    with pytest.raises(FileFailure, match="larger than 4 KiB"):
        files.read_file(f"{tmp_path}/file", limit=4999)
    assert files.read_file("/proc/self/status"), "what says that it is empty is read to its end"
    with pytest.raises(FileFailure, match="larger than 0 KiB"):
        files.read_file("/proc/self/status", limit=10)


@needs_root
def test_r3_a_second_name_for_a_file_of_root_is_not_read(tmp_path: Path, home: Path) -> None:
    (tmp_path / "shadow").write_text("of root")
    os.link(tmp_path / "shadow", home / "file")
    with pytest.raises(FileFailure, match="second name"):
        files.read_file(f"{home}/file")
    os.chown(tmp_path / "shadow", STRANGER, STRANGER)
    assert files.read_file(f"{home}/file") == b"of root", "of the stranger's own files he may make as many as he likes"


def test_a_directory_that_was_exchanged_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("old")
    assert files.read_file(f"{tmp_path}/folder/file") == b"old"
    (tmp_path / "folder").rename(tmp_path / "gone")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("new")
    assert files.read_file(f"{tmp_path}/folder/file") == b"new"


def test_thousands_of_directories_stay_below_the_limit_of_open_files(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(600):
        files.put_file(f"{files.make_directory(f'{tmp_path}/{number}').real}/file", b"", files.Attributes())
    assert len(os.listdir("/proc/self/fd")) < before + 266
    assert len(places._kept._by_path) == 256


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077, 0o777])
def test_r11_directories_do_not_depend_on_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        files.make_directory(f"{tmp_path}/one/two/three", files.Attributes(mode=0o750))
    finally:
        os.umask(before)
    modes = [(tmp_path / path).stat().st_mode & 0o7777 for path in ("one", "one/two", "one/two/three")]
    assert modes == [0o755, 0o755, 0o750]


@needs_root
def test_removing_follows_no_link(tmp_path: Path, home: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("content")
    (home / "tree/inner").mkdir(parents=True)
    (home / "tree/inner/link").symlink_to(tmp_path / "kept")
    assert files.remove(f"{home}/tree")
    assert not files.remove(f"{home}/tree")
    assert (tmp_path / "kept/file").read_text() == "content"
    (home / "tree").symlink_to(tmp_path / "kept")
    with pytest.raises(FileFailure, match="symbolic link"):
        files.remove(f"{home}/tree/file")
    assert (tmp_path / "kept/file").exists()


def test_walk_names_links_and_does_not_follow_them(tmp_path: Path) -> None:
    (tmp_path / "tree/inner").mkdir(parents=True)
    (tmp_path / "tree/inner/file").write_text("")
    (tmp_path / "tree/up").symlink_to("..")
    found = [os.path.relpath(path, tmp_path) for path, _status in files.walk(f"{tmp_path}/tree")]
    assert found == ["tree/inner", "tree/inner/file", "tree/up"]


def test_a_log_is_appended_to(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        with files.open_to_append(f"{tmp_path}/log") as descriptor:
            os.write(descriptor, text)
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_r13_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    start = time.monotonic()
    with pytest.raises(FileFailure):
        files.read_file(f"{tmp_path}/pipe")
    with pytest.raises(FileFailure), files.open_to_append(f"{tmp_path}/pipe"):
        pass
    assert time.monotonic() - start < 1


def test_a_log_is_waited_for_and_has_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    with files.open_to_append(f"{tmp_path}/log", 0o640) as descriptor:
        assert os.get_blocking(descriptor)
        held = descriptor
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640
    opened = files.open_to_append(f"{tmp_path}/log")
    held = opened.__enter__()
    assert opened.__exit__(ValueError, ValueError("whatever"), None) is False
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)


def test_a_log_that_is_no_file_is_closed_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    places.directory(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    with (
        pytest.raises(FileFailure, match="is a named pipe, not a regular file"),
        files.open_to_append(f"{tmp_path}/pipe"),
    ):
        raise AssertionError("it was opened")
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(reader)


@pytest.mark.parametrize(("deepest", "fits"), [(4, True), (3, True), (2, False)])
def test_walk_goes_as_deep_as_is_said(tmp_path: Path, deepest: int, fits: bool) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("")
    if fits:
        found = [os.path.relpath(path, tmp_path) for path, _status in reading.walk(str(tmp_path), deepest=deepest)]
        assert found == ["a", "a/b", "a/b/file"]
        return
    with pytest.raises(FileFailure, match="nested too deeply") as raised:
        list(reading.walk(str(tmp_path), deepest=deepest))
    assert raised.value.field == str(tmp_path / "a/b")


@pytest.mark.parametrize("gone", ["stat", "enter"])
def test_walk_leaves_out_what_goes_meanwhile(tmp_path: Path, gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name / "inner").mkdir(parents=True)
    original = getattr(places.Directory, gone)

    def vanish(folder: places.Directory, name: str) -> object:
        if name == "b":
            raise FileNotFoundError
        return original(folder, name)

    monkeypatch.setattr(places.Directory, gone, vanish)
    found = [os.path.relpath(path, tmp_path) for path, _status in reading.walk(str(tmp_path))]
    assert found == ["a", "a/inner", *([] if gone == "stat" else ["b"]), "c", "c/inner"]


def test_walk_names_what_cannot_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()

    enter = places.Directory.enter

    def denied(folder: places.Directory, name: str) -> object:
        if name == "a":
            raise PermissionError(errno.EACCES, "denied")
        return enter(folder, name)

    monkeypatch.setattr(places.Directory, "enter", denied)
    with pytest.raises(FileFailure, match="permission denied") as raised:
        list(reading.walk(str(tmp_path)))
    assert raised.value.field == str(tmp_path / "a")
    with pytest.raises(FileFailure, match="no such directory"):
        list(reading.walk(f"{tmp_path}/none"))


def test_an_entry_that_cannot_be_opened_is_named_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_text("x")
    folder = places.directory(str(tmp_path))
    with pytest.raises(FileFailure, match="is a symbolic link, not a regular file"):
        reading.read_entry(folder, "link")
    with pytest.raises(FileFailure, match="the name is too long"):
        reading.read_entry(folder, "n" * 300)
    assert reading.read_entry(folder, "none") is None
    held = reading.read_entry(folder, "file")
    assert held is not None and held.content == b"x"


def test_a_path_is_counted_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places.absolute("/etc/../x") == "/etc/../x"
    assert places.absolute("a/../b") == f"{os.getcwd()}/a/../b"
    (tmp_path / "file").write_text("here")
    assert files.read_file("file") == b"here"


@pytest.mark.parametrize(
    ("mode", "attributes", "others"),
    [
        (0o700, ["system.posix_acl_access"], False),
        (0o770, [], False),
        (0o770, ["user.note"], False),
        (0o770, ["system.posix_acl_access"], True),
        (0o770, None, False),
        (0o777, [], True),
    ],
)
def test_r2_an_access_list_opens_a_directory_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, attributes: list[str] | None, others: bool
) -> None:
    """The bits of the group say what the list allows at most, and the list may name anybody."""

    def listed(_descriptor: int) -> list[str]:
        if attributes is None:
            raise OSError(errno.ENOTSUP, "not supported")
        return attributes

    os.chown(tmp_path, -1, os.getegid())
    tmp_path.chmod(mode)
    before = len(os.listdir("/proc/self/fd"))
    folder = places.directory(str(tmp_path))
    monkeypatch.setattr(os, "listxattr", listed)
    assert folder.open_to_others is others
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    monkeypatch.delattr(os, "listxattr")
    assert folder.open_to_others is (mode == 0o777)


def test_walk_asks_whether_to_enter_with_path_and_status(tmp_path: Path) -> None:
    for name in ("in/file", "out/file"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    asked: list[tuple[str, bool]] = []

    def enters(path: str, status: os.stat_result) -> bool:
        asked.append((path, os.path.samestat(status, os.stat(path))))
        return path.endswith("/in")

    found = [os.path.relpath(path, tmp_path) for path, _status in reading.walk(str(tmp_path), enters=enters)]
    assert found == ["in", "in/file", "out"]
    assert asked == [(f"{tmp_path}/in", True), (f"{tmp_path}/out", True)]


def test_of_the_directories_that_stay_open_the_latest_used_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_MOST_KEPT", 2)
    kept = places._Kept()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        kept.put(str(tmp_path / name), places.directory(str(tmp_path / name)))
    first = kept.get(str(tmp_path / "a"))
    assert first is not None and first.real == str(tmp_path / "a")
    kept.put(str(tmp_path), places.directory(str(tmp_path)))
    assert list(kept._by_path) == [str(tmp_path / "a"), str(tmp_path)]
    (tmp_path / "a").rmdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "a/entry").mkdir()
    assert kept.get(str(tmp_path / "b")) is None
    (tmp_path / "a").rename(tmp_path / "moved")
    assert kept.get(str(tmp_path / "a")) is None, "what is elsewhere now is not given out"
    assert list(kept._by_path) == [str(tmp_path)]


def test_a_directory_that_was_changed_is_known_as_it_is_now(tmp_path: Path) -> None:
    folder = places.directory(str(tmp_path))
    for mode in (0o711, 0o750):
        places.change(folder, files.Attributes(mode=mode))
        assert folder.status.st_mode & 0o777 == mode
