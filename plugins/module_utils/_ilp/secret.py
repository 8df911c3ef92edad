# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.
"""The secret of a payee: how one is made, and which are refused."""

from __future__ import annotations

import secrets
import typing as t

from .errors import IlpError
from .published import published

#: As long as the output of the hash it keys (RFC 2104, 3); anything shorter is the weakest part.
LEAST_OCTETS: t.Final = 32
#: Text of 32 octets that was drawn at random and not typed has more different characters than this.
_LEAST_VARIETY = 8
_REMEDY = "Leave it out to have one of 256 bits made, or give what `openssl rand -base64 32` prints."


def generate(octets: int = LEAST_OCTETS) -> str:
    """Return a new secret as base64url of random octets, safe in files, environments and YAML; 43 characters of 32."""
    if octets < LEAST_OCTETS:
        raise IlpError(
            f"a secret of {octets} octets is too short", field="bytes", remedy=f"Use {LEAST_OCTETS} or more."
        )
    return secrets.token_urlsafe(octets)


def check(secret: str) -> None:
    """Refuse a secret that others know or can guess; raises :class:`IlpError`, which does not quote it."""
    origin = published(secret)
    if origin is not None:
        raise IlpError(f"is the {origin}, known to everybody", field="secret", remedy=_REMEDY)
    length = len(secret.encode("utf-8", "surrogatepass"))
    if length < LEAST_OCTETS:
        raise IlpError(
            f"has {length} octets, fewer than {LEAST_OCTETS}" if length else "is empty", field="secret", remedy=_REMEDY
        )
    if len(set(secret)) < _LEAST_VARIETY:
        raise IlpError("is made of a few characters again and again", field="secret", remedy=_REMEDY)
    if secret != secret.strip() or not secret.isprintable():
        raise IlpError(
            "has white space around it or characters that cannot be seen",
            field="secret",
            remedy="Remove them: one reader cuts them off, another does not, and their secrets differ.",
        )
