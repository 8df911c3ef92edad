#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_mount
short_description: Enable and tune secret engines and auth methods of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Enables, tunes and disables secret engines and auth methods so that they match their declaration.
  - The whole list costs one read of C(sys/mounts) and, when it names auth methods, one of C(sys/auth).
  - What is not declared is left as it is, so a tuning that was set elsewhere is not reset. A new mount gets the
    server's defaults for it.
  - The token needs C(read) on C(sys/mounts), and C(update) and C(delete) on C(sys/mounts/*). For auth methods it needs
    C(read) on C(sys/auth), and C(update), C(delete) and C(sudo) on C(sys/auth/*). Tuning what is enabled needs
    C(update) on the C(tune) path below the mount, and C(sudo) there for auth methods.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  mounts:
    description:
      - The secret engines and auth methods to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Path at which it is enabled, without C(auth/) and without a slash at the end.
        type: str
        required: true
      category:
        description:
          - Whether it is a secret engine or an auth method.
          - When omitted, the category given beside O(mounts), which is V(secret) by default.
        type: str
        choices: [secret, auth]
      type:
        description:
          - Type of the engine or method, for example V(pki), V(kv), V(approle) or V(cert). V(kv-v2) means V(kv) with
            version 2.
          - Required when O(mounts[].state=present). Another type at the path obeys O(mounts[].on_mismatch).
        type: str
      description:
        description:
          - A text for people.
        type: str
      engine_options:
        description:
          - Options of the engine, for example C(version) of V(kv). Keys that are not declared are left as they are.
          - Version 1 of a key-value engine is upgraded in place. The way back obeys O(mounts[].on_mismatch).
        type: dict
      default_lease_ttl:
        description:
          - Lifetime of leases and tokens when a request asks for no other, in seconds or as V(72h), V(30d), V(1h30m).
          - V(0) means the default of the system.
        type: str
      max_lease_ttl:
        description:
          - Longest lifetime of leases and tokens. V(0) means the limit of the system, often 32 days.
          - A PKI engine cuts certificates to it, CA certificates too, so raise it before making a CA.
        type: str
      listing_visibility:
        description:
          - Whether the mount is named to people who are not logged in.
        type: str
        choices: [hidden, unauth]
      audit_non_hmac_request_keys:
        description:
          - Keys of requests that the audit log shows in clear.
        type: list
        elements: str
      audit_non_hmac_response_keys:
        description:
          - Keys of answers that the audit log shows in clear.
        type: list
        elements: str
      allowed_response_headers:
        description:
          - Headers that the engine may set in answers. ACME needs V(Replay-Nonce), V(Link) and V(Location).
        type: list
        elements: str
      passthrough_request_headers:
        description:
          - Headers of requests that are passed on to the engine.
        type: list
        elements: str
      token_type:
        description:
          - Type of the tokens that an auth method hands out. Only for O(mounts[].category=auth).
        type: str
        choices: [default-service, default-batch, service, batch]
      local:
        description:
          - Whether it is kept out of replication. Can be set when enabling only.
        type: bool
      seal_wrap:
        description:
          - Whether its storage is wrapped by the seal. Can be set when enabling only.
        type: bool
      external_entropy_access:
        description:
          - Whether it may use an external source of randomness. Can be set when enabling only.
        type: bool
      on_mismatch:
        description:
          - What to do when the declaration can only be met by disabling what is there and enabling it again.
          - V(fail) changes nothing and names the difference.
          - V(replace) destroys everything that the engine holds, or everything that the auth method knows.
        type: str
        choices: [fail, replace]
        default: fail
      state:
        description:
          - Whether it should be enabled. V(absent) destroys what it holds.
        type: str
        choices: [present, absent]
        default: present
  category:
    description:
      - Category of the O(mounts) that do not give their own.
    type: str
    choices: [secret, auth]
    default: secret
seealso:
  - module: trustmesh.security.vault_policy
  - module: trustmesh.security.vault_approle
"""

EXAMPLES = r"""
- name: Enable a key-value engine
  trustmesh.security.vault_mount:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    mounts:
      - path: hub
        type: kv-v2

- name: Prepare two PKI engines and the AppRole method
  trustmesh.security.vault_mount:
    mounts:
      - path: pki_root
        type: pki
        description: Root CA
        max_lease_ttl: 3650d
      - path: pki_int
        type: pki
        description: Issuing CA
        default_lease_ttl: 30d
        max_lease_ttl: 1825d
        allowed_response_headers: [Replay-Nonce, Link, Location]
        audit_non_hmac_response_keys: [serial_number]
      - path: approle
        category: auth
        type: approle

- name: Disable an engine and destroy what it holds
  trustmesh.security.vault_mount:
    mounts:
      - path: legacy
        state: absent
"""

RETURN = r"""
results:
  description: One entry per mount, in the order of O(mounts).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Path of the mount.
      returned: always
      type: str
      sample: pki_int
    changed:
      description:
        - Whether this mount was changed, or would be in check mode.
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
      sample: ["max_lease_ttl is 2764800, declared 315360000"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    mount:
      description: The mount as read back from the server; in check mode as it is now. Durations are in seconds.
      returned: when it exists
      type: dict
      contains:
        category:
          description: Whether it is a secret engine or an auth method.
          returned: always
          type: str
          sample: secret
        accessor:
          description: The server's own name for it, as identity aliases and templated policies use it.
          returned: always
          type: str
          sample: pki_92cb42da
        type:
          description: Type of the engine or method.
          returned: always
          type: str
          sample: pki
        description:
          description: The text for people.
          returned: always
          type: str
        engine_options:
          description: Options of the engine.
          returned: always
          type: dict
          sample: {"version": "2"}
        default_lease_ttl:
          description: Default lifetime in seconds; 0 means the default of the system.
          returned: always
          type: int
          sample: 2592000
        max_lease_ttl:
          description: Longest lifetime in seconds; 0 means the limit of the system.
          returned: always
          type: int
          sample: 315360000
        listing_visibility:
          description: Whether it is named to people who are not logged in.
          returned: always
          type: str
          sample: hidden
        audit_non_hmac_request_keys:
          description: Keys of requests that the audit log shows in clear.
          returned: always
          type: list
          elements: str
        audit_non_hmac_response_keys:
          description: Keys of answers that the audit log shows in clear.
          returned: always
          type: list
          elements: str
        allowed_response_headers:
          description: Headers that the engine may set.
          returned: always
          type: list
          elements: str
        passthrough_request_headers:
          description: Headers that are passed on to the engine.
          returned: always
          type: list
          elements: str
        token_type:
          description: Type of the tokens of an auth method; null for a secret engine.
          returned: always
          type: str
        local:
          description: Whether it is kept out of replication.
          returned: always
          type: bool
        seal_wrap:
          description: Whether its storage is wrapped by the seal.
          returned: always
          type: bool
        external_entropy_access:
          description: Whether it may use an external source of randomness.
          returned: always
          type: bool
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
from ..module_utils._vault.mount import MOUNTS

SPEC = VAULT + MOUNTS.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared mounts as resources."""
    return MOUNTS.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
