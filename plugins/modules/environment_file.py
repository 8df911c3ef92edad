#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_file
short_description: Write environment files of services, with secrets from Vault or elsewhere
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Writes environment files whose readers find exactly the declared variables. Secrets are given, read from files, or
    read from a key-value engine of Vault or OpenBao.
  - systemd, shells and container engines disagree on quotes, backslashes, comments and white space. A value is written
    in a spelling from which each of O(readers) hands over exactly what was declared. Where there is none, the module
    fails before it writes anything.
  - Compared is what these readers make of a file, not how it is spelled. Variables that are not declared are removed,
    and so are lines that are neither variables nor comments.
  - Each file is replaced whole or not at all, with owner and mode in place from the first moment. What is wrong with a
    declaration is found before the first file is written. When one then cannot be written, such as on a full disk, the
    others are, and the task fails and names it.
  - Refuses values of several lines, empty secrets, and secrets that are printed in the documentation of some product;
    warns about settings that switch verification off or do less than they seem to, such as C(DB_SSL_MODE=require).
  - With O(files[].secrets[].vault), a policy needs C(read) on C(<mount>/data/<path>), or on C(<mount>/<path>) for
    version 1 of the engine.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  files:
    description:
      - The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Path of the file. Its directory has to exist.
        type: path
        required: true
      state:
        description:
          - Whether the file should exist.
        type: str
        choices: [present, absent]
        default: present
      variables:
        description:
          - Variables whose values may be seen.
          - Truth values are written in lower case. Null, lists and mappings are refused, because no reader agrees on
            what they mean; quote the text that is meant.
        type: dict
        default: {}
      secrets:
        description:
          - Variables whose values are secret.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description:
              - Name of the variable.
            type: str
            required: true
          value:
            description:
              - The value itself.
              - Exactly one of this, O(files[].secrets[].value_file) and O(files[].secrets[].vault) is needed.
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
      owner:
        description:
          - Value of O(owner) for this file.
        type: str
      group:
        description:
          - Value of O(group) for this file.
        type: str
      mode:
        description:
          - Value of O(mode) for this file.
        type: str
      readers:
        description:
          - Value of O(readers) for this file.
        type: list
        elements: str
        choices: [systemd, shell, container]
  owner:
    description:
      - Owner of the files.
      - When omitted, the user who runs the task, and of files that exist any.
    type: str
  group:
    description:
      - Group of the files.
      - When omitted, that of the user who runs the task, and of files that exist any.
    type: str
  mode:
    description:
      - Permissions of the files. Files with secrets must not be open to everybody.
    type: str
    default: "0600"
  readers:
    description:
      - What reads the files. A file may have several readers.
      - V(systemd) is C(EnvironmentFile=) of a unit. It drops values with control characters other than the tabulator,
        and takes no file with octets that are not UTF-8.
      - V(shell) is a POSIX shell that sources the file with C(set -a). It keeps some variables to itself, such as
        C(UID).
      - V(container) is C(--env-file) of podman and docker. It takes each line as it is, quotes and backslashes
        included, and no line of more than 65535 octets. Compose files are read differently, and are not meant.
    type: list
    elements: str
    choices: [systemd, shell, container]
    default: [systemd]
seealso:
  - module: trustmesh.security.systemd_credential
  - module: trustmesh.security.container_secret
  - module: trustmesh.security.secret_manifest
"""

EXAMPLES = r"""
- name: Write an environment file
  trustmesh.security.environment_file:
    files:
      - path: /etc/hub/hub.env
        variables: {ENVIRONMENT: production, MTLS_ENABLED: "true", DB_SSL_MODE: verify-full}

- name: Write two, with secrets from Vault, for the user hub
  trustmesh.security.environment_file:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    auth_method: approle
    role_id: "{{ hub_role_id }}"
    secret_id_file: /etc/hub/secret-id
    owner: hub
    group: hub
    files:
      - path: /etc/hub/hub.env
        variables: {ENVIRONMENT: production}
        secrets:
          - name: DB_PASSWORD
            vault: {mount: kv, path: hub/db, key: password}
          - name: REGISTRY_TOKEN
            value_file: /etc/hub/registry-token
      - path: /etc/hub/worker.env
        secrets:
          - name: QUEUE_PASSWORD
            value: "{{ queue_password }}"

- name: Write one for a container
  trustmesh.security.environment_file:
    readers: [container]
    files:
      - path: /etc/hub/container.env
        variables: {GREETING: 'hello "world"'}

- name: Remove one
  trustmesh.security.environment_file:
    files:
      - path: /etc/hub/worker.env
        state: absent
"""

RETURN = r"""
results:
  description: One entry per item, in the order of O(files).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: What the item is called.
      returned: always
      type: str
      sample: /etc/hub/hub.env
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
      sample: [variables.DB_PASSWORD differs]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    file:
      description: The file as it is after the task; in check mode as it is now.
      returned: when it exists
      type: dict
      contains:
        path:
          description: Its path.
          returned: always
          type: str
        variables:
          description: Names of its variables.
          returned: always
          type: list
          elements: str
          sample: [DB_PASSWORD, ENVIRONMENT]
        owner:
          description: Its owner.
          returned: always
          type: str
        group:
          description: Its group.
          returned: always
          type: str
        mode:
          description: Its permissions.
          returned: always
          type: str
          sample: "0600"
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
from ..module_utils._hygiene.environment_file import ITEM_OPTIONS, SHARED, EnvironmentFile
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.kv_values import KvValues

SPEC = VAULT + batch("files", ITEM_OPTIONS, shared=SHARED, no_log=False)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared files as resources; logs in only where a value is in Vault."""
    files = FileTransaction()
    values = KvValues(lambda: connect(params, stack))
    resources = build_each(SPEC, params, lambda item: EnvironmentFile.declared(files, values, item), "path")
    return Batch(resources, reads_here=True, transaction=files, warnings=values.warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
