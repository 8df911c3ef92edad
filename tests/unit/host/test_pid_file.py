# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process file is believed only where nobody else can have written it, and of this boot alone (kind 2, kind 10)."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._host import process as module
from plugins.module_utils._host.control import Program
from plugins.module_utils._host.process import LocalProcess, ProcessState
from plugins.module_utils._host.procfs import boot_id, identify

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def _record(**changes: t.Any) -> str:
    own = identify(os.getpid())
    assert own is not None
    held = {"ticks": own.ticks, "boot": boot_id(), "argv": ["x"], "chdir": "/", "environment": {}, "files": {}}
    held.update(changes)
    return f"{changes.get('pid', os.getpid())}\n{json.dumps({n: v for n, v in held.items() if n != 'pid'})}\n"


def _read(path: pathlib.Path) -> ProcessState | None:
    program = Program((), "/", {}, str(path), str(path) + ".log", (), 1, 1)
    return LocalProcess("it", program, None, wanted=False).read()


def test_a_process_is_known_by_its_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "it.pid"
    assert _read(path) is None
    path.write_text(_record())
    found = _read(path)
    assert found is not None
    assert found.alive and found.process == identify(os.getpid())


@pytest.mark.parametrize("changes", [{"boot": "another"}, {"ticks": 1}, {"pid": 2**22 + 1}])
def test_a_process_of_another_life_is_not_alive(tmp_path: pathlib.Path, changes: dict[str, t.Any]) -> None:
    path = tmp_path / "it.pid"
    path.write_text(_record(**changes))
    found = _read(path)
    assert found is not None and not found.alive


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o620, 0o602])
def test_a_file_that_others_can_write_is_not_believed(tmp_path: pathlib.Path, mode: int) -> None:
    path = tmp_path / "it.pid"
    path.write_text(_record())
    path.chmod(mode)
    if not mode & 0o022:
        assert _read(path) is not None
        return
    with pytest.raises(InvalidInput, match="others than its user can have written") as refusal:
        _read(path)
    assert refusal.value.field == "pid_file"


@needs_root
def test_a_file_in_a_directory_of_others_is_not_believed(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "it.pid").write_text(_record())
    os.chown(home, 12345, 12345)
    with pytest.raises(InvalidInput, match="others than its user can have written"):
        _read(home / "it.pid")


@pytest.mark.parametrize("text", ["", "4711", "4711\n", "4711\n{}", "4711\n[]", "4711\n{"])
def test_a_file_of_others_is_an_error(tmp_path: pathlib.Path, text: str) -> None:
    _refused(tmp_path / "it.pid", text)


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 1},
        {"pid": 0},
        {"pid": -1},
        {"pid": "x"},
        {"ticks": "1"},
        {"boot": None},
        {"argv": "x"},
        {"chdir": 5},
        {"environment": []},
        {"files": None},
    ],
    ids=str,
)
def test_a_record_of_another_form_is_an_error(tmp_path: pathlib.Path, changes: dict[str, t.Any]) -> None:
    _refused(tmp_path / "it.pid", _record(**changes))


def _refused(path: pathlib.Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(InvalidInput, match="was not written by this module") as refusal:
        _read(path)
    assert refusal.value.field == "pid_file"


def test_what_is_watched_has_a_size(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(bytes(3000))
    monkeypatch.setattr(module, "_PART", 1000)
    monkeypatch.setattr(module, "_LARGEST_WATCHED", 3000)
    assert len(module._file_digest(f"{tmp_path}/file")) == 64
    assert module._file_digest(f"{tmp_path}/none") == "absent"
    monkeypatch.setattr(module, "_LARGEST_WATCHED", 2999)
    with pytest.raises(InvalidInput) as refusal:
        module._file_digest(f"{tmp_path}/file")
    assert str(refusal.value.field).startswith("watch_files")
