# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guards of names, licence headers, changelog fragments, libraries and lock files notice what is wrong."""

from __future__ import annotations

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import changelog, headers, libraries, locks, naming

# In two parts, because the reuse tool takes the whole for a licence of this file.
_SPDX = "# SPDX-License-" + "Identifier: GPL-3.0-or-later\n"
_SENTENCE = "# GNU General Public License v3.0+\n"
_ANNOTATED = _SPDX + 'version = 1\n[[annotations]]\npath = ["data/*.json", "all/**.svg"]\n'
_CONFIG = "prelude_section_name: release_summary\nsections:\n  - [bugfixes, Bugfixes]\n"


def test_files_with_a_header_are_right(plant: Plant) -> None:
    files = {
        "a.yml": _SPDX,
        "plugins/a.py": _SENTENCE + _SPDX,
        "LICENSES/GPL-3.0-or-later.txt": "",
        "REUSE.toml": _ANNOTATED,
        "data/a.json": "{}",
        "all/deep/a.svg": "",
    }
    assert headers.violations(plant(files)) == []


def test_files_without_a_header_are_found(plant: Plant) -> None:
    files = {
        "REUSE.toml": _ANNOTATED,
        "data/deep/a.json": "{}",
        "late.yml": "#\n" * 20 + _SPDX,
        "plugins/a.py": _SPDX,
    }
    missing = f"no line '{_SPDX[2:-1]}' among the first 20"
    assert headers.violations(plant(files)) == [
        f"data/deep/a.json: {missing}",
        f"late.yml: {missing}",
        "plugins/a.py: no line with 'GNU General Public License v3.0+' among the first 20",
    ]


@pytest.mark.parametrize(
    ("more", "problems"),
    [
        ({"changelogs/fragments/1.yml": "bugfixes: [x]\n"}, []),
        ({"changelogs/changelog.yaml": "releases: {0.1.0: {}}\n"}, []),
        ({}, ["changelogs/fragments: nothing about 0.1.0"]),
        ({"changelogs/changelog.yaml": "releases: {0.0.9: {}}\n"}, ["changelogs/fragments: nothing about 0.1.0"]),
        (
            {"changelogs/fragments/1.yml": "bugfix: [x]\n"},
            ["changelogs/fragments/1.yml: has no section bugfix; there are bugfixes, release_summary"],
        ),
        (
            {"changelogs/fragments/1.yml": f"bugfixes:\n  - {'x' * 117}\n"},
            ["changelogs/fragments/1.yml:2: is longer than 120 characters"],
        ),
        (
            {"changelogs/fragments/1.yml": "bugfixes:\n  - a line\n    torn here\n"},
            ["changelogs/fragments/1.yml:2: ends early; join it with the next line"],
        ),
    ],
)
def test_a_release_without_news_is_found(plant: Plant, more: dict[str, str], problems: list[str]) -> None:
    files = {"galaxy.yml": "version: 0.1.0\n", "changelogs/config.yaml": _CONFIG, **more}
    assert changelog.violations(plant(files)) == problems


@pytest.mark.parametrize(
    ("users", "development", "problems"),
    [
        ("# why\nhvac==2.4.0\n", "hvac==2.4.0\nruff==0.17.5\n", []),
        (
            "hvac>=2.4.0\n",
            "ruff @ https://example.com/ruff.whl\n",
            [
                "requirements.txt:1: is not an exact version: hvac>=2.4.0",
                "requirements-dev.txt:1: is not an exact version: ruff @ https://example.com/ruff.whl",
            ],
        ),
        ("hvac==2.4.0\n", "hvac==2.3.0\n", ["requirements-dev.txt: hvac is 2.3.0, users have 2.4.0"]),
        ("hvac==2.4.0\n", "", ["requirements-dev.txt: hvac is None, users have 2.4.0"]),
    ],
)
def test_locks_that_do_not_lock_are_found(plant: Plant, users: str, development: str, problems: list[str]) -> None:
    files = {"requirements.txt": users, "requirements-dev.txt": development}
    assert locks.violations(plant(files)) == problems


@pytest.mark.parametrize(
    ("path", "text", "problems"),
    [
        ("plugins/module_utils/_core/utilities_of_water.py", "for _index in range(3):\n    pass\n", []),
        ("tests/rigs/net_utils.py", "", [": is named utils; name it for what it holds"]),
        ("plugins/module_utils/_core/utils.py", "", [": is named utils; name it for what it holds"]),
        ("plugins/a.py", "x, _ = pair\n", [":1: is called _; say what it is, as in _rest"]),
        ("tests/a.py", "x = [0 for _ in y]\n", [":1: is called _; say what it is, as in _rest"]),
        ("tests/a.py", "\nrun(lambda _: 0)\n", [":2: is called _; say what it is, as in _rest"]),
    ],
)
def test_names_that_say_nothing_are_found(plant: Plant, path: str, text: str, problems: list[str]) -> None:
    assert naming.violations(plant({path: text})) == [path + problem for problem in problems]


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        ("hvac>=1.1.0", []),
        (
            "hvac>=1.0.0",
            ["meta/ee-requirements.txt: lacks hvac>=1.1.0, which plugins/module_utils/_core/deps.py asks for"],
        ),
    ],
)
def test_a_library_that_environments_lack_is_found(plant: Plant, line: str, problems: list[str]) -> None:
    files = {
        "meta/ee-requirements.txt": f"# why\n{line}\n",
        "plugins/module_utils/_core/deps.py": 'HVAC = Library("hvac", "1.1.0", "as the transport")\n',
    }
    assert libraries.violations(plant(files)) == problems
