#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_token
short_description: Log in to Vault or OpenBao once and keep the token for later tasks
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Logs in, keeps the token in a file that only its owner can read, and uses it again while it lives long enough.
  - Later tasks name the file in their C(token_file) option, so that a play logs in once instead of once per task.
  - With O(state=absent) the token is revoked, if a login made it, and the file removed. This needs neither
    O(auth_method) nor its secrets.
  - The token never appears in a result.
  - The token it obtains needs C(read) on C(auth/token/lookup-self) and C(update) on C(auth/token/revoke-self), which
    the policy C(default) of every server allows.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
attributes:
  check_mode:
    details:
      - Asks the server about the token in the file and does not log in, so that no use of a limited or wrapped
        secret-id is spent.
options:
  path:
    description:
      - File that holds the token, on the host that runs the module. It has mode C(0600), and its directory must exist.
      - A directory in memory, such as C(/run), keeps it off the disk.
    type: path
    required: true
  min_ttl:
    description:
      - How long the token must still live to be used again, in seconds or as V(10m), V(1h).
      - Choose the time that the play takes. When less is left, a new token is obtained and the old one is revoked.
      - A login whose tokens never last that long is an error.
    type: str
    default: 10m
  owner:
    description:
      - User who owns the file, by name or number.
      - When omitted, the user who runs the module.
    type: str
  group:
    description:
      - Group of the file, by name or number.
      - When omitted, the group of the user who runs the module.
    type: str
  state:
    description:
      - Whether there should be a usable token.
    type: str
    choices: [present, absent]
    default: present
notes:
  - O(auth_method=token) is refused with O(state=present), because a token needs no login.
  - Where later tasks are to read in check mode before the first real run, give this task C(check_mode=false).
    A login changes nothing that anybody declared.
"""

EXAMPLES = r"""
- name: Log in once
  trustmesh.security.vault_token:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    auth_method: approle
    role_id: "{{ hub_role_id }}"
    secret_id_file: /etc/hub/secret-id
    path: /run/hub/vault-token
  check_mode: false

- name: Use the token in later tasks
  trustmesh.security.vault_policy:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    token_file: /run/hub/vault-token
    policies:
      - name: hub-read
        rules: "{{ lookup('ansible.builtin.file', 'hub-read.hcl') }}"

- name: Revoke the token and remove the file
  trustmesh.security.vault_token:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    path: /run/hub/vault-token
    state: absent
"""

RETURN = r"""
results:
  description: One entry, for the token file.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Path of the file.
      returned: always
      type: str
      sample: /run/hub/vault-token
    changed:
      description:
        - Whether the file was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode. V(replace) is a new login.
        - V(none) for an item that failed before anything was changed.
      returned: always
      type: str
      choices: [none, create, update, replace, delete]
      sample: replace
    reasons:
      description: Why, one sentence per difference.
      returned: always
      type: list
      elements: str
      sample: ["the token expires in 4m, min_ttl is 10m"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    session:
      description: What the server says about the token; in check mode about the one that is in the file now.
      returned: when the file exists
      type: dict
      contains:
        path:
          description: Path of the file.
          returned: always
          type: str
          sample: /run/hub/vault-token
        valid:
          description: Whether the server accepts the token.
          returned: always
          type: bool
        accessor:
          description: Accessor of the token, by which it can be found and revoked but not used.
          returned: always
          type: str
          sample: SO63sQF4mIa8w7FObZy6L8KG
        origin:
          description: Path at which the token was obtained.
          returned: always
          type: str
          sample: auth/approle/login
        policies:
          description: Policies of the token.
          returned: always
          type: list
          elements: str
          sample: [default, hub-read]
        ttl:
          description: Seconds that the token still lives; null when it does not expire.
          returned: always
          type: int
          sample: 3599
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
  sample: {create: 1, delete: 0, failed: 0, none: 0, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import STATE, Params, Spec
from ..module_utils._vault.connection import VAULT, reach_login
from ..module_utils._vault.session import Session, SessionTerms

SPEC = VAULT + Spec(
    {
        "path": {"type": "path", "required": True},
        "min_ttl": {"type": "str", "default": "10m"},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        **STATE,
    }
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the token file as a resource; whether it has to log in is for its plan to say."""
    terms = None if params["state"] == "absent" else SessionTerms.declared(params)
    vault = reach_login(params, stack)
    return Batch([Session(vault, params["path"], terms)], warnings=vault.warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
