#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_stack
short_description: Apply the configuration of a Vault or OpenBao server in one task
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Takes what the modules for single kinds of objects take (engines, CAs, roles, keys, policies, logins, secrets) and
    does what they do, in one process with one login. That is several times as fast as a task per kind.
  - The sections are worked through in the order O(mounts), O(engines), O(issuers), O(pki_roles), O(transit_keys),
    O(policies), O(approles), O(secrets), O(revocations). All items of a section are read and planned before its
    first one is changed. Every item of every section is checked before anything is read.
  - Items with V(absent) as their C(state) come after everything else, in the reverse order of the sections.
  - After a section with a failure the rest is read and planned but not attempted, because it may depend on what failed.
  - In check mode everything is foretold, on an empty server as well, and also what comes after a failure.
  - The token needs the rights that the modules of the given sections name. For a whole PKI these are, with the engines
    C(pki_root) and C(pki_int) as an example, C(read) on C(sys/mounts) and C(sys/auth), C(update) and C(delete) on
    C(sys/mounts/*), C(update), C(delete) and C(sudo) on C(sys/auth/*), C(read) on C(sys/mounts/+/tune), all
    capabilities but C(sudo) on C(pki_root/*) and C(pki_int/*), C(create), C(read), C(update) and C(delete) on
    C(sys/policies/acl/*), and those with C(list) on C(auth/approle/role/*). Keys, secrets and revocations need what
    M(trustmesh.security.vault_transit_key), M(trustmesh.security.vault_kv_secret) and
    M(trustmesh.security.vault_pki_revocation) name.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  mounts:
    description:
      - >-
        Secret engines and auth methods. Items as in M(trustmesh.security.vault_mount), for example
        C({path: pki_int, type: pki, max_lease_ttl: 1825d}).
    type: list
    elements: dict
  engines:
    description:
      - >-
        Configuration of PKI engines. Items as in M(trustmesh.security.vault_pki_config), for example
        C({mount: pki_int, crl: {expiry: 72h}}).
      - They come before the O(issuers), because certificates carry the URLs of the time at which they are made.
    type: list
    elements: dict
  issuers:
    description:
      - >-
        CAs, each after the one that signs it. Items as in M(trustmesh.security.vault_pki_issuer), for example
        C({mount: pki_root, name: root, type: root, common_name: Example Root CA, ttl: 3650d}).
    type: list
    elements: dict
  pki_roles:
    description:
      - >-
        What may be issued. Items as in M(trustmesh.security.vault_pki_role), for example
        C({mount: pki_int, name: mesh, allowed_domains: [mesh.example.com], allow_subdomains: true}).
    type: list
    elements: dict
  transit_keys:
    description:
      - >-
        Keys of transit engines. Items as in M(trustmesh.security.vault_transit_key), for example
        C({mount: transit, name: hub, type: aes256-gcm96, max_age: 90d}).
    type: list
    elements: dict
  policies:
    description:
      - ACL policies. Items as in M(trustmesh.security.vault_policy), with C(name) and C(rules).
    type: list
    elements: dict
  approles:
    description:
      - >-
        AppRoles and deliveries of their secret-ids. Items as in M(trustmesh.security.vault_approle), for example
        C({name: issuer, token_policies: [issue-mesh], token_ttl: 1h}).
    type: list
    elements: dict
  secrets:
    description:
      - >-
        Secrets in key-value engines. Items as in M(trustmesh.security.vault_kv_secret), for example
        C({mount: hub, path: ledger/database, generate: [{key: password}]}).
    type: list
    elements: dict
  revocations:
    description:
      - >-
        Certificates that stay revoked. Items as in M(trustmesh.security.vault_pki_revocation), for example
        C({mount: pki_int, certificate_file: /srv/retired/perffsp-3.pem}).
    type: list
    elements: dict
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module, for O(issuers) and O(revocations)
notes:
  - Items are complete. Options that the modules for single kinds take beside their list, such as C(mount), are given in
    each item.
  - Items that are removed together with the engine they live in are removed one by one. To be rid of an engine and all
    that it holds, declare the engine alone as absent.
seealso:
  - module: trustmesh.security.vault_mount
  - module: trustmesh.security.vault_pki_config
  - module: trustmesh.security.vault_pki_issuer
  - module: trustmesh.security.vault_pki_role
  - module: trustmesh.security.vault_transit_key
  - module: trustmesh.security.vault_policy
  - module: trustmesh.security.vault_approle
  - module: trustmesh.security.vault_kv_secret
  - module: trustmesh.security.vault_pki_revocation
"""

EXAMPLES = r"""
- name: Let one service issue certificates
  trustmesh.security.vault_stack:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    pki_roles:
      - name: mesh
        mount: pki_int
        allowed_domains: [mesh.example.com]
        allow_subdomains: true
        key_type: ec
        key_bits: 256
        max_ttl: 30d
    policies:
      - name: issue-mesh
        rules: |
          path "pki_int/sign/mesh" {
            capabilities = ["update"]
          }

- name: Build the PKI of a payment hub on an empty server
  trustmesh.security.vault_stack:
    mounts:
      - path: pki_root
        type: pki
        max_lease_ttl: 3650d
      - path: pki_int
        type: pki
        max_lease_ttl: 1825d
      - path: hub
        type: kv-v2
      - path: transit
        type: transit
      - path: approle
        category: auth
        type: approle
    engines:
      - mount: pki_root
        urls:
          issuing_certificates: [http://pki.example.com/v1/pki_root/ca]
          crl_distribution_points: [http://pki.example.com/v1/pki_root/crl]
      - mount: pki_int
        urls:
          issuing_certificates: [http://pki.example.com/v1/pki_int/ca]
          crl_distribution_points: [http://pki.example.com/v1/pki_int/crl]
        crl:
          expiry: 72h
          auto_rebuild: true
    issuers:
      - name: root-2026
        mount: pki_root
        type: root
        common_name: Example Root CA
        key_type: ec
        key_bits: 384
        ttl: 3650d
      - name: mesh-2026
        mount: pki_int
        type: intermediate
        common_name: Example Mesh CA
        key_type: ec
        key_bits: 256
        ttl: 1825d
        signed_by:
          mount: pki_root
          issuer: root-2026
        default: true
    pki_roles:
      - name: mesh
        mount: pki_int
        allowed_domains: [mesh.example.com]
        allow_subdomains: true
        key_type: ec
        key_bits: 256
        ttl: 7d
        max_ttl: 30d
    transit_keys:
      - name: envelopes
        type: aes256-gcm96
        max_age: 90d
    policies:
      - name: issue-mesh
        rules: |
          path "pki_int/sign/mesh" {
            capabilities = ["update"]
          }
    approles:
      - name: issuer
        token_policies: [issue-mesh]
        token_ttl: 1h
    secrets:
      - mount: hub
        path: central-ledger/database
        generate:
          - key: password
            length: 40

- name: Retire a participant, its login before its policy
  trustmesh.security.vault_stack:
    policies:
      - name: perffsp-3
        state: absent
    approles:
      - name: perffsp-3
        state: absent
    revocations:
      - mount: pki_int
        certificate_file: /srv/retired/perffsp-3.pem
"""

RETURN = r"""
results:
  description:
    - One entry per item. First those that should exist, by section in the order of the description and within a section
      in the order given. Then those that should be absent, with the sections in reverse order.
    - What is known about an object has the key and the content that the module for its kind gives it. A key is missing
      when the object does not exist.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the item, as the module for its kind returns it.
      returned: always
      type: str
      sample: pki_int/mesh
    section:
      description: The option that holds the item.
      returned: always
      type: str
      choices: [mounts, engines, issuers, pki_roles, transit_keys, policies, approles, secrets, revocations]
      sample: pki_roles
    changed:
      description:
        - Whether this item was changed, or would be in check mode.
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
      sample: [does not exist]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    mount:
      description: A secret engine or auth method, see M(trustmesh.security.vault_mount).
      returned: for items of O(mounts)
      type: dict
    config:
      description: The configuration of a PKI engine, see M(trustmesh.security.vault_pki_config).
      returned: for items of O(engines)
      type: dict
    issuer:
      description: A CA, see M(trustmesh.security.vault_pki_issuer).
      returned: for items of O(issuers)
      type: dict
    role:
      description: A role, see M(trustmesh.security.vault_pki_role) or M(trustmesh.security.vault_approle).
      returned: for items of O(pki_roles) and O(approles)
      type: dict
    key:
      description: A key of a transit engine without its material, see M(trustmesh.security.vault_transit_key).
      returned: for items of O(transit_keys)
      type: dict
    policy:
      description: An ACL policy, see M(trustmesh.security.vault_policy).
      returned: for items of O(policies)
      type: dict
    secret:
      description: A secret without its values, see M(trustmesh.security.vault_kv_secret).
      returned: for items of O(secrets)
      type: dict
    revocation:
      description: A revocation, see M(trustmesh.security.vault_pki_revocation).
      returned: for items of O(revocations)
      type: dict
    failed:
      description: Whether this item failed, or was not attempted because an item of an earlier section failed.
      returned: on failure of the item
      type: bool
    refused:
      description: Whether it failed because a policy option forbids the change that is due.
      returned: when it is so
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
  sample: {create: 9, delete: 0, failed: 0, none: 2, replace: 0, update: 0}
"""

import contextlib
import typing as t

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.sections import Section, checked, combined, in_turn
from ..module_utils._core.spec import Params
from ..module_utils._vault.approle import APPROLES
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.kv import SECRETS
from ..module_utils._vault.mount import MOUNTS
from ..module_utils._vault.pki_config import ENGINES
from ..module_utils._vault.pki_issuer_declaration import ISSUERS
from ..module_utils._vault.pki_revocation import REVOCATIONS
from ..module_utils._vault.pki_role import PKI_ROLES
from ..module_utils._vault.policy import POLICIES
from ..module_utils._vault.port import Vault
from ..module_utils._vault.transit_key import TRANSIT_KEYS

# In the order in which they depend on each other.
_SECTIONS: t.Final[dict[str, Section[Vault]]] = {
    "mounts": MOUNTS,
    "engines": ENGINES,
    "issuers": ISSUERS,
    "pki_roles": PKI_ROLES,
    "transit_keys": TRANSIT_KEYS,
    "policies": POLICIES,
    "approles": APPROLES,
    "secrets": SECRETS,
    "revocations": REVOCATIONS,
}
SPEC = VAULT + combined(_SECTIONS)


def build(params: Params, stack: contextlib.ExitStack) -> list[Batch]:
    """Return what is declared as one batch after the other."""
    items = checked(_SECTIONS, params)
    return in_turn(_SECTIONS, connect(params, stack), items)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
