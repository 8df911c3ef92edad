# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_kv_secret against a real server: the ladder, check-and-set, what is generated, and what nobody gets to see."""

from __future__ import annotations

import contextlib
import re
import typing as t
from collections.abc import Callable
from concurrent import futures

import pytest

from plugins.module_utils._vault.connection import reach
from plugins.module_utils._vault.kv import KvSecret
from plugins.module_utils._vault.kv_versions import KvVersions
from tests.integration.ladder import Ladder
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]
Canary = Callable[..., str]

# As the module's documentation states it.
POLICY = """
path "{mount}/data/*" {{ capabilities = ["create", "read", "update", "delete"] }}
path "{mount}/metadata/*" {{ capabilities = ["create", "read", "update", "delete"] }}
"""
POLICY_1 = 'path "{mount}/*" {{ capabilities = ["create", "read", "update", "delete"] }}'


def make(vault: OpenBao, mount: str, version: int) -> str:
    """Enable an engine and wait until it serves."""
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": str(version)})
    probe = f"{mount}/data/none" if version == 2 else f"{mount}/none"
    vault.wait_until(lambda: vault.api.request("GET", probe).status == 404, what="the new engine")
    return mount


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """A key-value engine of version 2."""
    return make(vault, unique_name("kv"), 2)


@pytest.fixture
def manage(run_module: Module, connection: dict[str, str], mount: str) -> Module:
    """Run the module on secrets of the test's engine."""
    return lambda *secrets, **options: run_module(
        "vault_kv_secret", {**connection, "mount": mount, "secrets": list(secrets)}, **options
    )


def held(vault: OpenBao, mount: str, path: str) -> dict[str, t.Any]:
    """Return the live data of a secret."""
    answer = vault.api.read(f"{mount}/data/{path}")
    assert answer is not None
    return t.cast("dict[str, t.Any]", answer["data"])


def item(result: t.Any, at: int = 0) -> dict[str, t.Any]:
    """Return the result of one item."""
    return t.cast("dict[str, t.Any]", result.ok().result["results"][at])


@pytest.mark.parametrize("version", [1, 2])
def test_ladder(
    ladder: Ladder, vault: OpenBao, unique_name: Name, canary: Canary, canaries: Canaries, version: int
) -> None:
    mount = make(vault, unique_name("kv"), version)
    data = {
        "password": canary(),
        "port": 5432,
        "tls": True,
        "short": "yes",
        "nested": {"key": [canary(), {"deep": canary()}]},
    }
    secret = {"path": "hub/database", "data": data, "generate": [{"key": "token", "length": 40}]}
    if version == 2:
        secret.update(
            max_versions=5, delete_version_after="30d", custom_metadata={"owner": "ledger"}, cas_required=True
        )
    path = f"{mount}/data/hub/database" if version == 2 else f"{mount}/hub/database"

    def tamper() -> None:
        answer = vault.api.read(path)
        assert answer is not None
        known = answer["data"] if version == 2 else answer
        canaries.record(known["token"], "generated value")
        changed = {**known, "password": canary(), "extra": canary()}
        vault.api.write(path, **({"data": changed, "options": {"cas": 1}} if version == 2 else changed))

    rungs = ladder.climb(
        "vault_kv_secret",
        {"mount": mount, "secrets": [secret]},
        tamper=tamper,
        absent={"mount": mount, "secrets": [{"path": "hub/database", "state": "absent"}]},
    )

    assert rungs["mend"].items[0]["reasons"] == ["data.password differs"]
    assert rungs["again"].items[0]["secret"]["key_names"] == ["nested", "password", "port", "short", "tls", "token"]
    assert rungs["mended"].items[0]["secret"]["key_names"] == [
        "extra",
        "nested",
        "password",
        "port",
        "short",
        "tls",
        "token",
    ]
    if version == 2:
        assert rungs["mended"].items[0]["secret"]["version"] == 3
        assert rungs["again"].items[0]["secret"]["delete_version_after"] == 2592000


