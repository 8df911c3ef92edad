# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let tests import the collection from this checkout under its real name, wherever the checkout is."""

from __future__ import annotations

import contextlib
import pathlib
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_IMPORTS = _ROOT / "build" / "dev"
_COLLECTION = _IMPORTS / "ansible_collections" / "trustmesh" / "security"

_COLLECTION.parent.mkdir(parents=True, exist_ok=True)
with contextlib.suppress(FileExistsError):
    # Relative, so that the checkout can be moved.
    _COLLECTION.symlink_to("../../../..", target_is_directory=True)
sys.path.insert(0, str(_IMPORTS))
