# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time per store (R4): who waits, for how long, what is left behind, and what cannot be locked."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core import locks, places
from plugins.module_utils._core.attributes import FileFailure
from plugins.module_utils._core.locks import LOCK_NAME, hold, note, noted

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
STRANGER: t.Final = 12345


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.2)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_lock_is_exclusive_and_private_and_gone_afterwards(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with hold([str(tmp_path)]) as held:
            assert list(held) == [str(tmp_path)]
            assert (tmp_path / LOCK_NAME).stat().st_mode & 0o7777 == 0o600
            other = os.open(tmp_path / LOCK_NAME, os.O_RDONLY)
            for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
                with pytest.raises(BlockingIOError):
                    fcntl.flock(other, kind | fcntl.LOCK_NB)
            os.close(other)
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_let_go_whatever_happens(tmp_path: Path) -> None:
    with hold([str(tmp_path)]):
        pass
    before = _descriptors()
    for _time in range(3):
        with pytest.raises(ZeroDivisionError), hold([str(tmp_path / "store")]):
            raise ZeroDivisionError
        with pytest.raises(FileFailure), hold([str(tmp_path)]), hold([str(tmp_path)]):
            pytest.fail("held twice")
    assert list(tmp_path.iterdir()) == []
    assert _descriptors() <= before + 1, "the store may have stayed open as a directory"


def test_all_are_held_in_one_order_and_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    locked = locks._locked
    monkeypatch.setattr(locks, "_locked", lambda *given: (order.append(given[1]), locked(*given))[1])
    names = [str(tmp_path / name) for name in ("c", "a", "b", "a")]
    with hold(names) as held:
        assert sorted(held) == order == sorted(set(names))
        assert len(set(held.values())) == 3


def test_who_waits_gets_its_turn_and_who_waits_too_long_is_told(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with hold([str(tmp_path)]):
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=other)
    holder.start()
    entered.wait(10)
    start = time.monotonic()
    with pytest.raises(FileFailure, match="another run has been working there") as refusal, hold([str(tmp_path)]):
        pytest.fail("held twice")
    assert 0.2 <= time.monotonic() - start < 5
    assert f"fuser {tmp_path}/{LOCK_NAME}" in str(refusal.value.remedy)
    threading.Timer(0.1, leave.set).start()
    with hold([str(tmp_path)]) as held:
        assert list(held) == [str(tmp_path)]
    holder.join()


@pytest.mark.parametrize("make", [True, False])
def test_what_was_made_for_a_lock_goes_with_it_unless_something_is_in_it(tmp_path: Path, make: bool) -> None:
    store = tmp_path / "one/two"
    with hold([str(store)], make=make) as held:
        assert store.exists() is make
        assert list(held) == ([str(store)] if make else [])
    assert list(tmp_path.iterdir()) == []
    with hold([str(store)]):
        (tmp_path / "one/file").write_text("")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["file"]
    (tmp_path / "there").mkdir()
    with hold([str(tmp_path / "there")]):
        pass
    assert (tmp_path / "there").is_dir(), "what was there before stays"


def test_what_is_noted_stays_for_the_next_run(tmp_path: Path) -> None:
    with hold([str(tmp_path)]) as held:
        (lock,) = held.values()
        assert noted(lock) == b""
        note(lock, b"a long note")
        assert noted(lock) == b"a long note"
    assert (tmp_path / LOCK_NAME).read_bytes() == b"a long note"
    with hold([str(tmp_path)]) as held:
        (lock,) = held.values()
        assert noted(lock) == b"a long note"
        note(lock, b"short")
        assert noted(lock) == b"short"
        note(lock, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_others_replaced_is_left_to_them(tmp_path: Path) -> None:
    with hold([str(tmp_path)]):
        (tmp_path / LOCK_NAME).unlink()
        (tmp_path / LOCK_NAME).write_text("")
    assert (tmp_path / LOCK_NAME).exists()


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        (errno.EACCES, True),
        (errno.EPERM, True),
        (errno.EROFS, True),
        (errno.ENOSPC, True),
        (errno.EDQUOT, True),
        (errno.EIO, False),
    ],
)
def test_where_nothing_can_be_written_no_lock_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, passes: bool
) -> None:
    opened = os.open

    def failing(path: t.Any, *arguments: t.Any, **options: t.Any) -> int:
        if path == LOCK_NAME:
            raise OSError(code, os.strerror(code))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", failing)
    with contextlib.nullcontext() if passes else pytest.raises(FileFailure), hold([str(tmp_path)]) as held:
        assert held == {}


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_r2_only_a_file_is_locked(tmp_path: Path, kind: str) -> None:
    path = tmp_path / LOCK_NAME
    if kind == "link":
        (tmp_path / "victim").write_text("IMPORTANT")
        path.symlink_to("victim")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    places.directory(str(tmp_path))
    before = _descriptors()
    with pytest.raises(FileFailure) as refusal, hold([str(tmp_path)]):
        pytest.fail("held")
    assert refusal.value.field in (str(path), str(tmp_path))
    assert _descriptors() <= before
    assert path.is_symlink() or path.exists()


