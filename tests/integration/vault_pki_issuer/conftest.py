# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.integration.vault_pki.engine import Engine, MakeEngine, engine, make_engine
from tests.rigs.runner import ModuleResult

__all__ = ["engine", "make_engine"]

Manage = Callable[..., ModuleResult]


@pytest.fixture
def manage(run_module: t.Any, connection: dict[str, str], engine: Engine) -> Manage:
    """Run the module on issuers of the test's engine."""

    def run(*issuers: dict[str, t.Any], check: bool = False, **options: t.Any) -> ModuleResult:
        args = {**connection, "mount": engine.path, **options, "issuers": list(issuers)}
        result: ModuleResult = run_module("vault_pki_issuer", args, check=check, diff=True)
        return result

    return run


@pytest.fixture
def above(make_engine: MakeEngine) -> Engine:
    """An engine for the CA that signs."""
    return make_engine()
