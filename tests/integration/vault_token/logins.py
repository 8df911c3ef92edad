# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to log in to the shared server, and what is known about the tokens there."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao


@dataclasses.dataclass(frozen=True)
class Logins:
    """An AppRole method of its own, so that tests count their own tokens."""

    vault: OpenBao
    canaries: Canaries
    mount: str

    def role(self, name: str, **fields: t.Any) -> str:
        """Make a role and return its role id."""
        self.vault.api.write(f"auth/{self.mount}/role/{name}", **{"token_ttl": "1h", **fields})
        held = self.vault.api.read(f"auth/{self.mount}/role/{name}/role-id")
        assert held is not None
        return str(held["role_id"])

    def secret_id(self, name: str, **fields: t.Any) -> str:
        """Make a secret-id, which must turn up nowhere."""
        made = self.vault.api.write(f"auth/{self.mount}/role/{name}/secret-id", **fields)
        return self.canaries.record(str(made.data["secret_id"]), "secret-id")

    def wrapped_secret_id(self, name: str, ttl: str = "2m") -> str:
        """Make a response-wrapped secret-id and return the wrapping token."""
        path = f"auth/{self.mount}/role/{name}/secret-id"
        made = self.vault.api.request("POST", path, {}, X_Vault_Wrap_TTL=ttl).body["wrap_info"]
        return self.canaries.record(str(made["token"]), "wrapping token")

    def options(self, name: str, **fields: t.Any) -> dict[str, t.Any]:
        """Return module options that log in with a fresh role and secret-id."""
        return {
            "url": self.vault.url,
            "ca_cert": self.vault.ca_path,
            "auth_method": "approle",
            "auth_mount": self.mount,
            "role_id": self.role(name, **fields),
            "secret_id": self.secret_id(name),
        }

    def accessors(self) -> set[str]:
        """Return the accessors of all living tokens."""
        return set(self.vault.api.list("auth/token/accessors"))

    def alive(self, token: str) -> bool:
        """Return whether the server accepts a token."""
        return self.vault.as_token(token).request("GET", "auth/token/lookup-self").status == 200


@pytest.fixture
def logins(vault: OpenBao, canaries: Canaries, unique_name: t.Any) -> Logins:
    """An AppRole method on the shared server."""
    mount = unique_name("login")
    vault.api.write(f"sys/auth/{mount}", type="approle")
    return Logins(vault, canaries, mount)
