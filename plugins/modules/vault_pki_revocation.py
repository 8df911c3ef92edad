#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_pki_revocation
short_description: Revoke certificates of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Revokes certificates. One that is revoked already keeps the time of its revocation.
  - A revocation cannot be undone, which is why there is nothing to declare absent.
  - Clients refuse a revoked certificate once they see it on the revocation list or ask OCSP. Revoke a
    certificate that is being replaced last, when its successor is in use.
  - A certificate that has ended is left as it is, with a warning, because servers do not revoke it any more. OpenBao
    does where C(allow_expired_cert_revocation) is set (see M(trustmesh.security.vault_pki_config)).
  - Where the engine makes its revocation lists by time (C(auto_rebuild)), they show a revocation from the next rebuild
    on. A warning says so, and how to have them rebuilt at once.
  - The token needs C(update) on C(<mount>/revoke), and C(read) on C(<mount>/cert/*), which servers allow everybody.
    With C(read) on C(<mount>/config/crl) it learns how the engine makes its lists; without, there is no warning about
    that, and a certificate that has ended is an error.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  revocations:
    description:
      - The certificates to revoke. All of them are read and planned before the first one is changed. Each is named in
        one of three ways.
    type: list
    elements: dict
    required: true
    suboptions:
      mount:
        description:
          - Path of the PKI engine that issued it.
          - When omitted, O(mount).
        type: str
      serial:
        description:
          - Serial number in hexadecimal, with colons, dashes or neither.
          - The engine has to store the certificate. What a role with C(no_store) issued is named by the certificate
            itself.
        type: str
      certificate:
        description:
          - The certificate in PEM form. Those that follow it are ignored.
        type: str
      certificate_file:
        description:
          - File on the host that runs the module, with the certificate in PEM or DER form. Those that follow it are
            ignored.
          - In check mode it need not exist, as it may be made by an earlier task.
        type: path
  mount:
    description:
      - Path of the PKI engine, for all items that do not give one.
    type: str
    default: pki
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.vault_pki_config
  - module: trustmesh.security.certificate
"""

EXAMPLES = r"""
- name: Revoke a certificate by its serial number
  trustmesh.security.vault_pki_revocation:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    revocations:
      - serial: 6f:11:0c:25:65:5c:f6:93:1b:d0:4d:ab:11:5e:65:5b:cf:a9:fe:f1

- name: Keep the certificates of a participant that left revoked
  trustmesh.security.vault_pki_revocation:
    mount: pki_int
    revocations:
      - certificate_file: /srv/retired/perffsp-3.pem
      - serial: 2f0407b1074ce73a23cb49fc452451b6ad32e802
        mount: pki_old
"""

RETURN = r"""
results:
  description: One entry per certificate, in the order of O(revocations).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Mount and serial number.
      returned: always
      type: str
      sample: pki_int/6f:11:0c:25
    changed:
      description:
        - Whether this certificate was revoked just now, or would be in check mode.
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
      sample: ["revoked is false, declared true"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    revocation:
      description: The revocation as read back from the server; in check mode as it is now.
      returned: always
      type: dict
      contains:
        serial:
          description: Serial number; empty when the file that holds the certificate does not exist yet.
          returned: always
          type: str
          sample: 6f:11:0c:25
        revoked:
          description: Whether it is revoked.
          returned: always
          type: bool
        revoked_at:
          description: Since when; null when it is not revoked.
          returned: always
          type: str
          sample: "2026-01-31T12:00:00Z"
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
  sample: {create: 0, delete: 0, failed: 0, none: 2, replace: 0, update: 1}
"""

import contextlib

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.pki_revocation import REVOCATIONS

SPEC = VAULT + REVOCATIONS.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared revocations as resources."""
    return REVOCATIONS.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
