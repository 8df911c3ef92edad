# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.
"""What a transaction says, and what a packet has to say about it.

A *transaction* is the object that packets carry as data. Of a quote it has ``quoteId``, ``transactionId``,
``transactionType``, ``payee``, ``payer``, ``expiration``, ``amount`` and perhaps ``note``; of a currency conversion it
has ``conversionRequestId`` and ``conversionTerms``. A packet of a conversion says that its amount is 0.
"""

from __future__ import annotations

import base64
import datetime
import re
import typing as t
from collections.abc import Mapping

from .._core.normal import kind_of
from .._jose import base64url, canonical
from .._jose.errors import JoseError
from .currency import decimal_places
from .errors import IlpError
from .packet import LARGEST_AMOUNT

Transaction = Mapping[str, t.Any]
#: The type that nearly every mapping is of comes first: looking at an abstract one takes longer.
MAPPING: t.Final = (dict, Mapping)

#: The one address of version 4: parties are named in the transaction, not by addresses.
DESTINATION: t.Final = "g.mojaloop"

# FSPIOP API Definition 1.1, 7.2.13 (Amount): no sign, no leading zeros, no trailing zeros, at most four places.
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{0,3}[1-9]))?")
# FSPIOP API Definition 1.1, 7.2.10 (DateTime); fewer digits of the fraction are understood.
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,3}))?(?:Z|([+-][0-9]{2}:[0-9]{2}))"
)


def is_conversion(transaction: Transaction) -> bool:
    """Tell whether a transaction is a currency conversion rather than a quote."""
    return "conversionTerms" in transaction


def packet_amount(transaction: Transaction) -> int:
    """Return the amount of a packet: in the minor unit of the currency, 0 for a conversion."""
    if not is_conversion(transaction):
        return minor_units(_member(transaction, "amount", MAPPING), "amount")
    terms = _member(transaction, "conversionTerms", MAPPING)
    for side in ("sourceAmount", "targetAmount"):
        minor_units(_member(terms, side, MAPPING, "conversionTerms"), f"conversionTerms.{side}")
    return 0


def minor_units(money: Mapping[str, t.Any], field: str) -> int:
    """Return ``{"currency": "USD", "amount": "12.5"}`` as 1250; raises :class:`IlpError` for what cannot be exact."""
    currency, amount = money.get("currency"), money.get("amount")
    try:
        places = decimal_places(currency)
    except IlpError as error:
        raise error.within(field) from None
    match = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if match is None:
        raise IlpError(
            f"{amount!r} is not an amount of FSPIOP",
            field=f"{field}.amount",
            remedy="Give it as text, without a sign, leading zeros or trailing zeros, such as '12.5'.",
        )
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction) > places:
        raise IlpError(
            f"{amount} has more than the {places} decimal places of {currency}",
            field=f"{field}.amount",
            remedy="Round it; it is not cut off, since the packet would then pay less than the transfer.",
        )
    scaled = int(whole + fraction.ljust(places, "0"))
    if scaled > LARGEST_AMOUNT:
        raise IlpError(
            f"{amount} {currency} does not fit into the 64 bits of a packet",
            field=f"{field}.amount",
            remedy="Split the payment; it is not taken modulo 2^64.",
        )
    return scaled


def expiration(transaction: Transaction) -> datetime.datetime:
    """Return until when a transaction can be fulfilled, in UTC; raises :class:`IlpError` also when nothing says so."""
    if is_conversion(transaction):
        value, field = _member(transaction, "conversionTerms", MAPPING).get("expiration"), "conversionTerms.expiration"
    else:
        value, field = transaction.get("expiration"), "expiration"
    if value is None:
        raise IlpError("is missing", field=field, remedy="A payment without an end can be fulfilled years later.")
    try:
        return instant(value)
    except ValueError as error:
        raise IlpError(str(error), field=field) from None


