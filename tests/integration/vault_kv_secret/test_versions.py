# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which version an engine is, where the usual way to ask is barred by a policy or by what stands in between."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from tests.integration.vault_kv_secret.test_secrets import POLICY, POLICY_1, Module, Name, make
from tests.rigs.fault_proxy import READS, Fault, FaultProxy, Wrong
from tests.rigs.openbao import OpenBao

_BARRED: t.Final = 'path "sys/internal/ui/mounts/*" { capabilities = ["deny"] }'
_DENIAL: t.Final = json.dumps({"errors": ["1 error occurred:\n\t* permission denied\n\n"]}).encode()
DENIED: t.Final = Wrong("403 of a policy", lambda call: call.answer(403, _DENIAL))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("barrier", ["policy", "proxy"])
def test_secrets_go_where_they_belong_though_the_version_may_not_be_asked(
    run_module: Module,
    vault: OpenBao,
    connection: dict[str, str],
    token: t.Any,
    unique_name: Name,
    tmp_path: pathlib.Path,
    version: int,
    barrier: str,
) -> None:
    """No policy bars this way on either server; what stands in between may, and then the engine is asked itself."""
    mount = make(vault, unique_name("kv"), version)
    rules = (POLICY if version == 2 else POLICY_1).format(mount=mount) + _BARRED
    args: dict[str, t.Any] = {
        **connection,
        "token": token(rules=rules),
        "secrets": [{"mount": mount, "path": "app/db", "data": {"user": "hub"}, "generate": [{"key": "password"}]}],
    }
    with FaultProxy(vault, tmp_path) as proxy:
        if barrier == "proxy":
            args.update(url=proxy.url, ca_cert=proxy.ca_path)
        changed = []
        for check in (True, False, False):
            with proxy.playing(Fault(DENIED, READS, f"^sys/internal/ui/mounts/{mount}$")) as fault:
                changed.append(run_module("vault_kv_secret", args, check=check).ok().changed)
            assert (fault.played is not None) == (barrier == "proxy")
    assert changed == [True, True, False]
    if version == 2:
        kept = (vault.api.read(f"{mount}/data/app/db") or {})["data"]
    else:
        kept = vault.api.read(f"{mount}/app/db")
        assert vault.api.request("LIST", mount).data["keys"] == ["app/"]
    assert set(kept or ()) == {"user", "password"}
