# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The short way to the wire: connections are used again and let go, and no wait is longer than the request may take."""

from __future__ import annotations

import contextlib
import socket
import threading
import types
import typing as t
from collections.abc import Iterator

import pytest

from plugins.module_utils._vault import transport
from plugins.module_utils._vault.connection import VAULT, reach
from plugins.module_utils._vault.errors import NotVault, VaultError
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.subjects import completed

BODY: t.Final = b'{"data": {"a": 1}}'
OK: t.Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE: t.Final = OK + b"Content-Length: 18\r\n\r\n" + BODY
CHUNKED: t.Final = OK + b"Transfer-Encoding: chunked\r\n\r\n12\r\n" + BODY + b"\r\n0\r\n\r\n"
ENDING: t.Final = OK + b"Connection: close\r\n\r\n" + BODY
NOTHING: t.Final = b"HTTP/1.1 204 No Content\r\n\r\n"


class Wire:
    """Answers requests with octets as they are, and notes when a connection is made and when it ends."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.made = 0
        #: Set when the other side has closed a connection.
        self.ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Wire:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.made += 1
                with connection:
                    while self._answers and connection.recv(65536):
                        answer = self._answers.pop(0)
                        connection.sendall(answer)
                        if answer is ENDING:
                            connection.shutdown(socket.SHUT_WR)
                            break
                    connection.settimeout(5)
                    with contextlib.suppress(OSError):
                        while connection.recv(65536):
                            pass
                        self.ended.set()


@contextlib.contextmanager
def at(url: str, **params: t.Any) -> Iterator[Vault]:
    """Yield the port that modules get for an address."""
    with contextlib.ExitStack() as stack:
        yield reach(completed(VAULT, url=url, **{"retries": 0, "timeout": 5, **params}), stack)


def test_one_connection_serves_many_requests() -> None:
    with Wire(WHOLE, NOTHING, CHUNKED, WHOLE) as wire, at(wire.url) as vault:
        assert vault.read("kv/a") == {"a": 1}
        vault.delete("kv/a")
        assert vault.read("kv/a") == {"a": 1}
        assert vault.read("kv/a") == {"a": 1}
        assert wire.made == 1


def test_an_answer_that_ends_the_connection_is_read_whole_and_the_connection_is_let_go() -> None:
    with Wire(ENDING, WHOLE) as wire, at(wire.url) as vault:
        assert vault.read("kv/a") == {"a": 1}
        assert wire.ended.wait(3), "nothing holds the socket open"
        assert vault.read("kv/a") == {"a": 1}
        assert wire.made == 2


@pytest.mark.parametrize("size", [63, 64, 65, 200])
def test_r18_the_largest_answer_is_read_and_one_octet_more_is_not(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 64)
    answer = Answer(200, BODY + b" " * (size - len(BODY)))
    with ScriptedServer(answer) as server, at(server.url) as vault:
        if size <= 64:
            assert vault.read("kv/a") == {"a": 1}
            return
        with pytest.raises(NotVault, match=f"^url: {server.url} answers get v1/kv/a, but not as .* its body is larger"):
            vault.read("kv/a")


def test_r18_who_sends_too_much_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 64)
    with Wire(OK + b"Content-Length: 9999999\r\n\r\n" + BODY * 9) as wire, at(wire.url) as vault:
        with pytest.raises(NotVault) as caught:
            vault.read("kv/a")
        assert wire.ended.wait(3), caught.value


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_r18_what_is_not_compressed_is_read_as_it_is(encoding: str) -> None:
    answer = Answer(200, BODY, {"Content-Encoding": encoding})
    with ScriptedServer(answer) as server, at(server.url) as vault:
        assert vault.read("kv/a") == {"a": 1}


def test_what_is_sent_says_what_it_is() -> None:
    with ScriptedServer(Answer(200, {"data": {}})) as server, at(f"{server.url}/below/", namespace="team") as vault:
        vault.read("kv/a")
        vault.use_token("hvs.x")
        vault.write("kv/a", {"b": 1}, wrap_ttl="60s")
        vault.write("kv/a", {"b": 1})
        read, wrapped, plain = server.seen
        assert [seen.path for seen in server.seen] == ["/below/v1/kv/a"] * 3
        with contextlib.suppress(VaultError):
            vault.help("kv/a")
        assert server.seen.pop().path == "/below/v1/kv/a?help=1"
    assert (read.body, wrapped.body) == (None, {"b": 1})
    for seen in server.seen:
        assert (seen.headers["X-Vault-Request"], seen.headers["X-Vault-Namespace"]) == ("true", "team")
    assert "X-Vault-Token" not in read.headers
    assert "Content-Type" not in read.headers
    assert (wrapped.headers["X-Vault-Token"], wrapped.headers["Content-Type"]) == ("hvs.x", "application/json")
    assert wrapped.headers["X-Vault-Wrap-TTL"] == "60s"
    assert "X-Vault-Wrap-TTL" not in plain.headers


def test_trap_51_a_plain_proxy_gets_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedServer(Answer(200, {"data": {"a": 1}})) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        with at("http://vault.example.com:8200/") as vault:
            assert vault.read("kv/a") == {"a": 1}
        assert [seen.path for seen in proxy.seen] == ["http://vault.example.com:8200/v1/kv/a"]


def test_r18_a_server_that_takes_nothing_cannot_keep_a_request_going() -> None:
    """The second request on a connection has its own time, whatever was left of the first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection = listener.accept()[0]
            with connection:
                connection.recv(65536)
                connection.sendall(WHOLE)
                done.wait(20)

        done = threading.Event()
        threading.Thread(target=serve, daemon=True).start()
        try:
            with at(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=1) as vault:
                vault.read("kv/a")
                with pytest.raises(VaultError, match="in time"):
                    vault.write("kv/a", {"a": "x" * (32 << 20)})
        finally:
            done.set()


