# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Public keys as JSON (JWK and JWK Set, RFC 7517; RSA and EC in RFC 7518, Ed25519 in RFC 8037).

What is published here verifies tokens, so that a set holds public keys alone: a shared secret or the private half of a
key in it is refused, in what is made and in what is read. Every key has an identifier and exactly one algorithm.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._core.foreign import Unreadable, parse_value
from .._pki.keys import KeySpec, public_key, spec_of
from . import base64url
from .errors import JoseError

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    from .._pki.keys import HasKey

    PublicKey = t.Union[rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey]

Jwk = dict[str, str]

#: RFC 7518, 3.3: RS256 keys have at least 2048 bits.
SHORTEST_RSA: t.Final = 2048
#: Each algorithm of RFC 7518 and 8037 that verifies with a public key, and the kind of key that it takes.
ALGORITHMS: t.Final[Mapping[str, KeySpec]] = {
    "RS256": KeySpec("rsa"),
    "RS384": KeySpec("rsa"),
    "RS512": KeySpec("rsa"),
    "PS256": KeySpec("rsa"),
    "PS384": KeySpec("rsa"),
    "PS512": KeySpec("rsa"),
    "ES256": KeySpec("ec", 256),
    "ES384": KeySpec("ec", 384),
    "ES512": KeySpec("ec", 521),
    "EdDSA": KeySpec("ed25519"),
}
#: The algorithm of a key that does not name one.
_USUAL: t.Final = {spec: name for name, spec in reversed(list(ALGORITHMS.items()))}
_CURVES: t.Final[Mapping[str, int]] = {"P-256": 256, "P-384": 384, "P-521": 521}
#: Members that only a private or shared key has (RFC 7518, 6.2.2, 6.3.2 and 6.4.1; RFC 9964, 3).
_PRIVATE: t.Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
#: What a thumbprint is made of (RFC 7638, 3.2; RFC 8037, 2), in the order of their names.
_REQUIRED: t.Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
}


class UnusableKey(JoseError):
    """A key or key set that must not be used, or cannot."""


@dataclass(frozen=True)
class VerificationKey:
    """A public key of a set, with its identifier and the one algorithm it serves."""

    kid: str
    algorithm: str
    key: PublicKey

    def jwk(self) -> Jwk:
        """Return it as it is published."""
        return {**public_members(self.key), "kid": self.kid, "alg": self.algorithm, "use": "sig"}


def check_algorithm(key: HasKey, algorithm: str) -> None:
    """Raise :class:`UnusableKey` unless a key is of the kind and strength that an algorithm takes."""
    wanted, held = ALGORITHMS.get(algorithm), spec_of(key)
    if wanted is None:
        raise UnusableKey(
            f"{algorithm!r} is not an algorithm of public keys", remedy=f"Use one of {', '.join(ALGORITHMS)}."
        )
    if held.type != wanted.type or (wanted.size or held.size) != held.size:
        raise UnusableKey(f"{algorithm} does not take a key of type {held}", remedy="Use a key made for the algorithm.")
    if held.type == "rsa" and (held.size or 0) < SHORTEST_RSA:
        raise UnusableKey(
            f"an RSA key of {held.size} bits is too short for {algorithm}", remedy=f"Use {SHORTEST_RSA} bits or more."
        )


def public_members(key: HasKey) -> Jwk:
    """Return the members of a JWK that say what the key is, without identifier and algorithm."""
    public = public_key(key)
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": base64url.encode_number(numbers.n), "e": base64url.encode_number(numbers.e)}
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        curve = {size: name for name, size in _CURVES.items()}.get(spec_of(public).size or 0)
        if curve is not None:
            length = (_CURVES[curve] + 7) // 8
            x, y = (base64url.encode_number(number, length) for number in (point.x, point.y))
            return {"kty": "EC", "crv": curve, "x": x, "y": y}
    if isinstance(public, ed25519.Ed25519PublicKey):
        octets = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(octets)}
    raise UnusableKey(
        f"a key of type {spec_of(public)} has no place in a key set", remedy="Use rsa, ec P-256/384/521 or ed25519."
    )


def thumbprint(key: HasKey) -> str:
    """Return the SHA-256 thumbprint of a key (RFC 7638) in base64url: 43 characters, the same for every encoding."""
    members = public_members(key)
    wanted = {name: members[name] for name in _REQUIRED[members["kty"]]}
    return base64url.encode(hashlib.sha256(json.dumps(wanted, separators=(",", ":")).encode("ascii")).digest())


def render_set(keys: Sequence[VerificationKey]) -> dict[str, list[Jwk]]:
    """Return keys as a JWK Set; raises :class:`UnusableKey` for two keys with one identifier and a misfit."""
    for key in keys:
        check_algorithm(key.key, key.algorithm)
    _refuse_repeated([key.kid for key in keys])
    return {"keys": [key.jwk() for key in keys]}