def test_trap_14_equal_data_makes_no_version(manage: Module, vault: OpenBao, mount: str, audit_window: t.Any) -> None:
    data = {"a": "1", "n": 9007199254740992, "f": 1.5, "list": [1, "2", None], "empty": ""}
    assert item(manage({"path": "s", "data": data}))["secret"]["version"] == 1
    with audit_window() as window:
        assert item(manage({"path": "s", "data": dict(reversed(data.items()))}))["secret"]["version"] == 1
    assert window.writes == []
    assert len(window.reads) == 2, "the engine's version and the data"


def test_trap_14_number_that_the_server_would_alter_is_refused(
    manage: Module, vault: OpenBao, mount: str, audit_window: t.Any
) -> None:
    for data in ({"n": 2**53 + 1}, {"deep": {"list": [0, -(2**53) - 1]}}):
        with audit_window() as window:
            result = manage({"path": "s", "data": data})
        assert result.failed
        assert "is a whole number beyond 2^53, which the server alters. Quote it" in result.msg
        assert window.writes == []
    assert item(manage({"path": "s", "data": {"n": str(2**53 + 1)}}))["action"] == "create"
    assert held(vault, mount, "s") == {"n": "9007199254740993"}


def test_trap_14_secret_that_demands_check_and_set_is_written_with_it(
    manage: Module, vault: OpenBao, mount: str
) -> None:
    vault.api.write(f"{mount}/metadata/s", cas_required=True)
    for at, value in enumerate(("one", "two"), start=1):
        assert item(manage({"path": "s", "data": {"k": value}}))["secret"]["version"] == at


def test_trap_14_write_of_somebody_else_in_between_is_not_lost(vault: OpenBao, mount: str, unique_name: Name) -> None:
    """Decide on version 1, let somebody write version 2, then apply: both changes are in version 3."""
    item = {"path": "s", "mount": mount, "state": "present", "data": {"ours": "1"}, "generate": None}
    item.update(dict.fromkeys(("max_versions", "cas_required", "delete_version_after", "custom_metadata")))
    item.update(other_keys="keep", on_delete="delete")
    params = {"url": vault.url, "ca_cert": vault.ca_path, "timeout": 10, "retries": 0}
    params.update(dict.fromkeys(("namespace", "client_cert", "client_key")))
    vault.api.write(f"{mount}/data/s", data={"first": "1"})
    with contextlib.ExitStack() as stack:
        port = reach(params, stack)
        port.use_token(vault.root_token)
        secret = KvSecret.declared(port, KvVersions(port), item)
        plan = secret.plan(secret.read(), None)  # type: ignore[arg-type]
        vault.api.write(f"{mount}/data/s", data={"first": "1", "theirs": "1"})

        secret.apply(plan)

    answer = vault.api.read(f"{mount}/data/s")
    assert answer is not None
    assert answer["data"] == {"first": "1", "theirs": "1", "ours": "1"}
    assert answer["metadata"]["version"] == 3


def test_trap_08_deleted_version_is_told_from_absence(
    manage: Module, vault: OpenBao, mount: str, audit_window: t.Any
) -> None:
    manage({"path": "s", "data": {"old": "1"}}).ok()
    vault.api.delete(f"{mount}/data/s")
    with audit_window() as window:
        assert not manage({"path": "s", "state": "absent"}).ok().changed
    assert window.writes == []
    entry = item(manage({"path": "s", "data": {"new": "1"}}))
    assert entry["reasons"] == ["the newest version is deleted"]
    assert entry["secret"]["version"] == 2
    assert held(vault, mount, "s") == {"new": "1"}, "what was deleted does not come back"


def test_trap_08_missing_right_is_no_absence(
    run_module: Module, connection: dict[str, str], mount: str, token: t.Any, audit_window: t.Any
) -> None:
    limited = {**connection, "token": token(["default"])}
    with audit_window() as window:
        result = run_module(
            "vault_kv_secret", {**limited, "mount": mount, "secrets": [{"path": "s", "data": {"a": "b"}}]}
        )
    assert result.failed
    assert "permission denied for get" in result.msg
    assert window.writes == []


