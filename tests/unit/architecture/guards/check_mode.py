# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode is decided in one place, and nothing outside the core knows about it."""

from __future__ import annotations

import ast
import pathlib
import typing as t

from tests.unit.architecture.guards import tree

_NAMES: t.Final = frozenset({"check_mode", "_ansible_check_mode"})
_CORE: t.Final = "plugins/module_utils/_core/"
_DECISIONS: t.Final = (ast.BoolOp, ast.Compare, ast.IfExp, ast.UnaryOp)


def violations(root: pathlib.Path) -> list[str]:
    """Return every mention outside the core, and the decisions when there is not exactly one."""
    found: list[str] = []
    decisions: list[str] = []
    for path in tree.python_files(root):
        name = path.relative_to(root).as_posix()
        for node in ast.walk(tree.syntax(path)):
            if _mentions(node) and not name.startswith(_CORE):
                found.append(f"{name}:{getattr(node, 'lineno', 0)}: knows about check mode, which only the core does")
        decisions += [f"{name}:{line}" for line in _decisions(tree.syntax(path))]
    if len(decisions) != 1:
        places = ", ".join(decisions) or "nowhere"
        found.append(
            f"plugins: check mode has to be decided in exactly one place, and is in {len(decisions)}: {places}"
        )
    return found


def _mentions(node: ast.AST) -> bool:
    """Tell whether this very node names check mode; text in documentation is longer than the bare name."""
    name = {
        ast.Attribute: "attr",
        ast.Name: "id",
        ast.arg: "arg",
        ast.keyword: "arg",
        ast.Constant: "value",
    }.get(type(node))
    return name is not None and getattr(node, name) in _NAMES


def _decisions(node: ast.AST, *, deciding: bool = False) -> list[int]:
    """Return the lines on which check mode decides something, once for each condition or comparison."""
    if deciding:
        return [line] if (line := _first_mention(node)) else []
    lines: list[int] = []
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                decides = isinstance(child, _DECISIONS) or field in ("test", "ifs")
                lines += _decisions(child, deciding=decides)
    return lines


def _first_mention(node: ast.AST) -> int:
    return next((getattr(child, "lineno", 0) for child in ast.walk(node) if _mentions(child)), 0)
