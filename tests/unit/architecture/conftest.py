# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small trees that break a rule, to show that its guard notices."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

Plant = Callable[[dict[str, str]], pathlib.Path]


@pytest.fixture
def plant(tmp_path: pathlib.Path) -> Plant:
    """Return a function that writes files, given by path and text, and returns the folder they are in."""

    def write(files: dict[str, str]) -> pathlib.Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture(scope="session")
def repository() -> pathlib.Path:
    """Return the root of this checkout."""
    return pathlib.Path(__file__).resolve().parents[3]
