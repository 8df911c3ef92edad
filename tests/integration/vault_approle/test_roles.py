# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_approle against a real server: the ladder, the traps, and secret-ids delivered into files."""

from __future__ import annotations

import json
import pathlib
import stat
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.ladder import Ladder
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]

# As the module's documentation states it.
POLICY = """
path "auth/approle/role/*" { capabilities = ["create", "read", "update", "delete", "list"] }
"""


@pytest.fixture
def mount(vault: OpenBao, unique_name: Name) -> str:
    """An AppRole method of its own."""
    path = unique_name("approle")
    vault.api.write(f"sys/auth/{path}", type="approle")
    return path


@pytest.fixture
def manage(run_module: Module, connection: dict[str, str], mount: str) -> Module:
    """Run the module on roles of the test's method."""
    return lambda *roles, **options: run_module(
        "vault_approle", {**connection, "mount": mount, "roles": list(roles)}, **options
    )


def content(path: pathlib.Path, canaries: Canaries) -> str:
    """Return what was delivered, which must turn up nowhere else."""
    return canaries.record(path.read_text().strip(), "delivered secret-id")


def login(vault: OpenBao, mount: str, role_id: str, secret_id: str) -> int:
    """Return the status of a login."""
    body = {"role_id": role_id, "secret_id": secret_id}
    return vault.as_token(None).request("POST", f"auth/{mount}/login", body).status


def accessors(vault: OpenBao, mount: str, role: str) -> set[str]:
    """Return the accessors of a role's living secret-ids."""
    return set(vault.api.list(f"auth/{mount}/role/{role}/secret-id"))


def record(path: pathlib.Path) -> dict[str, t.Any]:
    """Return what was written down about a delivery."""
    return t.cast("dict[str, t.Any]", json.loads(pathlib.Path(f"{path}.accessor").read_text()))


def item(result: t.Any, at: int = 0) -> dict[str, t.Any]:
    """Return the result of one item."""
    return t.cast("dict[str, t.Any]", result.ok().result["results"][at])


def test_ladder(ladder: Ladder, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries) -> None:
    plain, wrapped = tmp_path / "plain", tmp_path / "wrapped"
    roles: list[dict[str, t.Any]] = [
        {
            "name": "Full",
            "role_id": "chosen",
            "bind_secret_id": True,
            "secret_id_bound_cidrs": ["127.0.0.1", "10.1.2.3/8"],
            "secret_id_num_uses": 5,
            "secret_id_ttl": "30d",
            "local_secret_ids": False,
            "token_policies": ["Beta", "alpha"],
            "token_ttl": "1h30m",
            "token_max_ttl": "8h",
            "token_explicit_max_ttl": "1d",
            "token_period": "0",
            "token_num_uses": 7,
            "token_bound_cidrs": ["127.0.0.1", "::1/64"],
            "token_no_default_policy": True,
            "token_type": "service",
            # HashiCorp Vault has no such field, and acts as declared all the same.
            "token_strictly_bind_ip": False,
        },
        {"name": "plain", "delivery": {"path": str(plain), "wrapped": False, "mode": "0640"}},
        {"name": "wrapped", "delivery": {"path": str(wrapped), "metadata": {"host": "a"}, "cidr_list": ["127.0.0.1"]}},
    ]

    def tamper() -> None:
        content(plain, canaries)
        content(wrapped, canaries)
        vault.api.write(f"auth/{mount}/role/full", token_ttl=60, token_policies=["alpha"], role_id="other")
        plain.write_text("something else\n")
        for accessor in accessors(vault, mount, "wrapped"):
            path = f"auth/{mount}/role/wrapped/secret-id-accessor/destroy"
            vault.api.write(path, secret_id_accessor=accessor)

    rungs = ladder.climb(
        "vault_approle",
        {"mount": mount, "roles": roles},
        tamper=tamper,
        absent={
            "mount": mount,
            "roles": [
                {"name": "full", "state": "absent"},
                {"name": "plain", "state": "absent", "delivery": {"path": str(plain)}},
                {"name": "wrapped", "state": "absent", "delivery": {"path": str(wrapped)}},
            ],
        },
    )

    facts = rungs["again"].items[0]["role"]
    assert facts["role_id"] == "chosen"
    assert facts["token_policies"] == ["alpha", "beta"]
    assert facts["secret_id_bound_cidrs"] == ["10.0.0.0/8", "127.0.0.1/32"]
    assert facts["token_bound_cidrs"] == ["127.0.0.1/32", "::/64"]
    assert (facts["token_ttl"], facts["secret_id_ttl"]) == (5400, 2592000)
    assert [entry["action"] for entry in rungs["mend"].items] == ["update", "replace", "replace"]
    assert list(tmp_path.iterdir()) == []


