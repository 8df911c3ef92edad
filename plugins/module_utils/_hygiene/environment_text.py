# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Environment files that each of their readers reads alike."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from .._core.errors import InvalidInput
from .environment_readers import NAME, READERS, View

#: Who reads a file when nothing is said.
DEFAULT_READERS: t.Final = ("systemd",)

_PLAIN: t.Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
#: Longest variable that Linux hands to a program, in octets, with the sign between and the octet at the end.
_LONGEST: t.Final = 128 * 1024


def view_environment(text: str, readers: Sequence[str], declared: Mapping[str, str]) -> View:
    """Return what programs find in a file. Where readers disagree, what one sees that was not declared."""
    views = [READERS[reader][1](text) for reader in readers]
    found: View = {}
    for name in dict.fromkeys(name for view in views for name in view):
        wanted = declared.get(name)
        seen = [(name in view, view.get(name)) for view in views]
        there, value = next((it for it in seen if it != (name in declared, wanted)), (True, wanted))
        if there:
            found[name] = value
    return found


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables of a file of which nobody says who reads it, as far as a value can be foreseen."""
    found = {**READERS["systemd"][1](text)}
    found.update({name: value for name, value in READERS["shell"][1](text).items() if value is not None})
    return {name: value for name, value in found.items() if value is not None}


def render_environment(variables: Mapping[str, str], readers: Sequence[str] = DEFAULT_READERS) -> str:
    """Return a file in which each reader finds these values; raises :class:`InvalidInput` where none can be written."""
    return "".join(_rendered(name, value, readers) for name, value in variables.items())


def _rendered(name: str, value: str, readers: Sequence[str]) -> str:
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is not a name of a variable", field="variables")
    _refuse_anywhere(name, value)
    for spelling in _spellings(value):
        line = f"{name}={spelling}\n"
        if all(READERS[reader][1](line) == {name: value} for reader in readers):
            return line
    raise InvalidInput(_why(name, value, readers), field=name, remedy=_REMEDY)


_REMEDY: t.Final = (
    "Hand it over as a file of its own (systemd_credential, container_secret), choose another value, or name only the"
    " reader that the file really has in readers."
)


def _refuse_anywhere(name: str, value: str) -> None:
    if "\0" in value or "\n" in value or "\r" in value:
        raise InvalidInput(
            "has a value of several lines, which readers of environment files take differently",
            field=name,
            remedy="Keep it in a file of its own, for example as a credential of systemd.",
        )
    try:
        length = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise InvalidInput(
            "has half of a surrogate pair in its value, which UTF-8 cannot express",
            field=name,
            remedy="Give text, or the value in base64.",
        ) from None
    if len(name) + length + 2 > _LONGEST:
        raise InvalidInput(
            f"has a value of {length} octets, and Linux hands at most {_LONGEST} to a program, its name included",
            field=name,
            remedy="Keep it in a file of its own, for example as a credential of systemd.",
        )


def _spellings(value: str) -> Iterator[str]:
    """Return ways to write a value: bare where that is safe everywhere, else quoted before bare."""
    if not _PLAIN.fullmatch(value):
        yield '"' + re.sub(r'(["\\`$])', r"\\\1", value) + '"'
    yield value


def _why(name: str, value: str, readers: Sequence[str]) -> str:
    """Say which reader takes the value in no spelling; otherwise that they agree on none."""
    for reader in readers:
        words, read = READERS[reader]
        if all(read(f"{name}={spelling}\n") != {name: value} for spelling in _spellings(value)):
            return f"would not reach the program as declared, because {words} reads it otherwise or drops it"
    words = " and ".join(READERS[reader][0] for reader in readers)
    return f"has no spelling that {words} read alike"
