# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application in Node that the tests exchange records with."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.process import MissingPartError, clean_environment

PEER = pathlib.Path(__file__).with_name("peer.mjs")

Node = Callable[..., dict[str, t.Any]]


def _program() -> str:
    found = shutil.which("node")
    if found is None:
        raise MissingPartError("node is not installed (Debian package nodejs)")
    return found


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """``node("seal", master=..., value=..., aad=..., ivBytes=..., encoding=...)``: what the application answers."""
    program = or_skip(_program)
    with subprocess.Popen(
        [program, str(PEER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    ) as child:
        stdin, stdout = t.cast("t.IO[str]", child.stdin), t.cast("t.IO[str]", child.stdout)

        def ask(action: str, **request: t.Any) -> dict[str, t.Any]:
            stdin.write(json.dumps({"action": action, **request}) + "\n")
            stdin.flush()
            answer: dict[str, t.Any] = json.loads(stdout.readline())
            return answer

        yield ask
        stdin.close()
        assert child.wait(10) == 0
