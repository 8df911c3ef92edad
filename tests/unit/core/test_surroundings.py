# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What libraries and programs are given, and what is examined for others: copies, fixed environments, the very file."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
import time
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core import deadline, examining, kernel, places, scratch
from plugins.module_utils._core.attributes import Attributes, FileFailure, failure, kind_of, octal_mode
from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.passphrase import checked_passphrase, read_passphrase
from plugins.module_utils._core.redact import Secret

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


# -- scratch -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_scratch_file_is_private_and_goes_at_once(temporary: Path) -> None:
    before = os.umask(0)
    try:
        place = scratch.Scratch()
        (folder,) = temporary.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with place.file("dir/values.yml", "caf\u00e9\r\n\udc80") as path:
            assert path == str(folder / "values.yml")
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert Path(path).read_bytes() == "caf\u00e9\r\n?".encode()
    finally:
        os.umask(before)
    assert list(folder.iterdir()) == []
    with pytest.raises(ZeroDivisionError), place.file("a", "secret"):
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []
    place.close()
    assert list(temporary.iterdir()) == []
    place.close()


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "a/"])
def test_a_name_that_is_none_is_replaced(temporary: Path, name: str) -> None:
    place = scratch.Scratch()
    with place.file(name, "x") as path:
        assert os.path.basename(path) == "text"
        assert os.path.dirname(os.path.dirname(path)) == str(temporary)
    place.close()


def test_a_scratch_directory_of_a_killed_run_is_removed(temporary: Path) -> None:
    left = temporary / ".trustmesh-1-0123abcd.tmp"
    left.mkdir()
    (left / "values.yml").write_text("password: x")
    os.utime(left, (0, 0))
    scratch.Scratch().close()
    assert list(temporary.iterdir()) == []


def test_a_scratch_directory_that_cannot_be_entered_is_removed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> t.NoReturn:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(places.Directory, "enter", refuse)
    with pytest.raises(FileFailure, match="the limit for open files of this process is reached") as failure:
        scratch.Scratch()
    assert failure.value.field == str(temporary)
    assert list(temporary.iterdir()) == []


