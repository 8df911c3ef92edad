# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A key-value engine, version 1 or 2, as the custody of keys and as a place where public keys are published.

Version 2 carries check-and-set: what others wrote after it was read is not overwritten. Version 1 has nothing of the
kind, so that it is read once more before every write, and a content that was not expected is an error.
"""

from __future__ import annotations

import hashlib
import json
import threading
import typing as t
from collections.abc import Mapping

from .._core.address import at, route
from .._core.at_once import at_once
from .._core.errors import InvalidInput, Overtaken, TrustmeshError, Unlisted
from .connection import WORKERS
from .errors import Forbidden, NoMount, NotVault, Rejected, TooLarge
from .kv_versions import KvVersions
from .port import Data, Vault

Version = t.Union[int, str, None]
T = t.TypeVar("T")

_PLACEHOLDER: t.Final = "{name}"
#: The key of a secret of one owner, by the suffix of its names among those of many.
_FIELDS: t.Final = {".pem": "public_key", ".json": "document"}
_ATTEMPTS = 5
#: Not what anybody declares, so that it is nothing to mend but something to remove.
_DELETED: t.Final = ("the newest version", "deleted, which leaves its history", None)


class KvStore:
    """Documents by path in one engine."""

    def __init__(self, vault: Vault, versions: KvVersions, mount: str) -> None:
        self.vault = vault
        self.mount = route(mount, "mount")
        self._versions = versions

    @property
    def versioned(self) -> bool:
        """Whether the engine keeps versions; asked once."""
        return self._versions.of(self.mount) == 2

    def at(self, part: str, path: str) -> str:
        """Return the path of a document's data or metadata in the API."""
        return at(*(piece for piece in (self.mount, part if self.versioned else "", path) if piece))

    def read(self, path: str, deleted: t.Optional[set[str]] = None) -> t.Optional[tuple[Data, Version]]:
        """Return a document and its version; a missing mount counts as absence, with a warning.

        So does a newest version that is deleted, although it and earlier ones may be restored; its path is added to
        ``deleted``.
        """
        where = self.at("data", path)
        try:
            if not self.versioned:
                plain = self.vault.read(where)
                return None if plain is None else (dict(plain), _fingerprint(plain))
            held = self.vault.read_version(where)
        except NoMount as error:
            self.vault.miss(f"{self.mount}/{path}", where, error)
            return None
        if held is not None and held["data"] is None and deleted is not None:
            deleted.add(path)
        if held is None or held["data"] is None:
            return None
        return dict(held.mapping("data")), held.mapping("metadata").number("version")

    def write(self, path: str, document: Mapping[str, t.Any], version: Version) -> Version:
        """Write a document over the given version of it and return the new one; raises :class:`Overtaken`."""
        if not self.versioned:
            return self._write_plain(path, document, version)
        base = int(version or 0)
        written = self._put(path, document, base)
        if not isinstance(written, Rejected):
            return written
        held = self.vault.read_version(self.at("data", path))
        if held is None and base:
            raise _overtaken(f"{self.mount}/{path}", "removed")
        if held is None:
            raise NotVault(
                f"{self.mount}/{path} is not written: it is not there, and cannot be made because it is",
                field="url",
                remedy="A proxy, a cache or another service may stand between here and the server.",
            )
        newest = held.mapping("metadata").number("version")
        if written.repeated and held["data"] == document:  # the answer to our first attempt was lost
            return newest
        # What is deleted counted as absent, but has to be named to be written over.
        if base == 0 and held["data"] is None:
            written = self._put(path, document, newest)
        if isinstance(written, Rejected):
            raise _overtaken(f"{self.mount}/{path}")
        return written

    def _write_plain(self, path: str, document: Mapping[str, t.Any], version: Version) -> Version:
        """Write to an engine that keeps no versions, unless its content is another than the one that was read."""
        held = self.read(path)
        if (held[1] if held else None) != version:
            raise _overtaken(f"{self.mount}/{path}")
        if document:
            self.vault.write(self.at("data", path), document)
            return _fingerprint(document)
        self.remove(path)  # this version of the engine keeps no empty secret
        return None

    def _put(self, path: str, document: Mapping[str, t.Any], base: int) -> t.Union[int, Rejected]:
        """Write over version ``base`` and return the new one, or the refusal when the newest is another."""
        try:
            body = {"data": dict(document), "options": {"cas": base}}
            return self.vault.write(self.at("data", path), body).data.number("version")
        except Rejected as error:
            if "check-and-set" not in str(error):
                raise
            return error

    def remove(self, path: str) -> None:
        """Remove a document with all its versions."""
        self.vault.delete(self.at("metadata", path))

    def names(self, folder: str) -> list[str]:
        """Return the names of the documents in a folder."""
        try:
            keys = self.vault.list(self.at("metadata", folder))
        except NoMount:
            return []
        return sorted(key for key in keys if not key.endswith("/"))


