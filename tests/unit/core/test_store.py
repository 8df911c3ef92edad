# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store below a directory of others: whose directories count, what ``current`` may say, what is mended."""

from __future__ import annotations

import errno
import os
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core import store as module
from plugins.module_utils._core.attributes import Attributes, FileFailure
from plugins.module_utils._core.places import Directory, directory
from plugins.module_utils._core.store import Store, passable, wrong

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
OWNER: t.Final = 12345
OTHER: t.Final = 23456


def _store(tmp_path: Path, owner: int | None = None) -> Store:
    return Store(str(tmp_path / "store"), Attributes(owner, owner))


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_what_is_missing_is_none_and_made_on_demand(tmp_path: Path) -> None:
    store = _store(tmp_path)
    assert (store.root(), store.item("a")) == (None, None)
    item = store.make("a")
    assert item.real == str(tmp_path / "store/a")
    assert (_mode(tmp_path / "store"), _mode(tmp_path / "store/a")) == (0o755, 0o755)
    found = store.item("a")
    assert found is not None
    assert (found.identity, store.item("b")) == (item.identity, None)
    assert Store(str(tmp_path / "no/store"), Attributes()).root() is None


@pytest.mark.parametrize("inner", [True, False])
def test_r2_a_link_is_no_directory_of_a_store(tmp_path: Path, inner: bool) -> None:
    (tmp_path / "elsewhere/a").mkdir(parents=True)
    path = tmp_path / "store"
    if inner:
        path.mkdir()
        path = path / "a"
    path.symlink_to(tmp_path / "elsewhere")
    for act in (_store(tmp_path).item, _store(tmp_path).make):
        with pytest.raises(FileFailure, match="is a symbolic link, not a directory; it was put there by") as refusal:
            act("a")
        assert refusal.value.field == str(path)
    path.unlink()
    path.write_text("")
    with pytest.raises(FileFailure, match="is a regular file, not a directory"):
        _store(tmp_path).item("a")


@needs_root
@pytest.mark.parametrize(("uid", "taken"), [(0, True), (OWNER, True), (OTHER, False)])
@pytest.mark.parametrize("which", ["store", "store/a"])
def test_r2_a_directory_of_a_stranger_is_not_used(tmp_path: Path, which: str, uid: int, taken: bool) -> None:
    _store(tmp_path, OWNER).make("a")
    os.chown(tmp_path / which, uid, uid)
    if taken:
        assert _store(tmp_path, OWNER).item("a") is not None
        return
    with pytest.raises(FileFailure, match="belongs to another user than root and the declared owner") as refusal:
        _store(tmp_path, OWNER).item("a")
    assert refusal.value.field == str(tmp_path / which)


def test_r2_a_store_that_was_exchanged_is_looked_at_again(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.make("a")
    first = store.root()
    assert store.root() is first, "and while nothing changes it is not"
    (tmp_path / "store").rename(tmp_path / "gone")
    assert store.root() is None
    (tmp_path / "store").symlink_to(tmp_path / "gone")
    with pytest.raises(FileFailure):
        store.root()
    (tmp_path / "store").unlink()
    (tmp_path / "gone").rename(tmp_path / "store")
    (tmp_path / "store").chmod(0o777)
    again = store.root()
    assert again is not None
    assert again.status.st_mode & 0o777 == 0o777, "a changed mode is noticed"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("g-1", None),
        (".hidden", None),
        ("..", "out of this store"),
        (".", "out of this store"),
        ("g-1/..", "out of this store"),
        ("/etc", "out of this store"),
        ("../b/g-1", "out of this store"),
    ],
)
def test_r2_current_is_one_plain_name(tmp_path: Path, text: str, problem: str | None) -> None:
    store = _store(tmp_path)
    item = store.make("a")
    assert store.current(item) is None
    (tmp_path / "store/a/current").symlink_to(text)
    if problem is None:
        assert store.current(item) == text
        return
    with pytest.raises(FileFailure, match=problem) as refusal:
        store.current(item)
    assert refusal.value.field == str(tmp_path / "store/a/current")


def test_current_that_is_no_link_is_refused(tmp_path: Path) -> None:
    store = _store(tmp_path)
    item = store.make("a")
    (tmp_path / "store/a/current").mkdir()
    with pytest.raises(FileFailure, match="is a directory, not a symbolic link"):
        store.current(item)


