# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The parts of a signed FSPIOP request: its headers, the protected header in one of them, and the body."""

from __future__ import annotations

import base64
import functools
import json
import re
import typing as t
from collections.abc import Mapping
from types import MappingProxyType

from . import base64url, canonical
from .errors import JoseError

Headers = Mapping[str, str]

#: What a header may hold (RFC 9110, 5.5), without tabs and what is not ASCII.
_VALUE: t.Final = re.compile(r"[!-~]([ -~]*[!-~])?")
#: Members of the protected header beside ``alg``, in the order of the reference library, with the header of each.
PROTECTED: t.Final = {
    "FSPIOP-URI": "fspiop-uri",
    "FSPIOP-HTTP-Method": "fspiop-http-method",
    "FSPIOP-Source": "fspiop-source",
    "FSPIOP-Destination": "fspiop-destination",
    "Date": "date",
}
REQUIRED: t.Final = ("FSPIOP-URI", "FSPIOP-HTTP-Method", "FSPIOP-Source")
METHODS: t.Final = ("POST", "PUT", "PATCH")
SIGNATURE: t.Final = "fspiop-signature"
#: Longer signatures are refused unread; servers limit all headers together to about as much.
LONGEST: t.Final = 16384
#: Perhaps the name of a member that ECMAScript takes for an index.
_INDEX: t.Final = re.compile(rb'"[0-9]{1,10}":')
_CLAIMS: t.Final = ("exp", "nbf")
_MATTERS: t.Final = frozenset({*PROTECTED.values(), SIGNATURE})
PUT_PARTIES: t.Final = (
    "By default, adapters neither sign nor verify PUT /parties "
    "(JWS_SIGN_PUT_PARTIES, VALIDATE_INBOUND_PUT_PARTIES_JWS)."
)


def fold(headers: Headers, *, strict: bool = False) -> dict[str, str]:
    """Return the headers that matter here by their names in lower case; raises :class:`JoseError`.

    Values are looked at when ``strict``; what was received is compared with what is signed anyway.
    """
    folded: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower not in _MATTERS or (value == "" and not strict):
            continue  # an empty header counts as none, as it does for the reference library
        if folded.setdefault(lower, value) != value:
            raise JoseError("is there twice, in two spellings", field=f"headers.{name}", remedy="Send it once.")
        if not isinstance(value, str):
            raise JoseError("is not a text", field=f"headers.{name}", remedy="Put it into quotation marks.")
        if strict:
            check_value(value, f"headers.{name}")
    return folded


def check_value(value: t.Any, name: str) -> str:
    """Return the value of a header; raises :class:`JoseError` for what none can hold."""
    if isinstance(value, str) and _VALUE.fullmatch(value):
        return value
    raise JoseError("is not a text that a header can hold", field=name, remedy="Use printable ASCII, or leave it out.")


def signature_header(encoded: str, signature: bytes) -> str:
    """Return the value of FSPIOP-Signature."""
    return f'{{"protectedHeader":"{encoded}","signature":"{base64url.encode(signature)}"}}'


def take_apart(given: Headers) -> tuple[str, bytes]:
    """Return the protected header, still encoded, and the signature; raises :class:`JoseError`."""
    text = given.get(SIGNATURE)
    if text is None:
        raise JoseError("is missing", field="FSPIOP-Signature", remedy=f"Let the sender sign. {PUT_PARTIES}")
    if len(text) > LONGEST:
        raise malformed(f"is longer than {LONGEST} characters")
    try:
        parts = canonical.parse(text)
    except JoseError as error:
        raise error.within("FSPIOP-Signature") from None
    if not isinstance(parts, dict) or set(parts) != {"protectedHeader", "signature"}:
        raise malformed("is not a JSON object of protectedHeader and signature")
    encoded, signature = parts["protectedHeader"], parts["signature"]
    if not isinstance(encoded, str) or not isinstance(signature, str):
        raise malformed("has a part that is not a text")
    try:
        return encoded, base64url.decode(signature)
    except ValueError:
        raise malformed("has a signature that is not base64url") from None


def malformed(problem: str) -> JoseError:
    """Return the failure for a signature that is not one."""
    return JoseError(problem, field="FSPIOP-Signature", remedy="Let the sender sign as the specification says.")


def encode_protected(algorithm: str, given: Headers) -> str:
    """Return the protected header for headers that were folded."""
    return _encoded(algorithm, *map(given.get, PROTECTED.values()))


@functools.lru_cache(maxsize=1000)
def _encoded(algorithm: str, *values: str | None) -> str:
    """Put values into JSON; within a second, requests of one kind have the same."""
    held = {name: value for name, value in zip(PROTECTED, values) if value is not None}
    protected = {"alg": algorithm, **held}
    return base64url.encode(json.dumps(protected, separators=(",", ":")).encode("ascii"))


@functools.lru_cache(maxsize=1000)
def decode_protected(encoded: str) -> Mapping[str, t.Any]:
    """Return the protected header; most requests of a sender have the same one. Raises :class:`JoseError`."""
    try:
        protected = canonical.parse(base64url.decode(encoded))
    except ValueError:
        raise malformed("has a protected header that is not base64url") from None
    except JoseError as error:
        raise error.within("protectedHeader") from None
    if not isinstance(protected, dict) or not isinstance(protected.get("alg"), str):
        raise malformed("has a protected header that names no algorithm")
    if "crit" in protected:
        raise malformed("has a protected header with extensions that have to be understood (crit)")
    return MappingProxyType(protected)


def body_of(body: t.Any) -> tuple[bytes, t.Any]:
    """Return a body, given as data or as JSON text, in canonical form and as data; raises :class:`JoseError`."""
    _octets, data = received_body(body)
    try:
        return canonical.canonical(data), data
    except JoseError as error:
        raise error.within("body") from None


def received_body(body: t.Any) -> tuple[bytes | None, t.Any]:
    """Return a body as octets, if it came as text, and as data; raises :class:`JoseError`.

    Data that came as text has a canonical form. Of other data that is not known yet.
    """
    if body is None or (isinstance(body, (str, bytes)) and not body):
        raise JoseError("is missing, and requests without one are not signed", field="body", remedy="Give the body.")
    octets = None
    if isinstance(body, (str, bytes)):
        try:
            octets, body = canonical.utf8(body) if isinstance(body, str) else body, canonical.parse(body)
        except JoseError as error:
            raise error.within("body") from None
    if not isinstance(body, (dict, Mapping, list, tuple)):
        raise JoseError("is neither an object nor a list", field="body", remedy="Send a JSON object.")
    return octets, body


def signing_input(encoded: str, content: bytes) -> bytes:
    """Return what is signed (RFC 7515, 5.1)."""
    return encoded.encode("ascii") + b"." + base64.urlsafe_b64encode(content).rstrip(b"=")


def index_caution(content: bytes) -> tuple[str, ...]:
    """Return a warning about a canonical body that verifiers which keep the order of members put into another one."""
    if not _INDEX.search(content) or canonical.stringified(canonical.parse(content)) == content:
        return ()
    return (
        "The body has names of members that look like indexes: the reference library up to 19.18.8 puts them first, "
        "and refuses the request.",
    )


def claims_in(data: t.Any) -> tuple[str, ...]:
    """Return warnings about members of a body that the reference library takes for claims of a token."""
    found = [name for name in _CLAIMS if name in data] if isinstance(data, (dict, Mapping)) else []
    return tuple(
        f"The body has the member {name} at its top: the reference library takes it for a claim of a token and refuses "
        f"the request when it is not a number, or a time {'in the past' if name == 'exp' else 'to come'}."
        for name in found
    )
