# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Files that only one item of a call may write, whatever they are called.

A file is known by the directory that it lies in and its name there; a directory by its device and inode, which ``..``,
links and bind mounts do not change. Of a directory that is yet to be made, the nearest one above it counts, and the
rest of the path. A file with two hard links is two files: each is replaced under its own name.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterable

from .errors import InvalidInput
from .places import Identity, identity_of
from .resource import Resource

#: A directory that exists, and the rest of a path below it; without one the path as it is.
Lasting = tuple[t.Optional[Identity], str]
#: Who writes a file: the item, the option that names the file, and its path.
_Writer = tuple[Resource[t.Any], str, str]


class Directories:
    """What directories are, whatever they are called; each path is looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, Lasting] = {}

    def lasting(self, path: str) -> Lasting:
        """Return what a directory is; nothing that keeps it from being looked at is an error here."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = self._look(path)
        return found

    def _look(self, path: str) -> Lasting:
        try:
            return identity_of(os.stat(path or ".")), ""
        except (OSError, ValueError):
            above, name = os.path.split(path.rstrip("/"))
        if not name:
            return None, path
        identity, rest = self.lasting(above)
        if name == "..":
            return identity, rest.rpartition("/")[0]
        return identity, rest if name == "." else f"{rest}/{name}"


def refuse_shared_files(resources: Iterable[Resource[t.Any]]) -> None:
    """Raise :class:`InvalidInput` when two items, or two options of one, name the same file.

    What one of them wrote the other would write over, in this run and in every later one.
    """
    directories = Directories()
    writers: dict[tuple[Lasting, str], _Writer] = {}
    for resource in resources:
        for option, path in resource.own_files:
            above, name = os.path.split(path)
            writer = (resource, option, path)
            first = writers.setdefault((directories.lasting(above), name), writer)
            if first is not writer:
                raise _shared(first, writer)


def _shared(first: _Writer, second: _Writer) -> InvalidInput:
    (one, option, path), (other, other_option, other_path) = first, second
    if one is not other:
        both = f"{option} of {one.identity} and {other_option} of {other.identity}"
    elif option != other_option:
        both = f"{one.identity}: {option} and {other_option}"
    else:
        both = f"{one.identity}: two files of {option}"
    paths = path if path == other_path else f"{path} and {other_path}"
    return InvalidInput(f"{both} are the same file, {paths}", remedy="Give each a file of its own, or keep one.")
