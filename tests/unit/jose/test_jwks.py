# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key sets against the examples of the RFCs, against PyJWT as the counterpart, and against what has no place in one."""

from __future__ import annotations

import hashlib
import json
import typing as t

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils._jose import base64url
from plugins.module_utils._jose.jwks import (
    UnusableKey,
    VerificationKey,
    check_algorithm,
    parse_key,
    parse_set,
    public_members,
    render_set,
    thumbprint,
)
from plugins.module_utils._pki.keys import KeySpec, generate, spec_of

Entry = dict[str, t.Any]

#: RFC 7517, A.1, second key; RFC 7638, 3.1.
RSA_JWK: Entry = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
RSA_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#: RFC 7517, A.1, first key: for encryption.
ENCRYPTION_JWK: Entry = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "use": "enc",
    "kid": "1",
}
#: RFC 7515, A.3.
EC_JWK: Entry = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "a3",
}
#: RFC 8037, A.2 to A.4.
OKP_JWK: Entry = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a4"}
OKP_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
OKP_JWS = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
KINDS = {"RS256": KeySpec("rsa", 2048), "ES256": KeySpec("ec", 256), "EdDSA": KeySpec("ed25519")}


def known(entry: Entry) -> VerificationKey:
    key = parse_key(entry)
    assert key is not None
    return key


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest) -> tuple[str, t.Any]:
    """An algorithm and a fresh key for it."""
    return request.param, generate(KINDS[request.param])


@pytest.mark.parametrize(("entry", "wanted"), [(RSA_JWK, RSA_THUMBPRINT), (OKP_JWK, OKP_THUMBPRINT)])
def test_thumbprint_is_that_of_the_rfc(entry: Entry, wanted: str) -> None:
    assert thumbprint(known(entry).key) == wanted


@pytest.mark.parametrize("entry", [RSA_JWK, EC_JWK, OKP_JWK])
def test_members_come_back_as_they_were_read(entry: Entry) -> None:
    bare = {name: value for name, value in entry.items() if name not in ("alg", "kid")}
    assert public_members(known(entry).key) == bare


def test_key_of_the_rfc_verifies_its_signature() -> None:
    signed, _dot, signature = OKP_JWS.rpartition(".")
    key = known(OKP_JWK).key
    assert isinstance(key, ed25519.Ed25519PublicKey)
    key.verify(base64url.decode(signature), signed.encode())


def test_algorithm_is_the_named_one_or_the_usual_one_of_the_kind() -> None:
    assert [known(entry).algorithm for entry in (RSA_JWK, EC_JWK, OKP_JWK)] == ["RS256", "ES256", "EdDSA"]
    assert known({**RSA_JWK, "alg": "PS384"}).algorithm == "PS384"
    assert known({name: value for name, value in RSA_JWK.items() if name != "alg"}).algorithm == "RS256"


def test_set_of_the_rfc_has_one_key_for_signatures() -> None:
    assert [key.kid for key in parse_set({"keys": [ENCRYPTION_JWK, RSA_JWK]})] == ["2011-04-29"]
    assert [key.kid for key in parse_set(json.dumps({"keys": [ENCRYPTION_JWK, RSA_JWK]}))] == ["2011-04-29"]


@pytest.mark.parametrize(
    "entry",
    [
        {**EC_JWK, "crv": "secp256k1"},
        {**OKP_JWK, "crv": "X25519"},
        {"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AA"},
        {**RSA_JWK, "key_ops": ["wrapKey"]},
        {**RSA_JWK, "key_ops": "verify"},
        {**RSA_JWK, "alg": "RSA-OAEP"},
        {**RSA_JWK, "alg": "HS256"},
        {**RSA_JWK, "alg": "none"},
        {**RSA_JWK, "alg": ["RS256"]},
    ],
)
def test_what_is_for_other_uses_is_passed_over(entry: Entry) -> None:
    assert parse_set({"keys": [entry, EC_JWK]}) == (known(EC_JWK),)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AyM1", "priv": "SysP", "kid": "a1"}, "holds a secret"),
        ({"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T", "kid": "a1"}, "holds a secret"),
        ({**OKP_JWK, "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}, "holds a secret"),
        ({**RSA_JWK, "use": "enc", "p": "AQAB"}, "holds a secret"),
        ({name: value for name, value in EC_JWK.items() if name != "kid"}, "kid: has no identifier"),
        ({**EC_JWK, "kid": ""}, "kid: has no identifier"),
        ({**EC_JWK, "kid": 7}, "kid: has no identifier"),
        ({**EC_JWK, "y": ENCRYPTION_JWK["y"]}, "is not a key of type EC"),
        ({**EC_JWK, "crv": "P-384"}, "x: has 32 octets, not 48"),
        ({**EC_JWK, "x": EC_JWK["x"] + "="}, "x: is not base64url without padding"),
        ({**EC_JWK, "x": EC_JWK["x"][:-1] + "V"}, "x: is base64url with stray bits"),
        ({**EC_JWK, "x": EC_JWK["x"][:40]}, "x: has 30 octets, not 32"),
        ({**EC_JWK, "alg": "RS256"}, "RS256 does not take a key of type ec-256"),
        ({**EC_JWK, "alg": "ES384"}, "ES384 does not take a key of type ec-256"),
        ({**RSA_JWK, "e": "AQ"}, "is not a key of type RSA"),
        ({**RSA_JWK, "e": "AAEAAQ"}, "e: has no value or leading zeros"),
        ({**RSA_JWK, "n": ""}, "n: has no value or leading zeros"),
        ({**RSA_JWK, "n": 3}, "n: is missing"),
        ({**OKP_JWK, "x": OKP_JWK["x"][:32]}, "x: has 24 octets, not 32"),
        ("text", "is not a JWK"),
    ],
)
def test_entry_that_is_not_in_order_is_refused(entry: t.Any, problem: str) -> None:
    with pytest.raises(UnusableKey) as refusal:
        parse_set({"keys": [EC_JWK, entry]})
    assert str(refusal.value).startswith("keys[1]")
    assert problem in str(refusal.value)


