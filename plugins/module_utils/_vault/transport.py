# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""hvac's adapter with a short way to the wire.

Proxies, trust and client certificates are settled by requests once, when the connection pool is made, and not for every
request again: that repetition costs more than half of what it takes to have a certificate signed.
"""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import typing as t
from dataclasses import dataclass

from .._core.foreign import LARGEST_ANSWER, Unreadable, inflated
from .errors import not_vault

try:
    import http.client

    import requests
    import urllib3
    from hvac.adapters import RawAdapter
except ImportError:  # reported by reach() before any of it is used
    RawAdapter = object

# A socket takes 0 for "do not wait at all", which is told as another failure.
_SHORTEST_WAIT: t.Final = 0.001


@dataclass(frozen=True)
class Answer:
    """A server's answer, read to its end."""

    status_code: int
    headers: t.Mapping[str, str]
    content: bytes


class PooledAdapter(RawAdapter):  # type: ignore[misc]
    """Sends every request through one connection pool, whose settings are those of the session it was made with.

    ``timeout`` is what a whole request may take, from connecting to the last octet of the answer.
    """

    def __init__(self, **options: t.Any) -> None:
        super().__init__(**options)
        trust = self.session.merge_environment_settings(
            self.base_uri, {}, None, self._kwargs["verify"], self._kwargs["cert"]
        )
        adapter = self.session.get_adapter(self.base_uri)
        where = requests.Request("GET", self.base_uri).prepare()
        self._pool = _pool(adapter, where, trust)
        self._due = Due()
        self._pool.ConnectionCls = _timed(self._pool.ConnectionCls, self._due)
        # Below a plain HTTP proxy this is the whole address, else only its path.
        self._base = adapter.request_url(where, trust["proxies"]).rstrip("/")

    def request(self, method: str, url: str, headers: t.Any = None, **options: t.Any) -> Answer:
        """Send one request and return the answer whatever its status; raises ``OSError`` when there is none."""
        sent = {**self._headers(options.get("wrap_ttl")), **(headers or {})}
        body = None
        if "json" in options:
            body = json.dumps(options["json"]).encode()
            sent.setdefault("Content-Type", "application/json")
        query = f"?{options['query']}" if "query" in options else ""
        self._due.set(self._kwargs["timeout"])
        try:
            got = self._pool.request(
                method.upper(),
                f"{self._base}/{url}{query}",
                body=body,
                headers=sent,
                retries=False,  # and so no redirection is followed
                assert_same_host=False,
                preload_content=False,
            )
            content = got.read(LARGEST_ANSWER + 1, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error
        if len(content) > LARGEST_ANSWER:
            got.close()
            raise self._unreadable(method, url, f"its body is larger than {LARGEST_ANSWER >> 20} MiB")
        encoding = got.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            try:
                content = inflated(content, encoding)
            except Unreadable as error:
                raise self._unreadable(method, url, str(error)) from None
        return Answer(got.status, got.headers, content)

    def _unreadable(self, method: str, url: str, why: str) -> Exception:
        return not_vault(self.base_uri, f"{method} {url}", why)

    def _headers(self, wrap_ttl: str | None) -> dict[str, str]:
        given = {
            "X-Vault-Token": self.token,
            "X-Vault-Namespace": self.namespace,
            "X-Vault-Wrap-TTL": wrap_ttl,
        }
        return {"X-Vault-Request": "true", **{name: value for name, value in given.items() if value}}


class Due(threading.local):
    """When the request of this thread has to be over."""

    instant = 0.0

    def set(self, seconds: float) -> None:
        """Begin to count."""
        self.instant = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; raises ``socket.timeout`` when there are none."""
        left = self.instant - time.monotonic()
        if left < _SHORTEST_WAIT:
            raise socket.timeout("timed out")
        return left


def _timed(connection: t.Any, due: Due) -> t.Any:
    """Return a class of connections on which every wait ends when the request is due.

    The libraries grant the whole time to each single wait, so that an octet now and then keeps a request for ever.
    """

    class Timed(connection):  # type: ignore[misc]
        """Passes the time that is left on to connecting, to the handshake, and to sending."""

        def _new_conn(self) -> t.Any:
            self.timeout = due.left
            made = super()._new_conn()
            made.settimeout(due.left)
            return made

        def send(self, data: t.Any) -> None:
            if self.sock is not None:
                self.sock.settimeout(due.left)
            super().send(data)

        def response_class(self, sock: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
            return http.client.HTTPResponse(_Reading(sock, due), *arguments, **options)  # type: ignore[arg-type]

    return Timed


class _Reading:
    """A socket as far as a response needs one: something to read from, until the request is due."""

    def __init__(self, sock: t.Any, due: Due) -> None:
        self._sock = sock
        self._due = due

    def makefile(self, _mode: str) -> t.Any:
        return io.BufferedReader(_TimedIO(self._sock, self._due))


class _TimedIO(socket.SocketIO):
    """Reads from a socket as long as there is time."""

    def __init__(self, sock: t.Any, due: Due) -> None:
        super().__init__(sock, "r")
        self._timed = sock
        self._due = due
        # As makefile does, so that closing the connection does not cut the answer off; TLS within TLS wraps a socket.
        getattr(sock, "socket", sock)._io_refs += 1

    def readinto(self, b: t.Any) -> t.Any:
        self._timed.settimeout(self._due.left)
        return super().readinto(b)


def _pool(adapter: t.Any, where: t.Any, trust: t.Mapping[str, t.Any]) -> t.Any:
    """Let requests make the pool as it would for a request of its own."""
    proxies, verify, cert = trust["proxies"], trust["verify"], trust["cert"]
    if hasattr(adapter, "get_connection_with_tls_context"):
        pool = adapter.get_connection_with_tls_context(where, verify, proxies=proxies)
    else:  # requests before 2.32
        pool = adapter.get_connection(where.url, proxies)
    adapter.cert_verify(pool, where.url, verify, cert)  # which sets the client certificate, in every version
    return pool
