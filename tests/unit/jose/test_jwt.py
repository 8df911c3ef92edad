# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens: what is accepted, what every verifier has to refuse, and PyJWT as the counterpart of both sides."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import typing as t
from collections.abc import Callable

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._jose import base64url
from plugins.module_utils._jose.jwks import UnusableKey, VerificationKey
from plugins.module_utils._jose.jwt import (
    FORGERIES,
    Expectation,
    SharedKey,
    SigningKey,
    TokenRefused,
    forge,
    lifetime,
    mint,
    read,
    signing_key,
    verify,
)
from plugins.module_utils._pki.keys import KeySpec, generate, private_pem

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
SECONDS = int(NOW.timestamp())
#: As the trust service's document has it: a user, a role, permissions, and an hour of life.
CLAIMS: dict[str, t.Any] = {
    "iss": "https://trust.example",
    "aud": ["trust-api", "admin-api"],
    "sub": "user123",
    "role": "admin",
    "permissions": ["read", "write"],
    "iat": SECONDS,
    "nbf": SECONDS,
    "exp": SECONDS + 3600,
}
EVERYTHING = Expectation(
    issuer="https://trust.example", audience="trust-api", required=("exp", "sub"), type="JWT", longest=3600
)
SPECS = {"RS256": KeySpec("rsa", 2048), "ES256": KeySpec("ec", 256), "EdDSA": KeySpec("ed25519")}
ALGORITHMS = [*SPECS, "HS256"]
#: RFC 7515, A.1.
HS256_TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
#: RFC 7519, 6.1.
UNSIGNED_TOKEN = (
    "eyJhbGciOiJub25lIn0"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
)
JOE = {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}

Key = t.Union[SigningKey, SharedKey]
Verifier = t.Union[VerificationKey, SharedKey]


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    """One key of each algorithm, made for this run."""
    made: dict[str, Key] = {
        name: signing_key(name, private_pem(generate(spec)).decode()) for name, spec in SPECS.items()
    }
    made["HS256"] = signing_key("HS256", base64url.encode(hashlib.sha256(b"of this test").digest()), "shared-1")
    return made


def public(key: Key) -> Verifier:
    """Return what a verifier holds."""
    return key if isinstance(key, SharedKey) else VerificationKey(key.kid, key.algorithm, key.key.public_key())


def cause(token: str, keys: list[Verifier], expected: Expectation = EVERYTHING, now: datetime.datetime = NOW) -> str:
    """Return why a token is refused."""
    with pytest.raises(TokenRefused) as refusal:
        verify(token, keys, expected, now)
    return refusal.value.cause


def assembled(header: t.Any, claims: t.Any, sign: Callable[[bytes], bytes] = lambda signed: b"") -> str:
    """Return a token of parts that the code under test would not make."""
    head, body = (
        base64url.encode(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)
    )
    return f"{head}.{body}.{base64url.encode(sign(f'{head}.{body}'.encode()))}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_token_comes_back_and_the_counterpart_accepts_it(keys: dict[str, Key], algorithm: str) -> None:
    key = keys[algorithm]
    token = mint(CLAIMS, key)
    told = verify(token, [public(key)], EVERYTHING, NOW)
    assert told.claims == CLAIMS
    assert dict(told.header) == {"typ": "JWT", "alg": algorithm, "kid": key.kid}
    options: t.Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    theirs = pyjwt.decode(
        token, public(key).key, algorithms=[algorithm], audience="trust-api", issuer="https://trust.example",
        options=options,
    )  # fmt: skip
    assert theirs == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_token_of_the_counterpart_is_accepted(keys: dict[str, Key], algorithm: str) -> None:
    key = keys[algorithm]
    token = pyjwt.encode(CLAIMS, key.key, algorithm, headers={"kid": key.kid})
    assert verify(token, [public(other) for other in keys.values()], EVERYTHING, NOW).claims == CLAIMS


def test_tokens_of_the_rfcs_are_read_and_believed_by_nobody(keys: dict[str, Key]) -> None:
    assert read(HS256_TOKEN).claims == JOE
    assert read(HS256_TOKEN).header == {"typ": "JWT", "alg": "HS256"}
    assert read(UNSIGNED_TOKEN).claims == JOE
    key = SharedKey(
        "a1",
        base64url.decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
    )
    signed, _dot, signature = HS256_TOKEN.rpartition(".")
    assert hmac.new(key.key, signed.encode(), hashlib.sha256).digest() == base64url.decode(signature)
    assert cause(HS256_TOKEN, [key]) == "key", "it names none"
    assert cause(UNSIGNED_TOKEN, [key]) == "unsigned"


