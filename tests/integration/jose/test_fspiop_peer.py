# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed requests and the reference library, before and since it sorts bodies: each verifies what the other signs."""

from __future__ import annotations

import dataclasses
import json
import time
import typing as t

import pytest
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._jose.canonical import parse
from plugins.module_utils._jose.errors import JoseError
from plugins.module_utils._jose.fspiop import SignedRequest, sign, verify
from plugins.module_utils._jose.keys import private_pem, public_pem
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.rigs.node import Peer, PeerError
from tests.unit.jose.requests import BODY, DATE, HEADERS, URL
from tests.unit.pki import forge

OLD, NEW = "19.18.8", "19.19.1"
VERSIONS = (OLD, NEW)
LOWER = {name.lower(): text for name, text in HEADERS.items()}


@dataclasses.dataclass(frozen=True)
class Pair:
    """A key pair as the two sides are given it."""

    private: str = dataclasses.field(repr=False)
    public: str = dataclasses.field(repr=False)

    @classmethod
    def make(cls, kind: str, size: int, encoding: t.Any = None) -> Pair:
        key = generate(KeySpec(kind, size))
        return cls(private_pem(key, encoding).reveal(), public_pem(key))


PAIRS = {
    "RSA 2048": Pair.make("rsa", 2048),
    "RSA 2048 in PKCS#1": Pair.make("rsa", 2048, "traditional"),
    "RSA 4096": Pair.make("rsa", 4096),
    "ES256": Pair.make("ec", 256),
}
BODIES: dict[str, t.Any] = {
    "a transfer": BODY,
    "nested": {"z": {"y": [{"x": 1, "a": [[], {}, [None, True, False]]}]}, "a": {"b": {"c": {"d": "e"}}}},
    "not ASCII": {"żółw": "ß€", "é": "\u2028", "\U0001f4b6": 1, "\ufb33": 2, "名前": "山田 太郎", "q": '\\"/\x7f\t'},
    "numbers": {"b": [1.0, 0.1, -0.0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2**53, -1], "a": 100.0},
    "empty": {},
    "names that are numbers": {"b": 1, "10": 2, "9": 3, "": 4},
    "a list": [{"b": 1, "a": 2}],
}
everywhere = pytest.mark.parametrize("version", VERSIONS)
every_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
every_body = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)


def ours(pair: Pair, **changes: t.Any) -> SignedRequest:
    """Sign the usual request ourselves."""
    return sign(pair.private, **{"method": "POST", "url": URL, "headers": HEADERS, "body": BODY, **changes})


def theirs(peer: Peer, version: str, pair: Pair, **changes: t.Any) -> dict[str, t.Any]:
    """Let the library sign the usual request; its body is what it sends."""
    request = {"method": "POST", "uri": URL, "headers": LOWER, "body": BODY, **changes}
    signed: dict[str, t.Any] = peer.call("jws.sign", version=version, key=pair.private, request=request)
    return signed


def accepts(peer: Peer, version: str, public: str, headers: t.Mapping[str, str], body: str) -> bool:
    """Tell whether the library accepts a request; as in a server, the body is parsed before."""
    folded = {name.lower(): text for name, text in headers.items()}
    keys = {HEADERS["FSPIOP-Source"]: public}
    try:
        answer = peer.call(
            "jws.validate", version=version, keys=keys, request={"headers": folded, "body": json.loads(body)}
        )
    except PeerError:
        return False
    assert answer is True
    return True


@everywhere
@every_pair
@every_body
def test_mj_14_the_peer_accepts_what_we_sign(peer: Peer, version: str, pair: Pair, body: t.Any) -> None:
    request = ours(pair, body=body)
    assert parse(request.body) == body
    # ECMAScript has an order of its own for such names, and what keeps the order of members keeps that one.
    refused = version == OLD and "9" in body
    assert accepts(peer, version, pair.public, request.headers, request.body) is not refused
    assert any("look like indexes" in text for text in request.warnings) is ("9" in body)


@everywhere
@every_pair
@every_body
def test_mj_14_we_accept_what_the_peer_signs(peer: Peer, version: str, pair: Pair, body: t.Any) -> None:
    signed = theirs(peer, version, pair, body=body)
    found = verify(pair.public, method="POST", url="/transfers", headers=signed["headers"], body=signed["body"])
    found.require()
    assert found.canonicalization == "both" or version == OLD


@everywhere
@pytest.mark.parametrize("pair", [pair for name, pair in PAIRS.items() if "RSA" in name])
@every_body
def test_rs256_signatures_are_the_same_in_every_bit(peer: Peer, version: str, pair: Pair, body: t.Any) -> None:
    request = ours(pair, body=body)
    # Of data in canonical order both versions send the same text.
    signed = theirs(peer, version, pair, body=json.loads(request.body))
    if "9" not in body or version == NEW:
        assert signed["body"] == request.body
        added = ("fspiop-uri", "fspiop-http-method")
        assert {name: signed["headers"][name] for name in added} == {name: request.headers[name] for name in added}
        assert json.loads(signed["headers"]["fspiop-signature"]) == json.loads(request.headers["fspiop-signature"])
    if version == NEW:
        # The header as a whole, too, whatever the order of the data.
        again = theirs(peer, version, pair, body=body)
        assert again["body"] == request.body
        assert again["headers"]["fspiop-signature"] == request.headers["fspiop-signature"]


