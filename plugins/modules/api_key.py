#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: api_key
short_description: Manage API keys of clients, and the digests that services check them against
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Creates, rotates and removes one API key for each client. The key itself goes to the client's own place of
    O(custody) and nowhere else; the service gets a record with its digest, permissions and expiry.
  - A key is a prefix, at least 256 random bits in base 62 and a checksum, such as C(tm_live_) and 49 characters. The
    prefix lets scanners find a leaked key, the checksum lets a service refuse a mistyped one without a look-up.
  - Replaces a key in the safe order. The service knows the next key before the client has it, and goes on to accept
    the key before for O(overlap). A run that was interrupted is completed by the next one, with the key that was made
    already.
  - A record leaves the service room for RV(results[].key.last_used_at) and RV(results[].key.use_count). What the
    service writes there is no difference, is kept when the record is written again, and is returned.
  - The policy of a client needs C(read) on its own secret alone, the policy of the service C(read) on the records
    alone. The token of this module needs C(create), C(read), C(update) on C(<mount>/data/<path>), and for clients
    that are absent C(delete) on C(<mount>/metadata/<path>). Publishing to a secret takes C(create), C(read),
    C(update) on that one. In version 1 of the engine it needs these on C(<mount>/<path>).
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._keyring
  - trustmesh.security._keyring.prune
  - trustmesh.security._keyring.rotation
  - trustmesh.security._attributes
  - trustmesh.security._attributes.actiongroup_vault
options:
  clients:
    description:
      - The clients. All of them are read and planned before the first key is made.
      - Options that are described at the top level of this module and occur here too hold for one client; when
        omitted here, what stands beside the list applies.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the client.
        type: str
        required: true
      permissions:
        description:
          - What its keys allow, such as V(certificate:validate). The service compares them as texts.
          - When omitted, nothing.
        type: list
        elements: str
      state:
        description:
          - Whether the client should have a key.
          - V(absent) takes its record back everywhere and then removes the key with all versions.
        type: str
        choices: [present, absent]
        default: present
      prefix:
        description:
          - O(prefix) of this client.
        type: str
      bits:
        description:
          - O(bits) of this client.
        type: int
      lifetime:
        description:
          - O(lifetime) of this client.
        type: str
      max_age:
        description:
          - O(max_age) of this client.
        type: str
      not_before:
        description:
          - O(not_before) of this client.
        type: str
      lead:
        description:
          - O(lead) of this client.
        type: str
      overlap:
        description:
          - O(overlap) of this client.
        type: str
      keep_previous:
        description:
          - O(keep_previous) of this client.
        type: str
      on_mismatch:
        description:
          - O(on_mismatch) of this client.
        type: str
        choices: [fail, replace]
  prefix:
    description:
      - What keys begin with, lower case letters, digits and underscores with an underscore at the end.
    type: str
    default: tm_live_
  bits:
    description:
      - Random bits of a new key, 256 to 1024. A key that is there may have more.
    type: int
    default: 256
  lifetime:
    description:
      - How long a key is accepted at most, such as V(365d). It is replaced early enough that O(lead) and O(overlap)
        fit into its life.
      - When omitted, until it is replaced.
    type: str
  overlap:
    description:
      - How long a replaced key is still accepted after another took its place.
    type: str
    default: 24h
  pepper:
    description:
      - A secret of 32 octets or more that the service has and its records have not. Digests are then made with
        HMAC-SHA-256 and it. Another one changes every record.
      - When omitted, digests are plain SHA-256, which is enough for keys that cannot be guessed.
    type: str
  publish:
    description:
      - The places where records go. All of them have a new key before it is used.
      - When omitted, nothing is published.
    type: list
    elements: dict
    suboptions:
      kind:
        description:
          - V(directory) is a directory with one file C(<name>.json) per client, V(kv) a secret of Vault or OpenBao
            with one such key per client.
        type: str
        choices: [directory, kv]
        required: true
      path:
        description:
          - The directory, or the path of the secret below O(publish[].mount).
          - A path of a secret that ends in C(/{name}) stands for a secret per client, its record under C(document).
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
          - Whether entries of undeclared clients are removed.
        type: bool
        default: false
      keep:
        description:
          - Names that O(publish[].prune) leaves alone.
          - When omitted, there are none.
        type: list
        elements: str
  key_file:
    description:
      - Where the client finds its key, below O(directory), with C({name}) in it. For O(custody=files).
    type: str
    default: "{name}/api.key"
