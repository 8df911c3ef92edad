# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F4: the play that each role's README prints runs as printed, one after the other, against one server.

Other directories and another login stand in for those of the reader, and services that write down what is ordered.
"""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from tests.integration.taking_effect.conftest import Services, services
from tests.rigs.openbao import OpenBao
from tests.rigs.pki import write_private
from tests.rigs.runner import BINARIES, PlayResult, Runner
from tests.unit.docs.blocks import ROOT, blocks

__all__ = ["services"]

#: In the order in which a reader comes to them: what a later one asks the server for, an earlier one has made.
ROLES: t.Final = ("vault_pki", "certificate", "service_env", "systemd_credentials", "rotation_timer")
INVENTORY: t.Final = """
all:
  vars: {ansible_connection: local, ansible_become: false, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  hosts: {hub: {}, keeper: {}}
"""


@pytest.fixture
def server(start_vault: t.Any, canary: t.Any) -> OpenBao:
    """A server of its own, since the pages call their engines pki; it holds the secret that they name."""
    started: OpenBao = start_vault()
    started.api.write("sys/mounts/kv", type="kv", options={"version": "2"})
    started.api.write("kv/data/hub/db", data={"password": canary()})
    return started


def _printed(role: str, place: pathlib.Path) -> str:
    """Return the play of a README with paths of the test."""
    (text,) = [block.text for block in blocks(ROOT / "roles" / role / "README.md") if block.language == "yaml"]
    assert f"role: trustmesh.security.{role}" in text
    return text.replace("/etc/hub/hub.env", str(place / "hub.env")).replace("/opt/ansible/bin", str(BINARIES))


def test_f4_every_play_of_a_role_runs_as_printed(
    runner: Runner, server: OpenBao, services: Services, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    write_private(tmp_path / "token", server.root_token.encode())
    login = {"url": server.url, "ca_cert": server.ca_path, "token_file": str(tmp_path / "token")}
    given = {
        **{f"{role}_vault": login for role in ROLES[:-1]},
        "certificate_directory": str(tmp_path / "certificates"),
        "systemd_credentials_directory": str(tmp_path / "credentials"),
        "systemd_credentials_unit_directory": str(tmp_path / "units"),
        "rotation_timer_unit_directory": str(tmp_path / "units"),
        "rotation_timer_activate": False,
    }
    arguments = ["-i", str(tmp_path / "inventory.yml"), "-e", json.dumps(given)]

    def run(role: str) -> PlayResult:
        return runner.playbook(
            _printed(role, tmp_path), arguments=arguments, env=services.env, name=f"README {role}"
        ).ok()

    first = {role: run(role).changed for role in ROLES}
    assert all(first.values()), first
    orders = services.orders()
    assert [order for order in orders if "hub" in order or "envoy" in order] == [
        "reload envoy",
        "restart hub",
        "restart hub.service",
    ]
    assert "ENVIRONMENT=production" in (tmp_path / "hub.env").read_text().splitlines()
