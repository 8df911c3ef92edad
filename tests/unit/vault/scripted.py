# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A loopback HTTP server that answers by script: for gateways, replicas and broken lines, which no test server has.

Everything between the port and the socket is real: hvac, requests, urllib3, TCP.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import ssl
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROP: t.Final = "drop the connection"
HANG: t.Final = "never answer"


@dataclasses.dataclass(frozen=True)
class Answer:
    """One scripted answer; ``body`` is JSON, or bytes sent as they are."""

    status: int
    body: t.Any = None
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: t.Any


Script = t.Sequence[t.Union[Answer, str]]


class ScriptedServer:
    """Answers the n-th request with the n-th entry of ``script``, and all further ones with the last.

    With ``tls`` it speaks TLS.
    """

    def __init__(self, *script: Answer | str, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self._script = script
        self._done = threading.Event()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                outer._serve(self)

            def log_message(self, *_arguments: t.Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        """Number of the port."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Base address, for a server without TLS."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            answer = self._script[min(len(self.seen), len(self._script) - 1)]
            self.seen.append(
                Seen(handler.command, handler.path, dict(handler.headers), json.loads(content) if content else None)
            )
        if answer == HANG:
            self._done.wait(30)
        if not isinstance(answer, Answer):
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body or {}).encode()
        handler.send_response_only(answer.status)
        for name, value in {"Date": handler.date_time_string(), **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
