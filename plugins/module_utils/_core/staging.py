# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a transaction keeps of files that have no name yet: where they are, how they get their names, how they last."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import threading
import typing as t
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .attributes import Attributes, FileFailure, named_failure
from .errors import TrustmeshError
from .leftovers import remove_leftovers
from .obstacles import refuse_protected
from .places import Directory, Identity, change, directory, locate, make_directory, open_in
from .reading import link_of
from .removal import remove_entry

# From here on one syncfs(2) is cheaper than an fsync(2) per file.
_FSYNC_ONE_BY_ONE = 8
_RENAME_NOREPLACE: t.Final = 1
_TO_FLUSH = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


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

    @classmethod
    def within(cls, folder: Directory, name: str) -> Place:
        return cls(f"{folder.real}/{name}", folder.real, name, folder.identity)

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


#: A path, or a directory that the caller has opened and judged by itself with a name in it.
Where = t.Union[str, tuple[Directory, str]]


def settled(where: Where) -> tuple[Place, Directory]:
    """Return the place that is meant and its open directory."""
    if isinstance(where, str):
        folder, name = locate(where)
        return Place(where, folder.real, name, folder.identity), folder
    return Place.within(*where), where[0]


def shown(where: Where) -> str:
    """Return the path that a message names."""
    return where if isinstance(where, str) else f"{where[0].real}/{where[1]}"


@dataclass(frozen=True)
class Move:
    """A finished file, link or directory that gets its name by one rename, if ``fresh`` only where nothing has it."""

    temporary: str
    final: Place
    fresh: bool

    def take_effect(self, folder: Directory) -> None:
        if self.fresh:
            self._claim(folder.descriptor)
        else:
            os.replace(self.temporary, self.final.name, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)

    def _claim(self, folder: int) -> None:
        try:
            if _renamed_to_new(folder, self.temporary, self.final.name):
                return
            os.link(self.temporary, self.final.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise FileFailure("appeared meanwhile", field=self.final.path, remedy="Run again.") from None
        os.unlink(self.temporary, dir_fd=folder)


def _renamed_to_new(folder: int, old: str, new: str) -> bool:
    """Rename unless the new name is taken, in one step, so that no kill leaves both names; ``False`` where none can.

    Raises ``FileExistsError``.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    if rename(folder, os.fsencode(old), folder, os.fsencode(new), ctypes.c_uint(_RENAME_NOREPLACE)) == 0:
        return True
    if ctypes.get_errno() == errno.EEXIST:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    return False


@dataclass(frozen=True)
class Removal:
    """Something that is obsolete, unless a link names it (or what it lies in) when the time comes."""

    place: Place
    link: t.Optional[Place] = None
    name: str = ""

    def take_effect(self) -> None:
        if self.link is None or link_of(self.link.open(), self.link.name) != self.name:
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
        if descriptor != -1:
            os.close(descriptor)

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


class Tree:
    """A new directory under a temporary name, with the files that are written into it."""

    def __init__(self, parent: Directory, temporary: str, attributes: Attributes, files: Files, final: str) -> None:
        #: The path that it will have, for messages.
        self._final = final
        os.mkdir(temporary, 0o700, dir_fd=parent.descriptor)
        self._folder = parent.enter(temporary)
        self._files = files
        if self._folder.status.st_uid != os.geteuid():
            raise FileFailure(
                "was exchanged while it was made", field=self._folder.real, remedy="See who writes in the directory."
            )
        self._names: list[str] = []
        change(self._folder, attributes)

    def discard(self) -> None:
        """Remove what was written, through the descriptor at hand: there may be none to be had."""
        for name in self._names:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._folder.descriptor)

    def write(self, name: str, content: bytes, attributes: Attributes) -> None:
        """Write a file."""
        self.reserve(name, content, attributes).close()

    def reserve(self, name: str, room: bytes, attributes: Attributes) -> Reservation:
        """Make a file and leave it open to be filled before the group is left; ``room`` is its content so far."""
        place = Place.within(self._folder, name)
        path = f"{self._final}/{name}"
        self._names.append(name)
        with named_failure(path):
            return self._files.new(place, self._folder, path, room, attributes)


class Files:
    """The files that a group has written, and those of them that are still open."""

    def __init__(self) -> None:
        self.written: list[Place] = []
        self._open: list[Reservation] = []

    def new(self, place: Place, folder: Directory, path: str, room: bytes, attributes: Attributes) -> Reservation:
        descriptor = open_in(folder, place.name, NEW_FILE)
        reservation = Reservation(descriptor, path)
        self._open.append(reservation)
        self.written.append(place)
        reservation.make(room, attributes)
        return reservation

    def close(self) -> None:
        """Close what was reserved."""
        for reservation in self._open:
            reservation.close()
        self._open.clear()


class Grounds:
    """The directories that the groups of a transaction work in.

    One that was made for a group which failed is removed again, unless another group works in it or below.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: How many groups work in a directory or below it.
        self._workers: Counter[str] = Counter()
        self._made: set[str] = set()
        self._swept: set[Identity] = set()

    def make(self, path: str, attributes: Attributes) -> None:
        """Make a directory with its parents where it is missing, and note that a group works in it."""
        with self._lock, named_failure(path):
            self._workers.update(_upwards(path))
            make_directory(path, attributes, self._made)

    def leave(self, paths: Iterable[str]) -> None:
        """Note that a group works in these no longer, and remove what was made for it alone."""
        with self._lock:
            idle: set[str] = set()
            for path in paths:
                for at in _upwards(path):
                    self._workers[at] -= 1
                    if self._workers[at] <= 0:
                        idle.add(at)
            for made in sorted(idle & self._made, reverse=True):
                self._made.remove(made)
                with contextlib.suppress(OSError, TrustmeshError):
                    folder, name = locate(made)
                    os.rmdir(name, dir_fd=folder.descriptor)

    def sweep(self, folder: Directory) -> None:
        """Remove what killed processes left in a directory, the first time that something is staged there."""
        with self._lock:
            fresh = folder.identity not in self._swept
            self._swept.add(folder.identity)
        if fresh:
            refuse_protected(folder.descriptor, folder.real)
            remove_leftovers(folder)


def _upwards(path: str) -> t.Iterator[str]:
    """Yield a path and those of the directories above it."""
    yield path
    above = os.path.dirname(path)
    while above != path:
        yield above
        path, above = above, os.path.dirname(above)


def flush(places: t.Sequence[Place], *, with_files: bool) -> None:
    """Make files and their directories durable: each by itself when few, by file system when many."""
    folders = list({place.folder: place for place in places}.values())
    count = len(folders) + (len(places) if with_files else 0)
    if count > _FSYNC_ONE_BY_ONE and _flush_file_systems(folders):
        return
    for place in [*(places if with_files else ()), *(replace(place, name=".") for place in folders)]:
        with contextlib.suppress(OSError, TrustmeshError):  # durability is best effort, the move itself is not
            descriptor = open_in(place.open(), place.name, _TO_FLUSH)
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
        if place.identity[0] in done:
            continue
        with contextlib.suppress(OSError, TrustmeshError):
            descriptor = place.open().opened()
            done.add(place.identity[0])
            try:
                if syncfs(descriptor) != 0:
                    return False
            finally:
                os.close(descriptor)
    return True
