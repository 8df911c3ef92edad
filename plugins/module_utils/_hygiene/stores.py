# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Where secrets are kept on a host: a directory with a file per secret, and an environment file."""

from __future__ import annotations

import datetime
import os
import stat
import typing as t
from collections.abc import Mapping, Sequence

from .._core.errors import InvalidInput, TrustmeshError
from .._core.files import is_directory, read_file, status, walk
from .._core.spec import Options
from .._ilp.published import published
from .environment_text import parse_environment
from .manifest import Entry, Observation, Observed, Store, judge, summarise

STORE_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "choices": ["vault_kv", "directory", "environment_file"], "required": True},
    "mount": {"type": "str"},
    "prefix": {"type": "str", "default": ""},
    "path": {"type": "path"},
    "ignore": {"type": "list", "elements": "str", "default": []},
}
STORE_CONSTRAINTS: t.Final[Mapping[str, t.Any]] = {
    "required_if": [
        ("type", "vault_kv", ("mount",)),
        ("type", "directory", ("path",)),
        ("type", "environment_file", ("path",)),
    ]
}


def value_faults(value: str, field: t.Optional[str] = None) -> t.Iterator[str]:
    """Yield what is wrong with a value, whatever it is for: it is empty, or in print."""
    of = f" of {field}" if field else ""
    if not value.strip():
        yield f"has an empty value{of}"
    origin = published(value)
    if origin is not None:
        yield f"has a value{of} that everybody knows ({origin})"


class Directory:
    """A directory in which each file is a secret; its key is its path from there.

    A file with several names, such as one in a mounted volume of Kubernetes (a link to a file below a link), is one
    secret. Its key is the name that is declared; if none is, that which lies least deep.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def observe(self, keys: Sequence[str], *, values: bool) -> dict[str, Observed]:
        """See :class:`Store`."""
        if not is_directory(self._path):
            raise InvalidInput("there is no such directory on this host", field=self._path)
        names: dict[tuple[int, int], list[str]] = {}
        found: dict[str, Observed] = {}
        for path, entry in walk(self._path):
            held = status(path, follow=True) if stat.S_ISLNK(entry.st_mode) else entry
            if held is None or stat.S_ISDIR(held.st_mode):
                continue
            content = (read_file(path) or b"").decode("utf-8", "replace") if values else None
            key = os.path.relpath(path, self._path)
            names.setdefault((held.st_dev, held.st_ino), []).append(key)
            found[key] = Observed(
                datetime.datetime.fromtimestamp(held.st_mtime, tz=datetime.timezone.utc),
                faults=() if content is None else tuple(value_faults(content)),
            )
        return {key: found[key] for several in names.values() for key in _meant(several, keys)}


def _meant(names: Sequence[str], declared: t.Collection[str]) -> Sequence[str]:
    """Return the names of one file that stand for it."""
    return [name for name in names if name in declared] or [min(names, key=lambda name: (name.count("/"), name))]


class EnvironmentFile:
    """A file of variables; the key of a secret is the name of its variable, which has no age of its own."""

    def __init__(self, path: str) -> None:
        self._path = path

    def observe(self, keys: Sequence[str], *, values: bool) -> dict[str, Observed]:
        """See :class:`Store`."""
        content = read_file(self._path)
        if content is None:
            raise InvalidInput("there is no such file on this host", field=self._path)
        held = parse_environment(content.decode("utf-8", "replace"))
        return {name: Observed(faults=tuple(value_faults(value)) if values else ()) for name, value in held.items()}


class ManifestReport:
    """Holds declared secrets against the stores."""

    def __init__(self, entries: Sequence[Entry], stores: Sequence[Mapping[str, t.Any]]) -> None:
        self._entries = entries
        self._stores = {store["name"]: store for store in stores}
        if len(self._stores) < len(stores):
            raise InvalidInput("two stores have the same name", field="stores", remedy="Name each of them differently.")
        for at, entry in enumerate(entries):
            if entry.store not in self._stores:
                raise InvalidInput(
                    f"there is no store {entry.store}",
                    field=f"secrets[{at}] ({entry.name}).store",
                    remedy=f"There are {', '.join(self._stores)}.",
                )
        self._refuse_repeated()

    def _refuse_repeated(self) -> None:
        seen: set[tuple[str, str]] = set()
        for entry in self._entries:
            if (entry.store, entry.key) in seen:
                raise InvalidInput(f"{entry.key} of {entry.store} is declared twice", field="secrets")
            seen.add((entry.store, entry.key))

    def run(
        self, vault: t.Callable[[Mapping[str, t.Any]], Store], now: datetime.datetime, *, values: bool
    ) -> dict[str, t.Any]:
        """Return the facts of the module; ``vault`` makes the store that lies in a key-value engine."""
        held: dict[str, t.Union[Mapping[str, Observation], TrustmeshError]] = {}
        for name, store in self._stores.items():
            mine = [entry for entry in self._entries if entry.store == name]
            wanted = values or any(entry.fields for entry in mine)
            try:
                held[name] = _open(store, vault).observe([entry.key for entry in mine], values=wanted)
            except TrustmeshError as error:
                held[name] = error
        ignore = {name: store["ignore"] for name, store in self._stores.items()}
        results = judge(self._entries, held, ignore, now)
        facts: dict[str, t.Any] = {"results": results, "summary": summarise(results)}
        failures = {name: error for name, error in held.items() if isinstance(error, TrustmeshError)}
        if failures:
            told = "; ".join(f"{name}: {error}" for name, error in failures.items())
            facts.update(failed=True, msg=told)
        return facts


def _open(store: Mapping[str, t.Any], vault: t.Callable[[Mapping[str, t.Any]], Store]) -> Store:
    if store["type"] == "vault_kv":
        return vault(store)
    return Directory(store["path"]) if store["type"] == "directory" else EnvironmentFile(store["path"])
