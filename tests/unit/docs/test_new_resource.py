# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk-through of a new resource works up to where it needs a server; tests/integration/guides has the rest."""

from __future__ import annotations

import pathlib

from tests.rigs.process import clean_environment
from tests.unit.docs.blocks import walk_through
from tests.unit.docs.copies import copy_repository
from tests.unit.docs.session import Command, Session


def _is_quick(command: Command) -> bool:
    return "tests/integration" not in command.text and "mypy" not in command.text


def test_walk_through(tmp_path: pathlib.Path) -> None:
    root = copy_repository(tmp_path / "copy")
    with Session(root, clean_environment(HOME=str(tmp_path))) as session:
        ran = session.follow(walk_through("new_resource", "new_resource_proof"), wanted=_is_quick)
    assert any("tests/unit/vault_rate_limit" in command for command in ran)
