# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Which files a path, a directory or a glob stands for."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import typing as t
from collections.abc import Iterator, Sequence

from .._core.files import FileFailure
from .._core.reading import entries, exists, is_directory, walk


def expand(path: str, exclude: Sequence[str]) -> list[str]:
    """Return the files that a path stands for: itself, those below a directory, or those that match a pattern.

    Links to directories below a directory are not entered; raises :class:`FileFailure` for what cannot be listed.
    """
    found: list[str] = []
    for place in sorted(_matching("/", path.lstrip("/").split("/"))) if _has_magic(path) else [path]:
        if _is_directory(place):
            found += sorted(_files_below(place))
        elif exists(place):
            found.append(place)
    excluded = path_pattern(exclude)
    return [file for file in dict.fromkeys(found) if excluded is None or not excluded.fullmatch(file)]


def _has_magic(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _files_below(place: str) -> Iterator[str]:
    for path, status in walk(place):
        is_link = stat.S_ISLNK(status.st_mode)
        if not stat.S_ISDIR(status.st_mode) and not (is_link and _is_directory(path)):
            yield path


def _is_directory(path: str) -> bool:
    try:
        return is_directory(path)
    except FileFailure:  # a link that is not followed is refused when it is opened
        return False


def _matching(base: str, parts: Sequence[str]) -> Iterator[str]:
    """Yield what matches the parts of a pattern below a directory, as a shell does: ``**`` for any directories."""
    if not parts:
        yield base
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _matching(base, rest)
        if not rest:
            yield from (path for path, _status in walk(base) if not os.path.basename(path).startswith("."))
            return
        for path, status in walk(base):
            if stat.S_ISDIR(status.st_mode) and not os.path.basename(path).startswith("."):
                yield from _matching(path, rest)
    elif not _has_magic(part):
        yield from _matching(os.path.join(base, part), rest) if exists(os.path.join(base, part)) else ()
    elif _is_directory(base):
        for name in fnmatch.filter(entries(base) or (), part):
            if part.startswith(".") or not name.startswith("."):
                yield from _matching(os.path.join(base, name), rest)


def path_pattern(globs: Sequence[str]) -> t.Optional[t.Pattern[str]]:
    """Return a pattern for the paths that any of some globs means; ``None`` for no globs.

    ``*`` stands for any text and ``?`` for any character; a glob without a slash means a name in any directory.
    """
    return re.compile("|".join(_glob_pattern(entry) for entry in globs), re.DOTALL) if globs else None


def _glob_pattern(entry: str) -> str:
    # Stars side by side would be tried in every combination.
    inner = "".join(
        ".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.sub(r"\*+", "*", entry)
    )
    return f"(?:{inner})" if "/" in entry else f"(?:.*/)?(?:{inner})"
