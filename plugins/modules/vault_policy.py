#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_policy
short_description: Manage ACL policies of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, updates and removes ACL policies so that they match their declaration.
  - Rules are compared without regard to line ends, trailing white space and the final newline.
  - The token needs C(read), C(update) and C(delete) on C(sys/policies/acl/*). Without C(delete), everything but
    O(policies[].state=absent) works.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  policies:
    description:
      - The policies to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the policy. The server folds names to lower case, and so does this module.
        type: str
        required: true
      rules:
        description:
          - The rules in HCL or JSON.
          - Required when O(policies[].state=present).
        type: str
      state:
        description:
          - Whether the policy should exist.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: trustmesh.security.vault_approle
"""

EXAMPLES = r"""
- name: Let the issuing service sign with one role
  trustmesh.security.vault_policy:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    policies:
      - name: issue-mesh
        rules: |
          path "pki_int/sign/mesh" {
            capabilities = ["update"]
          }

- name: Keep two policies and retire a third in one call
  trustmesh.security.vault_policy:
    policies:
      - name: hub-read
        rules: "{{ lookup('ansible.builtin.file', 'hub-read.hcl') }}"
      - name: hub-write
        rules: "{{ lookup('ansible.builtin.file', 'hub-write.hcl') }}"
      - name: legacy
        state: absent
"""

RETURN = r"""
results:
  description: One entry per policy, in the order of O(policies).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the policy.
      returned: always
      type: str
      sample: issue-mesh
    changed:
      description:
        - Whether this policy was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode.
        - V(none) for an item that failed before anything was changed.
      returned: always
      type: str
      choices: [none, create, update, replace, delete]
      sample: update
    reasons:
      description: Why, one sentence per difference.
      returned: always
      type: list
      elements: str
      sample: [rules differs]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    policy:
      description: The policy as read back from the server; in check mode as it is now.
      returned: when it exists
      type: dict
      contains:
        rules:
          description: The rules.
          returned: always
          type: str
    failed:
      description: Whether this item failed.
      returned: on failure of the item
      type: bool
    msg:
      description: What went wrong and what to do.
      returned: on failure of the item
      type: str
summary:
  description:
    - Number of items by RV(results[].action), and of failures.
    - An item that failed is not counted under V(none). It is counted under its action too if it changed something.
  returned: always
  type: dict
  sample: {create: 1, delete: 0, failed: 0, none: 2, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.policy import POLICIES

SPEC = VAULT + POLICIES.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared policies as resources."""
    return POLICIES.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
