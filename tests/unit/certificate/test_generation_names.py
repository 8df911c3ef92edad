# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name of a generation says when its pair was made."""

from __future__ import annotations

import datetime

import pytest

from plugins.module_utils._certificate.generation import made_at


@pytest.mark.parametrize(
    ("name", "instant"),
    [
        ("g-20261121T174805Z-0123abcd", (2026, 11, 21, 17, 48, 5)),
        ("g-20261121T174805Z-0123abcd-of-20250102T030405Z", (2025, 1, 2, 3, 4, 5)),
    ],
)
def test_it_is_read_in_utc(name: str, instant: tuple[int, int, int, int, int, int]) -> None:
    assert made_at(name) == datetime.datetime(*instant, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("name", ["g-20261399T174805Z-0123abcd", "g-20261121T174805Z", "current", "g-"])
def test_a_name_of_another_hand_tells_nothing(name: str) -> None:
    assert made_at(name) is None
