# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed FSPIOP requests: what is signed, every way to tamper with it, and which form of the body was signed."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._core.redact import Secret
from plugins.module_utils._jose import fspiop_message
from plugins.module_utils._jose.errors import JoseError
from plugins.module_utils._jose.fspiop import sign, verify
from plugins.module_utils._jose.keys import load_private, private_pem, public_pem
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.unit.jose.requests import (
    BODY,
    DATE,
    HEADERS,
    OTHER,
    PRIVATE,
    PROTECTED,
    PUBLIC,
    URL,
    base64url,
    by_hand,
    check,
    fields,
    signed,
)

ALGORITHMS = ("RS256", "ES256")


def opened(text: str) -> tuple[str, dict[str, t.Any]]:
    """Return the protected header of a signature as text and as data."""
    encoded = json.loads(text)["protectedHeader"]
    decoded = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    return decoded, json.loads(decoded)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_signed_verifies(algorithm: str) -> None:
    request = signed(algorithm)
    found = check(request)
    assert found.valid and found.require() is found
    assert found.algorithm == request.algorithm == algorithm
    assert found.canonicalization == "both"
    assert found.accepted_by == {"sorted": True, "ordered": True, "raw": True}


def test_the_protected_header_has_its_members_in_the_order_of_the_peer() -> None:
    text, data = opened(signed().headers["fspiop-signature"])
    assert text == json.dumps(PROTECTED, separators=(",", ":"))
    assert list(data) == list(PROTECTED)


def test_headers_that_are_not_there_are_not_protected() -> None:
    request = signed(headers={"fspiop-source": "a"})
    assert list(opened(request.headers["fspiop-signature"])[1]) == list(PROTECTED)[:4]
    assert check(request).valid


def test_the_request_is_ready_to_be_sent() -> None:
    request = signed(method="post", headers={**HEADERS, "Content-Length": "7", "FSPIOP-Signature": "old", "X-A": "b"})
    assert request.method == "POST" and request.url == URL and request.uri == "/transfers"
    assert request.body == (
        '{"amount":{"amount":"100.25","currency":"USD"},"note":"Grüße 😀","rates":[1,1e+21,0,0.1],'
        '"transferId":"8f7dba3e-23a1-4a1b-9d8b-0c1f7f2f9a77"}'
    )
    kept = {**HEADERS, "X-A": "b", "fspiop-uri": "/transfers", "fspiop-http-method": "POST"}
    assert {name: text for name, text in request.headers.items() if name != "fspiop-signature"} == kept


def test_names_of_headers_are_taken_in_any_case() -> None:
    odd = {"fSpIoP-sOuRcE": "perffsp-1", "FSPIOP-DESTINATION": "perffsp-2", "DATE": DATE}
    request = signed(headers=odd)
    assert opened(request.headers["fspiop-signature"])[1] == PROTECTED
    assert request.headers["fspiop-signature"] == signed().headers["fspiop-signature"]
    assert check(request, headers={name.upper(): text for name, text in request.headers.items()}).valid


@pytest.mark.parametrize("form", [str, str.encode, Secret, load_private])
def test_keys_are_taken_in_any_form(form: t.Callable[[str], t.Any]) -> None:
    request = sign(form(PRIVATE["RS256"]), method="POST", url=URL, headers=HEADERS, body=BODY)
    assert request == signed()


def test_a_holder_of_a_key_signs_as_well() -> None:
    class Holder:
        algorithm = "RS256"

        def sign(self, message: bytes) -> bytes:
            assert message.count(b".") == 1
            return b"signature"

    request = sign(Holder(), method="POST", url=URL, headers=HEADERS, body=BODY)
    assert json.loads(request.headers["fspiop-signature"])["signature"] == base64url(b"signature")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    ("header", "value", "field"),
    [
        ("fspiop-uri", "/quotes", "FSPIOP-URI"),
        ("fspiop-uri", None, "FSPIOP-URI"),
        ("fspiop-http-method", "PUT", "FSPIOP-HTTP-Method"),
        ("fspiop-http-method", None, "FSPIOP-HTTP-Method"),
        ("FSPIOP-Source", "perffsp-3", "FSPIOP-Source"),
        ("FSPIOP-Source", None, "headers.FSPIOP-Source"),
        ("FSPIOP-Destination", "perffsp-3", "FSPIOP-Destination"),
        ("FSPIOP-Destination", None, "FSPIOP-Destination"),
        ("Date", "Sat, 21 Nov 2026 12:00:01 GMT", "Date"),
        ("Date", None, "Date"),
        ("fspiop-signature", None, "FSPIOP-Signature"),
    ],
)
def test_mj_14_every_protected_header_is_compared(algorithm: str, header: str, value: str | None, field: str) -> None:
    request = signed(algorithm)
    headers = {name: text for name, text in request.headers.items() if name != header}
    found = check(request, headers=headers if value is None else {**headers, header: value})
    assert fields(found) == [field]
    with pytest.raises(JoseError):
        found.require()


