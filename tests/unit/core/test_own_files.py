# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file that two items name in different ways is refused before anything is read (kind 4, names)."""

from __future__ import annotations

import os
import subprocess
import time
import typing as t
from collections.abc import Sequence
from pathlib import Path

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.own_files import Directories, refuse_shared_files
from plugins.module_utils._core.resource import Composite
from tests.unit.core.samples import SampleResource, run

Named = Sequence[tuple[str, str]]


class Owner(SampleResource):
    """A sample that also owns files."""

    def __init__(self, name: str, *files: tuple[str, str]) -> None:
        super().__init__(name, None)
        self._files = files

    @property
    def own_files(self) -> Named:
        return self._files


def _refusal(*paths: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        run(*(Owner(f"item{at}", ("path", path)) for at, path in enumerate(paths)), check_mode=True)
    return str(caught.value)


@pytest.mark.parametrize(
    "other",
    ["{}/a/../a/x", "{}//a/x", "{}/./a/x", "{}/a/./x", "{}/link/x", "{}/link/../a/x", "{}/b/inner/../../a/x"],
)
def test_a_file_has_one_owner_whatever_it_is_called(tmp_path: Path, other: str) -> None:
    for name in ("a", "b/inner"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    one, two = f"{tmp_path}/a/x", other.format(tmp_path)
    assert _refusal(one, two) == (
        f"path of sample item0 and path of sample item1 are the same file, {one} and {two}. "
        "Give each a file of its own, or keep one."
    )


@pytest.mark.parametrize("other", ["{}/new/../new/deep/x", "{}//new/deep/x", "{}/new/./deep/x", "{}/link/deep/x"])
def test_so_has_one_in_a_directory_that_is_yet_to_be_made(tmp_path: Path, other: str) -> None:
    (tmp_path / "link").symlink_to("new")
    if "link" in other:
        (tmp_path / "new").mkdir()
    assert "are the same file" in _refusal(f"{tmp_path}/new/deep/x", other.format(tmp_path))


def test_so_has_one_that_a_relative_path_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for other in ("x", "./x", "../" + tmp_path.name + "/x"):
        assert "are the same file" in _refusal(f"{tmp_path}/x", other)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_so_has_one_below_a_bind_mount(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    subprocess.run(["mount", "--bind", tmp_path / "a", tmp_path / "b"], check=True, timeout=30)
    try:
        assert "are the same file" in _refusal(f"{tmp_path}/a/x", f"{tmp_path}/b/x")
    finally:
        subprocess.run(["umount", tmp_path / "b"], check=True, timeout=30)


def test_two_options_of_one_item_are_told_apart(tmp_path: Path) -> None:
    path = f"{tmp_path}/x"
    with pytest.raises(InvalidInput, match=f"sample a: key_file and crl_file are the same file, {path}. Give each"):
        refuse_shared_files([Owner("a", ("key_file", path), ("crl_file", path))])
    with pytest.raises(InvalidInput, match="sample a: two files of publish are the same file"):
        refuse_shared_files([Owner("a", ("publish", path), ("publish", f"{tmp_path}//x"))])
    members = [Composite(name, [Owner(name, ("path", path))]) for name in ("a", "b")]
    for member in members:
        member.kind = "pair"  # type: ignore[misc]
    with pytest.raises(InvalidInput, match="path of pair a and path of pair b are the same file"):
        refuse_shared_files(members)


@pytest.mark.parametrize(
    "paths",
    [
        ("{}/a/x", "{}/a/y"),
        ("{}/a/x", "{}/b/x"),
        ("{}/new/x", "{}/a/new/x"),
        ("{}/a/x", "{}/a/hard"),
        ("{}/a/x", "{}/a/x/y"),
        ("{}/secret/x", "{}/loop/x"),
        ("{}/a/x", "{}/a/pointer"),
        ("{}/a/x", "{}/" + "long" * 100 + "/x"),
    ],
)
def test_what_is_two_files_stays_two(tmp_path: Path, paths: tuple[str, str]) -> None:
    """A hard link is another name of what is there, and stands for a file of its own once it is written."""
    for name in ("a", "b", "secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/x").write_text("")
    os.link(tmp_path / "a/x", tmp_path / "a/hard")
    (tmp_path / "a/pointer").symlink_to("x")
    (tmp_path / "loop").symlink_to("loop")
    refuse_shared_files([Owner(str(at), ("path", path.format(tmp_path))) for at, path in enumerate(paths)])


def test_a_directory_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[t.Any] = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: (looked.append(path), stat(path, **how))[1])
    items = [Owner(str(number), ("path", f"{tmp_path}/{number % 3}/{number}")) for number in range(300)]
    refuse_shared_files(items)
    assert len(looked) <= 3 + 1


def test_it_costs_next_to_nothing(tmp_path: Path) -> None:
    items = [Owner(str(number), ("path", f"{tmp_path}/{number}.env")) for number in range(20_000)]
    start = time.process_time()
    refuse_shared_files(items)
    assert (time.process_time() - start) / len(items) < 20e-6


def test_the_root_and_what_cannot_be_looked_at_are_directories_too() -> None:
    directories = Directories()
    root = os.stat("/")
    assert directories.lasting("/") == ((root.st_dev, root.st_ino), "")
    assert directories.lasting("/no such/./x/../y") == ((root.st_dev, root.st_ino), "/no such/y")
    assert directories.lasting("/\0/x")[1] == "/\0/x"


def test_a_working_directory_that_is_gone_is_the_same_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "are the same file" in _refusal("x", "x")
