# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_info against real servers in the states that a single node can be in."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.integration.conftest import StartVault
from tests.rigs.openbao import OpenBao
from tests.unit.vault.scripted import Answer, ScriptedServer

Module = Callable[..., t.Any]


def reach(vault: OpenBao) -> dict[str, str]:
    """Return module options without a login."""
    return {"url": vault.url, "ca_cert": vault.ca_path}


def test_active_server_without_a_token(run_module: Module, vault: OpenBao, audit_window: t.Any) -> None:
    with audit_window() as window:
        result = run_module("vault_info", reach(vault)).ok()
    assert not result.changed
    assert "mounts" not in result.result
    server = result.result["server"]
    assert server["url"] == vault.url
    assert (server["state"], server["http_status"]) == ("active", 200)
    assert (server["initialized"], server["sealed"]) == (True, False)
    assert server["seal"] == {"type": "shamir", "shares": 1, "threshold": 1, "progress": 0}
    assert server["cluster_id"]
    assert abs(server["clock_lead"]) <= 1, "same machine, same clock"
    assert window.writes == []
    assert window.logins == []


def test_trap_44_product_is_told_by_what_the_server_says_and_not_by_its_version(
    run_module: Module, vault: OpenBao
) -> None:
    status = vault.as_token(None).request("GET", "sys/seal-status").body
    server = run_module("vault_info", reach(vault)).ok().result["server"]
    assert server["version"] == status["version"]
    assert server["product"] == ("openbao" if "commit_date" in status else "vault")


def test_mounts_with_a_login(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: t.Any
) -> None:
    path = unique_name("kv")
    vault.api.write(f"sys/mounts/{path}", type="kv", description="here", options={"version": "2"})
    mounts = run_module("vault_info", connection).ok().result["mounts"]
    assert mounts["secret"][path]["type"] == "kv"
    assert mounts["secret"][path]["description"] == "here"
    assert mounts["secret"][path]["options"] == {"version": "2"}
    assert mounts["auth"]["token"]["type"] == "token"


def test_mounts_are_null_without_the_right(run_module: Module, connection: dict[str, str], token: t.Any) -> None:
    result = run_module("vault_info", {**connection, "token": token(["default"])}).ok()
    assert result.result["server"]["state"] == "active"
    assert result.result["mounts"] is None


def test_documented_policy_is_enough(run_module: Module, connection: dict[str, str], token: t.Any) -> None:
    rules = "\n".join(f'path "{path}" {{ capabilities = ["read"] }}' for path in ("sys/mounts", "sys/auth"))
    result = run_module("vault_info", {**connection, "token": token(rules=rules)}).ok()
    assert result.result["mounts"]["auth"]["token"]["type"] == "token"


def test_trap_60_sealed_server_is_an_answer_and_no_failure(run_module: Module, start_vault: StartVault) -> None:
    server = start_vault()
    server.seal()
    options = {**reach(server), "token": server.root_token}
    result = run_module("vault_info", options).ok()
    facts = result.result["server"]
    assert (facts["state"], facts["http_status"]) == ("sealed", 503)
    assert "cannot read its own storage until it is unsealed" in facts["explanation"]
    assert facts["cluster_id"] is None
    assert "mounts" not in result.result, "a sealed server answers no request with a token"
    server.unseal()
    assert run_module("vault_info", options).ok().result["server"]["state"] == "active"


# What a node of a cluster answers; a single node never does.
CLUSTER = [
    (429, "standby", {"initialized": True, "sealed": False, "standby": True}),
    (472, "recovery_secondary", {"initialized": True, "sealed": False, "standby": True}),
    (473, "performance_standby", {"initialized": True, "sealed": False, "standby": True, "performance_standby": True}),
    (501, "uninitialized", {"initialized": False, "sealed": True, "standby": True}),
]


@pytest.mark.parametrize(("status", "state", "health"), CLUSTER, ids=[state for _status, state, _health in CLUSTER])
def test_trap_60_states_of_a_cluster(run_module: Module, status: int, state: str, health: dict[str, t.Any]) -> None:
    seal = {"type": "shamir", "n": 5, "t": 3, "progress": 0, "version": "2.1.0", "build_date": "2026-01-01T00:00:00Z"}
    with ScriptedServer(Answer(status, health), Answer(200, seal)) as server:
        facts = run_module("vault_info", {"url": server.url}).ok().result["server"]
    assert (facts["state"], facts["http_status"], facts["product"]) == (state, status, "vault")
    assert facts["explanation"]


def test_trap_30_clock_that_is_ahead(run_module: Module) -> None:
    health = {"initialized": True, "sealed": False, "standby": False}
    ahead = {"Date": "Fri, 01 Jan 2100 00:00:00 GMT"}
    with ScriptedServer(Answer(200, health, ahead), Answer(200, {"type": "shamir"}, ahead)) as server:
        facts = run_module("vault_info", {"url": server.url}).ok().result["server"]
    assert facts["clock_lead"] > 10**9
    assert facts["product"] == "unknown"


def test_something_else_at_the_address(run_module: Module) -> None:
    for answer in (Answer(200, b"<html>welcome</html>"), Answer(404, b"not here"), Answer(200, {"status": "ok"})):
        with ScriptedServer(answer) as server:
            result = run_module("vault_info", {"url": server.url})
        assert result.failed
        assert "but not as a Vault or OpenBao does" in result.msg
