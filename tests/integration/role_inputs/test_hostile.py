# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J1: whatever a role is given that it cannot keep ends in a message that names the variable, and changes nothing.

Each row is a declaration that a reader of the documents may write. A run that is green and did nothing is a fault.
"""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest

from tests.rigs.openbao import OpenBao
from tests.rigs.runner import Runner

Rows = dict[str, tuple[dict[str, t.Any], str]]

CERTIFICATE: t.Final[Rows] = {
    "nothing": ({"certificate_items": []}, "certificate_items: empty"),
    "null": ({"certificate_items": None}, "certificate_items"),
    "a null item": ({"certificate_items": [None]}, "certificate_items"),
    "a mapping": ({"certificate_items": {"name": "a"}}, "certificate_items"),
    "a text": ({"certificate_items": "name=a"}, "certificate_items: takes a list, not a text"),
    "a misspelt key": ({"certificate_items": [{"name": "a", "dns_name": ["a"]}]}, "certificate_items.dns_name"),
    "no name": ({"certificate_items": [{"common_name": "a"}]}, "name"),
    "an empty name": ({"certificate_items": [{"name": ""}]}, "name"),
    "twice": ({"certificate_items": [{"name": "a"}, {"name": "a"}]}, "a"),
    "a slash": ({"certificate_items": [{"name": "../a"}]}, "name"),
    "a null name": ({"certificate_items": [{"name": None}]}, "name"),
    "a list as a directory": ({"certificate_directory": ["/x"]}, "certificate_directory: takes a text, not a list"),
    "a mode without quotes": ({"certificate_key_mode": 0o640}, "key_mode"),
    "a reload of nothing": (
        {"certificate_reload": {"b": "envoy"}},
        "certificate_reload: no certificate is declared for b",
    ),
    "an expression as a key": (
        {"certificate_reload": {"{{ inventory_hostname }}": "x"}},
        "certificate_reload: no cert",
    ),
    "a null service": ({"certificate_reload": {"a": None}}, "certificate_reload"),
    "no directory of the CA": ({"certificate_ca_directory": None}, "certificate_ca_directory: not given"),
    "a null connection": ({"certificate_vault": None}, "certificate_vault: is null"),
    "a life that is none": ({"certificate_ttl": "1 month"}, "ttl"),
}
SERVICE_ENV: t.Final[Rows] = {
    "nothing": ({"service_env_files": []}, "service_env_files: empty"),
    "a misspelt key": ({"service_env_files": [{"path": "/x", "variable": {}}]}, "service_env_files.variable"),
    "a name with #": ({"service_env_files": [{"path": "{dir}/a", "variables": {"A#B": "1"}}]}, "A#B"),
    "a name with another letter": (
        {"service_env_files": [{"path": "{dir}/a", "variables": {"\u0410": "1"}}]},
        "variables",
    ),
    "a null value": ({"service_env_files": [{"path": "{dir}/a", "variables": {"A": None}}]}, "A"),
    "twice": ({"service_env_files": [{"path": "{dir}/a"}, {"path": "{dir}/./a"}]}, "a"),
    "a restart of nothing": ({"service_env_restart": {"/b": "hub"}}, "service_env_restart: no file is declared for /b"),
    "a null service": ({"service_env_restart": {"{dir}/ok": None}}, "service_env_restart"),
    "a mode without quotes": ({"service_env_mode": 0o640}, "mode"),
}
SYSTEMD_CREDENTIALS: t.Final[Rows] = {
    "nothing": ({"systemd_credentials_services": []}, "systemd_credentials_services: empty"),
    "a misspelt key": (
        {"systemd_credentials_services": [{"service": "a", "credential": []}]},
        "systemd_credentials_services.credential",
    ),
    "a slash": ({"systemd_credentials_services": [{"service": "../a", "credentials": []}]}, "service"),
    "a slash in a credential": (
        {"systemd_credentials_services": [{"service": "a", "credentials": [{"name": "../b", "value": "x"}]}]},
        "name",
    ),
    "a # in a credential": (
        {"systemd_credentials_services": [{"service": "a", "credentials": [{"name": "b#c:d", "value": "x"}]}]},
        "name",
    ),
    "twice": ({"systemd_credentials_services": [{"service": "a"}, {"service": "a.service"}]}, "a"),
    "a null directory": ({"systemd_credentials_directory": None}, "systemd_credentials_directory: is null"),
    "a list as a directory": ({"systemd_credentials_unit_directory": []}, "unit_directory: takes a text, not a list"),
}
VAULT_PKI: t.Final[Rows] = {
    "nothing": ({"vault_pki_mounts": []}, "vault_pki_mounts, "),
    "a misspelt key": ({"vault_pki_mounts": [{"path": "x", "typ": "pki"}]}, "vault_pki_mounts[0] (x)"),
    "a text": ({"vault_pki_roles": "mesh"}, "vault_pki_roles"),
    "a name with #": ({"vault_pki_roles": [{"name": "a#b", "mount": "pki"}]}, "vault_pki_roles[0] (a#b)"),
    "a name with /": ({"vault_pki_roles": [{"name": "a/b", "mount": "pki"}]}, "name"),
    "twice": ({"vault_pki_roles": [{"name": "a"}, {"name": "a"}]}, "a"),
    "a null connection": ({"vault_pki_vault": None}, "vault_pki_vault: is null"),
    "a misspelt list": ({"vault_pki_mount": []}, "did you mean vault_pki_mounts?"),
    "a misspelt option of the connection": (
        {"vault_pki_mounts": [{"path": "x"}], "vault_pki_vault": {"uri": "https://localhost:1"}},
        "url",
    ),
}
ROTATION_TIMER: t.Final[Rows] = {
    "nothing": ({"rotation_timer_command": []}, "rotation_timer_command"),
    "null": ({"rotation_timer_command": None}, "rotation_timer_command"),
    "a text": ({"rotation_timer_command": "/bin/true"}, "rotation_timer_command: takes a list, not a text"),
    "a null argument": ({"rotation_timer_command": ["/bin/true", None]}, "rotation_timer_command"),
    "a slash": ({"rotation_timer_name": "../a"}, "rotation_timer_name"),
    "an option as a name": ({"rotation_timer_name": "-a"}, "rotation_timer_name"),
    "a line after the name": ({"rotation_timer_name": "a\n"}, "rotation_timer_name"),
    "a name with #": ({"rotation_timer_environment": {"A#B": "1"}}, "rotation_timer_environment: A#B"),
    "a null value": ({"rotation_timer_environment": {"A": None}}, "rotation_timer_environment: A"),
    "a truth value": ({"rotation_timer_environment": {"A": True}}, "rotation_timer_environment: A"),
    "a relative file": ({"rotation_timer_environment_files": ["a"]}, "rotation_timer_environment_files: a"),
    "a relative directory": ({"rotation_timer_working_directory": "a"}, "rotation_timer_working_directory"),
    "less than nothing": ({"rotation_timer_retry": -1}, "rotation_timer_retry"),
    "no time at all": ({"rotation_timer_timeout": 0}, "rotation_timer_timeout"),
    "a line after the schedule": ({"rotation_timer_schedule": "900\n"}, "rotation_timer_schedule"),
    "a user that is none": ({"rotation_timer_user": "a b"}, "rotation_timer_user: "),
}
QUICKSTART: t.Final[Rows] = {
    "nobody": ({"quickstart_participants": []}, "quickstart_participants: has fewer than two"),
    "twice": ({"quickstart_participants": ["a", "b", "a"]}, "quickstart_participants: has a twice"),
    "a slash": ({"quickstart_participants": ["a", "../b"]}, "quickstart_participants: ../b"),
    "a text": ({"quickstart_participants": "a,b"}, "quickstart_participants: takes a list, not a text"),
    "no such certificate": ({"quickstart_edge_certificate": "trust-service"}, "did you mean trust-service.internal?"),
    "no such client": ({"quickstart_allowed_clients": ["switsh"]}, "quickstart_allowed_clients: switsh"),
    "a null directory": ({"quickstart_directory": None}, "quickstart_directory: is null"),
    "misspelt": ({"quickstart_particpants": ["a", "b"]}, "did you mean quickstart_participants?"),
}
ROWS: t.Final = {
    "certificate": CERTIFICATE,
    "service_env": SERVICE_ENV,
    "systemd_credentials": SYSTEMD_CREDENTIALS,
    "vault_pki": VAULT_PKI,
    "rotation_timer": ROTATION_TIMER,
    "quickstart": QUICKSTART,
}


def _right(role: str, place: pathlib.Path, vault: OpenBao) -> dict[str, t.Any]:
    """Return what a role keeps when nothing is wrong, below a directory that is not there yet."""
    return {
        "certificate": {
            "certificate_provider": "local",
            "certificate_ca_directory": str(place / "ca"),
            "certificate_directory": str(place / "certificates"),
            "certificate_items": [{"name": "a"}],
        },
        "service_env": {"service_env_files": [{"path": str(place / "ok"), "variables": {"A": "1"}}]},
        "systemd_credentials": {
            "systemd_credentials_directory": str(place / "credentials"),
            "systemd_credentials_unit_directory": str(place / "units"),
            "systemd_credentials_encrypt": "never",
            "systemd_credentials_restart": False,
            "systemd_credentials_services": [{"service": "a", "credentials": [{"name": "b", "value": "canary-c"}]}],
        },
        "vault_pki": {"vault_pki_vault": {"url": vault.url, "ca_cert": vault.ca_path, "token": vault.root_token}},
        "rotation_timer": {
            "rotation_timer_unit_directory": str(place / "units"),
            "rotation_timer_activate": False,
            "rotation_timer_command": ["/bin/true"],
        },
        "quickstart": {"quickstart_directory": str(place / "quickstart")},
    }[role]


def _placed(value: t.Any, place: pathlib.Path) -> t.Any:
    """Return a row with the directory of the test where it says so."""
    if isinstance(value, dict):
        return {_placed(name, place): _placed(entry, place) for name, entry in value.items()}
    if isinstance(value, list):
        return [_placed(entry, place) for entry in value]
    return value.replace("{dir}", str(place)) if isinstance(value, str) else value


@pytest.mark.parametrize("role", ROWS)
def test_j1_what_a_role_cannot_keep_is_refused_by_name(
    runner: Runner, vault: OpenBao, tmp_path: pathlib.Path, role: str
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    tasks = [
        {
            "block": [
                {
                    "ansible.builtin.include_role": {"name": f"trustmesh.security.{role}"},
                    "vars": {**_right(role, place, vault), **_placed(given, place)},
                },
                {"name": f"green {name}", "ansible.builtin.debug": {"msg": ""}},
            ],
            "rescue": [{"name": f"said {name}", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}],
        }
        for name, (given, _said) in ROWS[role].items()
    ]
    play = runner.play(tasks).ok()
    said = {task.task: re.sub(r"\s+", " ", str(task.result.get("msg"))) for task in play.tasks}
    wrong = {
        name: said.get(f"said {name}", "GREEN")
        for name, (_given, wanted) in ROWS[role].items()
        if wanted not in said.get(f"said {name}", "")
    }
    assert wrong == {}
    assert play.changed == 0
    assert list(place.iterdir()) == []


def test_j1_a_name_with_a_letter_of_another_alphabet_is_refused(runner: Runner, tmp_path: pathlib.Path) -> None:
    """J1: what looks like a variable of the role is not read by it; such names come from files of an inventory."""
    files = tmp_path / "group_vars"
    files.mkdir()
    (files / "all.yml").write_text("service_env_f\u0456les: [{path: /x}]\n")
    (tmp_path / "play.yml").write_text(
        "[{hosts: localhost, gather_facts: false, roles: [trustmesh.security.service_env]}]"
    )
    play = runner.playbook(tmp_path / "play.yml")
    assert play.rc != 0
    assert "did you mean service_env_files?" in play.stdout
