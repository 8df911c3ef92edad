# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON of others is read in the room of the core alone (kind 1), and the guard finds every other way."""

from __future__ import annotations

import pathlib

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import json_reading


def test_json_is_read_in_one_room(repository: pathlib.Path) -> None:
    assert json_reading.violations(repository) == []


@pytest.mark.parametrize("name", json_reading.ELSEWHERE)
def test_what_reads_elsewhere_still_does(repository: pathlib.Path, name: str) -> None:
    assert list(json_reading._reads(repository / name)), "no longer an exception"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import json\njson.loads('{}')\n", "json.loads"),
        ("import json\nread = json.load\n", "json.load"),
        ("import json\njson.JSONDecoder().decode('{}')\n", "json.JSONDecoder"),
        ("from json import loads\n", "json.loads"),
        ("from json.decoder import JSONDecoder\n", "json.JSONDecoder"),
        ("import json as other\n", "json"),
    ],
)
def test_any_other_way_is_found(plant: Plant, text: str, what: str) -> None:
    root = plant(
        {"plugins/module_utils/_core/foreign.py": "import json\njson.loads('1')\n", "plugins/modules/x.py": text}
    )
    assert json_reading.violations(root) == [
        f"plugins/modules/x.py:{len(text.splitlines())}: {what} reads JSON, which {json_reading.ROOM} does"
    ]


def test_writing_is_allowed(plant: Plant) -> None:
    assert json_reading.violations(plant({"plugins/modules/x.py": "import json\njson.dumps({})\n"})) == []
