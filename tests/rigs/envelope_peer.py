# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application in Node that keeps sealed values, as an independent reader and writer of records."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import typing as t

from tests.rigs.process import MissingPartError, clean_environment

SCRIPT = pathlib.Path(__file__).with_suffix(".mjs")


class EnvelopePeer:
    """``peer("seal", master=..., value=..., aad=..., ivBytes=..., encoding=...)`` returns what it answers.

    ``open`` takes ``record`` in place of ``value``; the answer has ``result`` or ``refused``.
    """

    def __init__(self) -> None:
        program = shutil.which("node")
        if program is None:
            raise MissingPartError("node is not installed (Debian package nodejs)")
        self._child = subprocess.Popen(
            [program, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )

    def __call__(self, action: str, **request: t.Any) -> dict[str, t.Any]:
        """Ask once."""
        stdin, stdout = t.cast("t.IO[str]", self._child.stdin), t.cast("t.IO[str]", self._child.stdout)
        stdin.write(json.dumps({"action": action, **request}) + "\n")
        stdin.flush()
        answer: dict[str, t.Any] = json.loads(stdout.readline())
        return answer

    def stop(self) -> None:
        """Let it end."""
        self._child.communicate(timeout=10)
