# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about the transit engine, rebuilt; tests/public_reports.yml lists all of them."""

from __future__ import annotations

import base64

from tests.integration.vault_transit_key.test_keys import Module, mount
from tests.rigs.openbao import OpenBao

__all__ = ["mount"]


def test_a_version_that_may_not_be_named_is_declared_by_its_number(
    run_module: Module, connection: dict[str, str], mount: str, vault: OpenBao
) -> None:
    """openbao/openbao#3508: a minimum of 0 for encrypting was said to be the newest version, and is no limit at all."""
    item = {"name": "hub", "mount": mount, "type": "aes256-gcm96", "min_encryption_version": 0}
    run_module("vault_transit_key", {**connection, "keys": [item]}).ok()
    vault.api.write(f"{mount}/keys/hub/rotate")
    assert not run_module("vault_transit_key", {**connection, "keys": [item]}).ok().changed
    text = base64.b64encode(b"x").decode()

    def status(version: int) -> int:
        asked = {"plaintext": text, "key_version": version}
        return vault.api.request("POST", f"{mount}/encrypt/hub", asked).status

    assert status(1) == 200, "what the documentation says of 0"
    limited = {**connection, "keys": [{**item, "min_encryption_version": 2}]}
    assert run_module("vault_transit_key", limited).ok().changed
    assert not run_module("vault_transit_key", limited).ok().changed
    assert (status(1), status(2)) == (400, 200)


def test_a_flag_goes_both_ways(run_module: Module, connection: dict[str, str], mount: str, vault: OpenBao) -> None:
    """hvac/hvac#794: once a key could be deleted, declaring the contrary changed nothing."""
    item = {"name": "hub", "mount": mount, "type": "aes256-gcm96"}
    for allowed in (True, False, True):
        args = {**connection, "keys": [{**item, "deletion_allowed": allowed}]}
        assert run_module("vault_transit_key", args).ok().changed or not allowed
        assert (vault.api.read(f"{mount}/keys/hub") or {})["deletion_allowed"] is allowed
        assert not run_module("vault_transit_key", args).ok().changed
