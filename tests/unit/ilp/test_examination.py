# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examination: what agrees passes, and each way of disagreeing is named."""

from __future__ import annotations

import base64
import datetime
import hashlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._ilp.agreement import agree, fulfilment_of
from plugins.module_utils._ilp.errors import IlpError
from plugins.module_utils._ilp.examination import examine
from plugins.module_utils._ilp.packet import Packet, Payment, Prepare, from_text, to_text
from plugins.module_utils._ilp.transaction import packed, spelled
from tests.unit.ilp.samples import CONVERSION, QUOTE, SECRET, changed

VERSIONS: t.Final = ("v1", "v4")
BEFORE = datetime.datetime(2030, 1, 31, 12, 0, 0, 122000, tzinfo=datetime.timezone.utc)
AT_THE_END = BEFORE + datetime.timedelta(milliseconds=1)
OTHER: t.Final = "A" * 43


def _message(version: str, transaction: dict[str, t.Any] = QUOTE, **members: t.Any) -> dict[str, t.Any]:
    """Return a transfer with its fulfilment, all in order."""
    message: dict[str, t.Any] = agree(transaction, SECRET, version).shown()
    if transaction is QUOTE:
        message.update(payerFsp="payerfsp", payeeFsp="PayeeFsp", amount={"amount": "124.45", "currency": "USD"})
    else:
        terms = ("initiatingFsp", "counterPartyFsp", "amountType", "sourceAmount", "targetAmount")
        message.update((name, transaction["conversionTerms"][name]) for name in terms)
    return {**message, **members}


def _codes(message: dict[str, t.Any], **options: t.Any) -> list[str]:
    return [problem.code for problem in examine(message, **options).problems]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transaction", [QUOTE, CONVERSION])
def test_what_agrees_has_no_problem(version: str, transaction: dict[str, t.Any]) -> None:
    verdict = examine(_message(version, transaction), secret=SECRET, at=BEFORE)
    assert verdict
    assert verdict.problems == ()
    assert verdict.opened is not None
    assert verdict.opened.transaction == transaction


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"ilpPacket": None}, "packet"),
        ({"ilpPacket": 7}, "packet"),
        ({"ilpPacket": "AYIC"}, "packet"),
        ({"condition": None}, "condition"),
        ({"condition": 7}, "condition"),
        ({"condition": "short"}, "condition"),
        ({"fulfilment": OTHER}, "fulfilment"),
        ({"fulfilment": "short"}, "fulfilment"),
        ({"payerFsp": "PayerFsp"}, "transfer"),
        ({"payeeFsp": "payeefsp"}, "transfer"),
        ({"amount": {"currency": "USD", "amount": "124.46"}}, "transfer"),
        ({"amount": {"currency": "EUR", "amount": "124.45"}}, "transfer"),
        ({"amount": None}, "transfer"),
    ],
)
def test_what_was_tampered_with_is_named(version: str, members: dict[str, t.Any], code: str) -> None:
    assert code in _codes(_message(version, **members))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["initiatingFsp", "counterPartyFsp", "amountType", "sourceAmount", "targetAmount"])
def test_members_of_a_conversion_are_held_against_its_terms(version: str, name: str) -> None:
    assert _codes(_message(version, CONVERSION, **{name: "other"})) == ["transfer"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_octet_of_the_packet_counts(version: str) -> None:
    """The condition of version 1 is over the packet; in version 4 what is not under the condition is said twice."""
    message = _message(version)
    octets = bytearray(base64.urlsafe_b64decode(message["ilpPacket"] + "=="))
    for at in range(len(octets)):
        octets[at] ^= 1
        tampered = base64.urlsafe_b64encode(octets).decode().rstrip("=")
        assert _codes({**message, "ilpPacket": tampered}, secret=SECRET), f"octet {at} may be changed"
        octets[at] ^= 1


@pytest.mark.parametrize("version", VERSIONS)
def test_condition_of_another_secret_is_noticed(version: str) -> None:
    assert _codes(_message(version), secret="another") == ["secret"]
    with pytest.raises(IlpError, match="is empty"):
        examine(_message(version), secret="")


@pytest.mark.parametrize("version", VERSIONS)
def test_another_condition_with_its_own_fulfilment_does_not_pass(version: str) -> None:
    """Whoever swaps both has a pair that fits; only packet and secret tell."""
    other = agree(changed(QUOTE, "note", "other"), SECRET, version)
    message = {**_message(version), "condition": other.condition, "fulfilment": other.fulfilment}
    assert _codes(message, secret=SECRET) == (["secret"] if version == "v1" else ["condition", "secret"])


@pytest.mark.parametrize("version", VERSIONS)
def test_what_has_expired_is_refused(version: str) -> None:
    assert _codes(_message(version), at=BEFORE) == []
    assert _codes(_message(version), at=AT_THE_END) == ["expired"]
    assert _codes(_message(version), at=None) == []


def _forged(packet: Packet, secret: str) -> dict[str, t.Any]:
    """Return a message whose packet is wrong although its maker knows the secret."""
    text = to_text(packet)
    fulfilment = base64.urlsafe_b64encode(fulfilment_of(packet, text, secret)).decode().rstrip("=")
    message = agree(QUOTE, secret, packet.version).shown()
    if isinstance(packet, Payment):
        digest = hashlib.sha256(base64.urlsafe_b64decode(fulfilment + "=")).digest()
        message.update(fulfilment=fulfilment, condition=base64.urlsafe_b64encode(digest).decode().rstrip("="))
    return {**message, "ilpPacket": text}


def test_packet_that_says_something_else_than_its_transaction_is_named() -> None:
    data = packed(spelled(QUOTE))
    sound = from_text(agree(QUOTE, SECRET, "v4").packet)
    assert isinstance(sound, Prepare)
    ends, condition = sound.expires_at, sound.condition
    account = "g.PayeeFsp.msisdn.27787654321"
    for packet, code in (
        (Payment(12446, account, data), "amount"),
        (Payment(12445, account + "0", data), "address"),
        (Prepare(0, ends, condition, "g.mojaloop", data), "amount"),
        (Prepare(12445, ends + datetime.timedelta(hours=1), condition, "g.mojaloop", data), "expiration"),
        (Prepare(12445, ends, condition, "g.elsewhere", data), "address"),
    ):
        assert _codes(_forged(packet, SECRET), secret=SECRET) == [code]


@pytest.mark.parametrize(
    "transaction",
    [changed(QUOTE, "expiration", ...), changed(QUOTE, "amount.amount", "1.234"), changed(QUOTE, "payee", ...), {}],
)
def test_packets_that_the_peers_let_through_are_named(transaction: dict[str, t.Any]) -> None:
    packet = Payment(123, "g.a", packed(spelled(transaction)))
    assert _codes(_forged(packet, SECRET), secret=SECRET, at=BEFORE) == ["transaction"]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.fixed_dictionaries({}, optional={"condition": json, "fulfilment": json, "payerFsp": json, "amount": json}))
def test_any_message_has_a_verdict(members: dict[str, t.Any]) -> None:
    for version in VERSIONS:
        examine({**_message(version), **members}, secret=SECRET, at=BEFORE)


@given(st.dictionaries(st.sampled_from(["payer", "payee", "amount", "expiration", "conversionTerms"]), json))
def test_any_transaction_has_a_verdict(transaction: dict[str, t.Any]) -> None:
    try:
        data = packed(spelled(transaction))
    except IlpError:
        return
    message = {**_message("v1"), "ilpPacket": to_text(Payment(1, "g.a", data))}
    assert examine(message, secret=SECRET, at=BEFORE).problems
