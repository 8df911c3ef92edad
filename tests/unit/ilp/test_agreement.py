# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packet, condition and fulfilment: as other software made them, and by the definition."""

from __future__ import annotations

import base64
import hashlib
import hmac
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._ilp.agreement import agree, condition_of, fulfilment_of, hmac_key, octets_of
from plugins.module_utils._ilp.errors import IlpError
from plugins.module_utils._ilp.packet import Payment, Prepare, from_text
from plugins.module_utils._ilp.transaction import expiration, parsed, unpacked
from tests.unit.ilp.samples import CONVERSION, QUOTE, SECRET, changed

VERSIONS: t.Final = ("v1", "v4")

#: What @mojaloop/sdk-standard-components made of the samples: condition, fulfilment, SHA-256 of the text of the packet.
#: Release 19.19.1 sorts members, 19.18.8 keeps their order.
VECTORS: t.Final = [
    (
        QUOTE, "v1", False,
        "GGO6yMzFKStzCrjI0YTrRa5K-6NIkrD16XMvvS6LeZA",
        "3kT6ai8643kpjeT68F8RgB6M17dNhfLdNqfVR3BGdc0",
        "b50161740720c2ef0c58dd735ada71a28529a32fa395482fb90686b21325130e",
    ),
    (
        QUOTE, "v4", False,
        "EMg6OjaxDkBoBgfvw2hq3SbWqCyqqwg_TqGIVnGpqCI",
        "8JINs4E0P2KVE-hMoGm98UdFVXiSS9Vw2z8d3EjX-wc",
        "468db1b624a9df5162090f7cbcc43fcd9142c7477f2c1f7643d12b711542ee17",
    ),
    (
        CONVERSION, "v1", False,
        "ByXoymYAm84krDu1BYANIh9ZCP_1DPAd3AkfjmigqA8",
        "0qXHhNmIUNX7xQlYc_hc0X7IYVMJKzkm94s4u_cUa7c",
        "bd5b755d4855fc687f14b8cb06185eb8b1c09082d15b656ef5f8a3f9f71bc27b",
    ),
    (
        CONVERSION, "v4", False,
        "DR3eVBWUyfKjclCO-RHnJXSbNrh9qzd9twLKdqPkjzE",
        "WbLKlGUSuuGPgbn_s5EOrFHwqmmegO3uWspUp28leGM",
        "312616d05b7bae3fd43d3bb9e9d6de7bcb0d9f6b0f18255ed0ef806f010daa05",
    ),
    (
        QUOTE, "v1", True,
        "yW09x_ikHW8mH3f6UzGLwSqMZqTQKTaNvoG6cxRp-50",
        "KFJGsLePincNPfbX9lHqktJQIFs5wB0TmpOKUjpOzwI",
        "0bead0980f3bbaafc01778abfb4deb5456e3d19310fe601ecf45b482d9953290",
    ),
    (
        QUOTE, "v4", True,
        "Fnll5KKn0GE5ZeGV-0Gm0cvuSnonC4f9pTLbPsvRI-o",
        "n1FWd2esSp7hUgGHNq1ab_AyWqcPrp334rCjlX-2E5E",
        "cb5339b7d4781e17b701e7d494240c7d5ea405006f94e05fe5534f40e8428c8e",
    ),
    (
        CONVERSION, "v1", True,
        "ulqU0_4TnBNEHAwJ14c_VLvkpWpnioIerWZASUwtTv0",
        "tQdfTGx5iY6FIJnryVTYYgOpQ-V5foEin1eRZ96WdRs",
        "51de81b73af38a7a31a6698685997958b0be7e1d559a9be34e820c576542d4d0",
    ),
    (
        CONVERSION, "v4", True,
        "6PZo8gbqzpu6XdXNQpd8qxM5VlHp3ebFqAPMvbtKyyY",
        "2LCQ83LCHkWOXHbwZkuJaoPw4Md5sAsgDTL62ybMEgw",
        "5423d2397d3a2348106d321f5db6fd48187f90fc34ebaaac1b2c408378301c03",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("transaction", "version", "keep_order", "condition", "fulfilment", "digest"), VECTORS)
def test_made_as_other_software_makes_them(
    transaction: dict[str, t.Any], version: str, keep_order: bool, condition: str, fulfilment: str, digest: str
) -> None:
    made = agree(transaction, SECRET, version, keep_order=keep_order)
    assert (made.condition, made.fulfilment) == (condition, fulfilment)
    assert hashlib.sha256(made.packet.encode()).hexdigest() == digest


def test_trap_jws_8_key_of_the_hmac_is_the_base64_text_of_the_secret() -> None:
    assert hmac_key("secret") == b"c2VjcmV0"
    assert hmac_key("ä") == b"w6Q="
    made = agree(QUOTE, SECRET, "v1")
    key = base64.b64encode(SECRET.encode())
    digest = hmac.new(key, made.packet.encode(), "sha256").digest()
    assert made.fulfilment == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert hmac.new(SECRET.encode(), made.packet.encode(), "sha256").digest() != digest


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=120))
def test_digest_is_that_of_the_standard_library(secret: str) -> None:
    """Of keys shorter than a block of the hash, as long as one, and longer."""
    made = agree(QUOTE, secret, "v1")
    key = base64.b64encode(secret.encode())
    digest = hmac.new(key, made.packet.encode(), "sha256").digest()
    assert octets_of(made.fulfilment, "fulfilment") == digest


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transaction", [QUOTE, CONVERSION])
def test_packets_say_what_the_transaction_says(transaction: dict[str, t.Any], version: str) -> None:
    made = agree(transaction, SECRET, version)
    packet = from_text(made.packet)
    assert packet.amount == (12445 if transaction is QUOTE else 0)
    assert parsed(unpacked(packet.data)) == transaction
    if isinstance(packet, Prepare):
        assert (packet.destination, packet.expires_at) == ("g.mojaloop", expiration(transaction))
        assert packet.condition == octets_of(made.condition, "condition")
    else:
        assert packet.account == ("g.PayeeFsp.msisdn.27787654321" if transaction is QUOTE else "g.fxp1.usd.tnd")
    assert isinstance(packet, Payment if version == "v1" else Prepare)
    assert made.packet.startswith("AY" if version == "v1" else "DI")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("keep_order", [False, True])
