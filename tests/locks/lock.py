# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write a lock file: every distribution that an input file leads to, pinned.

Usage: lock.py INPUT OUTPUT

Runs pip's resolver for the interpreter that runs this script and installs nothing. The output holds versions only, no
hashes and no addresses, so that any mirror of the package index serves.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

_HEADER = """\
# SPDX-FileCopyrightText: the trustmesh.security contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Locked from tests/locks/{source} by `make lock`; change that file, not this one.
"""


def resolve(source: pathlib.Path) -> dict[str, str]:
    """Return the version of every distribution that ``source`` needs, by normalised name (PEP 503)."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    report = json.loads(subprocess.check_output([*command, "-r", str(source)]))
    found = (entry["metadata"] for entry in report["install"])
    return {re.sub(r"[-_.]+", "-", metadata["name"]).lower(): metadata["version"] for metadata in found}


def main() -> None:
    """Resolve the input and write the output."""
    source, target = (pathlib.Path(argument) for argument in sys.argv[1:])
    pins = [f"{name}=={version}\n" for name, version in sorted(resolve(source).items())]
    target.write_text(_HEADER.format(source=source.name) + "".join(pins), encoding="utf-8")
    print(f"{target}: {len(pins)} pins")


if __name__ == "__main__":
    main()
