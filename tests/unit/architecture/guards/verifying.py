# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No task of an entry point verify counts as a change: it only reads, or says by itself when it changed something."""

from __future__ import annotations

import pathlib
import typing as t

from tests.unit.architecture.guards import tree

_READS: t.Final = {f"ansible.builtin.{name}" for name in ("assert", "debug", "fail", "set_fact", "slurp", "stat")}
_FOLLOWED: t.Final = ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")


def violations(root: pathlib.Path) -> list[str]:
    """Return every task, with its role, that a run of verify may count as a change."""
    return [
        f"roles/{role.name}: verify runs {name!r}, which may count as a change; set changed_when"
        for role in tree.roles(root)
        if (role / "tasks" / "verify.yml").exists()
        for name in _changing(role, "verify.yml")
    ]


def _changing(role: pathlib.Path, file: str) -> list[str]:
    return [name for task in tree.load(role / "tasks" / file) or [] for name in _of(role, task)]


def _of(role: pathlib.Path, task: dict[str, t.Any]) -> list[str]:
    """Return what may count as a change of one task; a rescue is for what failed, which verify collects."""
    if "block" in task:
        return [name for inner in [*task["block"], *task.get("always", [])] for name in _of(role, inner)]
    (module,) = [key for key in task if "." in key]
    if module in _FOLLOWED:
        given = task[module]
        return _changing(role, given["file"] if isinstance(given, dict) else given)
    reads = module in _READS or module.endswith("_info")
    return [] if reads or "changed_when" in task else [task["name"]]
