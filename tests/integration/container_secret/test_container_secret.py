# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of a real podman are made, compared by their digest, replaced and removed; no value is told."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.container_secret.conftest import Podman
from tests.rigs.openbao import OpenBao

LABEL = "security.trustmesh.digest"


def test_ladder(ladder: t.Any, podman: Podman, canary: t.Any) -> None:
    first, second = canary(), canary()

    def tamper() -> None:
        podman.secret("rm", "db")
        podman.secret("create", "db", "-", given=canary())

    present = podman.args({"name": "db", "value": first, "labels": {"owner": "hub"}}, {"name": "api", "value": second})
    absent = podman.args({"name": "db", "state": "absent"}, {"name": "api", "state": "absent"})
    ladder.climb("container_secret", present, tamper=tamper, absent=absent, server=False)
    assert podman.secret("ls", "--quiet") == ""


def test_the_value_arrives_byte_for_byte(run_module: t.Any, podman: Podman, canary: t.Any, tmp_path: t.Any) -> None:
    value = f"{canary()}\nwith \u00fc, a ' and a \" and a $(x)\n"
    source = tmp_path / "value"
    source.write_text(f"{value}\n")
    done = run_module(
        "container_secret", podman.args({"name": "a", "value": value}, {"name": "b", "value_file": str(source)})
    )
    assert not done.failed, done.result
    assert (podman.value("a"), podman.value("b")) == (value, value)


def test_a_new_value_replaces_and_the_digest_tells_nothing(run_module: t.Any, podman: Podman, canary: t.Any) -> None:
    old, new = canary(), canary()
    run_module("container_secret", podman.args({"name": "a", "value": old}, {"name": "b", "value": old}))
    before = {name: podman.labels(name)[LABEL] for name in ("a", "b")}
    assert len(set(before.values())) == 2, "equal values of two secrets have different digests"
    done = run_module(
        "container_secret", podman.args({"name": "a", "value": new}, {"name": "b", "value": old}), diff=True
    )
    assert [item["action"] for item in done.result["results"]] == ["replace", "none"]
    assert done.result["results"][0]["reasons"] == ["value differs"]
    assert (podman.value("a"), podman.value("b")) == (new, old)
    assert podman.labels("b")[LABEL] == before["b"]


def test_without_the_key_everything_is_written_once_more(run_module: t.Any, podman: Podman, canary: t.Any) -> None:
    args = podman.args({"name": "a", "value": canary()})
    run_module("container_secret", args)
    assert podman.key.stat().st_mode & 0o777 == 0o600
    podman.key.unlink()
    check = run_module("container_secret", args, check=True)
    assert (check.changed, podman.key.exists()) == (True, False), "check mode makes no key"
    assert run_module("container_secret", args).changed
    assert not run_module("container_secret", args).changed


def test_labels(run_module: t.Any, podman: Podman, canary: t.Any) -> None:
    value = canary()
    run_module("container_secret", podman.args({"name": "a", "value": value, "labels": {"owner": "hub", "x": "1"}}))
    assert not run_module("container_secret", podman.args({"name": "a", "value": value})).changed
    done = run_module("container_secret", podman.args({"name": "a", "value": value, "labels": {"owner": "edge"}}))
    assert done.result["results"][0]["reasons"] == ["labels.owner is hub, declared edge"]
    assert {key: text for key, text in podman.labels("a").items() if key != LABEL} == {"owner": "edge", "x": "1"}
    assert done.result["results"][0]["secret"]["labels"] == {"owner": "edge", "x": "1"}


def test_a_value_out_of_vault(
    run_module: t.Any, podman: Podman, vault: OpenBao, connection: dict[str, str], unique_name: t.Any, canary: t.Any
) -> None:
    mount, value = unique_name("kv"), canary()
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    vault.api.write(f"{mount}/data/hub/db", data={"password": value})
    reference = {"mount": mount, "path": "hub/db", "key": "password"}
    args = {**connection, **podman.args({"name": "db", "vault": reference})}
    assert run_module("container_secret", args).changed
    assert podman.value("db") == value
    assert not run_module("container_secret", args).changed
    vault.api.write(f"{mount}/data/hub/db", data={"password": canary()})
    assert run_module("container_secret", args).result["results"][0]["action"] == "replace"
    lost = {**connection, **podman.args({"name": "db", "vault": {**reference, "key": "other"}})}
    assert f"{mount}/hub/db has no other" in run_module("container_secret", lost).result["msg"]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"name": "a b", "value": "x"}, "name: 'a b' is not a name of a secret"),
        ({"name": "--help", "value": "x"}, "is not a name of a secret"),
        ({"name": "a"}, "value: nothing given"),
        ({"name": "a", "value": "x", "value_file": "/etc/hostname"}, "value: value and value_file given"),
        ({"name": "a", "value": ""}, "has to be between 1 and 512000 bytes long"),
        ({"name": "a", "value_file": "/no/such/file"}, "value_file: /no/such/file does not exist"),
        (
            {"name": "a", "value": "x", "labels": {LABEL: "x"}},
            "labels: security.trustmesh.digest belongs to this module",
        ),
    ],
)
def test_what_cannot_be_is_refused(run_module: t.Any, podman: Podman, item: dict[str, t.Any], problem: str) -> None:
    done = run_module("container_secret", podman.args(item))
    assert done.failed
    assert problem in done.result["msg"]
    assert podman.secret("ls", "--quiet") == ""


def test_faults_of_the_host(run_module: t.Any, podman: Podman, tmp_path: t.Any) -> None:
    item = {"name": "a", "value": "a value"}
    lost = run_module("container_secret", {**podman.args(item), "executable": str(tmp_path / "none")})
    assert "there is no program" in lost.result["msg"]
    podman.key.parent.mkdir()
    podman.key.write_text("too short\n")
    assert "does not hold 32 bytes" in run_module("container_secret", podman.args(item)).result["msg"]
    podman.key.write_text("ab" * 32)
    podman.key.chmod(0o644)
    assert "others can read" in run_module("container_secret", podman.args(item)).result["msg"]
    refused = run_module("container_secret", podman.args({**item, "driver": "no-such-driver"}))
    podman.key.chmod(0o600)
    refused = run_module("container_secret", podman.args({**item, "driver": "no-such-driver"}))
    assert refused.failed
    assert "podman secret create" in refused.result["msg"]
