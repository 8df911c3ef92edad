# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies of the guide "Least privilege" are enough, and every capability in them is needed."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.docs_policies.message_trials import MESSAGE_TRIALS
from tests.integration.docs_policies.policies import Policy, Rule, lesser, printed, text
from tests.integration.docs_policies.returned import differences
from tests.integration.docs_policies.trials import TRIALS as OTHER_TRIALS
from tests.integration.docs_policies.trials import Args, Trial, World
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult, Runner

NAMES: t.Final = ("pki_root", "pki_int", "hub", "approle", "hub-read", "issuer-id", "transit")
TRIALS: t.Final = {**OTHER_TRIALS, **MESSAGE_TRIALS}
PRINTED: t.Final = printed()
LESSER: t.Final = [
    pytest.param(name, rule, policy, id=f"{name}: no {capability} on {rule.path}")
    for name in PRINTED
    for rule, capability, policy in lesser(PRINTED[name])
    if name in TRIALS
]

Start = Callable[[str, Policy], tuple[World, Callable[[Args], ModuleResult]]]


@pytest.fixture
def start(
    runner: Runner,
    vault: OpenBao,
    unique_name: Callable[[str], str],
    tmp_path: pathlib.Path,
    request: pytest.FixtureRequest,
) -> Start:
    """A function that prepares a trial and returns its world and a function that runs its module with a policy."""

    def begin(name: str, policy: Policy) -> tuple[World, Callable[[Args], ModuleResult]]:
        trial = TRIALS[name]
        world = World(
            vault, {name: unique_name(name) for name in NAMES}, tmp_path, lambda: request.getfixturevalue("postgres")
        )
        trial.prepare(world)
        whole = (*(PRINTED[trial.on_top_of] if trial.on_top_of else ()), *policy)
        login = trial.log_in(world, text(whole, world.names) or 'path "nothing" {\n  capabilities = ["deny"]\n}\n')
        connection = {"url": vault.url, "ca_cert": vault.ca_path, **login}
        return world, lambda args: runner.module(trial.module, {**connection, **args})

    return begin


def _all(trial: Trial, world: World, run: Callable[[Args], ModuleResult]) -> list[ModuleResult]:
    """Run everything up to the first failure."""
    results = []
    for args in trial.runs(world):
        results.append(run(args))
        if results[-1].failed:
            break
    return results


def test_every_policy_is_tried() -> None:
    # Sealing takes a server of its own, see below.
    assert PRINTED.keys() - {"vault_seal"} == TRIALS.keys()


@pytest.mark.parametrize("name", TRIALS)
def test_a_policy_is_enough(name: str, start: Start) -> None:
    world, run = start(name, PRINTED[name])
    results = _all(TRIALS[name], world, run)
    assert not results[-1].failed, results[-1].msg
    said = [problem for result in results for problem in differences(TRIALS[name].module, result.result)]
    assert sorted(set(said)) == [], "what is returned is not what is documented"


@pytest.mark.parametrize(("name", "rule", "policy"), LESSER)
def test_a_policy_is_not_too_much(name: str, rule: Rule, policy: Policy, start: Start) -> None:
    trial = TRIALS[name]
    world, run = start(name, policy)
    if rule.optional:
        assert trial.poorer is not None
        if rule.path.endswith("/tune") and world.limits_are_public(rule.path.split("/")[-2]):
            assert not trial.poorer(world, run), "HashiCorp Vault shows what the rule is for to every user of a mount"
        else:
            assert trial.poorer(world, run), "nothing is lost without it"
        return
    last = _all(trial, world, run)[-1]
    assert last.failed, "it works without it"
    assert "permission denied" in last.msg


@pytest.mark.parametrize("name", [name for name, trial in TRIALS.items() if trial.poorer])
def test_with_the_optional_rules_nothing_is_lost(name: str, start: Start) -> None:
    trial = TRIALS[name]
    world, run = start(name, PRINTED[name])
    assert trial.poorer is not None
    assert not trial.poorer(world, run)


def test_modules_that_need_no_rule(start: Start, runner: Runner, vault: OpenBao) -> None:
    """What an engine shows to everybody, it shows to a token without any rights."""
    world, _run = start("certificate", PRINTED["certificate"])
    issued = world.api.write(f"{world['pki_int']}/issue/mesh", common_name="switch.hub.example").data
    mount = {"mount": world["pki_int"]}
    sources = [{**mount, "serial": issued["serial_number"]}, {**mount, "issuer": "mesh-2026"}]
    token = vault.make_token(["nothing-at-all"], no_default_policy=True)
    given = {"url": vault.url, "ca_cert": vault.ca_path, "token": token, "sources": sources}
    result = runner.module("certificate_info", given).ok().result
    assert differences("certificate_info", result) == []


def test_a_stack_needs_what_its_sections_need(start: Start, runner: Runner, vault: OpenBao) -> None:
    kinds = {
        "vault_policy": "policies",
        "vault_pki_role": "pki_roles",
        "vault_transit_key": "transit_keys",
        "vault_kv_secret.version1": "secrets",
    }
    world, _run = start("vault_pki_role", ())
    for name in ("vault_kv_secret.version1", "vault_transit_key"):
        TRIALS[name].prepare(world)
    rules = "".join(text(PRINTED[name], world.names) for name in kinds)
    token = vault.make_token(rules=rules, no_default_policy=True)
    connection = {"url": vault.url, "ca_cert": vault.ca_path, "token": token}
    # One run makes the first thing of each trial, the other takes the last one away.
    for at in (0, -1):
        given = {section: next(iter(list(TRIALS[name].runs(world))[at].values())) for name, section in kinds.items()}
        result = runner.module("vault_stack", {**connection, **given}).ok().result
        assert differences("vault_stack", result) == []
        assert result["summary"]["create" if at == 0 else "delete"] == len(kinds)


def test_sealing(start_vault: Callable[..., OpenBao], runner: Runner) -> None:
    server = start_vault()
    (rule,) = PRINTED["vault_seal"]

    def seal(policy: Policy) -> ModuleResult:
        token = server.make_token(rules=text(policy, {}) or 'path "nothing" {\n  capabilities = ["deny"]\n}\n')
        return runner.module(
            "vault_seal", {"url": server.url, "ca_cert": server.ca_path, "token": token, "state": "sealed"}
        )

    for _rule, capability, policy in lesser((rule,)):
        refused = seal(policy)
        assert refused.failed, f"sealing works without {capability}"
        assert not server.sealed()
    seal((rule,)).ok()
    assert server.sealed()


def test_undocumented_returns_are_noticed() -> None:
    item = {
        "item": "a",
        "changed": False,
        "action": "none",
        "reasons": [],
        "warnings": [],
        "policy": {"rules": "", "x": 1},
    }
    result = {"results": [item, {**item, "policy": {"rules": 7}, "item": None}], "summary": {}, "changed": False}
    del item["reasons"]
    assert differences("vault_policy", result) == [
        "vault_policy.results.policy.x is returned and not documented",
        "vault_policy.results.reasons is documented as returned always and is not there",
        "vault_policy.results.policy.rules is documented as str and is int",
    ]
