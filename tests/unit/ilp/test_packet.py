# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets: what is written is read back, and nothing else is read."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plugins.module_utils._ilp import packet as packets
from plugins.module_utils._ilp.errors import IlpError
from plugins.module_utils._ilp.oer import var_octets
from plugins.module_utils._ilp.packet import Packet, Payment, Prepare, decode, encode, from_text, to_text

UTC = datetime.timezone.utc
ENDS = datetime.datetime(2030, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
CONDITION = bytes(range(32))
PAYMENT = Payment(12445, "g.PayeeFsp.msisdn.27787654321", b"ZGF0YQ")
PREPARE = Prepare(12445, ENDS, CONDITION, "g.mojaloop", b"ZGF0YQ")

amounts = st.integers(0, 2**64 - 1)
data = st.binary(max_size=2000)
payments = st.builds(
    Payment, amounts, st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=1023), data
)
instants = st.datetimes(datetime.datetime(1970, 1, 2), datetime.datetime(9999, 12, 31), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
prepares = st.builds(
    Prepare,
    amounts,
    instants,
    st.binary(min_size=32, max_size=32),
    st.from_regex(r"(g|test1|private)(\.[A-Za-z0-9_~-]{1,9}){1,9}", fullmatch=True),
    data,
)


@given(st.one_of(payments, prepares))
def test_what_was_written_is_read_back(packet: Packet) -> None:
    assert decode(encode(packet)) == packet
    assert from_text(to_text(packet)) == packet


@given(st.binary(max_size=400))
@example(b"")
@example(b"\x01")
@example(b"\x0c\x80")
@example(b"\x01\x84\xff\xff\xff\xff")
def test_any_octets_are_a_packet_or_an_error_of_ours(octets: bytes) -> None:
    try:
        packet = decode(octets)
    except IlpError:
        return
    assert encode(packet) == octets


@given(st.one_of(payments, prepares), st.data())
def test_a_packet_is_spelled_in_one_way(packet: Packet, drawn: st.DataObject) -> None:
    octets = bytearray(encode(packet))
    at = drawn.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= drawn.draw(st.integers(1, 255))
    try:
        assert encode(decode(bytes(octets))) == octets
    except IlpError:
        pass


@given(st.text(max_size=300))
def test_any_text_is_a_packet_or_an_error_of_ours(text: str) -> None:
    try:
        packet = from_text(text)
    except IlpError:
        return
    assert to_text(packet) == text


def test_octets_of_version_1() -> None:
    """By hand, after the layout: type, length, amount, account, data, no extensions."""
    body = (12445).to_bytes(8, "big") + b"\x1d" + b"g.PayeeFsp.msisdn.27787654321" + b"\x06ZGF0YQ" + b"\x00"
    assert encode(PAYMENT) == b"\x01" + bytes([len(body)]) + body


def test_octets_of_version_4() -> None:
    """By hand, after the layout: type, length, amount, time, condition, destination, data."""
    body = (12445).to_bytes(8, "big") + b"20300131120000123" + CONDITION + b"\x0ag.mojaloop" + b"\x06ZGF0YQ"
    assert encode(PREPARE) == b"\x0c" + bytes([len(body)]) + body


def test_instants_are_written_in_utc() -> None:
    ahead = datetime.timezone(datetime.timedelta(hours=2))
    assert encode(Prepare(1, ENDS.astimezone(ahead), CONDITION, "g.a", b"")) == encode(
        Prepare(1, ENDS, CONDITION, "g.a", b"")
    )


def _payment(body: bytes) -> bytes:
    return b"\x01" + var_octets(body)


def _prepare(time: bytes = b"20300131120000123", destination: bytes = b"g.mojaloop") -> bytes:
    return b"\x0c" + var_octets(bytes(8) + time + CONDITION + var_octets(destination) + b"\x00")


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"", "ends after 0 octets"),
        (b"\x02\x00", "type 2"),
        (b"\x0d\x00", "type 13"),
        (encode(PAYMENT)[:-1], "in the middle"),
        (encode(PAYMENT) + b"\x00", "1 octets too many"),
        (_payment(bytes(8) + b"\x01a\x00\x01"), "extensions"),
        (_payment(bytes(8) + b"\x01a\x00\x00\x00"), "1 octets too many"),
        (_payment(bytes(8) + b"\x01a\x00"), "in the middle"),
        (_payment(bytes(8) + b"\x00\x00\x00"), "not an address"),
        (_payment(bytes(8) + b"\x01\xe9\x00\x00"), "not ASCII"),
        (_payment(bytes(8) + b"\x01\x07\x00\x00"), "not an address"),
        # The length of the account in two octets though one would do, and in the same way of the whole.
        (_payment(bytes(8) + b"\x81\x01a\x00\x00"), "longer than it need be"),
        (b"\x01\x81" + encode(PAYMENT)[1:], "longer than it need be"),
        (_payment(bytes(8) + b"\x82\x00\x80" + b"a" * 128 + b"\x00\x00"), "longer than it need be"),
        (b"\x01\x80", "a length of 0 octets"),
        (b"\x01\x84\x00\x00\x00\x01", "a length of 4 octets"),
        (_prepare(b"20300231120000123"), "no instant"),
        (_prepare(b"2030013112000012 "), "no instant"),
        (_prepare(b"20300131240000123"), "no instant"),
        (_prepare(b"19700101000000000"), "after 1970"),
        (_prepare(destination=b"mojaloop"), "not an Interledger address"),
        (_prepare(destination=b"g.mojaloop\n"), "not an Interledger address"),
        (_prepare(destination=b"g." + b"a" * 1022), "not an Interledger address"),
    ],
)
def test_what_is_no_packet_is_refused(octets: bytes, problem: str) -> None:
    with pytest.raises(IlpError, match=problem):
        decode(octets)


