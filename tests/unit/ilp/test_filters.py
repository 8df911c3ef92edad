# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters and the test of packets, as a template uses them."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.ilp_condition import FilterModule as Condition
from plugins.filter.ilp_decode import FilterModule as Decode
from plugins.filter.ilp_packet import FilterModule as Packet
from plugins.filter.ilp_valid import FilterModule as Valid
from plugins.test.ilp_fulfils import TestModule as Fulfils
from plugins.test.ilp_strong_secret import TestModule as Strong
from tests.unit.ilp.samples import CONVERSION, QUOTE, SECRET, changed

ilp_packet = Packet().filters()["ilp_packet"]
ilp_decode = Decode().filters()["ilp_decode"]
ilp_condition = Condition().filters()["ilp_condition"]
ilp_valid = Valid().filters()["ilp_valid"]
ilp_fulfils = Fulfils().tests()["ilp_fulfils"]
ilp_strong_secret = Strong().tests()["ilp_strong_secret"]


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_made_decoded_and_found_valid(version: str) -> None:
    made = ilp_packet(QUOTE, SECRET, version=version)
    assert made["transaction"] == QUOTE
    told = ilp_decode(made["ilpPacket"])
    assert (told["version"], told["amount"], told["transaction"]) == (version, 12445, QUOTE)
    if version == "v1":
        assert told["account"] == "g.PayeeFsp.msisdn.27787654321"
    else:
        assert told["destination"] == "g.mojaloop"
        assert told["expires_at"] == "2030-01-31T12:00:00.123Z"
        assert told["condition"] == made["condition"]
    assert ilp_condition(made["fulfilment"]) == made["condition"]
    assert ilp_fulfils(made["fulfilment"], made["condition"]) is True
    assert ilp_fulfils(made["condition"], made["condition"]) is False
    assert ilp_fulfils("no fulfilment", made["condition"]) is False
    assert ilp_fulfils(None, None) is False
    assert ilp_valid(made, SECRET) == {"valid": True, "problems": [], "version": version}


def test_verdict_names_codes_and_sentences() -> None:
    made = ilp_packet(QUOTE, SECRET)
    verdict = ilp_valid({**made, "fulfilment": made["condition"]}, "other", at="2031-01-01T00:00:00Z")
    assert verdict["valid"] is False
    assert verdict["problems"] == [
        {"code": "fulfilment", "text": "the fulfilment does not meet the condition"},
        {"code": "secret", "text": "the condition was not made for this packet with this secret"},
        {"code": "expired", "text": "the transaction expired at 2030-01-31T12:00:00.123000+00:00"},
    ]
    assert ilp_valid({"ilpPacket": "AYIC"})["version"] is None


def test_expiry_is_the_clock_of_the_controller_unless_told_otherwise() -> None:
    past = ilp_packet(changed(QUOTE, "expiration", "2020-01-01T00:00:00Z"), SECRET)
    assert [problem["code"] for problem in ilp_valid(past)["problems"]] == ["expired"]
    assert ilp_valid(past, at=None)["valid"]
    assert ilp_valid(past, at="2019-12-31T23:59:59.999Z")["valid"]


@pytest.mark.parametrize(("sample", "path"), [(QUOTE, "expiration"), (CONVERSION, "conversionTerms.expiration")])
def test_an_end_is_given_by_the_clock(sample: dict[str, t.Any], path: str) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    made = ilp_packet(changed(sample, path, ...), SECRET, version="v4", expires_in="3600")
    ends = datetime.datetime.fromisoformat(ilp_decode(made["ilpPacket"])["expires_at"].replace("Z", "+00:00"))
    assert abs((ends - now).total_seconds() - 3600) < 60
    assert ilp_valid(made, SECRET)["valid"]
    assert ilp_packet(sample, SECRET, expires_in="1h")["transaction"] == sample


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: ilp_packet("text", SECRET), "takes a mapping, not a text"),
        (lambda: ilp_packet(QUOTE, 7), "secret: is a whole number, not a text"),
        (lambda: ilp_packet(QUOTE, ""), "secret: is empty"),
        (lambda: ilp_packet(QUOTE, SECRET, version="v2"), "version: 'v2' is unknown"),
        (lambda: ilp_packet(QUOTE, SECRET, expires_in="soon"), "expires_in: "),
        (lambda: ilp_packet(changed(QUOTE, "amount.amount", "1.234"), SECRET), "ilp_packet: amount.amount: "),
        (lambda: ilp_decode("AYIC"), "ilp_decode: "),
        (lambda: ilp_decode(None), "ilpPacket: is missing"),
        (lambda: ilp_condition(None), "ilp_condition: fulfilment: "),
        (lambda: ilp_valid("text"), "takes a mapping, not a text"),
        (lambda: ilp_valid({}, 7), "secret: is a whole number, not a text"),
        (lambda: ilp_valid({}, at="soon"), "at: 'soon' is not a date"),
    ],
)
def test_what_cannot_be_used_is_refused(call: t.Callable[[], t.Any], problem: str) -> None:
    with pytest.raises(AnsibleFilterError, match=problem) as refusal:
        call()
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("secret", "strong"), [(SECRET, True), ("mojaloop-sdk", False), ("", False), (None, False), ("x" * 64, False)]
)
def test_strong_secrets_are_told_from_others(secret: t.Any, strong: bool) -> None:
    assert ilp_strong_secret(secret) is strong
