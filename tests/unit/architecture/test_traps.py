# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every trap within what is delivered is named by a test; see tests/traps.yml."""

from __future__ import annotations

import pathlib
import re

import yaml

TESTS = pathlib.Path(__file__).resolve().parents[2]
NAMED = re.compile(r"def test\w*?_traps?_((?:0*\d+_)+)")


def named_traps(texts: list[str]) -> set[int]:
    """Return the numbers in names such as ``test_trap_05_…`` and ``test_traps_1_and…``."""
    groups = (match.group(1) for text in texts for match in NAMED.finditer(text))
    return {int(number) for group in groups for number in group.strip("_").split("_")}


def missing(traps: dict[int, dict[str, str]], named: set[int]) -> list[str]:
    """Return the traps that are neither tested nor explained."""
    return [
        f"trap {number}: {trap['what']}"
        for number, trap in traps.items()
        if "later" not in trap and number not in named
    ]


def test_every_trap_is_tested_or_explained() -> None:
    traps = yaml.safe_load((TESTS / "traps.yml").read_text(encoding="utf-8"))
    texts = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    assert list(traps) == list(range(1, 61))
    assert missing(traps, named_traps(texts)) == []


def test_a_trap_without_a_test_is_found() -> None:
    named = named_traps(["def test_trap_05_x(", "def test_a_trap_7_8_y("])
    assert named == {5, 7, 8}
    assert missing({5: {"what": "a"}, 6: {"what": "b"}, 9: {"what": "c", "later": "d"}}, named) == ["trap 6: b"]
