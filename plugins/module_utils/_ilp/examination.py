# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.
"""Whether packet, condition, fulfilment and transfer agree with one another: every problem found, not the first one."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._core.normal import kind_of
from .._jose import base64url
from .agreement import condition_of, fulfilment_of, octets_of
from .errors import IlpError
from .packet import Packet, Payment, Prepare, from_text
from .transaction import DESTINATION, Transaction, account, expiration, is_conversion, packet_amount, parsed, unpacked

Message = Mapping[str, t.Any]


@dataclass(frozen=True)
class Problem:
    """What is wrong: a code to count by, and a sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class Opened:
    """A packet and the transaction in it."""

    packet: Packet
    transaction: Transaction

    def shown(self) -> dict[str, t.Any]:
        """Return the facts of the packet as plain data."""
        packet = self.packet
        facts: dict[str, t.Any] = {"version": packet.version, "amount": packet.amount, "transaction": self.transaction}
        if isinstance(packet, Payment):
            return {**facts, "account": packet.account}
        instant = packet.expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        condition = condition_text(packet)
        return {**facts, "destination": packet.destination, "expires_at": instant, "condition": condition}


@dataclass(frozen=True)
class Verdict:
    """The outcome of an examination; true when nothing is wrong."""

    opened: t.Optional[Opened]
    problems: tuple[Problem, ...]

    def __bool__(self) -> bool:
        return not self.problems


def condition_text(packet: Prepare) -> str:
    """Return the condition in a packet of version 4 as messages carry it."""
    return base64url.encode(packet.condition)


def open_packet(text: t.Any) -> Opened:
    """Return packet and transaction of what a message carries as ``ilpPacket``; raises :class:`IlpError`."""
    if not isinstance(text, str):
        problem = "is missing" if text is None else f"is {kind_of(text)}, not a text"
        raise IlpError(problem, field="ilpPacket")
    packet = from_text(text)
    return Opened(packet, parsed(unpacked(packet.data)))


def examine(message: Message, *, secret: t.Optional[str] = None, at: t.Optional[datetime.datetime] = None) -> Verdict:
    """Examine a message that has ``ilpPacket`` and ``condition``, such as a transfer or the answer to a quote.

    With ``fulfilment`` it is held against the condition; with the members of a transfer they are held against the
    transaction in the packet; with ``secret`` the condition has to be made with it; at the instant ``at`` it must not
    have expired.
    """
    try:
        opened = open_packet(message.get("ilpPacket"))
    except IlpError as error:
        return Verdict(None, (Problem("packet", str(error)),))
    problems = [*_of_packet(opened), *_of_condition(message, opened), *_of_fulfilment(message)]
    problems.extend(_of_transfer(message, opened.transaction))
    if secret is not None:
        problems.extend(_of_secret(message, opened, secret))
    if at is not None:
        problems.extend(_of_expiry(opened.transaction, at))
    return Verdict(opened, tuple(problems))


def _of_packet(opened: Opened) -> Iterator[Problem]:
    """Hold what the packet says against the transaction in it."""
    packet, transaction = opened.packet, opened.transaction
    try:
        amount, ends = packet_amount(transaction), expiration(transaction)
        address = account(transaction) if isinstance(packet, Payment) else DESTINATION
    except IlpError as error:
        yield Problem("transaction", f"the transaction in the packet: {error}")
        return
    if packet.amount != amount:
        yield Problem("amount", f"the packet is over {packet.amount} minor units, its transaction over {amount}")
    held = packet.account if isinstance(packet, Payment) else packet.destination
    if held != address:
        yield Problem("address", f"the packet goes to {held}, its transaction to {address}")
    if isinstance(packet, Prepare) and packet.expires_at != ends:
        yield Problem("expiration", f"the packet ends at {packet.expires_at}, its transaction at {ends}")


def _of_condition(message: Message, opened: Opened) -> Iterator[Problem]:
    try:
        condition = octets_of(message.get("condition"), "condition")
    except IlpError as error:
        yield Problem("condition", str(error))
        return
    if isinstance(opened.packet, Prepare) and opened.packet.condition != condition:
        yield Problem("condition", "the condition is not the one in the packet")


def _of_fulfilment(message: Message) -> Iterator[Problem]:
    if message.get("fulfilment") is None:
        return
    try:
        met = condition_of(message["fulfilment"])
    except IlpError as error:
        yield Problem("fulfilment", str(error))
        return
    if met != message.get("condition"):
        yield Problem("fulfilment", "the fulfilment does not meet the condition")


def _of_secret(message: Message, opened: Opened, secret: str) -> Iterator[Problem]:
    made = condition_of(base64url.encode(fulfilment_of(opened.packet, message["ilpPacket"], secret)))
    if made != message.get("condition"):
        yield Problem("secret", "the condition was not made for this packet with this secret")


def _of_expiry(transaction: Transaction, at: datetime.datetime) -> Iterator[Problem]:
    try:
        ends = expiration(transaction)
    except IlpError:
        return  # said already
    if ends <= at:
        yield Problem("expired", f"the transaction expired at {ends.isoformat()}")


#: Members of a transfer and where the transaction in its packet has them.
_OF_QUOTE: t.Final = {
    "payerFsp": ("payer", "partyIdInfo", "fspId"),
    "payeeFsp": ("payee", "partyIdInfo", "fspId"),
    "amount": ("amount",),
}
_OF_CONVERSION: t.Final = {
    name: ("conversionTerms", name)
    for name in ("initiatingFsp", "counterPartyFsp", "amountType", "sourceAmount", "targetAmount")
}


def _of_transfer(message: Message, transaction: Transaction) -> Iterator[Problem]:
    """Hold the members of a transfer against the transaction; those that the message does not have are left out."""
    for name, path in (_OF_CONVERSION if is_conversion(transaction) else _OF_QUOTE).items():
        if name not in message:
            continue
        agreed: t.Any = transaction
        for part in path:
            agreed = agreed.get(part) if isinstance(agreed, Mapping) else None
        if message[name] != agreed:
            yield Problem("transfer", f"{name} is {message[name]!r}, agreed was {agreed!r}")
