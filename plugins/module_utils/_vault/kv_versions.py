# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Which version of the key-value engine a mount is, which decides about every address below it."""

from __future__ import annotations

import threading

from .._core.address import at
from .._core.errors import InvalidInput
from .._core.foreign import printable
from .errors import Forbidden, NoMount, NotVault, Rejected
from .port import Vault


class KvVersions:
    """Which version of the engine a mount is, asked once per mount."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._lock = threading.Lock()
        self._versions: dict[str, int] = {}

    def of(self, mount: str) -> int:
        """Return 1 or 2; a mount that is not there yet counts as 2, and reading from it will tell."""
        with self._lock:
            if mount not in self._versions:
                self._versions[mount] = self._ask(mount)
            return self._versions[mount]

    def _ask(self, mount: str) -> int:
        try:
            # Open to every token that may do anything below the mount.
            about = self._vault.mount_of(mount)
        except (Forbidden, NoMount, Rejected):
            return self._by_help(mount)
        if about.text("type") not in ("kv", "generic"):
            what = printable(about.text("type"), 60)
            raise InvalidInput(f"{mount} is of type {what} and not a key-value engine", field="mount")
        options = about.mapping_or("options")
        version = options.text_or("version") or "1"
        if version not in ("1", "2"):
            raise options.wrong("version", "is neither 1 nor 2")
        return int(version)

    def _by_help(self, mount: str) -> int:
        """Tell the version by the endpoints that the engine says it has, which every token may ask for.

        A guess could put secrets of version 1 where nobody looks for them, in the envelope of version 2.
        """
        status, told = self._vault.help(at(mount, "data/any"))
        endpoints = told.mapping_or("paths")
        for version, endpoint in ((2, "/data/{path}"), (1, "/{path}")):
            if endpoint in endpoints:
                return version
        if status == 404:
            return 2
        raise NotVault(
            f"which version of the key-value engine {mount} is cannot be found out",
            field="mount",
            remedy=f"Let requests to sys/internal/ui/mounts/{mount} pass; something in between holds them up.",
        )
