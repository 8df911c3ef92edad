#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_pki_role
short_description: Manage roles of the PKI engine of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, updates and removes PKI roles so that they match their declaration. A role says what certificates may be
    issued and how they look.
  - What is not declared is left as it is. Lists are compared without regard to order and repetition, lifetimes in
    seconds.
  - A new role is stricter than the server would make it. O(roles[].allow_wildcard_certificates),
    O(roles[].allow_localhost) and O(roles[].allow_ip_sans) are V(false) unless declared. A role that exists already is
    not tightened in this way.
  - An option that this server does not have is an error before anything is written, unless it is declared to be off,
    which is how such a server acts anyway.
  - A lifetime that the mount would cut short is refused when the role is written, and warned about when there is
    nothing to write, see O(roles[].max_ttl).
  - The token needs C(read), C(update), C(patch) and C(delete) on C(<mount>/roles/*), and C(read) on
    C(sys/mounts/<mount>/tune). Without the latter, a ceiling that comes from the system's default goes unnoticed.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  roles:
    description:
      - The roles to manage. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the role.
        type: str
        required: true
      mount:
        description:
          - Path of the PKI engine.
          - When omitted, O(mount).
        type: str
      state:
        description:
          - Whether the role should exist.
        type: str
        choices: [present, absent]
        default: present
      issuer_ref:
        description:
          - Name or id of the issuer that signs. The server's default is V(default), whichever issuer that is.
        type: str
      ttl:
        description:
          - Lifetime of certificates when the request names none, in seconds or as V(72h), V(30d), V(1h30m).
          - V(0) means the mount's default. Longer than O(roles[].max_ttl) is refused.
        type: str
      max_ttl:
        description:
          - Longest lifetime of certificates, in seconds or as V(72h), V(90d). Longer requests are cut to it.
          - V(0) means the limit of the mount. More than C(max_lease_ttl) of the mount, 32 days unless tuned, would have
            no effect and is refused.
        type: str
      not_before_duration:
        description:
          - How far validity begins in the past, against clocks that are slow. The server's default is 30 seconds.
        type: str
      not_before:
        description:
          - Fixed beginning of validity, like V("2030-01-01T00:00:00Z"). Empty means the moment of issue. OpenBao only.
        type: str
      not_after:
        description:
          - Fixed end of validity, like V("2030-12-31T23:59:59Z"). Empty means that lifetimes decide.
        type: str
      not_before_bound:
        description:
          - What requests may say about the beginning of validity, anything (V(permit)), nothing (V(forbid)), or not
            earlier than O(roles[].not_before_duration) ago (V(duration)). OpenBao only.
        type: str
        choices: [permit, duration, forbid]
      not_after_bound:
        description:
          - What requests may say about the end of validity, anything (V(permit)), nothing (V(forbid)), not later than
            the longest lifetime allows (V(ttl-limited)), or not later than an instant, like V("2030-12-31T23:59:59Z").
            OpenBao only.
        type: str
      allowed_domains:
        description:
          - Domains that certificates may be for. What exactly is allowed depends on O(roles[].allow_bare_domains),
            O(roles[].allow_subdomains) and O(roles[].allow_glob_domains).
          - They are stored in lower case and IDNA form, in which they are matched, except for templates.
        type: list
        elements: str
      allowed_domains_template:
        description:
          - Whether O(roles[].allowed_domains) may hold identity templates.
        type: bool
      allow_bare_domains:
        description:
          - Whether the domains themselves are allowed.
        type: bool
      allow_subdomains:
        description:
          - Whether all names below the domains are allowed.
        type: bool
      allow_glob_domains:
        description:
          - Whether O(roles[].allowed_domains) may hold patterns such as V(ftp*.example.com).
        type: bool
      allow_any_name:
        description:
          - Whether every name is allowed, whatever O(roles[].allowed_domains) says.
        type: bool
      allow_localhost:
        description:
          - Whether V(localhost) is allowed.
          - When omitted, new roles get V(false); the server itself would make it V(true).
        type: bool
      allow_wildcard_certificates:
        description:
          - Whether names with a leading V(*) label are allowed.
          - When omitted, new roles get V(false); the server itself would make it V(true).
        type: bool
      allow_globs_in_identity_templates:
        description:
          - Whether values that templates insert may contain wildcards. OpenBao only.
        type: bool
      enforce_hostnames:
        description:
          - Whether names have to be valid host names.
        type: bool
      allow_ip_sans:
        description:
          - Whether IP addresses are allowed as alternative names.
          - When omitted, new roles get V(false); the server itself would make it V(true).
        type: bool
      allowed_ip_sans_cidr:
        description:
          - Networks that IP addresses have to be in. Empty means any. OpenBao only.
        type: list
        elements: str
      allowed_uri_sans:
        description:
          - Patterns of allowed URIs, for example V(spiffe://example.com/*).
        type: list
        elements: str
      allowed_uri_sans_template:
        description:
          - Whether O(roles[].allowed_uri_sans) may hold identity templates.
        type: bool
      allowed_other_sans:
        description:
          - Allowed other names, each as an object identifier, a semicolon and C(utf8:) with a pattern.
        type: list
        elements: str
      allowed_serial_numbers:
        description:
          - Patterns of allowed serial numbers in the subject. Empty means none.
        type: list
        elements: str
      allowed_user_ids:
        description:
          - Patterns of allowed user ids in the subject. Empty means none.
        type: list
        elements: str
      cn_validations:
        description:
          - What a common name has to be, some of V(email) and V(hostname), or V(disabled).
        type: list
        elements: str
      require_cn:
        description:
          - Whether a common name is required.
        type: bool
      use_csr_common_name:
        description:
          - Whether the common name is taken from the certificate request, and the one beside it ignored.
        type: bool
      use_csr_sans:
        description:
          - Whether the alternative names are taken from the certificate request, and those beside it ignored.
        type: bool
      serial_number_source:
        description:
          - Where the serial number of the subject comes from, the certificate request as well (V(json-csr)) or only
            what stands beside it (V(json)). HashiCorp Vault only.
        type: str
        choices: [json-csr, json]
      key_type:
        description:
          - Type of key that certificates are issued for. V(any) allows all in requests, but no generated key without
            saying which. The server's default is V(rsa). V(mldsa) is for servers that have it.
        type: str
        choices: [rsa, ec, ed25519, mldsa, any]
      key_bits:
        description:
          - Size of key. V(0) means the usual one, 2048 bits for V(rsa), 256 for V(ec), 44 for V(mldsa).
          - Sizes that mean nothing for the type of key are refused.
        type: int
      signature_bits:
        description:
          - Size of the hash in signatures, 256, 384 or 512. V(0) means what suits the issuer's key.
        type: int
      use_pss:
        description:
          - Whether RSA issuers sign with PSS rather than PKCS#1 v1.5.
        type: bool
      server_flag:
        description:
          - Whether certificates are good for TLS servers.
        type: bool
      client_flag:
        description:
          - Whether certificates are good for TLS clients.
        type: bool
      code_signing_flag:
        description:
          - Whether certificates are good for signing code.
        type: bool
      email_protection_flag:
        description:
          - Whether certificates are good for protecting mail.
        type: bool
      key_usage:
        description:
          - What keys may be used for, some of V(DigitalSignature), V(ContentCommitment), V(KeyEncipherment),
            V(DataEncipherment), V(KeyAgreement), V(CertSign), V(CRLSign), V(EncipherOnly) and V(DecipherOnly). The
            names of RFC 5280 are understood, too.
          - An empty list means none. The server would store other names and ignore them; here they are refused.
        type: list
        elements: str
      ext_key_usage:
        description:
          - Further purposes, some of V(Any), V(ServerAuth), V(ClientAuth), V(CodeSigning), V(EmailProtection),
            V(IPSECEndSystem), V(IPSECTunnel), V(IPSECUser), V(TimeStamping), V(OCSPSigning),
            V(MicrosoftServerGatedCrypto) and V(NetscapeServerGatedCrypto). Other names are refused.
        type: list
        elements: str
      ext_key_usage_oids:
        description:
          - Further purposes by object identifier.
        type: list
        elements: str
      basic_constraints_valid_for_non_ca:
        description:
          - Whether certificates carry basic constraints although they are not for a CA.
        type: bool
      policy_identifiers:
        description:
          - Object identifiers of policies, or JSON objects with C(oid), C(notice) and C(cps).
        type: list
        elements: str
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
      generate_lease:
        description:
          - Whether certificates are leases, revoked together with the token that asked for them.
        type: bool
      no_store:
        description:
          - Whether certificates are not stored. They can then neither be listed nor revoked by serial number. Excludes
            O(roles[].generate_lease).
        type: bool
      no_store_metadata:
        description:
          - Whether metadata of certificates is not stored. HashiCorp Vault Enterprise only.
        type: bool
  mount:
    description:
      - Path of the PKI engine, for all items that do not give one.
    type: str
    default: pki
seealso:
  - module: trustmesh.security.vault_pki_issuer
  - module: trustmesh.security.vault_mount
"""

EXAMPLES = r"""
- name: Let services of one domain have certificates of up to 90 days
  trustmesh.security.vault_pki_role:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    roles:
      - name: service
        allowed_domains: [svc.example.com]
        allow_subdomains: true
        max_ttl: 90d

- name: Keep the roles of a mesh in one call
  trustmesh.security.vault_pki_role:
    mount: pki_int
    roles:
      - name: hub
        issuer_ref: mesh-2026
        allowed_domains: [switch, switch.example.com]
        allow_bare_domains: true
        key_type: ec
        key_bits: 256
        key_usage: [DigitalSignature]
        ttl: 30d
        max_ttl: 90d
        organization: [Example Hub]
      - name: participant
        issuer_ref: mesh-2026
        allowed_domains: ["perffsp-*"]
        allow_glob_domains: true
        server_flag: false
        key_type: ec
        max_ttl: 30d

- name: Retire a role
  trustmesh.security.vault_pki_role:
    roles:
      - name: legacy
        state: absent
"""

RETURN = r"""
results:
  description: One entry per role, in the order of O(roles).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Mount and name of the role.
      returned: always
      type: str
      sample: pki_int/hub
    changed:
      description:
        - Whether this role was changed, or would be in check mode.
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
      sample: ["max_ttl is 2592000, declared 7776000"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    role:
      description:
        - The role as read back from the server; in check mode as it is now. The fields are named like the options.
          Lifetimes are seconds.
      returned: when it exists
      type: dict
      sample: {allowed_domains: [svc.example.com], allow_subdomains: true, key_type: ec, max_ttl: 7776000}
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
  sample: {create: 1, delete: 0, failed: 0, none: 2, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.pki_role import PKI_ROLES

SPEC = VAULT + PKI_ROLES.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared roles as resources."""
    return PKI_ROLES.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
