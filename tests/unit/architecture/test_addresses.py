# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R9: addresses with a name in them are made by the core alone, and the guard finds every other way."""

from __future__ import annotations

import pathlib

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import addresses

_ROOM = "plugins/module_utils/_core/address.py"
_PLANT = "plugins/module_utils/_vault/x.py"


def test_r9_addresses_are_made_in_one_place(repository: pathlib.Path) -> None:
    assert addresses.violations(repository) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def f(vault, n):\n    vault.read(f'a/{n}')\n", "f'a/{n}'"),
        ("def f(vault, n):\n    vault.write('a/' + n, {})\n", "'a/' + n"),
        ("def f(vault, n):\n    vault.delete('a/%s' % n)\n", "'a/%s' % n"),
        ("def f(vault, n):\n    vault.list('a/{}'.format(n))\n", "'a/{}'.format(n)"),
        ("def f(vault, n):\n    vault.list('/'.join(['a', n]))\n", "'/'.join(['a', n])"),
        ("def f(vault, n):\n    p = f'a/{n}'\n    vault.read(p)\n", "p"),
        ("class A:\n    def f(self):\n        self.p = f'a/{n}'\n        self._vault.read(self.p)\n", "self.p"),
        ("def p(n):\n    return f'a/{n}'\ndef f(vault, n):\n    vault.catalog(p(n))\n", "p(n)"),
        ("def f(n):\n    yield Step('write', f'a/{n}', {})\n", "f'a/{n}'"),
        ("def f(vault, n):\n    vault.read('b' if n else f'a/{n}')\n", "'b' if n else f'a/{n}'"),
    ],
)
def test_r9_a_path_that_is_pasted_together_is_found(plant: Plant, text: str, what: str) -> None:
    root = plant({_ROOM: "from urllib.parse import quote\n", _PLANT: text})
    line = len(text.splitlines())
    assert addresses.violations(root) == [f"{_PLANT}:{line}: {what} is pasted together and not made by at() of {_ROOM}"]


@pytest.mark.parametrize(
    "text", ["from urllib.parse import quote\n", "import urllib.parse\nurllib.parse.urlencode({})\n"]
)
def test_r9_another_encoder_is_found(plant: Plant, text: str) -> None:
    (found,) = addresses.violations(plant({_PLANT: text}))
    assert "encodes names, which plugins/module_utils/_core/address.py does" in found


def test_r9_what_is_made_by_the_core_or_written_down_is_let_through(plant: Plant) -> None:
    text = "def f(vault, n):\n    vault.read(at('a', n))\n    vault.read('sys/health')\n    print(f'a/{n}')\n"
    assert addresses.violations(plant({_PLANT: text})) == []
