# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about AppRole, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.integration.vault_approle.test_roles import Module, accessors, content, item, login, manage, mount
from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

__all__ = ["manage", "mount"]


@pytest.mark.parametrize("field", ["token_bound_cidrs", "secret_id_bound_cidrs"])
def test_networks_of_one_address_settle(manage: Module, field: str) -> None:
    """hashicorp/vault#11961: the server cuts /32 and /128 off, so that every run saw a difference."""
    networks = ["10.20.30.40/32", "2001:db8::1/128", "10.1.2.3/8", "2001:DB8:0:0::/32", "0.0.0.0/0"]
    assert item(manage({"name": "node", field: networks}))["changed"]
    assert not item(manage({"name": "node", field: networks}))["changed"]
    bare = ["0.0.0.0/0", "10.20.30.40", "2001:db8::1", "10.0.0.0/8", "2001:db8::/32", "10.20.30.40/32"]
    assert not item(manage({"name": "node", field: bare}))["changed"]
    narrower = item(manage({"name": "node", field: ["10.20.30.40/31"]}))
    assert narrower["changed"]


def test_a_role_is_one_whatever_the_case_of_its_name(
    manage: Module, vault: OpenBao, mount: str, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    """hashicorp/vault#3643, #10944: secret-ids of a role in upper case were listed under one spelling only."""
    place = tmp_path / "secret-id"
    role = {"name": "HUB_Api", "role_id": "chosen-by-us", "delivery": {"path": str(place), "wrapped": False}}
    assert item(manage(role))["changed"]
    secret_id = content(place, canaries)
    assert login(vault, mount, "chosen-by-us", secret_id) == 200
    assert not item(manage(role))["changed"]
    assert content(place, canaries) == secret_id
    assert not item(manage({**role, "name": "hub_api"}))["changed"], "the same role, and the same secret-id"
    assert content(place, canaries) == secret_id
    assert accessors(vault, mount, "hub_api") == accessors(vault, mount, "HUB_Api")
    assert len(accessors(vault, mount, "hub_api")) == 1
    assert item(manage({"name": "hub_API", "state": "absent"}))["changed"]
    assert vault.api.read(f"auth/{mount}/role/HUB_Api") is None


def test_two_spellings_of_a_role_in_one_list(manage: Module, vault: OpenBao, mount: str) -> None:
    """hashicorp/vault#10944: two roles that differ by case alone are one to the server."""
    roles: list[dict[str, t.Any]] = [{"name": "hub", "token_ttl": "1h"}, {"name": "HUB", "token_ttl": "2h"}]
    done = manage(*roles)
    assert done.failed
    assert "Traceback" not in done.stdout + done.stderr
    assert "defect in trustmesh.security" not in done.stdout
    assert vault.api.read(f"auth/{mount}/role/hub") is None, done.msg
