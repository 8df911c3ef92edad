# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a service answers, and however slowly, is an observation and never an exception."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._probe.exchange import Address, Answer, Request, send
from plugins.module_utils._probe.tls import Target

REQUEST = Request("POST", {"Content-Type": "application/json"}, b"{}")
TARGET = Target("127.0.0.1", 0, "localhost", None, None, None, None, None, None, 5)
Handler = Callable[[socket.socket], None]


class Service:
    """Answers one connection after the other with a handler that may be exchanged."""

    def __init__(self) -> None:
        self.handle: Handler = lambda connection: None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self) -> None:
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:  # the test is over
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                self.handle(connection)

    def ask(self, handle: Handler, timeout: float = 5) -> Answer:
        """Send the request to a service that answers by ``handle``."""
        self.handle = handle
        target = Target(**{**vars(TARGET), "port": self.port, "timeout": timeout})
        return send(Address(False, "127.0.0.1", self.port, "/transfers"), target, None, REQUEST)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service in a thread."""
    made = Service()
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()


def said(status: str, body: bytes) -> bytes:
    """Return an answer as it is on the wire."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (said("202 Accepted", b""), 202, None),
        (said("400 Bad", b'{"errorInformation": {"errorCode": "3105", "errorDescription": "secret"}}'), 400, "3105"),
        (said("400 Bad", b'{"errorInformation": {"errorCode": 3105}}'), 400, "3105"),
        (said("400 Bad", b'{"errorInformation": {"errorCode": "secret"}}'), 400, None),
        (said("400 Bad", b'{"errorInformation": "3105"}'), 400, None),
        (said("400 Bad", b"[" * 60000), 400, None),
        (said("400 Bad", b"\xff\xfe"), 400, None),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\nshort", 400, None),
        (b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, None),
    ],
)
def test_status_and_code_are_all_that_is_kept(service: Service, answer: bytes, status: int, code: str | None) -> None:
    seen = service.ask(lambda connection: connection.sendall(answer))
    assert (seen.seen.http_status, seen.error_code) == (status, code)
    assert "secret" not in str(seen.shown())


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda data: b"HTTP/1.1 " + data))
@example(b"")
@example(b"HTTP/1.1 200 OK\r\n" + b"A" * 70000)
@example(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_is_an_exception(service: Service, answer: bytes) -> None:
    seen = service.ask(lambda connection: connection.sendall(answer)).seen
    assert seen.http_status is not None or seen.trouble is not None or seen.closed


def _endless(piece: bytes) -> Handler:
    def handle(connection: socket.socket) -> None:
        # Until the other side gives up; waiting for it to say something is the pause between two pieces.
        connection.settimeout(0.05)
        while True:
            connection.sendall(piece)
            with contextlib.suppress(socket.timeout):
                if not connection.recv(1):
                    return

    return handle


@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H"], ids=["continue", "drip"])
def test_a_service_that_never_ends_is_given_up(service: Service, piece: bytes) -> None:
    seen = service.ask(_endless(piece), timeout=0.25).seen
    assert seen.trouble is not None
    assert "did not end its answer within 0.75 s" in seen.trouble


def test_an_endless_body_leaves_the_status(service: Service) -> None:
    def handle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
        _endless(b" ")(connection)

    seen = service.ask(handle, timeout=0.25)
    assert (seen.seen.http_status, seen.seen.trouble, seen.error_code) == (400, None, None)


def test_nobody_there(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = Target(**{**vars(TARGET), "port": port})
    seen = send(Address(False, "127.0.0.1", port, "/"), target, None, REQUEST).seen
    assert "cannot be reached" in t.cast(str, seen.trouble)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://a.example", Address(True, "a.example", 443, "/")),
        ("http://a.example/x?y=1", Address(False, "a.example", 80, "/x?y=1")),
        ("https://a.example:8443/x", Address(True, "a.example", 8443, "/x")),
        ("https://user:word@a.example/x", None),
        ("https://user@a.example", None),
        ("https://@a.example", None),
        ("https://a.example/x#part", None),
        ("ftp://a.example", None),
        ("https:///x", None),
        ("https://a.example:99999", None),
        ("https://[::1", None),
        ("https://a..example", None),
    ],
)
def test_the_url_of_a_service_is_taken_apart_and_no_other_is_quoted(url: str, address: Address | None) -> None:
    if address is not None:
        assert Address.of(url) == address
        return
    with pytest.raises(InvalidInput) as refusal:
        Address.of(url)
    assert refusal.value.field == "url"
    assert "word" not in str(refusal.value)
