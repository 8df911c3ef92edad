# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names say what they name."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

from tests.unit.architecture.guards import tree

_UTILS: t.Final = re.compile(r"(.*_)?utils?")
#: In the Ansible world this is the function that translates, so ansible-test refuses any other use.
_RESERVED: t.Final = "_"


def violations(root: pathlib.Path) -> list[str]:
    """Return every file named for nothing in particular, and every variable called ``_``."""
    found: list[str] = []
    for path in tree.files(root):
        name = path.relative_to(root).as_posix()
        if _UTILS.fullmatch(path.stem):
            found.append(f"{name}: is named utils; name it for what it holds")
        if path.suffix == ".py":
            lines = sorted({getattr(node, "lineno", 0) for node in ast.walk(tree.syntax(path)) if _reserved(node)})
            found += [f"{name}:{line}: is called _; say what it is, as in _rest" for line in lines]
    return found


def _reserved(node: ast.AST) -> bool:
    if isinstance(node, ast.arg):
        return node.arg == _RESERVED
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == _RESERVED
