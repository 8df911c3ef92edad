# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others do at the very moment: hold the lock, take the name, exchange the directory (R4, R5, kind 10)."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from plugins.module_utils._core import files, locks, places
from plugins.module_utils._core.attributes import FileFailure
from plugins.module_utils._core.locks import hold
from tests.unit.core.test_unannounced import Text, run

STRANGER: t.Final = 12345
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")


def test_r4_what_cannot_be_locked_is_not_touched_and_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    for name in ("busy", "free"):
        (tmp_path / name).mkdir()
    with hold([str(tmp_path / "busy")]):
        outcomes = run(Text(tmp_path / "busy/one", "new"), Text(tmp_path / "free/two", "new"))
    assert "another run has been working there" in str(outcomes["one"].error)
    assert not outcomes["one"].changed
    assert not (tmp_path / "busy/one").exists()
    assert (outcomes["two"].error, (tmp_path / "free/two").read_text()) == (None, "new")


def test_r4_a_lock_is_held_until_the_batch_is_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    looks: list[bool] = []

    class Watching(Text):
        def read(self) -> t.Any:
            try:
                with hold([str(tmp_path)]):
                    looks.append(False)
            except FileFailure:
                looks.append(True)
            return super().read()

    assert run(Watching(tmp_path / "file", "new"))["file"].error is None
    assert looks == [True, True], "before the plan and for the proof"
    with hold([str(tmp_path)]):
        pass


def test_check_mode_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    with hold([str(tmp_path)]):
        assert run(Text(tmp_path / "file", "new"), check=True)["file"].changed


@pytest.mark.parametrize("kind", ["link", "file", "hard link"])
def test_r5_a_temporary_name_that_is_taken_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("IMPORTANT")
    if kind == "link":
        (tmp_path / ".taken").symlink_to(victim)
    elif kind == "file":
        (tmp_path / ".taken").write_text("IMPORTANT")
    else:
        os.link(victim, tmp_path / ".taken")
    monkeypatch.setattr(files, "temporary_name", lambda: ".taken")
    with pytest.raises(FileFailure):
        files.put_file(f"{tmp_path}/file", b"secret", files.Attributes())
    assert victim.read_text() == "IMPORTANT"
    assert not (tmp_path / "file").exists()


def _given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody exchange each directory between its making and its opening."""
    mkdir = os.mkdir

    def made(name: t.Any, mode: int, *, dir_fd: int | None = None) -> None:
        mkdir(name, mode, dir_fd=dir_fd)
        os.chown(name, STRANGER, STRANGER, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", made)


@needs_root
def test_r5_a_directory_that_was_exchanged_while_it_was_made_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _given_away(monkeypatch)
    with pytest.raises(FileFailure, match="was exchanged for a directory of 12345 while it was made") as refusal:
        places.make_directory(f"{tmp_path}/one", files.Attributes(mode=0o755))
    assert refusal.value.field == f"{tmp_path}/one"
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o700, "nobody opened it"


@needs_root
def test_r5_a_tree_that_was_exchanged_while_it_was_made_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _given_away(monkeypatch)
    transaction = files.FileTransaction()

    def stage() -> None:
        with transaction.group("it") as group:
            group.tree(f"{tmp_path}/tree").write("key", b"secret", files.Attributes())

    with pytest.raises(FileFailure, match="was exchanged while it was made"):
        stage()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_directory_that_another_run_made_first_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = os.mkdir

    def faster(name: t.Any, mode: int, *, dir_fd: int | None = None) -> None:
        mkdir(name, 0o750, dir_fd=dir_fd)
        raise FileExistsError

    monkeypatch.setattr(os, "mkdir", faster)
    made: set[str] = set()
    found = places.make_directory(f"{tmp_path}/one", files.Attributes(mode=0o755), made)
    assert (found.real, made) == (f"{tmp_path}/one", set())
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o750, "it is left as it is"


def test_a_directory_that_was_made_is_not_walked_to_again(tmp_path: Path) -> None:
    made = places.make_directory(f"{tmp_path}/one/two/")
    assert places.directory(f"{tmp_path}/one/two") is made