@needs_root
def test_a_scratch_directory_that_was_exchanged_gets_nothing(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = os.mkdir

    def exchanged(name: str, mode: int, *, dir_fd: int) -> None:
        mkdir(name, mode, dir_fd=dir_fd)
        os.chown(name, 12345, 12345, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", exchanged)
    with pytest.raises(FileFailure, match="was exchanged while it was made") as failure:
        scratch.Scratch()
    assert str(failure.value.field).startswith(f"{temporary}/.trustmesh-")


def test_a_scratch_file_replaces_nothing(temporary: Path) -> None:
    place = scratch.Scratch()
    (folder,) = temporary.iterdir()
    (temporary / "victim").write_text("IMPORTANT")
    (folder / "a").symlink_to(temporary / "victim")
    with pytest.raises(FileFailure), place.file("a", "secret"):
        pytest.fail("written")
    assert (temporary / "victim").read_text() == "IMPORTANT"


# -- examining ---------------------------------------------------------------------------------------------------------


def test_only_a_regular_file_is_examined_and_no_link_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    socket.socket(socket.AF_UNIX).bind(str(tmp_path / "socket"))
    with examining.examine(f"{tmp_path}/file") as found:
        assert found is not None
        assert (found.handle.read(), found.access_list) == (b"content", b"")
        assert os.path.samestat(found.status, (tmp_path / "file").stat())
    assert found.handle.closed
    for name in ("link", "pipe", "socket", "none", "none/file", "file/below"):
        with examining.examine(f"{tmp_path}/{name}") as found:
            assert found is None, name


def _access_list(path: Path) -> bytes | None:
    with examining.examine(str(path)) as found:
        assert found is not None
        return found.access_list


def test_an_access_list_is_seen_where_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.touch()
    entries = [(1, 6, -1), (2, 4, 12345), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
    text = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", text)
    except OSError as error:
        pytest.skip(f"not applicable: {error.strerror}")
    assert _access_list(path) == text

    def refused(*_given: t.Any) -> t.NoReturn:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "getxattr", refused)
    assert _access_list(path) == b""
    monkeypatch.delattr(os, "getxattr")
    assert _access_list(path) == b""


def test_a_file_that_cannot_be_examined_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileFailure, match="too long"), examining.examine(f"{tmp_path}/{'n' * 300}"):
        pytest.fail("opened")


@needs_root
def test_the_very_file_that_was_examined_is_amended(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("content")
    path.chmod(0o666)
    was = path.stat()
    examining.amend(str(path), (was.st_dev, was.st_ino), mode=0o600)
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o600, 0)
    examining.amend(str(path), (was.st_dev, was.st_ino), owner=(12345, 23456))
    assert (path.stat().st_uid, path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (12345, 23456, 0o600)
    path.rename(tmp_path / "moved")
    for replace in (lambda: None, lambda: path.write_text("other"), lambda: (path.unlink(), path.symlink_to("moved"))):
        replace()
        with pytest.raises(FileFailure, match="was replaced meanwhile") as refusal:
            examining.amend(str(path), (was.st_dev, was.st_ino), mode=0o777)
        assert refusal.value.field == str(path)
    assert stat.S_IMODE((tmp_path / "moved").stat().st_mode) == 0o600


def test_where_a_link_leads_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "nowhere").symlink_to("none")
    (tmp_path / "round").symlink_to("round")
    root = os.path.realpath(tmp_path)
    assert examining.leads_to(f"{tmp_path}/link") == f"{root}/file"
    assert examining.leads_to(f"{tmp_path}/nowhere") is None
    assert examining.leads_to(f"{tmp_path}/round") is None
    assert examining.real_path(f"{tmp_path}/nowhere") == f"{root}/none"


# -- passphrases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"12345678\n", "12345678"),
        (b"12345678\r\n\n", "12345678"),
        (b" 1234567 ", " 1234567 "),
        (b"1234567\n", None),
        (b"", None),
        (b"\xff12345678", None),
    ],
)
def test_a_passphrase_is_a_line_of_eight_characters_or_more(tmp_path: Path, content: bytes, text: str | None) -> None:
    (tmp_path / "file").write_bytes(content)
    if text is not None:
        found = read_passphrase(f"{tmp_path}/file")
        assert isinstance(found, Secret)
        assert found.reveal() == text
        return
    with pytest.raises(InvalidInput) as refusal:
        read_passphrase(f"{tmp_path}/file", "of_key")
    assert refusal.value.field == "of_key"


