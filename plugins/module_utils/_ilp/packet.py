# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.
"""Interledger packets of version 1 (payment) and version 4 (prepare), as FSPIOP carries them.

A packet is a type octet and a body of octets preceded by its length (Interledger RFC 27; version 1: RFC 3). In messages
it is base64url without padding, at most 32768 characters (FSPIOP API Definition, ``IlpPacket``).
"""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass

from .._jose import base64url
from . import oer
from .errors import IlpError

Version = t.Literal["v1", "v4"]
#: The versions, the default first.
VERSIONS: t.Final[tuple[Version, ...]] = ("v1", "v4")

PAYMENT: t.Final = 1
PREPARE: t.Final = 12
LARGEST_AMOUNT: t.Final = 2**64 - 1
LONGEST_TEXT: t.Final = 32768
CONDITION_OCTETS: t.Final = 32

_WHAT = "the packet"
_LONGEST_ADDRESS = 1023
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
#: Version 1 puts identifiers of persons into addresses as they are; what is not ASCII would arrive as something else.
_ACCOUNT = re.compile(rf"[\x20-\x7e]{{1,{_LONGEST_ADDRESS}}}")
_DESTINATION = re.compile(r"(?:g|private|example|peer|self|test[1-3]?|local)(?:\.[A-Za-z0-9_~-]+)+")


@dataclass(frozen=True)
class Payment:
    """A packet of version 1: amount in the minor unit of its currency, address of the payee, and data."""

    amount: int
    account: str
    data: bytes

    version: t.ClassVar[Version] = "v1"

    def __post_init__(self) -> None:
        _check_amount(self.amount)
        if not _ACCOUNT.fullmatch(self.account):
            raise IlpError(
                f"{self.account!r} is not an address of at most {_LONGEST_ADDRESS} ASCII characters",
                field="account",
                remedy="Use version 4, which has no identifiers of parties in addresses.",
            )


@dataclass(frozen=True)
class Prepare:
    """A packet of version 4: amount, instant of expiry (UTC, whole milliseconds), condition, address and data."""

    amount: int
    expires_at: datetime.datetime
    condition: bytes
    destination: str
    data: bytes

    version: t.ClassVar[Version] = "v4"

    def __post_init__(self) -> None:
        _check_amount(self.amount)
        if self.expires_at <= _EPOCH or self.expires_at.microsecond % 1000:
            raise IlpError(f"{self.expires_at} is not a whole millisecond after 1970", field="expires_at")
        if len(self.condition) != CONDITION_OCTETS:
            raise IlpError(f"has {len(self.condition)} octets, not {CONDITION_OCTETS}", field="condition")
        if len(self.destination) > _LONGEST_ADDRESS or not _DESTINATION.fullmatch(self.destination):
            raise IlpError(f"{self.destination!r} is not an Interledger address", field="destination")


Packet = t.Union[Payment, Prepare]


def encode(packet: Packet) -> bytes:
    """Return the octets of a packet; raises :class:`IlpError` when it has become too long for a message."""
    amount = packet.amount.to_bytes(8, "big")
    if isinstance(packet, Payment):
        account = oer.var_octets(packet.account.encode("ascii"))
        body = b"".join((amount, account, oer.var_octets(packet.data), b"\0"))  # ends with: no extensions
        return _within_limit(b"\1" + oer.var_octets(body))
    destination = oer.var_octets(packet.destination.encode("ascii"))
    ends = _spelled_time(packet.expires_at)
    body = b"".join((amount, ends, packet.condition, destination, oer.var_octets(packet.data)))
    return _within_limit(b"\x0c" + oer.var_octets(body))


def decode(octets: bytes) -> Packet:
    """Return the packet that octets spell, and spell in this one way; raises :class:`IlpError`."""
    envelope = oer.Reader(octets, _WHAT)
    kind = envelope.uint8()
    if kind not in (PAYMENT, PREPARE):
        raise IlpError(f"{_WHAT} is of type {kind}, neither {PAYMENT} (version 1) nor {PREPARE} (version 4)")
    body = oer.Reader(envelope.var_octets(), "the body of the packet")
    envelope.end()
    packet = _payment(body) if kind == PAYMENT else _prepare(body)
    body.end()
    return packet


def to_text(packet: Packet) -> str:
    """Return a packet as a message carries it."""
    return base64url.encode(encode(packet))


def from_text(text: str) -> Packet:
    """Return the packet that a message carries; raises :class:`IlpError`."""
    if len(text) > LONGEST_TEXT:
        raise IlpError(f"{_WHAT} has {len(text)} characters, more than {LONGEST_TEXT}")
    try:
        octets = base64url.decode(text)
    except ValueError as error:
        raise IlpError(f"{_WHAT} {error}") from None
    return decode(octets)


def _payment(body: oer.Reader) -> Payment:
    amount, account, data = body.uint64(), body.var_octets(), body.var_octets()
    if body.uint8() != 0:
        raise IlpError(f"{_WHAT} has extensions, which are unknown")
    return Payment(amount, _ascii(account), data)


def _prepare(body: oer.Reader) -> Prepare:
    amount, expires_at = body.uint64(), _read_time(body.take(17))
    condition, destination = body.take(CONDITION_OCTETS), body.var_octets()
    return Prepare(amount, expires_at, condition, _ascii(destination), body.var_octets())


def _ascii(octets: bytes) -> str:
    if not octets.isascii():
        raise IlpError(f"{_WHAT} has an address that is not ASCII")
    return octets.decode("ascii")


def _check_amount(amount: int) -> None:
    if not 0 <= amount <= LARGEST_AMOUNT:
        raise IlpError(f"{amount} in the minor unit does not fit into 64 bits", field="amount")


def _within_limit(octets: bytes) -> bytes:
    characters = (len(octets) * 4 + 2) // 3
    if characters > LONGEST_TEXT:
        raise IlpError(
            f"{_WHAT} would have {characters} characters, more than {LONGEST_TEXT}",
            remedy="Shorten the transaction, for example its note or its extensions.",
        )
    return octets


def _spelled_time(moment: datetime.datetime) -> bytes:
    """Return an instant as 17 digits of UTC (Interledger RFC 27, Interledger Timestamp)."""
    utc = moment.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds")
    return utc[:23].encode("ascii").translate(None, b"-T:.")


def _read_time(octets: bytes) -> datetime.datetime:
    try:
        if not octets.isdigit():
            raise ValueError
        text = octets.decode("ascii")
        fields = [int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2)), int(text[14:]) * 1000]
        return datetime.datetime(*fields, tzinfo=datetime.timezone.utc)  # type: ignore[arg-type,misc]
    except ValueError:
        raise IlpError(f"{_WHAT} expires at no instant there is") from None
