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

USE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: use
      ansible.builtin.include_role:
        name: trustmesh.security.{role}
        tasks_from: {entry}
      vars: {variables}
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


def site(runner: Runner, inventory: str, playbook: str, *more: str, **given: t.Any) -> PlayResult:
    """Run a playbook with an example, here instead of on its hosts."""
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    variables = {**here, "certificate_reload": {}, **given}
    arguments = ["-i", str(INVENTORIES / inventory), "-e", json.dumps(variables), *more]
    return runner.playbook(f"trustmesh.security.{playbook}", arguments=arguments, name=f"{inventory} {playbook}")


def test_development_works_without_any_server(runner: Runner, tmp_path: pathlib.Path) -> None:
    authority = {"name": "Development CA", "directory": str(tmp_path / "ca")}
    runner.module("local_ca", {"authorities": [authority]}).ok()
    given = {"certificate_ca_directory": str(tmp_path / "ca"), "certificate_directory": str(tmp_path / "certificates")}
    assert site(runner, "development", "site", **given).ok().changed == 1
    assert site(runner, "development", "site", **given).ok().changed == 0
    site(runner, "development", "verify", **given).ok()
    for tag in ("certificate", "certificate_configure"):
        site(runner, "development", "verify", "--tags", tag, **given).ok()
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


PLAYBOOKS: t.Final = sorted(path.stem for path in (INVENTORIES.parent / "playbooks").glob("*.yml"))
#: Arguments that leave nothing of a playbook to do, or nothing that was declared; the second host is in no group.
NOTHING: t.Final = {
    "a tag that is none": ["--tags", "certificates"],
    "a part that only asks": ["--tags", "certificate_preflight"],
    "a skipped tag": ["--skip-tags", "certificate"],
    "another host": ["--limit", "elsewhere"],
}


@pytest.mark.parametrize("playbook", ["site", "verify", "certificate_report"])
@pytest.mark.parametrize("what", NOTHING)
def test_j1_a_run_that_looked_at_nothing_is_a_failure(
    runner: Runner, tmp_path: pathlib.Path, playbook: str, what: str
) -> None:
    """J1: Ansible calls a run without hosts or tasks a success; a playbook of this collection does not."""
    (tmp_path / "hosts.yml").write_text("all: {hosts: {elsewhere: {ansible_connection: local}}}")
    given = {"certificate_ca_directory": str(tmp_path), "certificate_directory": str(tmp_path / "certificates")}
    play = site(runner, "development", playbook, "-i", str(tmp_path / "hosts.yml"), *NOTHING[what], **given)
    assert play.rc != 0
    assert "Nothing was looked at, so that nothing is known." in play.stdout
    assert not (tmp_path / "certificates").exists()


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_j1_every_playbook_insists_on_something(runner: Runner, playbook: str) -> None:
    """J1: with a tag that nothing has, and without any inventory."""
    play = runner.playbook(
        f"trustmesh.security.{playbook}", arguments=["--tags", "none"], name=f"nothing of {playbook}"
    )
    assert play.rc != 0
    assert "Nothing was looked at, so that nothing is known." in play.stdout


