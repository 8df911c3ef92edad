#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_manifest
short_description: Compare stored secrets with a declared manifest
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - A manifest declares every secret of a system, with its owner and how often it has to be rotated. This module
    searches the places where secrets are kept and reports those that are missing, overdue, incomplete or undeclared.
  - A secret that has to be rotated and whose age is unknown is a problem. Version 2 of the
    key-value engine and files tell their age; version 1 and environment files do not, so that O(secrets[].rotated) has
    to.
  - A problem is a result and not a failure; RV(results[].ok) and RV(summary) tell. A store that cannot be read fails
    the task, with the results of the others in place.
  - No value is returned. Values are looked at on the host only where O(secrets[].fields) or O(check_values) ask for it.
  - A policy for the stores in Vault or OpenBao needs C(list) and C(read) on C(<mount>/metadata/*) (version 2) or on
    C(<mount>/*) (version 1), and C(read) on C(<mount>/data/*) when values are looked at.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes.info
  - trustmesh.security._attributes.actiongroup_vault
options:
  stores:
    description:
      - Where secrets are kept.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - What to call it in O(secrets[].store).
        type: str
        required: true
      type:
        description:
          - V(vault_kv) is a key-value engine of Vault or OpenBao, V(directory) a directory of this host with a file per
            secret, V(environment_file) a file of this host with a variable per secret.
        type: str
        choices: [vault_kv, directory, environment_file]
        required: true
      mount:
        description:
          - Path of the engine, for O(stores[].type=vault_kv).
        type: str
      prefix:
        description:
          - Path in the engine below which to look.
        type: str
        default: ""
      path:
        description:
          - Directory or file, for the other types.
        type: path
      ignore:
        description:
          - Keys that do not have to be declared, as patterns with C(*) and C(?).
        type: list
        elements: str
        default: []
  secrets:
    description:
      - The declared secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - What to call the secret.
        type: str
        required: true
      store:
        description:
          - Name of the store that has to hold it.
        type: str
        required: true
      key:
        description:
          - Its path in the engine below the prefix, its file from the directory, or its variable.
        type: str
        required: true
      owner:
        description:
          - Who answers for it.
        type: str
        required: true
      purpose:
        description:
          - What it is for.
        type: str
      fields:
        description:
          - Names that the secret has to have in a key-value engine.
        type: list
        elements: str
        default: []
      max_age:
        description:
          - How old it may become, such as V(90d).
          - When omitted, any age.
        type: str
      rotated:
        description:
          - Day or instant in UTC at which it was last rotated, for stores that do not know. The later one counts.
        type: str
  check_values:
    description:
      - Whether to look at the values too. Empty ones, and samples that are printed in the documentation of some
        product, are problems.
    type: bool
    default: false
seealso:
  - module: trustmesh.security.vault_kv_secret
  - module: trustmesh.security.file_secret_audit
"""

EXAMPLES = r"""
- name: See whether everything is there
  trustmesh.security.secret_manifest:
    stores:
      - name: credentials
        type: directory
        path: /etc/hub/credentials
    secrets:
      - name: database password
        store: credentials
        key: db-password
        owner: hub team
        max_age: 90d
  register: manifest

- name: Hold a key-value engine and an environment file against the manifest of a hub
  trustmesh.security.secret_manifest:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    auth_method: approle
    role_id: "{{ auditor_role_id }}"
    secret_id_file: /etc/auditor/secret-id
    check_values: true
    stores:
      - name: kv
        type: vault_kv
        mount: kv
        prefix: hub
        ignore: ["scratch/*"]
      - name: environment
        type: environment_file
        path: /etc/hub/hub.env
        ignore: [LOG_LEVEL, NODE_ENV]
    secrets:
      - name: signing key
        store: kv
        key: keys/signing
        fields: [private_key, kid]
        owner: hub team
        purpose: signs transfers
        max_age: 30d
      - name: token of the registry
        store: environment
        key: REGISTRY_TOKEN
        owner: platform team
        max_age: 180d
        rotated: "2026-03-01"
  register: manifest

- name: Stop when something is wrong
  ansible.builtin.assert:
    that: manifest.results | rejectattr('ok') | length == 0
    fail_msg: "{{ manifest.results | map(attribute='problems') | flatten }}"
"""

RETURN = r"""
results:
  description: One entry per declared secret, in the order of O(secrets), and then one per undeclared secret.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the secret, store and key of an undeclared one, or name of an unreadable store.
      returned: always
      type: str
      sample: signing key
    store:
      description: Where it is, or should be.
      returned: always
      type: str
      sample: kv
    key:
      description: Where it is in there.
      returned: when it is about a secret
      type: str
      sample: keys/signing
    owner:
      description: Its owner; null for an undeclared one.
      returned: when it is about a secret
      type: str
    purpose:
      description: What it is for.
      returned: when declared
      type: str
    ok:
      description: Whether there is no problem.
      returned: when the store could be read
      type: bool
    verdict:
      description:
        - The first of the problems. V(unfit) is an empty or a published value, V(incomplete) lacks
          O(secrets[].fields), V(unknown_age) has to be rotated and its age is unknown.
      returned: when the store could be read
      type: str
      choices: [ok, missing, undeclared, overdue, incomplete, unfit, unknown_age]
    problems:
      description: Everything that is wrong, one sentence each.
      returned: when the store could be read
      type: list
      elements: str
      sample: ["signing key is 41d2h old and has to be rotated every 30d"]
    changed_at:
      description: When it was last changed, in UTC; null when unknown.
      returned: when it is declared and the store could be read
      type: str
      sample: "2026-01-31T12:00:00Z"
    due_at:
      description: When it has to be rotated, in UTC; null when it does not have to, or its age is unknown.
      returned: when it is declared and the store could be read
      type: str
      sample: "2026-03-02T12:00:00Z"
    failed:
      description: Whether its store could not be read.
      returned: when it could not be read
      type: bool
    msg:
      description: What went wrong and what to do.
      returned: when it could not be read
      type: str
summary:
  description: Number of secrets by verdict, and of those whose store could not be read.
  returned: always
  type: dict
  sample: {ok: 4, missing: 0, undeclared: 1, overdue: 1, incomplete: 0, unfit: 0, unknown_age: 0, failed: 0}
"""

import contextlib
import functools
import typing as t

from ..module_utils._core.clock import system_clock
from ..module_utils._core.module import inform_module
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._hygiene.manifest import ENTRY_OPTIONS, Entry, Store
from ..module_utils._hygiene.stores import STORE_CONSTRAINTS, STORE_OPTIONS, ManifestReport, value_faults
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.kv_survey import KvSurvey

_STORES: t.Final[t.Mapping[str, t.Any]] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": STORE_OPTIONS,
    **STORE_CONSTRAINTS,
}
_CHECK: t.Final = {"type": "bool", "default": False}
SPEC = VAULT + batch("secrets", ENTRY_OPTIONS, no_log=False) + Spec({"stores": _STORES, "check_values": _CHECK})


def gather(params: Params, stack: contextlib.ExitStack) -> t.Mapping[str, t.Any]:
    """Return the verdicts of all secrets; logs in once, and only where a store needs it."""
    now = system_clock()
    login = functools.lru_cache(maxsize=1)(lambda: connect(params, stack))

    def vault(store: t.Mapping[str, t.Any]) -> Store:
        return KvSurvey(login(), store["mount"], store["prefix"], value_faults, now)

    report = ManifestReport(build_each(SPEC, params, Entry.declared), params["stores"])
    return report.run(vault, now, values=params["check_values"])


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
