# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction says: amounts, ends, addresses, and its JSON."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._ilp.currency import DECIMAL_PLACES
from plugins.module_utils._ilp.errors import IlpError
from plugins.module_utils._ilp.transaction import (
    account,
    ending_at,
    expiration,
    instant,
    minor_units,
    packed,
    packet_amount,
    parsed,
    spelled,
    unpacked,
)
from tests.unit.ilp.samples import CONVERSION, QUOTE, changed


def _units(amount: t.Any, currency: t.Any) -> int:
    return minor_units({"currency": currency, "amount": amount}, "amount")


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("0", "USD", 0),
        ("124.45", "USD", 12445),
        ("124.4", "USD", 12440),
        ("124", "USD", 12400),
        ("124", "JPY", 124),
        ("0.001", "TND", 1),
        ("0.0001", "CLF", 1),
        ("184467440737095516.15", "USD", 2**64 - 1),
        ("999999999999999999", "JPY", 999999999999999999),
    ],
)
def test_amounts_are_scaled_to_the_minor_unit(amount: str, currency: str, units: int) -> None:
    assert _units(amount, currency) == units


@pytest.mark.parametrize(
    ("amount", "currency", "problem"),
    [
        # What the peers cut off, or wrap around.
        ("1.234", "USD", "more than the 2 decimal places"),
        ("1.5", "JPY", "more than the 0 decimal places"),
        ("0.0001", "TND", "more than the 3 decimal places"),
        ("184467440737095516.16", "USD", "64 bits"),
        ("999999999999999999", "USD", "64 bits"),
        ("1000000000000000000", "USD", "not an amount"),
        # What the API definition does not allow.
        ("-1", "USD", "not an amount"),
        ("+1", "USD", "not an amount"),
        ("01", "USD", "not an amount"),
        ("1.50", "USD", "not an amount"),
        ("1.", "USD", "not an amount"),
        (".5", "USD", "not an amount"),
        ("1e3", "USD", "not an amount"),
        ("1\n", "USD", "not an amount"),
        ("\u0661", "USD", "not an amount"),
        ("", "USD", "not an amount"),
        (1, "USD", "not an amount"),
        (None, "USD", "not an amount"),
        ("1", "usd", "not a currency"),
        ("1", "ZZZ", "not a currency"),
        ("1", "toString", "not a currency"),
        ("1", None, "not a currency"),
        ("1", ["USD"], "not a currency"),
    ],
)
def test_amounts_that_cannot_be_exact_are_refused(amount: t.Any, currency: t.Any, problem: str) -> None:
    with pytest.raises(IlpError, match=problem):
        _units(amount, currency)


@given(st.sampled_from(sorted(DECIMAL_PLACES)), st.integers(0, 10**17))
def test_every_amount_in_the_minor_unit_can_be_said(currency: str, units: int) -> None:
    places = DECIMAL_PLACES[currency]
    whole, fraction = divmod(units, 10**places)
    text = f"{whole}.{fraction:0{places}d}".rstrip("0").rstrip(".") if places else str(whole)
    assert _units(text, currency) == units


def test_there_are_168_currencies_of_0_2_3_or_4_places() -> None:
    assert len(DECIMAL_PLACES) == 168
    assert {places: list(DECIMAL_PLACES.values()).count(places) for places in (0, 2, 3, 4)} == {
        0: 17,
        2: 140,
        3: 7,
        4: 4,
    }


def test_a_conversion_has_the_amount_0_and_sound_sides() -> None:
    assert packet_amount(CONVERSION) == 0
    for side in ("sourceAmount", "targetAmount"):
        with pytest.raises(IlpError, match=f"conversionTerms.{side}.amount"):
            packet_amount(changed(CONVERSION, f"conversionTerms.{side}.amount", "1.23456"))
        with pytest.raises(IlpError, match=f"conversionTerms.{side}: is missing"):
            packet_amount(changed(CONVERSION, f"conversionTerms.{side}", ...))


def test_ends_are_read_with_their_offset() -> None:
    wanted = datetime.datetime(2030, 1, 31, 12, 0, 0, 123000, tzinfo=datetime.timezone.utc)
    assert expiration(QUOTE) == expiration(CONVERSION) == wanted
    assert instant("2030-01-31T12:00:00.5Z").microsecond == 500000
    assert instant("2030-01-31T12:00:00Z") == wanted.replace(microsecond=0)
    assert instant("2030-01-31T09:30:00.123-02:30") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-31T12:00:00.123",
        "2030-01-31 12:00:00Z",
        "2030-02-30T12:00:00Z",
        "2030-01-31T24:00:00Z",
        "2030-01-31T12:00:60Z",
        "2030-01-31T12:00:00.1234Z",
        "2030-01-31T12:00:00+99:00",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "2030-01-31T12:00:00Z\n",
        "",
        1900000000,
    ],
)
def test_what_is_no_instant_is_refused(text: t.Any) -> None:
    with pytest.raises(IlpError, match=r"^expiration: "):
        expiration(changed(QUOTE, "expiration", text))


