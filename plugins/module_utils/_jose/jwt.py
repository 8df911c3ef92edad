# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""JSON Web Tokens (RFC 7519) as the best practice of RFC 8725 wants them, on PyJWT for the signatures.

The key decides the algorithm and the token's header has to agree with it; a token names its key; time and leeway are
arguments. Reading and verifying are two functions, so that nobody takes what was read for what is true.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import math
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.foreign import parse_value
from .._core.normal import spell_duration
from .._pki.keys import load_private_key, public_key
from . import base64url
from .errors import JoseError
from .jwks import VerificationKey, check_algorithm, thumbprint

try:
    import jwt as pyjwt
    from cryptography.hazmat.primitives import serialization
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    from .._pki.keys import PrivateKey

Claims = dict[str, t.Any]

#: Longer texts are refused unread; servers limit all headers together to about as much.
LONGEST: t.Final = 16384
#: RFC 7518, 3.2: a key of the hash's size or larger.
SHORTEST_SECRET: t.Final = 32
#: Tokens that every verifier has to refuse, for probes.
FORGERIES: t.Final = ("unsigned", "confused", "tampered")
_TIMES: t.Final = ("exp", "nbf", "iat")


class TokenRefused(JoseError):
    """A token that is not accepted; ``cause`` says why in one word."""

    def __init__(self, cause: str, problem: str, *, field: str | None = None) -> None:
        super().__init__(problem, field=field)
        self.cause = cause


@dataclass(frozen=True)
class Token:
    """What a token says."""

    header: Mapping[str, t.Any]
    claims: Claims


@dataclass(frozen=True)
class SharedKey:
    """The secret of HS256, which signs and verifies; whoever verifies with it can sign, too."""

    kid: str
    key: bytes
    algorithm: str = "HS256"

    def __post_init__(self) -> None:
        if len(self.key) < SHORTEST_SECRET:
            raise InvalidInput(
                f"a secret of {len(self.key)} octets can be guessed from one token",
                field="key",
                remedy=f"Use {SHORTEST_SECRET} random octets or more (RFC 7518, 3.2).",
            )
        if b"-----BEGIN " in self.key or self.key.startswith((b"ssh-", b"ecdsa-")):
            raise InvalidInput(
                "a key pair cannot be the secret for HS256", field="key", remedy="Use an algorithm of the pair."
            )

    def __repr__(self) -> str:
        return f"SharedKey({self.kid})"


@dataclass(frozen=True)
class SigningKey:
    """The private half that signs, with the identifier and algorithm that its tokens name."""

    kid: str
    key: PrivateKey
    algorithm: str


@dataclass(frozen=True)
class Expectation:
    """What a verifier demands beyond a valid signature; ``None`` demands nothing. Times are in seconds."""

    issuer: str | None = None
    audience: str | None = None
    #: By how much the clocks of both sides may differ.
    leeway: int = 0
    required: tuple[str, ...] = ("exp",)
    #: The type that the header names (RFC 8725, 3.11), such as ``at+jwt``.
    type: str | None = None
    #: The longest time from issue to expiry.
    longest: int | None = None


def signing_key(algorithm: str, text: str, kid: str | None = None) -> SigningKey | SharedKey:
    """Return the key that signs with an algorithm: a private key in PEM, or for HS256 a text whose octets are the key.

    The identifier of a pair is its thumbprint unless one is given; a secret has none by itself, because a digest of it
    would let others test guesses. Raises :class:`InvalidInput` or :class:`UnusableKey`.
    """
    if algorithm == "HS256":
        if not kid:
            raise InvalidInput("not given", field="kid", remedy="Name the secret; it has no public half to name it by.")
        return SharedKey(kid, text.encode())
    key = load_private_key(text.encode())
    check_algorithm(key, algorithm)
    return SigningKey(kid or thumbprint(key), key, algorithm)


def mint(claims: Mapping[str, t.Any], key: SigningKey | SharedKey, header: Mapping[str, t.Any] | None = None) -> str:
    """Return a signed token in the compact form; ``header`` may add members and change ``typ``, no more."""
    fixed = {"alg", "kid"}.intersection(header or {})
    if fixed:
        raise InvalidInput(
            "is taken from the key", field=f"header.{sorted(fixed)[0]}", remedy="Leave it out of the header."
        )
    return pyjwt.PyJWS().encode(_json(claims), key.key, key.algorithm, {"typ": "JWT", **(header or {}), "kid": key.kid})


