# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""References among the guides lead somewhere.

antsibull-docs checks those to modules and options; labels are checked when pages are rendered, but the rendering has to
be lenient about them, because labels of other projects are out of its reach.
"""

from __future__ import annotations

import re
import typing as t

import pytest

from tests.unit.docs.blocks import GUIDES

PAGES: t.Final = sorted(GUIDES.glob("*.rst"))
PREFIX: t.Final = "ansible_collections.trustmesh.security.docsite."


def _labels(text: str) -> list[str]:
    return re.findall(r"^\.\. _([^:]+):$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_references_lead_to_labels(page: t.Any) -> None:
    known = {label for other in PAGES for label in _labels(other.read_text(encoding="utf-8"))}
    asked = re.findall(r":ref:`(?:[^`<]*<)?([^`>]+)>?`", page.read_text(encoding="utf-8"))
    assert set(asked) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_the_label_of_its_name(page: t.Any) -> None:
    assert _labels(page.read_text(encoding="utf-8")) == [PREFIX + page.stem]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pictures_are_there(page: t.Any) -> None:
    pictures = re.findall(r"^\.\. image:: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in pictures if not (page.parent / name).exists()] == []
