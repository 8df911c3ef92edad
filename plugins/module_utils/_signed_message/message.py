# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A message that is signed as a whole: what it says, who signed it, how long it is good, and a nonce.

On the wire it is a JSON object with exactly these members:

* ``body``: any JSON data
* ``created_at``, ``expires_at``: seconds since 1970 in UTC; the message is good up to and including ``expires_at``
* ``nonce``: 32 octets, used once
* ``public_key``: 32 octets, the Ed25519 key of the signer
* ``signature``: 64 octets over a line that names this layout, then canonical JSON (RFC 8785) of the other members

Octets are base64url without padding, of which there is one text per value, and not hexadecimal, which the rules that
scrub logs take for a secret.
"""

from __future__ import annotations

import datetime
import os
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._jose import base64url, canonical, ed25519
from .._jose.errors import JoseError
from .refusal import Refusal, Refused

if t.TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NONCE_BYTES: t.Final = 32
#: No other signature of the same key can be taken for one of a message, nor the other way round.
_CONTEXT: t.Final = b"trustmesh signed message, layout 1\n"
_MEMBERS: t.Final = frozenset({"body", "created_at", "expires_at", "nonce", "public_key", "signature"})
#: Years up to 9999, which is as far as dates go.
_LATEST: t.Final = 253402300799

Wire = dict[str, t.Any]


@dataclass(frozen=True)
class Message:
    """A message and its signature, which has not been looked at; octets are as they are."""

    body: t.Any
    created_at: int
    expires_at: int
    nonce: bytes
    public_key: bytes
    signature: bytes = b""

    @classmethod
    def new(cls, body: t.Any, key: Ed25519PrivateKey, created: datetime.datetime, lifetime: int) -> Message:
        """Sign a body with a fresh nonce; ``lifetime`` is in seconds."""
        if lifetime <= 0:
            raise InvalidInput("has to be longer than nothing", field="lifetime")
        begin = int(created.timestamp())
        if begin + lifetime > _LATEST:
            raise InvalidInput("ends after the year 9999", field="lifetime")
        unsigned = cls(body, begin, begin + lifetime, os.urandom(NONCE_BYTES), ed25519.public_bytes(key))
        return unsigned.signed(key)

    def signed(self, key: Ed25519PrivateKey) -> Message:
        """Return the message with the signature of ``key``; raises :class:`JoseError` for what JSON cannot hold."""
        signature = ed25519.sign(key, self.signing_input())
        return Message(self.body, self.created_at, self.expires_at, self.nonce, self.public_key, signature)

    @classmethod
    def read(cls, wire: t.Any) -> Message:
        """Read a message, as data or as JSON text; raises :class:`Refused` for anything else."""
        try:
            data = canonical.parse(wire) if isinstance(wire, (str, bytes)) else wire
        except JoseError as error:
            raise Refused(Refusal.MALFORMED, error.problem) from None
        if not isinstance(data, Mapping):
            raise Refused(Refusal.MALFORMED, "is not an object")
        if set(data) != _MEMBERS:
            missing = ", ".join(sorted(_MEMBERS - set(data)))
            raise Refused(Refusal.MALFORMED, f"lacks {missing}" if missing else "has members that no message has")
        return cls(
            data["body"],
            _seconds(data, "created_at"),
            _seconds(data, "expires_at"),
            _octets(data, "nonce", NONCE_BYTES),
            _octets(data, "public_key", ed25519.KEY_BYTES),
            _octets(data, "signature", ed25519.SIGNATURE_BYTES),
        )

    def wire(self) -> Wire:
        """Return the message as it travels."""
        return {**self._members(), "signature": base64url.encode(self.signature)}

    def signing_input(self) -> bytes:
        """Return the octets that are signed."""
        return _CONTEXT + canonical.canonical(self._members())

    def require_signature(self) -> None:
        """Raise :class:`Refused` unless the signature is the one of this message."""
        try:
            ed25519.verify(self.public_key, self.signing_input(), self.signature)
        except ed25519.BadSignature as error:
            raise Refused(Refusal.INVALID_SIGNATURE, f"{error.field} {error.problem}") from None
        except JoseError as error:  # a body that no JSON can hold, given as data
            raise Refused(Refusal.MALFORMED, f"body {error.problem}") from None

    def _members(self) -> Wire:
        return {
            "body": self.body,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "nonce": base64url.encode(self.nonce),
            "public_key": base64url.encode(self.public_key),
        }


def _seconds(data: Mapping[str, t.Any], name: str) -> int:
    value = data[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LATEST:
        raise Refused(Refusal.MALFORMED, f"{name} is not a number of seconds since 1970")
    return int(value)


def _octets(data: Mapping[str, t.Any], name: str, length: int) -> bytes:
    value = data[name]
    if not isinstance(value, str):
        raise Refused(Refusal.MALFORMED, f"{name} is not a text")
    try:
        octets = base64url.decode(value)
    except ValueError as error:
        raise Refused(Refusal.MALFORMED, f"{name} {error}") from None
    if len(octets) != length:
        raise Refused(Refusal.MALFORMED, f"{name} has {len(octets)} octets, not {length}")
    return octets
