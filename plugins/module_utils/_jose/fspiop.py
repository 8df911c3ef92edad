# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signed FSPIOP requests (Mojaloop, API Signature v1.1): a JWS over the body that travels in a header of its own.

The header ``FSPIOP-Signature`` is JSON with the members ``protectedHeader`` and ``signature``, both base64url; what is
signed is ``protectedHeader.base64url(body)``. The order of the members of the protected header and the spelling of the
body are those of the reference library, so that an RS256 signature made here is, bit by bit, the one made there.

Verifiers of the reference library never see the body as it was sent: they spell the parsed body anew, those up to
19.18.8 in the order of its members, later ones sorted. A canonical body is the one form that is right for them all.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import canonical
from .errors import JoseError
from .fspiop_message import (
    METHODS,
    PROTECTED,
    PUT_PARTIES,
    REQUIRED,
    SIGNATURE,
    Headers,
    body_of,
    check_value,
    claims_in,
    decode_protected,
    encode_protected,
    fold,
    index_caution,
    received_body,
    signature_header,
    signing_input,
    take_apart,
)
from .fspiop_uri import UriMode, derive, names_service
from .jwks import ALGORITHMS
from .signing import Signer, signer_of, verifier_of

if t.TYPE_CHECKING:
    from .keys import Pem, PrivateKey, PublicKey

Canonicalization = t.Literal["sorted", "as_received", "both"]