def test_trap_12_policies_are_neither_folded_nor_sorted_by_the_server(
    manage: Module, vault: OpenBao, mount: str, audit_window: t.Any
) -> None:
    vault.api.write(f"auth/{mount}/role/r", token_policies=["Zed", "a", "a"])
    with audit_window() as window:
        assert not manage({"name": "r", "token_policies": ["A", "zed"]}).ok().changed
    assert window.writes == []


def test_trap_13_bare_ip_is_sent_as_a_network_and_host_bits_settle(
    manage: Module, vault: OpenBao, mount: str, audit_window: t.Any
) -> None:
    bare = vault.api.request("POST", f"auth/{mount}/role/raw", {"secret_id_bound_cidrs": ["10.1.2.3"]})
    assert bare.status == 500, "the server is as it was when this was written"
    declared = {"name": "r", "secret_id_bound_cidrs": ["10.1.2.3", "FD00::1"], "token_bound_cidrs": ["10.1.2.3/8"]}
    assert manage(declared).ok().changed
    for spelling in (declared, {**declared, "token_bound_cidrs": ["10.0.0.0/8"]}):
        with audit_window() as window:
            assert not manage(spelling).ok().changed
        assert window.writes == []


def test_a_role_that_never_was_is_absent(manage: Module, audit_window: t.Any) -> None:
    """TerryHowe/ansible-modules-hashivault#391: any option away from its default, absence too, changed it each time."""
    with audit_window() as window:
        assert not item(manage({"name": "never", "state": "absent"}))["changed"]
    assert window.writes == []
    away = {"name": "r", "bind_secret_id": True, "secret_id_num_uses": 0, "token_ttl": "10m", "token_max_ttl": "900"}
    declared = {**away, "token_policies": ["secret_rw", "default"], "token_bound_cidrs": [], "token_type": "batch"}
    assert [item(manage(declared))["changed"] for _run in range(2)] == [True, False]


def test_trap_03_what_is_not_declared_is_left_alone(manage: Module, vault: OpenBao, mount: str) -> None:
    vault.api.write(f"auth/{mount}/role/r", token_ttl=60, token_policies=["by-hand"], secret_id_num_uses=3)
    facts = item(manage({"name": "r", "token_ttl": "2m"}))["role"]
    assert facts["token_ttl"] == 120
    assert facts["token_policies"] == ["by-hand"]
    assert facts["secret_id_num_uses"] == 3


@pytest.mark.parametrize("exists", [False, True], ids=["new role", "existing role"])
def test_traps_06_47_option_of_another_product_is_an_error_before_anything_is_written(
    manage: Module, vault: OpenBao, mount: str, audit_window: t.Any, exists: bool
) -> None:
    """OpenBao has token_strictly_bind_ip. HashiCorp Vault does not, and drops it without a word."""
    path = f"auth/{mount}/role/r"
    if exists:
        vault.api.write(path)
    with audit_window() as window:
        results = [manage({"name": "r", "token_strictly_bind_ip": True}, check=check) for check in (True, False)]
    if "token_strictly_bind_ip" in vault.api.fields(path):
        assert [result.ok().changed for result in results] == [True, True]
        assert (vault.api.read(path) or {})["token_strictly_bind_ip"] is True
        return
    for result in results:
        assert result.failed
        assert f"token_strictly_bind_ip: this server has no such field at {path}" in result.msg
    assert window.writes == []
    for changes in (not exists, False):
        result = manage({"name": "r", "token_strictly_bind_ip": False}).ok()
        assert result.changed is changes, "what a server cannot do is off"
        assert "token_strictly_bind_ip" not in item(result)["role"]


def test_role_id_that_is_taken_names_the_item(manage: Module) -> None:
    manage({"name": "first", "role_id": "same"}).ok()
    result = manage({"name": "second", "role_id": "same"})
    assert result.failed
    assert "role_id already in use" in result.msg


