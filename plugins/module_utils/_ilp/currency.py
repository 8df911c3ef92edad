# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""How many decimal places the minor unit of a currency has (ISO 4217), for the amounts in packets.

The codes are those that Mojaloop software knows, no more: a switch refuses a currency it does not know, so a packet in
one would be made in vain. ``XXX`` and ``XTS`` have no minor unit in the standard; that software gives them four places.
"""

from __future__ import annotations

import typing as t

from .errors import IlpError

_PLACES: t.Final[t.Mapping[int, str]] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
        "CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD "
        "HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
        "MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
        "SDG SEK SGD SHP SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VES WST "
        "XCD YER ZAR ZMW ZWL"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW XTS XXX",
}

#: Decimal places by currency code.
DECIMAL_PLACES: t.Final[t.Mapping[str, int]] = {
    code: places for places, codes in _PLACES.items() for code in codes.split()
}


def decimal_places(currency: t.Any) -> int:
    """Return the decimal places of a currency; raises :class:`IlpError` for one that is not in the table."""
    places = DECIMAL_PLACES.get(currency) if isinstance(currency, str) else None
    if places is None:
        raise IlpError(
            f"{currency!r} is not a currency that packets can be made in",
            field="currency",
            remedy="Use a code of ISO 4217 in capitals.",
        )
    return places
