# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Environment files, as systemd and shells read them (systemd.exec(5), EnvironmentFile=)."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from .._core.errors import InvalidInput

NAME: t.Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE: t.Final = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=
        (?P<value>(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\]|[ \t](?=[^\s#]))*)[^\n]*(?:\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_PART: t.Final = re.compile(
    r""""(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|\\(?P<escaped>.)|(?P<bare>[^"'\\]+)""", re.DOTALL
)
_PLAIN: t.Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables of a file; of a variable that is set twice, the last value, as readers do."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LINE.match(text, at)
        if match is None:
            at = text.find("\n", at) + 1 or len(text)
            continue
        found[match.group("name")] = "".join(_unquoted(part) for part in _PART.finditer(match.group("value")))
        at = match.end()
    return found


def _unquoted(part: t.Match[str]) -> str:
    if part.group("double") is not None:
        return re.sub(r"\\(.)", _escape, part.group("double"), flags=re.DOTALL)
    return next(
        value for value in (part.group("single"), part.group("escaped"), part.group("bare")) if value is not None
    )


def _escape(match: t.Match[str]) -> str:
    """In double quotes a backslash means something before these alone, and joins lines before a line end."""
    character = match.group(1)
    return character if character in '"\\`$' else "" if character == "\n" else match.group()


def render_environment(variables: Mapping[str, str]) -> str:
    """Return a file that systemd, shells and container engines read alike; raises :class:`InvalidInput`.

    Values are written bare where that is safe. Container engines take quotation marks for part of a value, so that
    others are quoted for systemd and shells alone.
    """
    lines = []
    for name, value in variables.items():
        if not NAME.fullmatch(name):
            raise InvalidInput(f"{name!r} is no name of a variable", field="variables")
        if "\0" in value or "\n" in value or "\r" in value:
            raise InvalidInput(
                "has a value of several lines, which readers of environment files take differently",
                field=name,
                remedy="Keep it in a file of its own, for example as a credential of systemd.",
            )
        quoted = value if _PLAIN.fullmatch(value) else '"' + re.sub(r'(["\\`$])', r"\\\1", value) + '"'
        lines.append(f"{name}={quoted}\n")
    return "".join(lines)
