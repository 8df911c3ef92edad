#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Manage certificates and their private keys on a host
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Issues certificates for the host, each with its private key and chains, and renews them before they expire.
  - The key is made on the host and never leaves it. What travels is a certificate request (CSR), signed by a role of a
    Vault or OpenBao PKI engine or by a local development CA.
  - Key, certificate and chains are swapped together. They are written as a I(generation) in C(.trustmesh/<name>/) below
    O(certificates[].directory), and the published files are symbolic links through the one link C(current). Moving that
    link is the swap, so neither a reader nor a crash ever meets a key beside another key's certificate.
  - What the role, the mount or the issuer would refuse or change (life, names, key, usages) is a failure before
    anything is signed, in check mode too. What is in place and good stays, with a warning. A life counts from the
    moment of signing, however far the role dates back (C(not_before_duration)).
  - A new certificate is verified against the declaration before it is installed. If an authority shortens the life,
    drops a name or adds a usage nevertheless, the task fails and says so, and nothing is installed.
  - With O(certificates[].provider=vault) the token needs C(update) on C(<mount>/sign/<role>) (or
    C(<mount>/issuer/<issuer>/sign/<role>)) and C(read) on C(<mount>/roles/<role>). Without the latter, what the role
    refuses or cuts short is noticed only by the server or after signing. The CA's certificate is open to everybody.
  - A certificate that its engine has revoked is replaced with a new key. For that the token needs C(list) on
    C(<mount>/certs/revoked), which is asked for once per mount. Without it the revocation list of the issuer is read,
    which everybody may do. That list does not know what was revoked since it was made, which is a warning.
  - Any number of certificates costs one login and, when nothing is due, two reads per role and issuer, one per mount
    and no write.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._certificate
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  certificates:
    description:
      - The certificates to manage. All of them are read and planned before the first one is issued.
      - Options that are described at the top level of this module and occur here too hold for one certificate; when
        omitted here, what stands beside the list applies.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the certificate on this host. It stands for C({name}) in the file options, and together with the
            host's name it decides the renewal jitter.
        type: str
        required: true
      common_name:
        description:
          - Common name of the subject.
          - When omitted, O(certificates[].name).
        type: str
      dns_names:
        description:
          - DNS names the certificate is valid for. Compared as a set, in lower case and in their IDNA form.
          - Names that are not declared here, in the other three options or by O(certificates[].common_name_in_sans) are
            not in the certificate.
        type: list
        elements: str
      ip_addresses:
        description:
          - IP addresses the certificate is valid for. Compared as addresses, not as text.
        type: list
        elements: str
      uris:
        description:
          - URIs the certificate is valid for, such as SPIFFE identities.
        type: list
        elements: str
      emails:
        description:
          - Mail addresses the certificate is valid for.
        type: list
        elements: str
      state:
        description:
          - Whether the certificate should be on the host.
          - V(absent) removes the published links and all generations. It does not revoke the certificate.
        type: str
        choices: [present, absent]
        default: present
      key_usage:
        description:
          - O(key_usage) of this certificate.
        type: list
        elements: str
      extended_key_usage:
        description:
          - O(extended_key_usage) of this certificate.
        type: list
        elements: str
      key_type:
        description:
          - O(key_type) of this certificate.
        type: str
        choices: [ec, rsa, ed25519]
      key_size:
        description:
          - O(key_size) of this certificate.
        type: int
      common_name_in_sans:
        description:
          - O(common_name_in_sans) of this certificate.
        type: bool
      ttl:
        description:
          - O(ttl) of this certificate.
        type: str
      renew_before:
        description:
          - O(renew_before) of this certificate.
        type: str
      renew_jitter_percent:
        description:
          - O(renew_jitter_percent) of this certificate.
        type: int
      not_before:
        description:
          - O(not_before) of this certificate.
        type: str
      renew_key:
        description:
          - O(renew_key) of this certificate.
        type: bool
      keep_generations:
        description:
          - O(keep_generations) of this certificate.
        type: int
      on_mismatch:
        description:
          - O(on_mismatch) of this certificate.
        type: str
        choices: [fail, replace]
      allow_development_ca:
        description:
          - O(allow_development_ca) of this certificate.
        type: bool
      provider:
        description:
          - O(provider) of this certificate.
        type: str
        choices: [vault, local]
      mount:
        description:
          - O(mount) of this certificate.
        type: str
      role:
        description:
          - O(role) of this certificate.
        type: str
      issuer:
        description:
          - O(issuer) of this certificate.
        type: str
      ca_directory:
        description:
          - O(ca_directory) of this certificate.
        type: path
      ca_passphrase_file:
        description:
          - O(ca_passphrase_file) of this certificate.
        type: path
      directory:
        description:
          - O(directory) of this certificate.
        type: path
      key_file:
        description:
          - O(key_file) of this certificate.
        type: str
      certificate_file:
        description:
          - O(certificate_file) of this certificate.
        type: str
      chain_file:
        description:
          - O(chain_file) of this certificate.
        type: str
      fullchain_file:
        description:
          - O(fullchain_file) of this certificate.
        type: str
      ca_file:
        description:
          - O(ca_file) of this certificate.
        type: str
      owner:
        description:
          - O(owner) of this certificate.
        type: str
      group:
        description:
          - O(group) of this certificate.
        type: str
      mode:
        description:
          - O(mode) of this certificate.
        type: str
      key_mode:
        description:
          - O(key_mode) of this certificate.
        type: str
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.certificate_info
  - module: trustmesh.security.local_ca
  - module: trustmesh.security.vault_pki_role
