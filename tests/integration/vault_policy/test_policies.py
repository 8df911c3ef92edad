# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_policy against a real server: the ladder and the traps that touch a policy."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.integration.ladder import Ladder
from tests.rigs.openbao import OpenBao

Name = Callable[[str], str]
Module = Callable[..., t.Any]

READ = 'path "hub/*" {\n  capabilities = ["read"]\n}\n'
WRITE = 'path "hub/*" {\n  capabilities = ["update"]\n}\n'

# As the module's documentation states it.
POLICY = 'path "sys/policies/acl/*" { capabilities = ["create", "read", "update", "delete"] }'


def test_ladder(ladder: Ladder, vault: OpenBao, unique_name: Name) -> None:
    names = [unique_name("p") for _at in range(3)]
    rungs = ladder.climb(
        "vault_policy",
        {"policies": [{"name": name, "rules": READ} for name in names]},
        tamper=lambda: vault.api.write(f"sys/policies/acl/{names[1]}", policy=WRITE),
        absent={"policies": [{"name": name, "state": "absent"} for name in names]},
    )
    assert len(rungs["create"].writes) == 3
    assert [record.path for record in rungs["mend"].writes] == [f"sys/policies/acl/{names[1]}"]
    assert rungs["mend"].items[1]["reasons"] == ["rules differs"]
    assert len(rungs["again"].reads) == 3
    assert rungs["again"].items[0]["policy"] == {"rules": READ}


def test_trap_12_name_is_folded_and_the_final_newline_means_nothing(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Name, audit_window: t.Any
) -> None:
    name = unique_name("Hub-Read")
    first = run_module("vault_policy", {**connection, "policies": [{"name": name, "rules": READ.rstrip("\n")}]}).ok()
    assert first.result["results"][0]["item"] == name.lower()
    for spelling in (READ, READ + "\n\n", READ.replace("\n", "\r\n"), READ.replace("{", "{  ")):
        with audit_window() as window:
            declared = [{"name": name.upper(), "rules": spelling}]
            assert not run_module("vault_policy", {**connection, "policies": declared}).ok().changed
        assert window.writes == []
    held = vault.api.read(f"sys/policies/acl/{name.lower()}")
    assert held is not None
    assert held["policy"] == READ


def test_trap_12_same_policy_in_two_cases_is_one(run_module: Module, connection: dict[str, str]) -> None:
    policies = [{"name": "Twice", "rules": READ}, {"name": "twice", "rules": WRITE}]
    result = run_module("vault_policy", {**connection, "policies": policies})
    assert result.failed
    assert "declared more than once: vault_policy twice" in result.msg


def test_trap_12_empty_policy_is_refused_with_a_remedy(run_module: Module, connection: dict[str, str]) -> None:
    result = run_module("vault_policy", {**connection, "policies": [{"name": "empty", "rules": " \n"}]})
    assert result.failed
    assert "policies[0] (empty).rules: a policy without rules is refused by the server" in result.msg


@pytest.mark.parametrize(
    "rules",
    [
        'path "a" {\r\n  capabilities = ["read"]\r\n}\r\n',
        'path "a" { capabilities = ["read"] }\n\n\n',
        '{"path": {"a": {"capabilities": ["read"]}}}',
        '# \u00fcber\npath "a" { capabilities = ["read"] }',
        'path "a" { capabilities = ["read"] }\npath "a" { capabilities = ["list"] }',
    ],
)
def test_policies_of_every_form_settle(
    run_module: Module, connection: dict[str, str], unique_name: Name, rules: str
) -> None:
    """TerryHowe/ansible-modules-hashivault#81: declaring a policy again failed, or changed it each time."""
    args = {**connection, "policies": [{"name": unique_name("form"), "rules": rules}]}
    foretold = run_module("vault_policy", args, check=True).ok()
    assert foretold.changed and run_module("vault_policy", args).ok().changed
    assert not run_module("vault_policy", args).ok().changed


def test_trap_08_missing_right_is_no_absence(
    run_module: Module, connection: dict[str, str], token: t.Any, audit_window: t.Any
) -> None:
    args = {**connection, "token": token(["default"]), "policies": [{"name": "x", "rules": READ}]}
    with audit_window() as window:
        result = run_module("vault_policy", args)
    assert result.failed
    assert "permission denied for get sys/policies/acl/x" in result.msg
    assert window.writes == []


def test_trap_53_documented_policy_is_enough(
    run_module: Module, connection: dict[str, str], token: t.Any, unique_name: Name
) -> None:
    limited = {**connection, "token": token(rules=POLICY)}
    name = unique_name("p")
    for rules in (READ, WRITE):
        assert run_module("vault_policy", {**limited, "policies": [{"name": name, "rules": rules}]}).ok().changed
    assert run_module("vault_policy", {**limited, "policies": [{"name": name, "state": "absent"}]}).ok().changed


def test_trap_53_right_to_write_without_the_right_to_read_says_so(
    run_module: Module, connection: dict[str, str], token: t.Any, unique_name: Name
) -> None:
    rules = 'path "sys/policies/acl/*" { capabilities = ["create", "update"] }'
    args = {**connection, "token": token(rules=rules), "policies": [{"name": unique_name("p"), "rules": READ}]}
    result = run_module("vault_policy", args)
    assert result.failed
    assert "permission denied for get sys/policies/acl/" in result.msg
    assert "module's documentation lists the policy it needs" in result.msg


def test_rules_that_make_no_sense_are_the_servers_word(
    run_module: Module, connection: dict[str, str], unique_name: Name
) -> None:
    good, bad = unique_name("good"), unique_name("bad")
    policies = [{"name": good, "rules": READ}, {"name": bad, "rules": 'path "x" { capabilities = ["fly"] }'}]
    result = run_module("vault_policy", {**connection, "policies": policies})
    assert result.failed
    assert "HTTP 400" in result.msg
    assert "fly" in result.msg
    assert result.result["summary"]["create"] == 1


def test_built_in_policies_are_safe(run_module: Module, connection: dict[str, str], audit_window: t.Any) -> None:
    for item in (
        {"name": "root", "rules": READ},
        {"name": "Root", "state": "absent"},
        {"name": "default", "state": "absent"},
    ):
        with audit_window() as window:
            result = run_module("vault_policy", {**connection, "policies": [item]})
        assert result.failed
        assert "the built-in policy" in result.msg
        assert window.requests == []


def test_play_shows_the_difference_and_nothing_on_a_second_look(
    play: t.Any, connection: dict[str, str], vault: OpenBao, unique_name: Name
) -> None:
    name = unique_name("p")
    vault.api.write(f"sys/policies/acl/{name}", policy=WRITE)
    task = {
        "name": "policy",
        "trustmesh.security.vault_policy": {**connection, "policies": [{"name": name, "rules": READ}]},
    }
    first = play([task], diff=True).ok()
    assert first.changed == 1
    (diff,) = first.task("policy").result["diff"]
    assert diff["before"] == {"rules": WRITE}
    assert diff["after"] == {"rules": READ}
    assert play([task], diff=True, check=True).ok().changed == 0
