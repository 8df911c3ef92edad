#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_approle
short_description: Manage AppRoles of Vault or OpenBao and deliver their secret-ids
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, updates and removes AppRoles so that they match their declaration. What is not declared is left as it is.
  - Delivers a secret-id for a role into a file on the host that runs the module, response-wrapped unless told
    otherwise, and delivers again when it is gone, about to expire or no longer what is declared.
  - An option that this server does not have is an error before anything is written, unless it is declared to be off,
    which is how such a server acts anyway.
  - A secret-id appears in no result. The role id does, because it is not a secret.
  - The token needs C(create), C(read), C(update) and C(delete) on C(auth/approle/role/*), for deliveries C(list) as
    well. Without C(delete) everything but O(roles[].state=absent) works.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  roles:
    description:
      - The AppRoles to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the role. The server folds names to lower case, and so does this module.
        type: str
        required: true
      mount:
        description:
          - Path at which the AppRole method is enabled, without C(auth/).
          - When omitted, the path given beside O(roles), which is V(approle) by default.
        type: str
      role_id:
        description:
          - The role id, for those who want to choose it.
          - When omitted, the server chooses it once.
        type: str
      bind_secret_id:
        description:
          - Whether logging in takes a secret-id.
        type: bool
      secret_id_bound_cidrs:
        description:
          - Networks from which a secret-id may be used. A single address is understood as a network of one.
        type: list
        elements: str
      secret_id_num_uses:
        description:
          - How often a secret-id may be used; V(0) means any number.
        type: int
      secret_id_ttl:
        description:
          - Lifetime of a secret-id, in seconds or as V(72h), V(30d); V(0) means for ever.
        type: str
      local_secret_ids:
        description:
          - Whether secret-ids are kept out of replication. Can be set when the role is created only, see
            O(roles[].on_mismatch).
        type: bool
      token_policies:
        description:
          - Policies of the tokens.
        type: list
        elements: str
      token_ttl:
        description:
          - Lifetime of a token before it is renewed; V(0) means the default of the mount.
        type: str
      token_max_ttl:
        description:
          - Lifetime of a token with all renewals; V(0) means the limit of the mount.
        type: str
      token_explicit_max_ttl:
        description:
          - Lifetime of a token with all renewals, even where the limit of the mount is higher.
        type: str
      token_period:
        description:
          - Makes tokens that live as long as they are renewed within this time.
        type: str
      token_num_uses:
        description:
          - How many requests a token is good for; V(0) means any number.
        type: int
      token_bound_cidrs:
        description:
          - Networks from which a token may be used. A single address is understood as a network of one.
        type: list
        elements: str
      token_no_default_policy:
        description:
          - Whether tokens go without the policy C(default).
        type: bool
      token_type:
        description:
          - Type of the tokens.
        type: str
        choices: [default, service, batch]
      token_strictly_bind_ip:
        description:
          - Whether a token may only be used from the address that logged in. OpenBao only.
        type: bool
      delivery:
        description:
          - Delivers a secret-id for this role.
          - Beside the file, a second one with the suffix C(.accessor) records what was delivered. It holds no secret.
          - One run at a time delivers into a directory. A run that waits for another one longer than a minute fails.
          - With O(roles[].state=absent), both files are removed.
        type: dict
        suboptions:
          path:
            description:
              - File to deliver into. Its directory must exist.
            type: path
            required: true
          owner:
            description:
              - User who owns the file, by name or number.
              - When omitted, who runs the module.
            type: str
          group:
            description:
              - Group of the file, by name or number.
              - When omitted, the group of who runs the module.
            type: str
          mode:
            description:
              - Permissions of the file, in octal.
            type: str
            default: "0600"
          wrapped:
            description:
              - Whether the file holds a response-wrapping token, which is good for one unwrapping, instead of the
                secret-id itself.
              - Whoever unwraps it has to remove the file, as a login with C(secret_id_wrapped) does. A file that is
                still there when the wrapping token expires counts as never taken. Its secret-id is destroyed at the
                server and a new one delivered, which is also done when the file holds something else than what was
                delivered.
            type: bool
            default: true
          wrap_ttl:
            description:
              - How long there is time to unwrap.
            type: str
            default: 10m
          renew_before:
            description:
              - Delivers a new secret-id when the delivered one expires within this time.
              - When omitted, a secret-id is replaced after it has expired.
              - The one before is left to expire by itself, so that its user has time to change over. One that never
                expires is destroyed when the delivery after this one is made.
            type: str
          ttl:
            description:
              - Lifetime of this secret-id, at most that of the role.
            type: str
          num_uses:
            description:
              - How often this secret-id may be used, at most as often as the role says.
            type: int
          cidr_list:
            description:
              - Networks from which this secret-id may be used, within those of the role.
            type: list
            elements: str
          token_bound_cidrs:
            description:
              - Networks from which tokens of this secret-id may be used, within those of the role.
            type: list
            elements: str
          metadata:
            description:
              - Metadata of the secret-id, which tokens and the audit log show.
            type: dict
      on_mismatch:
        description:
          - What to do when the declaration can only be met by creating the role again.
          - V(fail) changes nothing and names the difference.
          - V(replace) makes every secret-id of the role void, and its role id too unless O(roles[].role_id) is given.
        type: str
        choices: [fail, replace]
        default: fail
      state:
        description:
          - Whether the role should exist.
        type: str
        choices: [present, absent]
        default: present
  mount:
    description:
      - Mount of the O(roles) that do not give their own.
    type: str
    default: approle
notes:
  - Making a secret-id wrapped, the module finds its accessor by listing the accessors before and after and by looking
    at the new ones, since it must not unwrap the answer. Their metadata therefore has a key C(delivery).
seealso:
  - module: trustmesh.security.vault_mount
  - module: trustmesh.security.vault_policy
"""

EXAMPLES = r"""
- name: Let the issuing service log in
  trustmesh.security.vault_approle:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    roles:
      - name: issuer
        token_policies: [issue-mesh]

- name: Deliver a wrapped secret-id for one host, good for a month and from its address only
  trustmesh.security.vault_approle:
    roles:
      - name: trust-service
        token_policies: [trust-service]
        token_ttl: 1h
        token_max_ttl: 8h
        secret_id_ttl: 30d
        secret_id_bound_cidrs: [192.0.2.0/24]
        delivery:
          path: /etc/trust-service/secret-id
          owner: trust
          wrap_ttl: 5m
          renew_before: 7d
          cidr_list: [192.0.2.17]
          metadata:
            host: trust-1

- name: Retire a role
  trustmesh.security.vault_approle:
    roles:
      - name: legacy
        state: absent
"""

RETURN = r"""
results:
  description: One entry per role, in the order of O(roles).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the role, with its mount in front where that is not V(approle).
      returned: always
      type: str
      sample: issuer
    changed:
      description:
        - Whether this role was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode. V(replace) is a new secret-id, or the role created again.
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
      sample: ["token_ttl is 3600, declared 7200"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    role:
      description: The role as read back from the server; in check mode as it is now. Durations are in seconds.
      returned: when it exists
      type: dict
      contains:
        role_id:
          description: The role id.
          returned: always
          type: str
          sample: 8a5b8d4e-2f0f-4b8e-9d93-6a8a5f2f3f10
        bind_secret_id:
          description: Whether logging in takes a secret-id.
          returned: always
          type: bool
        secret_id_bound_cidrs:
          description: Networks from which a secret-id may be used.
          returned: always
          type: list
          elements: str
        secret_id_num_uses:
          description: How often a secret-id may be used.
          returned: always
          type: int
        secret_id_ttl:
          description: Lifetime of a secret-id.
          returned: always
          type: int
          sample: 2592000
        local_secret_ids:
          description: Whether secret-ids are kept out of replication.
          returned: always
          type: bool
        token_policies:
          description: Policies of the tokens.
          returned: always
          type: list
          elements: str
          sample: [issue-mesh]
        token_ttl:
          description: Lifetime of a token before it is renewed.
          returned: always
          type: int
          sample: 3600
        token_max_ttl:
          description: Lifetime of a token with all renewals.
          returned: always
          type: int
        token_explicit_max_ttl:
          description: Lifetime of a token with all renewals, even where the limit of the mount is higher.
          returned: always
          type: int
        token_period:
          description: Time within which a periodic token has to be renewed.
          returned: always
          type: int
        token_num_uses:
          description: How many requests a token is good for.
          returned: always
          type: int
        token_bound_cidrs:
          description: Networks from which a token may be used.
          returned: always
          type: list
          elements: str
        token_no_default_policy:
          description: Whether tokens go without the policy C(default).
          returned: always
          type: bool
        token_type:
          description: Type of the tokens.
          returned: always
          type: str
          sample: default
        token_strictly_bind_ip:
          description: Whether a token may only be used from the address that logged in.
          returned: where the server has it
          type: bool
        delivery:
          description: What was delivered last.
          returned: when O(roles[].delivery) is given and something was delivered
          type: dict
          contains:
            path:
              description: The file.
              returned: always
              type: str
              sample: /etc/trust-service/secret-id
            accessor:
              description: Accessor of the secret-id, by which it can be looked up and destroyed but not used.
              returned: always
              type: str
              sample: 4cf6f521-bf36-0cfa-8cc5-0ee172a25eb6
            wrapped:
              description: Whether a wrapping token was delivered.
              returned: always
              type: bool
            unwrap_before:
              description: When the wrapping token expires; null for a plain secret-id.
              returned: always
              type: str
            expires:
              description: When the secret-id expires; null for one that does not.
              returned: always
              type: str
              sample: "2026-12-21T09:10:52+00:00"
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
from ..module_utils._vault.approle import APPROLES
from ..module_utils._vault.connection import VAULT, connect

SPEC = VAULT + APPROLES.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared roles as resources."""
    return APPROLES.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
