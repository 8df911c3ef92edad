# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a transaction keeps of files that have no name yet: where they are, how they get their names, how they last."""

from __future__ import annotations

import contextlib
import ctypes
import os
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass

from .attributes import Attributes, FileFailure, named_failure
from .errors import TrustmeshError
from .places import Directory, Identity, directory, locate
from .reading import link_text
from .removal import remove_entry

# From here on one syncfs(2) is cheaper than an fsync(2) per file.
_FSYNC_ONE_BY_ONE = 8
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Place:
    """A name in a directory that was opened; thousands of them need no descriptor each."""

    path: str
    folder: str
    name: str
    identity: Identity

    @classmethod
    def of(cls, path: str) -> Place:
        folder, name = locate(path)
        return cls(path, folder.real, name, folder.identity)

    def open(self) -> Directory:
        """Open the directory again; raises :class:`FileFailure` when it is another one by now."""
        found = directory(self.folder)
        if found.identity != self.identity:
            raise FileFailure(
                "was replaced by another directory meanwhile",
                field=self.folder,
                remedy="See what else works there, and run again.",
            )
        return found

    def beside(self, name: str) -> Place:
        return Place(os.path.join(os.path.dirname(self.path), name), self.folder, name, self.identity)

    def remove(self) -> None:
        os.unlink(self.name, dir_fd=self.open().descriptor)


@dataclass(frozen=True)
class Move:
    """A finished file or link that gets its name by one rename, or, if ``fresh``, only where nothing has it."""

    temporary: str
    final: Place
    fresh: bool = False

    def take_effect(self) -> None:
        folder = self.final.open().descriptor
        if self.fresh:
            self._claim(folder)
        else:
            os.replace(self.temporary, self.final.name, src_dir_fd=folder, dst_dir_fd=folder)

    def _claim(self, folder: int) -> None:
        try:
            os.link(self.temporary, self.final.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise FileFailure("appeared meanwhile", field=self.final.path, remedy="Run again.") from None
        os.unlink(self.temporary, dir_fd=folder)


@dataclass(frozen=True)
class Removal:
    """Something that is obsolete, unless a link names it when the time comes."""

    place: Place
    unless_named_by: t.Optional[str] = None

    def take_effect(self) -> None:
        if self.unless_named_by is None or link_text(self.unless_named_by) != self.place.name:
            remove_entry(self.place.open(), self.place.name)


class Reservation:
    """A new file with its owner, its mode and room for its content, to be filled once the content is there.

    It is written through the descriptor that made it and never opened again by name.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path

    def make(self, room: bytes, attributes: Attributes) -> None:
        self._write(room)
        attributes.give(self._descriptor)

    def fill(self, content: bytes) -> None:
        """Write the content; what was reserved beyond it is given back."""
        with named_failure(self._path):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            self._write(content)
            os.ftruncate(self._descriptor, len(content))

    def flush(self) -> None:
        """Make the reserved room certain, also where a file system promises it late."""
        with named_failure(self._path):
            os.fsync(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def flush(places: t.Sequence[Place], *, with_files: bool) -> None:
    """Make files and their directories durable: each by itself when few, by file system when many."""
    folders = list({place.folder: place for place in places}.values())
    count = len(folders) + (len(places) if with_files else 0)
    if count > _FSYNC_ONE_BY_ONE and _flush_file_systems(folders):
        return
    for place in [*(places if with_files else ()), *(folder.beside(".") for folder in folders)]:
        with contextlib.suppress(OSError, TrustmeshError):  # durability is best effort, the move itself is not
            descriptor = os.open(
                place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.open().descriptor
            )
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _flush_file_systems(folders: Iterable[Place]) -> bool:
    """Call syncfs(2) once per file system; tell whether that worked."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return False
    done: set[int] = set()
    for place in folders:
        with contextlib.suppress(OSError, TrustmeshError):
            folder = place.open()
            if folder.identity[0] in done:
                continue
            done.add(folder.identity[0])
            descriptor = folder.opened()
            try:
                if syncfs(descriptor) != 0:
                    return False
            finally:
                os.close(descriptor)
    return True
