#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_transit_key
short_description: Manage keys of transit engines of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, updates, rotates and removes keys so that they match their declaration. Key material never leaves the
    server.
  - A key gets a new version when the newest one has reached O(keys[].max_age), or was made before O(keys[].not_before).
    Both are conditions and not commands, so that a second run changes nothing.
  - What a key was once allowed with O(keys[].exportable) or O(keys[].allow_plaintext_backup) cannot be taken from it.
    Declaring it V(false) then obeys O(keys[].on_mismatch).
  - The token needs C(read), C(update) and C(delete) on C(transit/keys/NAME), and C(update) on
    C(transit/keys/NAME/config) and C(transit/keys/NAME/rotate). Without C(delete), everything but
    O(keys[].state=absent) and O(keys[].on_mismatch=replace) works.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  keys:
    description:
      - The keys to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the key.
        type: str
        required: true
      mount:
        description:
          - Path of the engine.
          - When omitted, the path given beside O(keys), which is V(transit) by default.
        type: str
      type:
        description:
          - What the key is for. V(aes256-gcm96) wraps data keys; see M(trustmesh.security.envelope_rewrap).
          - Required when O(keys[].state=present). Another type obeys O(keys[].on_mismatch).
        type: str
        choices:
          - aes128-gcm96
          - aes256-gcm96
          - chacha20-poly1305
          - xchacha20-poly1305
          - ed25519
          - ecdsa-p256
          - ecdsa-p384
          - ecdsa-p521
          - rsa-2048
          - rsa-3072
          - rsa-4096
          - hmac
      derived:
        description:
          - Whether each request derives a key of its own from a context. Such a key wraps no data keys here.
          - Another value obeys O(keys[].on_mismatch).
        type: bool
      convergent_encryption:
        description:
          - Whether equal texts become equal ciphertexts. Needs O(keys[].derived=true).
          - Another value obeys O(keys[].on_mismatch).
        type: bool
      exportable:
        description:
          - Whether those with the right to may take the key material out. A new key is not exportable.
        type: bool
      allow_plaintext_backup:
        description:
          - Whether those with the right to may back the key up in clear. A new key cannot be.
        type: bool
      deletion_allowed:
        description:
          - Whether the key may be deleted.
          - With O(keys[].state=absent), V(true) says that losing everything the key wrapped is meant.
        type: bool
      auto_rotate_period:
        description:
          - After how long the server makes a new version by itself, in seconds or as V(30d), V(720h). V(0) means never.
        type: str
      min_decryption_version:
        description:
          - Oldest version that decrypts and verifies. Rewrap what older ones wrapped before raising it.
        type: int
      min_encryption_version:
        description:
          - Oldest version that a request may name to encrypt and sign. V(0) allows all from
            O(keys[].min_decryption_version) on. A request that names none gets the newest.
        type: int
      max_age:
        description:
          - Age at which the newest version is followed by another, in seconds or as V(90d), V(720h).
        type: str
      not_before:
        description:
          - An instant, such as V(2026-01-31T00:00:00Z). A newest version that was made before it is followed by
            another, once it has come.
        type: str
      on_mismatch:
        description:
          - What to do when the declaration can only be met by another key.
          - V(fail) changes nothing and names the difference.
          - V(replace) deletes the key, and with it everything that it wrapped, and makes another one.
        type: str
        choices: [fail, replace]
        default: fail
      state:
        description:
          - Whether the key should exist. V(absent) needs O(keys[].deletion_allowed=true).
        type: str
        choices: [present, absent]
        default: present
  mount:
    description:
      - Path of the engine for the O(keys) that do not give their own.
    type: str
    default: transit
seealso:
  - module: trustmesh.security.envelope_rewrap
  - module: trustmesh.security.vault_mount
"""

EXAMPLES = r"""
- name: Make a master key for envelopes
  trustmesh.security.vault_transit_key:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    keys:
      - name: hub
        type: aes256-gcm96

- name: Keep master keys young and inside the server
  trustmesh.security.vault_transit_key:
    mount: envelopes
    keys:
      - name: hub
        type: aes256-gcm96
        exportable: false
        allow_plaintext_backup: false
        deletion_allowed: false
        max_age: 90d
      - name: panel
        type: aes256-gcm96
        not_before: "2026-03-01T00:00:00Z"
        min_decryption_version: 2

- name: Give a key up, and everything that it wrapped
  trustmesh.security.vault_transit_key:
    keys:
      - name: legacy
        deletion_allowed: true
        state: absent
"""

RETURN = r"""
results:
  description: One entry per key, in the order of O(keys).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the key.
      returned: always
      type: str
      sample: hub
    changed:
      description:
        - Whether this key was changed, or would be in check mode.
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
      sample: ["version 3 is 91d old, declared 90d"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    key:
      description: The key as read back from the server; in check mode as it is now. Durations are in seconds.
      returned: when it exists
      type: dict
      contains:
        type:
          description: Type of the key.
          returned: always
          type: str
          sample: aes256-gcm96
        derived:
          description: Whether keys are derived from a context.
          returned: always
          type: bool
        convergent_encryption:
          description: Whether equal texts become equal ciphertexts.
          returned: always
          type: bool
        exportable:
          description: Whether key material can be taken out.
          returned: always
          type: bool
        allow_plaintext_backup:
          description: Whether it can be backed up in clear.
          returned: always
          type: bool
        deletion_allowed:
          description: Whether it may be deleted.
          returned: always
          type: bool
        auto_rotate_period:
          description: After how many seconds the server makes a new version; 0 means never.
          returned: always
          type: int
          sample: 0
        min_decryption_version:
          description: Oldest version that decrypts and verifies.
          returned: always
          type: int
          sample: 1
        min_encryption_version:
          description: Oldest version that a request may name to encrypt and sign; 0 sets no such limit.
          returned: always
          type: int
          sample: 0
        latest_version:
          description: Number of the newest version.
          returned: always
          type: int
          sample: 3
        made_at:
          description: When the newest version was made.
          returned: always
          type: str
          sample: "2026-03-01T08:00:00+00:00"
        public_key:
          description: Public half of the newest version, in PEM, or in base64 for Ed25519.
          returned: when the key signs
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
from ..module_utils._vault.transit_key import TRANSIT_KEYS

SPEC = VAULT + TRANSIT_KEYS.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared keys as resources."""
    return TRANSIT_KEYS.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