def test_j1_groups_without_hosts_and_hosts_without_declarations(runner: Runner, tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty.yml").write_text("{certificate: {hosts: {}}, vault_pki: {hosts: {}}}")
    empty = runner.playbook("trustmesh.security.verify", arguments=["-i", str(tmp_path / "empty.yml")], name="empty")
    assert empty.rc != 0
    assert "Nothing was looked at" in empty.stdout
    for playbook, said in (("site", "so that there is nothing to do"), ("verify", "no certificates are declared")):
        bare = site(runner, "development", playbook, certificate_items=[], certificate_ca_directory=str(tmp_path))
        assert bare.rc != 0
        assert said in bare.stdout.replace("\n", " "), bare.tail()


@pytest.mark.parametrize("role", ["certificate", "service_env", "systemd_credentials", "vault_pki"])
def test_j1_a_role_that_nothing_is_declared_for_is_not_verified(runner: Runner, vault: OpenBao, role: str) -> None:
    """J1: also where the entry point verify is used by itself."""
    vault_options = {"url": vault.url, "ca_cert": vault.ca_path, "token": vault.root_token}
    include = {"name": f"trustmesh.security.{role}", "tasks_from": "verify"}
    play = runner.play([{"ansible.builtin.include_role": include}], variables={f"{role}_vault": vault_options})
    assert (play.rc != 0, play.changed) == (True, 0)
    (failed,) = [task for task in play.tasks if task.status == "failed"]
    assert "so that nothing was looked at" in failed.result["msg"]


def test_j1_one_host_without_declarations_fails_the_run(runner: Runner, tmp_path: pathlib.Path) -> None:
    """J1: what the others declare does not cover for it."""
    runner.module("local_ca", {"authorities": [{"name": "Development CA", "directory": str(tmp_path / "ca")}]}).ok()
    (tmp_path / "bare.yml").write_text(json.dumps({"certificate": {"hosts": {"bare": {"certificate_items": []}}}}))
    given = {
        "certificate_ca_directory": str(tmp_path / "ca"),
        "certificate_directory": str(tmp_path / "certificates"),
        "ansible_python_interpreter": sys.executable,
    }
    arguments = ["-i", str(INVENTORIES / "development"), "-i", str(tmp_path / "bare.yml"), "-e", json.dumps(given)]
    play = runner.playbook("trustmesh.security.site", arguments=arguments, name="one bare host")
    assert play.rc != 0
    said = {task.host: task.result["msg"] for task in play.tasks if task.status == "failed"}
    assert list(said) == ["bare"]
    assert "certificate_items: empty, so that there is nothing to do." in said["bare"]


#: Per role: a misspelt variable, and the one that was meant.
MISSPELT: t.Final = {
    "certificate": ("certificate_itmes", "certificate_items"),
    "vault_pki": ("vault_pki_role", "vault_pki_roles"),
    "service_env": ("service_env_file", "service_env_files"),
    "systemd_credentials": ("systemd_credentials_service", "systemd_credentials_services"),
    "rotation_timer": ("rotation_timer_schedul", "rotation_timer_schedule"),
}


@pytest.mark.parametrize("role", MISSPELT)
@pytest.mark.parametrize("entry", ["main", "verify"])
def test_j1_a_misspelt_variable_of_a_role_is_refused(runner: Runner, role: str, entry: str) -> None:
    """J1: Ansible passes over a variable that nobody reads, and the role would keep nothing and succeed."""
    wrong, meant = MISSPELT[role]
    command = {"rotation_timer_command": ["/bin/true"]} if role == "rotation_timer" else {}
    play = runner.playbook(USE.format(role=role, entry=entry, variables=json.dumps({wrong: [], **command})))
    assert play.rc != 0
    said = [task.result["msg"] for task in play.tasks if task.status == "failed"]
    assert said == [f"{wrong}: is not a variable of the role {role}. Correct the name; did you mean {meant}?"]


def test_j1_a_variable_of_ones_own_is_no_misspelt_one(runner: Runner, tmp_path: pathlib.Path) -> None:
    """J1: neither one that is like no option, nor one beside an option that was declared."""
    files = [{"path": str(tmp_path / "env"), "variables": {}}]
    own = {"service_env_team": "hub", "service_env_modes": ["0600"], "service_env_mode": "0640"}
    play = USE.format(role="service_env", entry="main", variables=json.dumps({**own, "service_env_files": files}))
    runner.playbook(play).ok()


@pytest.mark.parametrize("playbook", ["site", "verify", "certificate_report"])
def test_j1_a_host_that_was_not_reached_fails_the_run(runner: Runner, tmp_path: pathlib.Path, playbook: str) -> None:
    """J1: what is known of one host says nothing of another, so that such a run is no success."""
    runner.module("local_ca", {"authorities": [{"name": "Development CA", "directory": str(tmp_path / "ca")}]}).ok()
    given = {"certificate_ca_directory": str(tmp_path / "ca"), "certificate_directory": str(tmp_path / "certificates")}
    site(runner, "development", "site", **given).ok()
    lost = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    inventory = {"all": {"children": {"certificate": {"hosts": {"lost": lost}}}}}
    (tmp_path / "lost.yml").write_text(json.dumps(inventory))
    here = {"ansible_become": False, "ansible_python_interpreter": sys.executable, "certificate_reload": {}, **given}
    arguments = ["-i", str(INVENTORIES / "development"), "-i", str(tmp_path / "lost.yml"), "-e", json.dumps(here)]
    play = runner.playbook(f"trustmesh.security.{playbook}", arguments=arguments, name=f"lost {playbook}")
    assert play.rc != 0
    assert "unreachable=1" in play.stdout


def test_j1_every_group_of_a_role_is_applied_and_verified(
    runner: Runner, tmp_path: pathlib.Path, canary: t.Any
) -> None:
    """J1: files, credentials and timers of a host were declared, and both playbooks were green without a look."""
    path, units = tmp_path / "hub.env", tmp_path / "units"
    token = {"name": "token", "value": canary()}
    groups = {
        "service_env": {"service_env_files": [{"path": str(path), "variables": {"A": "1"}}]},
        "systemd_credentials": {
            "systemd_credentials_directory": str(tmp_path / "credentials"),
            "systemd_credentials_unit_directory": str(units),
            "systemd_credentials_encrypt": "never",
            "systemd_credentials_restart": False,
            "systemd_credentials_services": [{"service": "no-such-hub.service", "credentials": [token]}],
        },
        "rotation_timer": {
            "rotation_timer_unit_directory": str(units),
            "rotation_timer_activate": False,
            "rotation_timer_command": ["/bin/true"],
        },
    }
    children = {name: {"hosts": {"hub": None}, "vars": declared} for name, declared in groups.items()}
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"vars": here, "children": children}}))

    def run(playbook: str, *more: str) -> PlayResult:
        arguments = ["-i", str(tmp_path / "hosts.yml"), *more]
        return runner.playbook(f"trustmesh.security.{playbook}", arguments=arguments, name=f"groups {playbook}")

    foretold = run("verify")
    assert (foretold.rc != 0, foretold.changed) == (True, 0)
    (left,) = [task.result["msg"] for task in foretold.tasks if task.status == "failed"]
    for what in ("1 of 1 environment files are", "1 of 1 services are", "3 of 3 units are"):
        assert f"{what} not as declared" in left
    run("site").ok()
    assert path.read_text().endswith("A=1\n")
    assert run("site").ok().changed == 0
    run("verify").ok()
    path.write_text("A=2\n")
    run("verify", "--tags", "rotation_timer").ok()
    found = run("verify")
    assert found.rc != 0
    (left,) = [task.result["msg"] for task in found.tasks if task.status == "failed"]
    assert left.startswith("1 of 1 environment files are not as declared")


