#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: local_ca
short_description: Manage certificate authorities in files for development and tests
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, renews and removes certificate authorities in directories of this host, each with its certificate, its
    private key and, where declared, a revocation list.
  - A key in a file protects nothing that matters, so everything such an authority signs is marked for development. Its
    subject has the organizational unit C(Development CA - not for production), and every certificate carries the policy
    C(1.3.6.1.4.1.32473.7468.1), which lies below the enterprise number that RFC 5612 bars from real use. The other
    modules of this collection refuse marked certificates unless C(allow_development_ca) is true.
  - When the certificate needs no new key, because its time runs out or its path length changes, it is signed again with
    the key it has, so that everything signed before stays valid. O(authorities[].on_mismatch) governs the rest.
  - The key is C(ca-key.pem) with mode C(0600), the certificate C(ca-cert.pem). An intermediate also has C(ca-chain.pem)
    with the certificates above it.
  - Files of an authority that change together, such as a new key with its certificate, chain and list, change at one
    moment. While they do, their names are links into the directory C(.trustmesh-local_ca) beside them. A run that is
    killed then leaves the old files or the new ones behind all names, and the next run puts plain files there again.
  - Serial numbers are random, so that no database of them has to be kept.
extends_documentation_fragment:
  - trustmesh.security._attributes
options:
  authorities:
    description:
      - The authorities to manage, a parent before its intermediates. After a failure the rest is not attempted.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - What to call the authority in messages and results.
        type: str
        required: true
      directory:
        description:
          - The directory of its files. It is created when missing.
          - Two authorities cannot share it.
        type: path
        required: true
      state:
        description:
          - Whether the authority should exist.
          - V(absent) removes its files. It refuses to remove an authority that is not marked for development.
        type: str
        choices: [present, absent]
        default: present
      common_name:
        description:
          - Common name of the authority.
          - When omitted, O(authorities[].name).
        type: str
      organization:
        description:
          - Organizations in its subject.
        type: list
        elements: str
      country:
        description:
          - Countries in its subject, in two letters.
        type: list
        elements: str
      province:
        description:
          - Provinces or states in its subject.
        type: list
        elements: str
      locality:
        description:
          - Cities or places in its subject.
        type: list
        elements: str
      key_type:
        description:
          - Kind of its key.
        type: str
        choices: [ec, rsa, ed25519]
        default: ec
      key_size:
        description:
          - Size of its key in bits.
          - V(256), V(384) or V(521) for V(ec), V(2048), V(3072), V(4096) or V(8192) for V(rsa).
          - When omitted, V(256) for V(ec) and V(3072) for V(rsa).
        type: int
      passphrase:
        description:
          - Passphrase that encrypts the key, eight characters or more.
          - When omitted, and O(authorities[].passphrase_file) too, a new key is not encrypted.
          - A key that is not encrypted yet gets encrypted. Taking a passphrase away or changing it needs
            C(openssl pkey).
        type: str
      passphrase_file:
        description:
          - File on this host with the passphrase in one line, in place of O(authorities[].passphrase).
        type: path
      path_length:
        description:
          - How many authorities may stand between this one and a leaf.
          - V(0) lets it sign leaves only. The parent of an intermediate needs at least V(1).
        type: int
        default: 0
      ttl:
        description:
          - Lifetime of its certificate, such as V(3650d).
          - An intermediate ends with its parent at the latest.
        type: str
        default: 3650d
      renew_before:
        description:
          - How long before it expires the certificate is signed again, as a duration or as a share of its lifetime.
          - The default leaves time for leaves of one year.
        type: str
        default: 10%
      parent:
        description:
          - Directory of the authority that signs this one.
          - When omitted, this one is a root.
        type: path
      parent_passphrase:
        description:
          - Passphrase of the parent's key. Needed when that is encrypted.
        type: str
      parent_passphrase_file:
        description:
          - File on this host with the passphrase of the parent's key, in place of O(authorities[].parent_passphrase).
        type: path
      owner:
        description:
          - Owner of the files, by name or number.
          - When omitted, who runs the module, and not compared.
        type: str
      group:
        description:
          - Group of the files, by name or number.
          - When omitted, the group of who runs the module, and not compared.
        type: str
      crl_file:
        description:
          - File for a revocation list, relative to O(authorities[].directory).
          - When omitted, no list is kept.
        type: path
      crl_ttl:
        description:
          - How long a revocation list is good for.
        type: str
        default: 7d
      crl_renew_before:
        description:
          - How long before it expires the list is made again, as a duration or as a share of its lifetime.
        type: str
        default: 33%
      revoked:
        description:
          - All certificates on the list. One that is no longer declared leaves it with the next list.
          - Needs O(authorities[].crl_file).
        type: list
        elements: dict
        suboptions:
          serial:
            description:
              - Serial number in hexadecimal, with or without colons.
              - Exactly one of this and O(authorities[].revoked[].certificate_file) is needed.
            type: str
          certificate_file:
            description:
              - File on this host with the certificate to revoke.
            type: path
          reason:
            description:
              - Why it is revoked.
            type: str
            choices:
              - unspecified
              - key_compromise
              - ca_compromise
              - affiliation_changed
              - superseded
              - cessation_of_operation
              - certificate_hold
              - privilege_withdrawn
              - aa_compromise
            default: unspecified
      on_mismatch:
        description:
          - What to do when the authority cannot become what is declared with the key it has. That is when subject, key
            type or key size differ, when the key is lost or belongs to another certificate, and when the certificate is
            not marked for development.
          - V(fail) changes nothing and says why.
          - V(replace) makes a new key. Nothing that the authority has signed is trusted any more then.
        type: str
        choices: [fail, replace]
        default: fail
  owner:
    description:
      - Value of O(authorities[].owner) for all authorities that do not give it.
    type: str
  group:
    description:
      - Value of O(authorities[].group) for all authorities that do not give it.
    type: str
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.certificate
  - module: trustmesh.security.certificate_info
  - module: trustmesh.security.vault_pki_issuer
