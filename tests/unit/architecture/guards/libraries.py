# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Execution environments get the libraries that modules ask for, from the version they ask for."""

from __future__ import annotations

import ast
import pathlib
import typing as t

from tests.unit.architecture.guards import tree

_REQUIREMENTS: t.Final = "meta/ee-requirements.txt"


def violations(root: pathlib.Path) -> list[str]:
    """Return every ``Library(name, minimum, ...)`` that the requirements of execution environments lack."""
    lines = (root / _REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    found: list[str] = []
    for path in tree.python_files(root):
        for node in ast.walk(tree.syntax(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Library":
                name, minimum = (ast.literal_eval(argument) for argument in node.args[:2])
                if f"{name}>={minimum}" not in lines:
                    found.append(f"{_REQUIREMENTS}: lacks {name}>={minimum}, which {path.relative_to(root)} asks for")
    return found
