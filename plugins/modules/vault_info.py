#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_info
short_description: Report the health, seal, product and mounts of a Vault or OpenBao server
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Says in which state a server is, which product it is, and how far its clock is from that of the host that runs the
    module. This needs no token, and a sealed or uninitialised server is an answer and not a failure.
  - With a token, or with another O(auth_method), it also lists what is mounted. This needs C(read) on C(sys/mounts) and
    C(sys/auth); without that right RV(mounts) is null.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes.info
  - trustmesh.security._attributes.actiongroup_vault
seealso:
  - module: trustmesh.security.vault_seal
  - module: trustmesh.security.vault_mount
"""

EXAMPLES = r"""
- name: Look at a server
  trustmesh.security.vault_info:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
  register: vault

- name: Wait until it is unsealed
  trustmesh.security.vault_info:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
  register: vault
  until: vault.server.state == 'active'
  retries: 30
  delay: 2

- name: Refuse to go on with a clock that is off by more than half a minute
  ansible.builtin.assert:
    that: vault.server.clock_lead | abs <= 30
"""

RETURN = r"""
server:
  description: What the server tells everybody.
  returned: success
  type: dict
  contains:
    url:
      description: Address of the server.
      returned: always
      type: str
      sample: https://vault.example.com:8200
    state:
      description: State of the node.
      returned: always
      type: str
      choices: [active, standby, recovery_secondary, performance_standby, uninitialized, sealed]
      sample: active
    explanation:
      description: What the state means.
      returned: always
      type: str
      sample: "initialised, unsealed and active: it serves requests"
    http_status:
      description: Status code of the health endpoint, as load balancers see it.
      returned: always
      type: int
      sample: 200
    initialized:
      description: Whether it was ever initialised.
      returned: always
      type: bool
    sealed:
      description: Whether it is sealed.
      returned: always
      type: bool
    product:
      description: Which product it is, by what it says and not by its version.
      returned: always
      type: str
      choices: [openbao, vault, unknown]
      sample: openbao
    version:
      description: Version of the product, for information.
      returned: always
      type: str
      sample: 2.7.2
    storage_type:
      description: Where it keeps its data.
      returned: always
      type: str
      sample: raft
    cluster_name:
      description: Name of the cluster; null while sealed.
      returned: always
      type: str
    cluster_id:
      description: Id of the cluster; null while sealed.
      returned: always
      type: str
    seal:
      description: How it is unsealed.
      returned: always
      type: dict
      contains:
        type:
          description: C(shamir) when people unseal it with key shares.
          returned: always
          type: str
          sample: shamir
        shares:
          description: Number of key shares.
          returned: always
          type: int
          sample: 5
        threshold:
          description: Number of shares that unseal it.
          returned: always
          type: int
          sample: 3
        progress:
          description: Number of shares given so far.
          returned: always
          type: int
          sample: 0
    clock_lead:
      description: Whole seconds by which the server's clock is ahead of that of the host that runs the module.
      returned: always
      type: int
      sample: 0
mounts:
  description: What is enabled, by category and path; null when the token may not see it.
  returned: when a login is given and the server serves requests
  type: dict
  sample:
    secret: {pki_int: {type: pki, description: Issuing CA, accessor: pki_92cb42da, options: {}}}
    auth: {approle: {type: approle, description: "", accessor: auth_approle_e06b3544, options: {}}}
"""

import contextlib
import typing as t

from ..module_utils._core.module import inform_module
from ..module_utils._core.spec import Params
from ..module_utils._vault.connection import VAULT, connect, has_login, reach
from ..module_utils._vault.info import SERVING, gather_mounts, gather_server

SPEC = VAULT


def gather(params: Params, stack: contextlib.ExitStack) -> dict[str, t.Any]:
    """Return the facts about the server, and with a login those about its mounts."""
    server = gather_server(reach(params, stack))
    if server["state"] not in SERVING or not has_login(params):
        return {"server": server}
    return {"server": server, "mounts": gather_mounts(connect(params, stack))}


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
