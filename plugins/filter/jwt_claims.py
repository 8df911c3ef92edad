# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``jwt_claims``."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY, PYJWT
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._core.normal import duration, kind_of
from ..module_utils._jose.jwks import VerificationKey, parse_set
from ..module_utils._jose.jwt import Expectation, SharedKey, Token, lifetime, read, verify
from ..plugin_utils.arguments import mapping, text, texts


def jwt_claims(
    token: t.Any,
    jwks: t.Any = None,
    *,
    secrets: t.Any = None,
    issuer: str | None = None,
    audience: str | None = None,
    required: t.Sequence[str] = ("exp",),
    token_type: str | None = None,
    longest: t.Any = None,
    leeway: t.Any = 0,
) -> dict[str, t.Any]:
    """Return what a token says; given keys, only once it holds against them and against what is expected."""
    try:
        if not isinstance(token, str):
            raise InvalidInput(f"takes a text, not {kind_of(token)}", remedy="Give the token as it was sent.")
        if jwks is None and secrets is None:
            return _facts(read(token), verified=False)
        CRYPTOGRAPHY.check()
        PYJWT.check()
        expected = Expectation(
            _named(issuer, "issuer"),
            _named(audience, "audience"),
            _span("leeway", leeway) or 0,
            tuple(texts(required, "required")),
            _named(token_type, "token_type"),
            _span("longest", longest),
        )
        return _facts(verify(token, _keys(jwks, secrets), expected, system_clock()), verified=True)
    except TrustmeshError as error:
        raise AnsibleFilterError(f"jwt_claims: {error}") from None


def _keys(jwks: t.Any, secrets: t.Any) -> list[VerificationKey | SharedKey]:
    keys: list[VerificationKey | SharedKey] = [] if jwks is None else [*parse_set(jwks)]
    return keys + [
        SharedKey(kid, text(secret, "secrets").encode()) for kid, secret in mapping(secrets, "secrets").items()
    ]


def _named(value: t.Any, field: str) -> str | None:
    return None if value is None else text(value, field)


def _span(name: str, value: t.Any) -> int | None:
    try:
        return None if value is None else duration(value)
    except ValueError as error:
        raise InvalidInput(str(error), field=name) from None


def _facts(token: Token, *, verified: bool) -> dict[str, t.Any]:
    return {
        "header": dict(token.header),
        "claims": token.claims,
        "verified": verified,
        "issued_at": _spelled(token.claims.get("iat")),
        "expires_at": _spelled(token.claims.get("exp")),
        "lifetime_seconds": lifetime(token.claims),
    }


def _spelled(seconds: t.Any) -> str | None:
    """Return an instant as text, ``None`` where there is none that a calendar knows."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"jwt_claims": jwt_claims}
