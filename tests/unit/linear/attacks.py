# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that a pattern may read in more than linear time, made from the pattern itself.

Such a text repeats what one of the pattern's repetitions takes, after what has to stand before it, and ends with
something that does not fit; or it repeats the beginning of a match again and again.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

try:
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # before Python 3.11
    import sre_constants as sre  # type: ignore[no-redef]
    import sre_parse as parser  # type: ignore[no-redef]

_CLASSES: t.Final = {"CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " ", "CATEGORY_NOT_SPACE": "a",
                     "CATEGORY_NOT_DIGIT": "a", "CATEGORY_NOT_WORD": "-"}  # fmt: skip
#: What may stand between two beginnings of a match, so that a new word begins.
_JOINTS: t.Final = ("-", " ", "_", ".", "/", ":", "=", '"', "'", "\\", "\n", "a")
_REPEATS: t.Final = tuple(getattr(sre, name) for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
                          if hasattr(sre, name))  # fmt: skip


def texts(pattern: t.Pattern[t.Any], size: int) -> list[t.Any]:
    """Return hostile texts of about ``size`` characters, or bytes for a pattern of bytes."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = parser.parse(source, pattern.flags & ~re.DEBUG & ~re.UNICODE & ~re.LOCALE)
    whole = _sample(tree)
    made: dict[str, None] = {}
    for prefix, body in _repetitions(tree, ""):
        for pump in {body, body[:1], body[-1:]} - {""}:
            for end in ("\0", "\n!", whole):
                made[prefix + pump * (size // len(pump)) + end] = None
        for joint in ("", *_JOINTS):
            for part in filter(None, (joint + prefix + body, joint + prefix)):
                made[part * (size // len(part)) + "\0"] = None
    for cut in range(1, len(whole) + 1):
        made[whole[:cut] * (size // cut) + "\0"] = None
    limited = [text[: size * 2] for text in made]
    return [text.encode("latin-1", "replace") for text in limited] if isinstance(pattern.pattern, bytes) else limited


def _sample(tree: t.Any) -> str:
    return "".join(_sample_of(operation, argument) for operation, argument in tree)


def _sample_of(operation: t.Any, argument: t.Any) -> str:
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.NOT_LITERAL:
        return "b" if argument == ord("a") else "a"
    if operation is sre.ANY:
        return "a"
    if operation is sre.IN:
        return _member(argument)
    if operation in _REPEATS:
        return _sample(argument[2]) * max(argument[0], 1 if argument[1] else 0)
    if operation is sre.SUBPATTERN:
        return _sample(argument[-1])
    if operation is sre.BRANCH:
        return _sample(argument[1][0])
    return ""


def _member(entries: t.Any) -> str:
    if entries[0][0] is sre.NEGATE:
        refused = re.compile("[" + "".join(_spelled(entry) for entry in entries[1:]) + "]", re.DOTALL)
        return next((each for each in "a1 -=.,:!" if not refused.match(each)), "\x7f")
    operation, argument = entries[0]
    if operation is sre.RANGE:
        return chr(argument[0])
    return _CLASSES.get(str(argument), "a") if operation is sre.CATEGORY else chr(argument)


def _spelled(entry: t.Any) -> str:
    operation, argument = entry
    if operation is sre.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    if operation is sre.CATEGORY:
        short = {
            "DIGIT": "\\d",
            "WORD": "\\w",
            "SPACE": "\\s",
            "NOT_DIGIT": "\\D",
            "NOT_WORD": "\\W",
            "NOT_SPACE": "\\S",
        }
        return short[str(argument).replace("CATEGORY_", "")]
    return re.escape(chr(argument))


def _repetitions(tree: t.Any, before: str) -> Iterator[tuple[str, str]]:
    """Yield, for every repetition without a small bound, what has to stand before it and what it takes."""
    for operation, argument in tree:
        if operation in _REPEATS:
            if argument[1] is sre.MAXREPEAT or argument[1] > 50:
                yield before, _sample(argument[2])
            yield from _repetitions(argument[2], before)
        elif operation is sre.SUBPATTERN:
            yield from _repetitions(argument[-1], before)
        elif operation is sre.BRANCH:
            for branch in argument[1]:
                yield from _repetitions(branch, before)
        before += _sample_of(operation, argument)
