# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers on loopback: TLS of every sort, and some that do not speak it."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import ssl
import threading
import typing as t
from collections.abc import Callable, Iterator

from tests.unit.pki.forge import Made

Handle = Callable[[socket.socket], None]


@contextlib.contextmanager
def listening(handle: Handle) -> Iterator[int]:
    """Accept connections on a free port and handle each; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(20)
                handle(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _peer = server.accept()
                    threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                    threads[-1].start()

        loop = threading.Thread(target=accept, daemon=True)
        loop.start()
        yield server.getsockname()[1]
        # Closing alone does not wake up accept().
        server.shutdown(socket.SHUT_RDWR)
    for thread in [loop, *threads]:
        thread.join(20)
        assert not thread.is_alive()


def until_closed(connection: socket.socket) -> None:
    """Say nothing until the client hangs up."""
    while connection.recv(4096):
        pass


def tls(
    directory: pathlib.Path,
    leaf: Made,
    *chain: Made,
    version: ssl.TLSVersion | None = None,
    client_ca: Made | None = None,
    by_name: dict[str, Made] | None = None,
) -> Handle:
    """Return a handler that shakes hands with these certificates."""
    context = _context(directory, leaf, *chain)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca.pem.decode())
    others = {name: _context(directory, made) for name, made in (by_name or {}).items()}

    def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        if name in others:
            connection.context = others[name]

    context.sni_callback = choose

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            until_closed(secured)

    return handle


def _context(directory: pathlib.Path, leaf: Made, *chain: Made) -> ssl.SSLContext:
    certificates, key = files(directory, leaf, *chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates, key)
    return context


def files(directory: pathlib.Path, leaf: Made, *chain: Made) -> tuple[str, str]:
    """Write a certificate with its chain, and its key; return the paths."""
    stem = f"{leaf.certificate.serial_number:x}"
    certificates, key = directory / f"{stem}.pem", directory / f"{stem}.key"
    certificates.write_bytes(b"".join(made.pem for made in (leaf, *chain)))
    key.write_bytes(leaf.key_pem)
    key.chmod(0o600)
    return str(certificates), str(key)


def drip(connection: socket.socket) -> None:
    """Send a byte of a TLS record every now and then, so that no single read times out."""
    connection.settimeout(0.1)
    record = b"\x16\x03\x03\x10\x00" + bytes(4096)
    for at in range(len(record)):
        connection.sendall(record[at : at + 1])
        with contextlib.suppress(socket.timeout):
            if not connection.recv(4096):
                return


def options(**given: t.Any) -> dict[str, t.Any]:
    """Return the options of an endpoint."""
    nothing = dict.fromkeys(("endpoint", "server_name", "client_cert", "client_key"))
    return {**nothing, "connect_timeout": 10, **given}
