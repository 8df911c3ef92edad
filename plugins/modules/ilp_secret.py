#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ilp_secret
short_description: Manage the Interledger secrets of FSPIOP participants
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, rotates and removes one secret for each participant, from which their conditions and fulfilments are made;
    the scheme adapter takes it as C(ILP_SECRET).
  - A secret is 32 random octets or more in base64url, drawn from the random source of the operating system. It has no
    public part and is published nowhere.
  - Whoever knows the secret of a payee can fulfil transfers in its place. Secrets that are printed in documentation,
    charts and defaults are refused, the public default of the scheme adapter among them, and so are short ones; the
    software that uses them does not refuse them.
  - A secret that is there but was not made by this module is adopted, if it is good enough. What custody holds is never
    overwritten because it is not understood.
  - Transfers that were agreed on before a replacement are fulfilled with the secret of then, which stays in custody for
    O(keep_previous). An adapter reads its secret when it starts, so restart it on a change.
  - With O(custody=kv) the token needs C(create), C(read), C(update) on C(<mount>/data/<path>), and for participants
    that are absent C(delete) on C(<mount>/metadata/<path>). In version 1 of the engine it needs these on
    C(<mount>/<path>).
  - Any number of participants costs one login, one listing, one reading per participant, and when nothing is due no
    write.
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._keyring
  - trustmesh.security._keyring.prune
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  participants:
    description:
      - The participants. All of them are read and planned before the first secret is made.
      - Options that are described at the top level of this module and occur here too hold for one participant; when
        omitted here, what stands beside the list applies.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - FSP id of the participant, for files and paths.
        type: str
        required: true
      adopt:
        description:
          - The secret that the participant uses so far, adopted when custody has none, and not looked at otherwise. Two
            participants must not share one.
          - When omitted, a new one is made when custody has none.
        type: str
      state:
        description:
          - Whether the participant should have a secret.
          - V(absent) removes it with all versions.
        type: str
        choices: [present, absent]
        default: present
      bytes:
        description:
          - O(bytes) of this participant.
        type: int
      max_age:
        description:
          - O(max_age) of this participant.
        type: str
      not_before:
        description:
          - O(not_before) of this participant.
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
  bytes:
    description:
      - Random octets of a new secret, at least 32. One that this module made with fewer is not as declared; see
        O(on_mismatch).
    type: int
    default: 32
  max_age:
    description:
      - Age after which a secret is replaced, such as V(90d).
      - When omitted, age is no reason.
    type: str
  not_before:
    description:
      - Instant with its offset from UTC, such as V(2026-11-21T14:00:00Z). A secret made before it is replaced, once it
        has come. A secret made since is left alone, so that the same declaration can run again and again.
      - When omitted, no instant is a reason.
    type: str
  keep_previous:
    description:
      - How long a replaced secret stays in custody. Make it longer than the longest time between quote and transfer.
    type: str
    default: 7d
  on_mismatch:
    description:
      - What to do about a secret that is there but is published, too short or not as declared. V(fail) leaves it alone,
        V(replace) makes a new one.
    type: str
    choices: [fail, replace]
    default: fail
  secret_file:
    description:
      - Where programs find the secret, below O(directory), with C({name}) in it, without an end of line. For
        O(custody=files).
    type: str
    default: "{name}/ilp.secret"
seealso:
  - plugin: trustmesh.security.ilp_packet
    plugin_type: filter
  - plugin: trustmesh.security.ilp_valid
    plugin_type: filter
  - module: trustmesh.security.jws_key
"""

EXAMPLES = r"""
- name: Keep the secrets of two participants in Vault
  trustmesh.security.ilp_secret:
    url: https://vault.example.com:8200
    mount: secret
    participants:
      - name: perffsp-1
      - name: perffsp-2

- name: Keep secrets for at most 90 days, and take over one that is in use
  trustmesh.security.ilp_secret:
    mount: secret
    path: ilp/{name}
    max_age: 90d
    participants:
      - name: perffsp-1
      - name: perffsp-2
        adopt: "{{ perffsp_2_ilp_secret }}"
  notify: Restart the adapters

- name: Replace the secret of one participant, once
  trustmesh.security.ilp_secret:
    mount: secret
    not_before: "2026-11-21T14:00:00Z"
    participants:
      - name: perffsp-1

- name: Keep a secret in a file that the group of the adapter can read
  trustmesh.security.ilp_secret:
    custody: files
    directory: /etc/mojaloop
    group: mojaloop
    key_mode: "0640"
    participants:
      - name: perffsp-1

- name: Part with a participant
  trustmesh.security.ilp_secret:
    mount: secret
    participants:
      - name: perffsp-8
        state: absent
"""

RETURN = r"""
results:
  description:
    - One entry per participant, in the order of O(participants), then one per owner that O(prune_custody) removes.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the participant.
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
        - V(replace) means a new secret in use, V(update) that only files or the secrets of before were put right.
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
    secret:
      description: Facts of the secret, which is not among them; in check mode of the one that is there now.
      returned: when there is one
      type: dict
      contains:
        bytes:
          description: Random octets that it was made of; null for one that was adopted.
          returned: always
          type: int
          sample: 32
        adopted:
          description: Whether it was made elsewhere and adopted.
          returned: always
          type: bool
        created:
          description: When it was made, in UTC; of one that was adopted, when that was, unless its file is older.
          returned: always
          type: str
          sample: "2026-11-21T14:00:00Z"
        next_created:
          description: When the secret was made that is not used yet, because a run was interrupted.
          returned: always
          type: str
        previous:
          description: Number of replaced secrets still in custody.
          returned: always
          type: int
        window_seconds:
          description:
            - Upper bound of the time in which custody had this secret and it was not in use yet. V(null) for a first
              one.
          returned: always
          type: float
          sample: 0.021
        custody:
          description: Where it is kept.
          returned: always
          type: str
          sample: secret/ilp_secret/perffsp-1
        published_to:
          description: Always empty.
          returned: always
          type: list
          elements: str
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

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each
from ..module_utils._keyring.ilp_secret import (
    FIELDS,
    ITEM_OPTIONS,
    KIND,
    PATH_OPTIONS,
    SHAPE,
    SHARED,
    IlpSecret,
    refuse_shared,
)
from ..module_utils._keyring.keyring import Keyring
from ..module_utils._keyring.options import CUSTODY_OPTIONS, custody
from ..module_utils._keyring.remainder import PRUNE_OPTIONS, whole_batch
from ..module_utils._vault.connection import VAULT, WORKERS, connect
from ..module_utils._vault.kv_custody import KvStores

SPEC = (
    VAULT
    + Spec({**CUSTODY_OPTIONS, **PATH_OPTIONS, **PRUNE_OPTIONS})
    + batch("participants", ITEM_OPTIONS, shared=SHARED)
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the secrets of the declared participants as resources."""
    refuse_shared(params["participants"])
    stores = KvStores(lambda: connect(params, stack))
    keyring = Keyring(custody(params, KIND, FIELDS, stores), (), SHAPE)
    secrets = build_each(SPEC, params, lambda item: IlpSecret.declared(item, keyring))
    return whole_batch(
        params,
        keyring,
        secrets,
        lambda name: IlpSecret(name, keyring, None, 0),
        owners="participants",
        workers=WORKERS,
        warnings=stores.warnings,
    )


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
