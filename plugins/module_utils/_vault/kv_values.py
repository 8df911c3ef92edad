# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Single values out of a key-value engine, for those who hand secrets over."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable

from .._core.address import at, route
from .._core.errors import InvalidInput
from .._core.redact import Secret
from .kv_versions import KvVersions
from .port import Data, Vault


class KvValues:
    """Reads each secret once, however many of its keys are asked for; logs in when the first one is."""

    def __init__(self, login: Callable[[], Vault]) -> None:
        self._login = login
        self._lock = threading.RLock()
        self._opened: t.Optional[tuple[Vault, KvVersions]] = None
        self._held: dict[tuple[str, str], Data] = {}

    @property
    def warnings(self) -> list[str]:
        """What the server said."""
        return self._opened[0].warnings if self._opened else []

    def __call__(self, mount: str, path: str, key: str) -> Secret:
        """Return one value; raises :class:`InvalidInput` when it is not there, or is no text."""
        where = (route(mount, "mount"), route(path, "path"))
        with self._lock:
            if where not in self._held:
                self._held[where] = self._read(*where)
            data = self._held[where]
        if key not in data:
            raise InvalidInput(
                f"{'/'.join(where)} has no {key}" if data else f"there is no secret at {'/'.join(where)}",
                field="vault",
                remedy="Write it first (trustmesh.security.vault_kv_secret).",
            )
        if not isinstance(data[key], str):
            raise InvalidInput(f"{key} of {'/'.join(where)} is not a text", field="vault", remedy="Quote it.")
        return Secret(data[key])

    def _read(self, mount: str, path: str) -> Data:
        if self._opened is None:
            login = self._login()
            self._opened = (login, KvVersions(login))
        vault, versions = self._opened
        if versions.of(mount) == 1:
            return vault.read_or_nothing(at(mount, path))
        held = vault.read_version(at(mount, "data", path))
        if held is not None and held["data"] is None:
            raise InvalidInput(
                f"the newest version of {mount}/{path} is deleted",
                field="vault",
                remedy="Undelete it, or write it again (trustmesh.security.vault_kv_secret).",
            )
        return {} if held is None else held.mapping("data")
