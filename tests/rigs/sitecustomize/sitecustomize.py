# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write down every command line and system log line of a Python process, through the interpreter's audit events.

Python imports a module of this name at start when it is on the path. Sampling the process list can miss a child that
lives for a millisecond; the interpreter's own events cannot. Off unless ``TRUSTMESH_RIG_EVENTS`` names a directory.
"""

from __future__ import annotations

import os
import sys
import typing as t

# Event and how many of its arguments to keep: what follows is an environment, which may rightly hold a token.
EVENTS = {"subprocess.Popen": 2, "os.exec": 2, "os.posix_spawn": 2, "os.spawn": 3, "os.system": 1, "syslog.syslog": 2}


def _install(directory: str) -> None:
    path = os.path.join(directory, "events.log")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND

    def hook(event: str, args: tuple[t.Any, ...]) -> None:
        if event in EVENTS:
            text = f"{event} {args[: EVENTS[event]]!r}\n".encode("utf-8", "backslashreplace")
            descriptor = os.open(path, flags, 0o600)
            os.write(descriptor, text)
            os.close(descriptor)

    sys.addaudithook(hook)


if os.environ.get("TRUSTMESH_RIG_EVENTS"):
    _install(os.environ["TRUSTMESH_RIG_EVENTS"])