def _fingerprint(document: Mapping[str, t.Any]) -> str:
    """Return what stands for the content of a secret without versions."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _overtaken(place: str, what: str = "written") -> Overtaken:
    return Overtaken(f"{place} was {what} by others meanwhile", remedy="See who does, and run again.")


class KvCustody:
    """One secret per owner; ``path`` has ``{name}`` in it."""

    reads_here = False
    #: Every write says which version it replaces, so that no lock is needed.
    store = None

    def __init__(self, store: KvStore, path: str) -> None:
        self._store = store
        self._path = path.strip("/")
        #: The paths whose newest version was deleted when they were read last.
        self._deleted: set[str] = set()
        if _PLACEHOLDER not in self._path:
            raise InvalidInput(f"{path!r} is the same for every owner", field="path", remedy="Put {name} into it.")

    @property
    def identity(self) -> str:
        return f"{self._store.mount}/{self._path}"

    def files(self, name: str) -> t.Iterable[tuple[str, str]]:
        return ()

    def place(self, name: str) -> str:
        return f"{self._store.mount}/{self._at(name)}"

    def read(self, name: str) -> t.Optional[tuple[Data, Version]]:
        path = self._at(name)
        self._deleted.discard(path)
        return self._store.read(path, self._deleted)

    def misplaced(self, name: str) -> t.Sequence[tuple[str, t.Any, t.Any]]:
        return (_DELETED,) if self._at(name) in self._deleted else ()

    def write(self, entries: t.Sequence[tuple[str, Data, Version]]) -> dict[str, t.Union[Version, TrustmeshError]]:
        def put(entry: tuple[str, Data, Version]) -> t.Union[Version, TrustmeshError]:
            name, document, version = entry
            return _outcome(lambda: self._store.write(self._at(name), document, version))

        return _each([entry[0] for entry in entries], dict(zip((entry[0] for entry in entries), entries)), put)

    def remove(self, names: t.Sequence[str]) -> dict[str, TrustmeshError]:
        def drop(name: str) -> t.Optional[TrustmeshError]:
            return _outcome(lambda: self._store.remove(self._at(name)))

        failures = _each(names, {name: name for name in names}, drop)
        return {name: error for name, error in failures.items() if error is not None}

    def names(self, besides: t.Collection[str] = ()) -> list[str]:
        folder, _slash, last = self._path.rpartition("/")
        if last != _PLACEHOLDER:
            raise Unlisted(
                f"the owners below {self._path!r} cannot be listed", field="path", remedy="Let it end in /{name}."
            )
        try:
            return [name for name in self._store.names(folder) if name not in besides]
        except Forbidden as error:
            raise Unlisted(error.problem, field=error.field, remedy=error.remedy) from None

    def _at(self, name: str) -> str:
        return self._path.replace(_PLACEHOLDER, name)


class KvPublisher:
    """All public texts of one audience in one secret, each under ``<owner><suffix>``: one reading and one write."""

    def __init__(self, store: KvStore, path: str, suffix: str = ".pem") -> None:
        self._store = store
        self._path = path.strip("/")
        self._suffix = suffix
        self._lock = threading.Lock()
        #: What a plan was made of, and what was written since.
        self._seen: t.Optional[dict[str, str]] = None

    @property
    def identity(self) -> str:
        return f"kv {self._store.mount}/{self._path}"

    def file(self, name: str) -> None:
        return None

    def held(self) -> Mapping[str, str]:
        """Return the texts by owner; keys without the suffix are somebody else's."""
        self._seen = self._texts(self._read()[0])
        return dict(self._seen)

    def publish(self, texts: Mapping[str, t.Optional[str]]) -> dict[str, TrustmeshError]:
        """Write all texts at once into what is there; when others were faster, look again and repeat it.

        A text that others have exchanged since it was seen stays: theirs may be that of a newer key.
        """
        failure: t.Optional[TrustmeshError] = None
        with self._lock:
            for _attempt in range(_ATTEMPTS):
                held, version = self._read()
                exchanged = self._exchanged(self._texts(held), texts)
                rest = {name: text for name, text in texts.items() if name not in exchanged}
                document = self._with(held, rest)
                if not rest or (document == held and failure is not None):
                    return {**dict.fromkeys(rest, failure), **exchanged} if failure else exchanged
                try:
                    self._store.write(self._path, document, version)
                except Overtaken as error:
                    failure = error
                except TooLarge:
                    raise _too_many(len(document)) from None
                else:
                    self._note(rest)
                    return exchanged
        return dict.fromkeys(texts, failure) if failure else {}

    def _exchanged(self, held: Mapping[str, str], texts: Mapping[str, t.Optional[str]]) -> dict[str, TrustmeshError]:
        """Return those of the owners for whom others have published another text than was seen, and is wanted."""
        if self._seen is None:
            return {}
        place = f"{self._store.mount}/{self._path}"
        return {
            name: _overtaken(f"the text of {name} in {place}")
            for name, text in texts.items()
            if held.get(name) not in (self._seen.get(name), text)
        }

    def _note(self, texts: Mapping[str, t.Optional[str]]) -> None:
        if self._seen is not None:
            self._seen = {name: text for name, text in {**self._seen, **texts}.items() if text is not None}

    def _with(self, document: Data, texts: Mapping[str, t.Optional[str]]) -> Data:
        """Return a document with these texts in it, and without those that are taken back."""
        changed = {name + self._suffix: text for name, text in texts.items()}
        kept = {key: value for key, value in document.items() if key not in changed}
        return {**kept, **{key: text for key, text in changed.items() if text is not None}}

    def _read(self) -> tuple[Data, Version]:
        held = self._store.read(self._path)
        return (dict(held[0]), held[1]) if held else ({}, None)

    def _texts(self, document: Data) -> dict[str, str]:
        end = len(self._suffix)
        return {
            key[:-end] if end else key: str(value)
            for key, value in document.items()
            if key.endswith(self._suffix) and len(key) > end
        }


