# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C4: what a role would refuse or cut is a refusal of the plan: check mode says so and nothing is signed."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable

import pytest

from tests.unit.vault.role_cases import CASES

from .conftest import Estate

NAME = "a.svc.example"


def _issued(estate: Estate) -> int:
    return len(estate.engine.api.request("LIST", estate.engine.at("certs")).data.get("keys") or [])


def _beyond_end(estate: Estate, behaviour: str) -> None:
    estate.engine.write("issuer/default", issuer_name="issuing", leaf_not_after_behavior=behaviour)


@pytest.mark.parametrize("ttl", ["22h", "24h", "26h"])
def test_c4_life_counts_from_the_moment_of_signing(run_module: t.Any, estate: Estate, ttl: str) -> None:
    estate.role("short", max_ttl="24h", not_before_duration="2h")
    args, before = estate.args({"name": NAME}, role="short", ttl=ttl), _issued(estate)
    foretold, done = run_module("certificate", args, check=True), run_module("certificate", args)
    if ttl == "26h":
        for refused in (foretold, done):
            assert refused.failed
            assert "ttl: 1d2h exceeds the max_ttl of role short, 1d" in refused.msg
            (item,) = refused.result["results"]
            assert (item["changed"], item["action"]) == (False, "none")
            assert refused.result["summary"] == {
                "create": 0,
                "delete": 0,
                "failed": 1,
                "none": 0,
                "replace": 0,
                "update": 0,
            }
            assert refused.result["changed"] is False
        assert _issued(estate) == before
        return
    assert foretold.ok().changed and done.ok().changed
    assert not run_module("certificate", args).ok().changed
    assert _issued(estate) == before + 1


def test_c4_a_changed_back_dating_of_the_role_is_no_reason_to_issue(run_module: t.Any, estate: Estate) -> None:
    estate.role("short", not_before_duration="2h")
    args = estate.args({"name": NAME}, role="short", ttl="24h")
    run_module("certificate", args).ok()
    estate.role("short", not_before_duration="30s")
    assert not run_module("certificate", args).ok().changed


def test_c4_a_life_beyond_the_end_of_the_issuer_is_refused_before_signing(run_module: t.Any, estate: Estate) -> None:
    estate.role("long", max_ttl="800d")
    args, before = estate.args({"name": NAME}, role="long", ttl="750d"), _issued(estate)
    for behaviour, said in (("err", "which the issuer refuses"), ("truncate", "where the issuer cuts it")):
        _beyond_end(estate, behaviour)
        for check in (True, False):
            refused = run_module("certificate", args, check=check)
            assert refused.failed
            assert "ttl: 750d reaches beyond the end of CN=Test Intermediate" in refused.msg
            assert said in refused.msg
    assert _issued(estate) == before
    _beyond_end(estate, "permit")
    assert run_module("certificate", args, check=True).ok().changed
    run_module("certificate", args).ok()


def test_c4_a_role_that_became_stricter_is_a_warning_until_something_is_to_be_signed(
    run_module: t.Any, estate: Estate
) -> None:
    args = estate.args({"name": NAME}, ttl="30d")
    run_module("certificate", args).ok()
    estate.role("mesh", allowed_domains=["elsewhere.example"])
    kept = run_module("certificate", args).ok()
    assert not kept.changed
    assert "the next renewal would be refused. common_name: role mesh does not allow a.svc.example" in str(
        kept.result["warnings"]
    )
    estate.path(NAME, "key.pem").resolve().unlink()
    assert run_module("certificate", args, check=True).failed


@pytest.mark.parametrize(
    ("role", "declared", "field"), CASES, ids=[f"{json.dumps(c[0])} {json.dumps(c[1])}" for c in CASES]
)
def test_c4_check_mode_says_what_the_server_would(
    run_module: t.Any,
    estate: Estate,
    token: Callable[..., str],
    role: dict[str, t.Any],
    declared: dict[str, t.Any],
    field: str | None,
) -> None:
    """Prediction and server agree: a token that may sign and not read the role fails as well, after asking."""
    estate.role("tried", **role)
    args, before = estate.args({"name": NAME, **declared}, role="tried"), _issued(estate)
    foretold = run_module("certificate", args, check=True)
    done = run_module("certificate", args)
    if field is None:
        assert foretold.ok().changed
        done.ok()
        assert not run_module("certificate", args).ok().changed
        return
    for refused in (foretold, done):
        assert refused.failed
        assert f"{field}: role tried " in refused.msg
        assert "trustmesh.security.vault_pki_role" in refused.msg
    assert _issued(estate) == before
    unaware = token(rules=f'path "{estate.engine.path}/sign/tried" {{ capabilities = ["update"] }}')
    assert run_module("certificate", {**args, "token": unaware}).failed


def test_c4_a_name_that_an_authority_above_does_not_permit_is_refused_before_signing(
    run_module: t.Any, estate: Estate, make_engine: t.Any
) -> None:
    """The server signs it, and every client refuses it. The pair in use stays as it is."""
    args = estate.args({"name": NAME})
    run_module("certificate", args).ok()
    before = {path: path.read_bytes() for path in estate.directory.rglob("*.pem")}
    top = make_engine()
    top.write(
        "root/generate/internal", common_name="Narrow", permitted_dns_domains="other.example", exclude_cn_from_sans=True
    )
    request = estate.engine.write("intermediate/generate/internal", common_name="ca.other.example").data
    signed = top.write("root/sign-intermediate", csr=request["csr"]).data
    made = estate.engine.write("intermediate/set-signed", certificate="\n".join(signed["ca_chain"])).data
    estate.engine.write("config/issuers", default=made["imported_issuers"][0])
    issued = _issued(estate)
    for check in (True, False):
        refused = run_module("certificate", args, check=check)
        assert refused.failed
        assert f"CN=Narrow does not permit the name {NAME}; certificates below it are not valid" in refused.msg
        assert refused.result["changed"] is False
    assert _issued(estate) == issued
    assert {path: path.read_bytes() for path in estate.directory.rglob("*.pem")} == before
