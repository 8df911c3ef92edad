# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction promises: whole files with their modes, nothing removed in vain, one run at a time (R4, R20)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.trustmesh.security.plugins.module_utils._core import leftovers, locks, places, staging
from ansible_collections.trustmesh.security.plugins.module_utils._core.errors import TrustmeshError
from ansible_collections.trustmesh.security.plugins.module_utils._core.files import (
    Attributes,
    FileFailure,
    FileTransaction,
    Place,
    hold,
    put_file,
    reserve_file,
)

PRIVATE = Attributes(mode=0o600)


def _modes(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def write_in_every_way(directory: Path, mode: int) -> None:
    """Write the files put, reserved and tree/file with a mode."""
    put_file(f"{directory}/put", b"content", Attributes(mode=mode))
    with reserve_file(f"{directory}/reserved", 100, Attributes(mode=mode)) as fill:
        fill(b"content")
    transaction = FileTransaction()
    with transaction.group("tree") as group:
        group.tree(f"{directory}/tree", Attributes(mode=0o750)).write("file", b"content", Attributes(mode=mode))
    assert not transaction.commit()


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o644])
def test_modes_are_as_declared_whatever_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_in_every_way(tmp_path, mode)
    finally:
        os.umask(before)
    for path in ("put", "reserved", "tree/file"):
        assert (tmp_path / path).read_bytes() == b"content"
        assert _modes(tmp_path / path) == mode
    assert _modes(tmp_path / "tree") == 0o750


def test_nothing_is_ever_open_to_others_before_its_mode_is_set(tmp_path: Path) -> None:
    transaction = FileTransaction()
    before = os.umask(0)
    try:
        with transaction.group("it") as group:
            group.put(f"{tmp_path}/file", b"secret", PRIVATE)
            assert [_modes(path) for path in tmp_path.iterdir()] == [0o600]
    finally:
        os.umask(before)


