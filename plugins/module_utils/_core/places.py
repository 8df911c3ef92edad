# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The way to a file, safe below directories that others may write.

A path is walked from ``/``, one component at a time, each opened relative to the directory before it and never through
a link (openat(2) with O_NOFOLLOW). A *symbolic link* on the way is followed only where nobody but root and the
effective user can have put it: every directory up to it is owned by one of them and not open to others for writing, or
is sticky (``/tmp``) while the link itself is theirs. Any other link is refused by name. What was opened is kept as a
descriptor, so that a name that is exchanged later changes nothing.

A few directories stay open for the run. One that is used again is compared with what its path leads to at that moment,
so that a directory that was replaced is walked to again.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import typing as t
from collections import OrderedDict

from .attributes import OPEN_DIRECTORY, Attributes, FileFailure, kind_of, user_name

#: How many directories stay open; a process may have 1024 files open by default.
_MOST_KEPT = 256
#: As many links as Linux follows in one path.
MOST_LINKS: t.Final = 40
# A descriptor that only names a directory needs no right to list it.
_NAMES = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
#: What it says when there are too many open.
_TOO_MANY: t.Final = (errno.EMFILE, errno.ENFILE)
#: What open(2) with O_NOFOLLOW says of a link, on one system or another.
LINK_ERRORS: t.Final = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)

Identity = tuple[int, int]


def identity_of(status: os.stat_result) -> Identity:
    """Return what tells a file or directory apart from every other that is there, whatever it is called."""
    return status.st_dev, status.st_ino


class Directory:
    """An open directory, and what is known of the way to it."""

    def __init__(
        self, descriptor: int, real: str, status: os.stat_result, safe: bool, parent: t.Optional[Directory] = None
    ) -> None:
        self.descriptor = descriptor
        self.parent = parent
        #: Its path without links.
        self.real = real
        self.status = status
        #: Whether nobody but root and the effective user can have put it, or a directory above it, where it is.
        self.safe = safe

    def __del__(self) -> None:
        try:
            os.close(self.descriptor)
        except (OSError, AttributeError, TypeError):  # the interpreter may be on its way out
            pass

    @property
    def identity(self) -> Identity:
        return identity_of(self.status)

    def stat(self, name: str) -> os.stat_result:
        """Return the status of an entry, of a link that of the link itself."""
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)

    def enter(self, name: str) -> Directory:
        """Open a directory in this one; a link is not followed (``OSError``)."""
        descriptor = open_in(self, name, _NAMES)
        status = os.fstat(descriptor)
        return Directory(descriptor, os.path.join(self.real, name), status, self.vouches_for(status), self)

    def is_still_in(self, parent: Directory, name: str) -> bool:
        """Tell whether a name leads to this directory, with the owner and the mode that it had when it was opened."""
        return _standing(parent.stat(name)) == _standing(self.status)

    def opened(self) -> int:
        """Return a new descriptor that can list the directory, flush it and change its attributes."""
        return open_in(self, ".", os.O_RDONLY)

    def vouches_for(self, entry: os.stat_result) -> bool:
        """Tell whether nobody but root and the effective user can have put an entry there."""
        if not self.safe or not _ours(self.status.st_uid):
            return False
        return not self.open_to_others or bool(self.status.st_mode & stat.S_ISVTX and _ours(entry.st_uid))

    def is_ours(self, entry: os.stat_result) -> bool:
        """Tell whether nobody but root and the effective user can have written what a file there holds."""
        return self.vouches_for(entry) and _ours(entry.st_uid) and not entry.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

    @property
    def open_to_others(self) -> bool:
        """Whether others than its owner may write here; the process' own group alone does not count as others."""
        mode = self.status.st_mode
        if mode & stat.S_IWOTH:
            return True
        return bool(mode & stat.S_IWGRP) and (self.status.st_gid != os.getegid() or self._has_access_list())

    def _has_access_list(self) -> bool:
        if not hasattr(os, "listxattr"):
            return False
        descriptor = self.opened()
        try:
            return "system.posix_acl_access" in os.listxattr(descriptor)
        except OSError:  # a file system without any
            return False
        finally:
            os.close(descriptor)


def _standing(status: os.stat_result) -> tuple[Identity, int, int, int]:
    return identity_of(status), status.st_uid, status.st_gid, status.st_mode


def _ours(uid: int) -> bool:
    return uid in (0, os.geteuid())


