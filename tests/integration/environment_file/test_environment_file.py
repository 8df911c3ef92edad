# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files appear whole, readable to their owner, and say to a shell what was declared."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest

from tests.rigs.openbao import OpenBao


def _shell(path: pathlib.Path, name: str) -> str:
    script = f'set -a; . "{path}"; printenv {name}'
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    return done.stdout[:-1]


def _args(path: pathlib.Path, *secrets: dict[str, t.Any], **item: t.Any) -> dict[str, t.Any]:
    return {"files": [{"path": str(path), "secrets": list(secrets), **item}]}


def test_ladder(ladder: t.Any, tmp_path: pathlib.Path, canary: t.Any) -> None:
    path = tmp_path / "hub.env"
    value = f"{canary()} 'x' \"y\" $z"
    present = _args(
        path, {"name": "DB_PASSWORD", "value": value}, variables={"ENVIRONMENT": "production", "PORT": 8443}
    )

    def tamper() -> None:
        path.write_text(path.read_text().replace("production", "development") + f"EXTRA={canary()}\n")
        path.chmod(0o644)

    absent = {"files": [{"path": str(path), "state": "absent"}]}
    rungs = ladder.climb("environment_file", present, tamper=tamper, absent=absent, server=False)
    assert rungs["create"].items[0]["file"]["variables"] == ["DB_PASSWORD", "ENVIRONMENT", "PORT"]
    assert rungs["mend"].items[0]["reasons"] == [
        "variables.ENVIRONMENT is development, declared production",
        "variables.EXTRA differs",
        "mode is 0644, declared 0600",
    ]
    assert not path.exists()


def test_a_shell_reads_what_was_declared(run_module: t.Any, tmp_path: pathlib.Path, canary: t.Any) -> None:
    path = tmp_path / "hub.env"
    values = {"A": f"{canary()}", "B": f"{canary()} with 'all' \"of\" `it` $HOME \\ and #", "C": f"{canary()}\u00e9="}
    done = run_module("environment_file", _args(path, *({"name": name, "value": it} for name, it in values.items())))
    assert not done.failed, done.result
    assert {name: _shell(path, name) for name in values} == values
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_spelling_is_no_difference(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hub.env"
    path.write_text("# by hand\nB='2 3'\nA=\"1\"\n")
    path.chmod(0o600)
    assert not run_module("environment_file", _args(path, variables={"A": "1", "B": "2 3"})).changed
    assert path.read_text().startswith("# by hand")


def test_several_files_or_none(run_module: t.Any, tmp_path: pathlib.Path, canary: t.Any) -> None:
    good, lost = tmp_path / "a.env", tmp_path / "none" / "b.env"
    secrets = [{"name": "A", "value": canary()}]
    done = run_module("environment_file", {"files": [{"path": str(it), "secrets": secrets} for it in (good, lost)]})
    assert done.failed
    assert "no such directory" in done.result["msg"]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".lock", "a.env"], "no temporary file is left, and a note for the next run"