@pytest.mark.parametrize("member", PROTECTED)
def test_mj_14_every_member_of_the_protected_header_is_signed(member: str) -> None:
    request = signed()
    parts = json.loads(request.headers["fspiop-signature"])
    changed = {**PROTECTED, member: {"alg": "ES256", "Date": "x"}.get(member, PROTECTED[member] + "x")}
    parts["protectedHeader"] = base64url(json.dumps(changed).encode())
    headers = {**request.headers, "fspiop-signature": json.dumps(parts)}
    expected = "protectedHeader.alg" if member == "alg" else "FSPIOP-Signature"
    assert fields(check(request, headers=headers))[0] == expected
    # Nor does it help to change the header outside as well.
    outside = {name: changed[inside] for inside, name in fspiop_message.PROTECTED.items() if inside == member}
    folded = {name.lower(): text for name, text in headers.items()}
    assert fields(check(request, headers={**folded, **outside}))[0] == expected


def test_a_destination_that_was_added_on_the_way_is_refused_and_a_date_is_not() -> None:
    request = signed(headers={"FSPIOP-Source": "perffsp-1"})
    assert fields(check(request, headers={**request.headers, "FSPIOP-Destination": "b"})) == ["FSPIOP-Destination"]
    assert check(request, headers={**request.headers, "Date": DATE}).valid
    assert check(request, headers={**request.headers, "FSPIOP-Destination": ""}).valid


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_mj_14_every_octet_of_the_body_is_signed(algorithm: str) -> None:
    request = signed(algorithm)
    for body in (
        request.body.replace("USD", "EUR"),
        request.body.replace("100.25", "100.26"),
        request.body.replace(":0,", ":1,").replace("[1,", "[2,"),
        request.body[:-1] + ',"x":null}',
        json.dumps({name: value for name, value in BODY.items() if name != "note"}),
    ):
        assert fields(check(request, body=body)) == ["FSPIOP-Signature"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_change_of_the_signature_is_refused(algorithm: str) -> None:
    request = signed(algorithm)
    parts = json.loads(request.headers["fspiop-signature"])
    octets = base64.urlsafe_b64decode(parts["signature"] + "==")
    half = len(octets) // 2
    changed = [octets[:-1], octets + b"\0", b"", bytes(len(octets)), octets[:half] + bytes(half)]
    changed += [octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :] for at in range(0, len(octets), 7)]
    for signature in changed:
        text = json.dumps({**parts, "signature": base64url(signature)})
        assert fields(check(request, headers={**request.headers, "fspiop-signature": text})) == ["FSPIOP-Signature"]


def test_the_key_decides_about_the_algorithm() -> None:
    request = signed("RS256")
    assert fields(check(request, keys=PUBLIC["ES256"])) == ["protectedHeader.alg"]
    for name in ("none", "HS256", "RS512", "rs256", "-----BEGIN"):
        text = by_hand(request.body.encode(), {**PROTECTED, "alg": name})
        found = check(request, headers={**request.headers, "fspiop-signature": text})
        assert fields(found) == ["protectedHeader.alg"]
    assert "BEGIN" not in str(found.problems[0])
    assert fields(check(request, keys=public_pem(OTHER))) == ["FSPIOP-Signature"]


def test_the_request_itself_is_compared_and_not_only_its_headers() -> None:
    request = signed()
    assert check(request, url="https://other.example.com:8443/prefix/transfers").valid
    assert fields(check(request, url="/quotes")) == ["FSPIOP-URI"]
    assert fields(check(request, url="/transfers/1")) == ["FSPIOP-URI"]
    assert fields(check(request, url="/transfers?x=1")) == ["FSPIOP-URI"]
    assert fields(check(request, method="PUT")) == ["FSPIOP-HTTP-Method"]
    assert check(request, url="/rewritten", uri="/transfers").valid


def test_the_key_of_the_sender_is_taken_exactly_by_its_name() -> None:
    request = signed()
    keys = {"perffsp-1": PUBLIC["RS256"], "perffsp-2": "not even a key"}
    assert check(request, keys=keys).valid
    problem = check(request, keys={"perffsp-2": PUBLIC["RS256"]}).problems[0]
    assert problem.field == "headers.FSPIOP-Source" and "case" not in problem.problem
    with pytest.raises(JoseError, match="no public key in PEM form"):
        check(signed(headers={"FSPIOP-Source": "perffsp-2"}), keys=keys)


