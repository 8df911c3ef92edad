# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Where the files of a certificate live.

Key, certificate and chains are written together into a *generation*, a directory of its own below the *store*. One
symbolic link, ``current``, names the generation in force. The *published* paths, which services read, are links through
``current``. Moving that one link swaps all files at once, so that no moment and no crash shows a key beside a
certificate of another generation::

    /etc/pki/hub/switch/key.pem -> ../.trustmesh/switch/current/key.pem
    /etc/pki/hub/.trustmesh/switch/current -> g-20261121T091500Z-3f9a01c2
    /etc/pki/hub/.trustmesh/switch/g-20261121T091500Z-3f9a01c2/{key,cert,chain,fullchain,ca}.pem
"""

from __future__ import annotations

import functools
import os
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.files import Attributes
from .._core.store import CURRENT, Store

#: Each file of a certificate and its name inside a generation.
STORED: t.Final[Mapping[str, str]] = {
    "key": "key.pem",
    "certificate": "cert.pem",
    "chain": "chain.pem",
    "fullchain": "fullchain.pem",
    "ca": "ca.pem",
}

#: The options that say where each file is published, with their defaults.
LAYOUT_OPTIONS: t.Final[Mapping[str, Mapping[str, t.Any]]] = {
    "directory": {"type": "path", "required": True},
    "key_file": {"type": "str", "default": "{name}/key.pem", "no_log": False},
    "certificate_file": {"type": "str", "default": "{name}/cert.pem"},
    "chain_file": {"type": "str", "default": "{name}/chain.pem"},
    "fullchain_file": {"type": "str", "default": "{name}/fullchain.pem"},
    "ca_file": {"type": "str", "default": "{name}/ca.pem"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str", "default": "0644"},
    "key_mode": {"type": "str", "default": "0600", "no_log": False},
}

_STORE = ".trustmesh"
_NAME = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_.@-]*")


@dataclass(frozen=True)
class Layout:
    """The paths and attributes of one certificate's files; ``published`` and ``attributes`` are keyed as STORED."""

    store: str
    published: Mapping[str, str]
    attributes: Mapping[str, Attributes]

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> Layout:
        """Build from module options; raises :class:`InvalidInput`."""
        name, base = item["name"], os.path.abspath(item["directory"])
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"{name!r} cannot name files", field="name", remedy="Use letters, digits, dot, dash, underscore and @."
            )
        published = {}
        for role in STORED:
            template = item[f"{role}_file"]
            if template:
                published[role] = os.path.normpath(os.path.join(base, template.replace("{name}", name)))
        for role in ("key", "certificate"):
            if role not in published:
                raise InvalidInput("may not be empty", field=f"{role}_file", remedy="Name the file.")
        public = Attributes.declared(item["owner"], item["group"], item["mode"])
        private = Attributes.declared(item["owner"], item["group"], item["key_mode"], "key_mode")
        if private.mode & 0o007:
            raise InvalidInput(
                "a private key may not be open to everybody", field="key_mode", remedy="Use 0600 or 0640."
            )
        attributes = {role: private if role == "key" else public for role in STORED}
        return cls(os.path.join(base, _STORE, name), published, attributes)

    @property
    def name(self) -> str:
        return os.path.basename(self.store)

    @functools.cached_property
    def home(self) -> Store:
        """The store that this certificate shares with the others of its directory."""
        return Store(os.path.dirname(self.store), self.attributes["certificate"])

    @functools.cached_property
    def link_targets(self) -> Mapping[str, str]:
        """What the published links have to say, relative so that the tree can be moved whole."""
        ways = {
            directory: os.path.relpath(os.path.join(self.store, CURRENT), directory)
            for directory in {os.path.dirname(path) for path in self.published.values()}
        }
        return {role: f"{ways[os.path.dirname(path)]}/{STORED[role]}" for role, path in self.published.items()}
