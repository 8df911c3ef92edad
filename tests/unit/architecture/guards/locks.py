# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lock files hold exact versions, no addresses, and agree with each other."""

from __future__ import annotations

import pathlib
import re
import typing as t

_PIN: t.Final = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([0-9][0-9a-z.!+]*)")
_USER: t.Final = "requirements.txt"
_DEVELOPMENT: t.Final = "requirements-dev.txt"


def violations(root: pathlib.Path) -> list[str]:
    """Return lines that are no pin, and pins of users that development does not share."""
    found: list[str] = []
    locks: dict[str, dict[str, str]] = {}
    for path in [root / _USER, root / _DEVELOPMENT, *sorted((root / "tests" / "locks").glob("*.txt"))]:
        name = path.relative_to(root).as_posix()
        pins = locks.setdefault(name, {})
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            pin = _PIN.fullmatch(line)
            if pin:
                pins[pin[1]] = pin[2]
            elif line and not line.startswith("#"):
                found.append(f"{name}:{number}: is not an exact version: {line}")
    for distribution, version in locks[_USER].items():
        other = locks[_DEVELOPMENT].get(distribution)
        if other != version:
            found.append(f"{_DEVELOPMENT}: {distribution} is {other}, users have {version}")
    return found
