# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_pki_certificate_info against a real server: what an engine issued to a name, wherever it went."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.vault_pki.engine import Engine
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult


@pytest.fixture
def look(run_module: t.Any, connection: dict[str, str], engine: Engine) -> t.Any:
    """Run the module on the test's engine, which issues to any name."""
    engine.make_root()
    engine.write("roles/r", key_type="ec", allow_any_name=True)

    def run(*names: str, **more: t.Any) -> ModuleResult:
        args = {**connection, "mount": engine.path, "common_names": list(names), **more}
        result: ModuleResult = run_module("vault_pki_certificate_info", args)
        return result

    return run


def test_every_living_certificate_of_a_name_is_listed(look: t.Any, engine: Engine, audit_window: t.Any) -> None:
    """R7: certificates that are on no host any more are found at the engine."""
    first, second = (engine.write("issue/r", common_name="a.example", ttl="1h").data for _attempt in range(2))
    engine.write("issue/r", common_name="b.example", alt_names="a.example", ttl="1h")
    engine.write("issue/r", common_name="c.example", ttl="1h")
    engine.write("revoke", serial_number=second["serial_number"])
    with audit_window() as window:
        found = look("A.example").ok().result["certificates"]
    assert window.writes == []
    assert {entry["serial"]: entry["revoked"] for entry in found} == {
        first["serial_number"]: False,
        second["serial_number"]: True,
    }
    assert {entry["common_name"] for entry in found} == {"a.example"}
    assert look("nobody.example").ok().result["certificates"] == []


def test_what_has_expired_is_left_out(look: t.Any, engine: Engine, vault: OpenBao) -> None:
    engine.write("roles/short", key_type="ec", allow_any_name=True, not_before_duration="30s")
    issued = engine.write("issue/short", common_name="a.example", ttl="2s").data
    vault.wait_until(
        lambda: not look("a.example").ok().result["certificates"], what=f"the end of {issued['serial_number']}"
    )


@pytest.mark.parametrize("names", [[], [""]])
def test_no_name_is_refused(look: t.Any, names: list[str]) -> None:
    refused = look(*names)
    assert refused.failed
    assert refused.msg.startswith("common_names: names no certificate")


def test_an_engine_that_is_not_there_is_an_error(look: t.Any) -> None:
    assert "nothing is mounted" in look("a.example", mount="nowhere").msg
