# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every role has a Molecule scenario of its name, which asks more than the role's own word for it."""

from __future__ import annotations

import pathlib
import typing as t

from tests.unit.architecture.guards import tree

#: Roles without a scenario, and why.
WITHOUT: t.Final = {"quickstart": "the integration tests run it whole, from the tarball, and more than once"}
#: The scenario that only starts and stops what the others need.
_SHARED: t.Final = "default"
FILES: t.Final = ("converge.yml", "molecule.yml", "tasks/independent.yml", "verify.yml")


def violations(root: pathlib.Path) -> list[str]:
    """Return the roles without a scenario, scenarios without a role, and what a scenario lacks."""
    folder = root / "extensions" / "molecule"
    roles = {role.name for role in tree.roles(root)}
    scenarios = {path.parent.name for path in folder.glob("*/molecule.yml")} - {_SHARED}
    found = [f"roles/{role}: has no scenario in extensions/molecule" for role in sorted(roles - scenarios - {*WITHOUT})]
    found += [f"extensions/molecule/{name}: there is no role of this name" for name in sorted(scenarios - roles)]
    for name in sorted(scenarios):
        missing = [file for file in FILES if not (folder / name / file).exists()]
        found += [f"extensions/molecule/{name}: has no {file}" for file in missing]
        if not missing and not _verifies(folder / name / "verify.yml", name):
            found.append(f"extensions/molecule/{name}: does not run the entry point verify of the role")
    return found


def _verifies(playbook: pathlib.Path, role: str) -> bool:
    """Tell whether a playbook includes the role's own verdict."""
    wanted = {"name": f"trustmesh.security.{role}", "tasks_from": "verify"}
    tasks = (task for play in tree.load(playbook) for task in _all(play))
    return any(task.get("ansible.builtin.include_role") == wanted for task in tasks)


def _all(block: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Yield the tasks of a play or block, those of its blocks included."""
    for part in ("tasks", "block", "rescue", "always"):
        for task in block.get(part) or ():
            yield task
            yield from _all(task)
