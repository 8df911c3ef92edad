# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions that the tests of packets share."""

from __future__ import annotations

import copy
import typing as t

SECRET: t.Final = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgdXNlZCBub3doZXJl"

QUOTE: t.Final[dict[str, t.Any]] = {
    "quoteId": "7c23e80c-d078-4077-8263-2c047876fcf6",
    "transactionId": "85feac2f-39b2-491b-817e-4a03203d4f14",
    "transactionType": {"scenario": "TRANSFER", "initiator": "PAYER", "initiatorType": "CONSUMER"},
    "payee": {
        "partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "27787654321", "fspId": "PayeeFsp"},
        "name": "Zoë 💶",
    },
    "payer": {"partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "27713803912", "fspId": "payerfsp"}},
    "expiration": "2030-01-31T12:00:00.123Z",
    "amount": {"currency": "USD", "amount": "124.45"},
    "note": "rent",
}

CONVERSION: t.Final[dict[str, t.Any]] = {
    "conversionRequestId": "b51ec534-ee48-4575-b6a9-ead2955b8069",
    "conversionTerms": {
        "conversionId": "581f68ef-b54f-416f-9161-ac34e889a84b",
        "initiatingFsp": "payerfsp",
        "counterPartyFsp": "Fxp1",
        "amountType": "SEND",
        "sourceAmount": {"currency": "USD", "amount": "300"},
        "targetAmount": {"currency": "TND", "amount": "938.125"},
        "expiration": "2030-01-31T13:00:00.123+01:00",
    },
}


def changed(transaction: dict[str, t.Any], path: str, value: t.Any) -> dict[str, t.Any]:
    """Return a copy with one member set, or with it removed when the value is ``...``."""
    made = copy.deepcopy(transaction)
    place: t.Any = made
    *way, last = path.split(".")
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return made
