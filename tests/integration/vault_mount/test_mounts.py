# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_mount against a real server: the ladder, the traps that touch a mount, what is destroyed and what is not."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._core.errors import Overtaken
from plugins.module_utils._core.plan import Action
from plugins.module_utils._vault.connection import reach
from plugins.module_utils._vault.mount import Mount, MountTable
from tests.integration.ladder import Ladder
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]

# As the module's documentation states it.
POLICY = """
path "sys/mounts" { capabilities = ["read"] }
path "sys/mounts/*" { capabilities = ["create", "update", "delete"] }
path "sys/auth" { capabilities = ["read"] }
path "sys/auth/*" { capabilities = ["create", "update", "delete", "sudo"] }
"""


def test_ladder(ladder: Ladder, vault: OpenBao, unique_name: Name) -> None:
    pki, kv, auth = unique_name("pki"), unique_name("kv"), unique_name("approle")
    mounts = [
        {
            "path": f"{pki}/",
            "type": "pki",
            "description": "Issuing CA",
            "default_lease_ttl": "1h30m",
            "max_lease_ttl": "3650d",
            "listing_visibility": "unauth",
            "audit_non_hmac_request_keys": ["csr"],
            "audit_non_hmac_response_keys": ["certificate", "serial_number"],
            "allowed_response_headers": ["replay-nonce", "Link", "LOCATION"],
            "passthrough_request_headers": ["x-request-id"],
            "seal_wrap": True,
        },
        {"path": kv, "type": "kv-v2", "max_lease_ttl": "0"},
        {"path": auth, "category": "auth", "type": "approle", "token_type": "service", "default_lease_ttl": "30m"},
    ]

    def tamper() -> None:
        vault.api.write(f"sys/mounts/{pki}/tune", max_lease_ttl="1h", default_lease_ttl="1h", description="x")
        vault.api.write(f"sys/auth/{auth}/tune", default_lease_ttl="31m")

    absent = [{"path": pki}, {"path": kv}, {"path": auth, "category": "auth"}]
    rungs = ladder.climb(
        "vault_mount",
        {"mounts": mounts},
        tamper=tamper,
        absent={"mounts": [{**entry, "state": "absent"} for entry in absent]},
    )

    assert sorted(record.path for record in rungs["again"].reads) == ["sys/auth", "sys/mounts"]
    assert len(rungs["create"].writes) == 3
    assert [item["action"] for item in rungs["mend"].items] == ["update", "none", "update"]
    facts = rungs["mended"].items[0]["mount"]
    assert facts["default_lease_ttl"] == 5400
    assert facts["max_lease_ttl"] == 315360000
    assert facts["allowed_response_headers"] == ["Link", "Location", "Replay-Nonce"]
    assert facts["accessor"].startswith("pki_")
    assert rungs["mended"].items[1]["mount"]["engine_options"] == {"version": "2"}


def test_trap_01_every_spelling_of_a_lifetime_is_the_same(
    run_module: Module, connection: dict[str, str], audit_window: t.Any, unique_name: Name
) -> None:
    path = unique_name("pki")
    run_module("vault_mount", {**connection, "mounts": [{"path": path, "type": "pki", "max_lease_ttl": "36h"}]}).ok()
    for spelling in ("36h", "1d12h", "129600", "129600s", "2160m", "36h0m0s"):
        with audit_window() as window:
            declared = {"path": path, "type": "pki", "max_lease_ttl": spelling}
            assert not run_module("vault_mount", {**connection, "mounts": [declared]}).ok().changed
        assert window.writes == []


def test_trap_02_zero_is_the_default_of_the_system_and_settles(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Name
) -> None:
    path = unique_name("pki")
    declared = {**connection, "mounts": [{"path": path, "type": "pki", "default_lease_ttl": "0", "max_lease_ttl": "0"}]}
    assert run_module("vault_mount", declared).ok().changed
    assert not run_module("vault_mount", declared).ok().changed
    tuned = vault.api.read(f"sys/mounts/{path}/tune")
    assert tuned is not None
    assert tuned["max_lease_ttl"] > 0, "the tune endpoint fills in the system's limit, which is why it is not asked"