def test_trap_jws_4_names_of_keys_have_a_case() -> None:
    problem = check(signed(), keys={"PerfFSP-1": PUBLIC["RS256"]}).problems[0]
    assert "differs in case alone" in problem.problem


def test_trap_jws_3_weak_keys_neither_sign_nor_verify() -> None:
    weak = generate(KeySpec("rsa", 1024))
    with pytest.raises(JoseError, match="1024 bits is too short"):
        sign(weak, method="POST", url=URL, headers=HEADERS, body=BODY)
    with pytest.raises(JoseError, match="1024 bits is too short"):
        check(signed(), keys=public_pem(weak))
    with pytest.raises(JoseError, match="EdDSA is not among the algorithms of FSPIOP"):
        sign(generate(KeySpec("ed25519")), method="POST", url=URL, headers=HEADERS, body=BODY)


def test_trap_jws_2_ec_keys_sign_in_both_forms_and_warn() -> None:
    key = load_private(PRIVATE["ES256"])
    for encoding in ("traditional", "pkcs8"):
        request = sign(private_pem(key, encoding), method="POST", url=URL, headers=HEADERS, body=BODY)
        assert check(request).valid
        assert "connection managers take an EC key for invalid" in request.warnings[0]
    assert signed().warnings == ()


def test_trap_jws_1_the_form_that_was_signed_is_told() -> None:
    unsorted, spaced = b'{"b":1,"a":[1.0]}', b'{ "a": [1], "b": 1 }'
    cases = [
        (by_hand(b'{"a":[1],"b":1}', PROTECTED), unsorted, "sorted", {"sorted": True, "ordered": False, "raw": False}),
        (by_hand(b'{"b":1,"a":[1]}', PROTECTED), unsorted, "as_received", {"ordered": True, "raw": False}),
        (by_hand(unsorted, PROTECTED), unsorted, "as_received", {"sorted": False, "ordered": False, "raw": True}),
        (by_hand(spaced, PROTECTED), spaced, "as_received", {"sorted": False, "ordered": False, "raw": True}),
        (by_hand(b'{"a":[1],"b":1}', PROTECTED), spaced, "both", {"sorted": True, "ordered": True, "raw": False}),
    ]
    for signature, body, form, accepted in cases:
        headers = {**signed().headers, "fspiop-signature": signature}
        found = check(signed(), headers=headers, body=body)
        assert found.valid and found.canonicalization == form and accepted.items() <= found.accepted_by.items()
        for wanted in ("sorted", "as_received"):
            restricted = check(signed(), headers=headers, body=body, canonicalization=wanted)
            assert restricted.valid is (form in (wanted, "both"))
            assert restricted.canonicalization == form


def test_without_the_text_of_the_body_nothing_is_said_about_its_octets() -> None:
    found = check(signed(), body=BODY)
    assert found.valid and found.accepted_by == {"sorted": True, "ordered": False}
    assert check(signed(), body=BODY | {"x": 1}).accepted_by == {"sorted": False, "ordered": False}


def test_trap_jws_6_members_that_the_peer_takes_for_claims_are_warned_of() -> None:
    request = signed(body={"exp": 1, "nbf": "x", "inside": {"exp": 1}})
    found = check(request)
    assert found.valid
    for warnings in (request.warnings, found.warnings):
        assert [f"member {name} " in text for name, text in zip(("exp", "nbf"), warnings, strict=True)] == [True, True]


def test_trap_jws_1_names_that_look_like_indexes_are_warned_of() -> None:
    for body, warned in (({"9": 1, "10": 2}, True), ({"b": {"a": 1, "0": 2, "-": 3}}, True), ({"1": 2, "a": 3}, False)):
        assert any("look like indexes" in text for text in signed(body=body).warnings) is warned
    assert check(signed(body={"9": 1, "10": 2})).accepted_by == {"sorted": True, "ordered": False, "raw": True}


