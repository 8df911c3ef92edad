# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy of the repository, for guides that add to it."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

from tests.unit.architecture.guards import tree
from tests.unit.docs.blocks import ROOT


def copy_repository(target: pathlib.Path) -> pathlib.Path:
    """Copy what git knows or would add to ``target``, with the environment of these tests as its ``.venv-dev``."""
    for path in tree.files(ROOT):
        copied = target / path.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copied, follow_symlinks=False)
    (target / ".venv-dev").symlink_to(pathlib.Path(sys.executable).parents[1])
    # The guards ask git what belongs to the project.
    subprocess.run(["git", "init", "--quiet", str(target)], check=True)
    return target