def test_trap_06_unknown_option_is_refused_and_not_dropped(
    run_module: Module, connection: dict[str, str], audit_window: t.Any
) -> None:
    with audit_window() as window:
        result = run_module("vault_mount", {**connection, "mounts": [{"path": "x", "type": "kv", "max_ttl": "1h"}]})
    assert result.failed
    assert "Unsupported parameters" in result.msg
    assert "max_ttl" in result.msg
    assert window.requests == []


def test_trap_08_missing_right_is_no_absence(
    run_module: Module, connection: dict[str, str], token: t.Any, unique_name: Name, audit_window: t.Any
) -> None:
    limited = {**connection, "token": token(["default"])}
    with audit_window() as window:
        result = run_module("vault_mount", {**limited, "mounts": [{"path": unique_name("pki"), "type": "pki"}]})
    assert result.failed
    assert "permission denied for get sys/mounts" in result.msg
    assert window.writes == []


def test_trap_09_mount_that_somebody_else_enabled_meanwhile(vault: OpenBao, unique_name: Name) -> None:
    path = unique_name("kv")
    item = dict.fromkeys(("description", "default_lease_ttl", "token_type"))
    item.update(path=path, type="kv", category="secret", engine_options={"version": 2}, state="present")
    params = {"url": vault.url, "ca_cert": vault.ca_path, "timeout": 10, "retries": 0}
    params.update(dict.fromkeys(("namespace", "client_cert", "client_key")))
    with contextlib.ExitStack() as stack:
        port = reach(params, stack)
        port.use_token(vault.root_token)
        table = MountTable(port)
        mount = Mount.declared(port, table, {**item, "on_mismatch": "fail"})
        plan = mount.plan(mount.read(), None)  # type: ignore[arg-type]
        assert plan.action is Action.CREATE
        vault.api.write(f"sys/mounts/{path}", type="kv", options={"version": "2"})

        with pytest.raises(Overtaken):
            mount.apply(plan)

        assert not mount.plan(mount.read(), None), "it is what was declared"  # type: ignore[arg-type]


def test_trap_41_raised_limit_lets_a_ca_live_long(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Name
) -> None:
    path = unique_name("pki")
    mount = {"path": path, "type": "pki", "max_lease_ttl": "3650d"}
    run_module("vault_mount", {**connection, "mounts": [mount]}).ok()
    made = vault.api.write(f"{path}/root/generate/internal", common_name="Long", key_type="ec", ttl="87600h").body
    assert made["data"]["expiration"] - time.time() > 86400 * 3600
    assert not [text for text in made["warnings"] or [] if "TTL" in text]


def test_what_is_not_declared_is_not_reset(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Name
) -> None:
    path = unique_name("kv")
    vault.api.write(
        f"sys/mounts/{path}",
        type="kv",
        description="by hand",
        config={"default_lease_ttl": "1h", "audit_non_hmac_request_keys": ["a"]},
        options={"version": "2"},
    )
    declared = {"path": path, "type": "kv", "max_lease_ttl": "2h"}
    result = run_module("vault_mount", {**connection, "mounts": [declared]}, diff=True).ok()
    assert result.result["diff"][0]["after"] == {"max_lease_ttl": 7200}
    facts = result.result["results"][0]["mount"]
    assert (facts["description"], facts["default_lease_ttl"]) == ("by hand", 3600)
    assert facts["audit_non_hmac_request_keys"] == ["a"]
    assert facts["engine_options"] == {"version": "2"}


def test_type_change_destroys_only_where_that_is_declared(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Name, audit_window: t.Any
) -> None:
    path = unique_name("kv")
    vault.api.write(f"sys/mounts/{path}", type="kv")
    vault.api.write(f"{path}/precious", value="1")
    declared = {"path": path, "type": "pki"}
    with audit_window() as window:
        refused = run_module("vault_mount", {**connection, "mounts": [declared]})
    assert refused.failed
    assert "type is kv, declared pki" in refused.msg
    assert "on_mismatch to replace" in refused.msg
    assert window.writes == []
    assert vault.api.read(f"{path}/precious") == {"value": "1"}

    replaced = run_module("vault_mount", {**connection, "mounts": [{**declared, "on_mismatch": "replace"}]}).ok()
    assert replaced.result["results"][0]["action"] == "replace"
    table = vault.api.read("sys/mounts")
    assert table is not None
    assert table[f"{path}/"]["type"] == "pki"


