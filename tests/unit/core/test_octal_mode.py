# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J1: a mode that YAML read as a number is refused, as it would give others rights that nobody declared."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.attributes import octal_mode
from plugins.module_utils._core.errors import InvalidInput

#: Modes that somebody declares: nobody has more rights than the group, the group than the owner, who may read.
MEANT = [
    mode
    for mode in range(0o1000)
    if mode & 0o400 and not (mode >> 3 & 7) & ~(mode >> 6) and not (mode & 7) & ~(mode >> 3)
]


@pytest.mark.parametrize("mode", MEANT, ids=oct)
def test_j1_a_mode_without_quotes_is_refused(mode: int) -> None:
    """Two rare ones are left, whose numbers are modes that are common."""
    if mode in (0o620, 0o764):
        assert str(mode) in ("400", "500")
        return
    with pytest.raises(InvalidInput, match=r"key_mode: .* Quote it"):
        octal_mode(str(mode), "key_mode")


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("0640", 0o640),
        ("640", 0o640),
        ("0o600", 0o600),
        ("0416", 0o416),
        ("755", 0o755),
        ("711", 0o711),
        ("0511", 0o511),
        ("0320", 0o320),
        ("555", 0o555),
        ("550", 0o550),
        ("500", 0o500),
        ("444", 0o444),
    ],
)
def test_a_mode_is_taken_as_it_is_meant(text: str, mode: int) -> None:
    assert octal_mode(text, "mode") == mode
