#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tls_probe_info
short_description: Probe how a TLS server treats a client, and whether that is as expected
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Connects to TLS servers, each time with a client certificate or without one, and reports whether the server accepted
    or refused the client and why.
  - With O(probes[].expect) the task fails unless the server does as expected. A server that cannot be reached, that
    cannot be verified itself, or that hangs up without a word meets no expectation.
  - The reason of a refusal comes from the TLS alert or from the HTTP status. Where neither names it, the presented
    certificate is examined, and the explanation says how its name, its validity and its chain stand.
  - A server that speaks TLS 1.3 refuses a client certificate only after the client has finished its handshake. The
    module waits for that; see O(probes[].path).
extends_documentation_fragment:
  - trustmesh.security._attributes.info
options:
  probes:
    description:
      - The connections to try. They are independent of each other and made at the same time.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - What to call the probe in messages and results.
        type: str
        required: true
      host:
        description:
          - Name or address of the server.
          - When omitted, O(host).
        type: str
      port:
        description:
          - TCP port of the server.
          - When omitted, O(port).
        type: int
      server_name: &server_name
        description:
          - Name that the server is asked for (SNI), and that its certificate has to hold.
          - When omitted, the host.
        type: str
      ca_cert: &ca_cert
        description:
          - PEM file with the CA that signed the server's certificate.
          - When omitted, the trust store of the system.
        type: path
      client_cert:
        description:
          - PEM file with the client certificate, followed by its intermediate certificates.
          - When omitted, no certificate is presented.
        type: path
      client_key:
        description:
          - PEM file with the unencrypted key of O(probes[].client_cert).
        type: path
      client_ca_cert: &client_ca_cert
        description:
          - PEM file with the CA that the server trusts for clients, for examining O(probes[].client_cert).
          - When omitted, the CA of the server's own certificate.
        type: path
      min_version:
        description:
          - The oldest version of TLS to offer.
          - When omitted, the oldest that the library has.
        type: str
        choices: [TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3]
      max_version:
        description:
          - The newest version of TLS to offer.
          - When omitted, the newest that the library has.
        type: str
        choices: [TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3]
      path: &path
        description:
          - Path of an HTTP C(GET) request to send over the connection. Status 401, 403, 495 and 496 are refusals, and
            so is status 400 with nginx's page about the client certificate. Statuses 421 and 497 say nothing about the
            client. For others see O(probes[].refusal_status).
          - Needed for servers that let TLS complete and refuse in HTTP, such as nginx with C(ssl_verify_client).
          - When omitted, nothing is sent, and a server that speaks TLS 1.3 counts as content when it has not objected
            within two seconds. Only a request that is answered proves it.
        type: str
      refusal_status: &refusal_status
        description:
          - Further HTTP status codes that count as a refusal, for a server that maps its refusals to a status of its
            own (C(error_page) of nginx).
        type: list
        elements: int
      status:
        description:
          - The HTTP status codes of an accepted request, for O(probes[].expect=accept).
        type: list
        elements: int
        default: [200]
      timeout:
        description:
          - Seconds to wait for the server at each step.
          - When omitted, O(timeout).
        type: int
      expect:
        description:
          - What the server has to do with the client.
          - When omitted, the probe reports and never fails.
        type: str
        choices: [accept, refuse]
      reason:
        description:
          - For O(probes[].expect=refuse), the reason that the server must have.
          - When omitted, any refusal will do.
        type: str
        choices:
          - no_certificate
          - unknown_ca
          - expired
          - not_yet_valid
          - revoked
          - name_not_allowed
          - protocol_version
          - unspecified
  host:
    description:
      - Name or address of the server, for probes that do not give one.
    type: str
    default: localhost
  port:
    description:
      - TCP port of the server, for probes that do not give one.
    type: int
    default: 443
  server_name: *server_name
  ca_cert: *ca_cert
  client_ca_cert: *client_ca_cert
  path: *path
  refusal_status:
    <<: *refusal_status
    default: []
  timeout:
    description:
      - Seconds to wait for the server at each step, for probes that do not give it.
    type: int
    default: 10
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
"""

EXAMPLES = r"""
- name: Show how a server treats a client without a certificate
  trustmesh.security.tls_probe_info:
    probes:
      - name: anonymous
        host: api.example.com

