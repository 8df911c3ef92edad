# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names become part of an address in one place, which encodes them."""

from __future__ import annotations

import ast
import pathlib
import typing as t

from tests.unit.architecture.guards import tree

_ROOM: t.Final = "plugins/module_utils/_core/address.py"
_ENCODERS: t.Final = frozenset({"quote", "quote_plus", "quote_from_bytes", "urlencode", "urljoin", "urlunsplit"})
#: What the port is asked to do with a path, and the steps of a plan that say so.
_VERBS: t.Final = frozenset(
    {"read", "read_or_nothing", "read_version", "read_bare", "list", "catalog", "mount_of"}
    | {"write", "patch", "merge", "delete", "probe", "fields"}
)
_PORTS: t.Final = frozenset({"vault", "_vault", "port", "_port"})
_STEPS: t.Final = frozenset({"write", "patch", "merge", "delete", "read"})
_STEPS_OF: t.Final = "plugins/module_utils/_vault/"
_JOINING: t.Final = frozenset({"format", "join"})


def violations(root: pathlib.Path) -> list[str]:
    """Return every import of an encoder outside the room, and every path of a request that was pasted together."""
    found: list[str] = []
    for path in tree.python_files(root):
        name = path.relative_to(root).as_posix()
        if name.startswith("plugins/") and name != _ROOM:
            syntax = tree.syntax(path)
            found += [f"{name}:{line}: {what}, which {_ROOM} does" for line, what in _encodes(syntax)]
            found += [
                f"{name}:{line}: {text} is pasted together and not made by at() of {_ROOM}"
                for line, text in _pastes(syntax, steps=name.startswith(_STEPS_OF))
            ]
    return found


def _encodes(syntax: ast.Module) -> t.Iterator[tuple[int, str]]:
    for node in ast.walk(syntax):
        if isinstance(node, ast.ImportFrom) and node.module == "urllib.parse":
            for alias in node.names:
                if alias.name in _ENCODERS:
                    yield node.lineno, f"{alias.name} encodes names"
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("parse", "urllib.parse"):
            yield from [(node.lineno, f"{node.attr} encodes names")] if node.attr in _ENCODERS else []


def _pastes(syntax: ast.Module, *, steps: bool) -> t.Iterator[tuple[int, str]]:
    pasted = _pasted_names(syntax)
    for node in ast.walk(syntax):
        path = _path_of(node, steps=steps) if isinstance(node, ast.Call) else None
        if path is not None and (_is_pasted(path) or _named(path) in pasted):
            yield path.lineno, ast.unparse(path)


def _path_of(call: ast.Call, *, steps: bool) -> ast.expr | None:
    """Return the path that a call hands to the port, or to a step of a plan."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _VERBS and call.args:
        return call.args[0] if (_named(call.func.value) or "").strip() in _PORTS else None
    if not steps or not isinstance(call.func, ast.Name) or call.func.id != "Step" or len(call.args) < 2:
        return None
    verb = call.args[0]
    return call.args[1] if isinstance(verb, ast.Constant) and verb.value in _STEPS else None


def _named(node: ast.expr) -> str | None:
    """Return the name of a variable, of an attribute, or of what is called."""
    if isinstance(node, ast.Call):
        return _named(node.func)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _is_pasted(node: ast.expr) -> bool:
    """Tell whether a text is put together here from parts that are not all written down."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        texts = [side for side in (node.left, node.right) if isinstance(side, (ast.Constant, ast.JoinedStr))]
        return isinstance(node.op, (ast.Add, ast.Mod)) and bool(texts)
    if isinstance(node, ast.IfExp):
        return _is_pasted(node.body) or _is_pasted(node.orelse)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _JOINING


def _pasted_names(syntax: ast.Module) -> set[str]:
    """Return the names of a file that stand for such texts: variables, attributes, functions and properties."""
    names: set[str | None] = set()
    for node in ast.walk(syntax):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and _is_pasted(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(_named(target) for target in targets)
        elif isinstance(node, ast.FunctionDef):
            returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
            names.update({node.name} if any(map(_is_pasted, returned)) else set())
    return {name for name in names if name is not None}
