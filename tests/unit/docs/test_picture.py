# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of the architecture shows what is there, and everybody can see it."""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree

import pytest

from tests.unit.docs.blocks import GUIDES, ROOT

PICTURE: t.Final = GUIDES / "images" / "architecture.svg"
SVG: t.Final = "{http://www.w3.org/2000/svg}"


def _texts() -> list[str]:
    return [element.text or "" for element in ElementTree.parse(PICTURE).iter(f"{SVG}text")]


def test_its_domains_are_those_of_the_collection() -> None:
    drawn = {name for text in _texts() for name in re.findall(r"\b_[a-z_]+\b", text)} - {"_info"}
    packages = {path.name for path in (ROOT / "plugins" / "module_utils").glob("_[a-z]*") if any(path.rglob("*.py"))}
    assert drawn == packages - {"_core"}


def test_its_phases_are_those_of_the_core() -> None:
    source = (ROOT / "plugins" / "module_utils" / "_core" / "reconcile.py").read_text(encoding="utf-8")
    (promised,) = re.findall(r'^"""Reconcile: (.*?)\.', source, re.MULTILINE)
    named = [text for text in _texts() if text in ("read", "plan", "apply", "prove")]
    assert named == promised.split(", ")


def test_it_speaks_to_those_who_do_not_see_it() -> None:
    root = ElementTree.parse(PICTURE).getroot()
    assert root.get("role") == "img"
    for part in ("title", "desc"):
        (element,) = root.findall(f"{SVG}{part}")
        assert len(element.text or "") > 20
        assert str(element.get("id")) in str(root.get("aria-labelledby"))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_it_can_be_read(scheme: int) -> None:
    """Text has the contrast that WCAG 2.2 asks for (1.4.3) on each of its grounds, in both colour schemes."""
    style = "".join(ElementTree.parse(PICTURE).getroot().findtext(f"{SVG}style") or "")
    assert "@media (prefers-color-scheme: dark)" in style
    colours = re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", style)
    assert len(colours) == len(re.findall(r"#[0-9a-f]{3,6}\b", style)), (
        "a colour outside the two lists is in one scheme"
    )
    half = len(colours) // 2
    names = dict(colours[:half]) if scheme == 0 else dict(colours[half:])
    assert names.keys() == dict(colours).keys()
    for text, grounds in {
        "ink": ("ground", "band", "box", "pure", "act"),
        "soft": ("ground", "band", "box", "pure", "act"),
        "mark": ("band", "box", "ground"),
    }.items():
        for ground in grounds:
            assert _contrast(names[text], names[ground]) >= 4.5, f"{text} on {ground}"


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))
