# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed messages: layout, time, nonce, and every way in which one is refused."""

from __future__ import annotations

import base64
import concurrent.futures
import datetime
import hashlib
import json
import threading
import typing as t

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._jose import base64url, canonical
from plugins.module_utils._signed_message.acceptance import Acceptance
from plugins.module_utils._signed_message.ledger import MemoryLedger
from plugins.module_utils._signed_message.message import Message
from plugins.module_utils._signed_message.refusal import Refusal, Refused
from tests.unit.jose import edwards

KEY: t.Final = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: t.Final = KEY.public_key().public_bytes_raw()
NOON: t.Final = 1_780_315_200
BODY: t.Final = {"amount": "10", "to": "bob", "note": "grüße", "lines": [1, 2.5, None, True]}
LIFETIME: t.Final = 300
Wire = dict[str, t.Any]


def at(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(NOON + seconds, tz=datetime.timezone.utc)


def message(  # pylint: disable=dangerous-default-value  # nothing changes it
    body: t.Any = BODY, key: ed25519.Ed25519PrivateKey = KEY, lifetime: int = LIFETIME
) -> Wire:
    return Message.new(body, key, at(0), lifetime).wire()


def resigned(wire: Wire, **changes: t.Any) -> Wire:
    """Return a message with other members and a signature that fits them, made by hand."""
    members = {name: value for name, value in {**wire, **changes}.items() if name != "signature"}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = KEY.sign(b"trustmesh signed message, layout 1\n" + text.encode())
    return {**members, "signature": base64.urlsafe_b64encode(signature).decode().rstrip("=")}


def refusal(wire: t.Any, seconds: int = 0, ledger: MemoryLedger | None = None, **rules: t.Any) -> Refusal | None:
    try:
        Acceptance(**{"signers": frozenset({PUBLIC}), **rules}).accept(wire, at(seconds), ledger)
    except Refused as refused:
        return refused.refusal
    return None


def test_the_layout_is_what_it_says() -> None:
    wire = message({"b": 1, "a": [2.5, "ü"]})
    assert set(wire) == {"body", "created_at", "expires_at", "nonce", "public_key", "signature"}
    assert (wire["created_at"], wire["expires_at"]) == (NOON, NOON + LIFETIME)
    assert base64.urlsafe_b64decode(wire["public_key"] + "=") == PUBLIC
    text = (
        '{"body":{"a":[2.5,"ü"],"b":1},"created_at":1780315200,"expires_at":1780315500,'
        f'"nonce":"{wire["nonce"]}","public_key":"{wire["public_key"]}"}}'
    )
    signature = base64.urlsafe_b64decode(wire["signature"] + "==")
    KEY.public_key().verify(signature, b"trustmesh signed message, layout 1\n" + text.encode())


def test_a_message_is_accepted_as_data_and_as_text_in_any_order_of_members() -> None:
    wire = message()
    turned = dict(reversed(wire.items()))
    for form in (wire, turned, json.dumps(turned, indent=2), json.dumps(wire, ensure_ascii=False).encode()):
        assert refusal(form) is None
    assert Acceptance().accept(wire, at(0)).body == BODY


def test_pk_03_every_message_has_another_nonce_of_32_octets() -> None:
    nonces = {message()["nonce"] for _count in range(200)}
    assert len(nonces) == 200
    assert {len(base64url.decode(nonce)) for nonce in nonces} == {32}


# -- Time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "skew", "expected"),
    [
        (0, 0, None),
        (LIFETIME - 1, 0, None),
        (LIFETIME, 0, None),
        (LIFETIME + 1, 0, Refusal.EXPIRED),
        (LIFETIME + 5, 5, None),
        (LIFETIME + 6, 5, Refusal.EXPIRED),
        (-1, 0, Refusal.NOT_YET_VALID),
        (-5, 5, None),
        (-6, 5, Refusal.NOT_YET_VALID),
        (10**9, 0, Refusal.EXPIRED),
    ],
)
def test_pk_02_a_message_is_good_until_its_end_and_that_second_included(
    seconds: int, skew: int, expected: Refusal | None
) -> None:
    assert refusal(message(), seconds, skew=skew) is expected


@pytest.mark.parametrize(("longest", "expected"), [(LIFETIME, None), (LIFETIME - 1, Refusal.LIFETIME_TOO_LONG)])
def test_pk_02_a_message_that_is_good_for_too_long_is_refused(longest: int, expected: Refusal | None) -> None:
    assert refusal(message(), max_lifetime=longest) is expected


@pytest.mark.parametrize("end", [NOON, NOON - 1])
def test_a_message_that_ends_before_it_begins_is_refused(end: int) -> None:
    assert refusal(resigned(message(), expires_at=end), skew=10) is Refusal.MALFORMED


@pytest.mark.parametrize("lifetime", [0, -1, 10**15])
def test_no_message_is_made_with_such_a_lifetime(lifetime: int) -> None:
    with pytest.raises(InvalidInput, match="lifetime"):
        message(lifetime=lifetime)


