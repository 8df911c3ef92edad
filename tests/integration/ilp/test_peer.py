# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets beside the library that adapters and hubs make them with: the same octets, and each understands the other."""

from __future__ import annotations

import base64
import copy
import datetime
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.module_utils._ilp.agreement import Agreement, agree, condition_of, fulfilment_of
from plugins.module_utils._ilp.currency import DECIMAL_PLACES
from plugins.module_utils._ilp.errors import IlpError
from plugins.module_utils._ilp.examination import Opened, examine, open_packet
from plugins.module_utils._ilp.packet import Payment, from_text
from plugins.module_utils._ilp.transaction import expiration
from tests.rigs.node import Peer, PeerError
from tests.unit.ilp.samples import CONVERSION, QUOTE, changed

#: Releases of the library, and whether each keeps the order of members instead of sorting them.
RELEASES: t.Final = {"19.18.8": True, "19.19.1": False}
PACKETS: t.Final = ("v1", "v4")
SECRET: t.Final = "not a secret of anybody, said to tests alone"
EVERYWHERE = pytest.mark.parametrize(
    ("release", "packets"), [(release, packets) for release in RELEASES for packets in PACKETS]
)
SAMPLES = {
    "quote": QUOTE,
    "conversion": CONVERSION,
    "sub-account": changed(QUOTE, "payee.partyIdInfo.partySubIdOrType", "Savings"),
    "mail address": changed(QUOTE, "payee.partyIdInfo.partyIdentifier", "Ann+Pay@Example.com"),
    "no decimals": changed(QUOTE, "amount", {"currency": "JPY", "amount": "999999999999999999"}),
    "largest": changed(QUOTE, "amount", {"currency": "USD", "amount": "184467440737095516.15"}),
    "nothing": changed(QUOTE, "amount", {"currency": "TND", "amount": "0"}),
    "offset": changed(QUOTE, "expiration", "2030-01-31T14:00:00.120+02:00"),
    "no milliseconds": changed(QUOTE, "expiration", "2030-01-31T12:00:00Z"),
    "astral names": {**QUOTE, "\U0001f4b6": 1, "\uffee": 2, "é": 3, "z": 4},
    "numbers": {**QUOTE, "list": [1e21, 1e-7, 0.1, -0.0, 5, 1.5e300, 9007199254740991]},
    "escapes": {**QUOTE, "note": '"\\/\b\f\n\r\t\x00\x1f\x7f\u2028\U0001f600'},
    "long": {**QUOTE, "note": "x" * 9000},
}


def _made(peer: Peer, release: str, packets: str, transaction: t.Any) -> dict[str, str]:
    return t.cast(
        "dict[str, str]",
        peer.call("ilp.make", version=release, packets=packets, secret=SECRET, transaction=transaction),
    )


def _theirs(made: dict[str, str]) -> Agreement:
    return Agreement("", made["ilpPacket"], made["condition"], made["fulfilment"])


def _sorted(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize("release", RELEASES)
def test_currencies_are_the_same(peer: Peer, release: str) -> None:
    assert peer.call("ilp.currencies", version=release) == DECIMAL_PLACES


@EVERYWHERE
@pytest.mark.parametrize("sample", SAMPLES)
def test_mj_26_the_same_octets(peer: Peer, release: str, packets: str, sample: str) -> None:
    transaction = SAMPLES[sample]
    theirs = _theirs(_made(peer, release, packets, transaction))
    assert agree(transaction, SECRET, packets, keep_order=RELEASES[release])[1:] == theirs[1:]
    if RELEASES[release]:
        theirs = _theirs(_made(peer, release, packets, _sorted(transaction)))
        assert agree(transaction, SECRET, packets)[1:] == theirs[1:], "sorted members are the same to every release"


characters = st.characters(codec="utf-8")
texts = st.text(characters, max_size=8)
names = st.text(characters, min_size=1, max_size=6).filter(lambda name: not name.isdigit() and name != "__proto__")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
moments = st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(9998, 12, 31)).map(
    lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z"
)
currencies = st.sampled_from(sorted(DECIMAL_PLACES))


