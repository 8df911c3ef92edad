# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J6, a secret-id that arrives wrapped: unwrapped once, kept on the host, and used by every later run."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import time
import typing as t
from collections.abc import Callable
from concurrent import futures

import pytest

from tests.integration.vault_token.logins import Logins
from tests.rigs.openbao import OpenBao
from tests.rigs.pki import write_private

Module = Callable[..., t.Any]
MOUNTS: t.Final = [{"path": "no-such-mount", "state": "absent"}]
LOOK: t.Final = 'path "sys/mounts" { capabilities = ["read"] }'
UNWRAP: t.Final = "sys/wrapping/unwrap"


class Host:
    """A host that logs in as an AppRole whose secret-id arrives wrapped."""

    def __init__(self, run: Module, logins: Logins, directory: pathlib.Path) -> None:
        self._run = run
        self.logins = logins
        self.directory = directory
        self.options = logins.options("hub", token_policies=["look"])
        del self.options["secret_id"]
        self.options["secret_id_wrapped"] = True

    def given(self, **more: t.Any) -> dict[str, t.Any]:
        """Return options with the wrapping token itself, and a file that keeps what is in it."""
        place = str(self.directory / "kept")
        return {**self.options, "secret_id": self.wrapped(), "secret_id_file": place, **more}

    def delivered(self) -> dict[str, t.Any]:
        """Return options with a file that the wrapping token was delivered into."""
        write_private(self.directory / "secret-id", f"{self.wrapped()}\n".encode())
        return {**self.options, "secret_id_file": str(self.directory / "secret-id")}

    def wrapped(self) -> str:
        return self.logins.wrapped_secret_id("hub")

    def run(self, options: dict[str, t.Any], **how: t.Any) -> t.Any:
        return self._run("vault_mount", {**options, "mounts": MOUNTS}, **how)

    def refused(self, options: dict[str, t.Any], **how: t.Any) -> str:
        result = self.run(options, **how)
        assert result.failed
        return str(result.msg)

    def kept(self, name: str = "kept") -> str:
        """Return what a file keeps, which nobody else may read."""
        path = self.directory / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return self.logins.canaries.record(path.read_text().strip(), "secret-id")

    def revoke(self, secret_id: str) -> None:
        """Destroy a secret-id on the server."""
        path = f"auth/{self.logins.mount}/role/hub/secret-id/destroy"
        self.logins.vault.api.write(path, secret_id=secret_id)


@pytest.fixture
def host(run_module: Module, logins: Logins, vault: OpenBao, tmp_path: pathlib.Path) -> Host:
    vault.api.write("sys/policies/acl/look", policy=LOOK)
    return Host(run_module, logins, tmp_path)


def unwrappings(window: t.Any) -> int:
    return sum(record.path == UNWRAP for record in window.requests)


# -- It works in every later run ---------------------------------------------------------------------------------------


def test_j6_what_was_unwrapped_is_kept_for_the_second_run(host: Host, audit_window: t.Any) -> None:
    options, before = host.given(), host.logins.accessors()
    with audit_window() as window:
        host.run(options).ok()
        kept = host.kept()
        host.run(options).ok()
        host.run(options, check=True).ok()
    assert unwrappings(window) == 1
    assert len(window.logins) == 3
    assert host.kept() == kept
    assert sorted(path.name for path in host.directory.iterdir()) == ["kept"], "no lock and no temporary file is left"
    assert host.logins.accessors() <= before


def test_j6_file_that_the_token_was_delivered_into(host: Host, audit_window: t.Any) -> None:
    options = host.delivered()
    with audit_window() as window:
        host.run(options).ok()
        host.run(options).ok()
    assert unwrappings(window) == 1
    assert host.kept("secret-id.unwrapped")
    assert not (host.directory / "secret-id").exists(), "whoever unwraps a delivery takes it away"


def test_j6_delivery_of_this_collection_is_kept_and_renewed(
    host: Host, run_module: Module, connection: dict[str, str], vault: OpenBao
) -> None:
    path, mount = str(host.directory / "secret-id"), host.logins.mount
    role = {"name": "hub", "mount": mount, "delivery": {"path": path}}
    options = {**host.options, "secret_id_file": path}

    def deliver() -> bool:
        return bool(run_module("vault_approle", {**connection, "roles": [role]}).ok().changed)

    assert deliver()
    host.logins.canaries.record(pathlib.Path(path).read_text().strip(), "wrapping token")
    host.run(options).ok()
    assert not deliver()
    first = host.kept("secret-id.unwrapped")
    role["delivery"] = {"path": path, "metadata": {"host": "hub1"}}
    assert deliver(), "another one, while the one before is still good"
    host.logins.canaries.record(pathlib.Path(path).read_text().strip(), "wrapping token")
    host.run(options).ok()
    assert host.kept("secret-id.unwrapped") != first
    assert not deliver()
    host.run(options).ok()