"""

EXAMPLES = r"""
- name: Keep one certificate
  trustmesh.security.certificate:
    url: https://vault.example.com:8200
    mount: pki_int
    role: mesh
    directory: /etc/pki/hub
    certificates:
      - name: switch
        common_name: switch.hub.example

- name: Keep the certificates of a hub, renewed a week before they end, readable by the service group
  trustmesh.security.certificate:
    mount: pki_int
    role: mesh
    ttl: 30d
    renew_before: 7d
    directory: /etc/pki/hub
    group: hub
    key_mode: "0640"
    certificates:
      - name: trust-service.internal
        dns_names: [trust-service, localhost]
      - name: us-east-1-node-01
        dns_names: [node1.example.com]
        role: nodes
        key_file: certs/nodes/{name}-key.pem
        certificate_file: certs/nodes/{name}-cert.pem
  register: hub_certificates
  notify: Reload the hub

- name: Reload only the services whose certificate changed
  ansible.builtin.systemd_service:
    name: "{{ item }}"
    state: reloaded
  loop: "{{ hub_certificates.results | selectattr('changed') | map(attribute='item') }}"

- name: Issue from a local development CA
  trustmesh.security.certificate:
    provider: local
    ca_directory: /srv/dev-ca
    allow_development_ca: true
    directory: /srv/dev
    certificates:
      - name: localhost

- name: Retire a certificate
  trustmesh.security.certificate:
    directory: /etc/pki/hub
    certificates:
      - name: legacy
        state: absent
