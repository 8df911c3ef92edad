# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One HTTP request to a service, over TLS or not, and what is seen of the answer.

Of an answer nothing is kept but its status and the error code of FSPIOP. Services are known to quote headers, tokens
and keys in the descriptions of their errors.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from .._core.deadline import cut_off
from .._core.errors import InvalidInput
from .._core.foreign import Unreadable, parse_object
from .tls import STEPS, Observation, Target, handshake, read_failure

PORTS: t.Final = {"http": 80, "https": 443}
#: Octets of an answer that are looked at for an error code.
_LOOKED_AT: t.Final = 65536
_CODE: t.Final = re.compile(r"[0-9]{4}")


@dataclass(frozen=True)
class Address:
    """Where a URL leads: ``secure`` for https, ``path`` with the query, ``authority`` for the header ``Host``."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Take a URL apart; raises :class:`InvalidInput`."""
        try:
            parts = urlsplit(url)
            host, port = name_of_host(parts.hostname, "url"), parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in PORTS or parts.username is not None or parts.fragment:
            # It is not quoted: what stands before an @ may be a password.
            raise InvalidInput(
                "is not the URL of a service",
                field="url",
                remedy="Write it like https://switch.example.com/transfers, without a user and a fragment.",
            )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme == "https", host, port or PORTS[parts.scheme], path)


def name_of_host(name: str | None, option: str) -> str | None:
    """Return a name that can be resolved; raises :class:`InvalidInput` for what is none (RFC 1035, 2.3.4)."""
    try:
        (name or "").encode("idna")
    except UnicodeError:
        raise InvalidInput("has an empty part, or one that is too long", field=option, remedy="Correct it.") from None
    return name


@dataclass(frozen=True)
class Request:
    """What is sent; the header ``Host`` is added."""

    method: str
    headers: Mapping[str, str]
    body: bytes

    def with_headers(self, more: Mapping[str, str]) -> Request:
        """Return the same request with more headers."""
        return replace(self, headers={**self.headers, **more})


@dataclass(frozen=True)
class Answer:
    """What was seen; ``error_code`` is that of FSPIOP (``errorInformation.errorCode``), four digits."""

    seen: Observation
    error_code: str | None = None

    def shown(self) -> dict[str, t.Any]:
        """Return the answer as plain JSON data."""
        return {**self.seen.shown(), "error_code": self.error_code}


def send(address: Address, target: Target, context: ssl.SSLContext | None, request: Request) -> Answer:
    """Send a request over a connection of its own; without ``context`` it is not encrypted."""
    seen = Observation()
    try:
        with socket.create_connection((target.host, target.port), timeout=target.timeout) as raw:
            if context is None:
                return _exchange(raw, seen, address, target, request)
            with handshake(raw, context, target) as tls:
                seen = Observation.of(tls)
                return _exchange(tls, seen, address, target, request)
    except (OSError, http.client.HTTPException) as error:
        if context is None and isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
            return Answer(replace(seen, trouble=f"{target} does not speak HTTP; is it https?"))
        return Answer(read_failure(seen, error, target))


def _exchange(
    connected: socket.socket, seen: Observation, address: Address, target: Target, request: Request
) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = connected
    named = f"[{target.server_name}]" if ":" in target.server_name else target.server_name
    usual = target.port == PORTS["https" if address.secure else "http"]
    host = {"Host": named if usual else f"{named}:{target.port}", "Connection": "close"}
    with cut_off(connected, STEPS * target.timeout) as late:
        try:
            connection.request(request.method, address.path, body=request.body, headers={**host, **request.headers})
            answer = connection.getresponse()
            return Answer(replace(seen, http_status=answer.status), _error_code(answer))
        except (OSError, http.client.HTTPException):
            if late.is_set():
                trouble = f"{target} did not end its answer within {STEPS * target.timeout} s"
                return Answer(replace(seen, trouble=trouble))
            raise


def _error_code(answer: http.client.HTTPResponse) -> str | None:
    """Return the error code that the body names, if it is an error of FSPIOP (API definition, 7.6)."""
    try:
        error = parse_object(answer.read(_LOOKED_AT))["errorInformation"]["errorCode"]
    except (OSError, http.client.HTTPException, Unreadable, LookupError, TypeError):
        return None
    code = str(error)
    return code if _CODE.fullmatch(code) else None
