# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that never leave a transit engine or a token, made by jws_key, sign the requests of a probe."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.integration.fspiop_jws_probe.conftest import Args, Serve, endpoint
from tests.integration.key_holders.conftest import Token, hsm_token, softhsm, transit_mount
from tests.rigs.openbao import OpenBao
from tests.rigs.softhsm import SoftHsm

__all__ = ["hsm_token", "softhsm", "transit_mount"]

NAMES = ("perffsp-1", "perffsp-2")


@pytest.mark.parametrize("kind", ["transit", "pkcs11"])
def test_keys_that_are_held_sign(
    run_module: t.Any,
    serve: Serve,
    vault: OpenBao,
    connection: Args,
    token: Callable[..., str],
    unique_name: Callable[[str], str],
    request: pytest.FixtureRequest,
    kind: str,
) -> None:
    mount, holder, environment, signing = unique_name("kv"), {"kind": kind}, {}, ""
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    if kind == "transit":
        holder["mount"] = request.getfixturevalue("transit_mount")
        signing = f'path "{holder["mount"]}/sign/*" {{ capabilities = ["update"] }}'
    else:
        hsm: SoftHsm = request.getfixturevalue("softhsm")
        user: Token = request.getfixturevalue("hsm_token")
        holder.update(library=hsm.library, token=user.label, pin=user.pin)
        environment = hsm.environment
    kept = {**connection, "mount": mount, "holder": holder, "participants": [{"name": name} for name in NAMES]}
    run_module("jws_key", kept, env=environment).ok()
    records = {name: (vault.api.read(f"{mount}/data/jws_key/{name}") or {})["data"] for name in NAMES}
    assert all("private_key" not in record for record in records.values())
    service = serve(keys={name: record["public_key"] for name, record in records.items()})

    rules = f'path "{mount}/data/jws_key/*" {{ capabilities = ["read"] }}\n{signing}'
    given = {**connection, "token": token(rules=rules), "source": NAMES[0], "other_source": NAMES[1]}
    given.update(signing_key={"mount": mount, "path": "jws_key/{name}"}, endpoints=[endpoint(service)])
    without = run_module("fspiop_jws_probe", given)
    assert "signing_key.path: " in without.msg
    assert without.msg.endswith("has no private_key. Declare the holder of the key.")
    result = run_module("fspiop_jws_probe", {**given, "holder": holder}, env=environment).ok().result
    assert {entry["variant"]: entry["outcome"] for entry in result["results"][0]["variants"]}.popitem() == (
        "valid",
        "accepted",
    )
    assert result["summary"] == {"passed": 1, "failed": 0}
