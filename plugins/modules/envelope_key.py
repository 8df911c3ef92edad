#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: envelope_key
short_description: Manage master keys of envelope encryption in files
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates files with a random master key of 64 hexadecimal characters, on the host that uses them, readable by their
    owner alone.
  - A key that is there stays. What is not a key, or has a pattern so that it was not made at random, is refused or
    replaced by O(keys[].on_mismatch).
  - In check mode it tells whether every host has a usable key, and C(check_value) in the results tells whether it is
    the same one, without saying anything about it.
  - To keep the master key in Vault or OpenBao, use M(trustmesh.security.vault_transit_key), or generate 64 characters
    V(hex) by M(trustmesh.security.vault_kv_secret).
extends_documentation_fragment:
  - trustmesh.security._attributes
options:
  keys:
    description:
      - The files to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Absolute path of the file. Its directory has to exist.
        type: path
        required: true
      owner:
        description:
          - Name or number of the owner.
          - When omitted, a new file belongs to the user who runs the module.
        type: str
      group:
        description:
          - Name or number of the group.
        type: str
      mode:
        description:
          - Permissions of the file.
          - When omitted, those given beside O(keys), which are V(0600) by default.
        type: str
        choices: ["0400", "0600"]
      deletion_allowed:
        description:
          - With O(keys[].state=absent), V(true) says that losing everything the key wrapped is meant.
        type: bool
        default: false
      on_mismatch:
        description:
          - What to do about a file that holds no usable key.
          - V(fail) changes nothing and says what is wrong with it.
          - V(replace) gives up what is there and makes a key.
        type: str
        choices: [fail, replace]
        default: fail
      state:
        description:
          - Whether the file should exist. V(absent) needs O(keys[].deletion_allowed=true).
        type: str
        choices: [present, absent]
        default: present
  owner:
    description:
      - Owner of the O(keys) that do not give their own.
    type: str
  group:
    description:
      - Group of the O(keys) that do not give their own.
    type: str
  mode:
    description:
      - Permissions of the O(keys) that do not give their own.
    type: str
    choices: ["0400", "0600"]
    default: "0600"
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.envelope_rewrap
  - plugin: trustmesh.security.envelope_seal
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Make a master key
  trustmesh.security.envelope_key:
    keys:
      - path: /etc/panel/master.key

- name: Make the key of the next rotation beside the present one, for the service alone
  trustmesh.security.envelope_key:
    owner: panel
    group: panel
    mode: "0400"
    keys:
      - path: /etc/panel/master.key
      - path: /etc/panel/master.next.key

- name: Remove the old key after everything is wrapped with the new one
  trustmesh.security.envelope_key:
    keys:
      - path: /etc/panel/master.old.key
        deletion_allowed: true
        state: absent
"""

RETURN = r"""
results:
  description: One entry per file, in the order of O(keys).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Path of the file.
      returned: always
      type: str
      sample: /etc/panel/master.key
    changed:
      description:
        - Whether this file was changed, or would be in check mode.
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
      sample: create
    reasons:
      description: Why, one sentence per difference.
      returned: always
      type: list
      elements: str
      sample: ["mode is 0644, declared 0600"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    key:
      description: The key as it is; never the key itself.
      returned: when there is a file
      type: dict
      contains:
        path:
          description: Path of the file.
          returned: always
          type: str
          sample: /etc/panel/master.key
        usable:
          description: Whether the file holds a master key.
          returned: always
          type: bool
        check_value:
          description: Equal for equal keys, on any host and in any run. It tells nothing else about the key.
          returned: when the file holds a master key
          type: str
          sample: 3f1c9a52d07be846
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

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._envelope.key_file import KEY_FILE, key_files

SPEC = Spec(requires=(CRYPTOGRAPHY,)) + batch("keys", KEY_FILE, shared=("owner", "group", "mode"), no_log=False)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared files as resources."""
    return key_files(lambda declare: build_each(SPEC, params, declare, key="path"))


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