@everywhere
def test_the_headers_that_may_be_missing(peer: Peer, version: str) -> None:
    pair = PAIRS["RSA 2048"]
    for missing in (["Date"], ["FSPIOP-Destination"], ["Date", "FSPIOP-Destination"]):
        headers = {name: text for name, text in HEADERS.items() if name not in missing}
        request = ours(pair, headers=headers)
        assert accepts(peer, version, pair.public, request.headers, request.body)
        empty = {**request.headers, "FSPIOP-Destination": headers.get("FSPIOP-Destination", "")}
        assert accepts(peer, version, pair.public, empty, request.body)
        assert verify(pair.public, method="POST", url=URL, headers=empty, body=request.body).valid
        signed = theirs(peer, version, pair, headers={name.lower(): text for name, text in headers.items()})
        assert verify(pair.public, method="POST", url=URL, headers=signed["headers"], body=signed["body"]).valid


@everywhere
@pytest.mark.parametrize("pair", [PAIRS["RSA 2048"], PAIRS["ES256"]], ids=["RS256", "ES256"])
def test_mj_14_both_refuse_whatever_is_tampered_with(peer: Peer, version: str, pair: Pair) -> None:
    request = ours(pair)
    parts = json.loads(request.headers["fspiop-signature"])
    other = json.loads(ours(pair, url="https://h/quotes").headers["fspiop-signature"])
    assert accepts(peer, version, pair.public, request.headers, request.body)

    def with_header(name: str, value: str | None) -> tuple[dict[str, str], str]:
        headers = {held: text for held, text in request.headers.items() if held != name}
        return (headers if value is None else {**headers, name: value}), request.body

    tampered = [
        with_header("fspiop-uri", "/quotes"),
        with_header("fspiop-uri", None),
        with_header("fspiop-http-method", "PUT"),
        with_header("fspiop-http-method", None),
        with_header("FSPIOP-Source", "perffsp-3"),
        with_header("FSPIOP-Source", None),
        with_header("FSPIOP-Destination", "perffsp-3"),
        with_header("FSPIOP-Destination", None),
        with_header("Date", "Sat, 21 Nov 2026 12:00:01 GMT"),
        with_header("Date", None),
        with_header("fspiop-signature", None),
        with_header("fspiop-signature", json.dumps({**parts, "signature": other["signature"]})),
        with_header("fspiop-signature", json.dumps({**parts, "protectedHeader": other["protectedHeader"]})),
        with_header("fspiop-signature", json.dumps({**parts, "signature": parts["signature"][:-8]})),
        (request.headers, request.body.replace("100.25", "900.25")),
        (request.headers, request.body.replace('"USD"', '"EUR"')),
        (request.headers, '{"added":null,' + request.body[1:]),
    ]
    for headers, body in tampered:
        assert not accepts(peer, version, pair.public, headers, body)
        assert not verify(pair.public, method="POST", url=URL, headers=headers, body=body).valid
    assert not accepts(peer, version, Pair.make("rsa", 2048).public, request.headers, request.body)


def test_the_path_that_was_really_asked_for_is_compared_by_us_alone(peer: Peer) -> None:
    """The same request, sent to another service: the library looks at the headers only."""
    pair = PAIRS["RSA 2048"]
    request = ours(pair)
    for version in VERSIONS:
        assert accepts(peer, version, pair.public, request.headers, request.body)
    found = verify(pair.public, method="POST", url="/fxTransfers", headers=request.headers, body=request.body)
    assert [problem.field for problem in found.problems] == ["FSPIOP-URI"]


UNSORTED, SORTED = {"b": 1, "a": {"d": [1.0], "c": 2}}, {"a": {"c": 2, "d": [1.0]}, "b": 1}


