# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Starting and ending a process of the invoking user."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from .._core.errors import InvalidInput, TrustmeshError, certain
from .._core.files import FileFailure, is_directory, named_failure, open_file, open_to_append
from .._core.programs import environment, find, start_session
from .._core.redact import Secret
from .procfs import ProcessId, identify, port_holder, runs, session_members
from .readiness import Readiness

_SHOWN_LOG_LINES = 5
#: As many bytes of a log are looked at.
_LOG_END = 16384
_KILL_PATIENCE = 5.0
# One connection that a busy machine drops does not make a server that is up one that is not.
_DOUBT = 1.0


class ProcessFailure(TrustmeshError):
    """A process did not start, did not become ready, or did not end."""


@dataclass(frozen=True)
class Program:
    """What to run and how; ``start_timeout`` and ``stop_timeout`` are seconds."""

    argv: tuple[str, ...]
    chdir: str
    environment: Mapping[str, str | Secret] = field(repr=False)
    pid_file: str
    log_file: str | None
    watch_files: tuple[str, ...]
    start_timeout: int
    stop_timeout: int

    def check(self) -> None:
        """Refuse what cannot be started; raises :class:`InvalidInput` naming the option."""
        if not self.argv or self.executable is None:
            raise InvalidInput(
                f"the program {self.argv[0] if self.argv else ''!r} is not on this host",
                field="argv",
                remedy="Install it, or give its full path.",
            )
        if not is_directory(self.chdir):
            raise InvalidInput(f"{self.chdir} is not a directory", field="chdir", remedy="Create it first.")

    @property
    def executable(self) -> str | None:
        """The path of the program, looked up on the path that it will be given; ``None`` when there is none."""
        return find(self.argv[0], self.variables())

    def variables(self) -> dict[str, str]:
        """Return the whole environment of the program."""
        given = {name: v.reveal() if isinstance(v, Secret) else v for name, v in self.environment.items()}
        return {**environment(), **given}


def refuse_taken_port(readiness: Readiness) -> None:
    """Raise :class:`ProcessFailure` when another process holds the port: its answers would pass for ours."""
    if readiness.port_is_taken():
        raise ProcessFailure(
            f"port {readiness.port} on {readiness.host} is taken by "
            f"{port_holder(readiness.port) or 'a process that this user cannot see'}",
            remedy="Stop that, or choose another port.",
        )


def launch(program: Program) -> ProcessId:
    """Start the program in a session of its own, its output appended to the log file; return who it is."""
    with open_to_append(certain(program.log_file)) as log, named_failure(program.argv[0]):
        child = start_session(program.argv, program.executable, program.chdir, program.variables(), log)
    process = identify(child)
    if process is None:
        raise ProcessFailure(f"it ended at once{_log_tail(program)}")
    return process


def wait_until_ready(program: Program, process: ProcessId, readiness: Readiness) -> None:
    """Return when the condition holds; raises :class:`ProcessFailure` at the deadline or when the process ends."""

    def settled() -> bool:
        return not runs(process) or readiness.complaint() is None

    in_time = _wait(settled, program.start_timeout)
    if not runs(process):
        raise ProcessFailure(f"it ended before it was ready{_log_tail(program)}")
    if not in_time:
        raise ProcessFailure(
            f"it is not ready after {program.start_timeout} s: {readiness.complaint()}{_log_tail(program)}"
        )


def lasting_complaint(readiness: Readiness) -> str | None:
    """Return what is wrong with a server that should be up, and still is after looking again for a second."""
    return None if _wait(lambda: readiness.complaint() is None, _DOUBT) else readiness.complaint()


def end(process: ProcessId, patience: int) -> None:
    """End this process and its session: politely, after ``patience`` seconds by force, and no other."""
    members = session_members(process.pid) if runs(process) else []
    for number, seconds in ((signal.SIGTERM, float(patience)), (signal.SIGKILL, _KILL_PATIENCE)):
        if not runs(process):
            break
        _signal(partial(os.killpg, process.pid, number), process)
        _wait(lambda: not runs(process), seconds)
    for member in members:
        if runs(member):
            _signal(partial(os.kill, member.pid, signal.SIGKILL), member)
    if not _wait(lambda: not any(map(runs, members)), _KILL_PATIENCE):
        raise ProcessFailure(
            f"process {process.pid} cannot be ended", remedy="See what it waits for: ps -o stat,wchan."
        )


def _signal(send: Callable[[], None], process: ProcessId) -> None:
    try:
        send()
    except ProcessLookupError:
        pass
    except PermissionError:
        raise ProcessFailure(
            f"process {process.pid} belongs to another user", remedy="Run this as the user who started it."
        ) from None


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until the condition holds or the time is up, and return which; first often, then less so."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
    return True


def _log_tail(program: Program) -> str:
    """Return the end of the log for a message."""
    try:
        with open_file(program.log_file or "") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - _LOG_END))
            lines = handle.read(_LOG_END).decode("utf-8", "replace").splitlines()[-_SHOWN_LOG_LINES:]
    except (FileFailure, OSError):
        return ""
    return "; its log ends with: " + " / ".join(lines) if lines else "; its log is empty"
