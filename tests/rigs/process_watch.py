# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watch the machine's process list for secrets on command lines."""

from __future__ import annotations

import pathlib
import threading
import time

from tests.rigs.canary import Canaries, Leak

PROC = pathlib.Path("/proc")
PAUSE = 0.02
# A look takes at most this part of one processor, however many processes there are.
LARGEST_SHARE = 0.1


class ProcessWatch:
    """A context in which a thread keeps reading every command line; `leaks` tells what it saw.

    Environments are not read: a child of the tests may be given its token there, and only its owner can see it.
    """

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="process-watch", daemon=True)
        self._seen: set[bytes] = set()
        self.leaks: list[Leak] = []
        self.looks = 0

    def __enter__(self) -> ProcessWatch:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Read the process list once."""
        for entry in PROC.iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:  # it has ended meanwhile
                continue
            if line and line not in self._seen:
                self._seen.add(line)
                self.leaks += self._canaries.known(line, f"command line of process {entry.name}")
        self.looks += 1

    def _run(self) -> None:
        pause = PAUSE
        while not self._stop.wait(pause):
            start = time.monotonic()
            self.look()
            pause = max(PAUSE, (time.monotonic() - start) / LARGEST_SHARE)
