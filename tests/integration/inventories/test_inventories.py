# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worked examples: each one is read by Ansible, fits the modules, and two of them are applied for real."""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.modules import (
    certificate,
    certificate_info,
    vault_approle,
    vault_mount,
    vault_pki_config,
    vault_pki_issuer,
    vault_pki_revocation,
    vault_pki_role,
    vault_policy,
)
from tests.rigs.openbao import OpenBao
from tests.rigs.pki import write_private
from tests.rigs.runner import PlayResult, Runner

INVENTORIES = pathlib.Path(__file__).resolve().parents[3] / "inventories"

#: Which module takes the items of which variable.
MODULES: dict[str, t.Any] = {
    "certificate_items": certificate,
    "certificate_report_sources": certificate_info,
    "vault_pki_mounts": vault_mount,
    "vault_pki_engines": vault_pki_config,
    "vault_pki_issuers": vault_pki_issuer,
    "vault_pki_roles": vault_pki_role,
    "vault_pki_revocations": vault_pki_revocation,
    "vault_pki_policies": vault_policy,
    "vault_pki_approles": vault_approle,
}
SHOW = """
- hosts: vault_pki:certificate
  gather_facts: false
  tasks:
    - name: show
      ansible.builtin.debug:
        msg: "{{ dict(names | zip(names | map('extract', vars))) }}"
      vars:
        names: "{{ vars.keys() | select('in', wanted) }}"
"""


def items(runner: Runner, inventory: str, tmp_path: pathlib.Path) -> dict[str, dict[str, list[t.Any]]]:
    """Return, per host, the lists that an inventory declares, as Ansible evaluates them."""
    (tmp_path / "ports.json").write_text('{"vault": 1, "edge": 2}')
    given = {"wanted": list(MODULES), "quickstart_directory": str(tmp_path), "ansible_connection": "local"}
    arguments = ["-i", str(INVENTORIES / inventory), "-e", json.dumps(given)]
    shown = runner.playbook(SHOW, arguments=arguments, name=f"inventory {inventory}").ok()
    return {task.host: task.result["msg"] for task in shown.tasks if task.task == "show"}


@pytest.mark.parametrize("inventory", ["quickstart", "development", "staging", "production"])
def test_every_item_fits_its_module(runner: Runner, tmp_path: pathlib.Path, inventory: str) -> None:
    hosts = items(runner, inventory, tmp_path)
    checked = 0
    for host, lists in hosts.items():
        for name, entries in lists.items():
            spec = MODULES[name].SPEC
            result = ArgumentSpecValidator(spec.argument_spec()).validate({spec.plural: entries})
            assert result.error_messages == [], f"{host} {name}: {result.error_messages}"
            checked += len(entries)
    assert checked >= {"quickstart": 20, "development": 3, "staging": 15, "production": 25}[inventory]


def site(runner: Runner, inventory: str, playbook: str, **given: t.Any) -> PlayResult:
    """Run a playbook with an example, here instead of on its hosts."""
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    variables = {**here, "certificate_reload": {}, **given}
    arguments = ["-i", str(INVENTORIES / inventory), "-e", json.dumps(variables)]
    return runner.playbook(f"trustmesh.security.{playbook}", arguments=arguments, name=f"{inventory} {playbook}")


def test_development_works_without_any_server(runner: Runner, tmp_path: pathlib.Path) -> None:
    authority = {"name": "Development CA", "directory": str(tmp_path / "ca")}
    runner.module("local_ca", {"authorities": [authority]}).ok()
    given = {"certificate_ca_directory": str(tmp_path / "ca"), "certificate_directory": str(tmp_path / "certificates")}
    assert site(runner, "development", "site", **given).ok().changed == 1
    assert site(runner, "development", "site", **given).ok().changed == 0
    site(runner, "development", "verify", **given).ok()
    node = tmp_path / "certificates" / "certs" / "nodes" / "us-east-1-node-01-cert.pem"
    assert node.read_text().startswith("-----BEGIN CERTIFICATE-----")
    refused = site(runner, "development", "site", trustmesh_environment="production", **given)
    assert refused.rc != 0, "production refuses a development authority"


def test_staging_builds_a_whole_estate(runner: Runner, vault: OpenBao, tmp_path: pathlib.Path) -> None:
    token = tmp_path / "token"
    write_private(token, vault.root_token.encode())
    estate = tmp_path / "estate"
    given = {
        "trustmesh_vault": {"url": vault.url, "ca_cert": vault.ca_path, "token_file": str(token)},
        "certificate_directory": f"{estate}/{{{{ inventory_hostname }}}}",
    }
    foretold = site(runner, "staging", "verify", **given)
    assert foretold.rc != 0
    assert not estate.exists()
    site(runner, "staging", "site", **given).ok()
    hosts = ["ledger", "perffsp-1", "perffsp-2", "switch"]
    assert sorted(path.name for path in estate.iterdir()) == [f"{host}.staging.example.com" for host in hosts]
    repeated = site(runner, "staging", "site", **given).ok()
    assert repeated.changed == 0, [task.task for task in repeated.tasks if task.changed]
    site(runner, "staging", "verify", **given).ok()
