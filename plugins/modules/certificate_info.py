#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_info
short_description: Check certificates in files, at TLS servers and in Vault
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Returns the facts of certificates, and whether they chain to a CA, when they expire, whether a private key belongs
    to them, whether they are revoked, and whether they are of a development CA.
  - A verdict is about the whole chain, up to and with the CA certificate that is trusted. Of every certificate in it
    are judged the end of its life, the strength of its key, the algorithm of its signature, what it may be used for and
    sign, how many CA certificates may stand below it, the names it permits, and whether it is revoked.
  - A bad certificate is a result and not a failure, so that one run covers everything; RV(results[].ok) and
    RV(results[].problems) tell. A source that cannot be read fails the task after all sources were looked at, with the
    results of the others in place.
  - The first certificate of a source is judged. The others are taken for its intermediates. Those that are not in its
    chain are named in RV(results[].warnings).
  - A TLS server may present whatever it likes, trusted or not. Nothing is sent to it.
  - A token is needed for sources with O(sources[].mount) only. Any valid one will do for O(sources[].serial) and
    O(sources[].issuer), because the engine shows certificates to everybody.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes.info
  - trustmesh.security._attributes.actiongroup_vault
options:
  sources:
    description:
      - Where to find the certificates.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - What to call the source in the results.
          - When omitted, its path, address, or mount with serial number or issuer.
        type: str
      path:
        description:
          - File on this host, PEM or DER.
          - Exactly one of this, O(sources[].pem), O(sources[].der), O(sources[].endpoint), O(sources[].serial) and
            O(sources[].issuer) is needed.
        type: path
      pem:
        description:
          - Certificates as PEM text.
        type: str
      der:
        description:
          - A certificate in DER, encoded with base64. What M(ansible.builtin.slurp) returns as content will do as well.
        type: str
      endpoint:
        description:
          - Host and port of a TLS server, such as V(node1.example.com:8443) or V([2001:db8::1]:8443). The default port
            is 443.
          - With Python older than 3.10 the leaf alone can be seen.
        type: str
      server_name:
        description:
          - Name to ask the server of O(sources[].endpoint) for (SNI).
          - When omitted, the host.
        type: str
      client_cert:
        description:
          - File with a client certificate for O(sources[].endpoint), for servers that ask for one.
          - When omitted, none is presented.
        type: path
      client_key:
        description:
          - File with the key of O(sources[].client_cert), not encrypted.
        type: path
      connect_timeout:
        description:
          - Seconds that connecting to O(sources[].endpoint) may take, with its TLS handshake.
          - When omitted, O(connect_timeout).
        type: int
      mount:
        description:
          - Path of the PKI engine of O(sources[].serial) or O(sources[].issuer).
          - Beside another kind of source, the engine that issued the certificate. It is asked whether the certificate
            is revoked, with one request however many sources name it. The token needs C(list) on
            C(<mount>/certs/revoked). Without it the revocation list of the engine's default issuer is read, and
            RV(results[].warnings) says what that list cannot know.
        type: str
      serial:
        description:
          - Serial number of a certificate in O(sources[].mount), in hexadecimal, with or without colons.
        type: str
      issuer:
        description:
          - Name or id of an issuer in O(sources[].mount).
        type: str
      host_name:
        description:
          - Name or address that the certificate has to be valid for.
          - When omitted, O(sources[].server_name) for an O(sources[].endpoint), and unchecked for others.
        type: str
      key_file:
        description:
          - File on this host with the private key that has to belong to the certificate.
          - When omitted, no key is looked at.
        type: path
      key_passphrase_file:
        description:
          - File on this host with the passphrase of O(sources[].key_file) in one line.
          - When omitted, the key is not encrypted.
        type: path
      ca_file:
        description:
          - Value of O(ca_file) for this source.
        type: path
      chain_file:
        description:
          - Value of O(chain_file) for this source.
        type: path
      crl_files:
        description:
          - Value of O(crl_files) for this source.
        type: list
        elements: path
      expires_within:
        description:
          - Value of O(expires_within) for this source.
        type: str
      purpose:
        description:
          - Value of O(purpose) for this source.
        type: str
        choices: [server, client]
      allow_development_ca:
        description:
          - Value of O(allow_development_ca) for this source.
        type: bool
  ca_file:
    description:
      - File on this host with the CA certificates to trust.
      - When omitted, chains are not verified.
    type: path
  chain_file:
    description:
      - File on this host with further intermediates that a source may lack.
      - When omitted, a source has to bring its intermediates.
    type: path
  crl_files:
    description:
      - Files on this host with revocation lists, any number of them in PEM or one in DER.
      - One list has to be of the issuer of each certificate in the chain that is not trusted by itself. It has to be
        signed by that issuer, begun, and not past its end. What is missing is a problem.
      - When omitted, only Vault is asked, for sources with O(sources[].mount).
    type: list
    elements: path
  expires_within:
    description:
      - A certificate that ends within this time is a problem, and so is one above it in the chain.
      - A duration such as V(30d), or a share of the lifetime of the certificate such as V(33%).
      - The default is no more than M(trustmesh.security.certificate) and M(trustmesh.security.local_ca) leave when they
        renew by default, so that what is renewed in time is not a problem, however short its life.
    type: str
    default: 10%
  purpose:
    description:
      - What the whole chain has to allow by its extended key usages, and the certificate by its key usage.
      - When omitted, any use will do.
    type: str
    choices: [server, client]
  allow_development_ca:
    description:
      - Whether certificates of a development CA (M(trustmesh.security.local_ca)) are fine.
    type: bool
    default: false
  connect_timeout:
    description:
      - Value of O(sources[].connect_timeout) for all sources that do not give it.
    type: int
    default: 10
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.certificate
  - module: trustmesh.security.local_ca
  - module: trustmesh.security.tls_probe_info
  - plugin: trustmesh.security.x509_parse
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what a server presents
  trustmesh.security.certificate_info:
    sources:
      - endpoint: node1.example.com:8443

