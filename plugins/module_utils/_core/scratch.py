# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A directory for a library that reads texts by name: nobody else enters it, and a killed run's is removed by the next.

It carries a temporary name (see :mod:`.leftovers`), so that it is known as left behind.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from .attributes import FileFailure, named_failure
from .leftovers import remove_leftovers, temporary_name
from .places import directory, open_in
from .removal import remove_entry
from .staging import NEW_FILE


class Scratch:
    """Such a directory, below that for temporary files."""

    def __init__(self) -> None:
        self._name = temporary_name()
        where = tempfile.gettempdir()
        with named_failure(where):
            self._above = directory(where)
            remove_leftovers(self._above)
            os.mkdir(self._name, 0o700, dir_fd=self._above.descriptor)
            try:
                self._folder = self._above.enter(self._name)
            except BaseException:
                self.close()
                raise
        if self._folder.status.st_uid != os.geteuid():
            raise FileFailure(
                "was exchanged while it was made", field=self._folder.real, remedy="See who writes in the directory."
            )

    def close(self) -> None:
        """Remove the directory."""
        with contextlib.suppress(OSError, FileFailure):
            remove_entry(self._above, self._name)

    @contextlib.contextmanager
    def file(self, name: str, text: str) -> Iterator[str]:
        """Yield the path of a file with a text, in UTF-8 and as it is, which is removed afterwards."""
        inner = os.path.basename(name)
        inner = "text" if inner in ("", ".", "..") else inner
        path = os.path.join(self._folder.real, inner)
        with named_failure(path):
            descriptor = open_in(self._folder, inner, NEW_FILE)
        try:
            with named_failure(path), open(descriptor, "wb") as handle:
                handle.write(text.encode("utf-8", "replace"))
            yield path
        finally:
            os.unlink(inner, dir_fd=self._folder.descriptor)