def test_trap_jws_9_put_parties_is_not_signed_by_default() -> None:
    request = signed(method="PUT", url="/parties/MSISDN/123456789", body={"party": {}})
    assert "JWS_SIGN_PUT_PARTIES" in request.warnings[0]
    bare = {name: text for name, text in request.headers.items() if name != "fspiop-signature"}
    problem = check(request, headers=bare, url="/parties/MSISDN/123456789").problems[0]
    assert "VALIDATE_INBOUND_PUT_PARTIES_JWS" in str(problem)
    assert signed(method="PUT", url="/transfers/1").warnings == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": "GET"}, "method"),
        ({"method": "DELETE"}, "method"),
        ({"method": 1}, "method"),
        ({"headers": {"FSPIOP-Destination": "b"}}, "headers.FSPIOP-Source"),
        ({"headers": {"FSPIOP-Source": ""}}, "headers.FSPIOP-Source"),
        ({"headers": {"FSPIOP-Source": "a\r\nX: y"}}, "headers.FSPIOP-Source"),
        ({"headers": {"FSPIOP-Source": "ä"}}, "headers.FSPIOP-Source"),
        ({"headers": {"FSPIOP-Source": 1}}, "headers.FSPIOP-Source"),
        ({"headers": {"FSPIOP-Source": "a", "fspiop-source": "b"}}, "headers.fspiop-source"),
        ({"body": None}, "body"),
        ({"body": ""}, "body"),
        ({"body": "no JSON"}, "body"),
        ({"body": '{"a":1,"a":2}'}, "body"),
        ({"body": "1"}, "body"),
        ({"body": {"a": 2**53 + 1}}, "body"),
        ({"url": "https://h"}, "url"),
        ({"url": "/a b"}, "url"),
        ({"url": None}, "url"),
        ({"uri": "/a\nb"}, "uri"),
        ({"uri_mode": "other"}, "uri_mode"),
    ],
)
def test_what_cannot_be_signed_is_refused_by_field(changes: dict[str, t.Any], field: str) -> None:
    with pytest.raises(JoseError) as caught:
        signed(**changes)
    assert caught.value.field == field and caught.value.remedy


def test_an_empty_body_is_one() -> None:
    assert check(signed(body={})).valid
    assert signed(body="[]").body == "[]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{}",
        "[]",
        '{"protectedHeader":"e30","signature":1}',
        '{"protectedHeader":[],"signature":"AA"}',
        '{"protectedHeader":"e30","signature":"AA"}',
        '{"protectedHeader":"bnVsbA","signature":"AA"}',
        '{"protectedHeader":"====","signature":"AA"}',
        '{"protectedHeader":"e30","signature":"AA=="}',
        '{"protectedHeader":"e30","signature":"AB"}',
        '{"signature":"AA","signature":"AA","protectedHeader":"e30"}',
        json.dumps({"protectedHeader": "A" * 20000, "signature": "AA"}),
    ],
)
def test_signatures_of_a_wrong_form_are_refused(text: str) -> None:
    request = signed()
    (problem,) = check(request, headers={**request.headers, "fspiop-signature": text}).problems
    assert (problem.field or "").startswith(("FSPIOP-Signature", "headers.fspiop-signature", "protectedHeader"))


def test_protected_headers_of_a_wrong_form_are_refused() -> None:
    request = signed()
    extended = by_hand(request.body.encode(), {**PROTECTED, "crit": ["b64"], "b64": False})
    more = by_hand(request.body.encode(), PROTECTED, header={"kid": "x"})
    bare = by_hand(request.body.encode(), {"alg": "RS256"})
    for text, field in ((extended, "FSPIOP-Signature"), (more, "FSPIOP-Signature"), (bare, "FSPIOP-URI")):
        found = check(request, headers={**request.headers, "fspiop-signature": text})
        assert fields(found)[0] == field


def test_wrong_options_are_errors_and_not_verdicts() -> None:
    with pytest.raises(JoseError, match="canonicalization: is unknown"):
        check(signed(), canonicalization="raw")
    with pytest.raises(JoseError, match="uri_mode: is unknown"):
        check(signed(), uri_mode="raw")
    with pytest.raises(JoseError, match="this is a private key"):
        check(signed(), keys=PRIVATE["RS256"])


def test_errors_quote_neither_key_nor_signature_nor_body() -> None:
    request = signed()
    parts = json.loads(request.headers["fspiop-signature"])
    found = check(request, body=request.body.replace("USD", "EUR"), url="/quotes", keys=public_pem(OTHER))
    said = repr(found) + "".join(map(str, found.problems))
    for secret in (parts["signature"], PUBLIC["RS256"].splitlines()[1], "8f7dba3e", parts["protectedHeader"]):
        assert secret not in said


@given(st.dictionaries(st.sampled_from([*fspiop_message.PROTECTED.values(), "fspiop-signature"]), st.text()), st.text())
def test_verifying_raises_nothing_but_its_own_error(headers: dict[str, str], body: str) -> None:
    assert not verify(PUBLIC["RS256"], method="POST", url="/transfers", headers=headers, body=body).valid


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_signatures_of_any_text_raise_nothing_but_their_own_error(header: str, signature: str, protected: str) -> None:
    for inside in (protected, base64url(protected.encode("utf-8", "replace"))):
        text = json.dumps({"protectedHeader": inside, "signature": signature})
        for value in (header, text):
            headers = {"fspiop-source": "a", "fspiop-signature": value}
            assert not verify(PUBLIC["ES256"], method="POST", url="/transfers", headers=headers, body="{}").valid
