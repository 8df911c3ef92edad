# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files are touched in the room of the core alone (kind 2), and the guard finds every other way."""

from __future__ import annotations

import pathlib

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import files


def test_files_are_touched_in_one_room(repository: pathlib.Path) -> None:
    assert files.violations(repository) == []


def test_the_room_is_where_it_is_said_to_be(repository: pathlib.Path) -> None:
    assert sorted(name for name in files.ROOM if not (repository / name).is_file()) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("open('x')\n", "open"),
        ("reader = open\n", "open"),
        ("import os\nos.open('x', 0)\n", "os.open"),
        ("import os\nos.path.exists('x')\n", "os.path.exists"),
        ("import os\nos.path.realpath('x')\n", "os.path.realpath"),
        ("import os\nsize = os.stat('x').st_size\n", "os.stat"),
        ("import os\nos.scandir('x')\n", "os.scandir"),
        ("import os\nos.rename('x', 'y')\n", "os.rename"),
        ("import os\nf = os.chmod\n", "os.chmod"),
        ("import os\nos.close(5)\n", "os.close"),
        ("import os\nos.some_call_to_come('x')\n", "os.some_call_to_come"),
        ("import os\ngetattr(os, 'unlink')('x')\n", "getattr(os)"),
        ("import os as system\n", "os"),
        ("import os.path as p\n", "os.path"),
        ("from os import unlink\n", "os.unlink"),
        ("from os.path import isfile\n", "os.path.isfile"),
        ("import shutil\n", "shutil"),
        ("from shutil import which\n", "shutil.which"),
        ("import pathlib\n", "pathlib"),
        ("from tempfile import NamedTemporaryFile\n", "tempfile.NamedTemporaryFile"),
        ("import glob\n", "glob"),
        ("import io\nio.open('x')\n", "io.open"),
        ("from io import FileIO\n", "io.FileIO"),
        ("import codecs\ncodecs.open('x')\n", "codecs.open"),
        ("import gzip\ngzip.open('x')\n", "gzip.open"),
        ("import tarfile\ntarfile.open('x')\n", "tarfile.open"),
        ("import zipfile\nzipfile.ZipFile('x')\n", "zipfile.ZipFile"),
    ],
)
def test_any_other_way_is_found(plant: Plant, text: str, what: str) -> None:
    root = plant({"plugins/module_utils/_core/files.py": "open('x')\n", "plugins/modules/x.py": text})
    line = len(text.splitlines())
    assert files.violations(root) == [
        f"plugins/modules/x.py:{line}: {what} touches files, which is done by plugins/module_utils/_core/files.py"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.path.join(os.path.dirname('x'), os.environ['Y'])\n",
        "import os\nos.path.basename('X').lower()\n",
        "import io\nio.BytesIO(b'')\n",
        "import tarfile\ntarfile.open(fileobj=None)\n",
        "def f(token):\n    token.open()\n",
    ],
)
def test_what_leaves_files_alone_is_allowed(plant: Plant, text: str) -> None:
    assert files.violations(plant({"plugins/modules/x.py": text})) == []


def test_programs_are_looked_for_in_one_place(plant: Plant) -> None:
    text = "import os\nimport shutil\nos.path.exists(shutil.which('x'))\n"
    root = plant({"plugins/module_utils/_core/programs.py": text})
    assert [problem.split(" ")[1] for problem in files.violations(root)] == ["os.path.exists"]
