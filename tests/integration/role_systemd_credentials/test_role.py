# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role systemd_credentials applies, repeats without a change, and verify finds what was tampered with."""

from __future__ import annotations

import os
import pathlib
import shutil
import typing as t

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.openbao import OpenBao
from tests.rigs.process import MissingPartError


def _systemd() -> str:
    found = shutil.which("systemctl")
    if found is None:
        raise MissingPartError("systemctl is not installed (Debian package systemd)")
    return found


@pytest.fixture
def role(
    play: t.Any, vault: OpenBao, connection: dict[str, str], unique_name: t.Any, canary: t.Any, tmp_path: pathlib.Path
) -> t.Any:
    """A function that runs an entry point of the role: one service with a secret out of Vault and a given one."""
    or_skip(_systemd)
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    vault.api.write(f"{mount}/data/hub/db", data={"password": canary()})
    reference = {"mount": mount, "path": "hub/db", "key": "password"}
    inputs = {
        "systemd_credentials_vault": connection,
        "systemd_credentials_directory": str(tmp_path / "credentials"),
        "systemd_credentials_unit_directory": str(tmp_path / "units"),
        "systemd_credentials_encrypt": "auto" if os.geteuid() == 0 else "never",
        "systemd_credentials_with_key": "host",
        "systemd_credentials_restart": False,
        "systemd_credentials_services": [
            {
                "service": "no-such-hub.service",
                "credentials": [{"name": "db-password", "vault": reference}, {"name": "token", "value": canary()}],
            }
        ],
    }

    def run(entry: str, **options: t.Any) -> t.Any:
        task = {
            "name": "Role",
            "ansible.builtin.include_role": {"name": "trustmesh.security.systemd_credentials", "tasks_from": entry},
        }
        variables = {**inputs, **options.pop("inputs", {})}
        return play([task], variables=variables, **options)

    return run


def test_apply_repeat_verify_tamper(role: t.Any, tmp_path: pathlib.Path) -> None:
    first_check = role("main", check=True)
    assert first_check.rc == 0, first_check.tail()
    assert not list(tmp_path.iterdir())
    refused = role("verify")
    assert refused.rc != 0
    assert "1 of 1 services are not as declared: no-such-hub.service" in refused.stdout
    applied = role("main")
    assert applied.rc == 0, applied.tail()
    assert applied.changed == 1
    assert role("main").changed == 0
    verified = role("verify")
    assert verified.rc == 0, verified.tail()
    assert "pass service no-such-hub.service" in verified.stdout
    (drop_in,) = tmp_path.rglob("*.conf")
    drop_in.unlink()
    found = role("verify")
    assert found.rc != 0
    assert "FAIL service no-such-hub.service: drop_in differs" in found.stdout
    assert not drop_in.exists(), "verify changes nothing"


def test_the_handler_reloads_and_restarts_what_changed(role: t.Any) -> None:
    """The service does not exist, so that the handler says by its failure for which one it was called."""
    called = role("main", inputs={"systemd_credentials_restart": True})
    assert "no-such-hub.service" in called.stdout.partition("RUNNING HANDLER")[2]
    quiet = role("main", inputs={"systemd_credentials_restart": True})
    assert quiet.rc == 0
    assert "RUNNING HANDLER" not in quiet.stdout
