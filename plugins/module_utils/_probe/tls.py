# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a TLS client sees: an attempt to connect, and with it one HTTP request.

In TLS 1.2 a server that refuses a client certificate does so within the handshake. In TLS 1.3 the client's handshake is
over before the server has looked at the certificate, and the refusal arrives with the first read (RFC 8446, 4.4.2.4 and
6.2). Worse, if the client has sent something by then, the connection may be reset before the alert is read, and a clean
shutdown may even look like success. So an attempt that ends without an answer is made once more, only listening.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import socket
import ssl
import typing as t
from dataclasses import dataclass, replace

from .._core.client_pair import load_client_pair, trusting
from .._core.deadline import cut_off

VERSIONS: t.Final[t.Mapping[str, ssl.TLSVersion]] = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}

#: Texts of nginx's pages for its statuses 496, 495 and 497, which it sends as 400 (ngx_http_special_response.c).
PAGES: t.Final[t.Mapping[bytes, str]] = {
    b"No required SSL certificate was sent": "no_certificate",
    b"The SSL certificate error": "certificate_error",
    b"The plain HTTP request was sent to HTTPS port": "plain_http",
}
_BAD_REQUEST: t.Final = 400
_PAGE_BYTES: t.Final = 4096

# OpenSSL names a received alert after the protocol version that introduced it: SSLV3_ALERT_..., TLSV13_ALERT_...
_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_ALERT_(\w+)")
# How long a server that refuses may take to say so when it was asked for nothing. Silence for as long is consent.
_LISTEN_SECONDS: t.Final = 2.0
#: How many times the timeout of a step an answer may take as a whole, for services that send a byte now and then.
STEPS: t.Final = 3


@dataclass(frozen=True)
class Target:
    """Where to connect and with what; versions are keys of ``VERSIONS``, ``timeout`` is seconds."""

    host: str
    port: int
    server_name: str
    ca_cert: str | None
    client_cert: str | None
    client_key: str | None
    min_version: str | None
    max_version: str | None
    #: Path of an HTTP GET request; ``None`` for a handshake alone.
    path: str | None
    timeout: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Observation:
    """What happened. ``trouble`` is a sentence when the server never answered the question."""

    trouble: str | None = None
    tls_version: str | None = None
    cipher: str | None = None
    #: The alert with which the server ended the connection, as RFC 8446 spells it.
    alert: str | None = None
    #: The server ended the connection without an alert or an answer.
    closed: bool = False
    http_status: int | None = None
    #: What a page of nginx says about the client: a value of ``PAGES``.
    http_page: str | None = None
    #: The server's certificate in DER.
    certificate: bytes | None = None

    @classmethod
    def of(cls, connected: ssl.SSLSocket) -> Observation:
        """Return what a handshake that went well tells."""
        cipher, certificate = connected.cipher(), connected.getpeercert(binary_form=True)
        return cls(tls_version=connected.version(), cipher=cipher[0] if cipher else None, certificate=certificate)

    def shown(self) -> dict[str, t.Any]:
        """Return the observation as plain JSON data."""
        digest = None if self.certificate is None else hashlib.sha256(self.certificate).hexdigest()
        return {
            "trouble": self.trouble,
            "tls_version": self.tls_version,
            "cipher": self.cipher,
            "alert": self.alert,
            "closed": self.closed,
            "http_status": self.http_status,
            "http_page": self.http_page,
            "server_fingerprint_sha256": digest,
        }


class _NoAnswer(Exception):
    """The connection ended without an alert or an answer."""


def observe(target: Target) -> Observation:
    """Connect once, or twice where the first attempt could not tell; raises :class:`InvalidInput` for bad files."""
    context = open_context(target)
    seen = _attempt(target, context, target.path)
    if seen.closed and seen.tls_version == "TLSv1.3":
        second = _attempt(target, context, None)
        return second if second.alert else seen
    return seen


