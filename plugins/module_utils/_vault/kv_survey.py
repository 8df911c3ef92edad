# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What secrets a key-value engine holds, and how old they are; see ``_hygiene.manifest`` for what is made of it."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .._core.address import at, route
from .._core.at_once import at_once
from .._core.errors import InvalidInput
from .._core.redact import Secret
from .answer import Fields
from .connection import WORKERS
from .errors import NoMount
from .kv_versions import KvVersions
from .port import Vault


@dataclass(frozen=True)
class KvSecretFacts:
    """One secret that is there."""

    changed: t.Optional[datetime.datetime] = None
    fields: t.Optional[frozenset[str]] = None
    faults: tuple[str, ...] = field(default=())


class KvSurvey:
    """The secrets below a path of one engine."""

    def __init__(
        self,
        vault: Vault,
        mount: str,
        prefix: str,
        faults_of: Callable[[str, t.Optional[str]], t.Iterable[str]],
        now: datetime.datetime,
    ) -> None:
        self._vault = vault
        self._mount = route(mount, "mount")
        self._prefix = [route(prefix, "prefix")] if prefix.strip("/") else []
        self._faults_of = faults_of
        self._now = now
        self._versioned = KvVersions(vault).of(self._mount) == 2

    def observe(self, keys: Sequence[str], *, values: bool) -> Mapping[str, KvSecretFacts]:
        """Return every secret by its path below the prefix; those in ``keys`` with their age and fields.

        A secret whose newest version is deleted is not there.
        """
        try:
            listed = set(self._listed(""))
        except NoMount as error:
            raise InvalidInput(f"there is no engine at {self._mount}", field="mount", remedy=error.remedy) from None
        wanted = [key for key in keys if key in listed]
        seen = dict(zip(wanted, at_once(lambda key: self._look(key, values), wanted, WORKERS)))
        found = {key: seen.get(key, KvSecretFacts()) for key in listed}
        return {key: facts for key, facts in found.items() if facts is not None}

    def _listed(self, below: str) -> t.Iterator[str]:
        for name in self._vault.list(self._at("metadata", below.rstrip("/"))):
            if name.endswith("/"):
                yield from self._listed(below + name)
            else:
                yield below + name

    def _look(self, key: str, values: bool) -> t.Optional[KvSecretFacts]:
        changed = None
        faults: list[str] = []
        if self._versioned:
            place = self._at("metadata", key)
            held = self._vault.read(place)
            about = Fields.of(held or {}, place)
            newest = 0 if held is None else about.number("current_version")
            if not newest:
                return None
            version = about.mapping("versions").mapping(str(newest))
            # The time of a deletion may lie ahead (delete_version_after).
            end = version.text_or("deletion_time")
            if version.flag("destroyed") or (end and version.instant("deletion_time") <= self._now):
                return None
            changed = version.instant("created_time")
            # The newest version goes by itself then, and nothing takes its place.
            faults += [f"is deleted by itself at {end} (delete_version_after)"] if end else []
        if not values:
            return KvSecretFacts(changed, faults=tuple(faults))
        data: Mapping[str, t.Any] = self._data(self._at("data", key))
        for name, value in sorted(data.items()):
            if isinstance(value, str):
                faults += self._faults_of(Secret(value).reveal(), name)
        return KvSecretFacts(changed, frozenset(data), tuple(faults))

    def _data(self, place: str) -> Mapping[str, t.Any]:
        if not self._versioned:
            return self._vault.read_or_nothing(place)
        held = self._vault.read_version(place)
        return {} if held is None else held.mapping_or("data")

    def _at(self, part: str, below: str) -> str:
        parts = [self._mount, *([part] if self._versioned else []), *self._prefix, *([below] if below else [])]
        return at(*parts)
