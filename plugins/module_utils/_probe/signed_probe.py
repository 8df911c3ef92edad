# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""From the options of an endpoint that takes signed requests to its result."""

from __future__ import annotations

import datetime
import re
import ssl
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .._core.errors import InvalidInput
from .._core.free_text import free_text, free_texts
from .._core.normal import duration
from .._core.redact import Secret
from .._jose.errors import JoseError
from .._jose.fspiop_message import METHODS, check_value
from .._jose.signing import KeySigner, Signer, signer_of
from .._pki.keys import KeySpec, generate
from .exchange import Address, Request, name_of_host, send
from .signed_request import SWAPPED_SOURCE, UNUSUAL, VALID, VARIANTS, Keys, Message, Recipe, build
from .signed_verdict import Terms, Tried, complaints, hold_against_valid, not_sent, result
from .tls import Target, open_context

#: Where a private key lies, as in `jws_key`; ``{name}`` in file and path stands for the participant.
KEY_OPTIONS: t.Final[Mapping[str, t.Any]] = {
    "type": "dict",
    "no_log": False,
    "options": {
        "file": {"type": "path"},
        "mount": {"type": "str"},
        "path": {"type": "str"},
        "key": {"type": "str", "default": "private_key", "no_log": False},
    },
    "required_together": [("mount", "path")],
    "required_one_of": [("file", "mount")],
    "mutually_exclusive": [("file", "mount")],
}
_NAMES: t.Final = list(VARIANTS)
ENDPOINT_OPTIONS: t.Final[Mapping[str, Mapping[str, t.Any]]] = {
    "name": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "method": {"type": "str", "choices": list(METHODS), "default": "POST"},
    "source": {"type": "str", "required": True},
    "destination": {"type": "str"},
    "body": {"type": "raw", "required": True},
    "uri": {"type": "str"},
    "uri_mode": {"type": "str", "choices": ["clean", "peer"], "default": "clean"},
    "content_type": {"type": "str"},
    "headers": {"type": "dict"},
    "secret_headers": {"type": "dict", "no_log": True},
    "signing_key": {**KEY_OPTIONS, "required": True},
    "other_source": {"type": "str"},
    "other_key": KEY_OPTIONS,
    "variants": {"type": "list", "elements": "str", "choices": _NAMES},
    "accept": {"type": "list", "elements": "str", "choices": _NAMES, "default": [VALID]},
    "accepted_status": {"type": "list", "elements": "int", "default": [200, 201, 202, 204]},
    "refused_status": {"type": "list", "elements": "int", "default": [400, 401, 403]},
    "error_codes": {"type": "list", "elements": "str", "default": ["3102", "3105"]},
    "replay_age": {"type": "str", "default": "1h"},
    "server_name": {"type": "str"},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "timeout": {"type": "int", "default": 10},
}
#: Those that may also be given once for all endpoints. What has the name of an option of the Vault connection may not.
SHARED: t.Final = (
    *("method", "source", "destination", "content_type", "headers", "secret_headers", "signing_key", "other_source"),
    *("other_key", "variants", "accept", "accepted_status", "refused_status", "error_codes", "replay_age"),
)
#: Headers that the probe makes, or that the connection does.
_MADE: t.Final = frozenset({"date", "content-type", "host", "content-length", "transfer-encoding", "connection"})
_SECRET: t.Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})

#: What a name of a header is made of (RFC 9110, 5.6.2).
_TOKEN: t.Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

#: Returns the private key that lies in a declared place for the participant of this name, or what signs with one that
#: is held elsewhere; raises ``InvalidInput``.
KeyAt = Callable[[Mapping[str, t.Any], str], t.Union[Secret, Signer]]


@dataclass(frozen=True)
class Endpoint:
    """A service, the requests for it that are ready to be sent, and what is expected of it."""

    name: str
    address: Address
    target: Target
    context: ssl.SSLContext | None
    requests: Mapping[str, Request] = field(repr=False)
    accept: frozenset[str]
    terms: Terms
    #: What may keep the valid request from being accepted, although it is right.
    warnings: tuple[str, ...]

    def run(self) -> dict[str, t.Any]:
        """Send every variant, as long as the service can be spoken to, and return the result."""
        tried: list[Tried] = []
        for variant, request in self.requests.items():
            if tried and (tried[0].answer is None or tried[0].answer.seen.http_status is None):
                tried.append(not_sent(variant, tried[0].judged))
                continue
            answer = send(self.address, self.target, self.context, request)
            tried.append(Tried(variant, answer, self.terms.judge(answer)))
        entries = [result(one, self.accept, self.terms) for one in hold_against_valid(tried, self.accept)]
        complaint = complaints(entries)
        return {
            "item": self.name,
            "passed": complaint is None,
            "variants": entries,
            "warnings": list(self.warnings),
            **({} if complaint is None else {"failed": True, "msg": complaint}),
        }