def test_clean_up_does_not_go_on_after_a_failed_move(tmp_path: Path) -> None:
    """What was to be replaced is still in force then, and must not be removed."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old/file").write_text("in force")
    (tmp_path / "current").mkdir()  # a link cannot replace a directory
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.link(f"{tmp_path}/current", "new")
        group.remove(f"{tmp_path}/old")
    with transaction.group("other") as group:
        group.put(f"{tmp_path}/other", b"content", PRIVATE)
    failures = transaction.commit()
    assert list(failures) == ["it"] and "directory is in the way" in str(failures["it"])
    assert (tmp_path / "old/file").read_text() == "in force"
    assert (tmp_path / "other").read_bytes() == b"content"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "old", "other"]


def test_r4_what_a_link_names_at_that_moment_is_not_removed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "current").symlink_to("one")
    transaction = FileTransaction()
    with transaction.group("it") as group:
        for name in ("one", "two"):
            group.remove(f"{tmp_path}/{name}", unless=Place.of(f"{tmp_path}/current"), named=name)
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("two")  # another run was faster
    assert not transaction.commit()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "two"]


def test_r5_a_reserved_file_is_never_opened_again_by_name(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("IMPORTANT")
    (tmp_path / "home").mkdir()
    with reserve_file(f"{tmp_path}/home/file", 100, PRIVATE) as fill:
        (temporary,) = (tmp_path / "home").iterdir()
        temporary.unlink()
        temporary.symlink_to(victim)
        fill(b"secret")
    assert victim.read_text() == "IMPORTANT"


def test_r5_a_directory_exchanged_meanwhile_gets_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.put(f"{tmp_path}/home/file", b"secret", PRIVATE)
    (tmp_path / "home").rename(tmp_path / "gone")
    (tmp_path / "home").mkdir()
    failures = transaction.commit()
    assert "replaced by another directory" in str(failures["it"])
    assert not list((tmp_path / "home").iterdir())


def test_r19_a_group_that_fails_leaves_nothing(tmp_path: Path) -> None:
    transaction = FileTransaction()

    def stage() -> None:
        with transaction.group("it") as group:
            group.directory(f"{tmp_path}/one/two")
            group.tree(f"{tmp_path}/one/two/tree").write("key", b"secret", PRIVATE)
            group.put(f"{tmp_path}/one/file", b"secret", PRIVATE)
            group.link(f"{tmp_path}/one/link", "file")
            raise TrustmeshError("refused")

    with pytest.raises(TrustmeshError, match="refused"):
        stage()
    assert not transaction.commit()
    assert not list(tmp_path.iterdir())


def test_r19_a_directory_that_another_group_needs_stays(tmp_path: Path) -> None:
    transaction = FileTransaction()

    def stage() -> None:
        with transaction.group("fails") as failing:
            failing.directory(f"{tmp_path}/shared")
            with transaction.group("works") as group:
                group.directory(f"{tmp_path}/shared")
            raise TrustmeshError("refused")

    with pytest.raises(TrustmeshError, match="refused"):
        stage()
    assert (tmp_path / "shared").is_dir()


def test_fresh_never_replaces(tmp_path: Path) -> None:
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.put(f"{tmp_path}/file", b"new", PRIVATE, fresh=True)
    (tmp_path / "file").write_text("of another run")
    assert "appeared meanwhile" in str(transaction.commit()["it"])
    assert (tmp_path / "file").read_text() == "of another run"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("renames", [True, False])
def test_kind_9_fresh_never_has_two_names_where_one_rename_can_do_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: bool
) -> None:
    """A run that was killed between a link and the removal of the temporary name left a second copy of a master key."""
    linked: list[object] = []
    link = os.link
    monkeypatch.setattr(os, "link", lambda *given, **options: (linked.append(given), link(*given, **options)))
    if not renames:
        monkeypatch.setattr(staging, "_renamed_to_new", lambda *_given: False)
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.put(f"{tmp_path}/file", b"new", PRIVATE, fresh=True)
    assert not transaction.commit()
    assert bool(linked) != renames
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def _left(tmp_path: Path, name: str, age: float = 0) -> Path:
    path = tmp_path / name
    path.mkdir()
    (path / "key").write_text("secret")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_r20_leftovers_are_told_by_process_here_and_by_age_elsewhere(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    world = leftovers._world()
    dead = _left(tmp_path, f".trustmesh-{world}-{process.pid}-0123abcd.tmp")
    alive = _left(tmp_path, f".trustmesh-{world}-{os.getppid()}-0123abcd.tmp", 7200)
    elsewhere = _left(tmp_path, f".trustmesh-00000000-{process.pid}-0123abcd.tmp")
    abandoned = _left(tmp_path, f".trustmesh-00000000-{os.getppid()}-0123abcd.tmp", 7200)
    former = _left(tmp_path, f".trustmesh-{process.pid}-0123abcd.tmp", 7200)
    other = _left(tmp_path, ".trustmesh-jws_key", 7200)
    put_file(f"{tmp_path}/file", b"", PRIVATE)
    assert [path.exists() for path in (dead, alive, elsewhere, abandoned, former, other)] == [
        *(False, True, True, False, False, True)
    ]


def test_r4_a_lock_is_held_by_one_and_named_to_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    store = tmp_path / "store"
    with hold([str(store)]):
        with pytest.raises(FileFailure, match="another run has been working there") as refused, hold([str(store)]):
            pytest.fail("held twice")
        assert refused.value.field == str(store)
    assert not store.exists(), "what was made for the lock alone goes"
    with hold([str(store)], make=False):
        assert not store.exists()


def test_r4_a_directory_that_takes_no_file_is_named_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    with pytest.raises(FileFailure, match="no file can be made in it") as refused, hold(["/proc/self"]):
        pytest.fail("held what cannot be held")
    assert refused.value.field == "/proc/self"


def test_r4_those_who_wait_get_their_turn_although_the_directory_goes_each_time(tmp_path: Path) -> None:
    """The lock file is removed by its holder, so that a waiting one has to notice that it locked a dead file."""
    inside, most, rounds = [0], [0], [0]

    def work() -> None:
        for _turn in range(10):
            with hold([f"{tmp_path}/a/b"]):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.002)
                inside[0] -= 1
                rounds[0] += 1

    workers = [threading.Thread(target=work) for _turn in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (most[0], rounds[0]) == (1, 40)


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("IMPORTANT")
    (tmp_path / ".lock").symlink_to("victim")
    with pytest.raises(FileFailure, match="is a symbolic link"), hold([str(tmp_path)]):
        pytest.fail("held")


@pytest.mark.parametrize(
    ("name", "age", "left"),
    [
        (".trustmesh-00000000-1-0123abcd.tmp", 3590, False),
        (".trustmesh-00000000-1-0123abcd.tmp", 3610, True),
        (".trustmesh-1-0123abcd.tmp", 3590, False),
        (".trustmesh-1-0123abcd.tmp", 3610, True),
        (".trustmesh-WORLD-99999999999999999999-0123abcd.tmp", 7200, False),
        (".trustmesh-WORLD-1-0123abcd.tmp", 7200, False),
        (".trustmesh-WORLD-1-0123abcd.tmp.other", 7200, False),
        (".trustmesh-notes.tmp", 7200, False),
        ("a.trustmesh-1-0123abcd.tmp", 7200, False),
    ],
)
def test_r20_what_is_left_is_told_by_its_name_and_age(tmp_path: Path, name: str, age: float, left: bool) -> None:
    path = _left(tmp_path, name.replace("WORLD", leftovers._world()), age)
    leftovers.remove_leftovers(places.directory(str(tmp_path)))
    assert path.exists() is not left


def test_temporary_names_are_told_apart_and_known_again(tmp_path: Path) -> None:
    names = {leftovers.temporary_name() for _time in range(100)}
    assert len(names) == 100
    folder = places.directory(str(tmp_path))
    for name in names:
        made = leftovers._TEMPORARY.fullmatch(name)
        assert made is not None
        assert made.groups() == (leftovers._world(), str(os.getpid()))
        (tmp_path / name).write_text("")
    leftovers.remove_leftovers(folder)
    assert {path.name for path in tmp_path.iterdir()} == names, "their process runs"


def test_a_new_directory_is_private_until_it_has_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    mkdir = os.mkdir
    monkeypatch.setattr(os, "mkdir", lambda name, mode, **at: (made.append(mode), mkdir(name, mode, **at)))
    transaction = FileTransaction()
    with transaction.group("it") as group:
        group.directory(f"{tmp_path}/one/two", Attributes(mode=0o755))
        group.tree(f"{tmp_path}/tree", Attributes(mode=0o755))
    assert made == [0o700] * 3
    assert _modes(tmp_path / "one") == _modes(tmp_path / "one/two") == 0o755


def test_what_is_written_is_made_durable_before_it_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content first, then the names: what a power cut leaves is old or new."""
    order: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        order.append("file" if stat.S_ISREG(os.fstat(descriptor).st_mode) else "folder")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *given, **at: (order.append("name"), replace(*given, **at)))
    put_file(f"{tmp_path}/file", b"content", PRIVATE)
    assert order == ["file", "folder", "name", "folder"]
    order.clear()
    with reserve_file(f"{tmp_path}/reserved", 10, PRIVATE) as fill:
        assert order == ["file"], "the room is certain before anything is made for it"
        fill(b"content")
    assert order == ["file", "file", "folder", "name", "folder"]


