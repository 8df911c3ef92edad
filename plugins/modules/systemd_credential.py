#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_credential
short_description: Hand secrets to systemd services as credentials
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Keeps a file per credential of a service, and a drop-in for its unit that loads them (C(LoadCredential=) or
    C(LoadCredentialEncrypted=)). The service finds them in the directory that C(CREDENTIALS_DIRECTORY) names, in memory
    that no other user can read, and not in its environment.
  - Where C(systemd-creds) is at hand, the files are encrypted for this host, and useless in a backup. What they hold is
    compared after decrypting, so that a second run changes nothing.
  - Credentials that are not declared any more are removed from files and drop-in. The files of a service are replaced
    together, whole or not at all. When those of one service cannot be written, such as on a full disk, those of the
    others are, and the task fails and names it.
  - systemd has to reload its units (C(systemctl daemon-reload)), and the service to be restarted; the role
    P(trustmesh.security.systemd_credentials#role) does both.
  - Needs root, except with O(encrypt=never) and directories of one's own.
  - With O(services[].credentials[].vault), a policy needs C(read) on C(<mount>/data/<path>), or on C(<mount>/<path>)
    for version 1 of the engine.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  services:
    description:
      - The services.
    type: list
    elements: dict
    required: true
    suboptions:
      service:
        description:
          - Name of the unit. Without an ending, C(.service) is meant.
        type: str
        required: true
      state:
        description:
          - Whether the service should have credentials of this module.
        type: str
        choices: [present, absent]
        default: present
      credentials:
        description:
          - All credentials of the service. Values and names together may take 1 MiB, which is the most that systemd
            hands to one service. An encrypted one may take 850 KiB.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description:
              - Name of the credential, and of the file in which the service finds it.
            type: str
            required: true
          value:
            description:
              - The value itself.
              - Exactly one of this, O(services[].credentials[].value_file) and O(services[].credentials[].vault) is
                needed.
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
      directory:
        description:
          - Value of O(directory) for this service.
        type: path
      unit_directory:
        description:
          - Value of O(unit_directory) for this service.
        type: path
      encrypt:
        description:
          - Value of O(encrypt) for this service.
        type: str
        choices: [auto, always, never]
      with_key:
        description:
          - Value of O(with_key) for this service.
        type: str
        choices: [auto, host, tpm2, host+tpm2]
  directory:
    description:
      - Directory with a directory per service.
    type: path
    default: /etc/trustmesh/credentials
  unit_directory:
    description:
      - Directory of units, in which the drop-in is put.
    type: path
    default: /etc/systemd/system
  encrypt:
    description:
      - Whether to encrypt the files. V(auto) does where C(systemd-creds) is installed.
    type: str
    choices: [auto, always, never]
    default: auto
  with_key:
    description:
      - Key with which to encrypt. V(auto) takes the chip (TPM) where there is one, and the host's own key.
      - A change takes effect when a credential is next written.
    type: str
    choices: [auto, host, tpm2, host+tpm2]
    default: auto
requirements:
  - systemd 247 or newer for credentials, 250 for encrypted ones
seealso:
  - module: trustmesh.security.environment_file
  - module: trustmesh.security.container_secret
"""

EXAMPLES = r"""
- name: Hand a key to a service
  trustmesh.security.systemd_credential:
    services:
      - service: hub
        credentials:
          - name: tls-key
            value_file: /etc/pki/trustmesh/hub/key.pem
  notify: Restart the hub

- name: Hand over what Vault keeps, encrypted for this host
  trustmesh.security.systemd_credential:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    auth_method: approle
    role_id: "{{ hub_role_id }}"
    secret_id_file: /etc/hub/secret-id
    encrypt: always
    services:
      - service: hub.service
        credentials:
          - name: db-password
            vault: {mount: kv, path: hub/db, key: password}
          - name: signing-key
            vault: {mount: kv, path: hub/keys/signing, key: private_key}

- name: Take them away again
  trustmesh.security.systemd_credential:
    services:
      - service: hub.service
        state: absent
"""

RETURN = r"""
results:
  description: One entry per item, in the order of O(services).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: What the item is called.
      returned: always
      type: str
      sample: hub.service
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
      sample: [credentials.db-password differs]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    service:
      description: What the service has after the task; in check mode as it is now.
      returned: when it has credentials
      type: dict
      contains:
        name:
          description: Its unit.
          returned: always
          type: str
          sample: hub.service
        credentials:
          description: Names of those declared credentials whose files are there.
          returned: always
          type: list
          elements: str
          sample: [db-password]
        encrypted:
          description: Whether the files are encrypted.
          returned: always
          type: bool
        drop_in:
          description: File that loads them.
          returned: always
          type: str
          sample: /etc/systemd/system/hub.service.d/60-trustmesh-credentials.conf
        directory:
          description: Directory of the files.
          returned: always
          type: str
          sample: /etc/trustmesh/credentials/hub.service
    failed:
      description: Whether this item failed.
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
  sample: {create: 1, delete: 0, failed: 0, none: 1, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.files import FileTransaction
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, batch, build_each
from ..module_utils._hygiene.credential import ITEM_OPTIONS, SHARED, Sealer, ServiceCredentials
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.kv_values import KvValues

SPEC = VAULT + batch("services", ITEM_OPTIONS, shared=SHARED, no_log=False)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared services as resources; logs in only where a value is in Vault."""
    files, sealer = FileTransaction(), Sealer()
    values = KvValues(lambda: connect(params, stack))
    services = build_each(
        SPEC, params, lambda item: ServiceCredentials.declared(files, sealer, values, item), "service"
    )
    return Batch(services, reads_here=True, transaction=files, warnings=values.warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