def test_trap_01_lifetime_of_a_version_reads_back_in_another_spelling(
    manage: Module, vault: OpenBao, mount: str, audit_window: t.Any
) -> None:
    manage({"path": "s", "delete_version_after": "30d", "data": {"a": "b"}}).ok()
    metadata = vault.api.read(f"{mount}/metadata/s")
    assert metadata is not None
    assert metadata["delete_version_after"] == "720h0m0s"
    for spelling in ("720h", "2592000", "30d", "720h0m0s"):
        with audit_window() as window:
            assert not manage({"path": "s", "delete_version_after": spelling}).ok().changed
        assert window.writes == []


def test_deletion_can_be_undone_and_destruction_cannot(manage: Module, vault: OpenBao, mount: str) -> None:
    manage({"path": "s", "data": {"a": "b"}}).ok()
    assert item(manage({"path": "s", "state": "absent"}))["action"] == "delete"
    vault.api.write(f"{mount}/undelete/s", versions=[1])
    assert held(vault, mount, "s") == {"a": "b"}

    assert item(manage({"path": "s", "state": "absent", "on_delete": "destroy"}))["action"] == "delete"
    assert vault.api.read(f"{mount}/metadata/s") is None
    assert not manage({"path": "s", "state": "absent", "on_delete": "destroy"}).ok().changed


def test_destruction_reaches_what_was_only_deleted(manage: Module, vault: OpenBao, mount: str) -> None:
    manage({"path": "s", "data": {"a": "b"}}).ok()
    vault.api.delete(f"{mount}/data/s")
    assert manage({"path": "s", "state": "absent", "on_delete": "destroy"}).ok().changed
    assert vault.api.read(f"{mount}/metadata/s") is None


def test_value_is_generated_once_and_never_leaves(
    manage: Module, vault: OpenBao, mount: str, canaries: Canaries
) -> None:
    charsets = {"alphanumeric": "[A-Za-z0-9]", "hex": "[0-9a-f]", "base64url": "[A-Za-z0-9_-]", "printable": "[!-~]"}
    generate = [{"key": name, "length": 64, "charset": name} for name in charsets]
    result = manage({"path": "s", "generate": generate}, diff=True)
    first = held(vault, mount, "s")
    for name, pattern in charsets.items():
        assert re.fullmatch(f"{pattern}{{64}}", first[name]), name
        assert canaries.record(first[name], "generated value") not in result.ok().stdout
    assert len(set(first.values())) == 4
    assert "a generated text of 64 characters" in str(result.result["diff"])
    assert not manage({"path": "s", "generate": generate}).ok().changed

    extra = [*generate, {"key": "another"}]
    assert item(manage({"path": "s", "generate": extra}))["reasons"] == ["data.another is unset"]
    second = held(vault, mount, "s")
    canaries.record(second.pop("another"), "generated value")
    assert second == first


def test_r22_runs_at_once_generate_one_value(manage: Module, vault: OpenBao, mount: str) -> None:
    generate = [{"key": "password"}]
    for at in range(3):
        with futures.ThreadPoolExecutor(5) as pool:
            runs = list(pool.map(lambda _run, at=at: manage({"path": f"s{at}", "generate": generate}), range(5)))
        assert sum(run.ok().changed for run in runs) == 1, "the others wrote nothing"
        answer = vault.api.read(f"{mount}/data/s{at}")
        assert answer is not None
        assert answer["metadata"]["version"] == 1


def test_other_keys_are_removed_only_where_that_is_declared(manage: Module, vault: OpenBao, mount: str) -> None:
    vault.api.write(f"{mount}/data/s", data={"a": "1", "old": "x", "token": "kept"})
    declared = {"path": "s", "data": {"a": "1"}, "generate": [{"key": "token"}]}
    assert not manage(declared).ok().changed
    assert item(manage({**declared, "other_keys": "remove"}))["reasons"] == ["data.old is not declared"]
    assert held(vault, mount, "s") == {"a": "1", "token": "kept"}


