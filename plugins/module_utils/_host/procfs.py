# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Processes as Linux shows them below ``/proc`` (proc(5)).

A process id alone names no process: the kernel hands it out again. Together with the moment at which the process
started, counted in clock ticks since boot, and the id of that boot it names one process for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._core.errors import TrustmeshError
from .._core.kernel import kernel_link, kernel_names, kernel_text

_LISTENING = "0A"
_GONE = ("Z", "X", "x")


@dataclass(frozen=True)
class ProcessId:
    """One process of one boot; unlike a bare pid it is never given to another one."""

    pid: int
    #: Clock ticks between boot and the start of the process.
    ticks: int


@dataclass(frozen=True)
class _Stat:
    state: str
    session: int
    ticks: int


def boot_id() -> str:
    """Return the id that the kernel drew at boot; raises :class:`TrustmeshError` where there is no ``/proc``."""
    text = kernel_text("sys", "kernel", "random", "boot_id")
    if text is None:
        raise TrustmeshError("this host has no /proc, by which processes are recognised", remedy="Run this on Linux.")
    return text.strip()


def identify(pid: int) -> ProcessId | None:
    """Return the identity of the process that has this pid now; ``None`` when none runs (a zombie does not)."""
    stat = _stat(pid)
    return None if stat is None or stat.state in _GONE else ProcessId(pid, stat.ticks)


def runs(process: ProcessId) -> bool:
    """Return whether this very process still runs."""
    return identify(process.pid) == process


def session_members(leader: int) -> list[ProcessId]:
    """Return the running processes of the session that ``leader`` opened, itself included."""
    members = []
    for pid in _pids():
        stat = _stat(pid)
        if stat is not None and stat.session == leader and stat.state not in _GONE:
            members.append(ProcessId(pid, stat.ticks))
    return members


def port_holder(port: int) -> str | None:
    """Name the process that listens on a TCP port as ``pid (program)``; ``None`` when it is not ours to see."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listeners(table, port)}
    for pid in _pids() if sockets else ():
        if sockets & _open_files(pid):
            return f"process {pid} ({_program(pid)})"
    return None


def _pids() -> list[int]:
    return [int(name) for name in kernel_names() or () if name.isdigit()]


def _stat(pid: int) -> _Stat | None:
    text = kernel_text(pid, "stat")
    if not text:
        return None
    # The program's name comes second, in brackets, and may hold blanks and brackets of its own.
    fields = text.rpartition(")")[2].split()
    return _Stat(fields[0], int(fields[3]), int(fields[19]))


def _listeners(table: str, port: int) -> list[str]:
    """Return the inodes of the sockets that listen on ``port``."""
    rows = [line.split() for line in (kernel_text("net", table) or "").splitlines()[1:]]
    return [row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port]


def _open_files(pid: int) -> set[str]:
    links = (kernel_link(pid, "fd", name) for name in kernel_names(pid, "fd") or ())
    return {link for link in links if link is not None}


def _program(pid: int) -> str:
    """Return the program's name; never its arguments, which are not ours to print."""
    return (kernel_text(pid, "comm") or "unknown").strip()
