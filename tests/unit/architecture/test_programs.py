# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are started by the core alone (R8), and the guard finds every other way."""

from __future__ import annotations

import pathlib

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import programs

_ROOM = "plugins/module_utils/_core/programs.py"


def test_r8_programs_are_started_in_one_place(repository: pathlib.Path) -> None:
    assert programs.violations(repository) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import subprocess\n", "subprocess"),
        ("from subprocess import run\n", "subprocess"),
        ("import os, pty\n", "pty"),
        ("import os\nos.system('x')\n", "os.system"),
        ("import os\nos.execve('x', [], {})\n", "os.execve"),
        ("import os\nos.posix_spawn('x', [], {})\n", "os.posix_spawn"),
        ("def f(module):\n    module.run_command(['x'])\n", "module.run_command"),
    ],
)
def test_r8_any_other_way_is_found(plant: Plant, text: str, what: str) -> None:
    root = plant({_ROOM: "import subprocess\n", "plugins/modules/x.py": text})
    line = len(text.splitlines())
    assert programs.violations(root) == [f"plugins/modules/x.py:{line}: {what} starts programs, which {_ROOM} does"]
