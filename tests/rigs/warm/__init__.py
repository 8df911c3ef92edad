# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run Python modules in forks of one interpreter that holds the libraries, which saves two thirds of the time.

A run is still a process of its own, with its own environment, directory, session and exit status.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import typing as t
from collections.abc import Mapping

from tests.rigs.process import RigError, clean_environment

SERVER = pathlib.Path(__file__).parent / "serve.py"
# What an interpreter, or a library when it is loaded, reads once. A run that sets one needs an interpreter of its own.
READ_ONCE = ("PYTHON", "LC_", "LANG", "LD_", "OPENSSL_", "SSL_CERT_")


def suits(environment: Mapping[str, str]) -> bool:
    """Tell whether these variables mean the same to an interpreter that has started already."""
    return not any(name.startswith(READ_ONCE) for name in environment)


class WarmPython:
    """One such interpreter; started by the first run, ended by :meth:`stop`.

    ``held`` are modules below ``path`` that it holds as well, for many runs of the same few.
    """

    def __init__(self, path: pathlib.Path | None = None, held: t.Sequence[str] = ()) -> None:
        self._held = [str(path), *held] if path else []
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def run(
        self, module: str, stdin: str, *, directory: pathlib.Path, environment: Mapping[str, str], deadline: float
    ) -> subprocess.CompletedProcess[str]:
        """Do what ``python -m module`` does; raises ``subprocess.TimeoutExpired`` after ``deadline`` seconds."""
        request = {"module": module, "directory": str(directory), "environment": dict(environment)}
        with contextlib.ExitStack() as stack:
            ours, theirs = zip(*(_pipe(stack, to_child=number == 0) for number in range(4)))
            self._send(json.dumps(request).encode(), [end.fileno() for end in theirs])
            for end in theirs:
                end.close()
            told = stack.enter_context(os.fdopen(os.dup(ours[3].fileno())))
            child = int(told.readline() or 0)
            if not child:
                raise RigError("the warm interpreter has ended")
            texts = _exchange(child, stdin, ours[:3], deadline)
            status = os.waitstatus_to_exitcode(int(told.readline()))
        return subprocess.CompletedProcess(["python", "-m", module], status, *texts)

    def stop(self) -> None:
        """End it; runs that are under way end by themselves."""
        if self._server is not None and self._requests is not None:
            self._requests.close()
            self._server.wait(10)
            self._server = None

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        with self._lock:
            if self._requests is None:
                self._start()
            socket.send_fds(t.cast(socket.socket, self._requests), [request], descriptors)

    def _start(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        command = [sys.executable, str(SERVER), str(theirs.fileno()), *self._held]
        self._server = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=clean_environment(), stdin=subprocess.DEVNULL
        )
        theirs.close()


def _pipe(stack: contextlib.ExitStack, *, to_child: bool) -> tuple[t.IO[bytes], t.IO[bytes]]:
    """Return our end of a pipe and theirs."""
    reading, writing = os.pipe()
    ends = (stack.enter_context(os.fdopen(reading, "rb", 0)), stack.enter_context(os.fdopen(writing, "wb", 0)))
    return (ends[1], ends[0]) if to_child else ends


def _exchange(child: int, stdin: str, pipes: t.Sequence[t.IO[bytes]], deadline: float) -> list[str]:
    """Write the input and read both outputs to their ends; kill the child's session when that takes too long."""
    texts: list[bytes] = [b"", b""]

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), pipes[0] as pipe:
            rest = memoryview(stdin.encode())
            while rest:
                rest = rest[pipe.write(rest) :]

    def read(at: int) -> None:
        texts[at] = b"".join(iter(lambda: pipes[1 + at].read(1 << 16), b""))

    threads = [threading.Thread(target=write, daemon=True)]
    threads += [threading.Thread(target=read, args=(at,), daemon=True) for at in (0, 1)]
    for thread in threads:
        thread.start()
    try:
        end = time.monotonic() + deadline
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            raise subprocess.TimeoutExpired(["python"], deadline)
    except BaseException:  # a deadline or an interrupt must leave nothing behind
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        for thread in threads:
            thread.join(5)
        raise
    return [text.decode("utf-8") for text in texts]