class KvSpreadPublisher:
    """A secret per owner with its public text, for more owners than fit into one; ``path`` ends in ``/{name}``."""

    def __init__(self, store: KvStore, path: str, suffix: str = ".pem") -> None:
        self._store = store
        self._path = path.strip("/")
        self._field = _FIELDS[suffix]
        self._versions: dict[str, Version] = {}
        if not self._path.endswith(f"/{_PLACEHOLDER}") or self._path.count(_PLACEHOLDER) > 1:
            raise InvalidInput(f"{path!r} names no folder to list", field="path", remedy="Let it end in /{name}.")

    @property
    def identity(self) -> str:
        return f"kv {self._store.mount}/{self._path}"

    def file(self, name: str) -> None:
        return None

    def held(self) -> Mapping[str, str]:
        """Return the texts by owner: one listing, and one reading for each."""
        names = self._store.names(self._path.rpartition("/")[0])
        found = _each(names, {name: name for name in names}, lambda name: self._store.read(self._at(name)))
        self._versions = {name: held[1] for name, held in found.items() if held is not None}
        texts = {name: held[0].get(self._field) for name, held in found.items() if held is not None}
        return {name: str(text) for name, text in texts.items() if text is not None}

    def publish(self, texts: Mapping[str, t.Optional[str]]) -> dict[str, TrustmeshError]:
        """Write each secret over the version that was read last."""

        def put(name: str) -> t.Optional[TrustmeshError]:
            text, version = texts[name], self._versions.get(name)
            if text is None:
                return _outcome(lambda: self._store.remove(self._at(name)))
            written = _outcome(lambda: self._store.write(self._at(name), {self._field: text}, version))
            if isinstance(written, TrustmeshError):
                return written
            self._versions[name] = written  # another text may have to follow before anything is read again
            return None

        outcomes = _each(list(texts), {name: name for name in texts}, put)
        return {name: error for name, error in outcomes.items() if error is not None}

    def _at(self, name: str) -> str:
        return self._path.replace(_PLACEHOLDER, name)


class KvStores:
    """Custodies and publishers in one Vault; logs in when the first of them is asked for."""

    def __init__(self, login: t.Callable[[], Vault]) -> None:
        self._login = login
        self._versions: t.Optional[KvVersions] = None
        self.vault: t.Optional[Vault] = None
        self._remarks: list[str] = []

    @property
    def warnings(self) -> list[str]:
        """What the server remarked, the list that it is added to."""
        return self.vault.warnings if self.vault is not None else self._remarks

    def custody(self, mount: str, path: str) -> KvCustody:
        """Return a custody with one secret per owner."""
        return KvCustody(self._store(mount), path)

    def publisher(self, mount: str, path: str, suffix: str) -> t.Union[KvPublisher, KvSpreadPublisher]:
        """Return a publisher with all public texts in one secret, or with a secret for each ``{name}``."""
        if _PLACEHOLDER in path:
            return KvSpreadPublisher(self._store(mount), path, suffix)
        return KvPublisher(self._store(mount), path, suffix)

    def document(self, mount: str, path: str) -> t.Optional[Data]:
        """Return one secret as it is, or ``None`` when there is none."""
        held = self._store(mount).read(path)
        return held[0] if held else None

    def connection(self) -> Vault:
        """Return the one login, for what else lives in the same Vault."""
        if self.vault is None:
            self.vault = self._login()
        return self.vault

    def _store(self, mount: str) -> KvStore:
        vault = self.connection()
        if self._versions is None:
            self._versions = KvVersions(vault)
        return KvStore(vault, self._versions, mount)


def _each(names: t.Sequence[str], entries: Mapping[str, t.Any], act: t.Callable[[t.Any], T]) -> dict[str, T]:
    """Do one thing for many owners over the shared connection, as many at a time as it carries."""
    return dict(zip(names, at_once(act, [entries[name] for name in names], WORKERS)))


def _outcome(act: t.Callable[[], T]) -> t.Union[T, TrustmeshError]:
    """Return the failure of one owner as a value, so that the others are served all the same."""
    try:
        return act()
    except TrustmeshError as error:
        return error


def _too_many(count: int) -> TrustmeshError:
    """Say what is too large in terms of what was declared."""
    return TooLarge(
        f"{count} public texts are too many for one secret on this server",
        field="publish",
        remedy="End the path in /{name}, so that there is a secret for each.",
    )
