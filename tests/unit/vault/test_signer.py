# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing by a role: what the role would cut short is refused before anything is asked for."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from plugins.module_utils._certificate.declaration import ITEM_OPTIONS, declared
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._pki.drift import Wanted
from plugins.module_utils._vault.errors import Forbidden
from plugins.module_utils._vault.signer import VaultSigner

DAY: t.Final = 86400


class _Vault:
    """Holds one role and no issuer; or does not let it be read."""

    def __init__(self, role: dict[str, t.Any] | None) -> None:
        self._role = role
        self.warnings: list[str] = []
        self.asked: list[str] = []

    def read(self, path: str) -> dict[str, t.Any] | None:
        """Return the role."""
        self.asked.append(path)
        if "/roles/" not in path:
            return None
        if self._role is None:
            raise Forbidden("permission denied")
        return self._role

    def warn(self, text: str) -> None:
        """Keep what users would see."""
        self.warnings.append(text)


def _wanted(ttl: str) -> Wanted:
    item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    item.update(name="a.svc.example", directory="/pki", mount="pki", role="mesh", ttl=ttl, renew_before="1h")
    resource = declared(item, lambda _item: t.cast(t.Any, None), FileTransaction())
    return t.cast(Wanted, resource.wanted)


def _signer(role: dict[str, t.Any] | None) -> tuple[VaultSigner, _Vault]:
    vault = _Vault(role)
    return VaultSigner(t.cast(t.Any, vault), "/pki/", "mesh", None, t.cast(t.Any, None)), vault


def _objections(signer: VaultSigner, ttl: str) -> list[str]:
    signer.chain()
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    found = signer.objections(_wanted(ttl), now)
    return [str(error) for error in found if error.field == "ttl"]


def test_kind_10_a_ttl_beyond_the_max_ttl_of_the_role_is_refused() -> None:
    signer, vault = _signer({"max_ttl": 30 * DAY})
    assert _objections(signer, "30d") == []
    assert "ttl: 31d exceeds the max_ttl of role mesh, 30d" in _objections(signer, "31d")[0]
    assert vault.asked == ["pki/roles/mesh", "pki/issuer/default/json"], "the role is read once for all"


@pytest.mark.parametrize("role", [{"max_ttl": 0}, {}, None])
def test_a_role_without_a_limit_or_out_of_sight_refuses_nothing(role: dict[str, t.Any] | None) -> None:
    signer, vault = _signer(role)
    assert not [text for text in _objections(signer, "3650d") if text.startswith("ttl: ")]
    assert bool(vault.warnings) is (role is None)


def test_the_issuer_of_the_role_is_asked_for_its_chain() -> None:
    signer, vault = _signer({"key_type": "ec", "issuer_ref": "sub"})
    assert signer.chain() is None
    assert vault.asked[-1] == "pki/issuer/sub/json"
    assert signer.identity == "pki/sign/mesh"
