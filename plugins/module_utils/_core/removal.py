# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Removing a file, link or tree by descriptors, so that no link leads the removal elsewhere."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from .attributes import FileFailure
from .places import Directory
from .reading import names_in

_DEEPEST = 128


def remove_entry(folder: Directory, name: str, deepest: int = _DEEPEST) -> None:
    """Remove what an open directory has under a name; nothing is done when it has nothing.

    Raises ``OSError``, and :class:`FileFailure` for a tree that is nested too deeply.
    """
    try:
        os.unlink(name, dir_fd=folder.descriptor)
        return
    except FileNotFoundError:
        return
    except OSError as error:
        # Linux says EISDIR of a directory, others EPERM.
        if error.errno not in (errno.EISDIR, errno.EPERM) or not stat.S_ISDIR(folder.stat(name).st_mode):
            raise
    if _removed_empty(folder, name):
        return
    if deepest == 0:
        raise FileFailure(
            "directories are nested too deeply", field=os.path.join(folder.real, name), remedy="Remove them yourself."
        )
    inner = folder.enter(name)
    for entry in names_in(inner):
        remove_entry(inner, entry, deepest - 1)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=folder.descriptor)


def _removed_empty(folder: Directory, name: str) -> bool:
    """Remove a directory that is empty, which takes no descriptor of it; tell whether it was."""
    try:
        os.rmdir(name, dir_fd=folder.descriptor)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
