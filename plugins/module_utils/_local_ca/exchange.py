# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Changing several files of an authority at one moment, each of which stays a plain file under its own name.

The files in force and the new ones are written into a directory each, below a *store* that lives as long as the change.
The link ``current`` leads to those in force, and the names become links through it, behind which nothing changes::

    /etc/ca/ca-key.pem -> .trustmesh-local_ca/files/current/key
    /etc/ca/.trustmesh-local_ca/files/current -> e-3f9a01c2

Moving ``current`` exchanges all of them at once. Then plain files take the place of the links, and the store goes. What
is killed meanwhile leaves either the old files or the new ones behind all names; the next run puts files there again.
"""

from __future__ import annotations

import functools
import os
import secrets
import typing as t
from collections.abc import Mapping

from .._core.files import Attributes, FileGroup, exists, link_text, read_file, status
from .._core.reading import read_entry
from .._core.store import CURRENT, Store

_STORE: t.Final = ".trustmesh-local_ca"
_ITEM: t.Final = "files"

#: Path and attributes of each file, by what it holds.
Files = Mapping[str, tuple[str, Attributes]]


class Exchange:
    """The files of the authority in one directory, as they are found and as they change."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.store = os.path.join(directory, _STORE)

    @functools.cached_property
    def _home(self) -> Store:
        """The store, in which whoever owns the directory may have worked."""
        found = status(self._directory, follow=True)
        return Store(self.store, Attributes(uid=found.st_uid if found else None))

    @property
    def unfinished(self) -> bool:
        """Whether a run was killed before it removed the store."""
        return exists(self.store)

    def is_link(self, what: str, path: str) -> bool:
        """Tell whether a name is one of our links."""
        return link_text(path) == self._target(what, path)

    def read(self, what: str, path: str) -> bytes | None:
        """Return what a file holds, also behind a link of ours, wherever the directory lies; ``None`` without one."""
        if not self.is_link(what, path):
            return read_file(path)
        item = self._home.item(_ITEM)
        folder = None if item is None else self._home.in_force(item)[1]
        found = None if folder is None else read_entry(folder, what)
        return None if found is None else found.content

    def stage(self, group: FileGroup, files: Files, contents: Mapping[str, bytes]) -> None:
        """Stage new contents of files, and plain files in place of the links that a killed run left."""
        linked = [what for what, (path, _attributes) in files.items() if self.is_link(what, path)]
        held = {what: self.read(what, files[what][0]) for what in (*linked, *contents)}
        wanted = {**held, **contents}
        group.directory(self.store)
        item = self._home.make(_ITEM)
        before, after = (f"e-{secrets.token_hex(4)}" for _turn in range(2))
        for name, texts in ((before, held), (after, wanted)):
            tree = group.tree((item, name))
            for what, text in texts.items():
                if text is not None:
                    tree.write(what, text, files[what][1])
        group.link((item, CURRENT), before)
        for what in wanted:
            group.link(files[what][0], self._target(what, files[what][0]))
        group.link((item, CURRENT), after)
        for what, text in wanted.items():
            path, attributes = files[what]
            if text is None:
                group.remove(path)
            else:
                group.put(path, text, attributes)
        group.remove(self.store)

    def _target(self, what: str, path: str) -> str:
        return os.path.relpath(os.path.join(self.store, _ITEM, CURRENT, what), os.path.dirname(path))
