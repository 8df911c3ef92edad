# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that sends an octet now and then cannot keep a request going."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from plugins.module_utils._vault.connection import VAULT, reach
from plugins.module_utils._vault.errors import VaultError
from tests.unit.vault.subjects import completed


@contextlib.contextmanager
def dripping(first: bytes) -> Iterator[str]:
    """Serve connections with ``first``, then an octet every tenth of a second; yields the address."""
    done = threading.Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection = listener.accept()[0]
                with connection:
                    connection.recv(65536)
                    connection.sendall(first)
                    while not done.wait(0.1):
                        connection.sendall(b" ")

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        done.set()


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX:"])
def test_r18_timeout_is_the_time_of_a_whole_request(first: bytes) -> None:
    with dripping(first) as url, contextlib.ExitStack() as stack:
        vault = reach(completed(VAULT, url=url, timeout=1, retries=0), stack)
        start = time.monotonic()
        with pytest.raises(VaultError, match="in time"):
            vault.read("sys/mounts")
        assert time.monotonic() - start < 4
