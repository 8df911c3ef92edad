# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role service_env applies, repeats without a change, and its verify entry point finds what was tampered with."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.rigs.openbao import OpenBao


@pytest.fixture
def role(
    play: t.Any, vault: OpenBao, connection: dict[str, str], unique_name: t.Any, canary: t.Any, tmp_path: pathlib.Path
) -> t.Any:
    """A function that runs an entry point of the role: one file with a secret out of Vault, and one without."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    vault.api.write(f"{mount}/data/hub/db", data={"password": canary()})
    reference = {"mount": mount, "path": "hub/db", "key": "password"}
    inputs = {
        "service_env_vault": connection,
        "service_env_files": [
            {
                "path": str(tmp_path / "hub.env"),
                "variables": {"ENVIRONMENT": "production"},
                "secrets": [{"name": "DB_PASSWORD", "vault": reference}],
            },
            {"path": str(tmp_path / "worker.env"), "variables": {"WORKERS": "4"}},
        ],
    }

    def run(entry: str, **options: t.Any) -> t.Any:
        task = {
            "name": "Role",
            "ansible.builtin.include_role": {"name": "trustmesh.security.service_env", "tasks_from": entry},
        }
        variables = {**inputs, **options.pop("inputs", {})}
        return play([task], variables=variables, **options)

    return run


def test_apply_repeat_verify_tamper(role: t.Any, tmp_path: pathlib.Path) -> None:
    first_check = role("main", check=True)
    assert first_check.rc == 0, first_check.tail()
    assert first_check.changed == 1
    assert not list(tmp_path.iterdir())
    refused = role("verify")
    assert refused.rc != 0
    assert "2 of 2 environment files are not as declared" in refused.stdout
    assert not list(tmp_path.iterdir())
    applied = role("main")
    assert applied.rc == 0, applied.tail()
    assert applied.changed == 1
    assert (tmp_path / "hub.env").stat().st_mode & 0o777 == 0o600
    assert role("main").changed == 0
    verified = role("verify")
    assert verified.rc == 0, verified.tail()
    assert f"pass file {tmp_path}/hub.env" in verified.stdout
    (tmp_path / "hub.env").chmod(0o644)
    found = role("verify")
    assert found.rc != 0
    assert f"FAIL file {tmp_path}/hub.env: mode is 0644, declared 0600" in found.stdout
    assert (tmp_path / "hub.env").stat().st_mode & 0o777 == 0o644, "verify changes nothing"


def test_a_restart_without_a_file_is_refused(role: t.Any, tmp_path: pathlib.Path) -> None:
    refused = role("main", inputs={"service_env_restart": {"/etc/other.env": "hub"}})
    assert refused.rc != 0
    assert "no file is declared for /etc/other.env" in refused.stdout
    assert not list(tmp_path.iterdir())


def test_the_handler_is_notified_for_what_changed_alone(role: t.Any, tmp_path: pathlib.Path) -> None:
    """It restarts a service that does not exist, so that it says by its failure for which one it was called."""
    restart = {str(tmp_path / name): f"no-such-{name.partition('.')[0]}" for name in ("hub.env", "worker.env")}
    assert role("main").rc == 0
    (tmp_path / "worker.env").write_text("WORKERS=5\n")
    called = role("main", inputs={"service_env_restart": restart})
    assert "RUNNING HANDLER" in called.stdout
    assert "no-such-worker" in called.stdout.partition("RUNNING HANDLER")[2]
    assert "item=no-such-hub" not in called.stdout
    quiet = role("main", inputs={"service_env_restart": restart})
    assert quiet.rc == 0
    assert "RUNNING HANDLER" not in quiet.stdout