@st.composite
def transactions(draw: st.DrawFn) -> dict[str, t.Any]:
    """Draw a quote with whatever else in it, and an amount that its currency can say."""
    currency = draw(currencies)
    places = DECIMAL_PLACES[currency]
    whole, fraction = divmod(draw(st.integers(0, 10**18)), 10**places)
    amount = f"{whole}.{fraction:0{places}d}".rstrip("0").rstrip(".") if places else str(min(whole, 10**18 - 1))
    extra = draw(st.dictionaries(names, values, max_size=4))
    made = {**extra, **copy.deepcopy(QUOTE), "expiration": draw(moments), "note": draw(texts)}
    made["amount"] = {"currency": currency, "amount": amount}
    return made


@EVERYWHERE
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(transaction=transactions())
def test_the_same_octets_of_anything(peer: Peer, release: str, packets: str, transaction: dict[str, t.Any]) -> None:
    theirs = _theirs(_made(peer, release, packets, transaction))
    assert agree(transaction, SECRET, packets, keep_order=RELEASES[release])[1:] == theirs[1:]
    assert examine(theirs.shown(), secret=SECRET).problems == ()


@EVERYWHERE
@pytest.mark.parametrize("sample", ["quote", "conversion", "sub-account", "largest", "astral names", "numbers", "long"])
def test_mj_29_they_understand_ours(peer: Peer, release: str, packets: str, sample: str) -> None:
    transaction = SAMPLES[sample]
    ours = agree(transaction, SECRET, packets)
    about = {"version": release, "packets": packets, "secret": SECRET}
    assert peer.call("ilp.transaction", packet=ours.packet, **about) == transaction
    assert peer.call("ilp.fulfils", fulfilment=ours.fulfilment, condition=ours.condition, **about) is True
    assert peer.call("ilp.condition", fulfilment=ours.fulfilment, **about) == ours.condition
    assert peer.call("ilp.fulfilment", packet=ours.packet, **about) == ours.fulfilment
    told = peer.call("ilp.decode", packet=ours.packet, **about)
    packet = from_text(ours.packet)
    assert told["amount"] == str(packet.amount)
    assert base64.b64decode(told["data"]) == packet.data
    if isinstance(packet, Payment):
        assert told["account"] == packet.account
        return
    assert told["destination"] == packet.destination
    assert base64.b64decode(told["executionCondition"]) == packet.condition
    assert datetime.datetime.fromisoformat(told["expiresAt"]) == expiration(transaction) == packet.expires_at


@EVERYWHERE
@pytest.mark.parametrize("sample", SAMPLES)
def test_we_understand_theirs(peer: Peer, release: str, packets: str, sample: str) -> None:
    made = _made(peer, release, packets, SAMPLES[sample])
    verdict = examine(made, secret=SECRET)
    assert verdict.problems == ()
    assert isinstance(verdict.opened, Opened)
    assert verdict.opened.transaction == SAMPLES[sample]
    found = fulfilment_of(verdict.opened.packet, made["ilpPacket"], SECRET)
    assert base64.urlsafe_b64encode(found).decode().rstrip("=") == made["fulfilment"]
    assert condition_of(made["fulfilment"]) == made["condition"]


@EVERYWHERE
def test_quotes_and_conversions_are_answered_alike(peer: Peer, release: str, packets: str) -> None:
    """As the models of the adapter call the library, with request and answer apart."""
    about = {"version": release, "packets": packets, "secret": SECRET}
    response = {"transferAmount": QUOTE["amount"], "expiration": QUOTE["expiration"], "note": QUOTE["note"]}
    request = {name: value for name, value in QUOTE.items() if name not in ("amount", "expiration", "note")}
    theirs = peer.call("ilp.quote", request={**request, "amount": {}}, response=response, **about)
    in_their_order = {**request, "expiration": QUOTE["expiration"], "amount": QUOTE["amount"], "note": QUOTE["note"]}
    assert agree(in_their_order, SECRET, packets, keep_order=RELEASES[release])[1:] == _theirs(theirs)[1:]

    terms = CONVERSION["conversionTerms"]
    identifier = {"conversionRequestId": CONVERSION["conversionRequestId"]}
    theirs = peer.call("ilp.conversion", request=identifier, response={"conversionTerms": terms}, **about)
    assert agree(CONVERSION, SECRET, packets, keep_order=RELEASES[release])[1:] == _theirs(theirs)[1:]


