# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The port to where public parts go: a directory, a secret of a Vault, a connection manager."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._core.errors import TrustmeshError


class Publisher(t.Protocol):
    """Holds public texts by owner."""

    @property
    def identity(self) -> str:
        """What messages call it, such as ``directory /srv/trust``."""

    def file(self, name: str) -> t.Optional[str]:
        """Return the file of this host that has the text of an owner, if one has."""

    def held(self) -> Mapping[str, str]:
        """Return everything that is published, by owner, in one reading."""

    def publish(self, texts: Mapping[str, t.Optional[str]]) -> dict[str, TrustmeshError]:
        """Publish many texts at once, ``None`` to take one back; return the failures by owner."""


@dataclass(frozen=True)
class Target:
    """A publisher and whose public parts belong there."""

    publisher: Publisher
    #: Owners that are not published there; in a trust store of one participant, itself.
    without: frozenset[str] = frozenset()
    #: Whether what belongs to nobody declared is removed.
    prune: bool = False
    #: Names that pruning leaves alone.
    keep: frozenset[str] = field(default_factory=frozenset)

    @property
    def identity(self) -> str:
        return self.publisher.identity

    def serves(self, name: str) -> bool:
        """Tell whether an owner's public part belongs there."""
        return name not in self.without