def open_context(target: Target) -> ssl.SSLContext:
    """Return the client's side of TLS for ``target``; raises :class:`InvalidInput` for bad files."""
    context = trusting(target.ca_cert)
    if target.max_version in ("TLSv1.0", "TLSv1.1"):
        # Below this level the library does not offer the old versions at all, whatever it is told about versions.
        context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = VERSIONS[target.min_version] if target.min_version else ssl.TLSVersion.MINIMUM_SUPPORTED
    if target.max_version:
        context.maximum_version = VERSIONS[target.max_version]
    if target.client_cert and target.client_key:
        load_client_pair(context, target.client_cert, target.client_key)
    return context


def _attempt(target: Target, context: ssl.SSLContext, path: str | None) -> Observation:
    seen = Observation()
    try:
        raw = socket.create_connection((target.host, target.port), timeout=target.timeout)
        with raw, handshake(raw, context, target) as tls:
            seen = Observation.of(tls)
            if path is None:
                _listen(tls)
                return seen
            status, page = _answer(target, tls, path)
            return replace(seen, http_status=status, http_page=page)
    except (OSError, http.client.HTTPException, _NoAnswer) as error:
        return read_failure(seen, error, target)


def handshake(raw: socket.socket, context: ssl.SSLContext, target: Target) -> ssl.SSLSocket:
    """Return the connection after a handshake that ended in time; raises ``OSError``."""
    tls = context.wrap_socket(raw, server_hostname=target.server_name, do_handshake_on_connect=False)
    with cut_off(tls, STEPS * target.timeout):
        try:
            tls.do_handshake()
        except OSError:
            tls.close()
            raise
    return tls


def _answer(target: Target, tls: ssl.SSLSocket, path: str) -> tuple[int, str | None]:
    """Send one request and return the HTTP status and, of a page that is known, what it says."""
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = tls
    with cut_off(tls, STEPS * target.timeout):
        connection.request("GET", path, headers={"Host": target.server_name, "Connection": "close"})
        response = connection.getresponse()
        if response.status != _BAD_REQUEST:
            return response.status, None
        try:
            page = response.read(_PAGE_BYTES)
        except (OSError, http.client.HTTPException):  # the status alone counts
            page = b""
    return response.status, next((meaning for text, meaning in PAGES.items() if text in page), None)


def _listen(tls: ssl.SSLSocket) -> None:
    """Give the server time to object; in TLS 1.2 it would have done so already."""
    if tls.version() != "TLSv1.3":
        return
    tls.settimeout(_LISTEN_SECONDS)
    try:
        received = tls.recv(1)
    except socket.timeout:
        return
    if not received:
        raise _NoAnswer


def read_failure(seen: Observation, error: Exception, target: Target) -> Observation:
    """Tell what an exception means for the observation."""
    alert = _ALERT.search(getattr(error, "reason", None) or "")
    if alert:
        return replace(seen, alert=alert.group(1).lower())
    if isinstance(error, ssl.SSLCertVerificationError):
        return replace(seen, trouble=f"the certificate of {target} is not trusted: {error.verify_message}")
    if isinstance(error, (_NoAnswer, ssl.SSLEOFError, ConnectionResetError, BrokenPipeError)):
        return replace(seen, closed=True)
    if isinstance(error, socket.timeout):
        return replace(seen, trouble=f"{target} did not answer within {target.timeout} s")
    if isinstance(error, ssl.SSLError):
        return replace(seen, trouble=f"no common ground with {target}: {_cause(error)}")
    if isinstance(error, http.client.HTTPException):
        return replace(seen, trouble=f"{target} does not speak HTTP over TLS ({type(error).__name__})")
    return replace(seen, trouble=f"{target} cannot be reached: {_cause(error)}")


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    text = reason.replace("_", " ").lower() if isinstance(reason, str) else getattr(error, "strerror", None)
    return text or str(error) or type(error).__name__
