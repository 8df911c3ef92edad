#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: file_secret_audit
short_description: Audit the files of a host that hold secrets
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Finds the files below some paths that hold secrets, by their names and by the private keys in them, and checks
    who may read them, who owns them, who could put others in their place, where links lead, where
    private keys lie, whether they are encrypted, and what was left behind as a copy.
  - Changes nothing unless O(targets[].repair) says so. A finding is a result and not a failure; RV(results[].audit.ok)
    says whether there is one.
  - No content of a file is returned.
  - Keys are found in PEM, also in UTF-16, in DER and in stores of keys, anywhere in the first GiB of a file.
  - Symbolic links are not followed, and no other file system is entered.
extends_documentation_fragment:
  - trustmesh.security._attributes
options:
  targets:
    description:
      - What to audit.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - A file, or a directory that is searched to any depth. It has to exist.
        type: path
        required: true
      names:
        description:
          - Value of O(names) for this target.
        type: list
        elements: str
      exclude:
        description:
          - Value of O(exclude) for this target.
        type: list
        elements: str
      forbidden:
        description:
          - Value of O(forbidden) for this target.
        type: list
        elements: str
      owner:
        description:
          - Value of O(owner) for this target.
        type: str
      group:
        description:
          - Value of O(group) for this target.
        type: str
      mode:
        description:
          - Value of O(mode) for this target.
        type: str
      directory_mode:
        description:
          - Value of O(directory_mode) for this target.
        type: str
      key_directories:
        description:
          - Value of O(key_directories) for this target.
        type: list
        elements: path
      encrypted_keys:
        description:
          - Value of O(encrypted_keys) for this target.
        type: bool
      archives:
        description:
          - Value of O(archives) for this target.
        type: bool
      repair:
        description:
          - Value of O(repair) for this target.
        type: list
        elements: str
        choices: [mode, owner]
      allow:
        description:
          - Findings that are known and allowed, each with an owner and an expiry.
          - An entry covers the findings that agree with it in everything that is given.
        type: list
        elements: dict
        default: []
        suboptions:
          rule:
            description:
              - Rule of the findings.
              - At least one of this, O(targets[].allow[].path) and O(targets[].allow[].fingerprint) is needed.
            type: str
          path:
            description:
              - Path of the findings, as they tell it. C(*) stands for any text, C(?) for any character.
            type: str
          fingerprint:
            description:
              - Fingerprint of the findings, as they tell it; findings of this module have none.
            type: str
          owner:
            description:
              - Who answers for it.
            type: str
            required: true
          reason:
            description:
              - Why it is allowed.
            type: str
            required: true
          expires:
            description:
              - Last day on which it is allowed, in UTC, like V(2026-12-31).
            type: str
            required: true
  names:
    description:
      - Names of files that are secret whatever is in them, as patterns of names, or of whole paths with slashes.
        A file that turns out to hold a public key or a certificate first is not secret.
      - A file with a private key is secret under any name.
    type: list
    elements: str
    default:
      - "*.key"
      - "*.p12"
      - "*.pfx"
      - "*.jks"
      - "*.keystore"
      - "*.kdbx"
      - "*-key.pem"
      - "*_key.pem"
      - key.pem
      - privkey*.pem
      - id_rsa
      - id_ecdsa
      - id_ed25519
      - .env
      - .env.*
      - "*.env"
      - .pgpass
      - .netrc
      - .git-credentials
      - .vault-token
      - secret-id
      - secret_id
      - "*.secret"
      - "*.token"
      - "*.htpasswd"
      - vault_pass*
      - "*.credentials"
  exclude:
    description:
      - Files and directories to leave out, as patterns of whole paths, or of names when they hold no slash.
    type: list
    elements: str
    default: []
  forbidden:
    description:
      - Names of files that must not be there at all, such as V(.env).
    type: list
    elements: str
    default: []
  owner:
    description:
      - Owner that secret files have to have.
      - When omitted, any.
    type: str
  group:
    description:
      - Group that secret files have to have.
      - When omitted, any.
    type: str
  mode:
    description:
      - Permissions that secret files may have at most.
    type: str
    default: "0600"
  directory_mode:
    description:
      - Permissions that directories with secret files may have at most.
      - When omitted, it does not matter who can list them.
    type: str
  key_directories:
    description:
      - Where private keys may be.
      - When omitted, anywhere.
    type: list
    elements: path
  encrypted_keys:
    description:
      - Whether private keys have to be encrypted.
    type: bool
    default: false
  archives:
    description:
      - Whether to look into what is packed too. The names in archives (C(tar), compressed or not, and C(zip)) are
        looked at, and a key is looked for in single files that C(gzip), C(bzip2) or C(xz) packed.
      - Nothing is unpacked to the disk. What unpacks to more than 250 times its size, is damaged, or is packed in
        another way, is counted in RV(results[].audit.unread). Archives within archives are not looked into.
    type: bool
    default: false
  repair:
    description:
      - What to put right. V(mode) takes away the rights beyond O(mode), V(owner) gives files to O(owner) and O(group).
        Everything else needs a decision.
    type: list
    elements: str
    choices: [mode, owner]
    default: []
