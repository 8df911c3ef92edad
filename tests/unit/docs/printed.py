# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every command that a page, or the comment at the head of a playbook or an inventory, prints for a reader to type."""

from __future__ import annotations

import pathlib
import re
import typing as t
from collections.abc import Iterator

from tests.unit.docs.blocks import ROOT, blocks, documents

FOLLOWERS: t.Final = ROOT / "tests" / "integration" / "guides" / "test_guides.py"
_PROMPT: t.Final = re.compile(r"[$#] (?=\S)")
_PROGRAMS: t.Final = (
    "ansible|ansible-[a-z]+|apt-get|bao|curl|docker|git|make|openssl|pip|pipx|podman|python3?|sudo|systemctl|vault"
)
_INLINE: t.Final = re.compile(rf"(`{{1,2}}|:(?:command|code):`)((?:[A-Z_]+=\S+ )*(?:{_PROGRAMS}) [^`]+)`")
#: Options of make that a sentence talks about are no commands.
_COMMENT: t.Final = re.compile(r"^#   (ansible-(?:.*\\\n#   )*.*)$", re.MULTILINE)


class Printed(t.NamedTuple):
    """A command and the page that prints it."""

    page: str
    command: str


def followed() -> set[str]:
    """Return the guides that a test types from the beginning to the end, by the name of their file."""
    calls = re.findall(r"\bfollow\(([^)]*)\)", FOLLOWERS.read_text(encoding="utf-8"))
    return {f"{name}.rst" for call in calls for name in re.findall(r'"(\w+)"', call)}


def commands(page: pathlib.Path, text: str) -> Iterator[str]:
    """Return the commands of a page: after a prompt in a block, and in a sentence."""
    for block in blocks(page):
        lines = block.text.replace("\\\n", "\\\0").splitlines()
        typed = [line for line in lines if block.language == "console" and _PROMPT.match(line)]
        yield from (line[2:].replace("\\\0", "\\\n") for line in typed)
    yield from (found.group(2) for found in _INLINE.finditer(text))


def of_pages() -> list[Printed]:
    """Return the commands of all pages; of a guide that is followed only those in sentences."""
    found = []
    for page in documents():
        text = page.read_text(encoding="utf-8")
        given = commands(page, text) if page.name not in followed() else (one[1] for one in _INLINE.findall(text))
        found += [Printed(page.relative_to(ROOT).as_posix(), command) for command in given]
    return list(dict.fromkeys(found))


def of_comments() -> list[Printed]:
    """Return the commands at the head of playbooks and inventories."""
    found = []
    for path in sorted([*ROOT.glob("playbooks/*.yml"), *ROOT.glob("inventories/**/*.yml")]):
        for command in _COMMENT.findall(path.read_text(encoding="utf-8")):
            found.append(Printed(path.relative_to(ROOT).as_posix(), command.replace("\n#   ", "\n")))
    return found
