# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup ``role_problem``."""

from __future__ import annotations

DOCUMENTATION = r"""
name: role_problem
short_description: Find what is wrong with the variables that a role is given
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Compares the variables of a play with the argument spec and the defaults of a role, beyond what Ansible validates by
    itself.
  - A variable whose name is nearly that of an option that was left out is misspelt. Ansible passes over it.
  - An option must not be null unless that is its default, and not of another kind than its C(type). Ansible takes a
    mapping for a text, and a text for a list.
options:
  _terms:
    description:
      - Paths of roles. In the tasks of a role, C(role_path) is that of the role itself.
    type: list
    elements: str
    required: true
  others:
    description:
      - Regular expressions of names that begin like those of the role and are not meant for it.
      - A name that ends in C(_result) or C(_verdict) never is.
    type: list
    elements: str
    default: []
  insist:
    description:
      - Whether the role has to be given something to do. What it keeps is in lists of mappings that are empty by
        default; with this option one of them has to have an item.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Refuse what the role cannot keep
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: "{{ query('trustmesh.security.role_problem', role_path, insist=true) }}"
"""

RETURN = r"""
_raw:
  description:
    - A sentence for each problem, with the name of the variable, what is wrong, and what to do. No values are in it.
  type: list
  elements: str
  sample:
    - "certificate_itmes: is not a variable of the role certificate. Correct the name; did you mean certificate_items?"
"""

import typing as t
from collections.abc import Mapping, Sequence

from ansible.plugins.lookup import LookupBase

from ..plugin_utils.role_variables import Given, Role, problems


class LookupModule(LookupBase):
    """What Ansible looks for in this file."""

    def run(self, terms: Sequence[str], variables: Mapping[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """Return the problems of all roles; raises AnsibleError for a role that has no argument spec."""
        self.set_options(var_options=variables, direct=kwargs)
        others, insist = self.get_option("others"), self.get_option("insist")
        given = Given(variables or {}, self._templar.template)
        return [text for path in terms for text in problems(self._role(path), given, others, insist=insist)]

    def _role(self, path: str) -> Role:
        spec = self._loader.load_from_file(f"{path}/meta/argument_specs.yml")
        defaults = self._loader.load_from_file(f"{path}/defaults/main.yml")
        return Role(path.rpartition("/")[2], spec["argument_specs"]["main"]["options"], defaults or {})
