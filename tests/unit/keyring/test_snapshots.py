# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of records in files: what is wrong is told once and exactly, and nothing is left of what failed."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core import files
from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.files import Attributes, FileFailure
from plugins.module_utils._core.places import Directory
from plugins.module_utils._keyring import file_custody
from plugins.module_utils._keyring.file_custody import FileCustody, projection
from plugins.module_utils._keyring.record import DamagedRecord

SHARED: t.Final = Attributes(mode=0o644)


class Shelf:
    """Records of some owners in a directory."""

    def __init__(self, base: pathlib.Path) -> None:
        self.base = base
        fields = [
            projection("private_key", "{name}.key", Attributes(), option="private_path", secret=True),
            projection("public_key", "{name}.pub", SHARED, option="public_path", secret=False),
        ]
        self.custody = FileCustody(str(base / "keys"), "jws_key", fields)

    def write(self, name: str, mark: str, version: t.Any = None) -> t.Any:
        """Write a record whose texts have a mark in them."""
        document = {"public_key": f"public {mark}", "private_key": f"private {mark}", "format": 1}
        return self.custody.write([(name, document, version)])[name]

    def store(self, name: str) -> pathlib.Path:
        """Return the directory of an owner in the store."""
        return self.base / "keys/.trustmesh-jws_key" / name

    def snapshots(self, name: str) -> list[str]:
        """Return the names of an owner's snapshots."""
        return sorted(path.name for path in self.store(name).iterdir() if path.name.startswith("s-"))

    def public(self, name: str) -> pathlib.Path:
        """Return where programs read a public key."""
        return self.base / f"keys/{name}.pub"


@pytest.fixture
def shelf(tmp_path: pathlib.Path) -> Shelf:
    """An empty one."""
    tmp_path.chmod(0o755)
    return Shelf(tmp_path)


@pytest.mark.parametrize("others", ["none", "s-1"])
def test_a_snapshot_in_force_that_is_missing_is_told_with_those_that_are_there(shelf: Shelf, others: str) -> None:
    version = shelf.write("a", "one")
    os.rename(shelf.store("a") / version, shelf.store("a") / ("s-1" if others == "s-1" else "moved"))
    with pytest.raises(DamagedRecord) as damage:
        shelf.custody.read("a")
    assert damage.value.problem == f"names {version}, which is missing; there are: {others}"
    assert damage.value.field == str(shelf.store("a") / "current")
    assert isinstance(shelf.write("a", "two", version), DamagedRecord)


def test_a_look_at_one_owner_tells_nothing_of_another(shelf: Shelf) -> None:
    for name in ("a", "b"):
        shelf.write(name, name)
    (shelf.store("b") / "current/record.json").chmod(0o640)
    shelf.custody.read("a")
    assert [what for what, _held, _wanted in shelf.custody.misplaced("b")] == ["record.mode"]
    shelf.custody.read("b")
    assert list(shelf.custody.misplaced("a")) == []


def test_a_directory_of_the_store_that_others_may_write_is_told(shelf: Shelf) -> None:
    shelf.write("a", "one")
    shelf.store("a").chmod(0o777)
    assert list(shelf.custody.misplaced("a")) == [(f"mode of {shelf.store('a')}", "0777", "0755")]


@pytest.mark.parametrize("what", ["link", "file", "content", "gone", "mode"])
def test_of_a_field_that_is_not_as_it_belongs_one_thing_is_told(shelf: Shelf, what: str) -> None:
    """What is told first has to be mended before the others can be."""
    shelf.write("a", "one")
    held = shelf.store("a") / "current/public_key"
    held.chmod(0o600)
    if what in ("link", "file"):
        shelf.public("a").unlink()
    if what == "file":
        shelf.public("a").write_text("public one")
    if what in ("link", "file", "content"):
        held.write_text("another")
    if what == "gone":
        held.unlink()
    place = f"{shelf.public('a')}, a link to the key in use"
    assert (
        list(shelf.custody.misplaced("a"))
        == {
            "link": [("public_key.file", None, place)],
            "file": [("public_key.file", "other", place)],
            "content": [("public_key.content", "other", "as recorded")],
            "gone": [("public_key.content", None, "as recorded")],
            "mode": [("public_key.mode", "0600", "0644")],
        }[what]
    )


def test_kind_9_nothing_is_left_of_a_first_record_that_does_not_fit(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: t.Any) -> t.NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.write", full)
        assert isinstance(shelf.write("a", "one"), TrustmeshError)
    assert list(shelf.base.iterdir()) == []


def test_a_record_is_laid_out_for_people(shelf: Shelf) -> None:
    shelf.write("a", "one")
    text = (shelf.store("a") / "current/record.json").read_text()
    assert json.loads(text)["format"] == 1
    assert '\n "format": 1' in text


def test_a_link_that_is_right_is_left_alone(shelf: Shelf) -> None:
    version = shelf.write("a", "one")
    before = shelf.public("a").lstat()
    shelf.write("a", "two", version)
    after = shelf.public("a").lstat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    assert shelf.public("a").read_text() == "public two"


def test_kind_10_a_snapshot_that_another_run_put_in_force_meanwhile_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shelf.write("a", "one")
    take_effect = files.FileGroup.take_effect

    def overtaken(group: files.FileGroup) -> None:
        take_effect(group)
        (shelf.store("a") / "current").unlink()
        (shelf.store("a") / "current").symlink_to(first)

    monkeypatch.setattr(files.FileGroup, "take_effect", overtaken)
    second = shelf.write("a", "two", first)
    assert shelf.snapshots("a") == sorted([first, second])
    assert shelf.public("a").read_text() == "public one"


def test_j3_who_goes_while_owners_are_listed_is_passed_over(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.write("a", "one")
    listed = file_custody.names_in
    monkeypatch.setattr(file_custody, "names_in", lambda folder: [*listed(folder), "gone"])
    assert shelf.custody.names() == ["a"]


def test_j3_a_store_that_cannot_be_looked_into_is_named(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.write("a", "one")

    def broken(_folder: Directory, _name: str) -> t.NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Directory, "stat", broken)
    with pytest.raises(FileFailure, match="Input/output error") as failure:
        shelf.custody.names()
    assert failure.value.field == str(shelf.store("a").parent)
