# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action groups in meta/runtime.yml name exactly the modules whose documentation says that they belong."""

from __future__ import annotations

import pathlib

from tests.unit.architecture.guards import tree
from tests.unit.architecture.guards.documentation import COLLECTION, fragments_of, merged


def violations(root: pathlib.Path) -> list[str]:
    """Return modules in no group that take a group's options, and every difference between groups and attributes."""
    groups = (tree.load(root / "meta" / "runtime.yml") or {}).get("action_groups", {})
    declared = {(group, module) for group, members in groups.items() for module in members}
    said: set[tuple[str, str]] = set()
    found: list[str] = []
    for path in tree.modules(root):
        documented = merged(root, path)
        membership = documented.get("attributes", {}).get("action_group", {}).get("membership", [])
        names = [membership] if isinstance(membership, str) else membership
        said |= {(name.removeprefix(f"{COLLECTION}."), path.stem) for name in names}
        # A private fragment is named like its group, with an underscore before it.
        fragments = {name.rpartition(".")[2].lstrip("_") for name in fragments_of(documented)}
        for group in groups:
            if group in fragments and (group, path.stem) not in said:
                found.append(f"plugins/modules/{path.name}: takes the options of group {group} without belonging to it")
    found += [f"meta/runtime.yml: {module} is missing in group {group}" for group, module in sorted(said - declared)]
    found += [
        f"meta/runtime.yml: {module} does not say that it belongs to group {group}"
        for group, module in sorted(declared - said)
    ]
    return found
