# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every file says under which licence it is."""

from __future__ import annotations

import pathlib
import re
import tomllib
import typing as t

from tests.unit.architecture.guards import tree

# In two parts, because the reuse tool takes the whole for a licence of this file.
_IDENTIFIER: t.Final = "SPDX-License-" + "Identifier: GPL-3.0-or-later"
_SENTENCE: t.Final = "GNU General Public License v3.0+"
_HEAD: t.Final = 20
_LICENCE_TEXTS: t.Final = re.compile(r"LICENSE|LICENSES/[^/]+")


def violations(root: pathlib.Path) -> list[str]:
    """Return every file without an SPDX line, and every plugin without the sentence that ansible-test asks for."""
    annotated = _annotated(root)
    found: list[str] = []
    for path in tree.files(root):
        name = path.relative_to(root).as_posix()
        if _LICENCE_TEXTS.fullmatch(name) or any(pattern.fullmatch(name) for pattern in annotated):
            continue
        head = path.read_text(encoding="utf-8", errors="replace").splitlines()[:_HEAD]
        if not any(_IDENTIFIER in line for line in head):
            found.append(f"{name}: no line '{_IDENTIFIER}' among the first {_HEAD}")
        if path.suffix == ".py" and not any(_SENTENCE in line for line in head):
            found.append(f"{name}: no line with '{_SENTENCE}' among the first {_HEAD}")
    return found


def _annotated(root: pathlib.Path) -> list[re.Pattern[str]]:
    """Return the patterns of REUSE.toml, in which ``*`` stays within a folder and ``**`` does not."""
    path = root / "REUSE.toml"
    if not path.exists():
        return []
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["annotations"]
    patterns = [pattern for entry in entries for pattern in entry["path"]]
    return [re.compile(re.escape(p).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")) for p in patterns]
