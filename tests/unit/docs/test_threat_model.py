# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SECURITY.md: each line of what the collection defends against names a test that exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.docs.blocks import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
DEFENDED = TEXT.partition("### What it defends against")[2].partition("### ")[0]
ROWS = [line for line in DEFENDED.splitlines() if line.startswith("| ") and not line.startswith("| threat")]


def test_there_is_a_model() -> None:
    assert len(ROWS) > 10
    assert "### What it does not defend against" in TEXT


@pytest.mark.parametrize("row", ROWS)
def test_every_line_names_a_test_that_exists(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
    assert named, row
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"
