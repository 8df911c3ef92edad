# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repository keeps every rule."""

from __future__ import annotations

import pathlib
import types

import pytest

from tests.unit.architecture.guards import (
    action_groups,
    budget,
    changelog,
    check_mode,
    documentation,
    expressions,
    headers,
    layers,
    libraries,
    locks,
    naming,
    roles,
    scenarios,
    verifying,
)

_GUARDS = (
    action_groups,
    budget,
    changelog,
    check_mode,
    documentation,
    expressions,
    headers,
    layers,
    libraries,
    locks,
    naming,
    roles,
    scenarios,
    verifying,
)


@pytest.mark.parametrize("guard", _GUARDS, ids=lambda guard: guard.__name__.rpartition(".")[2])
def test_repository_keeps_the_rule(guard: types.ModuleType, repository: pathlib.Path) -> None:
    found = guard.violations(repository)
    if found:
        pytest.fail("\n".join(found), pytrace=False)
