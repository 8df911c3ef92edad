# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.
"""Packet, condition and fulfilment of a transaction, as Mojaloop software makes and checks them.

* fulfilment: HMAC-SHA256 with the payee's secret, over the packet (v1) or over the transaction (v4)
* condition: SHA-256 of the fulfilment; whoever shows the fulfilment later shows that the payee agreed

The HMAC key is the base64 *text* of the secret, not the secret. Both travel as base64url without padding, which makes
43 characters.
"""

from __future__ import annotations

import functools
import hashlib
import typing as t

from .._jose import base64url
from .errors import IlpError
from .packet import CONDITION_OCTETS, VERSIONS, Packet, Payment, Prepare, encode
from .transaction import (
    DESTINATION,
    Transaction,
    account,
    expiration,
    packed,
    packet_amount,
    spelled,
    standard_base64,
    unpacked,
)

_BLOCK: t.Final = 64


class Agreement(t.NamedTuple):
    """What a payee answers a quote with, and the fulfilment that it keeps until the transfer."""

    version: str
    packet: str
    condition: str
    fulfilment: str

    def shown(self) -> dict[str, str]:
        """Return it under the names that FSPIOP messages use."""
        return {"ilpPacket": self.packet, "condition": self.condition, "fulfilment": self.fulfilment}


def agree(transaction: Transaction, secret: str, version: str = "v1", *, keep_order: bool = False) -> Agreement:
    """Return packet, condition and fulfilment of a transaction; the same for the same arguments.

    ``keep_order`` leaves the members of the transaction as they come, as peers did before they sorted them. Raises
    :class:`IlpError` for a transaction that has no exact packet, for one without an end and for an empty secret.
    """
    digest, text = _keyed(secret).digest, spelled(transaction, keep_order=keep_order)
    # Needed in version 4 only, but a payment without an end is no good in any.
    amount, ends = packet_amount(transaction), expiration(transaction)
    if version == "v1":
        packet = base64url.encoded(encode(Payment(amount, account(transaction), packed(text))))
        fulfilment = digest(packet)
        condition = hashlib.sha256(fulfilment).digest()
    elif version == "v4":
        fulfilment = digest(standard_base64(text))
        condition = hashlib.sha256(fulfilment).digest()
        packet = base64url.encoded(encode(Prepare(amount, ends, condition, DESTINATION, packed(text))))
    else:
        raise IlpError(f"{version!r} is unknown", field="version", remedy=f"Use {' or '.join(VERSIONS)}.")
    return Agreement(version, packet.decode("ascii"), base64url.encode(condition), base64url.encode(fulfilment))


def fulfilment_of(packet: Packet, text: str, secret: str) -> bytes:
    """Return what fulfils a packet made with ``secret``; ``text`` is the packet as its message carries it.

    What is signed is taken from the packet as it is, so it does not matter how its maker ordered members.
    """
    if isinstance(packet, Payment):
        return _keyed(secret).digest(text.encode("ascii"))
    return _keyed(secret).digest(standard_base64(unpacked(packet.data)))


def condition_of(fulfilment: str) -> str:
    """Return the condition that a fulfilment meets; raises :class:`IlpError` unless it is 32 octets in base64url."""
    return base64url.encode(hashlib.sha256(octets_of(fulfilment, "fulfilment")).digest())


def octets_of(text: t.Any, field: str) -> bytes:
    """Return the 32 octets of a condition or fulfilment; raises :class:`IlpError`, which does not quote it."""
    try:
        octets = base64url.decode(text) if isinstance(text, str) else b""
    except ValueError as error:
        raise IlpError(str(error), field=field) from None
    if len(octets) != CONDITION_OCTETS:
        raise IlpError(f"is not {CONDITION_OCTETS} octets in 43 characters of base64url", field=field)
    return octets


def hmac_key(secret: str) -> bytes:
    """Return the key that a secret stands for; raises :class:`IlpError` for an empty one."""
    if not secret:
        raise IlpError("is empty", field="secret", remedy="Make one with trustmesh.security.ilp_secret.")
    return standard_base64(secret.encode("utf-8", "surrogatepass"))


class _Keyed:
    """HMAC-SHA256 (RFC 2104) with one key, whose two blocks are hashed once and not for every message."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))

    def digest(self, data: bytes) -> bytes:
        """Return the 32 octets for a message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()


@functools.lru_cache(maxsize=16)
def _keyed(secret: str) -> _Keyed:
    return _Keyed(hmac_key(secret))
