# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F1: the commands by which the README installs the collection run in order, with the Python of the system."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest

from tests.unit.docs.blocks import ROOT
from tests.unit.docs.copies import copy_repository

SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"


def _commands() -> list[str]:
    text = (ROOT / "README.md").read_text()
    block = re.search(r"To use the collection, .*?```console\n(.*?)```", text, re.DOTALL)
    assert block
    return [line.removeprefix("$ ") for line in block.group(1).splitlines()]


def test_f1_the_commands_run_in_order(tmp_path: pathlib.Path) -> None:
    works = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run(["/usr/bin/python3", "-c", works], check=False, capture_output=True).returncode != 0:
        pytest.skip("the system has no Python 3.11 with venv (Debian: python3-venv)")
    clone = tmp_path / "clone"
    copy_repository(clone)
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}

    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(_commands())],
        cwd=clone,
        env={**pip, "PATH": SYSTEM, "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "trustmesh.security.certificate " in done.stdout
