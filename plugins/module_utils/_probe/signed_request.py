# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signed FSPIOP requests that a service has to accept, and those that it has to refuse: pure.

Each hostile variant is the valid request with one thing changed that nothing but its own check finds. So a service that
accepts one of them tells which check it lacks.
"""

from __future__ import annotations

import datetime
import functools
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime

from .._core.errors import InvalidInput
from .._jose import canonical
from .._jose.fspiop import SignedRequest, sign
from .._jose.fspiop_message import SIGNATURE, encode_protected, fold, signature_header, take_apart
from .._jose.fspiop_uri import UriMode, derive, names_service
from .._jose.signing import Signer
from .exchange import Request
from .tamper import tampered

VALID: t.Final = "valid"
SWAPPED_SOURCE: t.Final = "swapped_source"
#: The variants in the order in which they are sent, with what a service that accepts one does not do. The valid request
#: is the last, so that no other is refused for being a repetition of it.
VARIANTS: t.Final[Mapping[str, str]] = {
    "unsigned": "does not insist on a signature",
    "tampered_body": "does not hold the body against the signature",
    "tampered_header": "does not hold the protected header against the signature",
    "wrong_source": "does not verify with the key of the one that FSPIOP-Source names",
    SWAPPED_SOURCE: "does not compare FSPIOP-Source with the source that is protected",
    "replayed_date": "does not compare Date with the date that is protected",
    "old_date": "does not look at the age of a message",
    "wrong_uri": "does not compare FSPIOP-URI with the path that is asked for",
    VALID: "takes what the source signs",
}
#: What the reference library does not refuse either; sent when asked for by name.
UNUSUAL: t.Final = frozenset({"old_date", "wrong_uri"})
_ELSEWHERE: t.Final = ("/quotes", "/transfers")


@dataclass(frozen=True)
class Message:
    """The request that is to be accepted; ``headers`` are those beside the ones that FSPIOP has."""

    method: str
    url: str
    source: str
    headers: Mapping[str, str]
    body: t.Any
    uri: str | None
    uri_mode: UriMode
    #: ``Content-Type``; of the service that is asked for when ``None``.
    content_type: str | None = None

    def signed(self, signer: Signer, date: datetime.datetime, **changes: t.Any) -> SignedRequest:
        """Sign the message, or one that differs from it, as of ``date``."""
        headers = {
            **self.headers,
            "Content-Type": self.content_type or _content_type(derive(self.url)),
            "Date": http_date(date),
            "FSPIOP-Source": changes.pop("source", self.source),
        }
        given = {"body": self.body, "uri": self.uri, "uri_mode": self.uri_mode, **changes}
        return sign(signer, method=self.method, url=self.url, headers=headers, **given)


@dataclass(frozen=True)
class Keys:
    """Who signs: the source itself, and another who signs in its name; ``other_source`` is who that is."""

    signer: Signer
    other: Signer
    other_source: str | None


@dataclass(frozen=True)
class Recipe:
    """What the requests of all variants are made of; ``age`` is that of the ones that are old."""

    message: Message
    keys: Keys
    now: datetime.datetime
    age: datetime.timedelta

    @functools.cached_property
    def genuine(self) -> SignedRequest:
        """The message as its source signs it now: once, since the key may be held by a server."""
        return self.message.signed(self.keys.signer, self.now)


def _content_type(uri: str) -> str:
    """Return the type of the body for the service that a path begins with (API definition, 3.2.1)."""
    service = uri[1:].partition("?")[0].partition("/")[0]
    return f"application/vnd.interoperability.{service}+json;version=1.1" if names_service(uri) else "application/json"


def http_date(moment: datetime.datetime) -> str:
    """Return a moment as the header ``Date`` has it (RFC 9110, 5.6.7)."""
    return format_datetime(moment, usegmt=True)


def build(variant: str, recipe: Recipe) -> Request:
    """Return the request of a variant; raises :class:`InvalidInput` for a message that cannot be signed."""
    if variant in _MAKERS:
        return _sent(*_MAKERS[variant](recipe))
    raise InvalidInput("is unknown", field="variants", remedy=f"Use {', '.join(VARIANTS)}.")


Made = tuple[SignedRequest, Mapping[str, t.Optional[str]]]


def _sent(request: SignedRequest, changed: Mapping[str, str | None]) -> Request:
    """Return a signed request with some of its headers changed, or removed, after signing."""
    lower = {name.lower() for name in changed}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in lower}
    headers.update({name: value for name, value in changed.items() if value is not None})
    return Request(request.method, headers, request.body.encode("utf-8"))


def _valid(it: Recipe) -> Made:
    return it.genuine, {}


def _unsigned(it: Recipe) -> Made:
    return it.genuine, {SIGNATURE: None}


def _tampered_body(it: Recipe) -> Made:
    body = canonical.canonical(tampered(canonical.parse(it.genuine.body)))
    return replace(it.genuine, body=body.decode("utf-8")), {}


def _tampered_header(it: Recipe) -> Made:
    """Let the date be another one in the header and in the protected header alike: the signature alone tells."""
    genuine = it.genuine
    other = {"Date": http_date(it.now - datetime.timedelta(seconds=1))}
    _encoded, signature = take_apart(fold(genuine.headers))
    encoded = encode_protected(genuine.algorithm, fold({**genuine.headers, **other}))
    return genuine, {**other, SIGNATURE: signature_header(encoded, signature)}


def _wrong_source(it: Recipe) -> Made:
    return it.message.signed(it.keys.other, it.now), {}


def _swapped_source(it: Recipe) -> Made:
    if it.keys.other_source is None:
        raise InvalidInput(
            f"{SWAPPED_SOURCE} is signed by another participant in its own name",
            field="other_source",
            remedy="Name a participant whose signing key is at hand, or leave the variant out.",
        )
    signed = it.message.signed(it.keys.other, it.now, source=it.keys.other_source)
    return signed, {"FSPIOP-Source": it.message.source}


def _replayed_date(it: Recipe) -> Made:
    return it.message.signed(it.keys.signer, it.now - it.age), {"Date": http_date(it.now)}


def _old_date(it: Recipe) -> Made:
    return it.message.signed(it.keys.signer, it.now - it.age), {}


def _wrong_uri(it: Recipe) -> Made:
    elsewhere = next(uri for uri in _ELSEWHERE if uri != it.genuine.uri)
    return it.message.signed(it.keys.signer, it.now, uri=elsewhere), {}


_MAKERS: t.Final[Mapping[str, t.Callable[[Recipe], Made]]] = {
    VALID: _valid,
    "unsigned": _unsigned,
    "tampered_body": _tampered_body,
    "tampered_header": _tampered_header,
    "wrong_source": _wrong_source,
    SWAPPED_SOURCE: _swapped_source,
    "replayed_date": _replayed_date,
    "old_date": _old_date,
    "wrong_uri": _wrong_uri,
}