@EVERYWHERE
def test_transfers_are_held_against_the_packet_alike(peer: Peer, release: str, packets: str) -> None:
    ours = agree(QUOTE, SECRET, packets)
    sound = {"payerFsp": "payerfsp", "payeeFsp": "PayeeFsp", "amount": QUOTE["amount"], **ours.shown()}
    cases: list[tuple[dict[str, t.Any], bool]] = [
        (sound, True),
        ({**sound, "payerFsp": "PayerFsp"}, False),
        ({**sound, "payeeFsp": "payeefsp"}, False),
        ({**sound, "amount": {"currency": "EUR", "amount": "124.45"}}, False),
        ({**sound, "amount": {"currency": "USD", "amount": "124.46"}}, False),
    ]
    for transfer, agrees in cases:
        about = {"version": release, "packets": packets, "secret": SECRET, "transfer": transfer}
        assert peer.call("ilp.transfer", **about) is agrees
        assert bool(examine(transfer)) is agrees


@EVERYWHERE
def test_fulfilments_that_were_tampered_with_are_refused_by_both(peer: Peer, release: str, packets: str) -> None:
    ours = agree(QUOTE, SECRET, packets)
    about = {"version": release, "packets": packets, "secret": SECRET}
    octets = bytearray(base64.urlsafe_b64decode(ours.fulfilment + "="))
    for at in range(32):
        octets[at] ^= 1 << at % 8
        text = base64.urlsafe_b64encode(octets).decode().rstrip("=")
        octets[at] ^= 1 << at % 8
        assert peer.call("ilp.fulfils", fulfilment=text, condition=ours.condition, **about) is False
        assert condition_of(text) != ours.condition
    for text in (ours.fulfilment[:-1], ours.fulfilment[1:], ours.fulfilment + "AA", "", ours.condition):
        assert peer.call("ilp.fulfils", fulfilment=text, condition=ours.condition, **about) is False
        assert examine({**ours.shown(), "fulfilment": text}).problems
    assert peer.call("ilp.fulfils", fulfilment=ours.fulfilment, condition=ours.condition + "=", **about) is False
    assert examine({**ours.shown(), "condition": ours.condition + "="}).problems


@EVERYWHERE
def test_what_is_no_packet_is_refused_by_both(peer: Peer, release: str, packets: str) -> None:
    other = "v4" if packets == "v1" else "v1"
    ours = agree(QUOTE, SECRET, packets)
    about = {"version": release, "packets": packets, "secret": SECRET}
    for text in (ours.packet[:40], "", agree(QUOTE, SECRET, other).packet):
        with pytest.raises(PeerError):
            peer.call("ilp.decode", packet=text, **about)
    for text in (ours.packet[:40], ""):
        with pytest.raises(IlpError):
            open_packet(text)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("packets", "path", "value", "amount"),
    [
        ("v1", "amount.amount", "1.234", 123),
        ("v1", "amount.amount", "1000000000000000000", 10**20 % 2**64),
        ("v4", "amount.amount", "1000000000000000000", 10**20 % 2**64),
        ("v1", "expiration", ..., 12445),
        ("v1", "payee.partyIdInfo.fspId", ..., 12445),
    ],
)
def test_weaknesses_of_theirs_are_still_there_and_not_ours(
    peer: Peer, release: str, packets: str, path: str, value: t.Any, amount: int
) -> None:
    """What they let through, they may refuse one day; what we refuse, we name when it comes from them."""
    transaction = changed(QUOTE, path, value)
    made = _made(peer, release, packets, transaction)
    assert from_text(made["ilpPacket"]).amount == amount
    with pytest.raises(IlpError):
        agree(transaction, SECRET, packets)
    assert [problem.code for problem in examine(made, secret=SECRET).problems] == ["transaction"]


@EVERYWHERE
def test_empty_secrets_are_refused_by_both(peer: Peer, release: str, packets: str) -> None:
    with pytest.raises(PeerError, match="Invalid ILP options"):
        peer.call("ilp.make", version=release, packets=packets, secret="", transaction=QUOTE)
    with pytest.raises(IlpError, match="secret: is empty"):
        agree(QUOTE, "", packets)


@pytest.mark.parametrize("release", RELEASES)
def test_identifier_beyond_ascii_is_another_address_to_them(peer: Peer, release: str) -> None:
    transaction = changed(QUOTE, "payee.partyIdInfo.partyIdentifier", "Łukasz")
    made = _made(peer, release, "v1", transaction)
    about = {"version": release, "packets": "v1", "secret": SECRET}
    assert "łukasz" not in peer.call("ilp.decode", packet=made["ilpPacket"], **about)["account"]
    with pytest.raises(IlpError, match="Use version 4"):
        agree(transaction, SECRET, "v1")
