# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Names that were mistyped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(name: str, names: Iterable[str], likeness: float = 0.6) -> str:
    """Return the one of ``names`` that is most like ``name``, whatever the case; an empty text when none is near."""
    known = {entry.lower(): entry for entry in names}
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=likeness)
    return known[near[0]] if near else ""