def test_a_group_that_does_not_take_effect_leaves_no_temporary_file(tmp_path: Path) -> None:
    transaction = FileTransaction()
    (tmp_path / "taken").mkdir()
    with transaction.group("it") as group:
        group.directory(f"{tmp_path}/made/for/it")
        group.put(f"{tmp_path}/taken", b"secret", PRIVATE)
    assert list(transaction.commit()) == ["it"]
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("fails", [True, False])
def test_what_was_reserved_is_closed_whatever_happens(tmp_path: Path, fails: bool) -> None:
    places.directory(str(tmp_path))
    transaction = FileTransaction()

    def stage() -> None:
        with transaction.group("it") as group:
            group.reserve(f"{tmp_path}/file", b"room", PRIVATE)
            group.tree(f"{tmp_path}/tree").reserve("file", b"room", PRIVATE)
            if fails:
                raise TrustmeshError("refused")

    before = len(os.listdir("/proc/self/fd"))
    if fails:
        with pytest.raises(TrustmeshError, match="refused"):
            stage()
    else:
        stage()
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize(("answer", "one_by_one"), [(0, False), (-1, True)])
def test_many_files_are_flushed_by_file_system_and_one_by_one_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int, one_by_one: bool
) -> None:
    """Nothing counts as durable because a call was made: it has to say that it went well."""
    asked: list[int] = []
    flushed: list[int] = []

    class Library:
        """The C library, as far as it is called here."""

        def __init__(self, _name: None, *, use_errno: bool) -> None:
            assert use_errno

        @staticmethod
        def syncfs(descriptor: int) -> int:
            asked.append(os.fstat(descriptor).st_dev)
            return answer

    monkeypatch.setattr(staging.ctypes, "CDLL", Library)
    monkeypatch.setattr(staging.os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    files = [tmp_path / str(number) for number in range(100)]
    for file in files:
        file.touch()
    staging.flush([Place.of(str(file)) for file in files], with_files=True)
    assert asked == [tmp_path.stat().st_dev]
    assert flushed == ([file.stat().st_ino for file in (*files, tmp_path)] if one_by_one else [])
