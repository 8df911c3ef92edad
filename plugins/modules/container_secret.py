#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_secret
short_description: Manage secrets of podman
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, replaces and removes secrets of podman, those of the user who runs the task. A value is given, read from a
    file, or read from a key-value engine of Vault or OpenBao.
  - Values are never read back and never on a command line. A label holds a keyed digest, by which the next run knows
    whether the value has changed; the key stays in O(digest_key_file).
  - Everything about a secret is fixed when it is made, so that a difference replaces it. Containers that run keep what
    they were started with; restart them.
  - With podman that cannot replace in one go (4.3), a secret is missing for a moment.
  - With O(secrets[].vault), a policy needs C(read) on C(<mount>/data/<path>), or on C(<mount>/<path>) for version 1 of
    the engine.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  secrets:
    description:
      - The secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the secret.
        type: str
        required: true
      state:
        description:
          - Whether the secret should exist.
        type: str
        choices: [present, absent]
        default: present
      value:
        description:
          - The value itself.
          - Exactly one of this, O(secrets[].value_file) and O(secrets[].vault) is needed, unless it is declared absent.
        type: str
      value_file:
        description:
          - File on this host that holds the value, text in UTF-8. One line end at its end is left out.
        type: path
      vault:
        description:
          - Where the value is in a key-value engine of Vault or OpenBao.
        type: dict
        suboptions:
          mount:
            description:
              - Path of the engine.
            type: str
            required: true
          path:
            description:
              - Path of the secret in it.
            type: str
            required: true
          key:
            description:
              - Name of the value in the secret.
            type: str
            required: true
      driver:
        description:
          - Driver that keeps the value.
        type: str
        default: file
      labels:
        description:
          - Labels of the secret. Others that it has are left alone.
          - When omitted, labels do not matter.
        type: dict
  digest_key_file:
    description:
      - File on this host with the key of the digests. It is made when it is needed. Without it every secret is replaced
        once.
    type: path
    default: ~/.config/trustmesh/digest.key
  executable:
    description:
      - The podman to run.
    type: str
    default: podman
requirements:
  - podman 4.3 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.vault_kv_secret
  - module: trustmesh.security.environment_file
  - module: trustmesh.security.systemd_credential
"""

EXAMPLES = r"""
- name: Hand a certificate to containers
  trustmesh.security.container_secret:
    secrets:
      - name: tls_server_key
        value_file: /etc/pki/trustmesh/hub/key.pem

- name: Hand over what Vault keeps
  trustmesh.security.container_secret:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    auth_method: approle
    role_id: "{{ hub_role_id }}"
    secret_id_file: /etc/hub/secret-id
    secrets:
      - name: db_password
        vault: {mount: kv, path: hub/db, key: password}
        labels: {owner: hub}
      - name: vault_role_id
        value: "{{ hub_role_id }}"

- name: Remove one
  trustmesh.security.container_secret:
    secrets:
      - name: db_password
        state: absent
"""

RETURN = r"""
results:
  description: One entry per item, in the order of O(secrets).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: What the item is called.
      returned: always
      type: str
      sample: db_password
    changed:
      description:
        - Whether it was changed, or would be in check mode.
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
      sample: [value differs]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    secret:
      description: The secret as it is after the task; in check mode as it is now.
      returned: when it exists
      type: dict
      contains:
        name:
          description: Its name.
          returned: always
          type: str
        driver:
          description: Driver that keeps the value.
          returned: always
          type: str
          sample: file
        labels:
          description: Its labels, without the one of this module.
          returned: always
          type: dict
          sample: {owner: hub}
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
  sample: {create: 1, delete: 0, failed: 0, none: 1, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._hygiene.container_secret import ITEM_OPTIONS, ContainerSecret, Engine, Podman
from ..module_utils._hygiene.digest import DigestKey
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.kv_values import KvValues

SPEC = (
    VAULT
    + batch("secrets", ITEM_OPTIONS, no_log=False)
    + Spec(
        {
            "digest_key_file": {"type": "path", "default": "~/.config/trustmesh/digest.key", "no_log": False},
            "executable": {"type": "str", "default": "podman"},
        }
    )
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared secrets as resources; logs in only where a value is in Vault."""
    engine = Engine(Podman(params["executable"]), DigestKey(params["digest_key_file"]))
    values = KvValues(lambda: connect(params, stack))
    secrets = build_each(SPEC, params, lambda item: ContainerSecret.declared(engine, values, item))
    return Batch(secrets, reads_here=True, warnings=values.warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