def forge(forgery: str, claims: Mapping[str, t.Any], key: SigningKey) -> str:
    """Return a token that every verifier has to refuse (RFC 8725, 2.1): one of :data:`FORGERIES`."""
    if forgery == "tampered":
        head, body, signature = mint(claims, key).split(".")
        octets = bytearray(base64url.decode(signature))
        octets[len(octets) // 2] ^= 1
        return f"{head}.{body}.{base64url.encode(bytes(octets))}"
    algorithm = {"unsigned": "none", "confused": "HS256"}[forgery]
    header = {"typ": "JWT", "alg": algorithm, "kid": key.kid}
    signed = f"{base64url.encode(_json(header))}.{base64url.encode(_json(claims))}"
    if forgery == "unsigned":
        return f"{signed}."
    # What a verifier holds of the key is public, and one that lets the header choose takes it for the shared secret.
    public = public_key(key.key).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"{signed}.{base64url.encode(hmac.new(public, signed.encode('ascii'), hashlib.sha256).digest())}"


def read(token: str) -> Token:
    """Return what a token says, which is worth nothing yet; raises :class:`TokenRefused` for what is no token."""
    if len(token) > LONGEST:
        raise TokenRefused("malformed", f"has {len(token)} characters, more than {LONGEST}")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenRefused("malformed", f"has {len(parts)} parts, not 3")
    header, claims = (_object(name, part) for name, part in zip(("header", "claims"), parts))
    try:
        base64url.decode(parts[2])
    except ValueError as error:
        raise TokenRefused("malformed", str(error), field="signature") from None
    return Token(header, claims)


def verify(
    token: str,
    keys: Iterable[VerificationKey | SharedKey],
    expected: Expectation,
    now: datetime.datetime,
) -> Token:
    """Return what a token says once signature, times and claims hold; raises :class:`TokenRefused`."""
    told = read(token)
    key = _chosen(told.header, keys)
    try:
        pyjwt.PyJWS().decode_complete(token, key.key, algorithms=[key.algorithm])
    except pyjwt.PyJWTError:
        raise TokenRefused("signature", f"is not what key {key.kid} signs", field="signature") from None
    _check_type(told.header, expected.type)
    _check_claims(told.claims, expected)
    _check_times(told.claims, expected, now.timestamp())
    return told


def _chosen(header: Mapping[str, t.Any], keys: Iterable[VerificationKey | SharedKey]) -> VerificationKey | SharedKey:
    """Return the key that a token names; what else its header says about keys (jku, x5u, jwk, x5c) is not looked at."""
    if "crit" in header:
        raise TokenRefused("malformed", "names extensions that are not known here", field="crit")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise TokenRefused("unsigned", "is not signed", field="alg")
    if not isinstance(kid, str) or not kid:
        raise TokenRefused("key", "names no key", field="kid")
    key = next((key for key in keys if key.kid == kid), None)
    if key is None:
        raise TokenRefused("key", f"{kid[:64]!r} is not a key of the set", field="kid")
    if algorithm != key.algorithm:
        raise TokenRefused("algorithm", f"is {algorithm[:16]!r}, but key {kid} is for {key.algorithm}", field="alg")
    return key


def _check_type(header: Mapping[str, t.Any], wanted: str | None) -> None:
    """Compare media types as RFC 7515, 4.1.9 does: without regard to case, ``application/`` left out."""
    if wanted is not None:
        held = str(header.get("typ", ""))
        if held.lower().removeprefix("application/") != wanted.lower().removeprefix("application/"):
            raise TokenRefused("type", f"is {held[:32]!r}, not {wanted!r}", field="typ")


def _check_claims(claims: Claims, expected: Expectation) -> None:
    missing = sorted(name for name in expected.required if claims.get(name) in (None, ""))
    if missing:
        raise TokenRefused("missing", f"lacks {', '.join(missing)}", field="claims")
    if expected.issuer is not None and claims.get("iss") != expected.issuer:
        raise TokenRefused("issuer", f"is not {expected.issuer}", field="iss")
    if expected.audience is not None:
        held = claims.get("aud")
        if expected.audience not in (held if isinstance(held, list) else [held]):
            raise TokenRefused("audience", f"is not meant for {expected.audience}", field="aud")


def _check_times(claims: Claims, expected: Expectation, now: float) -> None:
    """Hold the times against the clock: ``exp`` excludes its own second (RFC 7519, 4.1.4), ``nbf`` includes it."""
    times = {name: _instant(claims[name], name) for name in _TIMES if claims.get(name) is not None}
    if "exp" in times and now >= times["exp"] + expected.leeway:
        raise TokenRefused("expired", f"expired {spell_duration(int(now - times['exp']))} ago", field="exp")
    for name in ("nbf", "iat"):
        if name in times and now + expected.leeway < times[name]:
            ahead = spell_duration(math.ceil(times[name] - now))
            raise TokenRefused("early", f"is {ahead} in the future", field=name)
    life = lifetime(claims)
    if expected.longest is not None and (life is None or life > expected.longest):
        problem = "has no iat or exp to tell its life by" if life is None else f"lives {spell_duration(life)}"
        raise TokenRefused("life", f"{problem}, allowed are {spell_duration(expected.longest)}", field="exp")


def lifetime(claims: Mapping[str, t.Any]) -> int | None:
    """Return the seconds from issue to expiry, rounded up; ``None`` where a token does not say."""
    if claims.get("exp") is None or claims.get("iat") is None:
        return None
    return math.ceil(_instant(claims["exp"], "exp") - _instant(claims["iat"], "iat"))


def _instant(value: t.Any, name: str) -> float:
    """Return a NumericDate (RFC 7519, 2); a text that looks like a number is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**53:
        raise TokenRefused("malformed", "is not a number of seconds", field=name)
    return float(value)


def _json(value: Mapping[str, t.Any]) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError):
        raise InvalidInput("cannot be written as JSON", field="claims", remedy="Use plain values.") from None


def _object(name: str, part: str) -> dict[str, t.Any]:
    """Return a part as a mapping; of two members with one name, two readers may see different ones (RFC 8725, 2.4)."""
    try:
        value = parse_value(base64url.decode(part))
    except ValueError:
        raise TokenRefused("malformed", "is not base64url of a JSON object", field=name) from None
    if not isinstance(value, dict):
        raise TokenRefused("malformed", "is not a JSON object", field=name)
    return value
