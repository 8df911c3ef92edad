# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the type checker notices, which is a part of `make test` as tests are."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import typing as t

#: A condition that became ``True`` or ``False`` is found by these for how it is written, and not for what it means.
_MUTE: t.Final = frozenset({"redundant-expr", "truthy-bool", "comparison-overlap", "unreachable", "unused-ignore"})
_ERROR: t.Final = re.compile(r"^(\S+?:\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)
_LONGEST_SECONDS: t.Final = 300


def noticed_by_types(tree: pathlib.Path, path: str, text: str) -> str | None:
    """Return the first error of mypy in a copy of the checkout where a file has another text, or ``None``."""
    place = tree / path
    original = place.read_bytes()
    try:
        place.write_text(text, encoding="utf-8")
        return _checked(tree)
    finally:
        place.write_bytes(original)


def _checked(tree: pathlib.Path) -> str | None:
    command = [sys.executable, "-m", "mypy", "--no-pretty", "plugins/module_utils"]
    run = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"mypy ended with {run.returncode}: {run.stderr or run.stdout}")
    found = (f"mypy: {place} [{code}]" for place, code in _ERROR.findall(run.stdout) if code not in _MUTE)
    return next(found, None)
