# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""A limit on the time that one file may take."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
import typing as t
from collections.abc import Iterator

#: How long one file may take; what is longer is reported.
SECONDS: t.Final = 60


class TookTooLong(BaseException):
    """A file took longer than it may; no handler of a library takes it for an ordinary failure."""


@contextlib.contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Raise :class:`TookTooLong` in what takes longer.

    The main thread is interrupted by a signal, within a pattern too; any other one between two of its instructions.
    """
    with _by_signal(seconds) if threading.current_thread() is threading.main_thread() else _by_timer(seconds):
        yield


@contextlib.contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        raise TookTooLong

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextlib.contextmanager
def _by_timer(seconds: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc
    lock = threading.Lock()
    done = False

    def ring() -> None:
        with lock:
            if not done:
                interrupt(thread, ctypes.py_object(TookTooLong))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            done = True
            timer.cancel()