def test_no_passphrase_is_none_and_a_missing_file_is_not(tmp_path: Path) -> None:
    assert read_passphrase(None) is None
    with pytest.raises(InvalidInput) as refusal:
        read_passphrase(f"{tmp_path}/none")
    assert refusal.value.field == "passphrase_file"
    assert checked_passphrase("1" * 8, "x").reveal() == "1" * 8


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_a_request_has_its_time_and_no_more() -> None:
    assert deadline.within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        deadline.within(5, lambda: 1 // 0)
    stop, start = threading.Event(), time.monotonic()
    with pytest.raises(socket.timeout):
        deadline.within(0.05, lambda: stop.wait(20))
    assert time.monotonic() - start < 10
    stop.set()


def test_a_connection_is_cut_off_in_time_and_left_alone_before() -> None:
    one, other = socket.socketpair()
    with deadline.cut_off(one, 30) as late:
        other.send(b"x")
        assert one.recv(1) == b"x"
    assert not late.is_set()

    def late_answer() -> None:
        with deadline.cut_off(one, 0.05):
            assert one.recv(1) == b""
            raise ConnectionError("the library's own word for the end")

    def late_defect() -> None:
        with deadline.cut_off(other, 0.01) as late:
            late.wait(5)
            raise ZeroDivisionError

    with pytest.raises(socket.timeout):
        late_answer()
    with pytest.raises(ConnectionError), deadline.cut_off(other, 30):
        raise ConnectionError("of another cause")
    with pytest.raises(ZeroDivisionError):
        late_defect()


def test_what_the_kernel_does_not_show_is_none(request: pytest.FixtureRequest) -> None:
    before = Path("/proc/self/comm").read_bytes()
    request.addfinalizer(lambda: Path("/proc/self/comm").write_bytes(before.strip()))
    assert kernel.kernel_text("self", "comm")
    assert "status" in (kernel.kernel_names("self") or [])
    assert kernel.kernel_link("self") == str(os.getpid())
    (Path("/proc/self/comm")).write_bytes(b"caf\xe9")
    assert kernel.kernel_text("self", "comm") == "caf\ufffd\n", "names of processes are whatever somebody chose"
    missing = ("no-such-process", 1)
    assert (kernel.kernel_text(*missing), kernel.kernel_names(*missing), kernel.kernel_link(*missing)) == (None,) * 3


@pytest.mark.parametrize(
    ("text", "mode"),
    [("0640", 0o640), ("640", 0o640), ("0o640", 0o640), ("2750", 0o2750), ("64", None), ("0648", None), ("rw", None)],
)
def test_a_mode_is_octal(text: str, mode: int | None) -> None:
    if mode is not None:
        assert octal_mode(text, "mode") == mode
        return
    with pytest.raises(InvalidInput) as refusal:
        octal_mode(text, "key_mode")
    assert refusal.value.field == "key_mode"


@needs_root
def test_attributes_are_compared_and_given_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(0o644)
    wanted = Attributes(12345, 23456, 0o640)
    assert wanted.differences(path.stat()) == [
        ("owner", "root", "12345"),
        ("group", "root", "23456"),
        ("mode", "0644", "0640"),
    ]
    assert Attributes(None, None, 0o644).differences(path.stat()) == []
    descriptor = os.open(path, os.O_RDONLY)
    for given, held in (
        (Attributes(12345, None, 0o600), (12345, 0, 0o600)),
        (Attributes(None, 23456, 0o640), (12345, 23456, 0o640)),
        (Attributes(None, None, 0o604), (12345, 23456, 0o604)),
        (Attributes(0, 0, 0o4755), (0, 0, 0o4755)),
    ):
        given.give(descriptor)
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == held
    os.close(descriptor)
    assert Attributes.of(path.stat()) == Attributes(0, 0, 0o755), "of the bits none but those of access"


def test_of_a_file_of_others_only_its_content_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(0o644)
    found = path.stat()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert Attributes.of(found) == Attributes(mode=0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Attributes.of(found) == Attributes(found.st_uid, found.st_gid, 0o644)


def test_names_are_looked_up_and_numbers_taken() -> None:
    assert Attributes.declared("root", "root", "0600") == Attributes(0, 0, 0o600)
    assert Attributes.declared("12345", "0", "0600") == Attributes(12345, 0, 0o600)
    assert Attributes.declared(None, None, "0600") == Attributes(None, None, 0o600)
    for owner, group, field in (("no-such-user", None, "owner"), (None, "no-such-group", "group")):
        with pytest.raises(InvalidInput) as refusal:
            Attributes.declared(owner, group, "0600")
        assert refusal.value.field == field


def test_errors_of_the_system_are_named_with_their_remedy(tmp_path: Path) -> None:
    named = failure("/path", OSError(28, "No space left on device"))
    assert (named.field, named.problem, named.remedy) == ("/path", "the disk is full", "Free some space.")
    other = failure("/path", OSError(5, "Input/output error"))
    assert (other.problem, other.remedy) == ("Input/output error", None)
    assert failure("/path", OSError()).problem == "OSError"
    kinds: dict[str, t.Any] = {"folder": Path.mkdir, "file": Path.touch, "pipe": os.mkfifo}
    for name, make in kinds.items():
        make(tmp_path / name)
    assert [kind_of((tmp_path / name).stat()) for name in kinds] == ["a directory", "a regular file", "a named pipe"]
