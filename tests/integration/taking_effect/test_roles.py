# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R10: what a role changed takes effect in the same run, although another item failed; the run fails all the same."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from tests.integration.certificate.conftest import Estate
from tests.integration.taking_effect.conftest import Services


def playbook(role: str, variables: dict[str, t.Any], hosts: str = "localhost") -> str:
    """Return a play that applies a role and has more to do afterwards."""
    document = {
        "name": "Taking effect",
        "hosts": hosts,
        "gather_facts": False,
        "vars": variables,
        "roles": [f"trustmesh.security.{role}"],
        "post_tasks": [{"ansible.builtin.debug": {"msg": "after the role on {{ inventory_hostname }}"}}],
    }
    return yaml.safe_dump([document], sort_keys=False, width=1000)


@pytest.fixture
def certificates(estate: Estate) -> dict[str, t.Any]:
    """Inputs of the role certificate: two that are issued and one that the server refuses."""
    return {
        "certificate_vault": estate.connection,
        "certificate_mount": estate.engine.path,
        "certificate_directory": str(estate.directory),
        "certificate_items": [
            {"name": "a.svc.example"},
            {"name": "refused", "common_name": "refused.elsewhere.test"},
            {"name": "b.svc.example"},
        ],
        "certificate_reload": {"a.svc.example": "a", "b.svc.example": "b", "refused": "c"},
    }


def test_r10_certificates_that_were_issued_are_reloaded_although_another_failed(
    runner: t.Any, certificates: dict[str, t.Any], services: Services, estate: Estate
) -> None:
    text = playbook("certificate", certificates)
    failed = runner.playbook(text, env=services.env)
    assert failed.rc != 0
    assert estate.path("a.svc.example").exists()
    assert "refused.elsewhere.test" in failed.stdout, "the original failure is the one that is told"
    assert "after the role" not in failed.stdout
    assert [line for line in services.orders() if line != "reload c"] == ["reload a", "reload b"]
    del certificates["certificate_items"][1], certificates["certificate_reload"]["refused"]
    repeated = runner.playbook(playbook("certificate", certificates), env=services.env)
    assert repeated.rc == 0, repeated.tail()
    assert services.orders() == ["reload a", "reload b"], "once more, since Ansible has not heard of them"
    assert runner.playbook(playbook("certificate", certificates), env=services.env).changed == 0
    assert services.orders() == []


def test_r10_reload_that_fails_is_told_and_keeps_none_of_the_others(
    runner: t.Any, certificates: dict[str, t.Any], services: Services
) -> None:
    certificates["certificate_reload"] = {"a.svc.example": "broken-a", "b.svc.example": "b"}
    failed = runner.playbook(playbook("certificate", certificates), env=services.env)
    assert failed.rc != 0
    assert services.orders() == ["reload broken-a", "reload b"]
    assert "the service is broken" in failed.stdout
    assert "Fail as the certificates did" in failed.stdout


def test_r10_check_mode_reloads_nothing(
    runner: t.Any, certificates: dict[str, t.Any], services: Services, estate: Estate
) -> None:
    certificates["certificate_items"][1] = {"name": "refused", "role": "no-such-role"}
    runner.playbook(playbook("certificate", certificates), env=services.env, check=True)
    assert services.orders() == []
    assert not estate.directory.exists()


def test_r10_each_of_several_hosts_reloads_what_changed_there(
    runner: t.Any, certificates: dict[str, t.Any], services: Services, estate: Estate, tmp_path: pathlib.Path
) -> None:
    one, two = ({**certificates, "certificate_directory": str(estate.directory / name)} for name in ("one", "two"))
    one["certificate_items"] = [{"name": "a.svc.example"}]
    one["certificate_reload"] = {"a.svc.example": "one-a"}
    two["certificate_reload"] = {"a.svc.example": "two-a", "b.svc.example": "two-b"}
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"pair": {"hosts": {"one": {**one, **local}, "two": {**two, **local}}}}))
    done = runner.playbook(playbook("certificate", {}, "pair"), env=services.env, arguments=["-i", str(inventory)])
    assert done.rc != 0
    assert sorted(services.orders()) == ["reload one-a", "reload two-a", "reload two-b"]
    assert "after the role on one" in done.stdout
    assert "after the role on two" not in done.stdout


def test_r10_services_of_written_environments_are_restarted_although_another_failed(
    runner: t.Any, services: Services, tmp_path: pathlib.Path
) -> None:
    good, bad = str(tmp_path / "good.env"), str(tmp_path / "nowhere" / "bad.env")
    variables = {
        "service_env_files": [{"path": path, "variables": {"A": "b"}} for path in (bad, good)],
        "service_env_restart": {good: "good"},
    }
    failed = runner.playbook(playbook("service_env", variables), env=services.env)
    assert failed.rc != 0
    assert "no such directory" in failed.stdout
    assert services.orders() == ["restart good"]


def test_r10_services_of_delivered_credentials_are_restarted_although_another_failed(
    runner: t.Any, services: Services, tmp_path: pathlib.Path, canary: t.Any
) -> None:
    def service(name: str, credential: str) -> dict[str, t.Any]:
        return {"service": name, "credentials": [{"name": credential, "value": canary()}]}

    (tmp_path / "credentials" / "second.service" / "token").mkdir(parents=True)
    variables = {
        "systemd_credentials_directory": str(tmp_path / "credentials"),
        "systemd_credentials_unit_directory": str(tmp_path / "units"),
        "systemd_credentials_encrypt": "never",
        "systemd_credentials_services": [service("first.service", "token"), service("second.service", "token")],
    }
    failed = runner.playbook(playbook("systemd_credentials", variables), env=services.env)
    assert failed.rc != 0
    assert "restart first.service" in services.orders()


def test_r10_units_that_were_written_are_read_although_another_could_not_be_written(
    runner: t.Any, services: Services, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "rotation.timer" / "timer.j2" / "in-the-way").mkdir(parents=True)
    variables = {
        "rotation_timer_unit_directory": str(tmp_path),
        "rotation_timer_name": "rotation",
        "rotation_timer_command": ["/bin/true"],
        "rotation_timer_schedule": "daily",
    }
    failed = runner.playbook(playbook("rotation_timer", variables), env=services.env)
    assert failed.rc != 0
    assert (tmp_path / "rotation.service").exists(), failed.tail()
    assert "daemon-reload" in services.orders()
