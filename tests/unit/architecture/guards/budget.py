# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small things: modules, functions and files have a size that is not exceeded."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

from tests.unit.architecture.guards import tree

MODULE_CODE: t.Final = 120
FUNCTION: t.Final = 40
FILE: t.Final = 400
#: Written by tools or by lawyers, or one line for each row of a list that is not ours to shorten.
_UNBOUNDED: t.Final = re.compile(
    r"LICENSE|LICENSES/.*|CHANGELOG\.md|changelogs/changelog\.yaml|requirements(-dev)?\.txt|tests/locks/.*\.txt"
    r"|tests/requirement_rows\.yml|tests/rigs/.*/(go\.sum|package-lock\.json)"
)


def violations(root: pathlib.Path) -> list[str]:
    """Return every file, module and function that is too long."""
    found: list[str] = []
    modules = tree.modules(root)
    for path in tree.files(root):
        name = path.relative_to(root).as_posix()
        # Of a module only the code counts: how much it has to document is not its choice.
        if path not in modules and not _UNBOUNDED.fullmatch(name):
            found += _too_long(name, len(path.read_bytes().splitlines()), FILE)
    for path in modules:
        found += _too_long(f"{path.relative_to(root)}: its code", _code_lines(path), MODULE_CODE)
    for path in tree.python_files(root):
        for node in ast.walk(tree.syntax(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                found += _too_long(f"{path.relative_to(root)}:{node.lineno}: {node.name}", length, FUNCTION)
    return found


def _too_long(what: str, length: int, limit: int) -> list[str]:
    return [f"{what}: {length} lines, the limit is {limit}"] if length > limit else []


def _code_lines(path: pathlib.Path) -> int:
    """Return the number of lines after the last documentation block."""
    blocks = tree.documents(path).values()
    last = max((block.end_lineno or 0 for block in blocks), default=0)
    return len(path.read_text(encoding="utf-8").splitlines()) - last
