# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A TLS proxy before a real server that passes everything on, but for one call, to which it plays a wrong answer.

::

    with FaultProxy(server, directory) as proxy:
        with proxy.playing(Fault(WRONG["a page of HTML"], READS)) as seen:
            ...  # use proxy.url and proxy.ca_path
        seen.played, seen.passed_on

The answers themselves are in `wrong_answers.py`.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import pathlib
import re
import socket
import socketserver
import ssl
import struct
import threading
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.rigs.openbao import OpenBao
from tests.rigs.pki import make_server_pair
from tests.rigs.process import LOOPBACK

READS: t.Final = ("GET", "LIST")
WRITES: t.Final = ("POST", "PUT", "PATCH", "DELETE")
#: Engines that open and wrap are asked by POST.
COMPUTES: t.Final = re.compile(r".*/(decrypt|encrypt|rewrap)/[^/]+")
#: What neither reads nor changes what is declared: logins, and tokens that are given back.
ASIDE: t.Final = re.compile(r"auth/[^/]+/login|auth/token/revoke-self")
_UPSTREAM_TIMEOUT: t.Final = 30.0
_HOP: t.Final = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})


@dataclass(frozen=True)
class Reply:
    """An answer of the real server."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Call:
    """One request, as a wrong answer sees it: what was asked, the real answer, and the ways to answer otherwise."""

    def __init__(self, handler: _Handler, path: str, body: bytes, fault: Fault | None) -> None:
        self._handler = handler
        self.fault = fault
        self.method = handler.command
        self.path = path.lstrip("/")
        self.body = body
        self.url = handler.proxy.url

    def real(self) -> Reply:
        """Have the request carried out and return the answer."""
        if self.fault is not None:
            self.fault.carried_out = True
        return self._handler.forward(self.body)

    def elsewhere(self, path: str) -> Reply:
        """Return what the server answers to a read of another path."""
        return self._handler.forward(b"", "GET", f"/v1/{path}")

    def answer(
        self, status: int, content: bytes = b"", kind: str | None = "application/json", **headers: str | None
    ) -> None:
        """Send an answer; ``headers`` spell ``_`` for ``-``, and ``Content_Length=None`` leaves that one out."""
        given: dict[str, str | None] = {"Content-Length": str(len(content)), "Content-Type": kind}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Strange')}"]
        lines += [f"{name}: {value}" for name, value in given.items() if value is not None]
        self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + content)

    def raw(self, content: bytes) -> None:
        """Send octets; raises ``OSError`` once the other side has gone, or the proxy is stopped.

        A client that was given up may still be reading in this process, and would take an endless body into memory.
        """
        if self._handler.proxy.stopped.is_set():
            self.close()
            raise ConnectionAbortedError
        self._handler.wfile.write(content)
        self._handler.wfile.flush()

    def close(self) -> None:
        """End the connection."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection as a firewall does that forgot it."""
        raw = self._handler.request
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Without the farewell of TLS.
        socket.socket(fileno=raw.detach()).close()
        self._handler.close_connection = True

    def wait(self, seconds: float) -> None:
        """Let time pass, unless the proxy is stopped."""
        self._handler.proxy.stopped.wait(seconds)


@dataclass(frozen=True)
class Wrong:
    """A wrong answer: its name, who gives it, and how it is played."""

    name: str
    play: Callable[[Call], None]
    #: Which calls it is wrong for.
    methods: tuple[str, ...] = READS + WRITES
    #: Whether what is read from it may be what is there, only spelled otherwise.
    harmless: bool = False