"""

RETURN = r"""
results:
  description: One entry per certificate, in the order of O(certificates).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the certificate.
      returned: always
      type: str
      sample: switch
    changed:
      description:
        - Whether this certificate was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode.
        - V(none) for an item that failed before anything was changed.
        - V(replace) means a new certificate, V(update) that only names, modes or chains were put right.
      returned: always
      type: str
      choices: [none, create, update, replace, delete]
      sample: replace
    reasons:
      description: Why, one sentence per difference.
      returned: always
      type: list
      elements: str
      sample: [expires in 5 days, renewal margin is 7 days]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    certificate:
      description: The certificate on the host; in check mode the one that is there now.
      returned: when it exists
      type: dict
      contains:
        common_name:
          description: Common name of the subject.
          returned: always
          type: str
          sample: switch.hub.example
        dns_names:
          description: DNS names.
          returned: always
          type: list
          elements: str
        ip_addresses:
          description: IP addresses.
          returned: always
          type: list
          elements: str
        uris:
          description: URIs.
          returned: always
          type: list
          elements: str
        emails:
          description: Mail addresses.
          returned: always
          type: list
          elements: str
        serial:
          description: Serial number in hexadecimal.
          returned: always
          type: str
          sample: 39:dd:2e:90:b7:23
        fingerprint_sha256:
          description: SHA-256 of the certificate.
          returned: always
          type: str
        issuer:
          description: Distinguished name of the issuer.
          returned: always
          type: str
          sample: CN=Hub Intermediate CA
        not_before:
          description: Beginning of the validity, in UTC.
          returned: always
          type: str
          sample: "2026-11-21T09:15:00Z"
        not_after:
          description: End of the validity, in UTC.
          returned: always
          type: str
          sample: "2026-12-21T09:15:00Z"
        renew_at:
          description: When a run will renew it, jitter included.
          returned: always
          type: str
          sample: "2026-12-11T08:02:11Z"
        made_at:
          description: Since when there is this certificate; of one that others made the beginning of its validity.
          returned: always
          type: str
          sample: "2026-11-21T09:15:30Z"
        previous:
          description:
            - The certificates of former generations that are still on disk, the oldest first, for
              M(trustmesh.security.vault_pki_revocation).
          returned: always
          type: list
          elements: dict
          contains:
            made_at:
              description: Since when there was this certificate.
              returned: always
              type: str
            certificate_file:
              description: File of the certificate.
              returned: always
              type: str
        key_type:
          description: Type of the key.
          returned: always
          type: str
          sample: ec
        key_size:
          description: Size of the key in bits; null for Ed25519.
          returned: always
          type: int
          sample: 256
        files:
          description: Where the files are published.
          returned: always
          type: dict
          sample: {key: /etc/pki/hub/switch/key.pem, certificate: /etc/pki/hub/switch/cert.pem}
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
  sample: {create: 1, delete: 0, failed: 0, none: 99, replace: 0, update: 0}
"""

import contextlib
import typing as t

from ..module_utils._certificate.declaration import ITEM_OPTIONS, SHARED, declared
from ..module_utils._certificate.signer import Signer
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.files import FileTransaction
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._vault.connection import VAULT, WORKERS, connect
from ..module_utils._vault.port import Vault

if t.TYPE_CHECKING:
    from ..module_utils._vault.revoked import RevokedCertificates

SPEC = VAULT + Spec(requires=(CRYPTOGRAPHY,)) + batch("certificates", ITEM_OPTIONS, shared=SHARED)


class Signers:
    """Makes one signer per authority, and one login however many authorities live in Vault."""

    def __init__(self, params: Params, stack: contextlib.ExitStack) -> None:
        self._params = params
        self._stack = stack
        self._signers: dict[t.Any, Signer] = {}
        self._revoked: dict[str, RevokedCertificates] = {}
        self.vault: Vault | None = None

    def __call__(self, item: t.Mapping[str, t.Any]) -> Signer:
        names = ("provider", "mount", "role", "issuer", "ca_directory", "ca_passphrase_file")
        key = tuple(item[name] for name in names)
        if key not in self._signers:
            self._signers[key] = self._make(item)
        return self._signers[key]

    def _make(self, item: t.Mapping[str, t.Any]) -> Signer:
        # Nearly every run has one provider only, and each is much to load.
        if item["provider"] == "local":
            from ..module_utils._local_ca.signer import LocalSigner

            return LocalSigner(item["ca_directory"], item["ca_passphrase_file"])
        from ..module_utils._vault.revoked import RevokedCertificates
        from ..module_utils._vault.signer import VaultSigner

        if self.vault is None:
            self.vault = connect(self._params, self._stack)
        mount = item["mount"].strip("/")
        revoked = self._revoked.setdefault(mount, RevokedCertificates(self.vault, mount))
        return VaultSigner(self.vault, mount, item["role"], item["issuer"], revoked)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared certificates as resources."""
    files = FileTransaction()
    signers = Signers(params, stack)
    certificates = build_each(SPEC, params, lambda item: declared(item, signers, files))
    warnings = signers.vault.warnings if signers.vault else []
    return Batch(certificates, workers=WORKERS, reads_here=True, transaction=files, warnings=warnings)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
