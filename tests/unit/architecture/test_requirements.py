# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/requirement_rows.yml holds every row of the inventory, and names only what exists."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
INVENTORY = ROOT.parent / "shared" / "spec" / "requirements.md"
ROW = re.compile(r"^\| ((?:DC|MJ|TS|PK|CS|MB)-\d+)\b", re.MULTILINE)
PLACES = {
    "role": "roles/{}",
    "playbook": "playbooks/{}.yml",
    "scenario": "extensions/molecule/{}/molecule.yml",
}

Rows = dict[str, dict[str, t.Any]]


def unknown_parts(rows: Rows, root: pathlib.Path) -> list[str]:
    """Return the parts that rows name and that are not there."""
    found = []
    for row, about in rows.items():
        for part in about.get("by", ()):
            kind, _colon, name = part.rpartition(":")
            places = [PLACES[kind]] if kind else ["plugins/modules/{}.py", "plugins/filter/{}.py"]
            if not any((root / place.format(name)).exists() for place in places):
                found.append(f"{row}: {part}")
    return found


def _rows() -> Rows:
    rows: Rows = yaml.safe_load((ROOT / "tests" / "requirement_rows.yml").read_text(encoding="utf-8"))
    return rows


def test_what_delivers_a_row_exists() -> None:
    assert unknown_parts(_rows(), ROOT) == []


def test_a_part_that_does_not_exist_is_found(tmp_path: pathlib.Path) -> None:
    assert unknown_parts({"XX-01": {"by": ["role:none", "nothing"]}}, tmp_path) == [
        "XX-01: role:none",
        "XX-01: nothing",
    ]


def test_every_row_of_the_inventory_is_here() -> None:
    if not INVENTORY.exists():
        pytest.skip("not applicable: the requirements inventory is not beside this checkout")
    assert list(_rows()) == list(dict.fromkeys(ROW.findall(INVENTORY.read_text(encoding="utf-8"))))