# -- Signature ---------------------------------------------------------------------------------------------------------

TAMPERED: t.Final[dict[str, t.Any]] = {
    "body": {**BODY, "amount": "100"},
    "created_at": NOON - 1,
    "expires_at": NOON + LIFETIME + 1,
    "nonce": base64url.encode(bytes(32)),
    "signature": base64url.encode(KEY.sign(b"something else")),
}


@pytest.mark.parametrize("member", TAMPERED)
def test_pk_01_no_member_can_be_changed(member: str) -> None:
    assert refusal({**message(), member: TAMPERED[member]}) is Refusal.INVALID_SIGNATURE


def test_pk_01_another_key_cannot_take_a_message_over() -> None:
    other = ed25519.Ed25519PrivateKey.generate()
    claimed = {**message(), "public_key": base64url.encode(other.public_key().public_bytes_raw())}
    assert refusal(claimed) is Refusal.UNAUTHORIZED_SIGNER
    assert refusal(claimed, signers=None) is Refusal.INVALID_SIGNATURE
    assert refusal({**message(key=other), "public_key": message()["public_key"]}) is Refusal.INVALID_SIGNATURE


def test_pk_06_only_expected_keys_are_accepted() -> None:
    stranger = message(key=ed25519.Ed25519PrivateKey.generate())
    assert refusal(stranger) is Refusal.UNAUTHORIZED_SIGNER
    assert refusal(stranger, signers=None) is None
    assert refusal(stranger, signers=frozenset()) is Refusal.UNAUTHORIZED_SIGNER


def test_pk_01_a_signature_whose_s_is_not_reduced_is_refused() -> None:
    wire = message()
    signature = base64url.decode(wire["signature"])
    s = int.from_bytes(signature[32:], "little") + edwards.ORDER
    again = base64url.encode(signature[:32] + s.to_bytes(32, "little"))
    assert refusal({**wire, "signature": again}) is Refusal.INVALID_SIGNATURE


def test_pk_01_a_key_of_small_order_signs_nothing() -> None:
    unsigned = Message(BODY, NOON, NOON + LIFETIME, bytes(32), edwards.encoded(edwards.NEUTRAL))
    forged = edwards.forged(edwards.NEUTRAL, unsigned.signing_input())
    wire = {**unsigned.wire(), "signature": base64url.encode(forged)}
    assert refusal(wire, signers=None) is Refusal.INVALID_SIGNATURE


def test_a_signature_of_the_same_data_without_the_layout_is_none() -> None:
    wire = message()
    members = {name: value for name, value in wire.items() if name != "signature"}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    for signed in (text, hashlib.sha512(text).digest()):
        assert refusal({**wire, "signature": base64url.encode(KEY.sign(signed))}) is Refusal.INVALID_SIGNATURE
    assert refusal(resigned(wire)) is None


# -- Nonce -------------------------------------------------------------------------------------------------------------


def test_pk_03_a_message_is_accepted_once() -> None:
    ledger, wire = MemoryLedger(), message()
    assert refusal(wire, ledger=ledger) is None
    assert refusal(wire, ledger=ledger) is Refusal.REPLAYED
    assert refusal(wire, LIFETIME, ledger=ledger) is Refusal.REPLAYED
    assert refusal(message(), ledger=ledger) is None


def test_pk_03_another_message_with_the_same_nonce_is_a_replay() -> None:
    ledger, wire = MemoryLedger(), message()
    assert refusal(wire, ledger=ledger) is None
    assert refusal(resigned(wire, body="another"), ledger=ledger) is Refusal.REPLAYED


@pytest.mark.parametrize("skew", [0, 30])
def test_pk_04_a_nonce_is_kept_for_as_long_as_its_message_is_good_and_no_longer(skew: int) -> None:
    ledger, wire = MemoryLedger(), message()
    end = LIFETIME + skew
    assert refusal(wire, ledger=ledger, skew=skew) is None
    for second in (end - 1, end):
        assert refusal(message(lifetime=10**6), second, ledger, skew=skew) is None
        assert refusal(wire, second, ledger, skew=skew) is Refusal.REPLAYED
    held = len(ledger)
    assert refusal(message(lifetime=10**6), end + 1, ledger, skew=skew) is None
    assert len(ledger) == held  # one more, and the one that has ended is gone
    assert refusal(wire, end + 1, ledger, skew=skew) is Refusal.EXPIRED


def test_what_is_refused_uses_up_no_nonce() -> None:
    """Else whoever sees a message on its way could have it refused by sending a damaged copy first."""
    ledger, wire = MemoryLedger(), message()
    copies = [
        ({**wire, "body": "damaged"}, 0, Refusal.INVALID_SIGNATURE),
        (wire, -10, Refusal.NOT_YET_VALID),
        (wire, LIFETIME + 1, Refusal.EXPIRED),
    ]
    for copy, seconds, expected in copies:
        assert refusal(copy, seconds, ledger) is expected
    assert len(ledger) == 0
    assert refusal(wire, ledger=ledger) is None