def ending_at(transaction: Transaction, moment: datetime.datetime) -> dict[str, t.Any]:
    """Return a transaction with an end (UTC), unless it has one."""
    spelling = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if not is_conversion(transaction):
        return {**transaction, "expiration": transaction.get("expiration") or spelling}
    terms = _member(transaction, "conversionTerms", MAPPING)
    return {**transaction, "conversionTerms": {**terms, "expiration": terms.get("expiration") or spelling}}


def instant(value: t.Any) -> datetime.datetime:
    """Read a date and time with its offset; raises ``ValueError``."""
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a date and time such as 2026-11-21T14:00:00.000Z")
    moment, fraction, offset = match.groups()
    try:
        # The one form that Python reads since version 3.7.
        local = datetime.datetime.fromisoformat(f"{moment}.{(fraction or '').ljust(3, '0')}{offset or '+00:00'}")
        return local.astimezone(datetime.timezone.utc) if offset else local
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} is not an instant that exists") from None


def account(transaction: Transaction) -> str:
    """Return the address of version 1: ``g.<fspId>.<idtype>.<identifier>[.<subid>]``, or provider and currencies."""
    if is_conversion(transaction):
        terms = _member(transaction, "conversionTerms", MAPPING)
        sides = [_member(terms, side, MAPPING, "conversionTerms") for side in ("sourceAmount", "targetAmount")]
        provider: str = _member(terms, "counterPartyFsp", str, "conversionTerms")
        return ".".join(["g", provider, *(_member(side, "currency", str) for side in sides)]).lower()
    where = "payee.partyIdInfo"
    party = _member(_member(transaction, "payee", MAPPING), "partyIdInfo", MAPPING, "payee")
    # The case of the identifier of a participant means something, that of an account does not.
    participant = _member(party, "fspId", str, where)
    identifier = f"{_member(party, 'partyIdType', str, where)}.{_member(party, 'partyIdentifier', str, where)}".lower()
    if party.get("partySubIdOrType", "") != "":
        identifier += f".{_member(party, 'partySubIdOrType', str, where).lower()}"
    return f"g.{participant}.{identifier}"


def spelled(transaction: Transaction, *, keep_order: bool = False) -> bytes:
    """Return a transaction as stable JSON (RFC 8785); with ``keep_order``, its members as they come."""
    spell = canonical.stringified if keep_order else canonical.canonical
    try:
        return spell(transaction)
    except JoseError as error:
        raise IlpError(error.problem, field="transaction", remedy=error.remedy) from None


def packed(text: bytes) -> bytes:
    """Return the JSON of a transaction as the data of a packet, which is base64url once more."""
    return base64url.encoded(text)


def unpacked(data: bytes) -> bytes:
    """Return the JSON that the data of a packet spell, as it is; raises :class:`IlpError`."""
    try:
        return base64url.decode(data.decode("ascii"))
    except UnicodeDecodeError:
        raise IlpError("the data of the packet are not ASCII") from None
    except ValueError as error:
        raise IlpError(f"the data of the packet: {error}") from None


def parsed(text: bytes) -> dict[str, t.Any]:
    """Return the transaction that JSON spells; raises :class:`IlpError`."""
    try:
        transaction = canonical.parse(text)
    except JoseError as error:
        raise IlpError(f"the transaction in the packet: {error.problem}") from None
    if not isinstance(transaction, dict):
        raise IlpError("the transaction in the packet is not a JSON object")
    return transaction


def standard_base64(octets: bytes) -> bytes:
    """Return base64 of the standard alphabet, padded (RFC 4648, 4)."""
    return base64.b64encode(octets)


def _member(data: Transaction, name: str, kind: t.Union[type, tuple[type, ...]], within: str = "") -> t.Any:
    """Return a member that has to be there; an empty text is as good as none."""
    value = data.get(name)
    if isinstance(value, kind) and value != "":
        return value
    problem = f"has to be a {'text' if kind is str else 'mapping'}, not {kind_of(value)}"
    raise IlpError("is missing" if value in (None, "") else problem, field=f"{within}.{name}" if within else name)