def test_key_value_engine_is_upgraded_in_place(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Name
) -> None:
    path = unique_name("kv")
    vault.api.write(f"sys/mounts/{path}", type="kv")
    vault.api.write(f"{path}/precious", value="1")
    run_module("vault_mount", {**connection, "mounts": [{"path": path, "type": "kv-v2"}]}).ok()

    def kept() -> bool:
        held = vault.api.request("GET", f"{path}/data/precious")
        return held.status == 200 and held.data["data"] == {"value": "1"}

    vault.wait_until(kept, what="the upgraded engine")


def test_one_bad_item_leaves_the_others_alone(
    run_module: Module, connection: dict[str, str], unique_name: Name
) -> None:
    good = unique_name("kv")
    bad = {"path": unique_name("x"), "type": "no-such-engine"}
    result = run_module("vault_mount", {**connection, "mounts": [bad, {"path": good, "type": "kv"}]})
    assert result.failed
    assert "1 of 2 items failed" in result.msg
    assert "no-such-engine" in result.msg
    assert [item.get("failed", False) for item in result.result["results"]] == [True, False]
    assert result.result["results"][1]["mount"]["type"] == "kv"


@pytest.mark.parametrize("category", ["secret", "auth"])
def test_documented_policy_is_enough(
    run_module: Module, connection: dict[str, str], token: t.Any, unique_name: Name, category: str
) -> None:
    limited = {**connection, "token": token(rules=POLICY), "category": category}
    mount = {"path": unique_name("m"), "type": "kv" if category == "secret" else "approle", "max_lease_ttl": "2h"}
    assert run_module("vault_mount", {**limited, "mounts": [mount]}).ok().changed
    assert run_module("vault_mount", {**limited, "mounts": [{**mount, "max_lease_ttl": "3h"}]}).ok().changed
    assert run_module("vault_mount", {**limited, "mounts": [{**mount, "state": "absent"}]}).ok().changed


def test_item_given_twice_is_refused_before_anything_is_read(
    run_module: Module, connection: dict[str, str], audit_window: t.Any
) -> None:
    with audit_window() as window:
        mounts = [{"path": "same", "type": "kv"}, {"path": "same/", "type": "kv"}]
        result = run_module("vault_mount", {**connection, "mounts": mounts})
    assert result.failed
    assert "declared more than once: vault_mount same" in result.msg
    assert window.requests == []


@pytest.mark.parametrize("tail", ["...", "..", ".b", " c"])
def test_a_path_with_dots_in_it_comes_and_goes(
    run_module: Module, vault: OpenBao, connection: dict[str, str], unique_name: Name, tail: str
) -> None:
    """hashicorp/vault#31702: an engine could be enabled at such a path, and not be disabled any more."""
    path = unique_name("dots") + tail
    args = {**connection, "mounts": [{"path": path, "type": "kv"}]}
    assert run_module("vault_mount", args).ok().changed
    assert not run_module("vault_mount", args).ok().changed
    assert run_module("vault_mount", {**connection, "mounts": [{"path": path, "state": "absent"}]}).ok().changed
    assert f"{path}/" not in (vault.api.read("sys/mounts") or {})


def test_same_path_as_engine_and_as_method_is_two_things(
    run_module: Module, connection: dict[str, str], unique_name: Name
) -> None:
    path = unique_name("both")
    mounts = [{"path": path, "type": "kv"}, {"path": path, "category": "auth", "type": "approle"}]
    result = run_module("vault_mount", {**connection, "mounts": mounts}).ok()
    assert [item["mount"]["category"] for item in result.result["results"]] == ["secret", "auth"]
