# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Owners' names, which become names of files and paths of secrets."""

from __future__ import annotations

import re

from .._core.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
_LONGEST = 128
_PLACEHOLDER = "{name}"


def checked_name(name: str) -> str:
    """Return a name that is safe in a path, as it is: case means something; raises :class:`InvalidInput`."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise InvalidInput(
            f"{name!r} cannot name files",
            field="name",
            remedy=f"Use at most {_LONGEST} letters, digits, dots, dashes, underscores and @, no dot first.",
        )
    return name


def filled(template: str, name: str, field: str) -> str:
    """Return a template with the owner's name in it; raises :class:`InvalidInput` where it has no place for it."""
    if _PLACEHOLDER not in template:
        raise InvalidInput(
            f"{template!r} would be the same for every owner", field=field, remedy=f"Put {_PLACEHOLDER} into it."
        )
    return template.replace(_PLACEHOLDER, name)
