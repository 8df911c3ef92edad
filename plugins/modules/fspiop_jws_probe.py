#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fspiop_jws_probe
short_description: Probe whether a service accepts signed FSPIOP requests and refuses all others
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Sends a signed request of the Mojaloop FSPIOP API to services, as it is and in variants that a service has to
    refuse, and fails when one of them is not treated as expected. The message names the variant, and what the service
    does not check.
  - >-
    Each hostile variant differs from the valid request in one thing that nothing but its own check finds.
    V(unsigned) has no signature. In V(tampered_body) one value of the body is another, of the same shape.
    In V(tampered_header) the date is another one, in the header and in the protected header alike.
    V(wrong_source) is signed with another key than that of O(endpoints[].source).
    V(swapped_source) is signed by O(endpoints[].other_source) in its own name, and sent in that of
    O(endpoints[].source). V(replayed_date) has a new C(Date) over an old signature.
  - >-
    Two more are sent when O(endpoints[].variants) names them, because the reference library does not refuse them.
    V(old_date) is signed as of some time ago and sent as it is. V(wrong_uri) is signed for another service.
  - A refusal counts only when the valid request is accepted, and only with one of O(endpoints[].error_codes), or
    without an error code and with one of O(endpoints[].refused_status). What cannot be reached, what cannot be verified
    itself, and what answers anything else meets no expectation.
  - A request that is accepted takes effect, the valid one always and the others at services that do not verify. Use
    participants and amounts that are made for tests. A service that verifies signatures before anything else can be
    probed with a body that is refused afterwards; name the status of that in O(endpoints[].accepted_status).
  - Private keys sign on the host that runs the module and are sent nowhere. Of an answer, status and error code are
    kept and nothing else, because services quote tokens and keys in the descriptions of their errors.
  - For keys in Vault or OpenBao, the token needs C(read) on C(<mount>/data/<path>), in version 1 of the engine on
    C(<mount>/<path>). Keys in files need no server, and the options of the connection are not looked at.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._attributes.info
  - trustmesh.security._attributes.actiongroup_vault
