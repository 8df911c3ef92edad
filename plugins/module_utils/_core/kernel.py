# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What the kernel says below ``/proc`` (proc(5)), where no user can have put a file or a link.

Processes come and go while they are looked at, and those of others do not let themselves be seen: both is ``None``.
"""

from __future__ import annotations

import os
import typing as t

PROC: t.Final = "/proc"


def kernel_text(*parts: t.Union[str, int]) -> t.Optional[str]:
    """Return the text of a file of ``/proc``."""
    try:
        with open(_path(parts), "rb") as handle:
            return handle.read().decode("utf-8", "replace")
    except OSError:
        return None


def kernel_names(*parts: t.Union[str, int]) -> t.Optional[list[str]]:
    """Return the names in a directory of ``/proc``."""
    try:
        return os.listdir(_path(parts))
    except OSError:
        return None


def kernel_link(*parts: t.Union[str, int]) -> t.Optional[str]:
    """Return what a link of ``/proc`` says."""
    try:
        return os.readlink(_path(parts))
    except OSError:
        return None


def _path(parts: t.Sequence[t.Union[str, int]]) -> str:
    return "/".join((PROC, *map(str, parts)))
