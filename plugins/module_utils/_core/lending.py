# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Files for libraries that open them by name, such as OpenSSL and libpq, and libraries that are files.

A name that was checked may lead elsewhere when the library opens it. So a file is read once by the rules of
:mod:`.places`, and the library gets the name of a copy in memory, which nobody else can open and which ends with the
process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from .attributes import FileFailure, failure, named_failure
from .errors import InvalidInput
from .places import open_entry
from .reading import LIMIT, Found, read_found


@dataclass(frozen=True)
class Lent:
    """What a file held, and the name of a copy of it."""

    name: str
    content: bytes


@contextlib.contextmanager
def lend(path: str, option: str, *, limit: int = LIMIT) -> Iterator[Lent]:
    """Yield a copy of a file as long as it is needed; raises :class:`InvalidInput` that names the option for none."""
    found = read_found(path, limit=limit)
    if found is None:
        raise InvalidInput(f"{path} does not exist on this host", field=option, remedy="Give the path of a PEM file.")
    with contextlib.ExitStack() as stack:
        with named_failure(path):
            name = _copy(found, stack)
        yield Lent(name or path, found.content)


def _copy(found: Found, stack: contextlib.ExitStack) -> str | None:
    """Return the name of a copy in memory with owner and mode of the file; ``None`` where there is no such thing."""
    if not hasattr(os, "memfd_create"):
        return None
    descriptor = os.memfd_create("trustmesh")
    stack.callback(os.close, descriptor)
    name = f"/proc/self/fd/{descriptor}"
    if not os.path.exists(name):
        return None
    with open(descriptor, "wb", closefd=False) as copy:
        copy.write(found.content)
    with contextlib.suppress(OSError):  # only root gives files away
        os.fchown(descriptor, found.status.st_uid, found.status.st_gid)
    os.fchmod(descriptor, found.status.st_mode & 0o777)
    return name


def refuse_strange_code(path: str, option: str) -> None:
    """Refuse a library that others than root and the effective user can have written or put where it is.

    None at all, and a name that the system looks for in its own directories, are left to whoever loads it.
    """
    if "/" not in path:
        return
    try:
        descriptor, folder = open_entry(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failure(path, error) from None
    try:
        ours = folder.is_ours(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    if not ours:
        raise FileFailure(
            "can have been written by others than root and the user of this task; its code is not run",
            field=option,
            remedy=f"Let only root write {path} and the directories above it.",
        )
