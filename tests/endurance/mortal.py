# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module as ``python -m`` does, note each moment at which it is about to change the system, and die at one.

What to do is said in the environment, see :data:`VARIABLE`. A moment is a call that changes files, or one of three
steps of a request that changes a server: before it is sent, before its answer is awaited, and after that. The journal
gets a line per moment, the seconds of the monotonic clock and a name, before the call is made.
"""

from __future__ import annotations

import functools
import http.client
import importlib
import json
import os
import runpy
import signal
import threading
import time
import typing as t

#: JSON of ``module`` (its name), ``journal`` (a path), ``fatal`` (number of the moment to die at, 0 for none) and
#: ``broken`` (the name of a function of :mod:`.broken`, or nothing).
VARIABLE: t.Final = "TRUSTMESH_MORTAL"
COLLECTION: t.Final = "ansible_collections.trustmesh.security.plugins"
_FILES: t.Final = (
    *(
        "mkdir",
        "rmdir",
        "symlink",
        "link",
        "rename",
        "replace",
        "unlink",
        "remove",
        "chown",
        "fchown",
        "chmod",
        "fchmod",
    ),
    *("write", "pwrite", "ftruncate", "truncate", "posix_fallocate", "fsync", "utime"),
)
_CREATES: t.Final = os.O_CREAT | os.O_TRUNC
_READS: t.Final = ("GET", "HEAD", "LIST")


class Mortality:
    """Counts the moments of this process and ends it, with its process group, when its time has come."""

    def __init__(self, journal: str, fatal: int) -> None:
        self._fatal = fatal
        self._count = 0
        self._lock = threading.Lock()
        self._write = os.write
        self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def moment(self, name: str) -> None:
        """Note a moment, or die instead."""
        with self._lock:
            self._count += 1
            if self._count == self._fatal:
                os.killpg(os.getpid(), signal.SIGKILL)
            self._write(self._journal, f"{time.monotonic():.5f} {name}\n".encode())

    def guard(self, name: str) -> None:
        """Make each call of a function of :mod:`os` a moment."""
        function = getattr(os, name)

        @functools.wraps(function)
        def call(*arguments: t.Any, **options: t.Any) -> t.Any:
            self.moment(name)
            return function(*arguments, **options)

        setattr(os, name, call)

    def guard_open(self) -> None:
        """Make opening a moment where it may make or empty a file."""
        function = os.open

        def call(path: t.Any, flags: int, *arguments: t.Any, **options: t.Any) -> int:
            if flags & _CREATES:
                self.moment("open")
            return function(path, flags, *arguments, **options)

        os.open = call

    def guard_requests(self) -> None:
        """Make the three steps of each request that changes something moments."""
        connection = http.client.HTTPConnection
        put, answer = connection.putrequest, connection.getresponse

        def putrequest(self_: t.Any, method: str, url: str, *arguments: t.Any, **options: t.Any) -> None:
            self_.mortal_method = method
            if method not in _READS:
                self.moment(f"{method} {url}")
            put(self_, method, url, *arguments, **options)

        def getresponse(self_: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
            if self_.mortal_method in _READS:
                return answer(self_, *arguments, **options)
            self.moment("sent")
            response = answer(self_, *arguments, **options)
            self.moment("answered")
            return response

        t.cast(t.Any, connection).putrequest, t.cast(t.Any, connection).getresponse = putrequest, getresponse


def main() -> None:
    """Become the module that the environment names."""
    told = json.loads(os.environ.pop(VARIABLE))
    if told["broken"]:
        broken = importlib.import_module("tests.endurance.broken")
        getattr(broken, told["broken"])()
    mortality = Mortality(told["journal"], told["fatal"])
    for name in _FILES:
        mortality.guard(name)
    mortality.guard_open()
    mortality.guard_requests()
    runpy.run_module(f"{COLLECTION}.modules.{told['module']}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
