#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_pki_config
short_description: Configure PKI engines of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Configures PKI engines as declared. It covers the URLs that certificates carry, the paths
    of the cluster, revocation lists and OCSP, and tidying.
  - A section that is not declared is neither read nor changed. Of a declared section, fields that are not declared are
    left as they are.
  - URLs are written into certificates when those are issued, so configure them before the first certificate.
  - Combinations that the server would refuse or ignore are refused before anything is written.
  - An option that this server does not have is an error before anything is written, unless it is declared to be off,
    which is how such a server acts anyway.
  - The token needs C(read) and C(update) on C(<mount>/config/cluster), C(<mount>/config/urls), C(<mount>/config/crl)
    and C(<mount>/config/auto-tidy), as far as these sections are declared.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  engines:
    description:
      - The engines to configure. All of them are read and planned before the first one is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      mount:
        description:
          - Path of the PKI engine.
        type: str
        required: true
      cluster:
        description:
          - Where this cluster's engine is reached.
        type: dict
        suboptions:
          path:
            description:
              - Address of the engine in the API, like V(https://vault.example.com:8200/v1/pki). ACME needs it.
            type: str
          aia_path:
            description:
              - Address at which CA certificates and revocation lists are served, for the template
                C({{cluster_aia_path}}). Often plain HTTP.
            type: str
      urls:
        description:
          - What certificates say about where to find their issuer, its revocation list and its OCSP responder, unless
            the issuer has URLs of its own.
        type: dict
        suboptions:
          issuing_certificates:
            description:
              - Addresses of the certificate of the issuer. The order is kept.
            type: list
            elements: str
          crl_distribution_points:
            description:
              - Addresses of the revocation list. The order is kept.
            type: list
            elements: str
          delta_crl_distribution_points:
            description:
              - Addresses of the delta revocation list. The order is kept.
            type: list
            elements: str
          ocsp_servers:
            description:
              - Addresses of the OCSP responder. The order is kept.
            type: list
            elements: str
          enable_templating:
            description:
              - Whether C({{issuer_id}}), C({{cluster_path}}) and C({{cluster_aia_path}}) are replaced in the addresses.
            type: bool
      crl:
        description:
          - Revocation lists and OCSP. Durations are seconds or texts like V(72h) and V(1h30m).
        type: dict
        suboptions:
          expiry:
            description:
              - How long a list is valid.
            type: str
          disable:
            description:
              - Whether lists are empty, whatever is revoked.
            type: bool
          ocsp_disable:
            description:
              - Whether OCSP is not answered.
            type: bool
          ocsp_expiry:
            description:
              - How long an OCSP answer is valid.
            type: str
          auto_rebuild:
            description:
              - Whether lists are renewed by time rather than with every revocation. The server's default is V(false).
            type: bool
          auto_rebuild_grace_period:
            description:
              - How long before its end a list is renewed. Has to be shorter than O(engines[].crl.expiry) when
                O(engines[].crl.auto_rebuild=true).
            type: str
          enable_delta:
            description:
              - Whether short lists of recent revocations are made in between. Needs O(engines[].crl.auto_rebuild=true).
            type: bool
          delta_rebuild_interval:
            description:
              - How often these are made. Has to be shorter than O(engines[].crl.expiry) when
                O(engines[].crl.enable_delta=true).
            type: str
          allow_expired_cert_revocation:
            description:
              - Whether expired certificates can be revoked. OpenBao only.
            type: bool
          max_crl_entries:
            description:
              - How many revocations a list may hold. HashiCorp Vault only.
            type: int
          cross_cluster_revocation:
            description:
              - Whether certificates of other clusters can be revoked here. HashiCorp Vault Enterprise only.
            type: bool
          unified_crl:
            description:
              - Whether there is one list of all clusters. HashiCorp Vault Enterprise only.
            type: bool
          unified_crl_on_existing_paths:
            description:
              - Whether that list is served at the usual places. HashiCorp Vault Enterprise only.
            type: bool
      auto_tidy:
        description:
          - What the server removes by itself. Durations are seconds or texts like V(72h) and V(1h30m).
        type: dict
        suboptions:
          enabled:
            description:
              - Whether to tidy. At least one of the options that begin with C(tidy_) has to be true, too.
            type: bool
          interval_duration:
            description:
              - How often to tidy.
            type: str
          min_startup_backoff_duration:
            description:
              - How long to wait at least after the server started. HashiCorp Vault only.
            type: str
          max_startup_backoff_duration:
            description:
              - How long to wait at most after the server started. HashiCorp Vault only.
            type: str
          tidy_cert_store:
            description:
              - Whether to remove expired certificates.
            type: bool
          tidy_revoked_certs:
            description:
              - Whether to remove expired revoked certificates.
            type: bool
          tidy_revoked_cert_issuer_associations:
            description:
              - Whether to note the issuer of revoked certificates that lack it, which speeds up making lists.
            type: bool
          tidy_invalid_certs:
            description:
              - Whether to remove stored certificates that cannot be read. OpenBao only.
            type: bool
          tidy_expired_issuers:
            description:
              - Whether to remove expired issuers. Their keys stay.
            type: bool
          tidy_move_legacy_ca_bundle:
            description:
              - Whether to move away the storage of old versions with one CA per engine.
            type: bool
          tidy_acme:
            description:
              - Whether to remove old ACME orders and accounts.
            type: bool
          tidy_revocation_queue:
            description:
              - Whether to remove old requests for revocation in other clusters. HashiCorp Vault Enterprise only.
            type: bool
          tidy_cross_cluster_revoked_certs:
            description:
              - Whether to remove expired revocations of other clusters. HashiCorp Vault Enterprise only.
            type: bool
          tidy_cmpv2_nonce_store:
            description:
              - Whether to remove old CMPv2 nonces. HashiCorp Vault Enterprise only.
            type: bool
          tidy_cert_metadata:
            description:
              - Whether to remove metadata of expired certificates. HashiCorp Vault Enterprise only.
            type: bool
          safety_buffer:
            description:
              - How long after its end a certificate is removed.
            type: str
          revoked_safety_buffer:
            description:
              - How long after its end a revoked certificate is removed. OpenBao only.
            type: str
          issuer_safety_buffer:
            description:
              - How long after its end an issuer is removed.
            type: str
          acme_account_safety_buffer:
            description:
              - How long an ACME account without orders is kept.
            type: str
          revocation_queue_safety_buffer:
            description:
              - How long a request for revocation is kept. HashiCorp Vault Enterprise only.
            type: str
          pause_duration:
            description:
              - How long to rest between two certificates, like V(250ms), to keep the load low.
            type: str
          page_size:
            description:
              - How many certificates to look at in one go. OpenBao only.
            type: int
          maintain_stored_certificate_counts:
            description:
              - Whether to count stored certificates.
            type: bool
          publish_stored_certificate_count_metrics:
            description:
              - Whether to publish the counts as metrics. Needs
                O(engines[].auto_tidy.maintain_stored_certificate_counts=true).
            type: bool
seealso:
  - module: trustmesh.security.vault_pki_issuer
"""

EXAMPLES = r"""
- name: Tell clients where to find the CA and its revocation list
  trustmesh.security.vault_pki_config:
    url: https://vault.example.com:8200
    ca_cert: /etc/ssl/vault-ca.pem
    engines:
      - mount: pki
        urls:
          issuing_certificates: ["http://pki.example.com/v1/pki/ca"]
          crl_distribution_points: ["http://pki.example.com/v1/pki/crl"]

- name: Keep the engine of a mesh renewed and tidy
  trustmesh.security.vault_pki_config:
    engines:
      - mount: pki_int
        cluster:
          path: https://vault.example.com:8200/v1/pki_int
          aia_path: http://pki.example.com/v1/pki_int
        urls:
          enable_templating: true
          issuing_certificates: ["{{ '{{cluster_aia_path}}/issuer/{{issuer_id}}/der' }}"]
          crl_distribution_points: ["{{ '{{cluster_aia_path}}/issuer/{{issuer_id}}/crl/der' }}"]
          ocsp_servers: ["{{ '{{cluster_aia_path}}/ocsp' }}"]
        crl:
          expiry: 72h
          auto_rebuild: true
          auto_rebuild_grace_period: 12h
          enable_delta: true
          delta_rebuild_interval: 15m
        auto_tidy:
          enabled: true
          interval_duration: 12h
          tidy_cert_store: true
          tidy_revoked_certs: true
          safety_buffer: 72h

- name: Stop tidying and say nothing about where an OCSP responder is
  trustmesh.security.vault_pki_config:
    engines:
      - mount: pki_int
        urls:
          ocsp_servers: []
        auto_tidy:
          enabled: false
"""

RETURN = r"""
results:
  description: One entry per engine, in the order of O(engines).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Path of the engine.
      returned: always
      type: str
      sample: pki_int
    changed:
      description:
        - Whether this engine was changed, or would be in check mode.
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
      sample: ["crl.expiry is 259200, declared 86400"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    config:
      description:
        - The declared sections as read back from the server; in check mode as they are now. Sections and fields are
          named like the options. Durations are seconds, except for C(pause_duration).
      returned: always
      type: dict
      contains:
        cluster:
          description: Where this cluster's engine is reached.
          returned: when declared
          type: dict
          sample: {aia_path: "http://pki.example.com/v1/pki", path: "https://vault.example.com:8200/v1/pki"}
        urls:
          description: The URLs that certificates carry.
          returned: when declared
          type: dict
        crl:
          description: Revocation lists and OCSP.
          returned: when declared
          type: dict
        auto_tidy:
          description: What the server removes by itself.
          returned: when declared
          type: dict
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
from ..module_utils._vault.pki_config import ENGINES

SPEC = VAULT + ENGINES.spec


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared engines as resources."""
    return ENGINES.batch(connect(params, stack), params)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
