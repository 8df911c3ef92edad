# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a test's process lives, and what the test may do to it behind the module's back."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import sys
import typing as t

from tests.rigs.process import free_port, wait_until


class Sandbox:
    """A directory, a port, and a small web server to declare."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.pid_file = directory / "web.pid"
        self.log_file = directory / "web.log"
        self.config = directory / "web.conf"
        self.config.write_text("one\n")

    def item(self, **changes: t.Any) -> dict[str, t.Any]:
        """Declare a small web server, with changes."""
        return {
            "name": "web",
            "argv": [sys.executable, "-m", "http.server", str(self.port), "--bind", "127.0.0.1"],
            "chdir": str(self.directory),
            "pid_file": str(self.pid_file),
            "log_file": str(self.log_file),
            "watch_files": [str(self.config)],
            "ready": {"port": self.port},
            **changes,
        }

    def args(self, **changes: t.Any) -> dict[str, t.Any]:
        """Return the module's arguments."""
        return {"processes": [self.item(**changes)]}

    @property
    def stopped(self) -> dict[str, t.Any]:
        """Return the arguments that stop it."""
        return {"processes": [{"name": "web", "pid_file": str(self.pid_file), "state": "stopped"}]}

    @property
    def record(self) -> dict[str, t.Any]:
        """What the pid file says."""
        first, second = self.pid_file.read_text().splitlines()
        return {"pid": int(first), **json.loads(second)}

    @property
    def pid(self) -> int:
        return int(self.record["pid"])

    def kill(self) -> None:
        """Kill the process and wait until it is gone."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), what="the death of the process")


def alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be reaped does not."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def accepts(port: int) -> bool:
    """Return whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
