# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""jws_key_info against keys that jws_key made, and against what was done to them."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable

import pytest

from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Module = Callable[..., t.Any]
NAMES = ("hub", "perffsp-1")


@pytest.fixture
def args(
    vault: OpenBao, unique_name: Callable[[str], str], tmp_path: pathlib.Path, connection: dict[str, str]
) -> dict[str, t.Any]:
    """Options for both modules: a fresh engine, and a trust directory for each participant."""
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    vault.wait_until(lambda: vault.api.request("GET", f"{mount}/data/none").status == 404, what="the new engine")
    publish = [{"kind": "directory", "path": f"{tmp_path}/{{audience}}/trust"}]
    return {**connection, "mount": mount, "publish": publish, "participants": [{"name": name} for name in NAMES]}


def test_what_was_made_is_right_and_what_was_done_to_it_is_found(
    run_module: Module, args: dict[str, t.Any], vault: OpenBao, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    missing = run_module("jws_key_info", args).ok().result
    assert missing["ok"] is False
    assert missing["summary"] == {"participants": 2, "missing": 4}
    run_module("jws_key", args).ok()
    for name in NAMES:
        held = (vault.api.read(f"{args['mount']}/data/jws_key/{name}") or {})["data"]
        canaries.record(held["private_key"], "signing key")
    sound = run_module("jws_key_info", {**args, "max_age": "1d"}).ok().result
    assert (sound["ok"], sound["changed"], sound["others"]) == (True, False, [])
    assert [entry["key"]["algorithm"] for entry in sound["results"]] == ["RS256", "RS256"]
    assert sound["results"][0]["key"]["age_days"] == 0

    stolen = held["private_key"]
    (tmp_path / "hub" / "trust" / "perffsp-1.pem").write_text(stolen)
    (tmp_path / "perffsp-1" / "trust" / "hub.pem").rename(tmp_path / "perffsp-1" / "trust" / "hub.crt")
    found = run_module("jws_key_info", args).ok().result
    checks = {(item["check"], item["participant"]) for entry in found["results"] for item in entry["findings"]}
    assert checks == {("exposed", "perffsp-1"), ("missing", "hub"), ("wrong_name", "hub")}


def test_settings_of_an_adapter_are_judged_with_its_keys(run_module: Module, args: dict[str, t.Any]) -> None:
    run_module("jws_key", args).ok()
    args["participants"][1]["adapter"] = {"DFSP_ID": "perffsp-1", "PM4ML_ENABLED": "true", "JWS_SIGNING_KEY": "/k"}
    found = run_module("jws_key_info", args).ok().result["results"]
    assert found[0]["ok"]
    assert {item["where"] for item in found[1]["findings"]} == {
        "JWS_SIGN_PUT_PARTIES",
        "VALIDATE_INBOUND_PUT_PARTIES_JWS",
        "JWS_SIGNING_KEY_PATH",
        "JWS_SIGNING_KEY",
        "PM4ML_ENABLED",
    }


def test_a_reader_may_check_with_the_rights_that_are_documented(
    run_module: Module, args: dict[str, t.Any], token: Callable[..., str]
) -> None:
    run_module("jws_key", args).ok()
    rules = f'path "{args["mount"]}/data/jws_key/*" {{ capabilities = ["read"] }}'
    assert run_module("jws_key_info", {**args, "token": token(rules=rules)}).ok().result["ok"]
