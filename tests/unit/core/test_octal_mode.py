# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J1: a mode that YAML read as a number is refused, as it would give others rights that nobody declared."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.attributes import octal_mode
from plugins.module_utils._core.errors import InvalidInput


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444, 0o600, 0o640, 0o644, 0o660, 0o664, 0o700, 0o750, 0o755, 0o770])
def test_j1_a_mode_without_quotes_is_refused(mode: int) -> None:
    with pytest.raises(InvalidInput, match=r"key_mode: .* Quote it"):
        octal_mode(str(mode), "key_mode")


@pytest.mark.parametrize(
    ("text", "mode"), [("0640", 0o640), ("640", 0o640), ("0o600", 0o600), ("0416", 0o416), ("755", 0o755)]
)
def test_a_mode_is_taken_as_it_is_meant(text: str, mode: int) -> None:
    assert octal_mode(text, "mode") == mode