- name: Prove that a proxy admits only the right client
  trustmesh.security.tls_probe_info:
    host: edge.example.com
    port: 8443
    ca_cert: /etc/pki/hub/ca.pem
    path: /health
    probes:
      - name: the hub
        client_cert: /etc/pki/hub/switch/fullchain.pem
        client_key: /etc/pki/hub/switch/key.pem
        expect: accept
      - name: no certificate
        expect: refuse
        reason: no_certificate
      - name: old TLS
        max_version: TLSv1.2
        expect: refuse
        reason: protocol_version

- name: Explain why a client is not let in
  trustmesh.security.tls_probe_info:
    probes:
      - name: new participant
        host: edge.example.com
        ca_cert: /etc/pki/hub/ca.pem
        client_cert: /etc/pki/dfsp/fullchain.pem
        client_key: /etc/pki/dfsp/key.pem
        path: /
"""

RETURN = r"""
results:
  description: One entry per probe, in the order of O(probes).
  returned: always, unless the input was refused
  type: list
  elements: dict
  contains:
    item:
      description: Name of the probe.
      returned: always
      type: str
      sample: the hub
    passed:
      description: Whether the server did as expected; without O(probes[].expect) always V(true).
      returned: always
      type: bool
    outcome:
      description: What the server did with the client. V(inconclusive) means that it never answered the question.
      returned: always
      type: str
      choices: [accepted, refused, inconclusive]
    reason:
      description: The reason of a refusal, one of the choices of O(probes[].reason), else V(null).
      returned: always
      type: str
      sample: revoked
    explanation:
      description: The same in a sentence, for a refusal with what the presented certificate shows.
      returned: always
      type: str
      sample: accepted with TLSv1.3 and answered with HTTP status 200
    observation:
      description: What was seen.
      returned: always
      type: dict
      contains:
        trouble:
          description: Why nothing was learnt about the client, else V(null).
          returned: always
          type: str
        tls_version:
          description: The negotiated version of TLS, V(null) when the handshake did not get that far.
          returned: always
          type: str
          sample: TLSv1.3
        cipher:
          description: The negotiated cipher suite, by OpenSSL's name.
          returned: always
          type: str
          sample: TLS_AES_256_GCM_SHA384
        alert:
          description: The TLS alert with which the server ended the connection, else V(null).
          returned: always
          type: str
          sample: certificate_revoked
        closed:
          description: Whether the server ended the connection without an alert or an answer.
          returned: always
          type: bool
        http_status:
          description: The HTTP status, V(null) without an answer.
          returned: always
          type: int
          sample: 200
        http_page:
          description:
            - What a page of nginx with status 400 says about the client, V(no_certificate), V(certificate_error) or
              V(plain_http), else V(null).
          returned: always
          type: str
          sample: no_certificate
        server_fingerprint_sha256:
          description: SHA-256 of the server's certificate.
          returned: always
          type: str
    client:
      description: What the presented client certificate shows; V(null) when none was presented.
      returned: always
      type: dict
      contains:
        name:
          description: Its subject and its alternative names.
          returned: always
          type: str
        validity:
          description: Whether it is valid now.
          returned: always
          type: str
        chain:
          description: Whether it leads to O(probes[].client_ca_cert).
          returned: always
          type: str
    failed:
      description: Whether the probe is not as expected.
      returned: when it is not
      type: bool
    msg:
      description: What was expected and what happened instead.
      returned: when the probe is not as expected
      type: str
summary:
  description: Number of probes that are as expected, and of the others.
  returned: always, unless the input was refused
  type: dict
  sample: {failed: 0, passed: 7}
"""

import contextlib
import typing as t

from ..module_utils._core.at_once import at_once
from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.module import inform_module
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._probe.probe import PROBE_OPTIONS, SHARED, Probe, failure_message

SPEC = Spec(requires=(CRYPTOGRAPHY,)) + batch(
    "probes", PROBE_OPTIONS, shared=SHARED, required_together=[("client_cert", "client_key")]
)

_AT_ONCE = 8


def gather(params: Params, stack: contextlib.ExitStack) -> dict[str, t.Any]:
    """Run all probes and return their results, with the failure when one is not as expected."""
    probes = build_each(SPEC, params, Probe.declared)
    now = system_clock()
    results = at_once(lambda probe: probe.run(now), probes, _AT_ONCE)
    passed = sum(result["passed"] for result in results)
    returned = {"results": results, "summary": {"passed": passed, "failed": len(results) - passed}}
    message = failure_message(results)
    return returned if message is None else {**returned, "failed": True, "msg": message}


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
