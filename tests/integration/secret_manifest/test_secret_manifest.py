# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declared secrets are held against a real key-value engine, a directory and an environment file."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from tests.rigs.openbao import OpenBao

Run = t.Callable[..., t.Any]


@pytest.fixture(params=["2", "1"], ids=["kv2", "kv1"])
def version(request: pytest.FixtureRequest) -> str:
    return t.cast("str", request.param)


@pytest.fixture
def engine(vault: OpenBao, unique_name: t.Any, version: str) -> str:
    """An engine of its own."""
    path = t.cast("str", unique_name("manifest"))
    vault.api.write(f"sys/mounts/{path}", type="kv", options={"version": version})
    return path


@pytest.fixture
def put(vault: OpenBao, engine: str, version: str) -> t.Any:
    """A function that writes a secret: ``put("hub/db", password=...)``."""

    def write(path: str, **data: str) -> None:
        if version == "2":
            vault.api.write(f"{engine}/data/{path}", data=data)
        else:
            vault.api.write(f"{engine}/{path}", **data)

    return write


@pytest.fixture
def manifest(run_module: t.Any, connection: dict[str, str], engine: str) -> Run:
    """A function that runs the module with one store: ``manifest([secrets], prefix="hub")``."""

    def run(secrets: list[dict[str, t.Any]], *, token: str | None = None, **options: t.Any) -> t.Any:
        store = {"name": "kv", "type": "vault_kv", "mount": engine}
        store.update((key, options.pop(key)) for key in ("prefix", "ignore") if key in options)
        entries = [{"store": "kv", "owner": "hub team", **secret} for secret in secrets]
        reached = connection if token is None else {**connection, "token": token}
        return run_module("secret_manifest", {**reached, "stores": [store], "secrets": entries, **options})

    return run


def _verdicts(done: t.Any) -> dict[str, str]:
    return {result["item"]: result.get("verdict") for result in done.result["results"]}


def test_there_missing_and_undeclared(manifest: Run, put: t.Any, canary: t.Any, audit_window: t.Any) -> None:
    for path in ("hub/db", "hub/deep/er/token", "hub/scratch/a", "other/x"):
        put(path, value=canary())
    secrets = [{"name": "database", "key": "db"}, {"name": "lost", "key": "lost"}]
    with audit_window() as window:
        done = manifest(secrets, prefix="hub", ignore=["scratch/*"])
    assert not done.failed, done.result
    assert not done.changed
    assert _verdicts(done) == {"database": "ok", "lost": "missing", "kv/deep/er/token": "undeclared"}
    assert done.result["summary"] == {
        "ok": 1, "missing": 1, "undeclared": 1, "overdue": 0,
        "incomplete": 0, "unfit": 0, "unknown_age": 0, "failed": 0,
    }  # fmt: skip
    assert not window.writes
    assert not [record for record in window.reads if "/data/" in record.path], (
        "no value was read without being asked for"
    )


def test_fields_and_values(manifest: Run, put: t.Any, canary: t.Any) -> None:
    put("good", user="hub", password=canary())
    put("half", user="hub")
    put("hollow", password="")
    put("sample", password="your-secret-key")
    secrets = [{"name": name, "key": name, "fields": ["password"]} for name in ("good", "half", "hollow", "sample")]
    done = manifest(secrets, check_values=True)
    assert _verdicts(done) == {"good": "ok", "half": "incomplete", "hollow": "unfit", "sample": "unfit"}
    assert done.result["results"][3]["problems"] == [
        "sample has a value of password that everybody knows (placeholder of a token service)"
    ]


def test_age(manifest: Run, put: t.Any, version: str, canary: t.Any) -> None:
    put("db", value=canary())
    young = {"name": "young", "key": "db", "max_age": "1h"}
    if version == "1":
        assert _verdicts(manifest([young])) == {"young": "unknown_age"}
        assert _verdicts(manifest([{**young, "rotated": "2020-01-01"}])) == {"young": "overdue"}
        return
    done = manifest([young])
    assert _verdicts(done) == {"young": "ok"}
    assert done.result["results"][0]["due_at"] > done.result["results"][0]["changed_at"]


def test_a_deleted_version_is_missing(manifest: Run, put: t.Any, vault: OpenBao, engine: str, version: str) -> None:
    put("db", value="x")
    if version == "1":
        vault.api.delete(f"{engine}/db")
    else:
        vault.api.delete(f"{engine}/data/db")
    assert _verdicts(manifest([{"name": "db", "key": "db"}])) == {"db": "missing"}


def test_s11_a_version_that_will_be_deleted_is_a_finding(
    manifest: Run, put: t.Any, vault: OpenBao, engine: str, version: str
) -> None:
    if version == "1":
        pytest.skip("not applicable: version 1 of the engine deletes nothing by itself")
    vault.api.write(f"{engine}/metadata/db", delete_version_after="1h")
    put("db", value="x")
    done = manifest([{"name": "db", "key": "db", "max_age": "1h"}])
    assert _verdicts(done) == {"db": "unfit"}
    assert "(delete_version_after)" in str(done.result)


def test_a_store_that_may_not_be_seen_is_an_error(manifest: Run, put: t.Any, token: t.Any, canary: t.Any) -> None:
    put("db", value=canary())
    done = manifest([{"name": "db", "key": "db"}], token=token(["default"]))
    assert done.failed
    assert "permission denied" in done.result["msg"]
    assert done.result["results"][0]["failed"]
    assert "verdict" not in done.result["results"][0]


def test_the_documented_policy_is_enough(
    manifest: Run, put: t.Any, token: t.Any, engine: str, version: str, canary: t.Any
) -> None:
    put("hub/db", password=canary())
    paths = [f"{engine}/metadata/*", f"{engine}/data/*"] if version == "2" else [f"{engine}/*"]
    rules = "\n".join(f'path "{path}" {{ capabilities = ["read", "list"] }}' for path in paths)
    limited = token(rules=rules)
    done = manifest([{"name": "db", "key": "hub/db", "fields": ["password"]}], token=limited, check_values=True)
    assert _verdicts(done) == {"db": "ok"}, done.result


def test_no_engine_is_an_error(run_module: t.Any, connection: dict[str, str]) -> None:
    store = {"name": "kv", "type": "vault_kv", "mount": "no-such-engine"}
    done = run_module("secret_manifest", {**connection, "stores": [store], "secrets": []})
    assert done.failed
    assert "there is no engine at no-such-engine" in done.result["msg"]


def test_files_without_any_login(run_module: t.Any, tmp_path: pathlib.Path, canary: t.Any) -> None:
    (tmp_path / "credentials").mkdir()
    old = tmp_path / "credentials" / "db-password"
    old.write_text(canary())
    os.utime(old, (0, 0))
    env = tmp_path / "hub.env"
    env.write_text(f"LOG_LEVEL=info\nTOKEN={canary()}\nEMPTY=\n")
    done = run_module(
        "secret_manifest",
        {
            "check_values": True,
            "stores": [
                {"name": "files", "type": "directory", "path": str(tmp_path / "credentials")},
                {"name": "env", "type": "environment_file", "path": str(env), "ignore": ["LOG_*"]},
            ],
            "secrets": [
                {"name": "password", "store": "files", "key": "db-password", "owner": "hub", "max_age": "90d"},
                {"name": "token", "store": "env", "key": "TOKEN", "owner": "hub", "max_age": "90d"},
                {"name": "empty", "store": "env", "key": "EMPTY", "owner": "hub"},
            ],
        },
    )
    assert not done.failed, done.result
    assert _verdicts(done) == {"password": "overdue", "token": "unknown_age", "empty": "unfit"}