seealso:
  - plugin: trustmesh.security.api_key_matches
    plugin_type: test
  - module: trustmesh.security.vault_policy
"""

EXAMPLES = r"""
- name: Give one client a key
  trustmesh.security.api_key:
    url: https://vault.example.com:8200
    mount: secret
    publish:
      - kind: kv
        mount: secret
        path: trust-service/api-keys
    clients:
      - name: integration-service
        permissions: ["certificate:validate", "trust:query"]

- name: Give the clients of an administration keys that live for a year and are replaced every 90 days
  trustmesh.security.api_key:
    mount: secret
    path: clients/{name}/api-key
    prefix: tm_admin_
    lifetime: 365d
    max_age: 90d
    overlap: 48h
    pepper: "{{ lookup('ansible.builtin.env', 'API_KEY_PEPPER') }}"
    publish:
      - kind: kv
        mount: secret
        path: coordination-server/api-keys
        prune: true
      - kind: directory
        path: /etc/coordination-server/api-keys
        group: coordination
        mode: "0640"
    clients:
      - name: admin-dashboard
        permissions: ["round:read", "round:cancel"]
      - name: backup
        permissions: ["round:read"]
        max_age: 30d

- name: Part with a client
  trustmesh.security.api_key:
    mount: secret
    publish:
      - kind: kv
        mount: secret
        path: trust-service/api-keys
    clients:
      - name: legacy-service
        state: absent
"""

RETURN = r"""
results:
  description:
    - One entry per client, in the order of O(clients), then one per owner that O(prune_custody)
      removes, then one per place of O(publish) that is pruned.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the client, or of the place.
      returned: always
      type: str
      sample: integration-service
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
        key_id:
          description: Name of the key in records and logs. It tells nothing about the key.
          returned: always
          type: str
          sample: 5f1d7a8490c3b2e6
        permissions:
          description: What it allows.
          returned: when O(clients[].state=present)
          type: list
          elements: str
          sample: ["certificate:validate", "trust:query"]
        expires:
          description: When it ends, in UTC; null when it does not.
          returned: when O(clients[].state=present)
          type: str
          sample: "2027-11-21T14:00:00Z"
        last_used_at:
          description: When it was used last, as the service wrote it.
          returned: when O(clients[].state=present)
          type: str
        use_count:
          description: How often it was used, as the service wrote it.
          returned: when O(clients[].state=present)
          type: int
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
          sample: secret/api_key/integration-service
        published_to:
          description: The places that have a document of the client.
          returned: always
          type: list
          elements: str
          sample: [kv secret/trust-service/api-keys]
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

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, Spec, batch, build_each, items
from ..module_utils._keyring.api_key import checked_pepper
from ..module_utils._keyring.api_key_resource import (
    FIELDS,
    ITEM_OPTIONS,
    KIND,
    PATH_OPTIONS,
    SHAPE,
    SHARED,
    ApiKeyResource,
)
from ..module_utils._keyring.documents import DOCUMENT_OPTIONS, document_targets
from ..module_utils._keyring.keyring import Keyring
from ..module_utils._keyring.options import CUSTODY_OPTIONS, custody
from ..module_utils._keyring.remainder import PRUNE_OPTIONS, whole_batch
from ..module_utils._vault.connection import VAULT, WORKERS, connect
from ..module_utils._vault.kv_custody import KvStores

SPEC = (
    VAULT
    + Spec({**CUSTODY_OPTIONS, **PATH_OPTIONS, **PRUNE_OPTIONS, **DOCUMENT_OPTIONS})
    + Spec({"pepper": {"type": "str", "no_log": True}})
    + batch("clients", ITEM_OPTIONS, shared=SHARED)
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared clients, and the places that are pruned, as resources."""
    stores = KvStores(lambda: connect(params, stack))
    pepper = checked_pepper(params["pepper"])
    present = [item["name"] for item in items(SPEC, params) if item["state"] == "present"]
    keyring = Keyring(custody(params, KIND, FIELDS, stores), document_targets(params, present, stores), SHAPE)
    keys = build_each(SPEC, params, lambda item: ApiKeyResource.declared(item, keyring, pepper))
    return whole_batch(
        params,
        keyring,
        keys,
        lambda name: ApiKeyResource(name, keyring, None, None),
        owners="clients",
        workers=WORKERS,
        warnings=stores.warnings,
    )


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
