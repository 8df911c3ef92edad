# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run one command and tell what it cost: time, CPU, memory, processes, and what it asked of the server."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import time
import typing as t
from collections.abc import Mapping, Sequence

from tests.rigs.audit import AuditLog, AuditRecord

DEADLINE = 3600.0
SIGNATURE = re.compile(r"/(sign|issue)/")
RECAP = re.compile(r"^localhost\s+: .*?changed=(\d+).*?failed=(\d+)", re.MULTILINE)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one run cost; times in seconds."""

    wall: float
    cpu: float
    """User and system time of the whole process tree"""
    peak_mib: float
    """Largest resident set of any one process of the tree"""
    interpreters: int
    """Python programs started"""
    children: int
    """Processes made by them"""
    server_cpu: float
    logins: int
    reads: int
    writes: int
    signatures: int
    connections: int
    """Distinct client ports seen by the server"""
    load: float
    """One-minute load average at the start: 0 is an idle machine"""


@dataclasses.dataclass(frozen=True)
class Done:
    """A run that ended."""

    cost: Cost
    rc: int
    stdout: str

    @property
    def changed(self) -> int | None:
        """Number of changed tasks of a play, None without a recap."""
        recap = RECAP.search(self.stdout)
        return int(recap.group(1)) if recap else None


class Meter:
    """Runs commands against one server."""

    def __init__(self, audit: AuditLog, server_pid: int, directory: pathlib.Path) -> None:
        self._audit = audit
        self._server_pid = server_pid
        self._directory = directory

    def run(self, argv: Sequence[str], env: Mapping[str, str], stdin: str = "") -> Done:
        """Run ``argv``; its output goes to files, so that no terminal slows it down."""
        events = self._directory / "events"
        events.unlink(missing_ok=True)
        given = self._directory / "stdin"
        given.write_text(stdin)
        mark, before, load = self._audit.mark(), self._server_cpu(), os.getloadavg()[0]
        stdout = self._directory / "stdout"
        with given.open("rb") as source, stdout.open("wb") as sink:
            start = time.perf_counter()
            child = subprocess.Popen(
                argv,
                stdin=source,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**env, "TRUSTMESH_BENCH_EVENTS": str(events)},
                cwd=self._directory,
                start_new_session=True,
            )
            _pid, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        counted = events.read_text().split() if events.exists() else []
        cost = Cost(
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            peak_mib=usage.ru_maxrss / 1024,
            interpreters=counted.count("interpreter"),
            children=counted.count("child"),
            server_cpu=self._server_cpu() - before,
            load=load,
            **_requests(self._audit, mark),
        )
        return Done(cost, child.returncode, stdout.read_text(errors="replace"))

    def _server_cpu(self) -> float:
        fields = pathlib.Path(f"/proc/{self._server_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def _requests(audit: AuditLog, mark: int) -> dict[str, t.Any]:
    """Count what the server's own log says it was asked."""
    writes, requests = audit.writes(mark), audit.requests(mark)
    return {
        "logins": len(audit.logins(mark)),
        "reads": len(audit.reads(mark)),
        "writes": len(writes),
        "signatures": sum(1 for record in writes if _signs(record)),
        "connections": len({record.remote_port for record in requests}),
    }


def _signs(record: AuditRecord) -> bool:
    return SIGNATURE.search(f"/{record.path}") is not None