def test_metadata_alone_can_be_managed(manage: Module, vault: OpenBao, mount: str) -> None:
    vault.api.write(f"{mount}/data/s", data={"a": "1"})
    entry = item(manage({"path": "s", "max_versions": 3, "custom_metadata": {"owner": "x"}}))
    assert entry["secret"]["version"] == 1
    assert entry["secret"]["custom_metadata"] == {"owner": "x"}
    entry = item(manage({"path": "s", "custom_metadata": {}}))
    assert entry["reasons"] == ["custom_metadata.owner is x, declared unset"]
    assert entry["secret"]["custom_metadata"] == {}


def test_version_1_has_no_metadata(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Name
) -> None:
    mount = make(vault, unique_name("kv"), 1)
    secret = {"path": "s", "data": {"a": "b"}, "max_versions": 3}
    result = run_module("vault_kv_secret", {**connection, "mount": mount, "secrets": [secret]})
    assert result.failed
    assert f"max_versions: {mount} is version 1 of the engine and keeps no metadata" in result.msg


def test_mount_of_another_type_is_named(run_module: Module, connection: dict[str, str]) -> None:
    secret = {"path": "s", "data": {"a": "b"}}
    result = run_module("vault_kv_secret", {**connection, "mount": "cubbyhole", "secrets": [secret]})
    assert result.failed
    assert "mount: cubbyhole is of type cubbyhole and not a key-value engine" in result.msg


def test_check_before_the_engine_exists_predicts_and_says_so(
    run_module: Module, connection: dict[str, str], unique_name: Name, audit_window: t.Any
) -> None:
    args = {**connection, "mount": unique_name("none"), "secrets": [{"path": "s", "data": {"a": "b"}}]}
    with audit_window() as window:
        result = run_module("vault_kv_secret", args, check=True).ok()
    assert result.result["results"][0]["action"] == "create"
    assert "nothing is mounted for" in str(result.result["warnings"])
    assert window.writes == []


@pytest.mark.parametrize("version", [1, 2])
def test_documented_policy_is_enough(
    run_module: Module, connection: dict[str, str], vault: OpenBao, token: t.Any, unique_name: Name, version: int
) -> None:
    mount = make(vault, unique_name("kv"), version)
    limited = {**connection, "token": token(rules=(POLICY if version == 2 else POLICY_1).format(mount=mount))}
    secret: dict[str, t.Any] = {"path": "s", "data": {"a": "b"}}
    if version == 2:
        secret.update(max_versions=3)
    for changed in (secret, {**secret, "data": {"a": "c"}}, {"path": "s", "state": "absent"}):
        assert run_module("vault_kv_secret", {**limited, "mount": mount, "secrets": [changed]}).ok().changed
    if version == 2:
        destroyed = {"path": "s", "state": "absent", "on_delete": "destroy"}
        assert run_module("vault_kv_secret", {**limited, "mount": mount, "secrets": [destroyed]}).ok().changed


def test_trap_54_short_values_mask_nothing_and_long_ones_everything(
    play: t.Any, connection: dict[str, str], mount: str, canary: Canary
) -> None:
    """A value of "true" or "1h" would hide half of the output if Ansible masked it by its text."""
    data = {"flag": "true", "ttl": "1h", "name": "changed", "secret": canary()}
    secrets = [{"path": "true/1h/changed", "data": data, "custom_metadata": {"ttl": "1h"}}]
    task = {
        "name": "keep",
        "trustmesh.security.vault_kv_secret": {**connection, "mount": mount, "secrets": secrets},
        "register": "kept",
    }
    result = play([task, {"name": "show", "ansible.builtin.debug": {"var": "kept"}}], diff=True).ok()
    entry = result.task("keep").result["results"][0]
    assert entry["item"] == f"{mount}/true/1h/changed"
    assert entry["changed"] is True
    assert entry["secret"]["custom_metadata"] == {"ttl": "1h"}
    given = result.task("keep").result["invocation"]["module_args"]["secrets"][0]
    assert given["data"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert given["path"] == "true/1h/changed"
    assert "secret:" in str(result.task("keep").result["diff"])
