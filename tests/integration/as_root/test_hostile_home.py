# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind 2: as root, in a directory of a service user, no link of that user leads a run elsewhere."""

from __future__ import annotations

import concurrent.futures
import functools
import pathlib
import typing as t

import pytest

from tests.integration.as_root.conftest import Person
from tests.rigs.openbao import OpenBao

TEXT = "IMPORTANT\n" * 50


@pytest.fixture
def of_root(person: Person) -> pathlib.Path:
    """A file of root that the user would like to read or to spoil."""
    path = person.home.parent / "of-root"
    path.write_text(TEXT)
    path.chmod(0o600)
    return path


@pytest.fixture
def approle(vault: OpenBao, unique_name: t.Any) -> str:
    path = str(unique_name("approle"))
    vault.api.write(f"sys/auth/{path}", type="approle")
    return path


def test_r5_secret_id_is_delivered_through_no_link(
    run_module: t.Any, connection: dict[str, str], person: Person, of_root: pathlib.Path, approle: str, vault: OpenBao
) -> None:
    person.run(f"ln -s {of_root} secret-id")
    delivery = {"path": str(person.home / "secret-id"), "owner": "54321", "wrapped": False}
    role = {"name": "app", "mount": approle, "delivery": delivery}
    done = run_module("vault_approle", {**connection, "roles": [role]})
    assert done.failed
    assert "is a symbolic link that 54321 made" in done.msg
    assert of_root.read_text() == TEXT
    assert vault.api.read(f"auth/{approle}/role/app") is None, "nothing is begun for what cannot be delivered"


def test_r5_secret_id_is_delivered_for_the_user_of_a_directory(
    run_module: t.Any, connection: dict[str, str], person: Person, approle: str
) -> None:
    delivery = {"path": str(person.home / "secret-id"), "owner": "54321", "group": "54321", "wrapped": False}
    args = {**connection, "roles": [{"name": "app", "mount": approle, "delivery": delivery}]}
    assert run_module("vault_approle", args).ok().changed
    assert len(person.run("cat secret-id")) > 30
    assert not run_module("vault_approle", args).ok().changed


def test_token_is_kept_through_no_link(
    run_module: t.Any,
    connection: dict[str, str],
    person: Person,
    of_root: pathlib.Path,
    vault: OpenBao,
    unique_name: t.Any,
) -> None:
    path = str(unique_name("userpass"))
    vault.api.write(f"sys/auth/{path}", type="userpass")
    vault.api.write(f"auth/{path}/users/u", password="password-of-a-test")
    person.run(f"ln -s {of_root} token")
    login = {"auth_method": "userpass", "auth_mount": path, "username": "u", "password": "password-of-a-test"}
    args = {**{k: v for k, v in connection.items() if k != "token"}, **login, "path": str(person.home / "token")}
    done = run_module("vault_token", args)
    assert done.failed
    assert "is a symbolic link that 54321 made" in done.msg
    assert of_root.read_text() == TEXT


@pytest.mark.parametrize("name", ["ca-key.pem", "ca-cert.pem"])
def test_authority_follows_no_link(run_module: t.Any, person: Person, of_root: pathlib.Path, name: str) -> None:
    person.run(f"mkdir ca; ln -s {of_root} ca/{name}")
    done = run_module(
        "local_ca", {"authorities": [{"name": "r", "directory": str(person.home / "ca"), "common_name": "R"}]}
    )
    assert done.failed
    assert "is a symbolic link that 54321 made" in done.msg
    assert of_root.read_text() == TEXT


def test_authority_is_made_behind_no_link(run_module: t.Any, person: Person) -> None:
    aim = person.home.parent / "root-directory"
    aim.mkdir(0o755)
    person.run(f"ln -s {aim} ca")
    done = run_module(
        "local_ca", {"authorities": [{"name": "r", "directory": str(person.home / "ca"), "common_name": "R"}]}
    )
    assert done.failed
    assert list(aim.iterdir()) == []


def test_master_key_follows_no_link(run_module: t.Any, person: Person, of_root: pathlib.Path) -> None:
    person.run(f"ln -s {of_root} master.key")
    args = {"keys": [{"path": str(person.home / "master.key"), "on_mismatch": "replace"}]}
    done = run_module("envelope_key", args)
    assert done.failed
    assert "is a symbolic link that 54321 made" in done.msg
    assert of_root.read_text() == TEXT


def test_process_of_a_strange_pid_file_is_not_ended(run_module: t.Any, person: Person) -> None:
    person.run("printf '1\\n{}\\n' >app.pid")
    process = {"name": "p", "pid_file": str(person.home / "app.pid"), "state": "stopped"}
    done = run_module("local_process", {"processes": [process]})
    assert done.failed
    assert "others than its user can have written" in done.msg


def test_two_authorities_at_once_are_one(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    args = {"authorities": [{"name": "r", "directory": str(tmp_path / "ca"), "common_name": "R"}]}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(functools.partial(run_module, "local_ca"), [args] * 4))
    assert [each.failed for each in done] == [False] * 4
    assert sorted(each.changed for each in done) == [False, False, False, True]
    assert not run_module("local_ca", args).ok().changed


def test_two_master_keys_at_once_are_one(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    for attempt in range(5):
        args = {"keys": [{"path": str(tmp_path / f"{attempt}.key")}]}
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            done = list(pool.map(functools.partial(run_module, "envelope_key"), [args] * 3))
        told = {each.result["results"][0]["key"]["check_value"] for each in done if not each.failed}
        assert len(told) == 1, "a key that a run has told of is the one that stays"
        (held,) = run_module("envelope_key", args).ok().result["results"]
        assert {held["key"]["check_value"]} == told