def test_j6_check_mode_keeps_what_it_unwraps(host: Host) -> None:
    options = host.given()
    host.run(options, check=True).ok()
    assert host.kept()
    host.run(options).ok()


def test_j6_token_from_the_environment(host: Host) -> None:
    write_private(host.directory / "secret-id", host.wrapped().encode())
    env = {"VAULT_SECRET_ID_FILE": str(host.directory / "secret-id")}
    host.run(host.options, env=env).ok()
    host.run(host.options, env=env).ok()
    assert host.kept("secret-id.unwrapped")


def test_j6_session_is_made_again_from_what_is_kept(host: Host, run_module: Module) -> None:
    options = {**host.given(), "path": str(host.directory / "token")}
    run_module("vault_token", options).ok()
    (host.directory / "token").unlink()
    run_module("vault_token", options).ok()


def test_j6_task_that_works_in_the_same_directory_does_not_wait_for_itself(
    host: Host, run_module: Module, vault: OpenBao, unique_name: Callable[[str], str]
) -> None:
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "1"})
    rules = f'path "{mount}/*" {{ capabilities = ["create", "read", "update", "list"] }}'
    vault.api.write("sys/policies/acl/look", policy=rules)
    keys = {
        "custody": "files",
        "directory": str(host.directory),
        "publish": [{"kind": "kv", "mount": mount, "path": "jws/{name}"}],
        "participants": [{"name": "hub"}],
    }
    started = time.monotonic()
    run_module("jws_key", {**host.given(), **keys}).ok()
    assert time.monotonic() - started < 30
    assert host.kept()


@pytest.mark.parametrize("way", ["given", "delivered"])
def test_j6_runs_at_once_unwrap_once(host: Host, way: str, audit_window: t.Any) -> None:
    options = getattr(host, way)()
    with audit_window() as window, futures.ThreadPoolExecutor(3) as pool:
        for result in pool.map(lambda _run: host.run(options), range(3)):
            result.ok()
    assert unwrappings(window) == 1
    host.run(options).ok()


# -- Nothing valid is kept ---------------------------------------------------------------------------------------------


def test_j6_without_a_place_the_second_run_names_the_option(host: Host) -> None:
    options = host.given(secret_id_file=None)
    host.run(options).ok()
    message = host.refused(options)
    assert "secret_id: the wrapping token does not exist: it expired, or it has been unwrapped before" in message
    assert "Name a file in secret_id_file: it keeps what is unwrapped for later runs" in message


def test_j6_spent_token_with_nothing_kept(host: Host, audit_window: t.Any) -> None:
    options = host.given()
    host.run(options).ok()
    (host.directory / "kept").unlink()
    with audit_window() as window:
        message = host.refused(options)
    assert message.startswith("secret_id: the wrapping token does not exist: it expired, or it has been unwrapped")
    assert f"and {host.directory}/kept does not exist" in message
    assert "destroy the secret-id, find out who has it, and get a new one" in message
    assert not window.logins
    assert not list(host.directory.iterdir())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe\x00\x80", "is damaged"),
        (b"two words", "is damaged"),
        (b"hvs.token", "holds a wrapping token"),
        (b"0a1b2c3d-", "the server does not accept role_id with what"),
    ],
)
def test_j6_damaged_file_is_replaced_while_the_token_is_good(host: Host, content: bytes, says: str) -> None:
    options = host.given()
    write_private(host.directory / "kept", content)
    host.run(options).ok()
    kept = host.kept()
    write_private(host.directory / "kept", content)
    message = host.refused(options)
    assert message.startswith("secret_id: the wrapping token does not exist")
    assert says in message
    assert str(host.directory / "kept") in message
    assert (host.directory / "kept").read_bytes() == content
    options["secret_id"] = host.wrapped()
    host.run(options).ok()
    assert host.kept() != kept


def test_j6_file_that_is_no_place_for_a_secret_id_is_left_alone(host: Host, audit_window: t.Any) -> None:
    other = b"x" * 4000
    write_private(host.directory / "kept", other)
    with audit_window() as window:
        message = host.refused(host.given())
    assert message.startswith(f"secret_id_file.{host.directory}/kept: is larger than 1 KiB")
    assert (host.directory / "kept").read_bytes() == other
    assert not unwrappings(window)


def test_j6_secret_id_that_was_revoked_on_the_server(host: Host) -> None:
    options = host.given()
    host.run(options).ok()
    host.revoke(host.kept())
    message = host.refused(options)
    assert message.startswith("secret_id: the wrapping token does not exist: it expired, or it has been unwrapped")
    assert f"and the server does not accept role_id with what {host.directory}/kept keeps" in message
    assert host.refused({**options, "role_id": "other"}) == message, "a server does not say which of both it is"
    host.run({**options, "secret_id": host.wrapped()}).ok()


