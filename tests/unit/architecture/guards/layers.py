# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports go down only: faces, then domains, then the core; sideways only into the pure domains."""

from __future__ import annotations

import ast
import pathlib
import typing as t

from tests.unit.architecture.guards import tree

CORE: t.Final = "_core"
PURE: t.Final = frozenset({"_pki", "_jose", "_ilp", "_envelope"})
#: What would make a pure domain depend on more than its arguments.
_OUTSIDE: t.Final = frozenset({"hvac", "http", "kubernetes", "requests", "socket", "subprocess", "urllib.request"})
_COLLECTION: t.Final = "ansible_collections.trustmesh"
_ANSIBLE_MODULE: t.Final = "ansible.module_utils.basic"
_KNOWS_ANSIBLE_MODULE: t.Final = ("module_utils", CORE, "module.py")

#: Parts of a path below plugins/, like ("module_utils", "_core", "plan").
Place = tuple[str, ...]


def violations(root: pathlib.Path) -> list[str]:
    """Return every import that goes up, sideways into what is not pure, or around the layers."""
    found: list[str] = []
    edges: dict[str, set[str]] = {}
    plugins = root / "plugins"
    for path in tree.python_files(root):
        place = path.relative_to(plugins).parts
        if place[0] == "module_utils" and len(place) == 2:
            found.append(f"{path.relative_to(root)}: belongs in the package of a domain")
        for node in ast.walk(tree.syntax(path)):
            for problem in _problems(place, node):
                found.append(f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}: {problem}")
            for target in _targets(place, node):
                ends = (_domain(place), _domain(target))
                if all(ends) and CORE not in ends and ends[0] != ends[1]:
                    edges.setdefault(ends[0], set()).add(ends[1])
    return found + _cycles(edges)


def _domain(place: Place) -> str:
    """Return the domain a place belongs to; empty for a face."""
    return place[1] if place[0] == "module_utils" and len(place) > 1 else ""


def _targets(place: Place, node: ast.AST) -> list[Place]:
    """Return the places below plugins/ that an import statement names."""
    if not isinstance(node, ast.ImportFrom) or not node.level:
        return []
    base = (*place[: len(place) - node.level], *(node.module.split(".") if node.module else ()))
    return [base] if node.module else [(*base, alias.name) for alias in node.names]


def _absolute(node: ast.AST) -> list[str]:
    """Return the absolute names that an import statement brings in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _problems(place: Place, node: ast.AST) -> t.Iterator[str]:
    for name in _absolute(node):
        if name.startswith(_COLLECTION):
            yield "imports the collection by its name; import relatively"
        if name == _ANSIBLE_MODULE and place != _KNOWS_ANSIBLE_MODULE:
            yield f"imports {_ANSIBLE_MODULE}, which only _core/module.py may know"
        if _domain(place) in PURE and (name in _OUTSIDE or name.partition(".")[0] in _OUTSIDE):
            yield f"imports {name}, but {_domain(place)} is pure"
    for target in _targets(place, node):
        problem = _upward(place, target)
        if problem:
            yield problem


def _upward(place: Place, target: Place) -> str:
    """Say what is wrong with importing ``target`` from ``place``; empty when nothing is."""
    here, there = _domain(place), _domain(target)
    shown = ".".join(target)
    if not here:
        if there or place[0] == target[0] == "plugin_utils" or target[0] == "plugin_utils":
            return ""
        return f"imports {shown}: faces share code through module_utils only"
    if not there:
        return f"imports {shown}, which is above it"
    if here == there or there == CORE:
        return ""
    if here == CORE:
        return f"imports {shown}, but the core imports nothing of ours"
    return "" if there in PURE else f"imports {shown}: domains do not import each other, except for the pure ones"


def _cycles(edges: dict[str, set[str]]) -> list[str]:
    """Return the domains that are reached from themselves."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for target in edges.get(waiting.pop(), set()) - seen:
                seen.add(target)
                waiting.append(target)
        return seen

    looped = [domain for domain in edges if domain in reach(domain)]
    return [f"plugins/module_utils/{domain}: imports itself by way of others" for domain in looped]
