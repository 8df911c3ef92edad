#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_kv_secret
short_description: Manage secrets in a key-value engine of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, updates and removes secrets in version 1 or 2 of the key-value engine.
  - Writes only what differs, so that no version is made of equal data. In version 2 a write carries the version it was
    decided on (check-and-set), and is decided again when another writer was faster. Version 1 cannot refuse a write, so
    that a run may replace what another one generated in the same moment; a warning says so.
  - Values can be generated where there are none yet, and then never leave the server through this module.
  - No value appears in a result. A diff shows fingerprints that are meaningless outside the run.
  - In version 2 the token needs C(create), C(read), C(update) and C(delete) on C(<mount>/data/<path>), and on
    C(<mount>/metadata/<path>) C(read), with C(create) and C(update) for metadata and C(delete) for
    O(secrets[].on_delete=destroy). In version 1 it needs C(create), C(read), C(update) and C(delete) on
    C(<mount>/<path>).
  - Which version an engine is says C(sys/internal/ui/mounts/<mount>), which servers let every user of the mount read,
    or else the engine's own description of its endpoints. Where something in between bars both, the task fails.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  secrets:
    description:
      - The secrets to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Path of the secret below the mount, without C(data/).
        type: str
        required: true
      mount:
        description:
          - Path at which the engine is enabled.
          - When omitted, the path given beside O(secrets). Needed in one of the two places.
        type: str
      data:
        description:
          - Keys and values. Values may be texts, numbers, truth values, lists and mappings.
          - A whole number beyond 2^53 is refused, because the server would alter it. Quote it.
          - When both O(secrets[].data) and O(secrets[].generate) are omitted, only the metadata is managed.
        type: dict
      generate:
        description:
          - Keys whose value is generated at random if there is none. A value that is there is never changed.
          - When omitted, nothing is generated.
        type: list
        elements: dict
        suboptions:
          key:
            description:
              - The key.
            type: str
            required: true
          length:
            description:
              - Number of characters, 8 or more.
            type: int
            default: 32
          charset:
            description:
              - Characters to choose from. V(printable) holds no quotes, spaces, brackets, dollars or backslashes.
            type: str
            choices: [alphanumeric, hex, base64url, printable]
            default: alphanumeric
      other_keys:
        description:
          - What to do with keys that are neither in O(secrets[].data) nor in O(secrets[].generate).
        type: str
        choices: [keep, remove]
        default: keep
      max_versions:
        description:
          - How many versions are kept; V(0) means as many as the engine is configured to. Version 2 only.
        type: int
      cas_required:
        description:
          - Whether every write has to carry the version it was decided on. Version 2 only.
        type: bool
      delete_version_after:
        description:
          - Lifetime of a version, in seconds or as V(72h), V(30d); V(0) means for ever. Version 2 only.
        type: str
      custom_metadata:
        description:
          - Texts that describe the secret, all of them; others are removed. They are not secret. Version 2 only.
        type: dict
      on_delete:
        description:
          - What O(secrets[].state=absent) means. V(delete) deletes the newest version, which can be undone in version
            2. V(destroy) destroys all versions and the metadata.
        type: str
        choices: [delete, destroy]
        default: delete
      state:
        description:
          - Whether the secret should exist.
        type: str
        choices: [present, absent]
        default: present
  mount:
    description:
      - Mount of the O(secrets) that do not give their own.
    type: str
notes:
  - Ansible keeps what it is given in the variables of the play. Read values of O(secrets[].data) from a vaulted file or
    a lookup, or let them be generated.
seealso:
  - module: trustmesh.security.vault_mount
"""

EXAMPLES = r"""
- name: Keep the key of a partner's API
  trustmesh.security.vault_kv_secret:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    secrets:
      - mount: hub
        path: partners/perffsp-1
        data:
          api_key: "{{ partner_api_key }}"

- name: Generate a database password for every service
  trustmesh.security.vault_kv_secret:
    mount: hub
    secrets:
      - path: central-ledger/database
        data:
          username: central_ledger
        generate:
          - key: password
            length: 40
        max_versions: 10
        custom_metadata:
          owner: ledger-team
      - path: quoting-service/database
        data:
          username: quoting_service
        generate:
          - key: password
            length: 40
        other_keys: remove

- name: Destroy a secret with all its versions
  trustmesh.security.vault_kv_secret:
    mount: hub
    secrets:
      - path: legacy/database
        on_delete: destroy
        state: absent
"""

RETURN = r"""
results:
  description: One entry per secret, in the order of O(secrets).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Mount and path of the secret.
      returned: always
      type: str
      sample: hub/partners/perffsp-1
    changed:
      description:
        - Whether this secret was changed, or would be in check mode.
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
      sample: [data.api_key differs]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    secret:
      description: The secret as read back from the server, without its values; in check mode as it is now.
      returned: when it exists
      type: dict
      contains:
        mount:
          description: Path of the engine.
          returned: always
          type: str
          sample: hub
        path:
          description: Path of the secret.
          returned: always
          type: str
          sample: partners/perffsp-1
        key_names:
          description: Keys of the newest version.
          returned: always
          type: list
          elements: str
          sample: [api_key]
        deleted:
          description: Whether the newest version is deleted.
          returned: always
          type: bool
        version:
          description: Number of the newest version.
          returned: in version 2
          type: int
          sample: 3
        custom_metadata:
          description: Texts that describe the secret.
          returned: in version 2
          type: dict
        max_versions:
          description: How many versions are kept.
          returned: when it is declared
          type: int
        cas_required:
          description: Whether every write has to carry the version it was decided on.
          returned: when it is declared
          type: bool
        delete_version_after:
          description: Lifetime of a version in seconds.
          returned: when it is declared
          type: int
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
from ..module_utils._vault.kv import SECRETS

SPEC = VAULT + SECRETS.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared secrets as resources."""
    return SECRETS.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