seealso:
  - module: trustmesh.security.repo_secret_scan
  - module: trustmesh.security.log_scan
"""

EXAMPLES = r"""
- name: Audit the keys of a host
  trustmesh.security.file_secret_audit:
    targets:
      - path: /etc/pki
  register: keys

- name: Audit a service, and put permissions right
  trustmesh.security.file_secret_audit:
    owner: hub
    group: hub
    repair: [mode, owner]
    targets:
      - path: /etc/hub
        key_directories: [/etc/hub/keys]
        allow:
          - rule: hard-link
            path: /etc/hub/keys/current.key
            owner: hub team
            reason: the rotation keeps the previous one by a link
            expires: "2026-12-31"
      - path: /srv/hub/app
        forbidden: [.env, .env.local]

- name: Stop when something is left
  ansible.builtin.assert:
    that: keys.results | rejectattr('audit.ok') | length == 0
    fail_msg: "{{ keys.results | map(attribute='audit.findings') | flatten | map(attribute='problem') }}"
"""

RETURN = r"""
results:
  description: One entry per target, in the order of O(targets).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: The path.
      returned: always
      type: str
      sample: /etc/hub
    changed:
      description:
        - Whether something was repaired, or would be in check mode.
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
      sample: ["/etc/hub/secret-id: everybody on the host can read it (mode 0644)"]
    warnings:
      description: What deserves attention although it is not an error, such as allowances that allow nothing.
      returned: always
      type: list
      elements: str
    audit:
      description: What was found, after the task; in check mode as it is now.
      returned: when the path could be searched
      type: dict
      contains:
        ok:
          description: Whether nothing is wrong but what is allowed, and everything was looked into.
          returned: always
          type: bool
        examined:
          description: Number of files that were looked at.
          returned: always
          type: int
        secret_files:
          description: Number of those that hold secrets.
          returned: always
          type: int
        unread:
          description: How many files, or parts of them, were not looked into, by the reason.
          returned: always
          type: dict
          sample: {a damaged archive: 1}
        complete:
          description: Whether everything was looked into.
          returned: always
          type: bool
        findings:
          description: What is wrong, the worst first.
          returned: always
          type: list
          elements: dict
          contains:
            rule:
              description: The rule that is broken.
              returned: always
              type: str
              choices:
                - open-to-all
                - mode
                - owner
                - access-list
                - path
                - directory
                - link
                - hard-link
                - stray-key
                - plain-key
                - forbidden
                - backup
                - archive
            severity:
              description: How bad it is.
              returned: always
              type: str
              choices: [critical, high, medium]
            path:
              description: The file.
              returned: always
              type: str
            problem:
              description: What is wrong.
              returned: always
              type: str
            remedy:
              description: What to do.
              returned: always
              type: str
            allowed_by:
              description: Owner of the allowance that covers it; null when there is none.
              returned: always
              type: str
        allowances:
          description: One entry per item of O(targets[].allow).
          returned: always
          type: list
          elements: dict
          contains:
            rule:
              description: The rule it is about.
              returned: when given
              type: str
            path:
              description: The path it is about.
              returned: when given
              type: str
            fingerprint:
              description: The fingerprint it is about.
              returned: when given
              type: str
            owner:
              description: Who answers for it.
              returned: always
              type: str
            reason:
              description: Why it is allowed.
              returned: always
              type: str
            expires:
              description: Last day on which it is allowed.
              returned: always
              type: str
              sample: "2026-12-31"
            verdict:
              description:
                - V(used) when it covers a finding, V(expired) when it would if it had not run out, V(unused) when
                  nothing needs it any more.
              returned: always
              type: str
              choices: [used, expired, unused]
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
  sample: {create: 0, delete: 0, failed: 0, none: 1, replace: 0, update: 1}
"""

import contextlib

from ..module_utils._core.clock import system_clock
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, batch, build_each
from ..module_utils._hygiene.file_audit import ITEM_OPTIONS, SHARED, FileAudit

SPEC = batch("targets", ITEM_OPTIONS, shared=SHARED)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared targets as resources."""
    now = system_clock()
    targets = build_each(SPEC, params, lambda item: FileAudit.declared(item, now), "path")
    return Batch(targets, reads_here=True)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