@pytest.mark.parametrize("algorithm", SPECS)
@pytest.mark.parametrize(("forgery", "wanted"), [*zip(FORGERIES, ("unsigned", "algorithm", "signature"), strict=True)])
def test_forgery_is_refused(keys: dict[str, Key], algorithm: str, forgery: str, wanted: str) -> None:
    key = keys[algorithm]
    assert isinstance(key, SigningKey)
    token = forge(forgery, CLAIMS, key)
    assert read(token).claims == CLAIMS
    assert cause(token, [public(key)]) == wanted
    if forgery == "confused":
        # A careless verifier lets the header choose, and takes the public key for the shared secret.
        signed, _dot, signature = token.rpartition(".")
        pem = key.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert hmac.new(pem, signed.encode(), hashlib.sha256).digest() == base64url.decode(signature)


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE", "", None, ["RS256"], 1])
def test_no_spelling_of_none_is_accepted(keys: dict[str, Key], spelling: t.Any) -> None:
    key = keys["RS256"]
    token = assembled({"alg": spelling, "kid": key.kid}, CLAIMS)
    assert cause(token, [public(key)]) in ("unsigned", "algorithm")


def test_algorithm_is_the_keys_and_not_the_tokens(keys: dict[str, Key]) -> None:
    """One RSA key could verify RS256, RS512 and PS256; it serves the algorithm it is published for."""
    key = keys["RS256"]
    for other in ("RS512", "PS256"):
        token = pyjwt.encode(CLAIMS, key.key, other, headers={"kid": key.kid})
        assert cause(token, [public(key)]) == "algorithm"


def test_header_cannot_bring_its_own_key(keys: dict[str, Key]) -> None:
    stranger = generate(KeySpec("rsa", 2048))
    jwk = json.loads(pyjwt.get_algorithm_by_name("RS256").to_jwk(stranger.public_key()))
    header = {"kid": keys["RS256"].kid, "jwk": jwk, "jku": "https://evil.example/jwks.json"}
    token = pyjwt.encode(CLAIMS, stranger, "RS256", headers=header)
    assert cause(token, [public(keys["RS256"])]) == "signature"


def test_key_has_to_be_named_and_known(keys: dict[str, Key]) -> None:
    key = keys["ES256"]
    assert cause(pyjwt.encode(CLAIMS, key.key, "ES256"), [public(key)]) == "key"
    assert cause(pyjwt.encode(CLAIMS, key.key, "ES256", headers={"kid": "other"}), [public(key)]) == "key"
    assert cause(mint(CLAIMS, key), []) == "key"


