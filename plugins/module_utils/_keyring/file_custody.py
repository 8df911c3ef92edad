# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Custody in files of this host.

Each writing of a record is a *snapshot*: a directory with the record and, as files of their own, the fields that
programs read (a private key, its public part). The link ``current`` names the snapshot in force and the published paths
are links through it, so that moving that one link swaps record and files together::

    /etc/hub/jws/perffsp-1.key -> .trustmesh-jws_key/perffsp-1/current/private_key
    /etc/hub/jws/.trustmesh-jws_key/perffsp-1/current -> s-20261121T091500Z-3f9a01c2
    /etc/hub/jws/.trustmesh-jws_key/perffsp-1/s-20261121T091500Z-3f9a01c2/{record.json,private_key,public_key}
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import stat
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput, TrustmeshError, certain
from .._core.files import (
    Attributes,
    FileGroup,
    FileTransaction,
    Place,
    exists,
    link_text,
    named_failure,
    read_file,
    read_found,
)
from .._core.foreign import Unreadable, parse_object
from .._core.leftovers import leftovers
from .._core.places import Directory
from .._core.reading import names_in, read_entry
from .._core.store import CURRENT, Store
from .custody import Conflict, Entry, Misplacement, Version
from .names import filled
from .record import DamagedRecord, Document, spell_instant

_RECORD = "record.json"
_PREFIX = "s-"
_LINKS_OF_ONE: t.Final = 3
_PRIVATE: t.Final = Attributes()


@dataclass(frozen=True)
class Projection:
    """A field of the record that programs read from a file of its own; ``path`` has ``{name}`` in it."""

    field: str
    path: str
    attributes: Attributes
    #: The option that ``path`` was declared with.
    option: str = "path"


def projection(field: str, path: str, attributes: Attributes, *, option: str, secret: bool) -> Projection:
    """Return a checked projection; raises :class:`InvalidInput` naming ``option``."""
    filled(path, "x", option)
    if secret and attributes.mode & 0o007:
        raise InvalidInput("a secret may not be open to everybody", field="key_mode", remedy="Use 0600 or 0640.")
    return Projection(field, path, attributes, option)


@dataclass(frozen=True)
class _Look:
    """The directory of an owner, the name of the snapshot in force, and its directory."""

    item: Directory
    version: str
    folder: Directory


