# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Texts among the options that nothing can take: not the kernel as a path, not a server, and not the system's log."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping

from .errors import InvalidInput
from .spec import Options

_OPTION: t.Final[Mapping[str, t.Any]] = {}


def refuse_unusable(options: Options, params: t.Any, field: str = "") -> None:
    """Raise for a path with a NUL character, and for half of a surrogate pair in any text.

    Below the top a path may hold the octets of a file name that is not UTF-8, as Python spells them.
    """
    for name, value in params.items():
        place = f"{field}.{name}" if field else str(name)
        _look(options.get(name, _OPTION), value, place, bool(field))


def _look(option: Mapping[str, t.Any], value: t.Any, place: str, inner: bool) -> None:
    if isinstance(value, str):
        if not value.isascii() or "\0" in value:
            _judge(value, place, "path" in (option.get("type"), option.get("elements")), inner)
    elif isinstance(value, Mapping):
        if "options" in option:
            refuse_unusable(option["options"], value, place)
            return
        for name, entry in value.items():
            _look(_OPTION, str(name), place, inner)
            _look(_OPTION, entry, f"{place}.{name}", inner)
    elif isinstance(value, (list, tuple)):
        for at, entry in enumerate(value):
            _look(option, entry, f"{place}[{at}]", True)


def _judge(text: str, place: str, is_path: bool, inner: bool) -> None:
    if is_path and "\0" in text:
        raise InvalidInput("has a NUL character in it, which no path can have", field=place, remedy="Correct the path.")
    try:
        os.fsencode(text) if is_path and inner else text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            "has half of a surrogate pair in it, which UTF-8 cannot express",
            field=place.encode("ascii", "backslashreplace").decode(),
            remedy="Correct the text.",
        ) from None