def test_what_is_left_of_the_time_counts_down_to_the_shortest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(transport, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    due = transport.Due()
    due.set(2)
    assert due.left == 2
    now[0] = 11.5
    assert due.left == 0.5
    for late in (12.0, 12.5, 11.9999):
        now[0] = late
        with pytest.raises(socket.timeout):
            due.left  # noqa: B018
    now[0] = 0.0
    due.set(0.001)
    assert due.left == 0.001, "a socket takes 0 for not waiting at all"


def test_r18_every_wait_of_a_connection_has_the_time_that_is_left() -> None:
    class Socket:
        waits: t.ClassVar[list[float]] = []

        def settimeout(self, seconds: float) -> None:
            self.waits.append(seconds)

    class Connection:
        sock: Socket | None = None
        timeout: float | None = None
        waited: float | None = None

        def _new_conn(self) -> Socket:
            self.waited = self.timeout
            self.sock = Socket()
            return self.sock

        def send(self, _data: bytes) -> None:
            """Send nothing."""

    class Left(transport.Due):
        left = property(lambda _self: 5.0 - len(Socket.waits))  # type: ignore[assignment]

    connection = transport._timed(Connection, Left())()
    connection.send(b"before there is a socket")
    assert Socket.waits == []
    connection._new_conn()
    assert (connection.waited, Socket.waits) == (5.0, [5.0]), "to connect, and for the handshake"
    connection.send(b"x")
    assert Socket.waits == [5.0, 4.0]


def test_older_requests_make_the_pool_by_the_address_alone() -> None:
    asked: list[t.Any] = []

    class Adapter:
        def get_connection(self, url: str, proxies: t.Any) -> str:
            asked.append((url, proxies))
            return "pool"

        def cert_verify(self, *given: t.Any) -> None:
            asked.append(given)

    where = types.SimpleNamespace(url="https://vault:8200")
    trust = {"proxies": {"https": "p"}, "verify": "/ca", "cert": ("c", "k")}
    assert transport._pool(Adapter(), where, trust) == "pool"
    assert asked == [("https://vault:8200", {"https": "p"}), ("pool", "https://vault:8200", "/ca", ("c", "k"))]