def test_pk_04_and_xt_13_of_50_deliveries_at_once_one_is_accepted() -> None:
    for _round in range(20):
        ledger, wire, start = MemoryLedger(), message(), threading.Barrier(50)

        def deliver(
            _number: int, ledger: MemoryLedger = ledger, wire: Wire = wire, start: threading.Barrier = start
        ) -> Refusal | None:
            start.wait(10)
            return refusal(wire, ledger=ledger)

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            verdicts = list(pool.map(deliver, range(50)))
        assert sorted(map(str, verdicts)) == ["None"] + [str(Refusal.REPLAYED)] * 49


# -- Form --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["body", "created_at", "expires_at", "nonce", "public_key", "signature"])
def test_pk_03_a_message_that_lacks_a_member_is_refused(member: str) -> None:
    wire = message()
    del wire[member]
    with pytest.raises(Refused, match=f"lacks {member}") as refused:
        Message.read(wire)
    assert refused.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("member", "value", "problem"),
    [
        ("nonce", base64url.encode(bytes(31)), "nonce has 31 octets, not 32"),
        ("nonce", base64url.encode(bytes(33)), "nonce has 33 octets, not 32"),
        ("nonce", "", "nonce has 0 octets"),
        ("nonce", None, "nonce is not a text"),
        ("nonce", base64url.encode(bytes(32)) + "=", "nonce is not base64url without padding"),
        ("nonce", "A" * 42 + "B", "nonce is base64url with stray bits"),
        ("public_key", base64url.encode(bytes(31)), "public_key has 31 octets"),
        ("signature", base64url.encode(bytes(63)), "signature has 63 octets, not 64"),
        ("signature", "ü" * 86, "signature is not base64url"),
        ("created_at", "1780315200", "created_at is not a number"),
        ("created_at", 1780315200.5, "created_at is not a number"),
        ("expires_at", True, "expires_at is not a number"),
        ("expires_at", -1, "expires_at is not a number"),
        ("expires_at", 10**12, "expires_at is not a number"),
        ("extra", 1, "has members that no message has"),
    ],
)
def test_pk_03_a_malformed_member_is_named(member: str, value: t.Any, problem: str) -> None:
    with pytest.raises(Refused, match=problem) as refused:
        Message.read({**message(), member: value})
    assert refused.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', b"\xff", "[" * 100_000, '{"a":1,"a":2}', 5, None])
def test_what_is_no_message_is_refused(text: t.Any) -> None:
    assert refusal(text) is Refusal.MALFORMED


def test_a_member_that_is_named_twice_is_refused() -> None:
    """Two parsers would read two messages."""
    text = json.dumps(message())
    assert refusal(text) is None
    assert refusal(text[:-1] + ', "body": "another"}') is Refusal.MALFORMED


@pytest.mark.parametrize("body", [float("nan"), {1: 2}, {"a": "\ud800"}, 2**60, {"a": {1, 2}}, b"octets"])
def test_a_body_that_json_cannot_hold_is_neither_signed_nor_accepted(body: t.Any) -> None:
    with pytest.raises(InvalidInput):
        message(body)
    assert refusal({**message(), "body": body}) is Refusal.MALFORMED


@pytest.mark.parametrize("number", [1e17, -1e17, 2.0**53 + 2, [{"a": 123456789012345680.0}]])
def test_a_number_that_looks_like_a_whole_one_on_its_way_arrives(number: t.Any) -> None:
    """Canonical JSON writes these without a fraction, and beyond 2^53 a double is not a whole number to everybody."""
    wire = message(number)
    travelled = canonical.canonical(wire)
    assert b"e" not in travelled.partition(b'"created_at"')[0]
    assert refusal(travelled) is None
    assert Acceptance().accept(travelled, at(0)).body == number


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(allow_nan=False).filter(
        lambda number: abs(number) < 2**53
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(JSON)
def test_whatever_json_holds_travels(body: t.Any) -> None:
    text = json.dumps(message(body))
    assert refusal(text) is None
    assert Acceptance().accept(text, at(0)).body == body


@given(
    st.dictionaries(
        st.sampled_from(["body", "created_at", "expires_at", "nonce", "public_key", "signature", "x"]),
        JSON | st.binary(max_size=70).map(base64url.encode),
    )
    | st.text()
    | st.binary()
)
def test_whatever_arrives_is_refused_with_our_own_error(wire: t.Any) -> None:
    assert refusal(wire, signers=None) in {Refusal.MALFORMED, Refusal.INVALID_SIGNATURE}


@given(st.sampled_from(["body", "created_at", "expires_at", "nonce", "public_key", "signature"]), JSON)
def test_whatever_takes_the_place_of_a_member_is_refused(member: str, value: t.Any) -> None:
    wire = message()
    if value != wire[member]:
        assert refusal({**wire, member: value}, signers=None) in {Refusal.MALFORMED, Refusal.INVALID_SIGNATURE}