def parse_set(document: t.Any) -> tuple[VerificationKey, ...]:
    """Return the usable signature keys of a JWK Set, given as text or as data.

    As RFC 7517, 5 wants it, keys of unknown kinds and for other uses are passed over. Raises :class:`UnusableKey` for
    whatever else is not in order, above all for private members.
    """
    if isinstance(document, (str, bytes)):
        try:
            document = parse_value(document)
        except Unreadable as error:
            raise UnusableKey(f"the key set cannot be read: {error}", remedy="Give a JWK Set (RFC 7517).") from None
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, Sequence) or isinstance(entries, (str, bytes)):
        raise UnusableKey("there is no list of keys in it", remedy="Give a JWK Set (RFC 7517): {'keys': [...]}.")
    found = []
    for at, entry in enumerate(entries):
        try:
            key = parse_key(entry)
        except UnusableKey as error:
            error.within(f"keys[{at}]")
            raise
        if key is not None:
            found.append(key)
    _refuse_repeated([key.kid for key in found])
    return tuple(found)


def parse_key(entry: t.Any) -> VerificationKey | None:
    """Return the key of one JWK, ``None`` for one that is not for verifying or of a kind unknown here."""
    if not isinstance(entry, Mapping):
        raise UnusableKey("is not a JWK", remedy="Give an object (RFC 7517, 4).")
    if entry.get("kty") == "oct" or _PRIVATE.intersection(entry):
        raise UnusableKey(
            "holds a secret, so that all who can read the set can sign",
            remedy="Take the key out of use, then publish public members alone.",
        )
    if not _verifies(entry):
        return None
    kid = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        raise UnusableKey("has no identifier", field="kid", remedy="Publish each key with its own kid.")
    key = _public_key(entry)
    algorithm = entry.get("alg") or _USUAL[KeySpec("rsa") if entry["kty"] == "RSA" else spec_of(key)]
    check_algorithm(key, algorithm)
    return VerificationKey(kid, algorithm, key)


def _verifies(entry: Mapping[str, t.Any]) -> bool:
    """Tell whether a key is of a kind known here and meant for signatures."""
    known: dict[str, list[str | None]] = {"RSA": [None], "EC": [*_CURVES], "OKP": ["Ed25519"]}
    curves = next((names for kind, names in known.items() if kind == entry.get("kty")), [])
    operations = entry.get("key_ops", ["verify"])
    return (
        (entry.get("crv") in curves or curves == [None])
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and entry.get("alg") in (None, *ALGORITHMS)
    )


def _public_key(entry: Mapping[str, t.Any]) -> PublicKey:
    """Build the key of a JWK; the library refuses points that are not on their curve."""
    try:
        if entry["kty"] == "RSA":
            return rsa.RSAPublicNumbers(_number(entry, "e"), _number(entry, "n")).public_key()
        if entry["kty"] == "EC":
            curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
            length = (_CURVES[entry["crv"]] + 7) // 8
            x, y = (_number(entry, name, length) for name in ("x", "y"))
            return ec.EllipticCurvePublicNumbers(x, y, curves[entry["crv"]]).public_key()
        return ed25519.Ed25519PublicKey.from_public_bytes(_octets(entry, "x", 32))
    except ValueError:
        # The library's own words name numbers, not members.
        raise UnusableKey(f"is not a key of type {entry['kty']}", remedy="Publish it again from the key.") from None


def _number(entry: Mapping[str, t.Any], name: str, length: int | None = None) -> int:
    octets = _octets(entry, name, length)
    if length is None and octets[:1] in (b"", b"\0"):
        raise UnusableKey("has no value or leading zeros", field=name, remedy="Publish it again from the key.")
    return int.from_bytes(octets, "big")


def _octets(entry: Mapping[str, t.Any], name: str, length: int | None) -> bytes:
    text = entry.get(name)
    if not isinstance(text, str):
        raise UnusableKey("is missing", field=name, remedy="Publish it again from the key.")
    try:
        octets = base64url.decode(text)
    except ValueError as error:
        raise UnusableKey(str(error), field=name, remedy="Publish it again from the key.") from None
    if length is not None and len(octets) != length:
        raise UnusableKey(
            f"has {len(octets)} octets, not {length}", field=name, remedy="Publish it again from the key."
        )
    return octets


def _refuse_repeated(kids: Sequence[str]) -> None:
    for kid in kids:
        if kids.count(kid) > 1:
            raise UnusableKey(f"two keys have the identifier {kid}", field="kid", remedy="Publish each key once.")
