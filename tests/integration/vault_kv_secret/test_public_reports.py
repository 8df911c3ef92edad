# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about the key-value engine, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.vault_kv_secret.test_secrets import Module, Name, held, item, make, manage, mount
from tests.rigs.openbao import OpenBao

__all__ = ["manage", "mount"]

VALUES: t.Final[dict[str, t.Any]] = {
    "float": 1.10, "true": True, "null": None, "empty": "", "nested": {"a": [1, {"b": None}]}, "digits": "007",
    "date": "2026-01-01", "lines": "a\nb\r\n", "signs": "\u00e4\U0001f600\u200b\x00", "template": "{{ x }}",
    "exact": 2**53, "": "no name", "a.b/c": "dots", "long": "x" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("version", [1, 2])
def test_values_of_every_type_settle_and_are_kept_as_they_are(
    run_module: Module, vault: OpenBao, connection: dict[str, str], unique_name: Name, version: int
) -> None:
    """hashicorp/terraform-provider-vault#2509: values other than texts could not be kept, or were changed each time."""
    mount = make(vault, unique_name("kv"), version)
    args = {**connection, "secrets": [{"mount": mount, "path": "types", "data": VALUES}]}
    assert run_module("vault_kv_secret", args).ok().changed
    assert not run_module("vault_kv_secret", args).ok().changed
    kept = vault.api.read(f"{mount}/data/types" if version == 2 else f"{mount}/types")
    assert kept is not None and (kept["data"] if version == 2 else kept) == VALUES


@pytest.mark.parametrize(
    "path", ["ends ", " begins", "a b/c d", "\u00fcn\u00ef/c\u00f6d\u00e9", "a%2fb", "a+b", "a..b", "a/.../b"]
)
def test_paths_are_kept_to_the_letter(manage: Module, vault: OpenBao, mount: str, path: str) -> None:
    """hashicorp/vault#14990, #7779: a secret whose path ends with a blank could be made, and not read or removed."""
    assert item(manage({"path": path, "data": {"a": "b"}}))["changed"]
    assert not item(manage({"path": path, "data": {"a": "b"}}))["changed"]
    first = path.split("/")[0]
    assert vault.api.request("LIST", f"{mount}/metadata").data["keys"] == [first + "/" * ("/" in path)]
    assert item(manage({"path": path, "state": "absent", "on_delete": "destroy"}))["changed"]
    assert vault.api.request("LIST", f"{mount}/metadata").status == 404


@pytest.mark.parametrize("path", ["/app/one", "app/one/", "/app/one/"])
def test_slashes_around_a_path_mean_nothing(manage: Module, mount: str, path: str) -> None:
    """hashicorp/vault#16238: a leading slash was taken by one command and refused by the other."""
    assert item(manage({"path": "app/one", "data": {"a": "b"}}))["changed"]
    assert not item(manage({"path": path, "data": {"a": "b"}}))["changed"]


@pytest.mark.parametrize("undone", ["delete", "destroy"])
def test_what_was_deleted_can_be_written_again(manage: Module, vault: OpenBao, mount: str, undone: str) -> None:
    """hashicorp/vault#15676: a write that demands that nothing be there is refused after a deletion."""
    declared = {"path": "app", "data": {"a": "b"}}
    assert item(manage(declared))["changed"]
    vault.api.write(f"{mount}/{undone}/app", versions=[1])
    assert item(manage(declared))["changed"]
    assert not item(manage(declared))["changed"]
    assert held(vault, mount, "app") == {"a": "b"}


def test_generating_in_version_1_tells_that_it_is_not_guarded(
    run_module: Module, vault: OpenBao, connection: dict[str, str], unique_name: Name
) -> None:
    """hashicorp/vault#19368: version 1 takes no notice of check-and-set, so that the last of two writers wins."""
    mounts = {version: make(vault, unique_name("kv"), version) for version in (1, 2)}
    for version, place in mounts.items():
        secret = {"mount": place, "path": "app", "generate": [{"key": "password"}]}
        args = {**connection, "secrets": [secret]}
        told = [str(run_module("vault_kv_secret", args, check=check).ok().result) for check in (True, False, False)]
        unguarded = ["cannot refuse a write, so that another run may replace" in text for text in told]
        assert unguarded == [version == 1, version == 1, False]


@pytest.mark.parametrize("options", [None, {}, {"version": "1"}])
def test_an_engine_that_names_no_version_is_version_1(
    run_module: Module, vault: OpenBao, connection: dict[str, str], unique_name: Name, options: dict[str, str] | None
) -> None:
    """FalcoSuessgott/vkv#463: an engine enabled as kv has no options, and was no engine of either version."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", **({} if options is None else {"options": options}))
    args = {**connection, "secrets": [{"mount": mount, "path": "app/db", "data": {"a": "b"}}]}
    assert run_module("vault_kv_secret", args).ok().changed
    assert not run_module("vault_kv_secret", args).ok().changed
    assert vault.api.read(f"{mount}/app/db") == {"a": "b"}


def test_an_engine_that_is_not_there_is_named(
    run_module: Module, vault: OpenBao, connection: dict[str, str], unique_name: Name, token: t.Any
) -> None:
    """hashicorp/vault#11434: the server says 403 of a mount that does not exist, even to root."""
    mount = unique_name("nowhere")
    secrets = [{"mount": mount, "path": "app/db", "data": {"a": "b"}}]
    rules = f'path "{mount}/*" {{ capabilities = ["create", "read", "update"] }}'
    for given in (connection["token"], token(rules=rules)):
        args = {**connection, "token": given, "secrets": secrets}
        assert run_module("vault_kv_secret", args, check=True).ok().changed
        failed = run_module("vault_kv_secret", args)
        assert failed.failed
        assert f"nothing is mounted for {mount}/data/app/db" in failed.msg
        assert "vault_mount" in failed.msg


def test_limits_of_a_secret_are_its_own(manage: Module, vault: OpenBao, mount: str) -> None:
    """hashicorp/vault#10647: what the engine is configured to applies, and the secret shows zero for it."""
    vault.api.write(f"{mount}/config", max_versions=4, delete_version_after="9480h")
    own = {"path": "own", "data": {"a": "b"}, "max_versions": 4, "delete_version_after": "395d"}
    none = {"path": "none", "data": {"a": "b"}, "max_versions": 0, "delete_version_after": 0}
    assert manage(own, none).ok().changed
    assert not manage(own, none).ok().changed
    kept = vault.api.read(f"{mount}/metadata/own") or {}
    assert (kept["max_versions"], kept["delete_version_after"]) == (4, "9480h0m0s")
    kept = vault.api.read(f"{mount}/metadata/none") or {}
    assert (kept["max_versions"], kept["delete_version_after"]) == (0, "0s")


@pytest.mark.parametrize("undone", ["delete", "destroy"])
def test_a_value_of_a_deleted_secret_says_that_it_is_deleted(
    run_module: Module, vault: OpenBao, connection: dict[str, str], mount: str, tmp_path: t.Any, undone: str
) -> None:
    """ansible-collections/community.hashi_vault#312, hvac/hvac#906: a deleted version was told as a wrong path."""
    vault.api.write(f"{mount}/data/app", data={"password": "long-enough-to-be-masked"})
    vault.api.write(f"{mount}/{undone}/app", versions=[1])
    secret = {"name": "PASSWORD", "vault": {"mount": mount, "path": "app", "key": "password"}}
    args = {**connection, "files": [{"path": str(tmp_path / "env"), "secrets": [secret]}]}
    failed = run_module("environment_file", args)
    assert failed.failed
    assert f"the newest version of {mount}/app is deleted" in failed.msg
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("pattern", ["app/+/login", "app/*", "+/hub/login", "app/hub/login"])
def test_a_token_for_paths_with_wildcards_is_enough(
    run_module: Module,
    vault: OpenBao,
    connection: dict[str, str],
    unique_name: Name,
    token: t.Any,
    pattern: str,
    version: int,
) -> None:
    """hashicorp/vault#6525, #11156: finding out the version of the engine was refused where the secret was not."""
    mount = make(vault, unique_name("kv"), version)
    parts = ("data/", "metadata/") if version == 2 else ("",)
    rules = "".join(
        f'path "{mount}/{part}{pattern}" {{ capabilities = ["create", "read", "update"] }}\n' for part in parts
    )
    login = {**connection, "token": token(rules=rules)}
    args = {**login, "secrets": [{"mount": mount, "path": "app/hub/login", "data": {"a": "b"}}]}
    assert run_module("vault_kv_secret", args).ok().changed
    assert not run_module("vault_kv_secret", args).ok().changed
    prefix = "data/" if version == 2 else ""
    assert vault.api.read(f"{mount}/{prefix}app/hub/login") is not None
