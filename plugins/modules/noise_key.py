#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: noise_key
short_description: Manage the static keys of Noise peers and publish their public keys
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, rotates and removes one static key for each peer (X25519, RFC 7748) for the Noise protocol, such as
    those of the pattern IK, and gives every peer the public keys of the others. Such a directory is the list of who is
    let in.
  - Both halves are 64 hexadecimal digits. Keys come from the random source of the operating system.
  - Replaces a key in the safe order. The next key is written to custody, published everywhere and only then used. A
    peer knows one key of every other, so that connections between publication and use are refused;
    RV(results[].key.window_seconds) says how long that was at most. A run that was interrupted is completed by the
    next one, with the key that was made already.
  - A key that is there but was not made by this module is adopted if it is 64 hexadecimal digits.
  - With O(custody=kv) the token needs C(create), C(read), C(update) on C(<mount>/data/<path>), and for peers that are
    absent C(delete) on C(<mount>/metadata/<path>). Publishing to a secret takes C(create), C(read), C(update) on that
    one. In version 1 of the engine it needs these on C(<mount>/<path>).
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._keyring
  - trustmesh.security._keyring.prune
  - trustmesh.security._keyring.rotation
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  peers:
    description:
      - The peers. All of them are read and planned before the first key is made.
      - Options that are described at the top level of this module and occur here too hold for one peer; when omitted
        here, what stands beside the list applies.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the peer, for files and paths.
        type: str
        required: true
      state:
        description:
          - Whether the peer should have a key.
          - V(absent) takes its public key back everywhere and then removes the key with all versions.
        type: str
        choices: [present, absent]
        default: present
      max_age:
        description:
          - O(max_age) of this peer.
        type: str
      not_before:
        description:
          - O(not_before) of this peer.
        type: str
      lead:
        description:
          - O(lead) of this peer.
        type: str
      keep_previous:
        description:
          - O(keep_previous) of this peer.
        type: str
      on_mismatch:
        description:
          - O(on_mismatch) of this peer.
        type: str
        choices: [fail, replace]
  publish:
    description:
      - The places where public keys go. All of them have a new key before it is used.
      - When omitted, nothing is published.
    type: list
    elements: dict
    suboptions:
      kind:
        description:
          - V(directory) is a directory with one C(<name>.pub) per peer, V(kv) a secret with one such key per peer.
        type: str
        choices: [directory, kv]
        required: true
      path:
        description:
          - The directory, or the path of the secret below O(publish[].mount).
          - With C({audience}) in it there is one such place for every declared peer, which gets the keys of all others
            and not its own.
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
          - Whether entries of undeclared peers are removed.
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
    default: "{name}/noise.key"
  public_key_file:
    description:
      - Where programs find its public key, below O(directory), with C({name}) in it. For O(custody=files).
    type: str
    default: "{name}/noise.pub"
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.jws_key
  - plugin: trustmesh.security.signed_message_sign
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep the keys of two peers in Vault
  trustmesh.security.noise_key:
    url: https://vault.example.com:8200
    mount: secret
    peers:
      - name: alice
      - name: bob

- name: Keep the keys of three peers, each admitting only the others
  trustmesh.security.noise_key:
    mount: secret
    path: noise/{name}
    max_age: 180d
    publish:
      - kind: directory
        path: /etc/paykit/{audience}/peers
        group: paykit
        prune: true
    peers:
      - name: alice
      - name: bob
      - name: carol
  notify: Restart the peers

- name: Part with a peer
  trustmesh.security.noise_key:
    mount: secret
    publish:
      - kind: directory
        path: /etc/paykit/peers
    peers:
      - name: mallory
        state: absent
"""

RETURN = r"""
results:
  description:
    - One entry per peer, in the order of O(peers), then one per owner that O(prune_custody)
      removes, then one per place of O(publish) that is pruned.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the peer, or of the place.
      returned: always
      type: str
      sample: alice
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
      sample: ["the key is 181d old, max_age is 180d"]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    key:
      description: The key of a peer; in check mode the one that is there now.
      returned: when there is one
      type: dict
      contains:
        public_key:
          description: Its public part.
          returned: always
          type: str
          sample: de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f
        created:
          description: When it was made, in UTC.
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
            - Upper bound of the time between publication and use of this key. V(null) for a first key.
          returned: always
          type: float
          sample: 0.213
        custody:
          description: Where it is kept.
          returned: always
          type: str
          sample: secret/noise_key/alice
        published_to:
          description: The places that have a public key of the peer.
          returned: always
          type: list
          elements: str
          sample: [directory /etc/paykit/bob/peers]
    target:
      description: What a place holds that is pruned.
      returned: for a place
      type: dict
      contains:
        published:
          description: Number of keys that it has.
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
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._keyring.documents import DOCUMENT_OPTIONS
from ..module_utils._keyring.keyring import Keyring
from ..module_utils._keyring.noise import FIELDS, ITEM_OPTIONS, KIND, PATH_OPTIONS, SHAPE, SHARED, SUFFIX, NoiseKey
from ..module_utils._keyring.options import CUSTODY_OPTIONS, custody, targets
from ..module_utils._keyring.remainder import PRUNE_OPTIONS, whole_batch
from ..module_utils._vault.connection import VAULT, WORKERS, connect
from ..module_utils._vault.kv_custody import KvStores

SPEC = (
    VAULT
    + Spec({**CUSTODY_OPTIONS, **PATH_OPTIONS, **PRUNE_OPTIONS, **DOCUMENT_OPTIONS}, requires=(CRYPTOGRAPHY,))
    + batch("peers", ITEM_OPTIONS, shared=SHARED)
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared peers, and the places that are pruned, as resources."""
    stores = KvStores(lambda: connect(params, stack))
    present = [item["name"] for item in params["peers"] if item["state"] == "present"]
    places = targets(params, present, stores, suffix=SUFFIX)
    keyring = Keyring(custody(params, KIND, FIELDS, stores), places, SHAPE)
    keys = build_each(SPEC, params, lambda item: NoiseKey.declared(item, keyring))
    return whole_batch(
        params,
        keyring,
        keys,
        lambda name: NoiseKey(name, keyring, None),
        owners="peers",
        workers=WORKERS,
        warnings=stores.warnings,
    )


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
