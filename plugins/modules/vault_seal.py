#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_seal
short_description: Initialise, unseal and seal a Vault or OpenBao of your own
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Initialises an uninitialised server, keeps its keys in a file, and unseals it with them, or seals a running one.
  - This is meant for development, demonstrations and tests. A file that holds all keys undoes what the seal is for. In
    production, let a key service unseal the server, or give the shares to several people.
  - Keys are never lost by a full disk or a missing right, because the file is made, with its owner and mode and enough
    room, before the server is asked to initialise. An existing file is never overwritten.
  - Initialising and unsealing need no token. Sealing needs one with C(update) and C(sudo) on C(sys/seal).
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  keys_file:
    description:
      - JSON file with the keys, mode C(0600), on the host that runs the module. Its directory must exist.
      - It is written when the server is initialised and read when it is unsealed. Keep a copy elsewhere.
      - Required when O(state=unsealed).
    type: path
  root_token_file:
    description:
      - File for the root token alone, mode C(0600), fit for O(token_file) of later tasks.
      - When omitted, the root token is in O(keys_file) only.
      - Once the root token was revoked, remove it from O(keys_file), and this file is left alone.
    type: path
  owner:
    description:
      - User who owns the files, by name or number.
      - When omitted, the user who runs the module.
    type: str
  group:
    description:
      - Group of the files, by name or number.
      - When omitted, the group of the user who runs the module.
    type: str
  shares:
    description:
      - Into how many shares the key is split at initialisation. More than one has a use only when they are taken out of
        O(keys_file) and given to people.
    type: int
    default: 1
  threshold:
    description:
      - How many shares unseal the server, at most O(shares).
    type: int
    default: 1
  state:
    description:
      - Whether the server should be unsealed, being initialised first if it never was, or sealed.
      - A server that was never initialised counts as sealed.
    type: str
    choices: [unsealed, sealed]
    default: unsealed
notes:
  - O(timeout) is also how long the module waits for a node to become active after unsealing.
  - The seal is that of the whole server, whatever its namespaces. O(namespace) only says where to log in, unless
    O(auth_namespace) does.
  - With O(state=unsealed), the options about logging in and O(namespace) have no influence.
  - A token that was obtained to seal the server expires, because a sealed server revokes none.
seealso:
  - module: trustmesh.security.vault_info
"""

EXAMPLES = r"""
- name: Bring up a development server
  trustmesh.security.vault_seal:
    url: https://127.0.0.1:8200
    ca_cert: build/vault/ca.pem
    keys_file: build/vault/keys.json

- name: Initialise with five shares, and keep the root token where later tasks find it
  trustmesh.security.vault_seal:
    url: https://vault.lab.example.com:8200
    ca_cert: /etc/ssl/lab-ca.pem
    keys_file: /root/vault-keys.json
    root_token_file: /root/vault-root-token
    shares: 5
    threshold: 3

- name: Seal the server
  trustmesh.security.vault_seal:
    url: https://vault.lab.example.com:8200
    ca_cert: /etc/ssl/lab-ca.pem
    token_file: /root/vault-root-token
    state: sealed
"""

RETURN = r"""
results:
  description: One entry, for the server.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Address of the server.
      returned: always
      type: str
      sample: https://127.0.0.1:8200
    changed:
      description:
        - Whether something was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode. V(create) is an initialisation.
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
      sample: [the server is not initialised]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    seal:
      description: What the server says about its seal; in check mode as it is now.
      returned: always
      type: dict
      contains:
        initialized:
          description: Whether it was ever initialised.
          returned: always
          type: bool
        sealed:
          description: Whether it is sealed.
          returned: always
          type: bool
        type:
          description: How it is unsealed; C(shamir) by people with key shares.
          returned: always
          type: str
          sample: shamir
        shares:
          description: Number of key shares; 0 before the initialisation.
          returned: always
          type: int
          sample: 5
        threshold:
          description: Number of shares that unseal it; 0 before the initialisation.
          returned: always
          type: int
          sample: 3
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
from ..module_utils._core.spec import Params, Spec
from ..module_utils._vault.connection import VAULT, reach, reach_login
from ..module_utils._vault.seal import Seal, SealTerms

SPEC = VAULT + Spec(
    {
        "keys_file": {"type": "path", "no_log": False},
        "root_token_file": {"type": "path", "no_log": False},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "shares": {"type": "int", "default": 1},
        "threshold": {"type": "int", "default": 1},
        "state": {"type": "str", "choices": ["unsealed", "sealed"], "default": "unsealed"},
    },
    required_if=(("state", "unsealed", ("keys_file",)),),
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the seal as a resource."""
    terms = SealTerms.declared(params)
    vault = reach({**params, "namespace": ""}, stack)
    gate = reach_login(params, stack) if terms.sealed else vault
    return Batch([Seal(vault, terms, gate)], warnings=vault.warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