@pytest.mark.parametrize(
    ("signer", "call", "body", "by_old", "by_new", "told"),
    [
        (OLD, "jws.sign", UNSORTED, True, False, "as_received"),
        (OLD, "jws.sign", SORTED, True, True, "both"),
        (NEW, "jws.sign", UNSORTED, True, True, "both"),
        (NEW, "jws.sign", SORTED, True, True, "both"),
        (NEW, "jws.signature", UNSORTED, True, False, "as_received"),
        (NEW, "jws.signature", SORTED, True, True, "both"),
        ("ours", "", UNSORTED, True, True, "both"),
    ],
)
def test_trap_jws_1_the_matrix_of_versions_is_reproduced_and_diagnosed(
    peer: Peer, signer: str, call: str, body: t.Any, by_old: bool, by_new: bool, told: str
) -> None:
    pair = PAIRS["RSA 2048"]
    if signer == "ours":
        request = ours(pair, body=body)
        headers, sent = request.headers, request.body
    elif call == "jws.sign":
        signed = theirs(peer, signer, pair, body=body)
        headers, sent = signed["headers"], signed["body"]
    else:
        # As services of the hub do: the signature alone, and the body is put into JSON by whoever sends it.
        prepared = {**LOWER, "fspiop-uri": "/transfers", "fspiop-http-method": "POST"}
        request_given = {"method": "POST", "uri": URL, "headers": prepared, "body": body}
        signature = peer.call(call, version=signer, key=pair.private, request=request_given)
        headers, sent = {**prepared, "fspiop-signature": signature}, json.dumps(body, separators=(",", ":"))
    assert accepts(peer, OLD, pair.public, headers, sent) is by_old
    assert accepts(peer, NEW, pair.public, headers, sent) is by_new
    found = verify(pair.public, method="POST", url="/transfers", headers=headers, body=sent).require()
    assert found.canonicalization == told
    assert (found.accepted_by["ordered"], found.accepted_by["sorted"]) == (by_old, by_new)


def test_trap_jws_1_a_body_that_was_written_anew_on_the_way_is_told(peer: Peer) -> None:
    pair = PAIRS["RSA 2048"]
    request = ours(pair, body=SORTED)
    sent = json.dumps(UNSORTED, indent=2)
    assert not accepts(peer, OLD, pair.public, request.headers, sent)
    assert accepts(peer, NEW, pair.public, request.headers, sent)
    found = verify(pair.public, method="POST", url=URL, headers=request.headers, body=sent).require()
    assert found.canonicalization == "sorted"
    assert found.accepted_by == {"sorted": True, "ordered": False, "raw": False}


@everywhere
def test_trap_jws_2_ec_keys_in_pkcs8_break_the_peer_and_not_us(peer: Peer, version: str) -> None:
    pair = Pair.make("ec", 256, "pkcs8")
    signed = theirs(peer, version, pair)
    # It takes the key for an RSA one, says so, and makes a signature that nobody accepts, itself included.
    assert not accepts(peer, version, pair.public, signed["headers"], signed["body"])
    found = verify(pair.public, method="POST", url=URL, headers=signed["headers"], body=signed["body"])
    assert found.algorithm == "RS256"
    assert [problem.field for problem in found.problems] == ["protectedHeader.alg"]
    request = ours(pair)
    assert request.algorithm == "ES256"
    assert accepts(peer, version, pair.public, request.headers, request.body)


@everywhere
def test_trap_jws_3_short_keys_pass_the_peer_and_not_us(peer: Peer, version: str) -> None:
    pair = Pair.make("rsa", 1024)
    signed = theirs(peer, version, pair)
    assert accepts(peer, version, pair.public, signed["headers"], signed["body"])
    with pytest.raises(JoseError, match="too short"):
        ours(pair)
    with pytest.raises(JoseError, match="too short"):
        verify(pair.public, method="POST", url=URL, headers=signed["headers"], body=signed["body"])


@everywhere
def test_certificates_verify_on_both_sides(peer: Peer, version: str) -> None:
    certified = forge.make("perffsp-1", key=generate(KeySpec("rsa", 2048)))
    pem = certified.pem.decode()
    pair = Pair(certified.key.private_bytes(*_PKCS8).decode(), pem)
    request = ours(pair)
    assert accepts(peer, version, pem, request.headers, request.body)
    assert verify({"perffsp-1": pem}, method="POST", url=URL, headers=request.headers, body=request.body).valid


_PKCS8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@everywhere
@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ({"exp": int(time.time()) - 3600}, False),
        ({"exp": int(time.time()) + 36000}, True),
        ({"nbf": int(time.time()) + 36000}, False),
        ({"exp": "2099-01-01"}, False),
        ({"inside": {"exp": 1}}, True),
    ],
)
def test_trap_jws_6_the_peer_takes_members_of_the_body_for_claims(
    peer: Peer, version: str, body: t.Any, accepted: bool
) -> None:
    pair = PAIRS["RSA 2048"]
    request = ours(pair, body=body)
    assert accepts(peer, version, pair.public, request.headers, request.body) is accepted
    found = verify(pair.public, method="POST", url=URL, headers=request.headers, body=request.body).require()
    assert bool(found.warnings) is bool(request.warnings) is ("inside" not in body)


@everywhere
def test_names_in_mixed_case_are_dropped_by_the_peer_and_not_by_us(peer: Peer, version: str) -> None:
    pair = PAIRS["RSA 2048"]
    signed = theirs(peer, version, pair, headers=HEADERS)
    assert not accepts(peer, version, pair.public, signed["headers"], signed["body"])
    assert accepts(peer, version, pair.public, ours(pair).headers, ours(pair).body)
    assert dict(HEADERS)["Date"] == DATE
