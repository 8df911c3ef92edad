# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What filters and tests are given: templates hand over any type, and no argument spec stands before them.

Each function raises :class:`InvalidInput` that names the argument.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..module_utils._core.errors import InvalidInput
from ..module_utils._core.normal import kind_of

#: A variable that ansible-vault encrypted, up to ansible-core 2.18; since then it is a text like any other.
VAULTED: t.Final = "AnsibleVaultEncryptedUnicode"


def text(value: t.Any, field: str | None) -> str:
    """Return a text of whole characters, which is one that UTF-8 can hold."""
    if type(value).__name__ == VAULTED:
        value = str(value)
    if not isinstance(value, str):
        raise InvalidInput(f"takes a text, not {kind_of(value)}", field=field, remedy="Give one text.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            "the text holds half of a surrogate pair", field=field, remedy="Give a text of whole characters."
        ) from None
    return value


def texts(value: t.Any, field: str) -> list[str]:
    """Return one text or a list of them as a list; nothing is an empty one."""
    if value is None or isinstance(value, str):
        return [] if value is None else [text(value, field)]
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise InvalidInput(
            f"takes a text or a list of texts, not {kind_of(value)}", field=field, remedy="Give a text or a list."
        )
    return [text(entry, field) for entry in value]


def mapping(value: t.Any, field: str | None) -> dict[str, t.Any]:
    """Return a mapping whose names are texts; nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"takes a mapping, not {kind_of(value)}", field=field, remedy="Give a mapping.")
    return {text(name, field): entry for name, entry in value.items()}
