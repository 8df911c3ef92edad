# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An empty estate for each test."""

from __future__ import annotations

import pathlib

import pytest

from tests.unit.local_ca.estate import Estate


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> Estate:
    """Nothing is there yet, and it is noon on the first of January 2026."""
    return Estate(tmp_path)