options:
  endpoints:
    description:
      - The services to try. Every request for all of them is made before the first is sent. Services are independent of
        each other and tried at the same time, each with one request after the other.
      - Options that are described at the top level of this module and occur here too hold for one endpoint; when
        omitted here, what stands beside the list applies. Those of the connection to Vault do not, although C(url),
        C(ca_cert), C(client_cert), C(client_key) and C(timeout) have the same names.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - What to call the endpoint in messages and results.
        type: str
        required: true
      url:
        description:
          - URL to send the requests to, with C(http) or C(https). Redirects are not followed and no proxy is used.
        type: str
        required: true
      body:
        description:
          - Body of the request, as data or as JSON text. It is sent in canonical form (RFC 8785).
          - All variants have the same identifiers. The valid request is sent last, so that no other is refused for
            being a repetition of it.
        type: raw
        required: true
      uri:
        description:
          - Value of C(FSPIOP-URI), in place of the one that is derived from the URL.
        type: str
      uri_mode:
        description:
          - How C(FSPIOP-URI) is derived, see P(trustmesh.security.fspiop_jws_sign#filter).
        type: str
        choices: [clean, peer]
        default: clean
      server_name:
        description:
          - Name that the service is asked for (SNI and C(Host)), and that its certificate has to hold.
          - When omitted, the host of the URL.
        type: str
      ca_cert:
        description:
          - PEM file with the CA that signed the service's certificate.
          - When omitted, the trust store of the system.
        type: path
      client_cert:
        description:
          - PEM file with the client certificate, followed by its intermediate certificates.
          - When omitted, no certificate is presented.
        type: path
      client_key:
        description:
          - PEM file with the unencrypted key of O(endpoints[].client_cert).
        type: path
      timeout:
        description:
          - Seconds to wait for the service at each step. A whole answer may take three times as long.
        type: int
        default: 10
      method: &method
        description:
          - HTTP method of the request. Others have no body, and are not signed.
        type: str
        choices: [POST, PUT, PATCH]
      source: &source
        description:
          - FSP id of the participant that sends, for C(FSPIOP-Source). It has to be given in one of the two places.
        type: str
      destination: &destination
        description:
          - FSP id of the participant that the request is for, for C(FSPIOP-Destination).
          - When omitted, there is no such header.
        type: str
      content_type: &content_type
        description:
          - Header C(Content-Type).
          - When omitted, that of version 1.1 of the service that the path names, or V(application/json) when it names
            none.
        type: str
      headers: &headers
        description:
          - Further headers. Those of FSPIOP, C(Date) and C(Content-Type) are made by the module.
        type: dict
      secret_headers: &secret_headers
        description:
          - Further headers whose values are secret, such as C(Authorization).
        type: dict
      signing_key: &signing_key
        description:
          - Where the private key of O(endpoints[].source) lies. It has to be given in one of the two places.
          - C({name}) in file and path stands for the participant, so that one declaration serves all of them.
        type: dict
        suboptions: &place
          file:
            description:
              - A PEM file on the host that runs the module.
            type: path
          mount:
            description:
              - Path of a key-value engine.
            type: str
          path:
            description:
              - Path of a secret below the engine.
            type: str
          key:
            description:
              - Key of the secret that holds the private key.
            type: str
            default: private_key
      other_source: &other_source
        description:
          - FSP id of another participant that the service knows, to sign V(wrong_source) and V(swapped_source).
          - When omitted, a new key signs V(wrong_source), and V(swapped_source) is not sent. A service that tries all
            the keys that it knows is found with a known one alone.
        type: str
      other_key: &other_key
        description:
          - Where the private key of O(endpoints[].other_source) lies.
          - When omitted, where O(endpoints[].signing_key) says, which then needs C({name}) in it.
        type: dict
        suboptions: *place
      variants: &variants
        description:
          - The variants to send.
          - When omitted, all but V(old_date) and V(wrong_uri).
        type: list
        elements: str
        choices:
          - unsigned
          - tampered_body
          - tampered_header
          - wrong_source
          - swapped_source
          - replayed_date
          - old_date
          - wrong_uri
          - valid
      accept: &accept
        description:
          - The variants that the service has to accept. It has to refuse the others.
          - An empty list is for a participant, or a key, that a service has to refuse altogether.
        type: list
        elements: str
        choices:
          - unsigned
          - tampered_body
          - tampered_header
          - wrong_source
          - swapped_source
          - replayed_date
          - old_date
          - wrong_uri
          - valid
      accepted_status: &accepted_status
        description:
          - The HTTP status codes of an accepted request.
        type: list
        elements: int
      refused_status: &refused_status
        description:
          - The HTTP status codes of a refused request.
        type: list
        elements: int
      error_codes: &error_codes
        description:
          - The error codes of FSPIOP (C(errorInformation.errorCode)) that refuse a signature, whatever the status. An
            answer with another one does not tell what the service thinks of the signature.
          - V(3105) is an invalid signature, V(3102) is a missing element, such as the header with the signature.
        type: list
        elements: str
      replay_age: &replay_age
        description:
          - How old the signatures of V(replayed_date) and V(old_date) are, such as V(90s) or V(1h).
        type: str
  holder:
    description:
      - Who holds the private keys of participants whose secret has a C(handle) in place of a key, as the O(holder) of
        M(trustmesh.security.jws_key) leaves it.
    type: dict
    suboptions:
      kind:
        description:
          - V(transit) is a transit engine of the same Vault or OpenBao. The token needs C(update) on
            C(<mount>/sign/*).
          - V(pkcs11) is a hardware token or its software twin.
        type: str
        choices: [transit, pkcs11]
        required: true
      mount:
        description:
          - Path of the transit engine.
        type: str
        default: transit
      library:
        description:
          - The PKCS#11 library of the token, on the host that runs the module. Needed for V(pkcs11).
        type: path
      token:
        description:
          - Label of the token. Needed for V(pkcs11).
        type: str
      pin:
        description:
          - PIN of the token's user. Needed for V(pkcs11).
        type: str
  method:
    <<: *method
    default: POST
  source: *source
  destination: *destination
  content_type: *content_type
  headers: *headers
  secret_headers: *secret_headers
  signing_key: *signing_key
  other_source: *other_source
  other_key: *other_key
  variants: *variants
  accept:
    <<: *accept
    default: [valid]
  accepted_status:
    <<: *accepted_status
    default: [200, 201, 202, 204]
  refused_status:
    <<: *refused_status
    default: [400, 401, 403]
  error_codes:
    <<: *error_codes
    default: ["3102", "3105"]
  replay_age:
    <<: *replay_age
    default: 1h
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
  - Python library C(python-pkcs11) 0.7.0 or newer there, for a O(holder) of the kind V(pkcs11)
notes:
  - The requests are also sent in check mode, because what the services do with them is the result.
seealso:
  - module: trustmesh.security.jws_key
  - module: trustmesh.security.jws_key_info
  - module: trustmesh.security.tls_probe_info
  - plugin: trustmesh.security.fspiop_jws_sign
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Prove that a switch verifies what perffsp-1 sends
  trustmesh.security.fspiop_jws_probe:
    endpoints:
      - name: transfers
        url: https://switch.example.com/transfers
        source: perffsp-1
        destination: perffsp-2
        signing_key:
          file: /etc/mojaloop/jwsSigningKey.key
        body:
          transferId: "{{ now(utc=true).timestamp() | string | to_uuid }}"
          amount: {currency: XTS, amount: "1"}

- name: Prove it for the adapters of all participants, with keys from Vault and client certificates
  trustmesh.security.fspiop_jws_probe:
    url: https://vault.example.com:8200
    source: switch
    other_source: perffsp-1
    signing_key:
      mount: secret
      path: jws_key/{name}
    secret_headers:
      Authorization: "Bearer {{ access_token }}"
    endpoints:
      - name: perffsp-2
        url: https://perffsp-2.example.com:4000/quotes
        destination: perffsp-2
        body: "{{ quote }}"
        ca_cert: /etc/pki/hub/ca.pem
        client_cert: /etc/pki/hub/switch/fullchain.pem
        client_key: /etc/pki/hub/switch/key.pem
      - name: perffsp-3, which also has to look at age and path
        url: https://perffsp-3.example.com:4000/quotes
        destination: perffsp-3
        body: "{{ quote }}"
        variants: [tampered_body, old_date, wrong_uri, valid]
        ca_cert: /etc/pki/hub/ca.pem

- name: Show that an adapter does not verify PUT /parties, as is its default
  trustmesh.security.fspiop_jws_probe:
    endpoints:
      - name: parties
        url: https://perffsp-2.example.com:4000/parties/MSISDN/15551234567
        method: PUT
        source: switch
        signing_key:
          file: /etc/mojaloop/jwsSigningKey.key
        accept: [unsigned, tampered_body, tampered_header, wrong_source, replayed_date, valid]
        body:
          party:
            partyIdInfo: {partyIdType: MSISDN, partyIdentifier: "15551234567", fspId: switch}

- name: Prove that a key is refused after it was replaced
  trustmesh.security.fspiop_jws_probe:
    endpoints:
      - name: transfers
        url: https://switch.example.com/transfers
        source: perffsp-1
        signing_key:
          file: /root/retired/perffsp-1.key
        variants: [valid]
        accept: []
        body:
          transferId: "{{ now(utc=true).timestamp() | string | to_uuid }}"
          amount: {currency: XTS, amount: "1"}
"""

RETURN = r"""
results:
  description: One entry per endpoint, in the order of O(endpoints).
  returned: always, unless the input was refused
  type: list
  elements: dict
  contains:
    item:
      description: Name of the endpoint.
      returned: always
      type: str
      sample: transfers
    passed:
      description: Whether the service did as expected with all variants.
      returned: always
      type: bool
    variants:
      description: One entry per variant, in the order in which they were sent.
      returned: always
      type: list
      elements: dict
      contains:
        variant:
          description: Name of the variant.
          returned: always
          type: str
          sample: tampered_body
        expected:
          description: What the service has to do with it.
          returned: always
          type: str
          choices: [accept, refuse]
        passed:
          description: Whether it did.
          returned: always
          type: bool
        outcome:
          description: What the service did. V(inconclusive) means that it never answered the question.
          returned: always
          type: str
          choices: [accepted, refused, inconclusive]
        reason:
          description: The error code of FSPIOP in the answer, V(null) without one.
          returned: always
          type: str
          sample: "3105"
        explanation:
          description: The same in a sentence.
          returned: always
          type: str
          sample: refused by HTTP status 400 and error code 3105
        observation:
          description: What was seen. V(null) for a variant that was not sent, because the service cannot be spoken to.
          returned: always
          type: dict
          contains:
            trouble:
              description: Why nothing was learnt about the request, else V(null).
              returned: always
              type: str
            tls_version:
              description: The negotiated version of TLS, V(null) without one.
              returned: always
              type: str
              sample: TLSv1.3
            cipher:
              description: The negotiated cipher suite, by OpenSSL's name.
              returned: always
              type: str
              sample: TLS_AES_256_GCM_SHA384
            alert:
              description: The TLS alert with which the service ended the connection, else V(null).
              returned: always
              type: str
            closed:
              description: Whether the service ended the connection without an alert or an answer.
              returned: always
              type: bool
            http_status:
              description: The HTTP status, V(null) without an answer.
              returned: always
              type: int
              sample: 400
            http_page:
              description:
                - What a page of nginx with status 400 says about the client, V(no_certificate), V(certificate_error) or
                  V(plain_http), else V(null).
              returned: always
              type: str
              sample: no_certificate
            server_fingerprint_sha256:
              description: SHA-256 of the service's certificate.
              returned: always
              type: str
            error_code:
              description: The error code of FSPIOP in the answer, V(null) without one.
              returned: always
              type: str
              sample: "3105"
        failed:
          description: Whether the variant was not treated as expected.
          returned: when it was not
          type: bool
        msg:
          description: What was expected and what happened instead.
          returned: when the variant was not treated as expected
          type: str
    warnings:
      description: What may keep the valid request from being accepted, although it is signed properly.
      returned: always
      type: list
      elements: str
    failed:
      description: Whether a variant was not treated as expected.
      returned: when one was not
      type: bool
    msg:
      description: The messages of the variants.
      returned: when a variant was not treated as expected
      type: str
summary:
  description: Number of endpoints that are as expected, and of the others.
  returned: always, unless the input was refused
  type: dict
  sample: {failed: 0, passed: 2}
"""

import contextlib
import typing as t
from collections.abc import Mapping

from ..module_utils._core.at_once import at_once
from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import InvalidInput
from ..module_utils._core.files import read_file
from ..module_utils._core.module import inform_module
from ..module_utils._core.redact import Secret
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._jose.signing import Signer
from ..module_utils._keyring.holder import HeldKey, Holder
from ..module_utils._keyring.holder_options import HOLDER_OPTIONS, holder
from ..module_utils._probe.probe import failure_message
from ..module_utils._probe.signed_probe import ENDPOINT_OPTIONS, SHARED, ThrowawaySigners, declared
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.kv_custody import KvStores
from ..module_utils._vault.transit_holder import TransitHolder

SPEC = (
    VAULT
    + Spec(HOLDER_OPTIONS, requires=(CRYPTOGRAPHY,))
    + batch("endpoints", ENDPOINT_OPTIONS, shared=SHARED, required_together=[("client_cert", "client_key")])
)

_AT_ONCE = 8


def gather(params: Params, stack: contextlib.ExitStack) -> dict[str, t.Any]:
    """Try all endpoints and return their results, with the failure when one is not as expected."""
    stores, throwaway, now = KvStores(lambda: connect(params, stack)), ThrowawaySigners(), system_clock()
    held_by = holder(params, lambda mount: TransitHolder(stores.connection(), mount), stack)

    def key_at(place: Mapping[str, t.Any], name: str) -> Secret | Signer:
        if place["file"] is not None:
            return _from_file(place["file"].replace("{name}", name))
        return _from_vault(stores, place, name, held_by)

    endpoints = build_each(SPEC, params, lambda item: declared(item, key_at, throwaway, now))
    results = at_once(lambda endpoint: endpoint.run(), endpoints, _AT_ONCE)
    passed = sum(result["passed"] for result in results)
    returned = {"results": results, "summary": {"passed": passed, "failed": len(results) - passed}}
    message = failure_message(results)
    return returned if message is None else {**returned, "failed": True, "msg": message}


def _from_file(path: str) -> Secret:
    content = read_file(path)
    if content is None:
        raise InvalidInput(f"{path} does not exist", field="file", remedy="Correct it.")
    return Secret(content.decode("utf-8", "replace"))


def _from_vault(stores: KvStores, place: Mapping[str, t.Any], name: str, held_by: Holder | None) -> Secret | Signer:
    path, key = place["path"].strip("/").replace("{name}", name), place["key"]
    record = stores.document(place["mount"], path) or {}
    if isinstance(record.get(key), str):
        return Secret(record[key])
    if held_by is not None and "handle" in record:
        return HeldKey(held_by, str(record["handle"]), str(record.get("algorithm")))
    remedy = "Declare the holder of the key." if "handle" in record else "Correct it."
    raise InvalidInput(f"{place['mount']}/{path} has no {key}", field="path", remedy=remedy)


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
