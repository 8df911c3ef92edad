# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What secrets a key-value engine holds, and how old they are; see ``_hygiene.manifest`` for what is made of it."""

from __future__ import annotations

import datetime
import re
import typing as t
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .._core.errors import InvalidInput
from .._core.redact import Secret
from .connection import WORKERS
from .errors import NoMount
from .kv import KvVersions
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
        self._mount = mount.strip("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
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
        found = {key: KvSecretFacts() for key in listed}
        wanted = [key for key in keys if key in listed]
        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            seen = dict(zip(wanted, pool.map(lambda key: self._look(key, values), wanted)))
        found.update((key, facts) for key, facts in seen.items() if facts is not None)
        return {key: facts for key, facts in found.items() if seen.get(key, facts) is not None}

    def _listed(self, below: str) -> t.Iterator[str]:
        part = "metadata/" if self._versioned else ""
        for name in self._vault.list(f"{self._mount}/{part}{self._prefix}{below}".rstrip("/")):
            if name.endswith("/"):
                yield from self._listed(below + name)
            else:
                yield below + name

    def _look(self, key: str, values: bool) -> t.Optional[KvSecretFacts]:
        changed = None
        faults: list[str] = []
        if self._versioned:
            about = self._vault.read(f"{self._mount}/metadata/{self._prefix}{key}") or {}
            version = (about.get("versions") or {}).get(str(about.get("current_version"))) or {}
            # The time of a deletion may lie ahead (delete_version_after).
            end = version.get("deletion_time")
            if not version or version.get("destroyed") or (end and _instant(end) <= self._now):
                return None
            changed = _instant(version["created_time"])
            # The newest version goes by itself then, and nothing takes its place.
            faults += [f"is deleted by itself at {end} (delete_version_after)"] if end else []
        if not values:
            return KvSecretFacts(changed, faults=tuple(faults))
        held = self._vault.read(f"{self._mount}/{'data/' if self._versioned else ''}{self._prefix}{key}") or {}
        data: Mapping[str, t.Any] = (held.get("data") if self._versioned else held) or {}
        for name, value in sorted(data.items()):
            if isinstance(value, str):
                faults += self._faults_of(Secret(value).reveal(), name)
        return KvSecretFacts(changed, frozenset(data), tuple(faults))


def _instant(text: str) -> datetime.datetime:
    """Return an instant of RFC 3339; servers tell nanoseconds, which Python does not read."""
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d+)?Z$", "+00:00", text))
