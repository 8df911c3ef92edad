# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The one room for files: everything that this collection reads, writes, locks or removes on a host goes through here.

*Reading* (:mod:`.reading`): :func:`read_file`, :func:`read_found`, :func:`open_file`, :func:`status`, :func:`exists`,
:func:`is_directory`, :func:`link_text`, :func:`entries`, :func:`walk`, :func:`refuse_irregular`. *Writing*:
:class:`FileTransaction` and, for one file, :func:`put_file`, :func:`reserve_file`, :func:`open_log`,
:func:`make_directory`, :func:`remove`. *Locking* (:mod:`.locks`): :func:`hold`. How a path is followed and what is
refused is said in :mod:`.places`.

A :class:`FileTransaction` collects groups of files. Each file is written under a temporary name in its own directory,
with owner and mode in place before the name becomes visible. One pass makes everything durable, then the names are
moved into place in the order in which they were staged, group by group. A process killed at any point leaves every
visible name either old or new and never partial; its temporary files are removed by the next transaction there.
"""

from __future__ import annotations

import contextlib
import os
import threading
import typing as t
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .attributes import (
    OPEN_DIRECTORY,
    Attributes,
    FileFailure,
    group_name,
    kind_of,
    named_failure,
    octal_mode,
    user_name,
)
from .errors import TrustmeshError
from .leftovers import remove_leftovers, temporary_name
from .locks import hold
from .places import Directory, Identity, locate, make_directory
from .reading import (
    LIMIT,
    Found,
    entries,
    exists,
    is_directory,
    link_text,
    open_file,
    open_log,
    read_file,
    read_found,
    refuse_irregular,
    status,
    walk,
)
from .removal import remove_entry
from .staging import NEW_FILE, Move, Place, Removal, Reservation, flush

__all__ = [
    "LIMIT",
    "OPEN_DIRECTORY",
    "Attributes",
    "FileFailure",
    "FileGroup",
    "FileTransaction",
    "Found",
    "Reservation",
    "entries",
    "exists",
    "group_name",
    "hold",
    "is_directory",
    "kind_of",
    "link_text",
    "make_directory",
    "named_failure",
    "octal_mode",
    "open_file",
    "open_log",
    "put_file",
    "read_file",
    "read_found",
    "refuse_irregular",
    "remove",
    "reserve_file",
    "status",
    "user_name",
    "walk",
]


@dataclass
class FileGroup:
    """Files that take effect together, in the order in which they are staged."""

    identity: str
    #: Called with a directory before the first temporary name is made in it.
    sweep: t.Callable[[Directory], None]
    #: What makes the staged names visible, in order.
    deeds: list[Move] = field(default_factory=list)
    #: Every file that has to be durable before the first name is moved.
    written: list[Place] = field(default_factory=list)
    #: Those of them that have their own name already; nothing refers to them before a name is moved.
    direct: list[Place] = field(default_factory=list)
    obsolete: list[Removal] = field(default_factory=list)
    #: Directories that this group made, and those that are there as far as it has looked.
    made: list[Place] = field(default_factory=list)
    directories: set[str] = field(default_factory=set)
    reservations: list[Reservation] = field(default_factory=list)
    begun: bool = False

    def directory(self, path: str, attributes: Attributes = OPEN_DIRECTORY) -> None:
        """Make a directory and its parents now; an empty directory is no half-written state."""
        if path in self.directories:
            return
        self.directories.add(path)
        with named_failure(path):
            fresh = not exists(path)
            make_directory(path, attributes)
            if fresh:
                self.made.append(Place.of(path))

    def write(self, path: str, content: bytes, attributes: Attributes) -> None:
        """Write a file that nothing refers to yet, directly under its name."""
        self.reserve(path, content, attributes).close()

    def reserve(self, path: str, room: bytes, attributes: Attributes) -> Reservation:
        """Make such a file and leave it open to be filled before the group is left; ``room`` is its content so far."""
        with named_failure(path):
            place = Place.of(path)
            reservation = self._new(place, path)
            self.direct.append(place)
            reservation.make(room, attributes)
            return reservation

    def put(self, path: str, content: bytes, attributes: Attributes, *, fresh: bool = False) -> None:
        """Stage a file that replaces ``path`` when the group takes effect; if ``fresh``, there must be none then."""
        self.put_reserved(path, content, attributes, fresh=fresh).close()

    def put_reserved(self, path: str, room: bytes, attributes: Attributes, *, fresh: bool = False) -> Reservation:
        """Stage such a file and leave it open to be filled before the group is left."""
        with named_failure(path):
            place, temporary = self._temporary(path, fresh)
            reservation = self._new(place.beside(temporary), path)
            reservation.make(room, attributes)
            return reservation

    def link(self, path: str, target: str) -> None:
        """Stage a symbolic link that replaces ``path`` when the group takes effect."""
        with named_failure(path):
            place, temporary = self._temporary(path)
            os.symlink(target, temporary, dir_fd=place.open().descriptor)

    def remove(self, path: str, *, unless_named_by: t.Optional[str] = None) -> None:
        """Remove a file, link or tree after everything else of the group took effect.

        With ``unless_named_by`` it stays when that link names it at that moment.
        """
        with named_failure(path), contextlib.suppress(FileNotFoundError):
            self.obsolete.append(Removal(Place.of(path), unless_named_by))

    def discard(self) -> None:
        """Drop what was staged and not moved.

        What was written under its own name goes as well unless a move has happened, which may refer to it.
        """
        self.close()
        doomed = [deed.final.beside(deed.temporary) for deed in self.deeds]
        if not self.begun:
            doomed += self.direct
        for place in doomed:
            with contextlib.suppress(OSError, TrustmeshError):
                place.remove()
        filled = {os.path.dirname(place.path) for place in self.direct}
        for place in self.made:
            if place.path in filled and not self.begun:
                with contextlib.suppress(OSError, TrustmeshError):
                    os.rmdir(place.name, dir_fd=place.open().descriptor)

    def close(self) -> None:
        """Close what was reserved."""
        for reservation in self.reservations:
            reservation.close()
        self.reservations.clear()

    def _temporary(self, path: str, fresh: bool = False) -> tuple[Place, str]:
        place = Place.of(path)
        self.sweep(place.open())
        temporary = temporary_name()
        self.deeds.append(Move(temporary, place, fresh))
        return place, temporary

    def _new(self, place: Place, path: str) -> Reservation:
        reservation = Reservation(os.open(place.name, NEW_FILE, 0o600, dir_fd=place.open().descriptor), path)
        self.written.append(place)
        self.reservations.append(reservation)
        return reservation

    def take_effect(self) -> None:
        """Make every staged name visible."""
        for deed in self.deeds:
            with named_failure(deed.final.path):
                deed.take_effect()
            self.begun = True

    def clean_up(self) -> None:
        """Remove what is obsolete."""
        for removal in self.obsolete:
            with named_failure(removal.place.path):
                removal.take_effect()


class FileTransaction:
    """Groups of files of a whole batch; see the module docstring."""

    def __init__(self) -> None:
        self._groups: list[FileGroup] = []
        self._swept: set[Identity] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def group(self, identity: str) -> Iterator[FileGroup]:
        """Collect the files of one item; if collecting fails, nothing of the item takes effect."""
        group = FileGroup(identity, self._sweep)
        try:
            yield group
        except BaseException:
            group.discard()
            raise
        group.close()
        with self._lock:
            self._groups.append(group)

    def _sweep(self, folder: Directory) -> None:
        with self._lock:
            fresh = folder.identity not in self._swept
            self._swept.add(folder.identity)
        if fresh:
            remove_leftovers(folder)

    def commit(self) -> dict[str, TrustmeshError]:
        """Make everything durable and visible; return failures by identity."""
        groups, self._groups = self._groups, []
        failures: dict[str, TrustmeshError] = {}
        flush([place for group in groups for place in group.written], with_files=True)
        self._each(groups, FileGroup.take_effect, failures)
        flush([deed.final for group in groups for deed in group.deeds], with_files=False)
        self._each(groups, FileGroup.clean_up, failures)
        return failures

    @staticmethod
    def _each(
        groups: Iterable[FileGroup], phase: t.Callable[[FileGroup], None], failures: dict[str, TrustmeshError]
    ) -> None:
        for group in groups:
            if group.identity not in failures:
                try:
                    phase(group)
                except TrustmeshError as error:
                    failures[group.identity] = error
                    group.discard()


def put_file(path: str, content: bytes, attributes: Attributes) -> None:
    """Replace one file by itself; raises :class:`TrustmeshError` and then leaves what was there."""
    transaction = FileTransaction()
    with transaction.group(path) as group:
        group.put(path, content, attributes)
    for failed in transaction.commit().values():
        raise failed


@contextlib.contextmanager
def reserve_file(path: str, size: int, attributes: Attributes) -> Iterator[t.Callable[[bytes], None]]:
    """Yield the function that writes a file of at most ``size`` bytes, once it is certain that it can be written.

    For content that exists only once: directory, owner, mode and disk space are settled before it is made.
    """
    transaction = FileTransaction()
    # The group clears up after any exception, the one that ends a generator included.
    with transaction.group(path) as group:  # pylint: disable=contextmanager-generator-missing-cleanup
        reservation = group.put_reserved(path, bytes(size), attributes)
        reservation.flush()
        yield reservation.fill
    for failed in transaction.commit().values():
        raise failed


def remove(path: str) -> bool:
    """Remove a file, link or tree now; tell whether there was one. Raises :class:`FileFailure`."""
    with named_failure(path):
        try:
            folder, name = locate(path)
            folder.stat(name)
        except FileNotFoundError:
            return False
        remove_entry(folder, name)
        return True
