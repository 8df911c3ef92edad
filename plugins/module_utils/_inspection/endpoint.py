# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The certificates that a TLS server presents, trusted or not."""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
import typing as t
from dataclasses import dataclass

from .._core.client_pair import load_client_pair
from .._core.errors import InvalidInput, TrustmeshError
from .._core.normal import dns_name

#: Alerts (RFC 8446, 6) with which a server asks for another client certificate, as OpenSSL spells them.
_ABOUT_CLIENT = re.compile(
    r"HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED|BAD_CERTIFICATE|CERTIFICATE_(EXPIRED|REVOKED|UNKNOWN)|UNKNOWN_CA|ACCESS_DENIED"
)
_DEFAULT_PORT: t.Final = 443


class EndpointFailure(TrustmeshError):
    """A server did not get as far as showing its certificate."""


@dataclass(frozen=True)
class Endpoint:
    """Where to connect, with what; ``timeout`` is the seconds that all of it may take."""

    host: str
    port: int
    server_name: str
    client_cert: str | None
    client_key: str | None
    timeout: float

    @classmethod
    def declared(cls, item: t.Mapping[str, t.Any]) -> Endpoint:
        """Build from module options; raises :class:`InvalidInput`."""
        host, port = _address(item["endpoint"])
        name = item["server_name"] or host
        return cls(host, port, name, item["client_cert"], item["client_key"], float(item["connect_timeout"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Presented:
    """What a server showed: certificates in DER, leaf first, and the terms of the connection.

    ``refusal`` is the alert of a server that ended the handshake after it had shown its certificates; ``whole`` is
    false where this Python cannot see more than the leaf.
    """

    certificates: tuple[bytes, ...]
    tls_version: str | None
    cipher: str | None
    refusal: str | None
    whole: bool


def _address(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/]+))(?::(\d{1,5}))?", text.strip())
    port = int(match.group(3) or _DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidInput(
            f"{text!r} is not a host and port", field="endpoint", remedy="Write it like node1.example.com:8443."
        )
    if match.group(1):
        return match.group(1), port
    try:
        return dns_name(match.group(2)), port
    except ValueError as error:
        raise InvalidInput(str(error), field="endpoint") from None


def fetch(endpoint: Endpoint) -> Presented:
    """Shake hands and return what the server presented; raises :class:`EndpointFailure` when it presented nothing.

    Nothing is verified here and nothing is sent: an untrusted certificate is what one may want to look at.
    """
    context = _context(endpoint)
    deadline = time.monotonic() + endpoint.timeout
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=endpoint.timeout) as raw:
            raw.setblocking(False)
            with context.wrap_socket(
                raw, server_hostname=endpoint.server_name, do_handshake_on_connect=False
            ) as connection:
                return _shake_hands(connection, endpoint, deadline)
    except OSError as error:
        raise _failure(endpoint, error) from None


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if endpoint.client_cert and endpoint.client_key:
        load_client_pair(context, endpoint.client_cert, endpoint.client_key)
    return context


def _shake_hands(connection: ssl.SSLSocket, endpoint: Endpoint, deadline: float) -> Presented:
    """Drive the handshake within the deadline; a server that drips bytes cannot stretch it."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        try:
            connection.do_handshake()
        except ssl.SSLWantReadError:
            select.select([connection], [], [], left)
        except ssl.SSLWantWriteError:
            select.select([], [connection], [], left)
        except ssl.SSLError as error:
            # In TLS 1.2 a missing client certificate is refused here, after the server has shown its own.
            shown = _chain(connection)
            if not shown:
                raise
            return Presented(shown, connection.version(), None, _reason(error), True)
        else:
            break
    chain = _chain(connection)
    leaf = connection.getpeercert(binary_form=True)
    if not chain and not leaf:
        raise EndpointFailure(f"{endpoint} presented no certificate")
    cipher = connection.cipher()
    whole = chain or (leaf or b"",)
    return Presented(whole, connection.version(), cipher[0] if cipher else None, None, bool(chain))


def _chain(connection: ssl.SSLSocket) -> tuple[bytes, ...]:
    """Return what the server sent: public since Python 3.13, there under the socket since 3.10, out of reach before."""
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return tuple(public() or ())
    inner = getattr(getattr(connection, "_sslobj", None), "get_unverified_chain", None)
    if inner is None:
        return ()
    return tuple(ssl.PEM_cert_to_DER_cert(entry.public_bytes()) for entry in inner() or ())


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _failure(endpoint: Endpoint, error: OSError) -> TrustmeshError:
    if isinstance(error, ssl.SSLError):
        about_client = _ABOUT_CLIENT.search(error.reason or "")
        remedy = "Give client_cert and client_key." if about_client and not endpoint.client_cert else None
        return EndpointFailure(f"{endpoint} refused the TLS handshake: {_reason(error)}", remedy=remedy)
    if isinstance(error, socket.timeout):
        return EndpointFailure(
            f"{endpoint} did not complete a TLS handshake within {endpoint.timeout:g} seconds",
            remedy="Check the address, and that the port speaks TLS; or raise connect_timeout.",
        )
    if isinstance(error, socket.gaierror):
        return EndpointFailure(
            f"the name {endpoint.host} cannot be resolved", remedy="Check the name and the resolver."
        )
    if isinstance(error, ConnectionRefusedError):
        return EndpointFailure(f"nothing listens on {endpoint}", remedy="Check the address and that the service runs.")
    return EndpointFailure(f"{endpoint} cannot be reached: {error.strerror or type(error).__name__}")