def test_fulfilment_is_found_again_from_the_packet(version: str, keep_order: bool) -> None:
    made = agree(QUOTE, SECRET, version, keep_order=keep_order)
    again = fulfilment_of(from_text(made.packet), made.packet, SECRET)
    assert again == octets_of(made.fulfilment, "fulfilment")
    assert condition_of(made.fulfilment) == made.condition


@given(st.binary(min_size=32, max_size=32))
def test_condition_is_the_digest_of_the_fulfilment(octets: bytes) -> None:
    text = base64.urlsafe_b64encode(octets).decode().rstrip("=")
    digest = hashlib.sha256(octets).digest()
    assert condition_of(text) == base64.urlsafe_b64encode(digest).decode().rstrip("=")


@given(st.one_of(st.text(), st.none(), st.integers(), st.binary()))
def test_anything_is_a_fulfilment_or_an_error_of_ours(value: t.Any) -> None:
    problem = ""
    try:
        condition_of(value)
    except IlpError as error:
        problem = str(error)
    assert len(str(value)) < 8 or str(value) not in problem


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 43 + "=", "A" * 44, "A" * 42 + "B", "+" * 43, " " + "A" * 43, None]
)
def test_what_is_not_32_octets_is_no_fulfilment(text: t.Any) -> None:
    with pytest.raises(IlpError, match=r"^fulfilment: "):
        condition_of(text)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("transaction", "problem"),
    [
        (changed(QUOTE, "amount.amount", "1.234"), "decimal places"),
        (changed(QUOTE, "amount.amount", "1000000000000000000"), "not an amount"),
        (changed(QUOTE, "amount.amount", "184467440737095516.16"), "64 bits"),
        (changed(QUOTE, "expiration", ...), "expiration: is missing"),
        (changed(CONVERSION, "conversionTerms.expiration", ...), "expiration: is missing"),
        (changed(QUOTE, "amount.currency", "XYZ"), "not a currency"),
        ({**QUOTE, "note": "n" * 32768}, "more than 32768"),
        ({}, "amount: is missing"),
        ({"conversionTerms": None}, "conversionTerms: is missing"),
    ],
)
def test_weaknesses_of_the_peers_are_refused(transaction: dict[str, t.Any], version: str, problem: str) -> None:
    with pytest.raises(IlpError, match=problem):
        agree(transaction, SECRET, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_empty_secret_is_refused(version: str) -> None:
    with pytest.raises(IlpError, match=r"^secret: is empty"):
        agree(QUOTE, "", version)


def test_identifiers_beyond_ascii_are_refused_where_they_would_change() -> None:
    transaction = changed(QUOTE, "payee.partyIdInfo.partyIdentifier", "zoë")
    with pytest.raises(IlpError, match="Use version 4"):
        agree(transaction, SECRET, "v1")
    assert parsed(unpacked(from_text(agree(transaction, SECRET, "v4").packet).data)) == transaction


@pytest.mark.parametrize("version", ["v2", "1", "", None])
def test_other_versions_are_refused(version: t.Any) -> None:
    with pytest.raises(IlpError, match="version: "):
        agree(QUOTE, SECRET, version)
