# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C5: a certificate that was revoked at the server is never taken for good."""

from __future__ import annotations

import json
import pathlib
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._pki.certificate import serial_text

from .conftest import Estate

NAME = "a.svc.example"


def _serial(estate: Estate, name: str = NAME) -> str:
    return serial_text(estate.certificate(name).serial_number)


def _revoke(estate: Estate, name: str = NAME) -> None:
    estate.engine.write("revoke", serial_number=_serial(estate, name))


def test_c5_what_was_revoked_by_hand_is_replaced_with_a_new_key(run_module: t.Any, estate: Estate) -> None:
    args = estate.args({"name": NAME}, renew_key=False, on_mismatch="fail")
    run_module("certificate", args).ok()
    serial, key = _serial(estate), estate.path(NAME, "key.pem").read_bytes()
    _revoke(estate)
    foretold = run_module("certificate", args, check=True).ok().result["results"][0]
    assert foretold["action"] == "replace"
    assert [reason for reason in foretold["reasons"] if reason.startswith("is revoked since 20")] == foretold["reasons"]
    done = run_module("certificate", args).ok().result["results"][0]
    assert (done["action"], done["reasons"]) == ("replace", foretold["reasons"])
    assert _serial(estate) != serial
    assert estate.path(NAME, "key.pem").read_bytes() != key, "the key may be in strange hands"
    assert not run_module("certificate", args).ok().changed


def test_c5_what_the_same_inventory_revokes_is_replaced(run_module: t.Any, estate: Estate) -> None:
    run_module("certificate", estate.args({"name": NAME})).ok()
    revocation = {"certificate_file": str(estate.path(NAME)), "mount": estate.engine.path}
    run_module("vault_pki_revocation", {**estate.connection, "revocations": [revocation]}).ok()
    done = run_module("certificate", estate.args({"name": NAME})).ok().result["results"][0]
    assert done["reasons"][0].startswith("is revoked since")


@pytest.mark.parametrize("number", [1, 40])
def test_c5_many_certificates_are_asked_about_in_one_request(
    run_module: t.Any, estate: Estate, audit_window: t.Any, number: int
) -> None:
    args = estate.args(*({"name": f"n{at}.svc.example"} for at in range(number)))
    run_module("certificate", args).ok()
    with audit_window() as window:
        assert not run_module("certificate", args).ok().changed
    assert not window.writes
    assert [entry.path for entry in window.requests if estate.engine.path in entry.path] == [
        f"{estate.engine.path}/roles/mesh",
        f"{estate.engine.path}/issuer/default/json",
        f"{estate.engine.path}/certs/revoked/",
    ]


def test_c5_without_the_right_to_list_the_published_list_is_read_and_its_limit_is_said(
    run_module: t.Any, estate: Estate, token: Callable[..., str]
) -> None:
    place = estate.engine.path
    limited = token(rules=f'path "{place}/sign/mesh" {{ capabilities = ["update"] }}')
    args = {**estate.args({"name": NAME}), "token": limited}
    run_module("certificate", args).ok()
    quiet = run_module("certificate", args).ok()
    assert f"Give the token the capability list on {place}/certs/revoked" in str(quiet.result["warnings"])
    estate.engine.write("config/crl", disable=False, auto_rebuild=False)
    _revoke(estate)
    done = run_module("certificate", args).ok().result["results"][0]
    assert done["reasons"][0].startswith("is revoked since")


def test_c5_the_engine_is_asked_about_files_and_the_report_fails(
    run_module: t.Any, estate: Estate, audit_window: t.Any, token: Callable[..., str]
) -> None:
    names = ("a.svc.example", "b.svc.example", "c.svc.example")
    run_module("certificate", estate.args(*({"name": name} for name in names))).ok()
    _revoke(estate, names[1])
    sources = [{"path": str(estate.path(name, "fullchain.pem")), "mount": estate.engine.path} for name in names]
    with audit_window() as window:
        looked = run_module("certificate_info", {**estate.connection, "sources": sources}).ok().result
    assert sum(entry.path == f"{estate.engine.path}/certs/revoked/" for entry in window.requests) == 1
    assert [entry["revoked"] for entry in looked["results"]] == [False, True, False]
    assert looked["results"][1]["problems"][0].startswith("is revoked since")
    stranger = token(rules='path "cubbyhole/x" { capabilities = ["read"] }')
    limited = run_module("certificate_info", {**estate.connection, "sources": sources, "token": stranger}).ok().result
    assert limited["results"][1]["revoked"] is True
    assert "cannot be listed" in str(limited["results"][0]["warnings"])
    elsewhere = [{**sources[0], "mount": "nowhere"}]
    assert "nothing is mounted" in run_module("certificate_info", {**estate.connection, "sources": elsewhere}).msg


def test_c5_verify_and_the_strict_report_fail(
    runner: t.Any, play: t.Any, run_module: t.Any, estate: Estate, tmp_path: pathlib.Path
) -> None:
    inputs = {
        "certificate_vault": estate.connection,
        "certificate_mount": estate.engine.path,
        "certificate_directory": str(estate.directory),
        "certificate_items": [{"name": NAME}],
        "certificate_report_strict": True,
        "ansible_connection": "local",
    }
    (tmp_path / "hosts").write_text("[certificate]\nlocalhost\n")
    (tmp_path / "inputs.json").write_text(json.dumps(inputs))

    def entry(name: str) -> t.Any:
        task = {"name": "Role", "ansible.builtin.include_role": {"name": "trustmesh.security.certificate"}}
        task["ansible.builtin.include_role"]["tasks_from"] = name  # type: ignore[index]
        return play([task], variables=inputs)

    def report() -> t.Any:
        arguments = ["-i", str(tmp_path / "hosts"), "-e", f"@{tmp_path}/inputs.json"]
        return runner.playbook("trustmesh.security.certificate_report", arguments=arguments)

    assert entry("main").rc == 0
    assert entry("verify").rc == 0
    assert report().rc == 0
    _revoke(estate)
    verified = entry("verify")
    assert verified.rc != 0
    assert "is revoked since" in verified.stdout
    reported = report()
    assert reported.rc != 0
    assert "is revoked since" in reported.stdout
