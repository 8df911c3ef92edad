# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One look at the files of a certificate, by descriptors; what may not be read is refused here and nowhere else.

A published path is either our own link, word for word, and then its content is that of the generation in force; or it
is *foreign*, and read by the rules of :mod:`.._core.places`.
"""

from __future__ import annotations

import os
import stat
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._core.files import Found, named_failure, read_found, user_name
from .._core.leftovers import leftovers
from .._core.places import Directory, directory
from .._core.reading import link_of, names_in, read_entry
from .._core.store import Fault, passable
from .layout import STORED, Layout

PREFIX: t.Final = "g-"


@dataclass(frozen=True)
class Look:
    """What there is. It holds directories open, so that it is not kept for longer than an item is worked on."""

    #: The directory of the certificate in the store.
    item: t.Optional[Directory]
    #: The name of the generation in force.
    used: t.Optional[str]
    #: The files of that generation, by their role; those that exist.
    stored: Mapping[str, Found]
    #: What others left at the published paths, by role; ``None`` for a link that leads nowhere.
    foreign: Mapping[str, t.Optional[Found]]
    #: The roles whose published path is our link.
    linked: frozenset[str]
    #: The roles that have nothing at their published path.
    missing: frozenset[str]
    #: The generations in the store, oldest first.
    generations: tuple[str, ...]
    #: What killed runs left there unfinished.
    leftovers: tuple[str, ...]
    #: Directories of the store that are not as they should be.
    faults: tuple[Fault, ...]
    #: Sentences on directories outside the store that keep the declared owner from its files.
    obstacles: tuple[str, ...]

    @property
    def contents(self) -> dict[str, bytes]:
        """The files by their role, what is published before what is stored."""
        found = {role: file for role, file in {**self.stored, **self.foreign}.items() if file is not None}
        return {role: found[role].content for role in STORED if role in found}

    @property
    def nothing(self) -> bool:
        """Whether no file of the certificate exists."""
        return not self.stored and not self.foreign and not self.linked


def look(layout: Layout) -> Look:
    """Return what there is; raises :class:`FileFailure` for what is not used."""
    item = layout.home.item(layout.name)
    used, folder = None, None
    generations: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    if item is not None:
        used, folder = layout.home.in_force(item)
        names = names_in(item)
        generations = tuple(name for name in names if name.startswith(PREFIX))
        left = tuple(leftovers(item, names))
    stored = _files(folder) if folder is not None else {}
    foreign, missing, folders = _published(layout)
    own = [place for place in (item and item.parent, item, folder) if place is not None]
    return Look(
        item,
        used,
        stored,
        foreign,
        frozenset(layout.published) - missing - frozenset(foreign),
        missing,
        generations,
        left,
        tuple(layout.home.faults(own)),
        tuple(_obstacles(layout, folders)),
    )


def _files(folder: Directory) -> dict[str, Found]:
    found = ((role, read_entry(folder, name)) for role, name in STORED.items())
    return {role: file for role, file in found if file is not None}


def _published(layout: Layout) -> tuple[dict[str, t.Optional[Found]], frozenset[str], list[Directory]]:
    foreign: dict[str, t.Optional[Found]] = {}
    missing = []
    folders: dict[str, t.Optional[Directory]] = {}
    for role, path in layout.published.items():
        above, name = os.path.split(path)
        if above not in folders:
            folders[above] = _opened(above)
        folder = folders[above]
        text = None if folder is None else link_of(folder, name)
        if text == layout.link_targets[role]:
            continue
        if folder is None or (text is None and not _is_there(folder, name)):
            missing.append(role)
        else:
            foreign[role] = read_found(path)
    return foreign, frozenset(missing), [folder for folder in folders.values() if folder is not None]


def _opened(path: str) -> t.Optional[Directory]:
    with named_failure(path):
        try:
            return directory(path)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _is_there(folder: Directory, name: str) -> bool:
    try:
        folder.stat(name)
    except FileNotFoundError:
        return False
    return True


def _obstacles(layout: Layout, folders: t.Sequence[Directory]) -> Iterator[str]:
    owner = layout.attributes["key"]
    if owner.uid in (None, 0):
        return
    seen = set()
    for folder in folders:
        at: t.Optional[Directory] = folder
        while at is not None and at.identity not in seen:
            seen.add(at.identity)
            if not passable(at.status, owner):
                mode, holder = stat.S_IMODE(at.status.st_mode), user_name(at.status.st_uid)
                name = user_name(owner.uid)
                yield f"{name} cannot reach its files: {at.real} has mode {mode:04o} and belongs to {holder}"
            at = at.parent
