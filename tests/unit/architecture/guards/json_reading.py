# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON that others wrote is read in one place, strictly: no name twice, no NaN, nothing nested without end."""

from __future__ import annotations

import ast
import pathlib
import typing as t

from tests.unit.architecture.guards import tree

ROOM: t.Final = "plugins/module_utils/_core/foreign.py"
#: Where JSON is read in another way, and why.
ELSEWHERE: t.Final[t.Mapping[str, str]] = {
    "plugins/module_utils/_jose/canonical.py": "has rules of its own about numbers, for what is signed",
    "plugins/module_utils/_vault/kv.py": "reads back what it wrote itself a moment ago, in memory",
    "plugins/module_utils/_hygiene/structured.py": "looks for secrets, also in what no strict reader would take",
}
_READERS: t.Final = frozenset({"load", "loads", "JSONDecoder"})


def violations(root: pathlib.Path) -> list[str]:
    """Return every place outside the room that reads JSON."""
    found: list[str] = []
    for path in tree.python_files(root):
        name = path.relative_to(root).as_posix()
        if name != ROOM and name not in ELSEWHERE:
            found += [f"{name}:{line}: {what} reads JSON, which {ROOM} does" for line, what in _reads(path)]
    return found


def _reads(path: pathlib.Path) -> t.Iterator[tuple[int, str]]:
    for node in ast.walk(tree.syntax(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "json":
            yield from ((node.lineno, f"json.{alias.name}") for alias in node.names if alias.name in _READERS)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, "json") for alias in node.names if alias.name == "json" and alias.asname)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "json" and node.attr in _READERS:
            yield node.lineno, f"json.{node.attr}"
