# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rights that the documentation names are enough, each of them is needed, and what comes back is documented."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.integration.docs_policies.returned import differences
from tests.rigs.runner import ModuleResult

from .conftest import Mesh

Module = Callable[..., t.Any]
#: What the documentation of the module demands: path below the mount, capabilities.
RULES = {
    "data/jws/*": ("create", "read", "update"),
    "metadata/jws": ("list",),
    "metadata/jws/*": ("delete",),
    "data/trust": ("create", "read", "update"),
    "metadata/each": ("list",),
    "data/each/*": ("create", "read", "update"),
    "metadata/each/*": ("delete",),
}
LESSER = [(path, capability) for path, capabilities in RULES.items() for capability in capabilities]


def _policy(mount: str, lacking: tuple[str, str] = ("", "")) -> str:
    rules = []
    for path, capabilities in RULES.items():
        granted = [f'"{name}"' for name in capabilities if (path, name) != lacking]
        if granted:
            rules.append(f'path "{mount}/{path}" {{ capabilities = [{", ".join(granted)}] }}')
    return "\n".join(rules)


def _everything(run_module: Module, mesh: Mesh, token: str) -> list[ModuleResult]:
    """Make, make anew where the newest version is deleted, replace, and part; up to the first failure."""
    connection = {**mesh.connection, "token": token}
    publish = [
        {"kind": "kv", "mount": mesh.mount, "path": "trust"},
        {"kind": "kv", "mount": mesh.mount, "path": "each/{name}"},
    ]
    args = {**connection, **mesh.args(publish=publish)}
    gone = [{"name": "hub"}, {"name": "perffsp-1"}, {"name": "perffsp-2", "state": "absent"}]
    results: list[ModuleResult] = []
    pruned = {"participants": gone, "prune_custody": True}
    for changes in ({"algorithm": "ES256"}, {"on_mismatch": "replace"}, pruned):
        results.append(run_module("jws_key", {**args, **changes}))
        if results[-1].failed:
            return results
        mesh.vault.api.request("DELETE", f"{mesh.mount}/data/jws/hub")
    return results


def test_the_rights_are_enough_and_what_comes_back_is_documented(
    run_module: Module, mesh: Mesh, token: Callable[..., str]
) -> None:
    results = _everything(run_module, mesh, token(rules=_policy(mesh.mount)))
    assert len(results) == 3, results[-1].msg
    assert not results[-1].failed, results[-1].msg
    info = {**mesh.connection, **mesh.args("hub", "gone")}
    (mesh.base / "hub").mkdir(exist_ok=True)
    found = run_module(
        "jws_key_info", {name: info[name] for name in (*mesh.connection, "mount", "path", "participants")}
    )
    said = [problem for result in results for problem in differences("jws_key", result.result)]
    assert sorted(set(said)) == []
    assert found.result["summary"]["missing"] >= 1
    assert differences("jws_key_info", found.result) == []


@pytest.mark.parametrize(("path", "capability"), LESSER)
def test_no_right_is_named_in_vain(
    run_module: Module, mesh: Mesh, token: Callable[..., str], path: str, capability: str
) -> None:
    results = _everything(run_module, mesh, token(rules=_policy(mesh.mount, (path, capability))))
    assert results[-1].failed, f"{capability} on {path} is not needed"
    assert "permission denied" in results[-1].msg