@dataclass(frozen=True)
class SignedRequest:
    """A request that is ready to be sent: its body has to be sent as it is, byte for byte."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    uri: str
    algorithm: str
    warnings: tuple[str, ...]


def sign(
    key: Signer | PrivateKey | Pem,
    *,
    method: str,
    url: str,
    headers: Headers,
    body: t.Any,
    uri: str | None = None,
    uri_mode: UriMode = "clean",
) -> SignedRequest:
    """Sign a request and return it; raises :class:`JoseError`.

    ``body`` is data, or JSON text that is parsed and spelled anew. FSPIOP-URI is ``uri``, or derived from ``url`` in
    the way of ``uri_mode``. Names of ``headers`` are taken in any case and returned as they were given; those that
    signing makes, and a length that is no longer true, are replaced.
    """
    signer = _signer(key)
    verb = _method(method)
    given = fold(headers, strict=True)
    if "fspiop-source" not in given:
        raise JoseError("is missing", field="headers.FSPIOP-Source", remedy="Say who sends; verifiers insist on it.")
    content, data = body_of(body)
    path = check_value(uri, "uri") if uri else derive(url, uri_mode)
    made = {"fspiop-http-method": verb, "fspiop-uri": path}
    encoded = encode_protected(signer.algorithm, {**given, **made})
    made[SIGNATURE] = signature_header(encoded, signer.sign(signing_input(encoded, content)))
    kept = {name: text for name, text in headers.items() if name.lower() not in (*made, "content-length")}
    warnings = (*_cautions(verb, path, signer.algorithm), *claims_in(data), *index_caution(content))
    return SignedRequest(verb, url, {**kept, **made}, content.decode("utf-8"), path, signer.algorithm, warnings)


def _signer(key: t.Any) -> Signer:
    # The keys of the library sign as well, but name no algorithm.
    return t.cast(Signer, key) if hasattr(key, "algorithm") else signer_of(key)


def _method(method: t.Any) -> str:
    verb = method.upper() if isinstance(method, str) else ""
    if verb not in METHODS:
        raise JoseError(
            "is not one of requests with a body, and only those are signed",
            field="method",
            remedy=f"Use {', '.join(METHODS)}, or send the request unsigned.",
        )
    return verb


def _cautions(verb: str, path: str, algorithm: str) -> t.Iterator[str]:
    """Give what is right and may still not work."""
    if algorithm == "ES256":
        yield (
            "ES256 is understood by the reference library, but it is not in the specification, and connection managers "
            "take an EC key for invalid."
        )
    if verb == "PUT" and path.startswith("/parties/"):
        yield PUT_PARTIES
    if not names_service(path):
        yield "FSPIOP-URI begins with no service of the API: is there a prefix in it that receivers do not see?"


@dataclass(frozen=True)
class Verification:
    """What became of verifying a request: it is valid when there are no problems."""

    problems: tuple[JoseError, ...]
    algorithm: str | None
    protected: Mapping[str, t.Any]
    warnings: tuple[str, ...]
    #: The spelling of the body that the signature is over, if any; the body as it came, if it came as text; its data.
    signed: bytes | None = field(default=None, repr=False)
    received: bytes | None = field(default=None, repr=False)
    data: t.Any = field(default=None, repr=False)

    @property
    def valid(self) -> bool:
        """Whether the request is signed by the key and is what was signed."""
        return not self.problems

    @property
    def accepted_by(self) -> dict[str, bool]:
        """Which kinds of verifiers find the signature right, by how they spell the body before they look at it.

        ``sorted`` is the reference library from 19.18.9 on, ``ordered`` is up to 19.18.8 (the order of the members is
        kept), ``raw`` takes the octets as they came, which is what the specification says. Without octets, ``raw`` is
        left out.
        """
        if self.signed is None:
            return dict.fromkeys(("sorted", "ordered", *(["raw"] if self.received is not None else [])), False)
        kinds = {
            "sorted": self.signed == canonical.canonical(self.data),
            "ordered": self.signed == canonical.stringified(self.data),
        }
        return kinds if self.received is None else {**kinds, "raw": self.signed == self.received}

    @property
    def canonicalization(self) -> Canonicalization | None:
        """Which form of the body the signature is over; ``both`` when they are one, ``None`` for neither."""
        kinds = self.accepted_by
        as_received = kinds["ordered"] or kinds.get("raw", False)
        if kinds["sorted"]:
            return "both" if as_received else "sorted"
        return "as_received" if as_received else None

    def require(self) -> Verification:
        """Return itself, or raise the first problem."""
        if self.problems:
            raise self.problems[0]
        return self


def verify(
    keys: PublicKey | Pem | Mapping[str, PublicKey | Pem],
    *,
    method: str,
    url: str,
    headers: Headers,
    body: t.Any,
    canonicalization: Canonicalization = "both",
    uri: str | None = None,
    uri_mode: UriMode = "clean",
) -> Verification:
    """Verify a request and say what is wrong with it; raises :class:`JoseError` for keys and options that are wrong.

    ``keys`` is the key of the sender, or one for each FSP id. ``method`` and ``url`` are what was really asked for, not
    what the headers say: without comparing them, as the reference library does, a signed message can be sent again to
    another service. ``body`` is the text that came, or its data.
    """
    if canonicalization not in ("sorted", "as_received", "both"):
        raise JoseError("is unknown", field="canonicalization", remedy="Use sorted, as_received or both.")
    expected = {"FSPIOP-URI": uri or derive(url, uri_mode), "FSPIOP-HTTP-Method": method.upper()}
    try:
        given = fold(headers)
        held = _key_of(keys, given)
        encoded, signature = take_apart(given)
        protected = decode_protected(encoded)
        received, data = received_body(body)
        first = received if received is not None else body_of(data)[0]
    except JoseError as problem:
        return Verification((problem,), None, {}, ())
    key = verifier_of(held)
    problems = list(_disagreements(protected, given, expected, url))
    signed = None
    if protected["alg"] == key.algorithm:
        forms = _forms(first, data)
        signed = next((form for form in forms if key.verifies(signature, signing_input(encoded, form))), None)
    if signed is None:
        problems.insert(0, _refusal(protected["alg"], key.algorithm))
    found = Verification(tuple(problems), protected["alg"], protected, claims_in(data), signed, received, data)
    return _restricted(found, canonicalization)


def _restricted(found: Verification, wanted: Canonicalization) -> Verification:
    """Add a problem when the signature is over a form of the body that is not wanted."""
    if wanted == "both" or found.signed is None or found.canonicalization in (wanted, "both"):
        return found
    problem = JoseError(
        f"is over the body {_FORMS[found.canonicalization or wanted]}, not {_FORMS[wanted]}",
        field="FSPIOP-Signature",
        remedy="Let the sender send and sign canonical JSON (RFC 8785), which every verifier accepts.",
    )
    return replace(found, problems=(*found.problems, problem))


_FORMS: t.Final = {"sorted": "with its members sorted", "as_received": "as it was received"}


def _refusal(named: str, usual: str) -> JoseError:
    """Return what is wrong with a signature that the key does not verify."""
    if named != usual:
        return JoseError(
            f"names {named if named in ALGORITHMS else 'no algorithm of JWS'}, and the sender's key is for {usual}",
            field="protectedHeader.alg",
            remedy="Publish the public half of the key that the sender signs with; RS256 and ES256 are understood.",
        )
    return JoseError(
        "is not the signature of this key over this body and protected header, in any spelling of the body",
        field="FSPIOP-Signature",
        remedy="Compare the body with what was sent, and the key with that of the sender.",
    )


def _forms(first: bytes, data: t.Any) -> t.Iterator[bytes]:
    """Give each spelling of the body that a signature may be over once, and first the one that is there already."""
    yield first
    content = canonical.canonical(data)
    if content != first:
        yield content
    ordered = canonical.stringified(data)
    if ordered not in (content, first):
        yield ordered


def _disagreements(
    protected: Mapping[str, t.Any], given: Headers, expected: Mapping[str, str], url: str
) -> t.Iterator[JoseError]:
    """Give what the protected header says otherwise than the headers and the request itself."""
    for name, header in PROTECTED.items():
        inside, outside = protected.get(name), given.get(header)
        if inside == outside:
            if inside is None and name in REQUIRED:
                yield JoseError("is missing", field=name, remedy="Let the sender sign it: it is not optional.")
        elif inside is not None or name != "Date":
            where = "is not protected" if inside is None else "is protected and missing as a header"
            yield JoseError(
                where if None in (inside, outside) else "differs from what is protected",
                field=name,
                remedy="Look for who changes headers on the way; a signed request passes as it is.",
            )
    for name, value in expected.items():
        if protected.get(name) not in (value, None):
            yield JoseError(
                "is not what was asked for: the request was signed for another one",
                field=name,
                remedy=_odd(name, protected, url),
            )


def _odd(name: str, protected: Mapping[str, t.Any], url: str) -> str:
    """Return the remedy for a request that was signed for another; the reference library may have derived its path."""
    if name == "FSPIOP-URI":
        try:
            if derive(url, "peer") == protected[name]:
                return "The sender derives it as the reference library does: verify with uri_mode peer."
        except JoseError:
            pass
    return "Refuse it, or give the method and URL as the sender sees them."


def _key_of(keys: t.Any, given: Headers) -> t.Any:
    """Return the one key of the sender: FSP ids are compared exactly, as the names of key files are."""
    source = given.get("fspiop-source")
    if source is None:
        raise JoseError("is missing", field="headers.FSPIOP-Source", remedy="Let the sender say who it is.")
    if not isinstance(keys, Mapping):
        return keys
    if source in keys:
        return keys[source]
    similar = any(str(name).lower() == source.lower() for name in keys)
    raise JoseError(
        "there is no key for this name" + (", though one whose name differs in case alone" if similar else ""),
        field="headers.FSPIOP-Source",
        remedy="Publish the public key of the sender under exactly its FSP id.",
    )