def test_extension_that_is_not_known_is_refused(keys: dict[str, Key]) -> None:
    key = keys["HS256"]
    assert isinstance(key, SharedKey)
    for header in ({"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}, {"crit": []}):
        token = assembled(
            {"alg": "HS256", "kid": key.kid, **header},
            CLAIMS,
            lambda signed: hmac.new(key.key, signed, hashlib.sha256).digest(),
        )
        assert cause(token, [key]) == "malformed"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_altered_character_is_noticed(keys: dict[str, Key], algorithm: str) -> None:
    """Any single character changed anywhere gives another token, and every other token is refused."""
    key = keys[algorithm]
    token = mint(CLAIMS, key)
    for at in range(0, len(token), 7):
        other = "A" if token[at] != "A" else "B"
        with pytest.raises(TokenRefused):
            verify(token[:at] + other + token[at + 1 :], [public(key)], EVERYTHING, NOW)
    for length in range(0, len(token), 5):
        with pytest.raises(TokenRefused):
            verify(token[:length], [public(key)], EVERYTHING, NOW)


def test_stray_bits_at_the_end_are_no_second_signature(keys: dict[str, Key]) -> None:
    """Of an EdDSA signature the last character carries 4 of 6 bits; lenient readers accept four texts for one."""
    token = mint(CLAIMS, keys["EdDSA"])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert base64.urlsafe_b64decode(twin.split(".")[2] + "==") == base64url.decode(token.split(".")[2])
    assert cause(twin, [public(keys["EdDSA"])]) == "malformed"


def test_signature_of_the_wrong_curve_or_form_is_refused(keys: dict[str, Key]) -> None:
    key = keys["ES256"]
    assert isinstance(key, SigningKey)
    head, body, signature = mint(CLAIMS, key).split(".")
    raw = base64url.decode(signature)
    assert len(raw) == 64, "R and S, not DER"
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    for other in (der, bytes(64), raw[:63], raw + b"\0", raw[32:] + raw[:32]):
        assert cause(f"{head}.{body}.{base64url.encode(other)}", [public(key)]) == "signature"
    p384 = generate(KeySpec("ec", 384))
    token = pyjwt.encode(CLAIMS, p384, "ES384", headers={"kid": key.kid})
    assert cause(token, [public(key)]) == "algorithm"


TIMES = [
    # (what of the claims differs, leeway, the clock's seconds after NOW, why it is refused)
    ({}, 0, 0, None),
    ({}, 0, 3599, None),
    ({}, 0, 3600, "expired"),
    ({}, 30, 3629, None),
    ({}, 30, 3630, "expired"),
    ({}, 0, -1, "early"),
    ({}, 30, -30, None),
    ({}, 30, -31, "early"),
    ({"nbf": SECONDS + 60}, 0, 59, "early"),
    ({"nbf": SECONDS + 60}, 0, 60, None),
    ({"nbf": None, "iat": SECONDS + 60}, 0, 59, "early"),
    ({"exp": SECONDS + 0.5}, 0, 0, None),
    ({"exp": None}, 0, 0, "missing"),
    ({"exp": str(SECONDS + 60)}, 0, 0, "malformed"),
    ({"exp": True}, 0, 0, "malformed"),
    ({"exp": 10**400}, 0, 0, "malformed"),
    ({"exp": [SECONDS]}, 0, 0, "malformed"),
    ({"nbf": "now"}, 0, 0, "malformed"),
    ({"exp": SECONDS + 3601}, 0, 0, "life"),
    ({"iat": None}, 0, 0, "life"),
]


@pytest.mark.parametrize(("change", "leeway", "after", "wanted"), TIMES)
def test_times(keys: dict[str, Key], change: dict[str, t.Any], leeway: int, after: int, wanted: str | None) -> None:
    key = keys["HS256"]
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    expected = Expectation(**{**vars(EVERYTHING), "leeway": leeway})
    now = NOW + datetime.timedelta(seconds=after)
    token = mint(claims, key)
    if wanted is None:
        assert verify(token, [public(key)], expected, now).claims == claims
    else:
        assert cause(token, [public(key)], expected, now) == wanted


@pytest.mark.parametrize("text", ['{"exp":NaN}', '{"exp":Infinity}', '{"exp":1,"exp":9999999999}', '{"exp":1e999}'])
def test_time_that_never_comes_is_refused(keys: dict[str, Key], text: str) -> None:
    key = keys["HS256"]
    assert isinstance(key, SharedKey)
    token = assembled(
        {"alg": "HS256", "kid": key.kid},
        text.encode(),
        lambda signed: hmac.new(key.key, signed, hashlib.sha256).digest(),
    )
    assert cause(token, [key], Expectation()) == "malformed"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"iss": "https://trust.example.evil"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "other-api"}, "audience"),
        ({"aud": ["other-api"]}, "audience"),
        ({"aud": "trust-api-2"}, "audience"),
        ({"aud": None}, "audience"),
        ({"sub": ""}, "missing"),
    ],
)
def test_claim_that_is_not_as_expected_is_refused(keys: dict[str, Key], change: dict[str, t.Any], wanted: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    assert cause(mint(claims, keys["EdDSA"]), [public(keys["EdDSA"])]) == wanted


def test_type_is_compared_as_a_media_type(keys: dict[str, Key]) -> None:
    key = keys["EdDSA"]
    token = mint(CLAIMS, key, {"typ": "application/AT+JWT"})
    assert verify(token, [public(key)], Expectation(type="at+jwt"), NOW).claims == CLAIMS
    assert cause(token, [public(key)]) == "type"


def test_secret_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="31 octets can be guessed"):
        signing_key("HS256", "x" * 31, "k")
    with pytest.raises(InvalidInput, match="kid: not given"):
        signing_key("HS256", "x" * 32)


def test_key_pair_is_no_secret(keys: dict[str, Key]) -> None:
    key = keys["RS256"]
    assert isinstance(key, SigningKey)
    with pytest.raises(InvalidInput, match="a key pair cannot be the secret for HS256"):
        signing_key("HS256", private_pem(key.key).decode(), "k")


def test_key_of_the_wrong_kind_does_not_sign(keys: dict[str, Key]) -> None:
    pem = private_pem(generate(KeySpec("ec", 384))).decode()
    for algorithm in ("ES256", "RS256", "EdDSA"):
        with pytest.raises(UnusableKey, match=f"{algorithm} does not take a key of type ec-384"):
            signing_key(algorithm, pem)
    with pytest.raises(UnusableKey, match="'none' is not an algorithm of public keys"):
        signing_key("none", pem)


def test_header_cannot_contradict_the_key(keys: dict[str, Key]) -> None:
    for name in ("alg", "kid"):
        with pytest.raises(InvalidInput, match=f"{name}: is taken from the key"):
            mint(CLAIMS, keys["EdDSA"], {name: "x"})


def test_claims_have_to_be_json(keys: dict[str, Key]) -> None:
    for value in (float("nan"), b"octets", {1, 2}):
        with pytest.raises(InvalidInput, match="cannot be written as JSON"):
            mint({"x": value}, keys["HS256"])


def test_secrets_do_not_show(keys: dict[str, Key]) -> None:
    key = keys["HS256"]
    assert isinstance(key, SharedKey)
    assert key.key.decode() not in repr(key)


def test_lifetime() -> None:
    assert lifetime(CLAIMS) == 3600
    assert lifetime({"exp": 10.2, "iat": 1}) == 10
    assert lifetime({"exp": 10}) is None
