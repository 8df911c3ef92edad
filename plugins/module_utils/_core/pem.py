# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Where the PEM blocks of a text are (RFC 7468), in linear time whatever the text.

A pattern that looks for the end of each block from its beginning reads a text with many beginnings and no end once per
beginning. Here the markers are found first and then matched.
"""

from __future__ import annotations

import bisect
import re
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_MARKER: t.Final = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]{1,64})(?=-----)")
_DASHES: t.Final = len("-----")


@dataclass(frozen=True)
class Block:
    """One block: its label, and where it and what is between its markers begin and end."""

    label: str
    start: int
    inner_start: int
    inner_end: int
    end: int


def find_blocks(text: str, wanted: Callable[[str], bool] = lambda _label: True) -> Iterator[Block]:
    """Yield the blocks whose label is wanted; each ends at the next end of the same label, and none overlap."""
    markers = [(found.group(1), found.group(2), found.start(), found.end()) for found in _MARKER.finditer(text)]
    ends: dict[str, list[int]] = {}
    for kind, label, start, _end in markers:
        if kind == "END":
            ends.setdefault(label, []).append(start)
    past = 0
    for kind, label, start, end in markers:
        if kind == "END" or start < past or not wanted(label):
            continue
        of_label = ends.get(label, [])
        at = bisect.bisect_left(of_label, end + _DASHES)
        if at < len(of_label):
            past = of_label[at] + len(f"-----END {label}-----")
            yield Block(label, start, end + _DASHES, of_label[at], past)
