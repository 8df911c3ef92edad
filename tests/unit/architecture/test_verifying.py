# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""J10: the guard of verify finds what a run may count as a change, in whatever file and block it is."""

from __future__ import annotations

import pytest

from tests.unit.architecture.conftest import Plant
from tests.unit.architecture.guards import verifying

_VERIFY = """
- name: Plan
  check_mode: true
  block:
    - name: Plan the files
      ansible.builtin.import_tasks: configure.yml
- name: Ask
  trustmesh.security.vault_info:
"""
_CONFIGURE = """
- name: Keep
  block:
    - name: Write
      ansible.builtin.template: {src: a.j2, dest: /a}
      changed_when: false
  rescue:
    - name: Reload
      ansible.builtin.systemd_service: {name: a, state: reloaded}
"""
_PATHS = ("roles/pki/tasks/verify.yml", "roles/pki/tasks/configure.yml")


def test_j10_reading_is_right(plant: Plant) -> None:
    assert verifying.violations(plant(dict(zip(_PATHS, (_VERIFY, _CONFIGURE), strict=True)))) == []


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("      changed_when: false\n", "", "Write"),
        ("  rescue:", "  always:", "Reload"),
    ],
)
def test_j10_what_may_count_as_a_change_is_found(plant: Plant, old: str, new: str, name: str) -> None:
    files = dict(zip(_PATHS, (_VERIFY, _CONFIGURE.replace(old, new)), strict=True))
    problem = f"roles/pki: verify runs {name!r}, which may count as a change; set changed_when"
    assert verifying.violations(plant(files)) == [problem]
