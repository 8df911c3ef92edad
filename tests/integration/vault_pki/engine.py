# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PKI engines on the shared server, one or more to each test, disabled when it ends."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.rigs.openbao import OpenBao
from tests.rigs.vault_api import Answer, VaultApi

YEAR = 365 * 24 * 3600


@dataclasses.dataclass(frozen=True)
class Engine:
    """One mount, as the test's own client sees it."""

    api: VaultApi
    path: str

    def at(self, *parts: str) -> str:
        """Return an API path below the mount."""
        return "/".join((self.path, *parts))

    def read(self, *parts: str) -> dict[str, t.Any]:
        """Return an object that has to exist."""
        data = self.api.read(self.at(*parts))
        assert data is not None, f"{self.at(*parts)} does not exist"
        return data

    def write(self, place: str, **body: t.Any) -> Answer:
        """Write below the mount."""
        return self.api.write(self.at(place), **body)

    def issuers(self) -> dict[str, dict[str, t.Any]]:
        """Return what the server lists of its issuers, by id."""
        return dict(self.api.request("LIST", self.at("issuers")).data.get("key_info") or {})

    def keys(self) -> dict[str, dict[str, t.Any]]:
        """Return what the server lists of its keys, by id."""
        return dict(self.api.request("LIST", self.at("keys")).data.get("key_info") or {})

    def make_root(self, name: str = "root", **fields: t.Any) -> dict[str, t.Any]:
        """Generate a root the plain way."""
        body = {"common_name": "Test Root", "key_type": "ec", "ttl": f"{8 * YEAR}s", "exclude_cn_from_sans": True}
        return self.write("root/generate/internal", **{**body, "issuer_name": name, "key_name": name, **fields}).data


MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine(vault: OpenBao, unique_name: Callable[[str], str]) -> Iterator[MakeEngine]:
    """A function that enables one more engine: ``make_engine(max_lease_ttl="720h")``."""
    made: list[Engine] = []

    def make(max_lease_ttl: str = f"{10 * YEAR}s") -> Engine:
        engine = Engine(vault.api, unique_name("pki"))
        vault.api.write(f"sys/mounts/{engine.path}", type="pki", config={"max_lease_ttl": max_lease_ttl})
        made.append(engine)
        return engine

    yield make
    for engine in made:
        vault.api.delete(f"sys/mounts/{engine.path}")


@pytest.fixture
def engine(make_engine: MakeEngine) -> Engine:
    """One engine."""
    return make_engine()