class _Kept:
    """The directories that stay open, the least recently used of them closed first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_path: OrderedDict[str, Directory] = OrderedDict()

    def get(self, path: str) -> t.Optional[Directory]:
        with self._lock:
            found = self._by_path.get(path)
            if found is None:
                return None
            self._by_path.move_to_end(path)
        try:
            status = os.stat(path)
        except OSError:
            status = None
        if status is not None and identity_of(status) == found.identity:
            found.status = status
            return found
        with self._lock:
            self._by_path.pop(path, None)
        return None

    def put(self, path: str, found: Directory) -> None:
        with self._lock:
            self._by_path[path] = found
            while len(self._by_path) > _MOST_KEPT:
                self._by_path.popitem(last=False)

    def let_go(self) -> None:
        """Close the directories that nobody is using."""
        with self._lock:
            self._by_path.clear()


_kept = _Kept()


def open_in(folder: Directory, name: str, flags: int, mode: int = 0o600) -> int:
    """Call openat(2); where too many files are open, first close the directories that are open to save time alone."""
    return _opened(name, flags, mode, folder.descriptor)


def _opened(name: str, flags: int, mode: int, folder: t.Optional[int]) -> int:
    try:
        return os.open(name, flags, mode, dir_fd=folder)
    except OSError as error:
        if error.errno not in _TOO_MANY:
            raise
    _kept.let_go()
    return os.open(name, flags, mode, dir_fd=folder)


def absolute(path: str) -> str:
    """Return a path from the root on; what is in it is left as it is, since ``..`` after a link leads elsewhere."""
    return path if path.startswith("/") else os.path.join(os.getcwd(), path)


def directory(path: str, links: int = MOST_LINKS) -> Directory:
    """Open a directory; raises ``OSError``, and :class:`FileFailure` for a link that is not followed."""
    wanted = absolute(path)
    at, rest = wanted.rstrip("/") or "/", []
    found = _kept.get(at)
    while found is None and at != "/":
        at, name = os.path.split(at)
        rest.append(name)
        found = _kept.get(at)
    if found is None:
        found = _root()
    while rest:
        name = rest.pop()
        at = os.path.join(at, name)
        if name in ("", "."):
            continue
        found = directory(os.path.dirname(found.real), links) if name == ".." else _enter(found, name, links)
        _kept.put(at, found)
    return found


def _root() -> Directory:
    descriptor = _opened("/", _NAMES, 0, None)
    found = Directory(descriptor, "/", os.fstat(descriptor), True)
    _kept.put("/", found)
    return found


def _enter(parent: Directory, name: str, links: int) -> Directory:
    try:
        return parent.enter(name)
    except OSError as error:
        if error.errno not in LINK_ERRORS or not stat.S_ISLNK(parent.stat(name).st_mode):
            raise
    return directory(target_of(parent, name, links), links - 1)


def target_of(parent: Directory, name: str, links: int) -> str:
    """Return the path that a link leads to; raises :class:`FileFailure` when others can have put it there."""
    if links <= 0:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    status = parent.stat(name)
    if not parent.vouches_for(status):
        raise FileFailure(
            f"is a symbolic link that {user_name(status.st_uid)} made in a directory that others than root may write; "
            "it is not followed",
            field=os.path.join(parent.real, name),
            remedy="Name the path that it leads to, or let only root write in the directories above it.",
        )
    return os.path.join(parent.real, os.readlink(name, dir_fd=parent.descriptor))


def locate(path: str) -> tuple[Directory, str]:
    """Return the open directory of a path and the last name in it, which is not looked at."""
    folder, name = os.path.split(absolute(path).rstrip("/"))
    if name in ("", ".", ".."):
        return directory(path), "."
    return directory(folder), name


def open_entry(path: str, flags: int, mode: int = 0o600, links: int = MOST_LINKS) -> tuple[int, Directory]:
    """Open a file by the rules above; return its descriptor and the directory that holds it."""
    folder, name = locate(path)
    try:
        return open_in(folder, name, flags | os.O_NOFOLLOW, mode), folder
    except OSError as error:
        if error.errno not in LINK_ERRORS or not stat.S_ISLNK(folder.stat(name).st_mode):
            raise
    return open_entry(target_of(folder, name, links), flags, mode, links - 1)


def status_of(path: str, links: int = MOST_LINKS) -> os.stat_result:
    """Return the status of what a path leads to by the rules above; raises ``OSError`` as stat(2) does."""
    folder, name = locate(path)
    status = folder.stat(name)
    return status_of(target_of(folder, name, links), links - 1) if stat.S_ISLNK(status.st_mode) else status


def make_directory(path: str, attributes: Attributes = OPEN_DIRECTORY, made: t.Optional[set[str]] = None) -> Directory:
    """Open a directory, and make it with its parents where it is missing, whatever the umask.

    Parents get 0755. One that is there is left as it is. The paths that were made are added to ``made``.
    """
    try:
        return directory(path)
    except FileNotFoundError:
        pass
    above, name = os.path.split(absolute(path).rstrip("/"))
    parent = make_directory(above, made=made)
    try:
        os.mkdir(name, 0o700, dir_fd=parent.descriptor)
    except FileExistsError:
        return directory(path)
    if made is not None:
        made.add(os.path.join(above, name))
    found = _enter(parent, name, 0)
    if found.status.st_uid != os.geteuid():
        raise FileFailure(
            f"was exchanged for {kind_of(found.status)} of {user_name(found.status.st_uid)} while it was made",
            field=path,
            remedy="See who writes in the directory above it.",
        )
    change(found, attributes)
    _kept.put(absolute(path).rstrip("/"), found)
    return found


def change(folder: Directory, attributes: Attributes) -> None:
    """Give a directory its owner, group and mode."""
    descriptor = folder.opened()
    try:
        attributes.give(descriptor)
        folder.status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
