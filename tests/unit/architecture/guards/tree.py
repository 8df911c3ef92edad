# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guards share: which files there are, their syntax trees, the YAML they hold.

A guard is a module with one function, ``violations(root)``, that returns a sentence per violation, each beginning with
the file it concerns. The root is an argument so that a test can plant a tree that breaks the rule.
"""

from __future__ import annotations

import ast
import functools
import pathlib
import subprocess
import typing as t

import yaml

FACES: t.Final = ("action", "callback", "filter", "lookup", "modules", "plugin_utils", "test")
_DOCUMENTS: t.Final = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def files(root: pathlib.Path) -> list[pathlib.Path]:
    """Return every file that belongs to the project: what git knows or would add, or all of a tree without git."""
    if not (root / ".git").exists():
        return sorted(path for path in root.rglob("*") if path.is_file())
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(command, cwd=root).decode().split("\0")
    return [path for path in (root / name for name in sorted(filter(None, names))) if path.is_file()]


def python_files(root: pathlib.Path, folder: str = "plugins") -> list[pathlib.Path]:
    """Return the Python files below ``folder``."""
    return sorted((root / folder).rglob("*.py"))


def modules(root: pathlib.Path) -> list[pathlib.Path]:
    """Return the files of the modules."""
    return sorted((root / "plugins" / "modules").glob("*.py"))


def roles(root: pathlib.Path) -> list[pathlib.Path]:
    """Return the folders of the roles."""
    return sorted(path.parent for path in (root / "roles").glob("*/tasks"))


def syntax(path: pathlib.Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return _parsed(path, path.stat().st_mtime_ns)


@functools.cache
def _parsed(path: pathlib.Path, changed: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def documents(path: pathlib.Path) -> dict[str, ast.Assign]:
    """Return the assignments of a module's documentation blocks, by name."""
    found: dict[str, ast.Assign] = {}
    for node in syntax(path).body:
        name = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(name, ast.Name) and name.id in _DOCUMENTS:
            found[name.id] = node
    return found


def document(path: pathlib.Path, name: str) -> t.Any:
    """Return the content of one documentation block, or None."""
    assignment = documents(path).get(name)
    if assignment is None or not isinstance(assignment.value, ast.Constant):
        return None
    return yaml.safe_load(str(assignment.value.value))


def load(path: pathlib.Path) -> t.Any:
    """Return what a YAML file holds; None when there is no such file."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
