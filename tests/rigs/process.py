# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, watch and stop one server process.

A rig's process lives in a session of its own, so that one signal to its group reaches everything it forked. It ends
with whichever comes first: `stop`, the garbage collector, the interpreter's exit, or the death of the interpreter.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import typing as t
import weakref
from collections.abc import Callable, Mapping, Sequence

T = t.TypeVar("T")

LOOPBACK = "127.0.0.1"


class RigError(RuntimeError):
    """A rig did not do what the test needs; the message carries the end of its log."""


class MissingPartError(RigError):
    """A program that the rig starts is not installed: skip on a contributor's machine, fail in CI."""


def find_binary(name: str, variable: str) -> str:
    """Return the path of a server's program: the one that ``variable`` names, else ``name`` beside the interpreter."""
    chosen = os.environ.get(variable)
    candidate = shutil.which(chosen) if chosen else shutil.which(name, path=str(pathlib.Path(sys.executable).parent))
    if candidate is None:
        raise MissingPartError(
            f"no program at {variable}={chosen}" if chosen else f"{name} is not beside {sys.executable}"
        )
    return candidate


def wait_until(condition: Callable[[], T | None], deadline: float = 10.0, what: str = "the condition") -> T:
    """Return the first true value of ``condition``; raise RigError after ``deadline`` seconds without one."""
    end = time.monotonic() + deadline
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise RigError(f"gave up on {what} after {deadline:g} s")
        threading.Event().wait(pause)
        pause = min(pause * 1.5, 0.1)


def free_port() -> int:
    """Return a loopback TCP port that nothing listens on.

    Taken from below the ephemeral range, because the kernel hands ports of that range to any outgoing connection and a
    rig must find its port free again when it restarts.
    """
    try:
        ceiling = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ceiling = 32768
    for port in random.SystemRandom().sample(range(max(1025, ceiling - 16000), ceiling), 200):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise RigError("no free loopback port")


def listening(pid: int) -> set[tuple[str, int]]:
    """Return (address, port) of each TCP socket on which the process itself listens.

    Connecting would not tell: another process may hold the port. Source: proc_pid_net(5); addresses are 32-bit words
    in the machine's byte order.
    """
    process = pathlib.Path(f"/proc/{pid}")
    try:
        own = {os.readlink(link) for link in (process / "fd").iterdir()}
        lines = [(process / "net" / table).read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    except OSError:  # the process, or one of its files, has gone meanwhile
        return set()
    found = set()
    for fields in (line.split() for table in lines for line in table):
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
            words, _colon, port = fields[1].partition(":")
            packed = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
            found.add((str(ipaddress.ip_address(packed)), int(port, 16)))
    return found


def clean_environment(**extra: str) -> dict[str, str]:
    """Return an environment without the caller's proxies, CA bundles, tokens or Ansible settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SSL_CERT_DIR") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **extra}


class Process:
    """One server: its argv must not hold secrets, since the process list is public."""

    def __init__(self, name: str, argv: Sequence[str], directory: pathlib.Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.argv = list(argv)
        self.directory = directory
        self.env = dict(env)
        self.log_path = directory / f"{name}.log"
        self.pid_path = directory / f"{name}.pid"
        self._child: subprocess.Popen[bytes] | None = None
        self._finalizer: weakref.finalize[t.Any, t.Any] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Start the program; its output is appended to ``log_path``."""
        if self.pid is not None:
            raise RigError(f"{self.name} runs already with pid {self.pid}")
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                [*_dies_with_us(), *self.argv],
                cwd=self.directory,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid_path.write_text(f"{self._child.pid}\n")
        self._finalizer = weakref.finalize(self, _end, self._child, self.pid_path)

    def stop(self) -> None:
        """End the process and everything in its session; harmless when it is not running."""
        if self._finalizer is not None:
            self._finalizer()

    def ready(self, condition: Callable[[], T | None], deadline: float, what: str) -> T:
        """Wait like `wait_until`, but give up as soon as the process has ended, and show its log."""

        def watched() -> T | None:
            if self.pid is None:
                raise RigError(f"{self.name} ended while waiting for {what}")
            return condition()

        try:
            return wait_until(watched, deadline, what)
        except RigError as error:
            raise RigError(f"{error}\n{self.log_tail()}") from None

    def log_tail(self, lines: int = 40) -> str:
        """Return the end of the log, for failure messages."""
        if not self.log_path.exists():
            return f"{self.name}: no log"
        text = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join([f"--- end of {self.log_path}", *text[-lines:]])


def _dies_with_us() -> list[str]:
    """Return the prefix that lets the kernel end the server when the tests are killed outright.

    Only from the main thread: the kernel's signal follows the death of the *thread* that forked.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None or threading.current_thread() is not threading.main_thread():
        return []
    return [setpriv, "--pdeathsig", "TERM", "--"]


def _end(child: subprocess.Popen[bytes], pid_path: pathlib.Path) -> None:
    """End the process group of ``child``: first politely, then not."""
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        try:
            child.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue
    # What the leader left behind in its group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    pid_path.unlink(missing_ok=True)