def test_j6_delivered_secret_id_that_was_revoked_on_the_server(host: Host) -> None:
    options = host.delivered()
    host.run(options).ok()
    kept = f"{host.directory}/secret-id.unwrapped"
    host.revoke(host.kept("secret-id.unwrapped"))
    message = host.refused(options)
    assert message.startswith(f"secret_id_file: {host.directory}/secret-id does not exist, and the server does not")
    assert f"accept role_id with what {kept} keeps" in message
    assert "Deliver a new wrapped secret-id into" in message
    os.unlink(kept)
    message = host.refused(options)
    assert message.startswith(f"secret_id_file: {host.directory}/secret-id does not exist, and {kept} does not exist")
    host.delivered()
    host.run(options).ok()


def test_j6_what_is_kept_stays_while_the_server_says_nothing_of_it(
    host: Host, vault: OpenBao, audit_window: t.Any
) -> None:
    options = host.given()
    host.run(options).ok()
    options["secret_id"], kept = host.wrapped(), host.kept()
    role = f"auth/{host.logins.mount}/role/hub"
    with audit_window() as window:
        for wrong in ({"auth_mount": "nowhere"}, {"url": "https://127.0.0.1:9", "retries": 0}):
            host.refused({**options, **wrong})
        vault.api.write(role, secret_id_bound_cidrs=["192.0.2.0/24"])
        assert "unauthorized by CIDR restrictions" in host.refused(options)
        vault.api.write(role, secret_id_bound_cidrs=[])
    assert not unwrappings(window)
    assert host.kept() == kept


# -- A thief is noticed ------------------------------------------------------------------------------------------------


def test_j6_delivered_token_that_others_unwrapped_is_told(host: Host, vault: OpenBao) -> None:
    options = host.delivered()
    host.run(options).ok()
    options = host.delivered()
    wrapping = (host.directory / "secret-id").read_text().strip()
    stolen = vault.as_token(wrapping).request("POST", UNWRAP).data
    host.logins.canaries.record(stolen["secret_id"], "secret-id")
    warnings = str(host.run(options).ok().result["warnings"])
    assert f"the wrapping token in {host.directory}/secret-id does not exist" in warnings
    assert "find out who has it" in warnings


def test_j6_plain_secret_id_in_place_of_a_delivered_token_is_refused(host: Host) -> None:
    """Else a thief who unwraps a delivery could pass on what was in it, and nobody would notice."""
    options = host.delivered()
    write_private(host.directory / "secret-id", host.logins.secret_id("hub").encode())
    message = host.refused(options)
    assert message.startswith("secret_id_file: has the form of a secret-id, not of a wrapping token")


def test_j6_forged_token_is_refused_also_where_something_is_kept(host: Host, vault: OpenBao) -> None:
    options = host.delivered()
    host.run(options).ok()
    forged = vault.api.request("POST", "sys/wrapping/wrap", {"secret_id": "x"}, X_Vault_Wrap_TTL="2m").body["wrap_info"]
    host.logins.canaries.record(forged["token"], "forged wrapping token")
    write_private(host.directory / "secret-id", forged["token"].encode())
    assert "Treat it as tampered with and get a new one" in host.refused(options)


# -- The token is not spent in vain ------------------------------------------------------------------------------------


def test_j6_place_that_cannot_be_written_is_found_before_the_token_is_spent(host: Host, audit_window: t.Any) -> None:
    (host.directory / "file").touch()
    options = host.given(secret_id_file=str(host.directory / "file" / "kept"))
    with audit_window() as window:
        for check in (True, False):
            assert "a part of the path is a file" in host.refused(options, check=check)
    assert not unwrappings(window)
    host.run({**options, "secret_id_file": str(host.directory / "made" / "kept")}).ok()
    assert host.kept("made/kept")


def test_j6_full_or_read_only_disk_is_found_before_the_token_is_spent(
    host: Host, small_disk: pathlib.Path, audit_window: t.Any
) -> None:
    options = host.given(secret_id_file=str(small_disk / "kept"))
    (small_disk / "filler").write_bytes(bytes(96 * 1024))
    with audit_window() as window:
        assert host.refused(options).startswith(f"secret_id_file.{small_disk}/kept: the disk is full")
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=30)
        assert host.refused(options).startswith(f"secret_id_file.{small_disk}/kept: the file system is read-only")
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True, timeout=30)
    assert not unwrappings(window)
    (small_disk / "filler").unlink()
    host.run(options).ok()
    assert host.kept("small/kept")
