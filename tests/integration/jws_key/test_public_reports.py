# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about key-value engines, rebuilt with keys; tests/public_reports.yml lists all."""

from __future__ import annotations

import typing as t

import pytest

from .conftest import Mesh


def _told(result: t.Any) -> str:
    return str(result.get("warnings"))


@pytest.mark.parametrize("how", ["deleted", "destroyed"])
def test_a_key_whose_newest_version_is_deleted_goes_with_its_history(run_module: t.Any, mesh: Mesh, how: str) -> None:
    """hashicorp/vault#8432, community.hashi_vault#399: what is deleted stays listed, and its versions stay."""
    api, mount = mesh.vault.api, mesh.mount
    args = mesh.args(algorithm="ES256")
    given = {**mesh.connection, **args, "participants": [{"name": "hub"}, {"name": "gonefsp"}]}
    run_module("jws_key", given).ok()
    if how == "deleted":
        api.request("DELETE", f"{mount}/data/jws/gonefsp")
    else:
        api.write(f"{mount}/destroy/jws/gonefsp", versions=[1])
    stay = {**given, "participants": [{"name": "hub"}], "prune_custody": True}
    pruned = run_module("jws_key", stay).ok()
    assert not pruned.changed and pruned.result["undeclared"] == ["gonefsp"]
    assert "gonefsp is left alone: the newest version is deleted, which leaves its history" in _told(pruned.result)
    absent = {**given, "participants": [{"name": "hub"}, {"name": "gonefsp", "state": "absent"}]}
    assert run_module("jws_key", absent, check=True).ok().changed
    removed = run_module("jws_key", absent).ok()
    assert "the newest version is deleted, which leaves its history" in removed.result["results"][1]["reasons"]
    assert "gonefsp" not in api.request("LIST", f"{mount}/metadata/jws").data["keys"]
    assert not run_module("jws_key", absent).ok().changed
