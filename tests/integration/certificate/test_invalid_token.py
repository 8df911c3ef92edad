# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J11: an engine shows its issuer and its list to everybody, so that a login that is gone has to be noticed."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.rigs.openbao import OpenBao

from .conftest import Estate

ITEM = {"name": "a.svc.example"}


@pytest.fixture
def gone(vault: OpenBao, token: Callable[..., str]) -> str:
    """A token that was good a moment ago."""
    made = token(rules='path "sys/health" { capabilities = ["read"] }')
    vault.api.write("auth/token/revoke", token=made)
    return made


@pytest.mark.parametrize("there", [False, True], ids=["nothing there", "a certificate there"])
def test_j11_look_with_a_token_that_is_gone_is_an_error_and_no_drift(
    run_module: t.Any, estate: Estate, gone: str, there: bool
) -> None:
    if there:
        run_module("certificate", estate.args(ITEM)).ok()
    for known in (gone, "s.invalid0000000000000000"):
        looked = run_module("certificate", {**estate.args(ITEM), "token": known}, check=True)
        (item,) = looked.result["results"]
        assert (looked.failed, item["changed"], item["action"]) == (True, False, "none")
        assert "the server does not accept the token" in looked.msg


def test_j11_token_without_rights_still_does_without_them(
    run_module: t.Any, estate: Estate, token: Callable[..., str]
) -> None:
    run_module("certificate", estate.args(ITEM)).ok()
    poor = token(rules='path "sys/health" { capabilities = ["read"] }')
    looked = run_module("certificate", {**estate.args(ITEM), "token": poor}, check=True).ok()
    assert not looked.changed
    assert "cannot be listed" in str(looked.result["warnings"])