@pytest.mark.parametrize("text", [to_text(PAYMENT) + "=", " " + to_text(PAYMENT), "AY+/", "A", "Ünï", "A" * 32769])
def test_what_is_no_text_of_a_packet_is_refused(text: str) -> None:
    with pytest.raises(IlpError):
        from_text(text)


def test_stray_bits_at_the_end_of_the_text_are_refused() -> None:
    text = to_text(PREPARE)
    assert len(text) % 4 != 0, "the sample has to end in a group that is not full"
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(text[-1])
    stray = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last + 1]
    with pytest.raises(IlpError, match="stray bits"):
        from_text(text[:-1] + stray)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Payment(-1, "g.a", b""), "64 bits"),
        (lambda: Payment(2**64, "g.a", b""), "64 bits"),
        (lambda: Payment(1, "g.zoë", b""), "version 4"),
        (lambda: Payment(1, "", b""), "not an address"),
        (lambda: Prepare(1, ENDS, CONDITION[1:], "g.a", b""), "31 octets"),
        (lambda: Prepare(1, ENDS.replace(microsecond=1), CONDITION, "g.a", b""), "whole millisecond"),
        (lambda: Prepare(2**64, ENDS, CONDITION, "g.a", b""), "64 bits"),
    ],
)
def test_what_cannot_be_a_packet_is_not_made(make: t.Callable[[], Packet], problem: str) -> None:
    with pytest.raises(IlpError, match=problem):
        make()


def test_longest_packet_fits_and_one_more_octet_does_not() -> None:
    size = packets.LONGEST_TEXT * 3 // 4
    room = size - len(encode(Payment(1, "g.a", b""))) - 4  # two lengths grow from one octet to three
    longest = Payment(1, "g.a", b"d" * room)
    assert len(to_text(longest)) == packets.LONGEST_TEXT
    assert from_text(to_text(longest)) == longest
    with pytest.raises(IlpError, match="more than 32768"):
        encode(Payment(1, "g.a", b"d" * (room + 1)))
