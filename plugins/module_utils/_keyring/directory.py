# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Public keys in a directory, one ``<owner>.pem`` each, as FSPIOP adapters read them.

The adapter takes every file that ends in ``.pem``, and the rest of its name, case included, for the owner.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping

from .._core.errors import TrustmeshError
from .._core.files import Attributes, FileTransaction, entries, read_file, read_found

SUFFIX: t.Final = ".pem"
_READABLE: t.Final = Attributes(mode=0o644)


class DirectoryPublisher:
    """One trust directory; each file is replaced whole, many with one flush."""

    def __init__(self, path: str, attributes: Attributes = _READABLE, suffix: str = SUFFIX) -> None:
        self._path = os.path.abspath(path)
        self._attributes = attributes
        self._suffix = suffix

    @property
    def identity(self) -> str:
        return f"directory {self._path}"

    def file(self, name: str) -> str:
        return os.path.join(self._path, name + self._suffix)

    def held(self) -> Mapping[str, str]:
        """Return the texts by owner; a file with another owner or mode than declared counts as another text."""
        files = {name: read_found(self.file(name)) for name in self._names()}
        return {
            name: "" if self._attributes.differences(found.status) else found.content.decode("utf-8", "replace")
            for name, found in files.items()
            if found is not None
        }

    def texts(self) -> dict[str, str]:
        """Return the texts by owner, whatever the attributes of their files."""
        found = {name: read_file(self.file(name)) for name in self._names()}
        return {name: content.decode("utf-8", "replace") for name, content in found.items() if content is not None}

    def strays(self) -> list[str]:
        """Return the names of files that no reader takes for a key; hidden ones are nobody's business."""
        return sorted(
            entry for entry in self._entries() if not entry.startswith(".") and not entry.endswith(self._suffix)
        )

    def publish(self, texts: Mapping[str, t.Optional[str]]) -> dict[str, TrustmeshError]:
        files = FileTransaction()
        failures: dict[str, TrustmeshError] = {}
        for name, text in texts.items():
            try:
                with files.group(name) as group:
                    if text is None:
                        group.remove(self.file(name))
                    else:
                        group.directory(self._path)
                        group.put(self.file(name), text.encode(), self._attributes)
            except TrustmeshError as error:
                failures[name] = error
        return {**failures, **files.commit()}

    def _names(self) -> list[str]:
        end = len(self._suffix)
        return [entry[:-end] for entry in self._entries() if entry.endswith(self._suffix) and not entry.startswith(".")]

    def _entries(self) -> list[str]:
        return entries(self._path) or []
