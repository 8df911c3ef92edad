#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jwt_key
short_description: Manage the keys that sign JSON Web Tokens and publish their key sets
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, rotates and removes the key with which each issuer signs tokens (RFC 7519), and publishes the key set (JWK
    Set, RFC 7517) that verifies them.
  - A key has one algorithm and an identifier, C(kid), which is its thumbprint (RFC 7638). Tokens name it, so that a
    set may hold several keys and no token has to be refused while they change.
  - Replaces a key in the safe order. The next key is published, waits for O(lead) until every verifier has fetched
    the set again, and is then used; the key before it stays in the set for O(overlap), until the last token that it
    signed has expired. Each step is taken by the first run that finds it due, so run this from a schedule. A run that
    was interrupted is completed by the next one, with the key that was made already.
  - A secret of V(HS256) has no public part. It is kept and replaced like the others and published nowhere. Whoever
    verifies with it can sign, too; it finds the secret in use, the one of C(next) and those of C(previous) in custody.
    Prefer a key pair. A secret that is printed in documentation is always refused, however long it is.
  - A key that is there but was not made by this module is adopted if it is fit for the algorithm. What custody holds
    is never overwritten because it is not understood.
  - With O(custody=kv) the token needs C(create), C(read), C(update) on C(<mount>/data/<path>), and for issuers that
    are absent C(delete) on C(<mount>/metadata/<path>). Publishing to a secret takes C(create), C(read), C(update) on
    that one. In version 1 of the engine it needs these on C(<mount>/<path>).
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._keyring
  - trustmesh.security._keyring.prune
  - trustmesh.security._keyring.rotation
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  issuers:
    description:
      - The issuers. All of them are read and planned before the first key is made.
      - Options that are described at the top level of this module and occur here too hold for one issuer; when
        omitted here, what stands beside the list applies.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the issuer, for files and paths. What its tokens say in C(iss) is its own affair.
        type: str
        required: true
      state:
        description:
          - Whether the issuer should have a key.
          - V(absent) takes its key set back everywhere and then removes the key with all versions.
        type: str
        choices: [present, absent]
        default: present
      algorithm:
        description:
          - O(algorithm) of this issuer.
        type: str
        choices: [RS256, ES256, EdDSA, HS256]
      key_size:
        description:
          - O(key_size) of this issuer.
        type: int
      secret_bytes:
        description:
          - O(secret_bytes) of this issuer.
        type: int
      token_lifetime:
        description:
          - O(token_lifetime) of this issuer.
        type: str
      max_age:
        description:
          - O(max_age) of this issuer.
        type: str
      not_before:
        description:
          - O(not_before) of this issuer.
        type: str
      lead:
        description:
          - O(lead) of this issuer.
        type: str
      overlap:
        description:
          - O(overlap) of this issuer.
        type: str
      keep_previous:
        description:
          - O(keep_previous) of this issuer.
        type: str
      on_mismatch:
        description:
          - O(on_mismatch) of this issuer.
        type: str
        choices: [fail, replace]
  algorithm:
    description:
      - What tokens are signed with. V(RS256) is understood everywhere, V(ES256) and V(EdDSA) are smaller and faster.
      - An issuer cannot change between V(HS256) and a key pair, because everybody who verifies would have to change
        with it.
    type: str
    choices: [RS256, ES256, EdDSA, HS256]
    default: RS256
  key_size:
    description:
      - Size of an RSA key in bits, V(2048), V(3072), V(4096) or V(8192).
      - When omitted, 3072.
    type: int
  secret_bytes:
    description:
      - Random octets of a secret of V(HS256), at least 32. The secret is their base64url text, and the octets of that
        text are the key, as programs take it that are given a text.
    type: int
    default: 48
  token_lifetime:
    description:
      - The longest life of a token that the issuer makes, in seconds or as V(15m).
    type: str
    default: 15m
  lead:
    description:
      - How long a new key is published before it is used. It has to be longer than verifiers keep a key set that they
        have fetched. A run after that takes it into use.
      - With V(HS256), how long those who verify find it in custody below C(next).
    type: str
    default: 10m
  overlap:
    description:
      - How long a replaced key stays in the key set after another took its place. One shorter than O(token_lifetime) is
        refused.
      - When omitted, O(token_lifetime) and five minutes, for clocks that differ and for issuers that notice late.
    type: str
  holder:
    description:
      - Who makes the private keys, signs with them and never gives them away. Custody then has a record with the public
        key and the C(handle) by which the issuer asks for a signature.
      - A key that is in custody when a holder is declared, or the other way round, is not as declared; see
        O(on_mismatch).
      - When omitted, private keys are in custody.
    type: dict
    suboptions:
      kind:
        description:
          - V(transit) is a transit engine of the same Vault or OpenBao, with a key of its own for every key of an
            issuer. The token needs C(create), C(read), C(update) on C(<mount>/keys/*), and C(delete) to part with a
            key; issuers need C(update) on C(<mount>/sign/*).
          - V(pkcs11) is a hardware token or its software twin. A handle is the C(CKA_ID) of a key in hex.
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
  publish:
    description:
      - The places where key sets go. All of them have a new key before it is used.
      - When omitted, nothing is published.
    type: list
    elements: dict
    suboptions:
      kind:
        description:
          - V(directory) is a directory with one file C(<name>.json) per issuer, V(kv) a secret of Vault or OpenBao
            with one such key per issuer.
        type: str
        choices: [directory, kv]
        required: true
      path:
        description:
          - The directory, or the path of the secret below O(publish[].mount).
          - A path of a secret that ends in C(/{name}) stands for a secret per issuer, its set under C(document).
        type: str
        required: true
      mount:
        description:
          - Path of the key-value engine. Needed for O(publish[].kind=kv).
        type: str
      owner:
        description:
          - Owner of the files of a directory.
          - When omitted, the user that runs the module.
        type: str
      group:
        description:
          - Group of the files of a directory.
          - When omitted, the group of that user.
        type: str
      mode:
        description:
          - Mode of the files of a directory.
        type: str
        default: "0644"
      prune:
        description:
          - Whether entries of undeclared issuers are removed.
        type: bool
        default: false
      keep:
        description:
          - Names that O(publish[].prune) leaves alone.
          - When omitted, there are none.
        type: list
        elements: str
  private_key_file:
    description:
      - Where programs find the private key, below O(directory), with C({name}) in it. For O(custody=files).
    type: str
    default: "{name}/jwt.key"
  public_key_file:
    description:
      - Where programs find its public key, below O(directory), with C({name}) in it. For O(custody=files).
    type: str
    default: "{name}/jwt.pub"
  secret_file:
    description:
      - Where programs find the secret of V(HS256), below O(directory), with C({name}) in it. For O(custody=files).
    type: str
    default: "{name}/jwt.secret"
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
  - Python library C(python-pkcs11) 0.7.0 or newer there, for a O(holder) of the kind V(pkcs11); its versions 0.9.0 to
    0.9.3 make no EC keys
seealso:
  - plugin: trustmesh.security.jwt_mint
    plugin_type: filter
  - plugin: trustmesh.security.jwt_claims
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep the key of one issuer in Vault and its key set where a web server finds it
  trustmesh.security.jwt_key:
    url: https://vault.example.com:8200
    mount: secret
    publish:
      - kind: directory
        path: /srv/www/jwks
    issuers:
      - name: trust-service

- name: Keep the keys of three issuers, replaced every 90 days without a refused token
  trustmesh.security.jwt_key:
    mount: secret
    path: jwt/{name}
    max_age: 90d
    lead: 15m
    token_lifetime: 15m
    publish:
      - kind: kv
        mount: secret
        path: jwks
      - kind: directory
        path: /etc/envoy/jwks
        prune: true
    issuers:
      - name: trust-service
      - name: coordination-server
        algorithm: ES256
      - name: host-panel
        algorithm: EdDSA
        token_lifetime: 60m

- name: Leave the private keys to a transit engine, which signs and never shows them
  trustmesh.security.jwt_key:
    mount: secret
    path: jwt/{name}
    holder:
      kind: transit
      mount: transit-jwt
    publish:
      - kind: directory
        path: /srv/www/jwks
    issuers:
      - name: coordination-server
        algorithm: ES256

- name: Replace a key that may have leaked, at once and with what it signed
  trustmesh.security.jwt_key:
    mount: secret
    path: jwt/{name}
    not_before: "2026-11-21T14:00:00Z"
    lead: "0"
    token_lifetime: "0"
    overlap: "0"
    publish:
      - kind: directory
        path: /etc/envoy/jwks
    issuers:
      - name: trust-service

- name: Part with an issuer
  trustmesh.security.jwt_key:
    mount: secret
    publish:
      - kind: directory
        path: /srv/www/jwks
    issuers:
      - name: legacy
        state: absent
"""

RETURN = r"""
results:
  description:
    - One entry per issuer, in the order of O(issuers), then one per owner that O(prune_custody)
      removes, then one per place of O(publish) that is pruned.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the issuer, or of the place.
      returned: always
      type: str
      sample: trust-service
    changed:
      description:
        - Whether this item was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode.
        - V(none) for an item that failed before anything was changed.
        - V(replace) means a new key, V(update) that only publication, files or the keys of before were put right.
      returned: always
      type: str
      choices: [none, create, update, replace, delete]
      sample: replace
    reasons:
      description: Why, one sentence per difference.
      returned: always
      type: list
      elements: str
      sample: ["the key is 91d old, max_age is 90d"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    key:
      description: The key in use; in check mode the one that is there now.
      returned: when there is one
      type: dict
      contains:
        algorithm:
          description: What it signs with.
          returned: always
          type: str
          sample: ES256
        kid:
          description: Its identifier, of a key pair the thumbprint (RFC 7638).
          returned: always
          type: str
          sample: NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
        handle:
          description: What the holder calls the private key.
          returned: when O(holder) has it
          type: str
          sample: coordination-server-5d0a7c9be1f34682
        next_kid:
          description: Identifier of the key that is published but not used yet.
          returned: always
          type: str
        previous_kids:
          description: Identifiers of replaced keys still in custody, the latest first.
          returned: always
          type: list
          elements: str
        created:
          description: When it was made, in UTC; of an adopted key when its file was written, if that is known.
          returned: always
          type: str
          sample: "2026-11-21T14:00:00Z"
        next_created:
          description: When the key was made that is published but not used yet.
          returned: always
          type: str
        previous:
          description: Number of replaced keys still in custody.
          returned: always
          type: int
        window_seconds:
          description:
            - Upper bound of the time from the first publication of this key to its use. V(null) for a first key.
          returned: always
          type: float
          sample: 600.213
        custody:
          description: Where it is kept.
          returned: always
          type: str
          sample: secret/jwt_key/trust-service
        published_to:
          description: The places that have a document of the issuer.
          returned: always
          type: list
          elements: str
          sample: [directory /srv/www/jwks]
    target:
      description: What a place holds that is pruned.
      returned: for a place
      type: dict
      contains:
        published:
          description: Number of documents that it has.
          returned: always
          type: int
    failed:
      description: Whether this item failed.
      returned: on failure of the item
      type: bool
    msg:
      description: What went wrong and what to do.
      returned: on failure of the item
      type: str
undeclared:
  description:
    - Owners that custody had and the task did not name. With O(prune_custody) each of them has an entry in RV(results),
      unless a warning says that it was left alone.
    - V(null) when they cannot be listed.
  returned: when the task got as far as looking
  type: list
  elements: str
  sample: [perffsp-8]
summary:
  description:
    - Number of items by RV(results[].action), and of failures.
    - An item that failed is not counted under V(none). It is counted under its action too if it changed something.
  returned: always
  type: dict
  sample: {create: 1, delete: 0, failed: 0, none: 7, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each, items
from ..module_utils._keyring.documents import DOCUMENT_OPTIONS, document_targets
from ..module_utils._keyring.holder_options import HOLDER_OPTIONS, holder
from ..module_utils._keyring.jwt_key import (
    FIELDS,
    ITEM_OPTIONS,
    KIND,
    PATH_OPTIONS,
    SHAPE,
    SHARED,
    SHARED_ALGORITHM,
    JwtKeyResource,
)
from ..module_utils._keyring.keyring import Keyring
from ..module_utils._keyring.options import CUSTODY_OPTIONS, custody
from ..module_utils._keyring.remainder import PRUNE_OPTIONS, whole_batch
from ..module_utils._vault.connection import VAULT, WORKERS, connect
from ..module_utils._vault.kv_custody import KvStores
from ..module_utils._vault.transit_holder import TransitHolder

SPEC = (
    VAULT
    + Spec({**CUSTODY_OPTIONS, **HOLDER_OPTIONS, **PATH_OPTIONS}, requires=(CRYPTOGRAPHY,))
    + Spec({**PRUNE_OPTIONS, **DOCUMENT_OPTIONS})
    + batch("issuers", ITEM_OPTIONS, shared=SHARED)
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared issuers, and the places that are pruned, as resources."""
    stores = KvStores(lambda: connect(params, stack))
    present = [item["name"] for item in items(SPEC, params) if item["state"] == "present"]
    shared = [item["name"] for item in items(SPEC, params) if item["algorithm"] == SHARED_ALGORITHM]
    places = document_targets(params, present, stores, unpublished=shared)
    keyring = Keyring(custody(params, KIND, FIELDS, stores), places, SHAPE)
    held_by = holder(params, lambda mount: TransitHolder(stores.connection(), mount), stack)
    keys = build_each(SPEC, params, lambda item: JwtKeyResource.declared(item, keyring, held_by))
    return whole_batch(
        params,
        keyring,
        keys,
        lambda name: JwtKeyResource(name, keyring, None, None, held_by),
        owners="issuers",
        workers=WORKERS,
        warnings=stores.warnings,
    )


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
