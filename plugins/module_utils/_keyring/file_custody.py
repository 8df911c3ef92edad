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
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput, TrustmeshError
from .._core.files import Attributes, FileGroup, FileTransaction, named_failure, read_file
from .custody import Conflict, Entry, Misplacement, Version
from .names import filled
from .record import DamagedRecord, Document, spell_instant

_RECORD = "record.json"
_CURRENT = "current"
_PREFIX = "s-"
_OPEN_DIRECTORY = Attributes(mode=0o755)
_PRIVATE: t.Final = Attributes()


@dataclass(frozen=True)
class Projection:
    """A field of the record that programs read from a file of its own; ``path`` has ``{name}`` in it."""

    field: str
    path: str
    attributes: Attributes


def projection(field: str, path: str, attributes: Attributes, *, option: str, secret: bool) -> Projection:
    """Return a checked projection; raises :class:`InvalidInput` naming ``option``."""
    filled(path, "x", option)
    if secret and attributes.mode & 0o007:
        raise InvalidInput("a secret may not be open to everybody", field=option, remedy="Use 0600 or 0640.")
    return Projection(field, path, attributes)


class FileCustody:
    """Records below one directory; ``kind`` keeps those of different modules apart."""

    reads_here = True

    def __init__(
        self, directory: str, kind: str, projections: t.Sequence[Projection], attributes: Attributes = _PRIVATE
    ) -> None:
        self._base = os.path.abspath(directory)
        self._store = os.path.join(self._base, f".trustmesh-{kind}")
        self._projections = tuple(projections)
        #: Of the record itself, which holds everything.
        self._attributes = attributes

    @property
    def identity(self) -> str:
        return self._base

    def place(self, name: str) -> str:
        return os.path.join(self._store, name, _CURRENT, _RECORD)

    def read(self, name: str) -> t.Optional[tuple[Document, Version]]:
        """Return the record; what others left at the published paths is a document without ``format``."""
        version = self._version(name)
        if version is None:
            found = self._foreign(name)
            return (found, None) if found else None
        content = read_file(self.place(name))
        try:
            document = json.loads(content or b"")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise DamagedRecord(
                "is no JSON object", field=self.place(name), remedy="Restore it from a backup, or remove it."
            )
        return document, version

    def misplaced(self, name: str) -> t.Sequence[Misplacement]:
        if self._version(name) is None:
            return ()
        found = list(self._astray(name, "record", self.place(name), self._attributes))
        document = self.read(name)
        for entry in self._projections:
            wanted = document[0].get(entry.field) if document else None
            if isinstance(wanted, str):
                found += self._misplaced_field(name, entry, wanted)
        return found

    def _misplaced_field(self, name: str, entry: Projection, wanted: str) -> t.Iterator[Misplacement]:
        path = self.path(entry, name)
        if not os.path.islink(path) or os.readlink(path) != self._link_target(entry, name):
            held = "other" if os.path.lexists(path) else None
            yield f"{entry.field}.file", held, f"{path}, a link to the key in use"
            return
        if read_file(path) != wanted.encode():
            yield f"{entry.field}.content", "other" if os.path.exists(path) else None, "as recorded"
            return
        yield from self._astray(name, entry.field, path, entry.attributes)

    @staticmethod
    def _astray(name: str, what: str, path: str, attributes: Attributes) -> t.Iterator[Misplacement]:
        with named_failure(path):
            for attribute, held, wanted in attributes.differences(os.stat(path)):
                yield f"{what}.{attribute}", held, wanted

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
        held = self._version(name)
        if held != version:
            raise Conflict(
                f"{self.place(name)} was written by somebody else meanwhile", remedy="See who does, and run again."
            )
        snapshot = f"{_PREFIX}{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        directory = os.path.join(self._store, name, snapshot)
        group.directory(directory, _OPEN_DIRECTORY)
        content = json.dumps(document, sort_keys=True, indent=1).encode()
        group.write(os.path.join(directory, _RECORD), content, self._attributes)
        published = [entry for entry in self._projections if isinstance(document.get(entry.field), str)]
        for entry in published:
            group.write(os.path.join(directory, entry.field), document[entry.field].encode(), entry.attributes)
        group.link(os.path.join(self._store, name, _CURRENT), snapshot)
        for entry in published:
            self._publish(group, entry, name, document[entry.field], snapshot)
        for old in self._snapshots(name):
            if old != snapshot:
                group.remove(os.path.join(self._store, name, old))
        return snapshot

    def _publish(self, group: FileGroup, entry: Projection, name: str, text: str, snapshot: str) -> None:
        path = self.path(entry, name)
        group.directory(os.path.dirname(path))
        if not os.path.islink(path):
            held = read_file(path)
            if held is not None and held != text.encode():
                # Somebody else's file is kept: it may be the only copy of a key.
                aside = os.path.join(self._store, name, "replaced")
                group.directory(aside, Attributes(mode=0o700))
                group.write(os.path.join(aside, f"{entry.field}-{snapshot}"), held, _PRIVATE)
        if not os.path.islink(path) or os.readlink(path) != self._link_target(entry, name):
            group.link(path, self._link_target(entry, name))

    def remove(self, names: t.Sequence[str]) -> dict[str, TrustmeshError]:
        files = FileTransaction()
        for name in names:
            with files.group(name) as group:
                for entry in self._projections:
                    path = self.path(entry, name)
                    if os.path.islink(path) and os.readlink(path) == self._link_target(entry, name):
                        group.remove(path)
                group.remove(os.path.join(self._store, name))
        return files.commit()

    def names(self) -> list[str]:
        with named_failure(self._store):
            if not os.path.isdir(self._store):
                return []
            return sorted(name for name in os.listdir(self._store) if self._version(name) is not None)

    def path(self, entry: Projection, name: str) -> str:
        """Return where a field of an owner is published."""
        return os.path.normpath(os.path.join(self._base, filled(entry.path, name, entry.field)))

    def _link_target(self, entry: Projection, name: str) -> str:
        directory = os.path.dirname(self.path(entry, name))
        return os.path.relpath(os.path.join(self._store, name, _CURRENT, entry.field), directory)

    def _version(self, name: str) -> t.Optional[str]:
        path = os.path.join(self._store, name, _CURRENT)
        with named_failure(path):
            try:
                return os.readlink(path)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _snapshots(self, name: str) -> list[str]:
        try:
            return [entry for entry in os.listdir(os.path.join(self._store, name)) if entry.startswith(_PREFIX)]
        except FileNotFoundError:
            return []

    def _foreign(self, name: str) -> Document:
        """Return the texts that lie at the published paths, and since when the first of them does."""
        document: Document = {}
        for entry in self._projections:
            path = self.path(entry, name)
            content = read_file(path)
            if content is None:
                continue
            document[entry.field] = content.decode("utf-8", "replace")
            with named_failure(path):
                written = datetime.datetime.fromtimestamp(int(os.stat(path).st_mtime), datetime.timezone.utc)
            document.setdefault("created", spell_instant(written))
        return document
