#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_pki_certificate_info
short_description: List the certificates that a PKI engine of Vault or OpenBao has issued to names
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Returns every certificate in the store of a PKI engine that was issued to one of O(common_names) and has not
    expired, whether it is revoked or not, and wherever it is used.
  - A certificate is issued to its common name; one without a common name to its DNS names.
  - What a role with C(no_store) issued, and what was removed by tidying, is not in the store.
  - The token needs C(list) on C(<mount>/certs/detailed), which OpenBao has, and on C(<mount>/certs) with HashiCorp
    Vault, where every certificate of the engine is read. It needs C(read) on C(<mount>/cert/*), which servers allow
    everybody.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes.info
  - trustmesh.security._attributes.actiongroup_vault
options:
  mount:
    description:
      - Path of the PKI engine.
    type: str
    default: pki
  common_names:
    description:
      - The names whose certificates are returned. Upper and lower case are the same.
    type: list
    elements: str
    required: true
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.vault_pki_revocation
  - module: trustmesh.security.certificate_info
"""

EXAMPLES = r"""
- name: Find the serial numbers of the certificates of a participant
  trustmesh.security.vault_pki_certificate_info:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    mount: pki_int
    common_names:
      - perffsp-1.hub.example.com
  register: issued

- name: Revoke all of them
  trustmesh.security.vault_pki_revocation:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    revocations: >-
      {{ dict(issued.certificates | map(attribute='serial') | product(['pki_int']))
         | dict2items(key_name='serial', value_name='mount') }}
"""

RETURN = r"""
certificates:
  description: The certificates, the oldest first.
  returned: always
  type: list
  elements: dict
  contains:
    serial:
      description: Serial number.
      returned: always
      type: str
      sample: 6f:11:0c:25
    common_name:
      description: Common name; null when it has none.
      returned: always
      type: str
      sample: perffsp-1.hub.example.com
    dns_names:
      description: DNS names among its alternative names.
      returned: always
      type: list
      elements: str
    not_before:
      description: When its validity begins.
      returned: always
      type: str
      sample: "2026-01-31T12:00:00Z"
    not_after:
      description: When it expires.
      returned: always
      type: str
      sample: "2026-03-02T12:00:00Z"
    spki_sha256:
      description: SHA-256 of its public key. Certificates with the same one have the same private key.
      returned: always
      type: str
    fingerprint_sha256:
      description: SHA-256 of the certificate in DER.
      returned: always
      type: str
    revoked:
      description: Whether it is revoked.
      returned: always
      type: bool
    revoked_at:
      description: Since when; null when it is not revoked.
      returned: always
      type: str
"""

import contextlib
import typing as t

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import InvalidInput
from ..module_utils._core.module import inform_module
from ..module_utils._core.spec import Params, Spec
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.pki_issued import issued_to
from ..module_utils._vault.pki_mount import MOUNT_OPTION, PkiMounts

SPEC = VAULT + Spec(
    {**MOUNT_OPTION, "common_names": {"type": "list", "elements": "str", "required": True}},
    requires=(CRYPTOGRAPHY,),
)


def gather(params: Params, stack: contextlib.ExitStack) -> dict[str, t.Any]:
    """Return the certificates that were issued to the names."""
    names = [name.strip() for name in params["common_names"]]
    if not names or "" in names:
        raise InvalidInput(
            "names no certificate", field="common_names", remedy="Give at least one name, and no empty one."
        )
    vault = connect(params, stack)
    return {"certificates": issued_to(vault, PkiMounts(vault).at(params["mount"]).path, names, system_clock())}


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
