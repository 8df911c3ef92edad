#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jws_key
short_description: Manage the signing keys of FSPIOP participants and publish their public keys
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, rotates and removes the key with which each participant signs FSPIOP messages, and publishes the public
    keys of the others in every place that verifies. A place is a directory with one C(<name>.pem) per participant, a
    secret of Vault or OpenBao with one such key each, or a Mojaloop connection manager.
  - RSA keys are written as PKCS#8 and EC keys as SEC1, the forms in which FSPIOP software signs with them properly. RSA
    keys below 2048 bits are refused, those that are to be adopted too; the software that uses them does not look.
  - Replaces a key in the safe order. The next key is written to custody, published everywhere and only then used. A
    verifier knows one key per participant, so that between publication and use messages signed with the old key are
    refused; RV(results[].key.window_seconds) says how long that was at most. A run that was interrupted is completed by
    the next one, with the key that was made already.
  - Verifiers that have to be restarted are given the time for it by O(lead). Until it is over they refuse what is
    signed with the old key, so that it should be as short as the restart takes.
  - A key that is there but was not made by this module is adopted, whether it lies in its place or is named by
    O(participants[].adopt). What custody holds is never overwritten because it is not understood.
  - Verifiers that mount public keys from a Kubernetes Secret do not notice a changed key, and an adapter that gets its
    keys from a management API does not read the directory at all. This module warns when it changes a published key.
  - With O(custody=kv) the token needs C(create), C(read) and C(update) on C(<mount>/data/<path>), and on
    C(<mount>/metadata/<path>) C(delete) for participants that are absent. Publishing to one secret takes the first
    three on C(<mount>/data/<path>), publishing to a secret per participant C(list) on C(<mount>/metadata/<folder>)
    and C(delete) on what is below, too. In version 1 of the engine all of them are on C(<mount>/<path>).
  - Any number of participants costs one login, one listing, one reading per participant and one per place, and when
    nothing is due no write.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._keyring
  - trustmesh.security._keyring.prune
  - trustmesh.security._keyring.publish
  - trustmesh.security._keyring.rotation
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  participants:
    description:
      - The participants. All of them are read and planned before the first key is made.
      - Options that are described at the top level of this module and occur here too hold for one participant; when
        omitted here, what stands beside the list applies.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - FSP id of the participant, exactly as C(FSPIOP-Source) carries it. It is the name of files, and case
            matters.
        type: str
        required: true
      public_key:
        description:
          - Public key of a participant whose private key is kept elsewhere, in PEM, bare or in a certificate. It is
            published like the others.
          - When omitted, the key pair is kept here.
        type: str
      state:
        description:
          - Whether the participant should have a key.
          - V(absent) takes its public key back everywhere and then removes the key with all versions.
        type: str
        choices: [present, absent]
        default: present
      algorithm:
        description:
          - O(algorithm) of this participant.
        type: str
        choices: [RS256, ES256]
      bits:
        description:
          - O(bits) of this participant.
        type: int
      max_age:
        description:
          - O(max_age) of this participant.
        type: str
      not_before:
        description:
          - O(not_before) of this participant.
        type: str
      lead:
        description:
          - O(lead) of this participant.
        type: str
      keep_previous:
        description:
          - O(keep_previous) of this participant.
        type: str
      on_mismatch:
        description:
          - O(on_mismatch) of this participant.
        type: str
        choices: [fail, replace]
      adopt:
        description:
          - O(adopt) of this participant.
        type: dict
        suboptions:
          file:
            description:
              - O(adopt.file) of this participant.
            type: str
          mount:
            description:
              - O(adopt.mount) of this participant.
            type: str
          path:
            description:
              - O(adopt.path) of this participant.
            type: str
          key:
            description:
              - O(adopt.key) of this participant.
            type: str
            default: private_key
  algorithm:
    description:
      - What messages are signed with. V(ES256) is understood by the reference library but is not in the FSPIOP
        signature specification, and connection managers hold EC keys for invalid.
    type: str
    choices: [RS256, ES256]
    default: RS256
  bits:
    description:
      - Size of a new RSA key, at least 2048. A key that is there may be larger.
    type: int
    default: 2048
  adopt:
    description:
      - Where the private key of a participant lies that has none in custody yet. What lies there is left as it is.
      - When omitted, or when custody has a key, nothing is looked for.
    type: dict
    suboptions:
      file:
        description:
          - A PEM file on the host that runs the module. C({name}) in it stands for the participant.
        type: str
      mount:
        description:
          - Path of a key-value engine.
        type: str
      path:
        description:
          - Path of a secret below O(adopt.mount). C({name}) in it stands for the participant.
        type: str
      key:
        description:
          - Key of the secret that holds the private key.
        type: str
        default: private_key
  holder:
    description:
      - Who makes the private keys, signs with them and never gives them away. Custody then has a record with the public
        key and the C(handle) by which a signer asks for the private one.
      - A key that is in custody when a holder is declared, or the other way round, is not as declared, and neither is
        one that the holder has no longer; see O(on_mismatch). The holder is asked for every key in every run.
      - A participant that is absent keeps its key there unless the holder is declared.
      - When omitted, private keys are in custody.
    type: dict
    suboptions:
      kind:
        description:
          - V(transit) is a transit engine of the same Vault or OpenBao, with a key of its own for every key of a
            participant. The token needs C(create), C(read), C(update) on C(<mount>/keys/*), and C(delete) to part with
            a key; signers need C(update) on C(<mount>/sign/*).
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
          - A wrong one is shown to the token once in a run, and never as the last attempt that the token grants.
        type: str
  private_key_file:
    description:
      - Where programs find the private key, below O(directory), with C({name}) in it. For O(custody=files).
    type: str
    default: "{name}.key"
  public_key_file:
    description:
      - Where programs find its public key, below O(directory), with C({name}) in it. For O(custody=files).
      - When omitted, it has no file beside the private key.
    type: str
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
  - Python library C(python-pkcs11) 0.7.0 or newer there, for a O(holder) of the kind V(pkcs11); its versions 0.9.0 to
    0.9.3 make no EC keys
seealso:
  - module: trustmesh.security.jws_key_info
  - module: trustmesh.security.vault_kv_secret
"""

EXAMPLES = r"""
- name: Keep the keys of two participants in Vault
  trustmesh.security.jws_key:
    url: https://vault.example.com:8200
    mount: secret
    participants:
      - name: hub
      - name: perffsp-1

- name: Keep the keys of a hub and its participants, each trusting only the others
  trustmesh.security.jws_key:
    mount: secret
    path: jws/{name}
    max_age: 90d
    publish:
      - kind: directory
        path: /etc/mojaloop/{audience}/jwsVerificationKeys
        group: mojaloop
        prune: true
      - kind: mcm
        url: https://mcm.example.com/api
        hub: hub
        token: "{{ mcm_token }}"
    participants:
      - name: hub
        bits: 4096
      - name: perffsp-1
        adopt:
          file: /root/legacy/{name}.key
      - name: perffsp-2
      - name: partner
        public_key: "{{ lookup('ansible.builtin.file', 'partner.pem') }}"
  notify: Restart the adapters

- name: Replace the key of one participant, once
  trustmesh.security.jws_key:
    mount: secret
    not_before: "2026-11-21T14:00:00Z"
    publish:
      - kind: kv
        mount: secret
        path: jws-trust
    participants:
      - name: perffsp-1

- name: Keep keys in files
  trustmesh.security.jws_key:
    custody: files
    directory: /etc/mojaloop/jws
    group: mojaloop
    key_mode: "0640"
    participants:
      - name: perffsp-1

- name: Keep private keys in a transit engine, which signs and never shows them
  trustmesh.security.jws_key:
    mount: secret
    holder:
      kind: transit
      mount: transit-jws
    publish:
      - kind: kv
        mount: secret
        path: jws-trust
    participants:
      - name: hub

- name: Remove the keys of undeclared participants from the places that trust them and from custody
  trustmesh.security.jws_key:
    mount: secret
    prune_custody: true
    publish:
      - kind: kv
        mount: secret
        path: jws-trust
        prune: true
    participants:
      - name: hub
      - name: perffsp-1

- name: Part with a participant
  trustmesh.security.jws_key:
    mount: secret
    publish:
      - kind: directory
        path: /etc/mojaloop/jwsVerificationKeys
    participants:
      - name: perffsp-8
        state: absent
"""

RETURN = r"""
results:
  description:
    - One entry per participant, in the order of O(participants), then one per owner that O(prune_custody)
      removes, then one per place of O(publish) that is pruned.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the participant, or of the place.
      returned: always
      type: str
      sample: perffsp-1
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
        - V(replace) means a new key in use, V(update) that only publication, files or the keys of before were put
          right.
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
      description: The key of a participant; in check mode the one that is there now.
      returned: when there is one
      type: dict
      contains:
        algorithm:
          description: What it signs with.
          returned: always
          type: str
          sample: RS256
        bits:
          description: Its size.
          returned: always
          type: int
          sample: 2048
        kid:
          description: Thumbprint of its public part (RFC 7638).
          returned: always
          type: str
          sample: NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
        created:
          description: When it was made, in UTC; of an adopted key when its file was written, if that is known.
          returned: when it is kept here
          type: str
          sample: "2026-11-21T14:00:00Z"
        next_created:
          description: When the key was made that is published but not used yet.
          returned: when it is kept here
          type: str
        previous:
          description: Number of replaced keys still in custody.
          returned: when it is kept here
          type: int
        replaced:
          description: The key before it, as long as it is in custody, for an archive. V(null) when there is none.
          returned: when it is kept here
          type: dict
          contains:
            kid:
              description: Thumbprint of its public part.
              returned: always
              type: str
            public_key:
              description: Its public part in PEM.
              returned: always
              type: str
            created:
              description: When it was made, in UTC.
              returned: always
              type: str
              sample: "2026-08-21T14:00:00Z"
            activated:
              description: When it came into use, in UTC; null if that is not known.
              returned: always
              type: str
              sample: "2026-08-21T14:00:00.213Z"
            retired:
              description: When another took its place, in UTC.
              returned: always
              type: str
              sample: "2026-11-21T14:00:00.213Z"
        window_seconds:
          description:
            - Upper bound of the time between publication and use of this key, in which messages signed with the key
              before it were refused. V(null) for a first key.
          returned: when it is kept here
          type: float
          sample: 0.213
        custody:
          description: Where it is kept.
          returned: when it is kept here
          type: str
          sample: secret/jws_key/perffsp-1
        published_to:
          description: The places that have a public key of the participant.
          returned: always
          type: list
          elements: str
          sample: [directory /etc/mojaloop/jwsVerificationKeys]
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
  sample: {create: 1, delete: 0, failed: 0, none: 99, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._keyring.holder_options import HOLDER_OPTIONS, holder
from ..module_utils._keyring.jws import SHAPE, JwsKey, JwsSpec
from ..module_utils._keyring.jws_declaration import (
    FIELDS,
    ITEM_OPTIONS,
    KIND,
    PATH_OPTIONS,
    SHARED,
    declared,
    general_warnings,
    refuse_lookalikes,
)
from ..module_utils._keyring.keyring import Keyring
from ..module_utils._keyring.options import CUSTODY_OPTIONS, PUBLISH_OPTIONS, custody, targets
from ..module_utils._keyring.remainder import PRUNE_OPTIONS, whole_batch
from ..module_utils._vault.connection import VAULT, WORKERS, connect
from ..module_utils._vault.kv_custody import KvStores
from ..module_utils._vault.transit_holder import TransitHolder

SPEC = (
    VAULT
    + Spec({**CUSTODY_OPTIONS, **HOLDER_OPTIONS, **PATH_OPTIONS}, requires=(CRYPTOGRAPHY,))
    + Spec({**PRUNE_OPTIONS, **PUBLISH_OPTIONS})
    + batch("participants", ITEM_OPTIONS, shared=SHARED)
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared participants, and the places that are pruned, as resources."""
    stores = KvStores(lambda: connect(params, stack))
    present = [item["name"] for item in params["participants"] if item["state"] == "present"]
    refuse_lookalikes(present)
    keyring = Keyring(custody(params, KIND, FIELDS, stores), targets(params, present, stores), SHAPE)
    held_by = holder(params, lambda mount: TransitHolder(stores.connection(), mount), stack)
    keys = build_each(SPEC, params, lambda item: declared(item, keyring, stores, held_by))
    stores.warnings.extend(general_warnings(keys))
    return whole_batch(
        params,
        keyring,
        keys,
        lambda name: JwsKey(name, keyring, None, JwsSpec(), held_by),
        owners="participants",
        workers=WORKERS,
        warnings=stores.warnings,
    )


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