- name: Check files, a server and a certificate in Vault against one CA
  trustmesh.security.certificate_info:
    ca_file: /etc/pki/hub/ca.pem
    crl_files: [/etc/pki/hub/crl.pem]
    expires_within: 14d
    sources:
      - path: /etc/pki/hub/switch/fullchain.pem
        key_file: /etc/pki/hub/switch/key.pem
        purpose: server
      - endpoint: 192.0.2.10:8443
        server_name: switch.example.com
      - mount: pki_int
        serial: 39:dd:2e:90:b7:23:1f:8d
  register: certificates

- name: Stop when one of them is not in order
  ansible.builtin.assert:
    that: certificates.summary.problems == 0
    fail_msg: "{{ certificates.results | rejectattr('ok') | map(attribute='problems') | flatten }}"
"""

RETURN = r"""
results:
  description: One entry per source, in the order of O(sources).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: What the source is called.
      returned: always
      type: str
      sample: node1.example.com:8443
    ok:
      description: Whether there is no problem.
      returned: when the source could be read
      type: bool
    problems:
      description: Everything that is wrong, one sentence each.
      returned: when the source could be read
      type: list
      elements: str
      sample: ["expires in 5 days, renewal margin is 30 days"]
    certificate:
      description: What the certificate says.
      returned: when the source could be read
      type: dict
      contains:
        subject:
          description: Attributes of the subject that are set, under the names of the options of the other modules.
          returned: always
          type: dict
          sample: {common_name: switch.example.com}
        subject_dn:
          description: The subject (RFC 4514).
          returned: always
          type: str
          sample: CN=switch.example.com
        issuer_dn:
          description: The issuer (RFC 4514).
          returned: always
          type: str
        serial:
          description: Serial number.
          returned: always
          type: str
          sample: 39:dd:2e:90:b7:23:1f:8d
        dns_names:
          description: Host names it is valid for.
          returned: always
          type: list
          elements: str
        ip_addresses:
          description: Addresses it is valid for.
          returned: always
          type: list
          elements: str
        uris:
          description: URIs it is valid for.
          returned: always
          type: list
          elements: str
        emails:
          description: Mail addresses it is valid for.
          returned: always
          type: list
          elements: str
        key_usage:
          description: Key usages, under the names that Vault uses.
          returned: always
          type: list
          elements: str
          sample: [DigitalSignature]
        extended_key_usage:
          description: Extended key usages, under the names that Vault uses, or dotted identifiers.
          returned: always
          type: list
          elements: str
          sample: [ClientAuth, ServerAuth]
        is_ca:
          description: Whether it is a CA certificate.
          returned: always
          type: bool
        path_length:
          description: How many CAs may stand between it and a leaf; null for no limit.
          returned: always
          type: int
        not_before:
          description: First instant, in UTC.
          returned: always
          type: str
          sample: "2026-01-31T12:00:00Z"
        not_after:
          description: Last instant, in UTC.
          returned: always
          type: str
          sample: "2026-03-02T12:00:30Z"
        lifetime_seconds:
          description: Seconds between the two.
          returned: always
          type: int
        key_type:
          description: Kind of its key.
          returned: always
          type: str
          sample: ec
        key_size:
          description: Size of its key in bits; null where the type says it.
          returned: always
          type: int
          sample: 256
        spki_sha256:
          description: SHA-256 of the public key in hex, equal for all certificates of one key.
          returned: always
          type: str
        fingerprint_sha256:
          description: SHA-256 of the certificate in hex.
          returned: always
          type: str
        subject_key_id:
          description: Subject key identifier in hex, if there is one.
          returned: always
          type: str
        authority_key_id:
          description: Authority key identifier in hex, if there is one.
          returned: always
          type: str
        ocsp_urls:
          description: Where to ask whether it is revoked.
          returned: always
          type: list
          elements: str
        issuer_urls:
          description: Where to get the certificate of its issuer.
          returned: always
          type: list
          elements: str
        crl_urls:
          description: Where to get the revocation list of its issuer.
          returned: always
          type: list
          elements: str
        signature_algorithm:
          description: How it is signed.
          returned: always
          type: str
          sample: ecdsa-with-SHA256
        policies:
          description: Identifiers of its policies.
          returned: always
          type: list
          elements: str
        self_issued:
          description: Whether subject and issuer are the same.
          returned: always
          type: bool
        development:
          description: Whether it is marked for development.
          returned: always
          type: bool
    chain:
      description: The same of the other certificates of the source.
      returned: when the source could be read
      type: list
      elements: dict
    links:
      description: The chain that was judged, the certificate first and what is trusted last.
      returned: when the source could be read
      type: list
      elements: dict
      contains:
        depth:
          description: How far above the certificate it stands.
          returned: always
          type: int
        subject_dn:
          description: The subject (RFC 4514).
          returned: always
          type: str
        serial:
          description: Serial number.
          returned: always
          type: str
        fingerprint_sha256:
          description: SHA-256 of the certificate.
          returned: always
          type: str
        not_after:
          description: End of its validity, in UTC.
          returned: always
          type: str
        days_left:
          description: Full days until it ends, negative afterwards.
          returned: always
          type: int
    expiry:
      description: Where that certificate of the chain is in its life that is worst off.
      returned: when the source could be read
      type: str
      choices: [not_yet_valid, valid, due, expired]
    expiry_reason:
      description: The same in a sentence, empty for V(valid).
      returned: when the source could be read
      type: str
    days_left:
      description: Full days until the first certificate of the chain ends, negative afterwards.
      returned: when the source could be read
      type: int
      sample: 27
    valid_until:
      description: When the first certificate of the chain ends, in UTC.
      returned: when the source could be read
      type: str
      sample: "2026-02-10T12:00:30Z"
    due_at:
      description: From when on O(expires_within) makes it a problem, in UTC.
      returned: when the source could be read
      type: str
      sample: "2026-01-31T12:00:30Z"
    chain_valid:
      description: Whether it chains to O(ca_file) now; null when that is not given.
      returned: when the source could be read
      type: bool
    chain_problems:
      description: Why it does not.
      returned: when the source could be read
      type: list
      elements: str
    key_matches:
      description: Whether O(sources[].key_file) belongs to it; null when that is not given.
      returned: when the source could be read
      type: bool
    name_matches:
      description: Whether it is valid for the name that is asked for; null when none is.
      returned: when the source could be read
      type: bool
    revoked:
      description: Whether it or a certificate above it is revoked by Vault or a list; null when neither can tell.
      returned: when the source could be read
      type: bool
    revoked_reason:
      description: Since when, and why.
      returned: when the source could be read
      type: str
      sample: since 2026-01-31T12:00:00Z (key compromise)
    revoked_depth:
      description: How far above the certificate that one stands which is revoked; null when none is.
      returned: when the source could be read
      type: int
    tls:
      description: Terms of the connection.
      returned: for an O(sources[].endpoint) that could be read
      type: dict
      contains:
        endpoint:
          description: Host and port.
          returned: always
          type: str
        version:
          description: Version of the protocol.
          returned: always
          type: str
          sample: TLSv1.3
        cipher:
          description: Cipher suite; null when the handshake was not completed.
          returned: always
          type: str
          sample: TLS_AES_256_GCM_SHA384
        refusal:
          description: The alert of a server that ended the handshake after showing its certificate, else null.
          returned: always
          type: str
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    failed:
      description: Whether the source could not be read.
      returned: on failure of the source
      type: bool
    msg:
      description: What went wrong and what to do.
      returned: on failure of the source
      type: str
summary:
  description: Number of certificates in order, of those with problems, and of sources that could not be read.
  returned: always
  type: dict
  sample: {failed: 0, ok: 2, problems: 1}
"""

import contextlib
import typing as t

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.module import inform_module
from ..module_utils._core.spec import Params, Spec, batch, items
from ..module_utils._inspection.survey import ITEM_CONSTRAINTS, ITEM_OPTIONS, SHARED, Survey
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.revoked import RevokedCertificates

SPEC = VAULT + Spec(requires=(CRYPTOGRAPHY,)) + batch("sources", ITEM_OPTIONS, shared=SHARED, **ITEM_CONSTRAINTS)


def gather(params: Params, stack: contextlib.ExitStack) -> t.Mapping[str, t.Any]:
    """Return the facts and verdicts of all sources."""
    survey = Survey(lambda: connect(params, stack), system_clock(), RevokedCertificates)
    return survey.run(items(SPEC, params))


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