@pytest.mark.parametrize("value", [..., None])
def test_a_payment_without_an_end_is_refused(value: t.Any) -> None:
    with pytest.raises(IlpError, match="expiration: is missing"):
        expiration(changed(QUOTE, "expiration", value))
    with pytest.raises(IlpError, match=r"conversionTerms\.expiration: is missing"):
        expiration(changed(CONVERSION, "conversionTerms.expiration", value))


def test_an_end_is_given_to_what_has_none() -> None:
    moment = datetime.datetime(2031, 5, 1, tzinfo=datetime.timezone.utc)
    for sample, path in ((QUOTE, "expiration"), (CONVERSION, "conversionTerms.expiration")):
        assert ending_at(sample, moment) == sample
        assert expiration(ending_at(changed(sample, path, ...), moment)) == moment


@pytest.mark.parametrize(
    ("path", "value", "address"),
    [
        ("note", "", "g.PayeeFsp.msisdn.27787654321"),
        ("payee.partyIdInfo.partyIdentifier", "Ann@Example", "g.PayeeFsp.msisdn.ann@example"),
        ("payee.partyIdInfo.partyIdType", "ALIAS", "g.PayeeFsp.alias.27787654321"),
        ("payee.partyIdInfo.partySubIdOrType", "Savings", "g.PayeeFsp.msisdn.27787654321.savings"),
        ("payee.partyIdInfo.partySubIdOrType", "", "g.PayeeFsp.msisdn.27787654321"),
    ],
)
def test_addresses_keep_the_case_of_the_participant_alone(path: str, value: str, address: str) -> None:
    assert account(changed(QUOTE, path, value)) == address


def test_addresses_of_conversions_are_in_lower_case() -> None:
    assert account(CONVERSION) == "g.fxp1.usd.tnd"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("payee", ..., "payee: is missing"),
        ("payee", "PayeeFsp", "payee: has to be a mapping, not a text"),
        ("payee.partyIdInfo", None, "payee.partyIdInfo: is missing"),
        ("payee.partyIdInfo.fspId", ..., "payee.partyIdInfo.fspId: is missing"),
        ("payee.partyIdInfo.fspId", "", "payee.partyIdInfo.fspId: is missing"),
        ("payee.partyIdInfo.partyIdType", ..., "partyIdType: is missing"),
        ("payee.partyIdInfo.partyIdentifier", 27787654321, "partyIdentifier: has to be a text, not a whole number"),
        ("payee.partyIdInfo.partySubIdOrType", None, "partySubIdOrType: is missing"),
        ("payee.partyIdInfo.partySubIdOrType", 7, "partySubIdOrType: has to be a text, not a whole number"),
    ],
)
def test_parties_that_cannot_be_addressed_are_refused(path: str, value: t.Any, problem: str) -> None:
    with pytest.raises(IlpError, match=problem):
        account(changed(QUOTE, path, value))


leaves = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(st.characters(codec="utf-8")))
documents = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)),
)


@given(documents, st.booleans())
def test_transactions_survive_the_packet(transaction: dict[str, t.Any], keep_order: bool) -> None:
    data = packed(spelled(transaction, keep_order=keep_order))
    assert parsed(unpacked(data)) == transaction


@given(st.binary(max_size=200))
def test_any_data_is_a_transaction_or_an_error_of_ours(data: bytes) -> None:
    for octets in (data, packed(data)):
        try:
            parsed(unpacked(octets))
        except IlpError:
            pass


@pytest.mark.parametrize(
    "text", [b"[]", b"1", b"{", b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b"{}x", b"\xff", b"[" * 100000]
)
def test_what_is_no_transaction_is_refused(text: bytes) -> None:
    with pytest.raises(IlpError):
        parsed(text)


@pytest.mark.parametrize("value", [2**53 + 1, float("nan"), "\ud800", {1: "a"}, {"a", "b"}])
def test_what_readers_would_not_read_alike_is_not_written(value: t.Any) -> None:
    with pytest.raises(IlpError, match=r"^transaction: "):
        spelled({**QUOTE, "note": value})
