#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_pki_issuer
short_description: Manage CAs of the PKI engine of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, updates and removes issuers (CAs), which are roots, intermediates signed by another issuer of the server or
    by an external CA, and imported CAs.
  - An issuer is known by its name. It is made once. What its certificate says cannot be changed, so a difference there
    is refused unless O(issuers[].on_mismatch=replace). What the engine keeps beside the certificate (usage, URLs,
    chain) is changed in place, and only as far as it is declared.
  - The list is worked through in order, so name a root before the intermediates that it signs.
  - A run that ended between making a key and installing its certificate is continued by the next one, with the same
    key.
  - Private keys of roots and intermediates are made inside the engine and never leave it.
  - A nameless issuer that is the declared one (with the subject of a root or intermediate and a key, or with the
    certificate of an import) is given the name instead of making another.
  - What is not declared about a certificate is not compared, and a new one gets what the server does by default.
  - The token needs C(read) and C(patch) on C(<mount>/issuer/*), C(list) on C(<mount>/keys), C(read) and C(update) on
    C(<mount>/config/issuers), and C(read) on C(sys/mounts/<mount>/tune). Without the latter, a ceiling that comes from
    the system's default goes unnoticed.
  - To make a root it also needs C(update) on C(<mount>/root/generate/*). For an intermediate C(update) on
    C(<mount>/intermediate/generate/*) and C(<mount>/issuers/import/cert), C(read) on C(<mount>/key/*), and for
    O(issuers[].signed_by) C(update) on C(<parent mount>/issuer/<parent>/sign-intermediate). For an import C(read) and
    C(update) on C(<mount>/key/*), and C(update) on C(<mount>/issuers/import/bundle), or C(<mount>/issuers/import/cert)
    without a key. For O(issuers[].on_mismatch=replace) C(read) and C(update) on C(<mount>/key/*).
  - To delete it needs C(read) and C(delete) on C(<mount>/issuer/*), C(read) on C(<mount>/config/issuers), C(list) on
    C(<mount>/roles) and C(read) on C(<mount>/roles/*), and for O(issuers[].delete_key) C(list) on C(<mount>/keys) and
    C(delete) on C(<mount>/key/*).
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  issuers:
    description:
      - The issuers to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the issuer.
        type: str
        required: true
      mount:
        description:
          - Path of the PKI engine.
          - When omitted, O(mount).
        type: str
      state:
        description:
          - Whether the issuer should exist.
          - Deleting one that roles issue with is refused unless O(issuers[].force=true).
        type: str
        choices: [present, absent]
        default: present
      type:
        description:
          - How the issuer comes into being. Required when O(issuers[].state=present).
          - V(root) signs itself.
          - V(intermediate) is signed by O(issuers[].signed_by), or elsewhere, see O(issuers[].csr_file).
          - V(imported) brings O(issuers[].certificate) and, unless it should only verify, O(issuers[].private_key).
        type: str
        choices: [root, intermediate, imported]
      signed_by:
        description:
          - The issuer of the same server that signs an intermediate.
          - Before a key is made, and in check mode, it is judged whether that issuer may have this CA below it, by
            ends, path lengths, DNS domains, keys and signatures of all CAs above. A token with C(read) on
            C(<parent mount>/issuer/<parent>) also learns then whether it is revoked, is for issuing, and has its key.
        type: dict
        suboptions:
          mount:
            description:
              - Path of its PKI engine.
            type: str
            required: true
          issuer:
            description:
              - Its name or id.
            type: str
            default: default
      csr_file:
        description:
          - File on the host that runs the module, for the certificate request of an intermediate that is signed
            elsewhere. It is written until O(issuers[].certificate) is declared.
        type: path
      certificate:
        description:
          - Certificate in PEM form of an imported CA, or of an intermediate that was signed elsewhere. Certificates of
            the CAs above it may follow in any order.
          - Required when O(issuers[].type=imported).
        type: str
      private_key:
        description:
          - Private key in PEM form of an imported CA. It is sent when the CA is made, or when the server has no key for
            it.
        type: str
      key_name:
        description:
          - Name of the key.
          - When omitted, O(issuers[].name).
        type: str
      common_name:
        description:
          - Common name (CN) in the subject. Required for V(root) and V(intermediate).
        type: str
      organization:
        description:
          - Organization (O) in the subject.
        type: list
        elements: str
      ou:
        description:
          - Organizational unit (OU) in the subject.
        type: list
        elements: str
      country:
        description:
          - Country (C) in the subject.
        type: list
        elements: str
      province:
        description:
          - State or province (ST) in the subject.
        type: list
        elements: str
      locality:
        description:
          - Locality (L) in the subject.
        type: list
        elements: str
      street_address:
        description:
          - Street address in the subject.
        type: list
        elements: str
      postal_code:
        description:
          - Postal code in the subject.
        type: list
        elements: str
      key_type:
        description:
          - Type of the key. The server's default is V(rsa).
        type: str
        choices: [rsa, ec, ed25519]
      key_bits:
        description:
          - Size of the key. V(0) means the usual one, 2048 bits for V(rsa) and 256 for V(ec).
        type: int
      ttl:
        description:
          - Lifetime of the CA, in seconds or as V(3650d).
          - More than C(max_lease_ttl) of the signing mount, 32 days unless tuned, is refused, as is to outlive a CA
            above it. The server would cut the one with a warning, and permit the other.
        type: str
      max_path_length:
        description:
          - How many CAs may stand below this one before the leaf. V(-1) means no limit.
        type: int
      permitted_dns_domains:
        description:
          - Domains that certificates below this CA may be for.
        type: list
        elements: str
      excluded_dns_domains:
        description:
          - Domains that certificates below this CA may not be for. HashiCorp Vault only.
        type: list
        elements: str
      permitted_ip_ranges:
        description:
          - Networks that certificates below this CA may be for. HashiCorp Vault only.
        type: list
        elements: str
      excluded_ip_ranges:
        description:
          - Networks that certificates below this CA may not be for. HashiCorp Vault only.
        type: list
        elements: str
      permitted_email_addresses:
        description:
          - Mail addresses that certificates below this CA may be for. HashiCorp Vault only.
        type: list
        elements: str
      excluded_email_addresses:
        description:
          - Mail addresses that certificates below this CA may not be for. HashiCorp Vault only.
        type: list
        elements: str
      permitted_uri_domains:
        description:
          - Domains of URIs that certificates below this CA may be for. HashiCorp Vault only.
        type: list
        elements: str
      excluded_uri_domains:
        description:
          - Domains of URIs that certificates below this CA may not be for. HashiCorp Vault only.
        type: list
        elements: str
      signature_bits:
        description:
          - Size of the hash in the signature of the CA's certificate. Given when it is made, and not compared.
        type: int
      use_pss:
        description:
          - Whether RSA signs the CA's certificate with PSS. Given when it is made, and not compared.
        type: bool
      usage:
        description:
          - What the issuer may be used for. V(read-only) is always included. Leave V(issuing-certificates) out to keep
            a CA that was rotated out for its revocation list.
        type: list
        elements: str
        choices: [read-only, issuing-certificates, crl-signing, ocsp-signing]
      leaf_not_after_behavior:
        description:
          - What to do with a certificate that would outlive the issuer, refuse it (V(err)), cut it (V(truncate)) or
            issue it (V(permit)). V(always_enforce_err) also refuses CAs, HashiCorp Vault only.
        type: str
        choices: [err, truncate, permit, always_enforce_err]
      manual_chain:
        description:
          - Names of the issuers that make up the chain, this one first, in place of what the server finds by itself.
            Ids for those without a name. Empty means that the server finds it.
        type: list
        elements: str
      revocation_signature_algorithm:
        description:
          - Signature algorithm of revocation lists, for example V(ECDSAWithSHA384).
        type: str
      issuing_certificates:
        description:
          - Addresses of this issuer's certificate, written into what it issues. They replace those of the engine.
        type: list
        elements: str
      crl_distribution_points:
        description:
          - Addresses of this issuer's revocation list. They replace those of the engine.
        type: list
        elements: str
      delta_crl_distribution_points:
        description:
          - Addresses of this issuer's delta revocation list. They replace those of the engine.
        type: list
        elements: str
      ocsp_servers:
        description:
          - Addresses of this issuer's OCSP responder. They replace those of the engine.
        type: list
        elements: str
      enable_aia_url_templating:
        description:
          - Whether C({{issuer_id}}), C({{cluster_path}}) and C({{cluster_aia_path}}) are replaced in the addresses.
        type: bool
      default:
        description:
          - V(true) makes this the issuer that C(default) stands for, and keeps it so when further issuers come along.
          - V(false) does not make it so, and warns while it is. The first issuer of an engine always becomes its
            default. To change it, declare V(true) for another one.
        type: bool
      on_mismatch:
        description:
          - What to do when the certificate differs from what is declared about it.
          - V(fail) changes nothing and says what differs.
          - V(replace) makes a new CA with a new key under the name. The present one is kept under its name with the
            beginning of its fingerprint appended, so that what it issued can still be verified and revoked.
        type: str
        choices: [fail, replace]
        default: fail
      force:
        description:
          - Whether to delete an issuer although roles issue with it.
        type: bool
        default: false
      delete_key:
        description:
          - Whether to delete the key together with the issuer. A key that another issuer has, too, is kept.
          - Without its key, a CA is lost.
        type: bool
        default: false
  mount:
    description:
      - Path of the PKI engine, for all items that do not give one.
    type: str
    default: pki
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.vault_mount
  - module: trustmesh.security.vault_pki_config
  - module: trustmesh.security.vault_pki_role
"""

EXAMPLES = r"""
- name: Make a root that lives for ten years
  trustmesh.security.vault_pki_issuer:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    issuers:
      - name: root-2026
        type: root
        common_name: Example Root CA
        key_type: ec
        key_bits: 384
        ttl: 3650d

- name: Make a root and an intermediate in engines of their own
  trustmesh.security.vault_pki_issuer:
    issuers:
      - name: root-2026
        mount: pki
        type: root
        common_name: Example Root CA
        organization: [Example Hub]
        country: [TZ]
        key_type: ec
        key_bits: 384
        ttl: 3650d
        max_path_length: 1
        default: true
      - name: mesh-2026
        mount: pki_int
        type: intermediate
        signed_by:
          mount: pki
          issuer: root-2026
        common_name: Example Mesh CA
        organization: [Example Hub]
        key_type: ec
        ttl: 1825d
        max_path_length: 0
        leaf_not_after_behavior: truncate
        default: true

- name: Make an intermediate that a CA elsewhere signs; the first run writes the request, the next installs the answer
  trustmesh.security.vault_pki_issuer:
    mount: pki_int
    issuers:
      - name: mesh-2026
        type: intermediate
        common_name: Example Mesh CA
        key_type: ec
        csr_file: /var/lib/pki/mesh-2026.csr
        certificate: "{{ lookup('ansible.builtin.file', 'mesh-2026.pem', errors='ignore') }}"

- name: Delete a CA that no role issues with any more, and its key
  trustmesh.security.vault_pki_issuer:
    issuers:
      - name: root-2016
        state: absent
        delete_key: true
"""

RETURN = r"""
results:
  description: One entry per issuer, in the order of O(issuers).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Mount and name of the issuer.
      returned: always
      type: str
      sample: pki_int/mesh-2026
    changed:
      description:
        - Whether this issuer was changed, or would be in check mode.
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
      description: What deserves attention although it is not an error, such as a CA whose end is near.
      returned: always
      type: list
      elements: str
    issuer:
      description: The issuer as read back from the server; in check mode as it is now.
      returned: when it exists, or its request was written
      type: dict
      contains:
        issuer_id:
          description: Id of the issuer.
          returned: when it exists
          type: str
          sample: a46838e7-ebb4-7138-683a-207bc5bdfb8f
        issuer_name:
          description: Name of the issuer.
          returned: when it exists
          type: str
          sample: mesh-2026
        key_id:
          description: Id of its key, empty when the server has none.
          returned: when it exists
          type: str
        key_type:
          description: Type of its key.
          returned: when it exists
          type: str
          sample: ec
        key_bits:
          description: Size of its key, 0 when the type has one size only.
          returned: when it exists
          type: int
          sample: 256
        default:
          description: Whether it is the issuer that C(default) stands for.
          returned: when it exists
          type: bool
        usage:
          description: What it may be used for.
          returned: when it exists
          type: list
          elements: str
        leaf_not_after_behavior:
          description: What happens to a certificate that would outlive it.
          returned: when it exists
          type: str
          sample: err
        manual_chain:
          description: Names, or else ids, of the issuers that make up its chain; empty when the server finds it.
          returned: when it exists
          type: list
          elements: str
        revocation_signature_algorithm:
          description: Signature algorithm of its revocation lists.
          returned: when it exists
          type: str
        issuing_certificates:
          description: Addresses of its certificate.
          returned: when it exists
          type: list
          elements: str
        crl_distribution_points:
          description: Addresses of its revocation list.
          returned: when it exists
          type: list
          elements: str
        delta_crl_distribution_points:
          description: Addresses of its delta revocation list.
          returned: when it exists
          type: list
          elements: str
        ocsp_servers:
          description: Addresses of its OCSP responder.
          returned: when it exists
          type: list
          elements: str
        enable_aia_url_templating:
          description: Whether its addresses are templates.
          returned: when it exists
          type: bool
        subject:
          description: Distinguished name of the CA.
          returned: when it exists
          type: str
          sample: CN=Example Mesh CA,O=Example Hub
        issuer:
          description: Distinguished name of the CA that signed it.
          returned: when it exists
          type: str
          sample: CN=Example Root CA,O=Example Hub,C=TZ
        serial:
          description: Serial number of its certificate.
          returned: when it exists
          type: str
          sample: 6f:11:0c:25
        fingerprint_sha256:
          description: SHA-256 of its certificate in DER, in hexadecimal.
          returned: when it exists
          type: str
        not_before:
          description: Beginning of its validity.
          returned: when it exists
          type: str
          sample: "2026-01-01T00:00:00Z"
        not_after:
          description: End of its validity.
          returned: when it exists
          type: str
          sample: "2030-12-31T00:00:00Z"
        chain_length:
          description: Number of certificates in its chain, itself included.
          returned: when it exists
          type: int
          sample: 2
        chain_complete:
          description: Whether its chain ends with a root.
          returned: when it exists
          type: bool
        certificate:
          description: Its certificate in PEM form.
          returned: when it exists
          type: str
        chain:
          description: Its chain in PEM form, itself first.
          returned: when it exists
          type: str
        csr:
          description: The certificate request that waits to be signed elsewhere.
          returned: while O(issuers[].csr_file) is not signed
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
  sample: {create: 2, delete: 0, failed: 0, none: 0, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.pki_issuer_declaration import ISSUERS

SPEC = VAULT + ISSUERS.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared issuers as resources, in the order in which they depend on each other."""
    return ISSUERS.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
