# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""There is something to tell about every release."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from tests.unit.architecture.guards import tree

_LONGEST = 120
#: A line that ends before this column although the next word would fit was torn by an edit.
_SHORTEST = 80


def _lines(fragment: pathlib.Path) -> Iterator[str]:
    lines = fragment.read_text(encoding="utf-8").splitlines()
    for number, (line, after) in enumerate(zip(lines, [*lines[1:], ""]), start=1):
        if len(line) > _LONGEST:
            yield f"{number}: is longer than {_LONGEST} characters"
        continued = after.startswith("    ") and line.strip() and not line.endswith((">-", "|-"))
        if continued and len(line) + 1 + len(after.split()[0]) <= _SHORTEST:
            yield f"{number}: ends early; join it with the next line"


def violations(root: pathlib.Path) -> list[str]:
    """Return unknown sections of fragments, and the release at hand when no fragment and no entry tells of it."""
    config = tree.load(root / "changelogs" / "config.yaml")
    sections = {name for name, _title in config["sections"]} | {config["prelude_section_name"]}
    fragments = sorted((root / "changelogs" / "fragments").glob("*.yml"))
    found = [
        f"{fragment.relative_to(root)}: has no section {section}; there are {', '.join(sorted(sections))}"
        for fragment in fragments
        for section in tree.load(fragment)
        if section not in sections
    ]
    found += [f"{fragment.relative_to(root)}:{problem}" for fragment in fragments for problem in _lines(fragment)]
    version = str(tree.load(root / "galaxy.yml")["version"])
    released = tree.load(root / "changelogs" / "changelog.yaml") or {"releases": {}}
    if not fragments and version not in released["releases"]:
        found.append(f"changelogs/fragments: nothing about {version}")
    return found
