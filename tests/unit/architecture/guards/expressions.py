# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Expressions of playbooks and roles give the same lists in the same order on every run, and tell Bank from bank.

The set filters of Ansible return the order of a Python set, which differs from process to process; ``unique`` of Jinja
takes texts that differ in case alone for one, so that a file or a name would be left out without a word. What cannot be
worked out stops a run: since ansible-core 2.19, a call with a value that is undefined or could not be looked up is left
out where its result is only kept, so that ``set added = found.append(x)`` loses ``x`` without a word; ``if`` asks.
"""

from __future__ import annotations

import pathlib
import re
import typing as t

from tests.unit.architecture.guards import tree

_FOLDERS: t.Final = ("inventories", "playbooks", "roles")
_ENDINGS: t.Final = (".yml", ".yaml", ".j2")
_FILTER: t.Final = re.compile(
    r"\|\s*(?:ansible\.builtin\.)?(?P<name>difference|intersect|union|symmetric_difference|unique)\b"
    r"(?P<exact>\(case_sensitive=true\))?"
)
_KEPT: t.Final = re.compile(r"\{%-?\s*set\s+\w+\s*=\s*[\w.]+\.(?P<name>append|extend|insert|update|setdefault)\(")


def violations(root: pathlib.Path) -> list[str]:
    """Return every filter whose result depends on the hash seed or ignores case, and every call that loses errors."""
    found: list[str] = []
    for path in tree.files(root):
        name = path.relative_to(root)
        if name.parts[0] in _FOLDERS and name.suffix in _ENDINGS:
            found += [f"{name.as_posix()}:{problem}" for problem in _problems(path.read_text(encoding="utf-8"))]
    return found


def _problems(text: str) -> t.Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for match in _FILTER.finditer(line):
            if match["name"] != "unique":
                yield f"{number}: {match['name']} has no order; use select('in', ...) or reject('in', ...)"
            elif not match["exact"]:
                yield f"{number}: unique ignores case; use unique(case_sensitive=true)"
        for match in _KEPT.finditer(line):
            name = match["name"]
            yield f"{number}: set ... = {name}(...) loses what is undefined; write if ...{name}(...) and endif"
