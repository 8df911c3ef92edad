# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The port to where secret parts are kept: files of this host, a Vault, or another store.

Custody keeps one document (see :mod:`.record`) per owner and tells versions of it apart, so that what somebody else
wrote meanwhile is not lost. It is written for many owners at once: a store of files needs one flush for all of them, a
server is spoken to by several threads over one login.
"""

from __future__ import annotations

import typing as t

from .._core.errors import Overtaken, TrustmeshError
from .record import Document

#: What tells one writing of a document from another; ``None`` where there is no document.
Version = t.Union[int, str, None]
#: Owner, document, and the version on which the decision to write was made.
Entry = tuple[str, Document, Version]
#: What is wrong beside the content, such as a mode: (what, held, wanted); ``None`` is wanted of what is left over.
Misplacement = tuple[str, t.Any, t.Any]


class Conflict(Overtaken):
    """Another program wrote the same document meanwhile, and nothing was written over it."""


class Custody(t.Protocol):
    """Keeps documents by owner. Reading is safe from many threads."""

    @property
    def identity(self) -> str:
        """What messages call it, such as ``secret/jws``."""

    @property
    def reads_here(self) -> bool:
        """Whether reading touches this host's files only, which one thread does fastest."""

    @property
    def store(self) -> t.Optional[str]:
        """The directory of this host that one run at a time works in; ``None`` for a server that sees to that."""

    def files(self, name: str) -> t.Iterable[tuple[str, str]]:
        """Return the files of this host that programs read: the option that names each, and its path."""

    def place(self, name: str) -> str:
        """Return what messages call the document of an owner."""

    def read(self, name: str) -> t.Optional[tuple[Document, Version]]:
        """Return a document and its version, or ``None`` when there is none."""

    def misplaced(self, name: str) -> t.Sequence[Misplacement]:
        """Return what is wrong about a document as it was read last; writing it again mends that."""

    def write(self, entries: t.Sequence[Entry]) -> dict[str, t.Union[Version, TrustmeshError]]:
        """Write documents durably; return the new version, or the failure, by owner."""

    def remove(self, names: t.Sequence[str]) -> dict[str, TrustmeshError]:
        """Remove documents with all their versions; return the failures by owner."""

    def names(self, besides: t.Collection[str] = ()) -> list[str]:
        """Return the owners that have a document, but for some; sorted. Raises :class:`Unlisted`."""
