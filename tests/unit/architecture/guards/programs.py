# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are started in one place, with an environment that is made for them."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

from tests.unit.architecture.guards import tree

_ROOM: t.Final = "plugins/module_utils/_core/programs.py"
_MODULES: t.Final = frozenset({"subprocess", "pty", "popen2", "commands"})
_CALLS: t.Final = re.compile(r"os\.(exec\w+|spawn\w+|posix_spawnp?|system|popen|fork|forkpty)|\S+\.run_command")


def violations(root: pathlib.Path) -> list[str]:
    """Return every import and call outside the room that can start a program."""
    found: list[str] = []
    for path in tree.python_files(root):
        name = path.relative_to(root).as_posix()
        if name != _ROOM:
            found += [
                f"{name}:{line}: {what} starts programs, which {_ROOM} does"
                for line, what in _starts(tree.syntax(path))
            ]
    return found


def _starts(syntax: ast.Module) -> t.Iterator[tuple[int, str]]:
    for node in ast.walk(syntax):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from ((node.lineno, name) for name in names if name.split(".")[0] in _MODULES)
        elif isinstance(node, ast.Call) and _CALLS.fullmatch(ast.unparse(node.func)):
            yield node.lineno, ast.unparse(node.func)
