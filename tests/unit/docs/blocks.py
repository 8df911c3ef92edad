# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code blocks of the guides, so that tests can check and run what readers will type.

Understands ``.. code-block::`` of reStructuredText and fences of Markdown; a guide uses nothing else for code.
"""

from __future__ import annotations

import pathlib
import re
import textwrap
import typing as t
from dataclasses import dataclass, field

ROOT: t.Final = pathlib.Path(__file__).resolve().parents[3]
GUIDES: t.Final = ROOT / "docs" / "docsite" / "rst"

_DIRECTIVE: t.Final = re.compile(r"( *)\.\. code-block:: *(\S*)$")
_OPTION: t.Final = re.compile(r" *:([a-z-]+): *(.*)$")
_FENCE: t.Final = re.compile(r"```(\w*)$")


@dataclass(frozen=True)
class Block:
    """One code block: where it is, its language, its options (``caption``, ``name``, ``class``) and its text."""

    path: pathlib.Path
    line: int
    language: str
    text: str
    options: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """File and line, for test ids and messages."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def caption(self) -> str:
        """The caption, which is the name of the file that a reader puts the block into; empty without one."""
        return self.options.get("caption", "")


def documents() -> list[pathlib.Path]:
    """Return every page that users and contributors read, except for generated and legal ones."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("roles/*/README.md"), *GUIDES.rglob("*.rst")]
    return sorted(pages)


def blocks(path: pathlib.Path) -> list[Block]:
    """Return the code blocks of a page, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(_fences(path, lines) if path.suffix == ".md" else _directives(path, lines))


def walk_through(*names: str) -> list[Block]:
    """Return the code blocks of guides, by name, in the order in which a reader comes to them."""
    return [block for name in names for block in blocks(GUIDES / f"{name}.rst")]


def _directives(path: pathlib.Path, lines: list[str]) -> t.Iterator[Block]:
    for at, line in enumerate(lines):
        start = _DIRECTIVE.match(line)
        if start is None:
            continue
        margin = len(start.group(1))
        body = []
        for entry in lines[at + 1 :]:
            if entry.strip() and len(entry) - len(entry.lstrip()) <= margin:
                break
            body.append(entry)
        options = {}
        while body and (option := _OPTION.match(body[0])):
            options[option.group(1)] = option.group(2)
            body.pop(0)
        yield Block(path, at + 1, start.group(2), textwrap.dedent("\n".join(body)).strip("\n") + "\n", options)


def _fences(path: pathlib.Path, lines: list[str]) -> t.Iterator[Block]:
    opened: int | None = None
    language = ""
    for at, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence and opened is None:
            opened, language = at, fence.group(1)
        elif fence and opened is not None:
            yield Block(path, opened + 1, language, "\n".join(lines[opened + 1 : at]) + "\n")
            opened = None