def test_role_made_anew_only_where_that_is_declared(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    delivery = {"path": str(tmp_path / "s"), "wrapped": False}
    manage({"name": "r", "role_id": "stays", "delivery": delivery}).ok()
    first = content(tmp_path / "s", canaries)
    declared = {"name": "r", "role_id": "stays", "local_secret_ids": True, "delivery": delivery}
    refused = manage(declared)
    assert refused.failed
    assert "local_secret_ids is false, declared true" in refused.msg
    assert login(vault, mount, "stays", first) == 200

    entry = item(manage({**declared, "on_mismatch": "replace"}))
    assert entry["action"] == "replace"
    second = content(tmp_path / "s", canaries)
    assert login(vault, mount, "stays", first) != 200
    assert login(vault, mount, "stays", second) == 200
    assert not manage(declared).ok().changed


def test_wrapped_secret_id_is_delivered_once_and_can_be_taken_away(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries, audit_window: t.Any
) -> None:
    path = tmp_path / "secret-id"
    declared = {"name": "r", "secret_id_ttl": "30d", "delivery": {"path": str(path), "wrap_ttl": "5m"}}
    entry = item(manage(declared))
    token = content(path, canaries)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    about = vault.as_token(None).request("POST", "sys/wrapping/lookup", {"token": token}).data
    assert about["creation_path"] == f"auth/{mount}/role/r/secret-id"
    assert about["creation_ttl"] == 300
    assert {entry["role"]["delivery"]["accessor"]} == accessors(vault, mount, "r")
    assert entry["role"]["delivery"]["wrapped"] is True
    assert entry["role"]["delivery"]["expires"] is not None

    unwrapped = vault.as_token(token).request("POST", "sys/wrapping/unwrap").data
    path.unlink()
    assert login(vault, mount, entry["role"]["role_id"], canaries.record(unwrapped["secret_id"], "secret-id")) == 200
    with audit_window() as window:
        assert not manage(declared).ok().changed
    assert window.writes == [], "the accessor lives: the secret-id is where it belongs"


def test_wrapped_secret_id_that_nobody_took_is_delivered_again(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    path = tmp_path / "secret-id"
    declared = {"name": "r", "delivery": {"path": str(path), "wrap_ttl": "1s"}}
    manage(declared).ok()
    first = content(path, canaries)

    def expired() -> bool:
        return vault.as_token(None).request("POST", "sys/wrapping/lookup", {"token": first}).status != 200

    vault.wait_until(expired, what="the end of the wrapping token")
    entry = item(manage({"name": "r", "delivery": {"path": str(path), "wrap_ttl": "5m"}}))
    assert entry["reasons"] == ["the wrapping token expired and nobody had taken it away"]
    second = content(path, canaries)
    assert second != first
    assert vault.as_token(None).request("POST", "sys/wrapping/lookup", {"token": second}).status == 200


def test_accessor_of_a_wrapped_secret_id_is_found_among_others(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    vault.api.write(f"auth/{mount}/role/r")
    for _at in range(5):
        vault.api.write(f"auth/{mount}/role/r/secret-id")
    before = accessors(vault, mount, "r")
    manage({"name": "r", "delivery": {"path": str(tmp_path / "s")}}).ok()
    content(tmp_path / "s", canaries)
    assert accessors(vault, mount, "r") - before == {record(tmp_path / "s")["accessor"]}


def test_record_beside_the_file_holds_no_secret(
    manage: Module, tmp_path: pathlib.Path, canaries: Canaries, vault: OpenBao, mount: str
) -> None:
    path = tmp_path / "s"
    manage({"name": "r", "delivery": {"path": str(path), "wrapped": False, "metadata": {"host": "a"}}}).ok()
    secret_id = content(path, canaries)
    text = pathlib.Path(f"{path}.accessor").read_text()
    assert secret_id not in text
    assert record(path)["accessor"] in accessors(vault, mount, "r")
    assert record(path)["terms"]["metadata"] == {"host": "a"}


def test_terms_reach_the_server(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    path = tmp_path / "s"
    terms = {
        "wrapped": False,
        "ttl": "2h",
        "num_uses": 4,
        "cidr_list": ["127.0.0.1"],
        "token_bound_cidrs": ["127.0.0.0/8"],
        "metadata": {"host": "node-1"},
    }
    manage({"name": "r", "delivery": {"path": str(path), **terms}}).ok()
    content(path, canaries)
    lookup = f"auth/{mount}/role/r/secret-id-accessor/lookup"
    about = vault.api.write(lookup, secret_id_accessor=record(path)["accessor"]).data
    assert about["secret_id_ttl"] == 7200
    assert about["secret_id_num_uses"] == 4
    assert about["cidr_list"] == ["127.0.0.1/32"]
    assert about["token_bound_cidrs"] == ["127.0.0.0/8"]
    assert about["metadata"] == {"host": "node-1"}


def test_changed_terms_are_delivered_anew_and_the_old_secret_id_is_left_to_expire(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    path = tmp_path / "s"
    role = item(manage({"name": "r", "delivery": {"path": str(path), "wrapped": False}}))["role"]
    first = content(path, canaries)
    entry = item(manage({"name": "r", "delivery": {"path": str(path), "wrapped": False, "ttl": "1h"}}))
    assert entry["reasons"] == ["ttl of the secret-id differs from what was delivered"]
    second = content(path, canaries)
    assert login(vault, mount, role["role_id"], first) == 200, "its user has not changed over yet"
    assert login(vault, mount, role["role_id"], second) == 200


def test_file_that_cannot_be_written_costs_no_secret_id(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path
) -> None:
    result = manage({"name": "r", "delivery": {"path": str(tmp_path / "nowhere" / "s")}})
    assert result.failed
    assert "no such directory. Create it first" in result.msg
    assert accessors(vault, mount, "r") == set()


def test_network_outside_the_roles_is_refused_before_anything_is_read(
    manage: Module, tmp_path: pathlib.Path, audit_window: t.Any
) -> None:
    delivery = {"path": str(tmp_path / "s"), "cidr_list": ["192.0.2.1"]}
    with audit_window() as window:
        result = manage({"name": "r", "secret_id_bound_cidrs": ["10.0.0.0/8"], "delivery": delivery})
    assert result.failed
    assert "roles[0] (r).delivery.cidr_list: 192.0.2.1/32 is outside the networks of the role" in result.msg
    assert window.writes == []


def test_two_roles_cannot_share_a_file(manage: Module, tmp_path: pathlib.Path, audit_window: t.Any) -> None:
    delivery = {"path": str(tmp_path / "s")}
    with audit_window() as window:
        result = manage({"name": "a", "delivery": delivery}, {"name": "b", "delivery": delivery})
    assert result.failed
    assert result.msg.startswith("delivery.path of vault_approle ")
    assert f"/b are the same file, {tmp_path / 's'}. Give each a file of its own" in result.msg
    assert window.requests == []


def test_check_on_a_server_without_the_method_predicts_and_says_so(
    run_module: Module, connection: dict[str, str], unique_name: Name, tmp_path: pathlib.Path
) -> None:
    missing = {"mount": unique_name("none"), "roles": [{"name": "r", "delivery": {"path": str(tmp_path / "s")}}]}
    result = run_module("vault_approle", {**connection, **missing}, check=True).ok()
    assert result.result["results"][0]["action"] == "create"
    assert "nothing is mounted for" in str(result.result["warnings"])
    applied = run_module("vault_approle", {**connection, **missing})
    assert applied.failed
    assert "Enable the engine first (trustmesh.security.vault_mount)" in applied.msg


def test_documented_policy_is_enough(
    run_module: Module,
    connection: dict[str, str],
    vault: OpenBao,
    token: t.Any,
    tmp_path: pathlib.Path,
    canaries: Canaries,
) -> None:
    if "approle/" not in (vault.api.read("sys/auth") or {}):
        vault.api.write("sys/auth/approle", type="approle")
    limited = {**connection, "token": token(rules=POLICY)}
    role = {"name": "documented", "token_ttl": "1h", "delivery": {"path": str(tmp_path / "s")}}
    assert run_module("vault_approle", {**limited, "roles": [role]}).ok().changed
    content(tmp_path / "s", canaries)
    assert not run_module("vault_approle", {**limited, "roles": [role]}).ok().changed
    assert run_module("vault_approle", {**limited, "roles": [{**role, "state": "absent"}]}).ok().changed


def test_no_op_of_ten_roles_costs_two_reads_each(manage: Module, audit_window: t.Any) -> None:
    roles = [{"name": f"r{at}", "token_ttl": "1h"} for at in range(10)]
    assert manage(*roles).ok().changed
    with audit_window() as window:
        assert not manage(*roles).ok().changed
    assert window.writes == []
    assert len(window.reads) == 20
