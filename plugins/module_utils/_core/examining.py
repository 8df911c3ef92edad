# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Files of others, looked at and put right by an audit: whoever owns them, and however many names they have.

Nothing is followed: what is opened is the file that was found, or nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from .attributes import ACCESS_LIST, FileFailure, named_failure
from .places import LINK_ERRORS, Identity, identity_of, locate, open_in

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW


@dataclass(frozen=True)
class Examined:
    """A file that is open, to be read from its beginning."""

    handle: t.BinaryIO
    status: os.stat_result
    #: Its access list as the kernel has it (linux/posix_acl_xattr.h); empty without one.
    access_list: bytes


@contextlib.contextmanager
def examine(path: str) -> Iterator[t.Optional[Examined]]:
    """Open a regular file; ``None`` when it is gone, or became something else. Raises :class:`FileFailure`."""
    descriptor = _opened(path)
    if descriptor is None:
        yield None
        return
    with open(descriptor, "rb") as handle:
        with named_failure(path):
            status = os.fstat(descriptor)
            is_file = stat.S_ISREG(status.st_mode)
            found = Examined(handle, status, _access_list(descriptor)) if is_file else None
        yield found


def amend(
    path: str, identity: Identity, *, mode: t.Optional[int] = None, owner: t.Optional[tuple[int, int]] = None
) -> None:
    """Give the very file that was examined another mode, or another user and group; raises :class:`FileFailure`."""
    descriptor = _opened(path)
    try:
        status = None if descriptor is None else os.fstat(descriptor)
        if descriptor is None or status is None or identity_of(status) != identity:
            raise FileFailure("was replaced meanwhile", field=path, remedy="Run again.")
        with named_failure(path):
            if mode is not None:
                os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, *owner)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def real_path(path: str) -> str:
    """Return a path without links, as far as it leads; for comparing and telling, not for opening."""
    return os.path.realpath(path)


def leads_to(path: str) -> t.Optional[str]:
    """Return where a link leads in the end; ``None`` when nowhere, or in a circle."""
    found = os.path.realpath(path)
    return found if os.path.exists(found) else None


def _opened(path: str) -> t.Optional[int]:
    with named_failure(path):
        try:
            folder, name = locate(path)
            return open_in(folder, name, _FLAGS)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENXIO, *LINK_ERRORS):
                raise
    return None


def _access_list(descriptor: int) -> bytes:
    if not hasattr(os, "getxattr"):
        return b""
    try:
        return os.getxattr(descriptor, ACCESS_LIST)
    except OSError:  # no list, or a file system without them
        return b""