@pytest.mark.parametrize("document", ["", "{", "[]", "{}", '{"keys": {}}', '{"keys": "text"}', None, 3, b"\xff"])
def test_document_that_is_no_set_is_refused(document: t.Any) -> None:
    with pytest.raises(UnusableKey):
        parse_set(document)


def test_identifier_that_occurs_twice_is_refused() -> None:
    with pytest.raises(UnusableKey, match="two keys have the identifier a3"):
        parse_set({"keys": [EC_JWK, {**OKP_JWK, "kid": "a3"}]})
    with pytest.raises(UnusableKey, match="two keys have the identifier a3"):
        render_set([known(EC_JWK), known(EC_JWK)])


def test_short_rsa_key_is_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    entry = {**public_members(short), "kid": "short"}
    with pytest.raises(UnusableKey, match="1024 bits is too short for RS256"):
        parse_key(entry)
    with pytest.raises(UnusableKey, match="1024 bits is too short for PS512"):
        check_algorithm(short, "PS512")


def test_key_without_a_place_in_a_set_is_refused() -> None:
    with pytest.raises(UnusableKey, match="a key of type dsa has no place"):
        public_members(dsa.generate_private_key(1024))
    with pytest.raises(UnusableKey, match="a key of type secp256k1 has no place"):
        public_members(ec.generate_private_key(ec.SECP256K1()))


def test_published_set_is_read_by_the_counterpart(made: tuple[str, t.Any]) -> None:
    algorithm, key = made
    document = json.loads(json.dumps(render_set([VerificationKey("k1", algorithm, key.public_key())])))
    theirs = jwt.PyJWKSet.from_dict(document)["k1"]
    assert theirs.algorithm_name == algorithm
    assert theirs.public_key_use == "sig"
    assert public_members(theirs.key) == public_members(key)
    assert set(document["keys"][0]).isdisjoint({"d", "p", "q", "k"})
    assert parse_set(document)[0].jwk() == document["keys"][0]


def test_set_of_the_counterpart_is_read(made: tuple[str, t.Any]) -> None:
    algorithm, key = made
    theirs = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    assert public_members(known({**theirs, "kid": "k1", "alg": algorithm}).key) == public_members(key)


def test_thumbprint_is_the_digest_of_the_sorted_required_members(made: tuple[str, t.Any]) -> None:
    members = public_members(made[1])
    text = "{" + ",".join(f'"{name}":"{members[name]}"' for name in sorted(members)) + "}"
    assert thumbprint(made[1].public_key()) == base64url.encode(hashlib.sha256(text.encode()).digest())


def test_coordinates_keep_their_leading_zeros() -> None:
    """One key in 256 has a coordinate that begins with a zero octet, and RFC 7518, 6.2.1.2 wants it in full."""
    while True:
        key = ec.generate_private_key(ec.SECP256R1())
        if key.public_key().public_numbers().x >> 248 == 0:
            break
    members = public_members(key)
    assert len(members["x"]) == 43
    assert members["x"].startswith("A")
    assert spec_of(known({**members, "kid": "zero"}).key) == KeySpec("ec", 256)


def test_rfc_7515_signature_of_the_rsa_example() -> None:
    """RFC 7515, A.2: the key as it is read verifies the printed token."""
    entry = {
        "kty": "RSA",
        "kid": "a2",
        "e": "AQAB",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR"
        "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB"
        "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia"
        "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    }
    signed = (
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
        "yb290Ijp0cnVlfQ"
    )
    signature = (
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZ"
        "cAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-e"
        "OkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    )
    key = known(entry).key
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64url.decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
ENTRIES = st.fixed_dictionaries(
    {"kty": st.sampled_from(["RSA", "EC", "OKP", "oct", "x"]) | JSON},
    optional={
        name: JSON | st.sampled_from(["AQAB", "P-256", "Ed25519", EC_JWK["x"], EC_JWK["y"], "sig", "RS256"])
        for name in ("crv", "x", "y", "n", "e", "kid", "use", "alg", "key_ops")
    },
)


@given(JSON | st.fixed_dictionaries({"keys": st.lists(ENTRIES | JSON, max_size=3)}))
def test_reader_raises_nothing_but_its_own_error(document: t.Any) -> None:
    try:
        keys = parse_set(document)
    except UnusableKey:
        return
    assert parse_set(render_set(keys)) == keys


@given(st.binary(max_size=70))
def test_base64url_comes_back(octets: bytes) -> None:
    assert base64url.decode(base64url.encode(octets)) == octets


@given(st.text(alphabet="AQgwEIMUYckos059-_=+/ \n", max_size=12))
def test_base64url_has_one_text_per_value(text: str) -> None:
    try:
        octets = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(octets) == text