def test_j10_verify_changes_nothing_and_says_what_is_left_once(runner: Runner, tmp_path: pathlib.Path) -> None:
    """J10, J11: what is left is told once and counts as no change; what cannot be read is an error and no drift."""
    authority = {"name": "Development CA", "directory": str(tmp_path / "ca")}
    runner.module("local_ca", {"authorities": [authority]}).ok()
    given = {"certificate_ca_directory": str(tmp_path / "ca"), "certificate_directory": str(tmp_path / "certificates")}
    found = site(runner, "development", "verify", **given)
    assert (found.rc != 0, found.changed) == (True, 0)
    failed = [task.task for task in found.tasks if task.status == "failed"]
    assert failed == ["Fail on what is left to do"]
    assert "3 of 3 certificates are not as declared: switch" in found.task(failed[0]).result["msg"]
    (tmp_path / "ca" / "ca-cert.pem").write_text("no certificate")
    unread = site(runner, "development", "verify", **given)
    assert (unread.rc != 0, unread.changed) == (True, 0)
    said = unread.task("Fail on what is left to do").result["msg"]
    assert "could not be read" in said
    assert "Apply the role" not in said


def test_j11_an_invalid_token_is_an_error_and_no_drift(runner: Runner, vault: OpenBao, tmp_path: pathlib.Path) -> None:
    token = tmp_path / "token"
    write_private(token, b"s.invalid0000000000000000")
    given = {
        "trustmesh_vault": {"url": vault.url, "ca_cert": vault.ca_path, "token_file": str(token)},
        "certificate_directory": f"{tmp_path}/{{{{ inventory_hostname }}}}",
    }
    found = site(runner, "staging", "verify", **given)
    assert (found.rc != 0, found.changed) == (True, 0)
    said = {task.host: task.result["msg"] for task in found.tasks if task.status == "failed"}
    assert len(said) == 5, "every host is told of once"
    for text in said.values():
        assert "could not be read" in text, "whatever the engine shows to everybody"
        assert "not as declared" not in text
        assert "Apply the role" not in text
