# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Deadlines for a whole request.

The libraries grant a time-out to each wait, so that an octet now and then keeps a request for ever. A connection of our
own is cut off; around a library that keeps its connection to itself, the request is given up.
"""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import threading
import typing as t

T = t.TypeVar("T")


def within(seconds: float, ask: t.Callable[[], T]) -> T:
    """Return what ``ask`` returns or raise what it raises; raises ``socket.timeout`` when that takes longer.

    What was given up may go on in a thread, which ends with the process at the latest.
    """
    answers: queue.SimpleQueue[tuple[t.Any, t.Optional[BaseException]]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((ask(), None))
        except BaseException as error:  # pylint: disable=broad-except  # raised again below
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise socket.timeout("timed out") from None
    if error is not None:
        raise error
    return t.cast(T, value)


@contextlib.contextmanager
def cut_off(connected: socket.socket, seconds: float) -> t.Iterator[threading.Event]:
    """End a connection after some time, whatever is being read from it; the event tells that it was ended.

    A failure that leaves the block after that is ``socket.timeout``, whatever the library made of the end.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(OSError):
            # Not by the method of a TLS socket, which forgets its state while the other thread is using it.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    except (OSError, http.client.HTTPException):
        if late.is_set():
            raise socket.timeout("timed out") from None
        raise
    finally:
        timer.cancel()
