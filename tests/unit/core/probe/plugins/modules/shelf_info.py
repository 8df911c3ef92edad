# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A read-only module made of the core alone; it needs a library that no index has unless told otherwise."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.trustmesh.security.plugins.module_utils._core.deps import Library
from ansible_collections.trustmesh.security.plugins.module_utils._core.errors import TrustmeshError
from ansible_collections.trustmesh.security.plugins.module_utils._core.module import inform_module
from ansible_collections.trustmesh.security.plugins.module_utils._core.spec import Params, Spec

NEEDED = Library(
    os.environ.get("PROBE_LIBRARY", "ansible-core"), os.environ.get("PROBE_VERSION", "2"), "to count books"
)
SPEC = Spec({"pin": {"type": "str", "no_log": True}, "fault": {"type": "bool", "default": False}}, requires=(NEEDED,))


def gather(params: Params, stack: contextlib.ExitStack) -> dict[str, t.Any]:
    """Return facts."""
    if params["fault"]:
        raise TrustmeshError("the shelf is locked", field="pin", remedy="Give the right one.")
    return {"books": 3, "about": f"opened with {params['pin']}"}


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
