# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that not even root replaces: they are named before anything is written, and a group stays whole."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t
from collections.abc import Iterator

import pytest


@pytest.fixture
def obstruct(tmp_path: pathlib.Path) -> Iterator[t.Callable[[str, pathlib.Path], None]]:
    """Mount a file of its own on a path, or protect the path by an attribute; undone at the end."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root mounts files and protects them")
    undo: list[list[str]] = []

    def make(how: str, path: pathlib.Path) -> None:
        if how == "mounted":
            other = tmp_path / "other"
            other.write_bytes(path.read_bytes())
            other.chmod(path.stat().st_mode)
            begin, end = ["mount", "--bind", str(other), str(path)], ["umount", str(path)]
        else:
            begin, end = ["chattr", f"+{how}", str(path)], ["chattr", f"-{how}", str(path)]
        if subprocess.run(begin, check=False, capture_output=True).returncode != 0:
            pytest.skip(f"not applicable: {begin[0]} does not work on this file system")
        undo.append(end)

    yield make
    for argv in reversed(undo):
        subprocess.run(argv, check=True)


WORDS: t.Final = {
    "mounted": "is mounted by itself, so that no other file can take its place. Mount the directory",
    "i": "is protected from every change (immutable). See lsattr.",
    "a": "may only grow (append-only). See lsattr.",
}


@pytest.mark.parametrize("how", WORDS)
def test_a_group_with_a_file_that_cannot_be_replaced_stays_whole(
    run_module: t.Any, tmp_path: pathlib.Path, obstruct: t.Any, how: str
) -> None:
    """ansible/ansible#13981, #48886: a file mounted into a container, or immutable, failed without a reason."""

    def args(value: str) -> dict[str, t.Any]:
        named = [{"name": name, "value": f"{value}-{name}"} for name in "abc"]
        places = {"directory": str(tmp_path / "c"), "unit_directory": str(tmp_path / "u"), "encrypt": "never"}
        return {**places, "services": [{"service": "hub", "credentials": named}]}

    run_module("systemd_credential", args("old")).ok()
    folder = tmp_path / "c" / "hub.service"
    obstruct(how, folder / "b")
    failed = run_module("systemd_credential", args("new")).result
    assert failed["failed"] and not failed["changed"] and WORDS[how] in failed["msg"]
    assert {path.name: path.read_text() for path in folder.iterdir()} == {name: f"old-{name}" for name in "abc"}


def test_no_secret_stays_in_a_directory_that_may_only_grow(
    run_module: t.Any, tmp_path: pathlib.Path, obstruct: t.Any
) -> None:
    """ansible/ansible#48886: what was written under a temporary name could not be removed again."""
    folder = tmp_path / "env"
    folder.mkdir()
    args = {"files": [{"path": str(folder / "x.env"), "secrets": [{"name": "S", "value": "one-secret-value"}]}]}
    run_module("environment_file", args).ok()
    obstruct("a", folder)
    args["files"][0]["secrets"] = [{"name": "S", "value": "other-secret-value"}]
    failed = run_module("environment_file", args).result
    assert failed["failed"] and f"{folder}: {WORDS['a']}" in failed["msg"]
    assert "other-secret-value" not in "".join(path.read_text() for path in folder.iterdir())


def test_no_secret_id_is_made_for_a_file_that_cannot_be_replaced(
    run_module: t.Any, tmp_path: pathlib.Path, obstruct: t.Any, vault: t.Any, connection: t.Any, unique_name: t.Any
) -> None:
    """ansible/ansible#13981: what exists only once is not made before its place is certain."""
    name, path = unique_name("role"), tmp_path / "secret-id"
    mount = unique_name("approle")
    vault.api.write(f"sys/auth/{mount}", type="approle")
    path.write_text("")
    obstruct("mounted", path)
    args = {**connection, "mount": mount, "roles": [{"name": name, "delivery": {"path": str(path)}}]}
    failed = run_module("vault_approle", args).result
    assert failed["failed"] and WORDS["mounted"] in failed["msg"]
    assert not vault.api.request("LIST", f"auth/{mount}/role/{name}/secret-id").data.get("keys")
