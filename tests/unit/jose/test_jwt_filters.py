# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of tokens as a template uses them."""

from __future__ import annotations

import json
import time
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.jwt_claims import FilterModule as Claims
from plugins.filter.jwt_mint import FilterModule as Mint
from plugins.module_utils._jose.jwks import VerificationKey, render_set, thumbprint
from plugins.module_utils._pki.keys import KeySpec, generate, private_pem

jwt_claims = Claims().filters()["jwt_claims"]
jwt_mint = Mint().filters()["jwt_mint"]

CLAIMS = {"iss": "https://trust.example", "aud": "trust-api", "sub": "user123", "permissions": ["read", "write"]}


@pytest.fixture(scope="module")
def key() -> t.Any:
    return generate(KeySpec("ec", 256))


@pytest.fixture(scope="module")
def pem(key: t.Any) -> str:
    return private_pem(key).decode()


@pytest.fixture(scope="module")
def jwks(key: t.Any) -> dict[str, t.Any]:
    return render_set([VerificationKey(thumbprint(key), "ES256", key.public_key())])


def test_minted_token_is_read_and_verified(pem: str, jwks: dict[str, t.Any]) -> None:
    before = int(time.time())
    token = jwt_mint(CLAIMS, pem, algorithm="ES256", lifetime="60m")
    told = jwt_claims(token)
    assert told["verified"] is False
    assert told["lifetime_seconds"] == 3600
    assert before <= told["claims"]["iat"] <= time.time()
    assert told["claims"] == {**CLAIMS, "iat": told["claims"]["iat"], "exp": told["claims"]["iat"] + 3600}
    assert told["header"] == {"alg": "ES256", "typ": "JWT", "kid": jwks["keys"][0]["kid"]}
    assert told["issued_at"] < told["expires_at"]
    for keys in (jwks, json.dumps(jwks)):
        held = jwt_claims(token, keys, issuer="https://trust.example", audience="trust-api", longest="1h", leeway="30s")
        assert held == {**told, "verified": True}


@pytest.mark.parametrize("forgery", ["unsigned", "confused", "tampered"])
def test_forged_token_is_read_but_not_verified(pem: str, jwks: dict[str, t.Any], forgery: str) -> None:
    token = jwt_mint(CLAIMS, pem, algorithm="ES256", lifetime=300, forgery=forgery)
    assert jwt_claims(token)["claims"]["sub"] == "user123"
    with pytest.raises(AnsibleFilterError, match="jwt_claims: "):
        jwt_claims(token, jwks)


@pytest.mark.parametrize(
    ("claims", "expected", "problem"),
    [
        ({"exp": 1}, {}, "exp: expired"),
        ({"nbf": 4000000000}, {}, "nbf: is .* in the future"),
        ({}, {"issuer": "https://other.example"}, "iss: is not https://other.example"),
        ({}, {"audience": "admin-api"}, "aud: is not meant for admin-api"),
        ({}, {"required": ["exp", "role"]}, "claims: lacks role"),
        ({}, {"longest": "15m"}, "exp: lives 1h, allowed are 15m"),
        ({}, {"token_type": "at+jwt"}, "typ: is 'JWT', not"),
        ({}, {"longest": "soon"}, "longest: 'soon' is not a duration"),
    ],
)
def test_reason_of_a_refusal_is_said(
    pem: str, jwks: dict[str, t.Any], claims: dict[str, t.Any], expected: dict[str, t.Any], problem: str
) -> None:
    token = jwt_mint({**CLAIMS, **claims}, pem, algorithm="ES256", lifetime="1h")
    with pytest.raises(AnsibleFilterError, match=f"jwt_claims: {problem}"):
        jwt_claims(token, jwks, **expected)


def test_shared_secret_verifies_under_its_identifier() -> None:
    secret = "not a secret of anybody, but long"
    token = jwt_mint(CLAIMS, secret, algorithm="HS256", kid="s1", lifetime="15m")
    assert jwt_claims(token, secrets={"s1": secret})["verified"] is True
    with pytest.raises(AnsibleFilterError, match="signature: is not what key s1 signs"):
        jwt_claims(token, secrets={"s1": secret + "!"})
    with pytest.raises(AnsibleFilterError, match="kid: 's1' is not a key of the set"):
        jwt_claims(token, secrets={"s2": secret})


@pytest.mark.parametrize(
    ("arguments", "options", "problem"),
    [
        (("text", "PEM"), {}, "takes a mapping, not a text"),
        ((CLAIMS, "PEM"), {}, "RS256 does not take a key of type ec-256"),
        ((CLAIMS, "PEM"), {"algorithm": "none"}, "'none' is not an algorithm of public keys"),
        ((CLAIMS, "PEM"), {"algorithm": "ES256", "lifetime": "long"}, "lifetime: 'long' is not a duration"),
        ((CLAIMS, "PEM"), {"algorithm": "ES256", "forgery": "other"}, "forgery: 'other' is not known"),
        ((CLAIMS, "PEM"), {"algorithm": "ES256", "header": {"alg": "none"}}, "header.alg: is taken from the key"),
        ((CLAIMS, "short"), {"algorithm": "HS256", "kid": "s"}, "key: a secret of 5 octets can be guessed"),
        ((CLAIMS, "x" * 32), {"algorithm": "HS256", "kid": "s", "forgery": "confused"}, "forgery: needs a key pair"),
    ],
)
def test_misuse_of_minting_is_said(pem: str, arguments: tuple[t.Any, str], options: t.Any, problem: str) -> None:
    claims, key = arguments
    with pytest.raises(AnsibleFilterError, match=f"jwt_mint: {problem}") as refusal:
        jwt_mint(claims, pem if key == "PEM" else key, **options)
    assert "PRIVATE" not in str(refusal.value)


def test_other_input_is_refused() -> None:
    for token in (None, 3, {"token": "x"}):
        with pytest.raises(AnsibleFilterError, match="jwt_claims: takes a text"):
            jwt_claims(token)


def test_time_that_no_calendar_knows_is_shown_as_none() -> None:
    token = jwt_mint({"exp": 10**12, "iat": 5}, "x" * 32, algorithm="HS256", kid="s")
    assert jwt_claims(token)["expires_at"] is None
