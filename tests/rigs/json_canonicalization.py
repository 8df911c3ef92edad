# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical JSON by the Go module of one of the authors of RFC 8785, and the test data that comes with it."""

from __future__ import annotations

import json
import pathlib
import subprocess

from tests.rigs.go_program import RECIPES, find_go, go_program
from tests.rigs.node import Lines, PeerError
from tests.rigs.process import RigError, clean_environment

RECIPE = "json_canonicalization"
MODULE = "github.com/cyberphone/json-canonicalization"


class Canonicalizer(Lines):
    """The program, asked line by line."""

    def __init__(self) -> None:
        program = go_program(RECIPE, f"trustmesh.example/rigs/{RECIPE}/canonicalize")
        super().__init__([str(program)], clean_environment())

    def canonical(self, text: str) -> str:
        """Return a JSON text, on one line, in canonical form; raises `PeerError` when it is refused."""
        answer = self.ask(text)
        if answer.startswith("!"):
            raise PeerError(answer[1:])
        return answer


def documents() -> list[tuple[str, bytes, bytes]]:
    """Return name, input and output of each document that the module is tested with."""
    argv = [find_go(), "mod", "download", "-json", MODULE]
    done = subprocess.run(argv, cwd=RECIPES / RECIPE, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise RigError(f"{MODULE} is not to be had:\n{done.stderr[-2000:]}")
    folder = pathlib.Path(json.loads(done.stdout)["Dir"]) / "testdata"
    return [
        (path.name, path.read_bytes(), (folder / "output" / path.name).read_bytes())
        for path in sorted((folder / "input").iterdir())
    ]
