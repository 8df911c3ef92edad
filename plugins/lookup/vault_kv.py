# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup ``vault_kv``."""

from __future__ import annotations

DOCUMENTATION = r"""
name: vault_kv
short_description: Read secrets from a key-value engine of Vault or OpenBao
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Reads secrets of a key-value engine, version 1 or 2, on the controller. Any number of them costs one login.
  - A secret that does not exist is an error, as is one whose newest version is deleted.
  - The token needs C(read) on C(<mount>/data/<path>), in version 1 of the engine on C(<mount>/<path>).
extends_documentation_fragment:
  - trustmesh.security._vault
options:
  _terms:
    description:
      - Paths of secrets below O(mount).
    type: list
    elements: str
    required: true
  mount:
    description:
      - Path of the key-value engine.
    type: str
    default: secret
  key:
    description:
      - Key of each secret whose value is returned.
      - When omitted, each secret is returned whole.
    type: str
notes:
  - Ansible does not know that what a lookup returns is secret. Give C(no_log) to tasks that use it.
seealso:
  - module: trustmesh.security.vault_kv_secret
"""

EXAMPLES = r"""
- name: Sign a transfer with a key that is kept in Vault
  ansible.builtin.set_fact:
    signed: "{{ transfer | trustmesh.security.fspiop_jws_sign(key, source='perffsp-1', uri='/transfers') }}"
  vars:
    key: "{{ lookup('trustmesh.security.vault_kv', 'jws_key/perffsp-1', mount='secret', key='private_key') }}"
  no_log: true

- name: Configure a service with the whole of a secret
  ansible.builtin.template:
    src: service.env.j2
    dest: /etc/hub/service.env
    mode: "0600"
  vars:
    database: "{{ lookup('trustmesh.security.vault_kv', 'hub/database', mount='secret') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description:
    - Per path the secret, or with O(key) the value of that key in it.
  type: list
  elements: raw
"""

import contextlib
import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._core.at_once import at_once
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._vault.connection import VAULT, WORKERS, connect
from ..module_utils._vault.kv_custody import KvStore
from ..module_utils._vault.kv_versions import KvVersions


class LookupModule(LookupBase):
    """What Ansible looks for in this file."""

    def run(self, terms: Sequence[str], variables: Mapping[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the secrets at ``terms``; raises AnsibleLookupError with the cause and what to do about it."""
        self.set_options(var_options=variables, direct=kwargs)
        params = {name: self.get_option(name) for name in VAULT.options}
        try:
            with contextlib.ExitStack() as stack:
                vault = connect(params, stack)
                store = KvStore(vault, KvVersions(vault), self.get_option("mount"))
                return at_once(lambda path: _value(store, path.strip("/"), self.get_option("key")), terms, WORKERS)
        except TrustmeshError as error:
            raise AnsibleLookupError(f"vault_kv: {error}") from None


def _value(store: KvStore, path: str, key: str | None) -> t.Any:
    held = store.read(path)
    if held is None or not held[0]:
        raise InvalidInput(
            f"{store.mount}/{path} does not exist or is deleted", remedy="Correct the path, or write it."
        )
    if key is None:
        return held[0]
    if key not in held[0]:
        known = ", ".join(sorted(held[0]))
        raise InvalidInput(f"{store.mount}/{path} has no {key}", field="key", remedy=f"Use one of {known}.")
    return held[0][key]
