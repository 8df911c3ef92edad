# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that the code under test printed, returned, logged or left behind, kept in one place and searched.

Each run is searched as soon as it ends, so that the test that leaks is the test that fails; the whole is searched
once more at the end of the session, when secrets are known that earlier runs could have shown.
"""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator

from tests.rigs.canary import Canaries, refuse
from tests.rigs.process_watch import ProcessWatch

EVENT_HOOK = pathlib.Path(__file__).parent / "sitecustomize"


class Run:
    """The directory of one run: what lies in it, or in ``temporary``, when the run ends is searched.

    ``temporary`` is elsewhere while the run lasts, because Ansible makes sockets in it: a socket's path may be no
    longer than 107 bytes, which pytest's directories soon use up.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True)
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="rig-run-"))

    def close(self) -> None:
        """Take what was left in ``temporary`` into the directory."""
        for path in self.temporary.rglob("*"):
            kept = self.directory / "tmp" / path.relative_to(self.temporary)
            if path.is_dir() and not path.is_symlink():
                kept.mkdir(parents=True, exist_ok=True)
            elif path.is_file() and not path.is_symlink():
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, kept)
            else:  # a socket or a link has only its name to search
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.touch()
        shutil.rmtree(self.temporary)

    def write(self, name: str, text: str) -> pathlib.Path:
        """Keep one output of the run."""
        path = self.directory / name
        path.write_text(text)
        return path

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead temporary files, and the interpreter's events, into the run's directory."""
        return {
            "TMPDIR": str(self.temporary),
            "HOME": str(self.temporary),
            "PYTHONPATH": str(EVENT_HOOK),
            "TRUSTMESH_RIG_EVENTS": str(self.directory),
        }


class Transcript:
    """The runs of one test session."""

    def __init__(self, directory: pathlib.Path, canaries: Canaries) -> None:
        self.directory = directory
        self.canaries = canaries
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def run(self, name: str) -> Iterator[Run]:
        """Open one run; on leaving, raise LeakError when anything of it shows a secret."""
        label = re.sub(r"[^\w.-]+", "-", name)[:60]
        run = Run(self.directory / f"{next(self._numbers):05d}-{label}")
        try:
            with ProcessWatch(self.canaries) as watch:
                yield run
        finally:
            run.close()
        refuse(watch.leaks + self.canaries.search_trees([run.directory]))

    def check(self) -> None:
        """Search the whole session; raise LeakError with every place."""
        refuse(self.canaries.search_trees([self.directory]))
