# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_token against a real server: one login for a play, used again while it lives, given back at the end."""

from __future__ import annotations

import pathlib
import stat
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.ladder import assert_rung
from tests.integration.vault_token.logins import Logins
from tests.rigs.audit import AuditRecord
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Module = Callable[..., t.Any]


def held(path: pathlib.Path, canaries: Canaries) -> str:
    """Return the token in a file, which must turn up nowhere else."""
    return canaries.record(path.read_text().strip(), "token of a file")


def mode(path: pathlib.Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def own(window: t.Any) -> list[AuditRecord]:
    """Return what was written, without the login and the revocation that this module exists for."""
    return [record for record in window.writes if not record.path.startswith("auth/token/revoke")]


def test_ladder(
    ladder: t.Any, logins: Logins, tmp_path: pathlib.Path, canaries: Canaries, connection: dict[str, str]
) -> None:
    """The common ladder judges by server state; a login is none, so its rungs are climbed here."""
    path = tmp_path / "token"
    present = {**logins.options("hub"), "path": str(path)}
    absent = {"url": connection["url"], "ca_cert": connection["ca_cert"], "path": str(path), "state": "absent"}

    def rung(name: str, args: dict[str, t.Any], *, check: bool, changes: bool, login: bool = False) -> t.Any:
        climbed = ladder.run("vault_token", name, args, check=check, server=False)
        assert_rung(climbed, changes=changes, writes=False)
        assert len(climbed.logins) == int(login), name
        return climbed

    rung("check create", present, check=True, changes=True)
    assert not path.exists()
    rung("create", present, check=False, changes=True, login=True)
    first = held(path, canaries)
    assert mode(path) == 0o600
    rung("check again", present, check=True, changes=False)
    rung("again", present, check=False, changes=False)
    assert held(path, canaries) == first

    path.write_text("tampered")
    path.chmod(0o644)
    rung("check mend", present, check=True, changes=True)
    mended = rung("mend", present, check=False, changes=True, login=True)
    assert mended.items[0]["action"] == "replace"
    assert mode(path) == 0o600
    second = held(path, canaries)
    assert logins.alive(second)

    rung("check remove", absent, check=True, changes=True)
    assert logins.alive(second)
    rung("remove", absent, check=False, changes=True)
    assert not path.exists()
    assert not logins.alive(second)
    rung("removed", absent, check=False, changes=False)
    assert logins.alive(first), "a token that was displaced by hand is not ours to find"


def test_later_tasks_use_it_and_a_play_logs_in_once(
    play: t.Any, logins: Logins, vault: OpenBao, tmp_path: pathlib.Path, audit_window: t.Any, canaries: Canaries
) -> None:
    vault.api.write("sys/policies/acl/list-mounts", policy='path "sys/mounts" { capabilities = ["read"] }')
    path = tmp_path / "token"
    reach = {"url": vault.url, "ca_cert": vault.ca_path}
    login = {**logins.options("hub", token_policies=["list-mounts"]), "path": str(path)}
    look = {
        "trustmesh.security.vault_mount": {
            **reach,
            "token_file": str(path),
            "mounts": [{"path": "no", "state": "absent"}],
        }
    }
    tasks = [
        {"name": "log in", "trustmesh.security.vault_token": login, "check_mode": False},
        *({"name": f"look {at}", **look} for at in range(3)),
        {"name": "log out", "trustmesh.security.vault_token": {**reach, "path": str(path), "state": "absent"}},
    ]
    before = logins.accessors()
    with audit_window() as window:
        result = play(tasks).ok()
    assert len(window.logins) == 1
    assert len([record for record in window.reads if record.path == "sys/mounts"]) == 3
    assert result.changed == 2
    assert logins.accessors() <= before, "the token was given back"
    assert not path.exists()

    with audit_window() as window:
        play([*tasks[:2], tasks[0]], check=True).ok()
    assert len(window.logins) == 1, "a second task finds the token usable"
    assert own(window) == []
    held(path, canaries)


def test_result_says_what_the_token_is_and_not_which(
    run_module: Module, logins: Logins, vault: OpenBao, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    path = tmp_path / "token"
    result = run_module("vault_token", {**logins.options("hub"), "path": str(path)}).ok()
    session = result.result["results"][0]["session"]
    about = vault.as_token(held(path, canaries)).read("auth/token/lookup-self")
    assert about is not None
    assert session["accessor"] == about["accessor"]
    assert session["origin"] == f"auth/{logins.mount}/login"
    assert session["policies"] == ["default"]
    assert 3500 < session["ttl"] <= 3600
    assert held(path, canaries) not in result.stdout


def test_token_near_its_end_is_replaced_and_given_back(
    run_module: Module, logins: Logins, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    path = tmp_path / "token"
    options = {**logins.options("hub", token_ttl="2h"), "path": str(path)}
    run_module("vault_token", {**options, "min_ttl": "30m"}).ok()
    first = held(path, canaries)
    logins.role("hub", token_ttl="4h")
    result = run_module("vault_token", {**options, "min_ttl": "3h"}).ok()
    (reason,) = result.result["results"][0]["reasons"]
    # Two hours when the second run comes within the second of the first.
    assert reason.startswith(("the token expires in 1h59m", "the token expires in 2h"))
    assert reason.endswith("min_ttl is 3h")
    assert held(path, canaries) != first
    assert not logins.alive(first)


def test_login_whose_tokens_never_last_long_enough_is_an_error_and_leaves_nothing(
    run_module: Module, logins: Logins, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "token"
    options = logins.options("hub", token_ttl="5m")
    before = logins.accessors()
    result = run_module("vault_token", {**options, "path": str(path)})
    assert result.failed
    assert f"min_ttl: a login at auth/{logins.mount}/login lasts" in result.msg
    assert "raise the token TTL of the role" in result.msg
    assert not path.exists()
    assert logins.accessors() <= before


def test_file_that_cannot_be_written_costs_no_token(run_module: Module, logins: Logins, tmp_path: pathlib.Path) -> None:
    options = logins.options("hub")
    before = logins.accessors()
    result = run_module("vault_token", {**options, "path": str(tmp_path / "nowhere" / "token")})
    assert result.failed
    assert "no such directory. Create it first" in result.msg
    assert logins.accessors() <= before


def test_token_of_another_server_is_not_used(
    run_module: Module, logins: Logins, tmp_path: pathlib.Path, canary: Callable[..., str]
) -> None:
    path = tmp_path / "token"
    path.write_text(canary("hvs."))
    path.chmod(0o600)
    result = run_module("vault_token", {**logins.options("hub"), "path": str(path)}).ok()
    assert result.result["results"][0]["reasons"] == ["the server does not accept the token (any more)"]


@pytest.mark.parametrize("junk", [b"", b"\n", b"two words", b"\xff\xfe\x00binary", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_file_that_holds_no_token_is_replaced(
    run_module: Module, logins: Logins, tmp_path: pathlib.Path, canaries: Canaries, junk: bytes
) -> None:
    path = tmp_path / "token"
    path.write_bytes(junk)
    path.chmod(0o600)
    assert run_module("vault_token", {**logins.options("hub"), "path": str(path)}).ok().changed
    assert logins.alive(held(path, canaries))


def test_absent_does_not_revoke_a_token_that_somebody_made(
    run_module: Module, connection: dict[str, str], token: t.Any, logins: Logins, tmp_path: pathlib.Path
) -> None:
    path, made = tmp_path / "token", token(["default"])
    path.write_text(made)
    reach = {key: connection[key] for key in ("url", "ca_cert")}
    assert run_module("vault_token", {**reach, "path": str(path), "state": "absent"}).ok().changed
    assert not path.exists()
    assert logins.alive(made)


def test_token_method_is_refused_with_the_way_out(
    run_module: Module, connection: dict[str, str], tmp_path: pathlib.Path, audit_window: t.Any
) -> None:
    with audit_window() as window:
        result = run_module("vault_token", {**connection, "path": str(tmp_path / "token")})
    assert result.failed
    assert "auth_method: a token needs no login" in result.msg
    assert "Give token or token_file to the other tasks" in result.msg
    assert window.requests == []


def test_trap_56_use_limited_token_is_warned_about(
    run_module: Module, logins: Logins, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    path = tmp_path / "token"
    result = run_module("vault_token", {**logins.options("hub", token_num_uses=25), "path": str(path)}).ok()
    assert "more requests; a task spends several" in str(result.result["warnings"])
    held(path, canaries)


def test_trap_57_check_mode_spends_no_single_use_secret_id(
    run_module: Module, logins: Logins, vault: OpenBao, tmp_path: pathlib.Path
) -> None:
    role_id = logins.role("once", secret_id_num_uses=1)
    secret_id = logins.secret_id("once")
    options = {"url": vault.url, "ca_cert": vault.ca_path, "auth_method": "approle", "auth_mount": logins.mount}
    options.update(role_id=role_id, secret_id=secret_id, path=str(tmp_path / "token"))
    assert run_module("vault_token", options, check=True).ok().changed
    assert run_module("vault_token", options).ok().changed, "the one use was still there"


def test_trap_57_check_mode_leaves_a_wrapped_secret_id_wrapped(
    run_module: Module, logins: Logins, vault: OpenBao, tmp_path: pathlib.Path
) -> None:
    options = {"url": vault.url, "ca_cert": vault.ca_path, "auth_method": "approle", "auth_mount": logins.mount}
    options.update(role_id=logins.role("hub"), secret_id=logins.wrapped_secret_id("hub"), secret_id_wrapped=True)
    options.update(path=str(tmp_path / "token"))
    assert run_module("vault_token", options, check=True).ok().changed
    assert run_module("vault_token", options).ok().changed
    assert not run_module("vault_token", options).ok().changed, "the session lives on without the wrapping token"