@dataclass
class Fault:
    """What to play, and to which call: the ``number``-th (from 1) with one of ``methods`` whose path matches."""

    wrong: Wrong
    methods: tuple[str, ...]
    pattern: str = ""
    number: int = 1
    #: Whether the request is carried out all the same, so that only its answer is lost.
    carried_out: bool = False
    #: Whether what was played says what the server says, since there was nothing in it to be changed.
    same: bool = False
    #: Requests that were passed on, after the fault those that came later.
    passed_on: list[tuple[str, str]] = field(default_factory=list)
    #: The request that got the wrong answer.
    played: tuple[str, str] | None = None
    _matched: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Count a request and tell whether it is the one."""
        if self.played is None and method in self.methods and re.search(self.pattern, path):
            self._matched += bool(self.pattern) or ASIDE.fullmatch(path) is None
            if self._matched == self.number:
                self.played, self.passed_on = (method, path), []
                return True
        self.passed_on.append((method, path))
        return False

    @property
    def later_writes(self) -> list[tuple[str, str]]:
        """Requests after the fault that change something."""
        harmless = (ASIDE, COMPUTES)
        return [
            (method, path)
            for method, path in self.passed_on
            if method in WRITES and not any(pattern.fullmatch(path) for pattern in harmless)
        ]


class _Service:
    """What is served on loopback as long as a ``with`` block lasts."""

    scheme: t.ClassVar[str]

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        self.stopped = threading.Event()
        self._listener = _Listener((LOOPBACK, 0), type("Bound", (handler,), {"proxy": self}))
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> t.Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stopped.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Its base address; that of a Vault goes on with ``/v1``."""
        return f"{self.scheme}://{LOOPBACK}:{self._listener.server_address[1]}"


class FaultProxy(_Service):
    """The proxy on loopback. Without a fault it passes everything on."""

    scheme = "https"

    def __init__(self, server: OpenBao, directory: pathlib.Path) -> None:
        super().__init__(_Handler)
        self.server = server
        pair = make_server_pair(directory)
        self.ca_path = str(pair.ca)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.certificate, pair.key)
        self.lock = threading.Lock()
        self.fault: Fault | None = None

    @contextlib.contextmanager
    def playing(self, fault: Fault) -> Iterator[Fault]:
        """Play a fault as long as the block lasts."""
        self.fault = fault
        try:
            yield fault
        finally:
            self.fault = None

    def meets(self, method: str, path: str) -> Fault | None:
        """Return the fault that a request gets."""
        with self.lock:
            fault = self.fault
            return fault if fault is not None and fault.meets(method, path) else None


class Player(_Service):
    """A service over plain HTTP that answers every request with one wrong answer; ``usual`` is what a right one has."""

    scheme = "http"

    def __init__(self, wrong: Wrong, usual: bytes = b"{}") -> None:
        super().__init__(_PlainHandler)
        self.wrong = wrong
        self.usual = Reply(200, {}, usual)


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, *_request: t.Any) -> None:
        """Say nothing: a client that leaves in the middle of a wrong answer is what is expected."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy
    _upstream: http.client.HTTPSConnection | None = None

    def setup(self) -> None:
        """Shake hands in the thread of the connection."""
        self.request.settimeout(_UPSTREAM_TIMEOUT)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = self.proxy.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        """Let go of both connections."""
        if self._upstream is not None:
            self._upstream.close()
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_arguments: t.Any) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0][len("/v1/") :]
        fault = self.proxy.meets(self.command, path)
        call = Call(self, path, body, fault)
        if fault is None:
            reply = call.real()
            headers = {name.replace("-", "_"): text for name, text in reply.headers.items()}
            call.answer(reply.status, reply.content, None, **headers)
            return
        if fault.carried_out:
            call.real()
        with contextlib.suppress(OSError):
            fault.wrong.play(call)

    do_GET = do_LIST = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def forward(self, body: bytes, method: str = "", path: str = "") -> Reply:
        """Send a request to the real server."""
        headers = {name: text for name, text in self.headers.items() if name.lower() not in (*_HOP, "host")}
        if self._upstream is None:
            where, context = (
                self.proxy.server.url.rpartition("//")[2],
                ssl.create_default_context(cafile=self.proxy.server.ca_path),
            )
            self._upstream = http.client.HTTPSConnection(where, timeout=_UPSTREAM_TIMEOUT, context=context)
        self._upstream.request(method or self.command, path or self.path, body=body or None, headers=headers)
        answer = self._upstream.getresponse()
        kept = {name: text for name, text in answer.getheaders() if name.lower() not in _HOP}
        return Reply(answer.status, kept, answer.read())


class _PlainHandler(_Handler):
    proxy: t.Any

    def setup(self) -> None:
        """There is no handshake."""
        http.server.BaseHTTPRequestHandler.setup(self)

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with contextlib.suppress(OSError):
            self.proxy.wrong.play(Call(self, self.path, body, None))

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815

    def forward(self, body: bytes, method: str = "", path: str = "") -> Reply:
        """Return what a right answer has."""
        reply: Reply = self.proxy.usual
        return reply