@needs_root
def test_r3_a_second_name_of_a_file_of_root_is_not_locked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, STRANGER, STRANGER)
    (tmp_path / "shadow").write_text("of root")
    os.link(tmp_path / "shadow", home / LOCK_NAME)
    with pytest.raises(FileFailure, match="second name"), hold([str(home)]):
        pytest.fail("held")
    assert (tmp_path / "shadow").stat().st_uid == 0, "it was not given away"


@needs_root
def test_the_lock_belongs_to_whoever_owns_the_store(tmp_path: Path) -> None:
    os.chown(tmp_path, STRANGER, STRANGER + 1)
    with hold([str(tmp_path)]) as held:
        status = os.fstat(next(iter(held.values())))
        assert (status.st_uid, status.st_gid) == (STRANGER, STRANGER + 1)


def test_a_lock_whose_file_was_removed_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, removed = locks._lock, []

    def slow(descriptor: int, *given: t.Any) -> None:
        flock(descriptor, *given)
        if not removed:  # the one before removed the file while this one waited for it
            removed.append(True)
            (tmp_path / LOCK_NAME).unlink()

    monkeypatch.setattr(locks, "_lock", slow)
    with hold([str(tmp_path)]) as held:
        assert os.path.samestat(os.fstat(held[str(tmp_path)]), (tmp_path / LOCK_NAME).stat())


def test_a_store_that_others_keep_removing_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, tries = locks.make_directory, []

    def gone(path: str, **options: t.Any) -> t.Any:
        tries.append(path)
        if len(tries) < 4:
            raise FileNotFoundError(errno.ENOENT, "gone")
        return make(path, **options)

    monkeypatch.setattr(locks, "make_directory", gone)
    with hold([str(tmp_path / "store")]) as held:
        assert list(held) == [str(tmp_path / "store")]
    tries[:] = []

    def gone_for(times: int) -> t.Callable[..., t.Any]:
        tries[:] = []

        def gone(path: str, **options: t.Any) -> t.Any:
            tries.append(path)
            if len(tries) <= times:
                raise FileNotFoundError(errno.ENOENT, "gone")
            return make(path, **options)

        return gone

    monkeypatch.setattr(locks, "make_directory", gone_for(10))
    with hold([str(tmp_path / "store")]) as held:
        assert list(held) == [str(tmp_path / "store")]
    monkeypatch.setattr(locks, "make_directory", gone_for(11))
    with pytest.raises(FileFailure), hold([str(tmp_path / "store")]):
        pytest.fail("held")

    def never(_path: str, **_options: t.Any) -> t.NoReturn:
        raise FileNotFoundError(errno.ENOENT, "gone")

    monkeypatch.setattr(locks, "make_directory", never)
    with pytest.raises(FileFailure), hold([str(tmp_path / "store")]):
        pytest.fail("held")


def test_a_note_that_cannot_be_written_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: t.Any) -> t.NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with hold([str(tmp_path)]) as held:
        monkeypatch.setattr(os, "pwrite", full)
        note(held[str(tmp_path)], b"a note")
        assert noted(held[str(tmp_path)]) == b""


def test_no_more_of_a_note_is_read_than_16_mib(tmp_path: Path) -> None:
    with hold([str(tmp_path)]) as held:
        lock = held[str(tmp_path)]
        os.ftruncate(lock, 2**24 + 1)
        assert len(noted(lock)) == 2**24
        os.ftruncate(lock, 0)


def _clock(monkeypatch: pytest.MonkeyPatch, *moments: tuple[float, t.Callable[[], object]]) -> None:
    """Let each wait lead to the next of some moments, at which something happens."""
    now = [100.0]
    left = list(moments)

    def sleep(_seconds: float) -> None:
        now[0], happens = left.pop(0)
        happens()

    monkeypatch.setattr(locks.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(locks.time, "sleep", sleep)
    monkeypatch.setattr(locks, "PATIENCE", 60.0)


def test_a_run_is_waited_for_as_long_as_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = contextlib.ExitStack()
    other.enter_context(hold([str(tmp_path)]))
    _clock(monkeypatch, (130.0, int), (160.0, int), (160.0, other.close))
    with hold([str(tmp_path)]) as held:
        assert list(held) == [str(tmp_path)]
    other.enter_context(hold([str(tmp_path)]))
    _clock(monkeypatch, (160.1, int))
    with (
        pytest.raises(FileFailure, match="another run has been working there for more than 60 seconds"),
        hold([str(tmp_path)]),
    ):
        pytest.fail("held twice")
    other.close()


def test_a_directory_whose_lock_goes_is_tried_as_long_as_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, tries = locks._locked, []
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    monkeypatch.setattr(locks.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(locks, "_locked", lambda *given: tries.append(given) if len(tries) < 3 else locked(*given))
    with hold([str(tmp_path)]) as held:
        assert list(held) == [str(tmp_path)]
    assert len(tries) == 3
