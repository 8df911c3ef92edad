# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The one room for files: everything that this collection reads, writes, locks or removes on a host goes through here.

*Reading* (:mod:`.reading`): :func:`read_file`, :func:`read_found`, :func:`open_file`, :func:`status`, :func:`exists`,
:func:`is_directory`, :func:`link_text`, :func:`entries`, :func:`walk`. *Writing*: :class:`FileTransaction` and, for one
file, :func:`put_file`, :func:`reserve_file`, :func:`open_to_append`, :func:`make_directory`, :func:`remove`. *Locking*
(:mod:`.locks`): :func:`hold`. How a path is followed and what is refused is said in :mod:`.places`.

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
from .leftovers import temporary_name
from .locks import hold
from .obstacles import refuse_obstacles
from .places import Directory, locate, make_directory
from .reading import (
    LIMIT,
    Found,
    entries,
    exists,
    is_directory,
    link_text,
    open_file,
    open_to_append,
    read_file,
    read_found,
    status,
    walk,
)
from .removal import remove_entry
from .staging import Files, Grounds, Move, Place, Removal, Reservation, Tree, Where, flush, settled, shown

__all__ = [
    "LIMIT",
    "OPEN_DIRECTORY",
    "Attributes",
    "FileFailure",
    "FileGroup",
    "FileTransaction",
    "Found",
    "Place",
    "Reservation",
    "Tree",
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
    "open_to_append",
    "put_file",
    "read_file",
    "read_found",
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
    grounds: Grounds
    #: What makes the staged names visible, in order.
    moves: list[Move] = field(default_factory=list)
    files: Files = field(default_factory=Files)
    obsolete: list[Removal] = field(default_factory=list)
    #: Directories that this group works in.
    directories: set[str] = field(default_factory=set)
    #: What is open while the group is collected, so that it can be cleared up where nothing more can be opened.
    folders: dict[str, Directory] = field(default_factory=dict)
    trees: list[Tree] = field(default_factory=list)

    def directory(self, path: str, attributes: Attributes = OPEN_DIRECTORY) -> None:
        """Make a directory and its parents now; an empty directory is no half-written state."""
        if path not in self.directories:
            self.directories.add(path)
            self.grounds.make(path, attributes)

    def tree(self, where: Where, attributes: Attributes = OPEN_DIRECTORY) -> Tree:
        """Stage a new directory, to be filled before the group is left; nothing may be under its name yet."""
        with self._temporary(where) as (folder, temporary):
            self.trees.append(Tree(folder, temporary, attributes, self.files, self.moves[-1].final.path))
            return self.trees[-1]

    def put(self, where: Where, content: bytes, attributes: Attributes, *, fresh: bool = False) -> None:
        """Stage a file that replaces what is there when the group takes effect; if ``fresh``, nothing may be there."""
        self.reserve(where, content, attributes, fresh=fresh).close()

    def reserve(self, where: Where, room: bytes, attributes: Attributes, *, fresh: bool = False) -> Reservation:
        """Stage such a file and leave it open to be filled before the group is left; ``room`` is what it holds."""
        with self._temporary(where, fresh) as (folder, temporary):
            place = Place.within(folder, temporary)
            return self.files.new(place, folder, self.moves[-1].final.path, room, attributes)

    def link(self, where: Where, target: str) -> None:
        """Stage a symbolic link that replaces what is there when the group takes effect."""
        with self._temporary(where) as (folder, temporary):
            os.symlink(target, temporary, dir_fd=folder.descriptor)

    def remove(self, where: Where, *, unless: t.Optional[Place] = None, named: str = "") -> None:
        """Remove a file, link or tree after everything else of the group took effect.

        It stays when the link ``unless`` says ``named`` at that moment.
        """
        with named_failure(shown(where)), contextlib.suppress(FileNotFoundError):
            self.obsolete.append(Removal(settled(where)[0], unless, named))

    def collected(self) -> None:
        """Close what was open to collect the group; thousands of groups may wait to take effect."""
        self.files.close()
        self.folders.clear()
        self.trees.clear()

    def discard(self) -> None:
        """Drop what was staged and not moved."""
        self.files.close()
        for tree in self.trees:
            tree.discard()
        for move in self.moves:
            with contextlib.suppress(OSError, TrustmeshError):
                remove_entry(self.folders.get(move.final.folder) or move.final.open(), move.temporary)
        self.collected()
        self.grounds.leave(self.directories)
        self.directories.clear()

    @contextlib.contextmanager
    def _temporary(self, where: Where, fresh: bool = False) -> Iterator[tuple[Directory, str]]:
        """Note a new name that will be moved to ``where``, and yield it with the directory it belongs in."""
        with named_failure(shown(where)):
            place, folder = settled(where)
            refuse_obstacles(folder.descriptor, place.name, place.path)
            temporary = temporary_name()
            self.grounds.sweep(folder)
            self.moves.append(Move(temporary, place, fresh))
            self.folders[place.folder] = folder
            yield folder, temporary

    def take_effect(self) -> None:
        """Make every staged name visible."""
        folders: dict[str, Directory] = {}
        for move in self.moves:
            with named_failure(move.final.path):
                if move.final.folder not in folders:
                    folders[move.final.folder] = move.final.open()
                move.take_effect(folders[move.final.folder])

    def clean_up(self) -> None:
        """Remove what is obsolete."""
        for removal in self.obsolete:
            with named_failure(removal.place.path):
                removal.take_effect()


class FileTransaction:
    """Groups of files of a whole batch; see the module docstring."""

    def __init__(self) -> None:
        self._groups: list[FileGroup] = []
        self._grounds = Grounds()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def group(self, identity: str) -> Iterator[FileGroup]:
        """Collect the files of one item; if collecting fails, nothing of the item takes effect."""
        group = FileGroup(identity, self._grounds)
        try:
            yield group
        except BaseException:
            group.discard()
            raise
        group.collected()
        with self._lock:
            self._groups.append(group)

    def commit(self) -> dict[str, TrustmeshError]:
        """Make everything durable and visible; return failures by identity."""
        groups, self._groups = self._groups, []
        failures: dict[str, TrustmeshError] = {}
        flush([place for group in groups for place in group.files.written], with_files=True)
        self._each(groups, FileGroup.take_effect, failures)
        flush([move.final for group in groups for move in group.moves], with_files=False)
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
        reservation = group.reserve(path, bytes(size), attributes)
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