"""

EXAMPLES = r"""
- name: Make a development authority
  trustmesh.security.local_ca:
    authorities:
      - name: Wings development CA
        directory: certs/ca

- name: Keep a root apart from the intermediate that signs, and a revocation list
  trustmesh.security.local_ca:
    authorities:
      - name: Mesh development root
        directory: /srv/dev-ca/root
        path_length: 1
        passphrase_file: /srv/dev-ca/root.pass
      - name: Mesh development CA
        directory: /srv/dev-ca/mesh
        parent: /srv/dev-ca/root
        parent_passphrase_file: /srv/dev-ca/root.pass
        ttl: 1825d
        crl_file: crl.pem
        revoked:
          - certificate_file: /srv/dev-ca/lost-node.pem
            reason: key_compromise
          - serial: 39:dd:2e:90:b7:23:1f:8d

- name: Remove it
  trustmesh.security.local_ca:
    authorities:
      - name: Wings development CA
        directory: certs/ca
        state: absent
"""

RETURN = r"""
results:
  description: One entry per authority, in the order of O(authorities).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the authority.
      returned: always
      type: str
      sample: Wings development CA
    changed:
      description:
        - Whether this authority was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode. V(update) keeps the key, V(replace) makes a new one.
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
      sample: ["expires in 300 days, renewal margin is 365 days"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    authority:
      description: The authority as it is after the task; in check mode as it is now.
      returned: when it exists
      type: dict
      contains:
        subject_dn:
          description: Its name (RFC 4514).
          returned: always
          type: str
          sample: CN=Wings development CA,OU=Development CA - not for production
        issuer_dn:
          description: Name of who signed it; its own for a root.
          returned: always
          type: str
        serial:
          description: Serial number of its certificate.
          returned: always
          type: str
          sample: 39:dd:2e:90:b7:23:1f:8d
        not_before:
          description: First instant of its certificate, in UTC.
          returned: always
          type: str
          sample: "2026-01-31T12:00:00Z"
        not_after:
          description: Last instant of its certificate, in UTC.
          returned: always
          type: str
          sample: "2036-01-29T12:00:30Z"
        renew_at:
          description: When its certificate will be signed again, in UTC.
          returned: always
          type: str
          sample: "2035-01-30T11:59:57Z"
        key_type:
          description: Kind of its key.
          returned: always
          type: str
          sample: ec
        key_size:
          description: Size of its key in bits; null for Ed25519.
          returned: always
          type: int
          sample: 256
        path_length:
          description: How many authorities may stand between it and a leaf.
          returned: always
          type: int
          sample: 0
        fingerprint_sha256:
          description: SHA-256 of its certificate in hex.
          returned: always
          type: str
        spki_sha256:
          description: SHA-256 of its public key in hex; stays when the certificate is signed again.
          returned: always
          type: str
        development:
          description: Whether it is marked for development.
          returned: always
          type: bool
        certificate:
          description: Its certificate in PEM.
          returned: always
          type: str
        certificate_file:
          description: Path of its certificate.
          returned: always
          type: str
        key_file:
          description: Path of its key.
          returned: always
          type: str
        chain_file:
          description: Path of the certificates above it.
          returned: for an intermediate
          type: str
        crl:
          description: The revocation list.
          returned: when one is declared and exists
          type: dict
          contains:
            path:
              description: Its path.
              returned: always
              type: str
            issuer_dn:
              description: Name of who signed it.
              returned: always
              type: str
            number:
              description: Its number, which grows with every list.
              returned: always
              type: int
            this_update:
              description: When it was made, in UTC.
              returned: always
              type: str
            next_update:
              description: Until when it is good, in UTC.
              returned: always
              type: str
            revoked:
              description: The certificates on it, by serial number.
              returned: always
              type: list
              elements: dict
              contains:
                serial:
                  description: Serial number.
                  returned: always
                  type: str
                revoked_at:
                  description: Since when, in UTC.
                  returned: always
                  type: str
                reason:
                  description: Why.
                  returned: always
                  type: str
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
  sample: {create: 1, delete: 0, failed: 0, none: 0, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._local_ca.resource import LocalAuthority, resolve_parents
from ..module_utils._local_ca.state import EXCLUSIVE, ITEM_OPTIONS, SHARED

SPEC = Spec(requires=(CRYPTOGRAPHY,)) + batch("authorities", ITEM_OPTIONS, shared=SHARED, mutually_exclusive=EXCLUSIVE)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared authorities as resources; an intermediate needs its parent."""
    authorities = build_each(SPEC, params, LocalAuthority.declared)
    resolve_parents(authorities)
    return Batch(authorities, ordered=True)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