def test_values_out_of_vault_with_one_login(
    run_module: t.Any,
    vault: OpenBao,
    connection: dict[str, str],
    unique_name: t.Any,
    canary: t.Any,
    tmp_path: pathlib.Path,
    audit_window: t.Any,
    token: t.Any,
) -> None:
    mount, values = unique_name("kv"), {"password": canary(), "user": canary()}
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    vault.api.write(f"{mount}/data/hub/db", data=values)
    secrets = [{"name": key.upper(), "vault": {"mount": mount, "path": "hub/db", "key": key}} for key in values]
    limited = token(rules=f'path "{mount}/data/hub/db" {{ capabilities = ["read"] }}')
    args = {**connection, "token": limited, **_args(tmp_path / "hub.env", *secrets)}
    with audit_window() as window:
        assert run_module("environment_file", args).changed
    assert {key: _shell(tmp_path / "hub.env", key.upper()) for key in values} == values
    assert len([record for record in window.reads if record.path == f"{mount}/data/hub/db"]) == 1
    assert not window.writes
    assert not run_module("environment_file", args).changed
    lost = [{"name": "A", "vault": {"mount": mount, "path": "hub/none", "key": "a"}}]
    refused = run_module("environment_file", {**connection, **_args(tmp_path / "x.env", *lost)})
    assert (
        f"files[0] ({tmp_path}/x.env).secrets[0] (A).vault: there is no secret at {mount}/hub/none"
        in refused.result["msg"]
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files to others")
def test_owner_and_group(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hub.env"
    args = {**_args(path, variables={"A": "1"}), "owner": "nobody", "group": "nogroup", "mode": "0640"}
    assert run_module("environment_file", args).changed
    assert (path.owner(), path.group(), path.stat().st_mode & 0o777) == ("nobody", "nogroup", 0o640)
    os.chown(path, 0, 0)
    done = run_module("environment_file", args)
    assert done.result["results"][0]["reasons"] == ["owner is root, declared nobody", "group is root, declared nogroup"]


@pytest.mark.parametrize(
    ("name", "value", "warning"),
    [
        ("DB_SSL_MODE", "require", "DB_SSL_MODE=require does not verify the server; verify-full does"),
        ("PGSSLMODE", "disable", "PGSSLMODE=disable sends passwords and data in the clear; use verify-full"),
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0", "NODE_TLS_REJECT_UNAUTHORIZED=0 trusts every certificate"),
        ("VAULT_SKIP_VERIFY", "true", "VAULT_SKIP_VERIFY=true trusts every certificate"),
    ],
)
def test_settings_that_do_less_than_they_seem(
    run_module: t.Any, tmp_path: pathlib.Path, name: str, value: str, warning: str
) -> None:
    args = _args(tmp_path / "hub.env", variables={name: value})
    assert run_module("environment_file", args).result["results"][0]["warnings"] == [warning]
    assert run_module("environment_file", args).result["results"][0]["warnings"] == [warning]
    good = _args(tmp_path / "hub.env", variables={"DB_SSL_MODE": "verify-full", "VAULT_SKIP_VERIFY": "false"})
    assert run_module("environment_file", good).result["results"][0]["warnings"] == []


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"secrets": [{"name": "A", "value": "x\ny"}]}, "A: has a value of several lines"),
        ({"secrets": [{"name": "A", "value": ""}]}, "value: is empty"),
        ({"secrets": [{"name": "A", "value": "your-secret-key"}]}, "value: is the placeholder of a token service"),
        ({"secrets": [{"name": "A-B", "value": "x"}]}, "'A-B' is not a name of a variable"),
        ({"secrets": [{"name": "A", "value": "x"}], "variables": {"A": "y"}}, "name: is declared twice"),
        ({"secrets": [{"name": "A", "value": "x"}], "mode": "0644"}, "mode: lets everybody on the host read secrets"),
    ],
)
def test_what_cannot_be_is_refused(
    run_module: t.Any, tmp_path: pathlib.Path, item: dict[str, t.Any], problem: str
) -> None:
    done = run_module("environment_file", {"files": [{"path": str(tmp_path / "hub.env"), **item}]})
    assert done.failed
    assert problem in done.result["msg"]
    assert not list(tmp_path.iterdir())


def test_a_link_is_not_followed(run_module: t.Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "other").write_text("A=2\n")
    (tmp_path / "hub.env").symlink_to(tmp_path / "other")
    done = run_module("environment_file", _args(tmp_path / "hub.env", variables={"A": "1"}))
    assert "is a symbolic link" in done.result["msg"]
    assert (tmp_path / "other").read_text() == "A=2\n"


def test_r4_a_store_with_two_names_is_held_once(run_module: t.Any, tmp_path: pathlib.Path, canary: t.Any) -> None:
    """A run that named one directory in two ways waited a minute for itself, and failed."""
    (tmp_path / "real").mkdir()
    (tmp_path / "a-link").symlink_to("real")
    files = [
        {"path": str(tmp_path / folder / f"{folder}.env"), "secrets": [{"name": "A", "value": canary()}]}
        for folder in ("real", "a-link")
    ]
    done = run_module("environment_file", {"files": files})
    assert not done.failed, done.result
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["a-link.env", "real.env"]
    assert run_module("environment_file", {"files": files}).result["changed"] is False
