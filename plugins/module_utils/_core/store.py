# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A store: a directory of the collection's own beside what it publishes, with one directory per item in it.

Each writing of an item is a directory of its own, and the link ``current`` names the one in force. A store may lie
below a directory of a service user, who can put anything in its place. So no link is followed on the way into it, every
directory in it has to belong to root, the effective user or the declared owner, and ``current`` has to be one plain
name.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import typing as t

from .attributes import OPEN_DIRECTORY, Attributes, FileFailure, failure, kind_of, named_failure, user_name
from .places import Directory, change, directory, make_directory
from .reading import link_of

CURRENT: t.Final = "current"
_ATTEMPTS = 5

#: A directory of a store that is not as it should be: its path, what it is about, what it has and is to have.
Fault = tuple[str, str, str, str]


class Store:
    """One store, ``path``; ``owner`` gives the declared owner and group of the files in it."""

    def __init__(self, path: str, owner: Attributes) -> None:
        self.path = path
        self._owner = owner
        self._base, self._name = os.path.split(path)
        self._root: t.Optional[Directory] = None

    def item(self, name: str) -> t.Optional[Directory]:
        """Open the directory of an item; ``None`` when there is none. Raises :class:`FileFailure`."""
        folder = self.root()
        return None if folder is None else self.inner(folder, name)

    def make(self, name: str) -> Directory:
        """Open the directory of an item; make and mend what is missing or wrong on the way from the store to it."""
        path = os.path.join(self.path, name)
        with named_failure(path):
            item = self.item(name)
            if item is None:
                make_directory(path)
                item = self.item(name)
            if item is None or item.parent is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            for folder in (item.parent, item):
                if wrong(folder, self._owner):
                    change(folder, OPEN_DIRECTORY)
            return item

    def root(self) -> t.Optional[Directory]:
        """Open the store itself; ``None`` when there is none."""
        try:
            base = directory(self._base)
            if self._root is None or not self._root.is_still_in(base, self._name):
                self._root = self.inner(base, self._name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise failure(self.path, error) from None
        return self._root

    def inner(self, folder: Directory, name: str) -> t.Optional[Directory]:
        """Open a directory of the store in another; ``None`` when there is none. Raises :class:`FileFailure`."""
        path = os.path.join(folder.real, name)
        try:
            found = folder.enter(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise failure(path, error) from None
            status = folder.stat(name)
            raise self._refusal(path, status, f"is {kind_of(status)}, not a directory") from None
        if found.status.st_uid not in (0, os.geteuid(), self._owner.uid):
            raise self._refusal(path, found.status, "belongs to another user than root and the declared owner")
        return found

    @staticmethod
    def _refusal(path: str, status: os.stat_result, what: str) -> FileFailure:
        return FileFailure(
            f"{what}; it was put there by {user_name(status.st_uid)} and is not used",
            field=path,
            remedy="See who writes there. Remove it, or give it to root or the declared owner.",
        )

    def current(self, item: Directory) -> t.Optional[str]:
        """Return the name that is in force; ``None`` while there is none. Raises :class:`FileFailure`."""
        text = link_of(item, CURRENT)
        if text is None:
            try:
                status = item.stat(CURRENT)
            except FileNotFoundError:
                return None
            problem = f"is {kind_of(status)}, not a symbolic link"
        elif "/" not in text and text not in ("", ".", ".."):
            return text
        else:
            problem = f"leads to {text!r}, out of this store"
        raise FileFailure(
            problem, field=os.path.join(item.real, CURRENT), remedy="See who changed it; restore or remove it."
        )

    def in_force(self, item: Directory) -> tuple[t.Optional[str], t.Optional[Directory]]:
        """Return the name in force and its directory; what is exchanged meanwhile is looked at again."""
        name = None
        for _attempt in range(_ATTEMPTS):
            before, name = name, self.current(item)
            found = None if name is None else self.inner(item, name)
            if found is not None or name == before:
                return name, found
        return name, None

    def faults(self, folders: t.Iterable[Directory]) -> t.Iterator[Fault]:
        """Yield the directories that others may write, or that the declared owner cannot pass."""
        for folder in folders:
            if wrong(folder, self._owner):
                held = f"{stat.S_IMODE(folder.status.st_mode):04o}"
                yield folder.real, "mode", held, f"{OPEN_DIRECTORY.mode:04o}"


def wrong(folder: Directory, owner: Attributes) -> bool:
    """Tell whether others may write a directory, or the declared owner cannot pass it."""
    return bool(folder.status.st_mode & 0o022) or not passable(folder.status, owner)


def passable(status: os.stat_result, owner: Attributes) -> bool:
    """Tell whether the declared owner can pass a directory; without one this cannot be told, and is taken for true."""
    mode = status.st_mode
    if mode & 0o111 == 0o111 or owner.uid in (None, 0):
        return True
    if status.st_uid == owner.uid:
        return bool(mode & 0o100)
    groups = {owner.gid, *_groups(owner.uid)}
    return bool(mode & (0o010 if status.st_gid in groups else 0o001))


def _groups(uid: int) -> list[int]:
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return []
    return os.getgrouplist(user.pw_name, user.pw_gid)