def test_what_is_in_force_is_looked_at_again_while_it_is_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _store(tmp_path)
    item = store.make("a")
    assert store.in_force(item) == (None, None)
    (tmp_path / "store/a/g-3").mkdir()
    names = iter(["g-1", "g-2", "g-3"])
    monkeypatch.setattr(store, "current", lambda _item: next(names))
    name, found = store.in_force(item)
    assert name == "g-3" and found is not None
    monkeypatch.setattr(store, "current", lambda _item: "g-1")
    assert store.in_force(item) == ("g-1", None), "the same name twice is gone indeed"
    numbers = iter(range(100))
    monkeypatch.setattr(store, "current", lambda _item: f"x-{next(numbers)}")
    assert store.in_force(item) == ("x-4", None), "five times at most"


@pytest.mark.parametrize(("mode", "is_wrong"), [(0o755, False), (0o700, False), (0o775, True), (0o757, True)])
def test_a_directory_that_others_may_write_is_mended(tmp_path: Path, mode: int, is_wrong: bool) -> None:
    store = _store(tmp_path)
    store.make("a")
    for path in ("store", "store/a"):
        (tmp_path / path).chmod(mode)
    folders = [directory(str(tmp_path / path)) for path in ("store", "store/a")]
    expected = [(str(tmp_path / path), "mode", f"{mode:04o}", "0755") for path in ("store", "store/a")]
    assert list(store.faults(folders)) == (expected if is_wrong else [])
    store.make("a")
    assert {_mode(tmp_path / path) for path in ("store", "store/a")} == {0o755 if is_wrong else mode}


@needs_root
@pytest.mark.parametrize(
    ("uid", "gid", "mode", "owner", "group", "passes"),
    [
        (0, 0, 0o711, OWNER, OWNER, True),
        (0, 0, 0o700, OWNER, OWNER, False),
        (0, 0, 0o701, OWNER, OWNER, True),
        (0, 0, 0o710, OWNER, OWNER, False),
        (0, OWNER, 0o710, OWNER, OWNER, True),
        (0, OWNER, 0o701, OWNER, OWNER, False),
        (0, OWNER, 0o710, OWNER, None, False),
        (OWNER, 0, 0o700, OWNER, OWNER, True),
        (OWNER, OWNER, 0o077, OWNER, OWNER, False),
        (OTHER, OTHER, 0o700, None, OWNER, True),
        (OTHER, OTHER, 0o700, 0, 0, True),
    ],
)
def test_whether_an_owner_can_pass(
    tmp_path: Path, uid: int, gid: int, mode: int, owner: int | None, group: int | None, passes: bool
) -> None:
    os.chown(tmp_path, uid, gid)
    tmp_path.chmod(mode)
    held = Attributes(owner, group)
    assert passable(tmp_path.stat(), held) is passes
    folder = Directory(os.open(tmp_path, os.O_RDONLY), str(tmp_path), tmp_path.stat(), True)
    assert wrong(folder, held) is (not passes or bool(mode & 0o022))


def test_a_store_whose_way_cannot_be_walked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{tmp_path}/{'n' * 300}/store"
    with pytest.raises(FileFailure, match="the name is too long") as refusal:
        Store(path, Attributes()).root()
    assert refusal.value.field == path
    store = _store(tmp_path)
    monkeypatch.setattr(store, "item", lambda _name: None)  # others remove it again and again
    with pytest.raises(FileFailure, match="no such directory") as refusal:
        store.make("a")
    assert refusal.value.field == str(tmp_path / "store/a")


def test_the_groups_of_a_user_are_those_of_this_host() -> None:
    assert 0 in module._groups(0)
    assert module._groups(OWNER) == []


@pytest.mark.parametrize(("code", "said"), [(errno.EACCES, "permission denied"), (errno.EIO, "Input/output error")])
def test_a_store_that_cannot_be_opened_is_named_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    store = _store(tmp_path)
    store.make("a")

    def refuse(_folder: Directory, _name: str) -> t.NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Directory, "enter", refuse)
    for act in (lambda: _store(tmp_path).root(), lambda: store.inner(directory(str(tmp_path)), "store")):
        with pytest.raises(FileFailure, match=said) as refusal:
            act()
        assert refusal.value.field == str(tmp_path / "store")
