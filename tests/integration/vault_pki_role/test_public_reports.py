# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about roles of the PKI engine, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.vault_pki.engine import Engine

USAGES: t.Final[dict[str, list[str]]] = {
    "not declared": [],
    "none": [],
    "the usual ones in another order": ["KeyEncipherment", "DigitalSignature", "KeyAgreement"],
    "in other spellings": ["digitalSignature", "KEYAGREEMENT"],
}


@pytest.mark.parametrize("case", USAGES)
def test_key_usages_settle(run_module: t.Any, connection: dict[str, str], engine: Engine, case: str) -> None:
    """hashicorp/terraform-provider-vault#748: usages that were left out were a difference in every run."""
    role: dict[str, t.Any] = {"name": "dev", "mount": engine.path, "allowed_domains": ["dev.example", "*.dev.example"]}
    if case != "not declared":
        role["key_usage"] = USAGES[case]
    args = {**connection, "roles": [role]}
    assert run_module("vault_pki_role", args).ok().changed
    assert not run_module("vault_pki_role", args).ok().changed
    if case == "none":
        assert engine.read("roles/dev")["key_usage"] == []
