# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that finds what a mistyped name means (J3)."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.closest_name import closest_name


@pytest.mark.parametrize(
    ("name", "names", "found"),
    [("hubb1", ["hub1", "perffsp-1"], "hub1"), ("HUB1", ["Hub1"], "Hub1"), ("x", ["hub1"], ""), ("hub1", [], "")],
)
def test_the_closest_name_is_found(name: str, names: list[str], found: str) -> None:
    assert closest_name(name, names) == found


@pytest.mark.parametrize("names", ["hub1", {"hub1": 1}, None])
def test_names_have_to_be_a_list(names: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="names has to be a list"):
        closest_name("hub1", names)