class FileCustody:
    """Records below one directory; ``kind`` keeps those of different modules apart."""

    reads_here = True

    def __init__(
        self, directory: str, kind: str, projections: t.Sequence[Projection], attributes: Attributes = _PRIVATE
    ) -> None:
        self._base = os.path.abspath(directory)
        self._home = Store(os.path.join(self._base, f".trustmesh-{kind}"), attributes)
        self._projections = tuple(projections)
        #: Of the record itself, which holds everything.
        self._attributes = attributes
        # Who reads a record asks next how it lies there, of which one look tells.
        self._latest: t.Optional[tuple[str, _Look, Document]] = None

    @property
    def identity(self) -> str:
        return self._base

    @property
    def store(self) -> str:
        return self._home.path

    def files(self, name: str) -> t.Iterable[tuple[str, str]]:
        return ((entry.option, self.path(entry, name)) for entry in self._projections)

    def place(self, name: str) -> str:
        return os.path.join(self._home.path, name, CURRENT, _RECORD)

    def read(self, name: str) -> t.Optional[tuple[Document, Version]]:
        """Return the record; what others left at the published paths is a document without ``format``."""
        latest = self._latest = self._record(name)
        if latest is None:
            found = self._foreign(name)
            return (found, None) if found else None
        _name, seen, document = latest
        return document, seen.version

    def _record(self, name: str) -> t.Optional[tuple[str, _Look, Document]]:
        seen = self._look(name)
        return None if seen is None else (name, seen, self._document(name, seen.folder))

    def _look(self, name: str) -> t.Optional[_Look]:
        """Return what is in force, ``None`` while nothing is."""
        item = self._home.item(name)
        if item is None:
            return None
        version, folder = self._home.in_force(item)
        if version is not None and folder is None:
            others = ", ".join(self._snapshots(names_in(item))) or "none"
            raise DamagedRecord(
                f"names {version}, which is missing; there are: {others}",
                field=os.path.join(item.real, CURRENT),
                remedy="Restore it from a backup, or let the link name one that is there (ln -sfn).",
            )
        return None if version is None or folder is None else _Look(item, version, folder)

    def _document(self, name: str, folder: Directory) -> Document:
        found = read_entry(folder, _RECORD)
        try:
            return parse_object(found.content if found else b"")
        except Unreadable as error:
            raise DamagedRecord(
                f"is not a JSON object that is used: {error}",
                field=self.place(name),
                remedy="Restore it from a backup, or remove it.",
            ) from None

    def misplaced(self, name: str) -> t.Sequence[Misplacement]:
        latest = self._latest if self._latest and self._latest[0] == name else self._record(name)
        item = latest[1].item if latest else self._home.item(name)
        found = [] if item is None else list(self._obsolete(item, latest[1].version if latest else None))
        if latest is None:
            return found
        _name, seen, document = latest
        found += _astray("record", self._attributes, seen.folder.stat(_RECORD))
        for entry in self._projections:
            wanted = document.get(entry.field)
            if isinstance(wanted, str):
                found += self._misplaced_field(name, entry, wanted, seen.folder)
        for path, what, held, needed in self._home.faults((certain(seen.item.parent), seen.item, seen.folder)):
            found.append((f"{what} of {path}", held, needed))
        return found

    def _obsolete(self, item: Directory, version: t.Optional[str]) -> t.Iterator[Misplacement]:
        """Yield what a run left that was killed: snapshots never put in force or not yet removed, unfinished ones."""
        # Most file systems count what is in a directory, so that it need not be listed: its two names, one snapshot.
        if version is not None and item.status.st_nlink == _LINKS_OF_ONE:
            return
        names = names_in(item)
        left = [name for name in self._snapshots(names) if name != version] + leftovers(item, names)
        if left:
            yield f"what an interrupted run left in {item.real}", ", ".join(left), "nothing"

    def _misplaced_field(
        self, name: str, entry: Projection, wanted: str, folder: Directory
    ) -> t.Iterator[Misplacement]:
        path = self.path(entry, name)
        if link_text(path) != self._link_target(entry, name):
            held = "other" if exists(path) else None
            yield f"{entry.field}.file", held, f"{path}, a link to the key in use"
            return
        found = read_entry(folder, entry.field)
        if found is None or found.content != wanted.encode():
            yield f"{entry.field}.content", found and "other", "as recorded"
            return
        yield from _astray(entry.field, entry.attributes, found.status)

    def write(self, entries: t.Sequence[Entry]) -> dict[str, t.Union[Version, TrustmeshError]]:
        files = FileTransaction()
        done: dict[str, t.Union[Version, TrustmeshError]] = {}
        for name, document, version in entries:
            try:
                with files.group(name) as group:
                    done[name] = self._stage(group, name, document, version)
            except TrustmeshError as error:
                done[name] = error
        return {**done, **files.commit()}

    def _stage(self, group: FileGroup, name: str, document: Document, version: Version) -> str:
        held = self._look(name)
        if (held and held.version) != version:
            raise Conflict(
                f"{self.place(name)} was written by another program meanwhile",
                remedy="See what else writes there, and run again.",
            )
        if held is None:
            group.directory(os.path.join(self._home.path, name))
        item = self._home.make(name)
        snapshot = f"{_PREFIX}{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        tree = group.tree((item, snapshot))
        tree.write(_RECORD, json.dumps(document, indent=1).encode(), self._attributes)
        published = [entry for entry in self._projections if isinstance(document.get(entry.field), str)]
        for entry in published:
            tree.write(entry.field, document[entry.field].encode(), entry.attributes)
        current = Place.within(item, CURRENT)
        group.link((item, CURRENT), snapshot)
        for entry in published:
            self._publish(group, item, entry, name, document[entry.field], snapshot)
        for old in self._snapshots(names_in(item)):
            group.remove((item, old), unless=current, named=old)
        return snapshot

    def _publish(
        self, group: FileGroup, item: Directory, entry: Projection, name: str, text: str, snapshot: str
    ) -> None:
        path, target = self.path(entry, name), self._link_target(entry, name)
        group.directory(os.path.dirname(path))
        said = link_text(path)
        if said == target:
            return
        held = read_file(path) if said is None else None
        if held is not None and held != text.encode():
            # The file of others is kept: it may be the only copy of a key.
            group.directory(os.path.join(item.real, "replaced"), Attributes(mode=0o700))
            aside = self._home.inner(item, "replaced")
            if aside is not None:
                group.put((aside, f"{entry.field}-{snapshot}"), held, _PRIVATE)
        group.link(path, target)

    def remove(self, names: t.Sequence[str]) -> dict[str, TrustmeshError]:
        files = FileTransaction()
        root = self._home.root()
        for name in names:
            with files.group(name) as group:
                for entry in self._projections:
                    path = self.path(entry, name)
                    if link_text(path) == self._link_target(entry, name):
                        group.remove(path)
                if root is not None:
                    group.remove((root, name))
        return files.commit()

    def names(self, besides: t.Collection[str] = ()) -> list[str]:
        root = self._home.root()
        if root is None:
            return []
        with named_failure(self._home.path):
            return sorted(name for name in names_in(root) if name not in besides and self._is_kept(root, name))

    def _is_kept(self, root: Directory, name: str) -> bool:
        """Tell whether a name is an owner's. What is not a directory holds no document, whoever put it there."""
        try:
            if name.startswith(".") or not stat.S_ISDIR(root.stat(name).st_mode):
                return False
        except FileNotFoundError:
            return False
        item = self._home.inner(root, name)
        return item is not None and self._home.current(item) is not None

    def path(self, entry: Projection, name: str) -> str:
        """Return where a field of an owner is published."""
        return os.path.normpath(os.path.join(self._base, filled(entry.path, name, entry.field)))

    def _link_target(self, entry: Projection, name: str) -> str:
        directory = os.path.dirname(self.path(entry, name))
        return os.path.relpath(os.path.join(self._home.path, name, CURRENT, entry.field), directory)

    @staticmethod
    def _snapshots(names: t.Iterable[str]) -> list[str]:
        return [name for name in names if name.startswith(_PREFIX)]

    def _foreign(self, name: str) -> Document:
        """Return the texts that lie at the published paths, and since when the first of them does."""
        document: Document = {}
        for entry in self._projections:
            path = self.path(entry, name)
            found = None if link_text(path) == self._link_target(entry, name) else read_found(path)
            if found is not None:
                document[entry.field] = found.content.decode("utf-8", "replace")
                written = datetime.datetime.fromtimestamp(int(found.status.st_mtime), datetime.timezone.utc)
                document.setdefault("created", spell_instant(written))
        return document


def _astray(what: str, attributes: Attributes, status: os.stat_result) -> t.Iterator[Misplacement]:
    for attribute, held, wanted in attributes.differences(status):
        yield f"{what}.{attribute}", held, wanted