class ThrowawaySigners:
    """Keys that nobody knows, one for each algorithm, made when first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Signer] = {}

    def signer(self, algorithm: str) -> Signer:
        """Return a signer with a key of its own."""
        if algorithm not in self._made:
            spec = KeySpec("rsa", 2048) if algorithm == "RS256" else KeySpec("ec", 256)
            self._made[algorithm] = KeySigner.of(generate(spec))
        return self._made[algorithm]


def declared(item: Mapping[str, t.Any], key_at: KeyAt, throwaway: ThrowawaySigners, now: datetime.datetime) -> Endpoint:
    """Build an endpoint from an item of the module; raises :class:`InvalidInput` naming the option."""
    address = Address.of(item["url"])
    target = Target(
        host=address.host,
        port=address.port,
        server_name=name_of_host(item["server_name"], "server_name") or address.host,
        min_version=None,
        max_version=None,
        path=None,
        **{name: item[name] for name in ("ca_cert", "client_cert", "client_key", "timeout")},
    )
    if not address.secure:
        _refuse_meaningless(item)
    context = open_context(target) if address.secure else None
    terms = Terms(tuple(item["accepted_status"]), tuple(item["refused_status"]), tuple(item["error_codes"]))
    message, keys = _message(item), _keys(item, key_at, throwaway)
    chosen, secret = _variants(item, keys), _checked(item["secret_headers"] or {}, "secret_headers")
    recipe = Recipe(message, keys, now, _age(item))
    requests = {name: build(name, recipe).with_headers(secret) for name in chosen}
    accept = frozenset(item["accept"])
    return Endpoint(item["name"], address, target, context, requests, accept, terms, recipe.genuine.warnings)


def _refuse_meaningless(item: Mapping[str, t.Any]) -> None:
    """Refuse what has no meaning without TLS, and would give a false feeling of having been tried."""
    for name in ("ca_cert", "client_cert", "server_name"):
        if item[name] is not None:
            raise InvalidInput("has no meaning for a URL with http", field=name, remedy="Use https, or leave it out.")


def _variants(item: Mapping[str, t.Any], keys: Keys) -> list[str]:
    """Return the variants in the order in which they are sent."""
    chosen = item["variants"]
    if chosen is None:
        left_out = UNUSUAL if keys.other_source is not None else {*UNUSUAL, SWAPPED_SOURCE}
        return [name for name in VARIANTS if name not in left_out]
    if not chosen:
        raise InvalidInput("is empty", field="variants", remedy="Name a variant, or leave the option out.")
    return [name for name in VARIANTS if name in chosen]


def _age(item: Mapping[str, t.Any]) -> datetime.timedelta:
    try:
        return datetime.timedelta(seconds=duration(item["replay_age"]))
    except ValueError as error:
        raise InvalidInput(str(error), field="replay_age") from None


def _message(item: Mapping[str, t.Any]) -> Message:
    headers = _checked(item["headers"] or {}, "headers")
    for name in headers:
        if name.lower() in _SECRET:
            raise InvalidInput("is a secret", field=f"headers.{name}", remedy="Give it in secret_headers.")
    if item["content_type"] is not None:
        check_value(item["content_type"], "content_type")
    if item["destination"] is not None:
        headers["FSPIOP-Destination"] = item["destination"]
    given = {name: item[name] for name in ("method", "url", "source", "body", "uri", "uri_mode", "content_type")}
    return Message(headers=headers, **given)


def _checked(headers: Mapping[str, t.Any], option: str) -> dict[str, str]:
    """Return headers as texts; raises :class:`InvalidInput` for what no header can hold, and for those made here."""
    for name, value in headers.items():
        if name.lower() in _MADE or name.lower().startswith("fspiop-"):
            raise InvalidInput("is made by the probe", field=f"{option}.{name}", remedy="Use the option for it.")
        if not _TOKEN.fullmatch(name):
            raise InvalidInput("is not a name of a header", field=f"{option}.{name}", remedy="Correct it.")
        check_value(free_text(value, f"{option}.{name}"), f"{option}.{name}")
    return free_texts(headers, option)


def _keys(item: Mapping[str, t.Any], key_at: KeyAt, throwaway: ThrowawaySigners) -> Keys:
    signer = _signer(item["signing_key"], item["source"], key_at, "signing_key")
    other_source = item["other_source"]
    if other_source is None:
        if item["other_key"] is not None:
            raise InvalidInput("not given, but other_key is", field="other_source", remedy="Say whose key it is.")
        return Keys(signer, throwaway.signer(signer.algorithm), None)
    if other_source == item["source"]:
        raise InvalidInput("is the source itself", field="other_source", remedy="Name another participant.")
    place = item["other_key"] or item["signing_key"]
    if item["other_key"] is None and "{name}" not in (place["file"] or place["path"]):
        raise InvalidInput(
            "not given, and signing_key is the same for every participant",
            field="other_key",
            remedy="Give it, or put {name} into signing_key.",
        )
    return Keys(signer, _signer(place, other_source, key_at, "other_key"), other_source)


def _signer(place: Mapping[str, t.Any], name: str, key_at: KeyAt, option: str) -> Signer:
    try:
        key = key_at(place, name)
        return signer_of(key) if isinstance(key, Secret) else key
    except JoseError as error:
        raise InvalidInput(error.problem, field=option, remedy=error.remedy) from None
    except InvalidInput as error:
        raise error.within(option) from None
