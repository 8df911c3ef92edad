# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interpreter that has imported other people's libraries and becomes, in a fork per request, ``python -m MODULE``.

Reads requests from the socket whose number is its first argument: JSON of ``module``, ``directory`` and
``environment``, with four descriptors: standard input, output, error, and a pipe on which the process id and the exit
status (as ``os.waitpid`` gives it) are told, a line each. Ends when the socket is closed.

Nothing of this collection is imported before the fork: what is under test starts from nothing every time. Where runs
are many and it is not their start that is under test, further arguments give a path and modules to hold as well.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
import typing as t

LARGEST_REQUEST = 1 << 20
LIBRARIES = ("ansible.module_utils.basic", "cryptography.x509", "hvac.adapters", "requests", "concurrent.futures")


def main() -> None:
    """Serve until the other side closes the socket."""
    sys.path[1:1] = sys.argv[2:3]
    for name in (*LIBRARIES, *sys.argv[3:]):
        importlib.import_module(name)
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    # The process between is nobody's concern once it has told the status.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        text, descriptors, _flags, _address = socket.recv_fds(requests, LARGEST_REQUEST, 4)
        if not text:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _attend(json.loads(text), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(request: dict[str, t.Any], descriptors: list[int]) -> t.NoReturn:
    """Fork once more, wait for that process and tell how it ended."""
    report = descriptors.pop()
    child = os.fork()
    if child == 0:
        os.close(report)
        _become(request, descriptors)
        sys.exit()
    for descriptor in descriptors:
        os.close(descriptor)
    with contextlib.suppress(BrokenPipeError), os.fdopen(report, "w") as told:
        print(child, file=told, flush=True)
        print(os.waitpid(child, 0)[1], file=told, flush=True)
    os._exit(0)


def _become(request: dict[str, t.Any], descriptors: list[int]) -> None:
    """Be the process that was asked for, up to the end of the module; what it raises ends this interpreter as any."""
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    # As at the start of an interpreter: the directory, the path, and the hook that the path may hold.
    sys.path[0] = request["directory"]
    sys.path[1:1] = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.argv = [request["module"]]
    with contextlib.suppress(ImportError):
        importlib.import_module("sitecustomize")
    sys.modules.pop(request["module"], None)
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
