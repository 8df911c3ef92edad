# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Change one value of a JSON document into another of the same shape: pure.

A service that looks at the shape of a body first would refuse any other change for its shape, and nothing would be
learnt about whether it looks at the signature.
"""

from __future__ import annotations

import re
import typing as t

Path = tuple[t.Union[str, int], ...]

_NUMERAL: t.Final = re.compile(r"[0-9]+([.][0-9]+)?")
#: Beyond it, adding one to a number of ECMAScript may change nothing.
_EXACT: t.Final = 2**53


def tampered(data: t.Any) -> t.Any:
    """Return a copy of a document with one value changed.

    It is the first that reads as a number, as amounts do, else the first number, text or truth value; a document with
    none of them gets a member, or an entry, more.
    """
    leaves = list(_leaves(data, ()))
    for change in (_numeral, _number, _text, _truth):
        for path, value in leaves:
            changed = change(value)
            if changed is not None:
                return _replaced(data, path, changed)
    return [*data, True] if isinstance(data, list) else {**data, "tampered": True}


def _leaves(data: t.Any, path: Path) -> t.Iterator[tuple[Path, t.Any]]:
    if isinstance(data, dict):
        for name in data:
            yield from _leaves(data[name], (*path, name))
    elif isinstance(data, list):
        for at, entry in enumerate(data):
            yield from _leaves(entry, (*path, at))
    else:
        yield path, data


def _replaced(data: t.Any, path: Path, value: t.Any) -> t.Any:
    if not path:
        return value
    copy: t.Any = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = _replaced(data[path[0]], path[1:], value)
    return copy


def _numeral(value: t.Any) -> str | None:
    """Change the last digit into another one that is not zero: an amount has none at its end (API definition, 7.3)."""
    if not isinstance(value, str) or not _NUMERAL.fullmatch(value):
        return None
    return value[:-1] + _next(value[-1])


def _number(value: t.Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if abs(value) > _EXACT:
        return value / 2
    return value - 1 if value >= 1 else value + 1


def _text(value: t.Any) -> str | None:
    """Change the last letter or digit into another of its kind, so that what reads as hexadecimal still does."""
    if not isinstance(value, str):
        return None
    for at in range(len(value) - 1, -1, -1):
        if value[at].isascii() and value[at].isalnum():
            return value[:at] + _next(value[at]) + value[at + 1 :]
    return f"{value}a"


def _truth(value: t.Any) -> bool | None:
    return None if not isinstance(value, bool) else not value


def _next(character: str) -> str:
    if character.isdigit():
        return str(int(character) % 9 + 1)
    first = "a" if character.islower() else "A"
    return first if character != first else chr(ord(first) + 1)
