# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One run at a time per store.

A lock is held from before a batch is read until after it is proved, so that what was read is still true when it is
written. It lies on a file in the store that its owner alone may open, since whoever can open a file can lock it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import typing as t
from collections.abc import Iterator

from .attributes import FileFailure, named_failure
from .places import LINK_ERRORS, Directory, directory, identity_of, make_directory, open_in
from .reading import refuse_unless_regular

LOCK_NAME: t.Final = ".lock"
#: How long a run waits for another one, in seconds.
PATIENCE = 60.0
_POLL = 0.05
_LONGEST_NOTE = 2**24
_ATTEMPTS = 10
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


@contextlib.contextmanager
def hold(stores: t.Iterable[str], *, make: bool = True) -> Iterator[dict[str, int]]:
    """Hold the lock of each directory, in the order of their names so that two runs never wait for each other.

    A directory that is missing is made, and removed at the end when nothing was put into it; without ``make`` it is
    left out. So is one in which this process, or nobody, may write: what would be written there fails by itself.
    Yields the locks by their directory, for :func:`note`. Raises :class:`FileFailure` naming the directory when another
    run holds it for longer than :data:`PATIENCE`.
    """
    locks: dict[str, int] = {}
    deadline = time.monotonic() + PATIENCE
    with contextlib.ExitStack() as stack:
        for path in sorted(set(stores)):
            with named_failure(path):
                lock = stack.enter_context(_held(path, make, deadline))
            if lock is not None:
                locks[path] = lock
        yield locks


def noted(lock: int) -> bytes:
    """Return what was written down in the file of a lock."""
    return os.pread(lock, _LONGEST_NOTE, 0)


def note(lock: int, content: bytes) -> None:
    """Write something down in the file of a lock, for the run that holds it next."""
    with contextlib.suppress(OSError):  # a full disk: nothing is going to change there
        os.pwrite(lock, content, 0)
        os.ftruncate(lock, len(content))


@contextlib.contextmanager
def _held(path: str, make: bool, deadline: float) -> Iterator[t.Optional[int]]:
    made: set[str] = set()
    held = None
    try:
        while held is None:
            folder = _folder(path, make, made)
            if folder is None:
                break
            held = _locked(folder, path, deadline)
            if held is None and time.monotonic() > deadline:
                raise FileFailure(
                    "no file can be made in it, although it is there",
                    field=path,
                    remedy="Give a directory of an ordinary file system.",
                )
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
    finally:
        if held is None:
            _remove(made)
    if held is None:
        yield None
        return
    try:
        yield held
    finally:
        _clear(path, held, made)
        os.close(held)


def _folder(path: str, make: bool, made: set[str]) -> t.Optional[Directory]:
    """Open the directory, or make it and note what was made; ``None`` when it is missing and not to be made."""
    if not make:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return directory(path)
        return None
    for _attempt in range(_ATTEMPTS):
        # Another run that made them and put nothing into them removes them again.
        with contextlib.suppress(FileNotFoundError):
            return make_directory(path, made=made)
    return make_directory(path, made=made)


def _locked(folder: Directory, path: str, deadline: float) -> t.Optional[int]:
    """Return the descriptor that holds the lock; ``None`` when the file was removed before it was locked."""
    name = os.path.join(path, LOCK_NAME)
    try:
        descriptor = open_in(folder, LOCK_NAME, _FLAGS)
    except FileNotFoundError:  # the directory was removed meanwhile
        return None
    except OSError as error:
        if error.errno in LINK_ERRORS:
            refuse_unless_regular(folder.stat(LOCK_NAME), folder, name)
        raise
    try:
        refuse_unless_regular(os.fstat(descriptor), folder, name)
        _lock(descriptor, path, deadline)
        if identity_of(os.fstat(descriptor)) == identity_of(folder.stat(LOCK_NAME)):
            if os.geteuid() == 0:  # whoever owns the store may write there, and has to be able to lock it
                os.chown(descriptor, folder.status.st_uid, folder.status.st_gid)
            return descriptor
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _lock(descriptor: int, path: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise FileFailure(
                    f"another run has been working there for more than {PATIENCE:.0f} seconds",
                    field=path,
                    remedy=f"Wait until it ends, or see what it waits for (fuser {path}/{LOCK_NAME} names it).",
                ) from None
        time.sleep(_POLL)


def _clear(path: str, held: int, made: set[str]) -> None:
    """Remove, while it is held, a lock that nothing is noted in, and the directories that were made for it alone.

    Another run that waits for the file sees that its name is gone, and makes it again.
    """
    with contextlib.suppress(OSError, FileFailure):
        folder = directory(path)
        ours = os.fstat(held)
        if not ours.st_size and identity_of(ours) == identity_of(folder.stat(LOCK_NAME)):
            os.unlink(LOCK_NAME, dir_fd=folder.descriptor)
        _remove(made)


def _remove(made: t.Iterable[str]) -> None:
    """Remove directories that were made for a lock alone, as far as nothing is in them."""
    with contextlib.suppress(OSError, FileFailure):
        for at in sorted(made, key=len, reverse=True):
            os.rmdir(os.path.basename(at), dir_fd=directory(os.path.dirname(at)).descriptor)
