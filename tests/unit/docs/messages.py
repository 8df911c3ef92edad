# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentences that users read when something is wrong: of errors, remedies and warnings, and of failing tasks."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t
from collections.abc import Iterator

import yaml

from tests.unit.architecture.guards import tree

#: A call of something with such a name carries a message, and so do what is raised and texts that are yielded.
_SAYS: t.Final = re.compile(
    r".*(Error|Failure|Input|Refused|Refusal|Converged|Conflict|Found|Denied|Problem|Finding|Rule)$|warn$"
)
_KEYWORDS: t.Final = {"problem", "remedy", "msg", "message", "reason", "said"}
_TASK_KEYS: t.Final = {"fail_msg", "msg", "success_msg"}


class Sentence(t.NamedTuple):
    """A text, with ``{}`` where a value is put in, and its place."""

    place: str
    text: str


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def _spoken(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield from node.exc.args
    if isinstance(node, ast.Call):
        yield from _said(node)
    if isinstance(node, ast.Assign) and any(getattr(target, "id", "") in _KEYWORDS for target in node.targets):
        yield node.value
    if isinstance(node, ast.Yield) and node.value is not None and _text(node.value):
        yield node.value


def _said(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if _SAYS.match(name):
        yield from call.args
    yield from (keyword.value for keyword in call.keywords if keyword.arg in _KEYWORDS)


def of_code(text: str, place: str) -> list[Sentence]:
    """Return the texts of a file of Python that end up in a message."""
    found = []
    for node in ast.walk(ast.parse(text)):
        for spoken in _spoken(node):
            for part in ast.walk(spoken):
                said = _text(part) if isinstance(part, ast.expr) else None
                if said and " " in said:
                    found.append(Sentence(f"{place}:{part.lineno}", said))  # type: ignore[attr-defined]
    return list(dict.fromkeys(found))


def of_tasks(content: t.Any, place: str) -> list[Sentence]:
    """Return the messages of tasks, however deep."""
    if isinstance(content, dict):
        own = [Sentence(place, value) for key, value in content.items() if key in _TASK_KEYS and isinstance(value, str)]
        return own + [one for value in content.values() for one in of_tasks(value, place)]
    return [one for value in content for one in of_tasks(value, place)] if isinstance(content, list) else []


def everything(root: pathlib.Path) -> list[Sentence]:
    """Return the messages of all plugins, roles and playbooks."""
    found = []
    for path in tree.python_files(root, "plugins"):
        found += of_code(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    for path in sorted([*root.glob("playbooks/**/*.yml"), *root.glob("roles/*/tasks/*.yml")]):
        for content in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            found += of_tasks(content, path.relative_to(root).as_posix())
    return found
