# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``jwt_mint``."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY, PYJWT
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._core.normal import duration, kind_of
from ..module_utils._jose.jwt import FORGERIES, SigningKey, forge, mint, signing_key
from ..plugin_utils.arguments import mapping, text


def jwt_mint(
    claims: t.Any,
    key: t.Any,
    *,
    algorithm: str = "RS256",
    kid: str | None = None,
    lifetime: t.Any = None,
    header: t.Any = None,
    forgery: str | None = None,
) -> str:
    """Return a token with ``claims``, signed by ``key``, a private key in PEM or for HS256 a secret text."""
    try:
        CRYPTOGRAPHY.check()
        PYJWT.check()
        if not isinstance(claims, Mapping):
            raise InvalidInput(f"takes a mapping, not {kind_of(claims)}")
        signer = signing_key(text(algorithm, "algorithm"), text(key, "key"), None if kid is None else text(kid, "kid"))
        told = {**_times(lifetime), **claims}
        if forgery is None:
            return mint(told, signer, mapping(header, "header"))
        return _forged(forgery, told, signer)
    except TrustmeshError as error:
        raise AnsibleFilterError(f"jwt_mint: {error}") from None


def _times(lifetime: t.Any) -> dict[str, int]:
    if lifetime is None:
        return {}
    try:
        seconds = duration(lifetime)
    except ValueError as error:
        raise InvalidInput(str(error), field="lifetime") from None
    now = int(system_clock().timestamp())
    return {"iat": now, "exp": now + seconds}


def _forged(forgery: str, claims: dict[str, t.Any], signer: t.Any) -> str:
    if forgery not in FORGERIES:
        raise InvalidInput(f"{forgery!r} is not known", field="forgery", remedy=f"Use one of {', '.join(FORGERIES)}.")
    if not isinstance(signer, SigningKey):
        raise InvalidInput("needs a key pair", field="forgery", remedy="Use RS256, ES256 or EdDSA.")
    return forge(forgery, claims, signer)


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"jwt_mint": jwt_mint}
