# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole stack under names that nobody else on the shared server has."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.rigs.openbao import OpenBao

Args = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Stack:
    """The names of a stack, and what declares it."""

    root: str
    mesh: str
    kv: str
    transit: str
    auth: str
    policy: str
    password: str

    def declared(self) -> Args:
        """Return every section but the revocations."""
        return {
            "mounts": self.mounts(),
            "engines": [
                {"mount": self.root, "urls": {"issuing_certificates": [f"http://pki.example/v1/{self.root}/ca"]}},
                {"mount": self.mesh, "crl": {"expiry": "48h"}},
            ],
            "issuers": [
                {"name": "root", "mount": self.root, "type": "root", "common_name": "Root", "ttl": "90d", **EC},
                {
                    "name": "mesh",
                    "mount": self.mesh,
                    "type": "intermediate",
                    "common_name": "Mesh",
                    "ttl": "60d",
                    "signed_by": {"mount": self.root, "issuer": "root"},
                    "default": True,
                    **EC,
                },
            ],
            "pki_roles": [
                {"name": "web", "mount": self.mesh, "allow_any_name": True, "ttl": "1h", "max_ttl": "30d"},
            ],
            "transit_keys": [
                {"name": "hub", "mount": self.transit, "type": "aes256-gcm96", "deletion_allowed": True},
                {"name": "panel", "mount": self.transit, "type": "ed25519", "max_age": "90d"},
            ],
            "policies": [
                {"name": self.policy, "rules": f'path "{self.mesh}/sign/web" {{\n  capabilities = ["update"]\n}}\n'}
            ],
            "approles": [
                {"name": "issuer", "mount": self.auth, "token_policies": [self.policy], "token_ttl": "1h"},
            ],
            "secrets": [
                {
                    "mount": self.kv,
                    "path": "ledger/database",
                    "data": {"username": "ledger", "password": self.password},
                    "generate": [{"key": "pepper"}],
                }
            ],
        }

    def mounts(self, **more: t.Any) -> list[Args]:
        """Return the mounts alone."""
        mounts: list[Args] = [
            {"path": self.root, "type": "pki", "max_lease_ttl": "3650d"},
            {"path": self.mesh, "type": "pki", "max_lease_ttl": "1825d"},
            {"path": self.kv, "type": "kv-v2"},
            {"path": self.transit, "type": "transit"},
            {"path": self.auth, "type": "approle", "category": "auth"},
        ]
        return [{**mount, **more} for mount in mounts]

    def absent(self) -> Args:
        """Return everything as absent, in the same order as declared."""
        gone = {"state": "absent"}
        return {
            "mounts": self.mounts(**gone),
            "issuers": [
                {"name": "root", "mount": self.root, **gone},
                {"name": "mesh", "mount": self.mesh, "force": True, **gone},
            ],
            "pki_roles": [{"name": "web", "mount": self.mesh, **gone}],
            "transit_keys": [
                {"name": name, "mount": self.transit, "deletion_allowed": True, **gone} for name in ("hub", "panel")
            ],
            "policies": [{"name": self.policy, **gone}],
            "approles": [{"name": "issuer", "mount": self.auth, **gone}],
            "secrets": [{"mount": self.kv, "path": "ledger/database", "on_delete": "destroy", **gone}],
        }


EC: Args = {"key_type": "ec", "key_bits": 256}


@pytest.fixture
def stack(vault: OpenBao, unique_name: Callable[[str], str], canary: Callable[..., str]) -> Iterator[Stack]:
    """A stack that does not exist yet; its engines are disabled when the test ends."""
    made = Stack(*(unique_name(prefix) for prefix in ("root", "mesh", "hub", "transit", "auth", "issue")), canary())
    yield made
    engines = (f"mounts/{engine}" for engine in (made.root, made.mesh, made.kv, made.transit))
    for mount in (*engines, f"auth/{made.auth}"):
        vault.api.delete(f"sys/{mount}")
    vault.api.delete(f"sys/policies/acl/{made.policy}")
