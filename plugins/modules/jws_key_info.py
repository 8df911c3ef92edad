#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jws_key_info
short_description: Check the signing keys of FSPIOP participants and the places that verify with them
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Looks at the private key of each participant and at the public keys in every place that verifies, and returns a
    verdict for each thing that is wrong. It finds keys that are missing, that do not belong together, that several
    participants share, that are too weak, that are written in a form the adapter signs badly with, that are no keys at
    all, private keys where public ones belong, files whose name no adapter looks for, keys of participants who are not
    declared, keys that are too old, and keys that an interrupted rotation left behind.
  - It understands keys that were not made by M(trustmesh.security.jws_key) too.
  - The settings of an adapter can be checked beside its keys. Several are off by default, and a few that examples show
    are read by nothing.
  - With O(custody=kv) the token needs C(read) on C(<mount>/data/<path>), in version 1 of the engine on
    C(<mount>/<path>).
extends_documentation_fragment:
  - trustmesh.security._vault
  - trustmesh.security._keyring
  - trustmesh.security._keyring.publish
  - trustmesh.security._attributes.info
  - trustmesh.security._attributes.actiongroup_vault
options:
  participants:
    description:
      - The participants that there are.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - FSP id of the participant.
        type: str
        required: true
      kept:
        description:
          - Whether the private key is kept in O(custody). One that is kept elsewhere is only looked for in the places
            that verify.
        type: bool
        default: true
      adapter:
        description:
          - Settings of the participant's adapter, by the names of their environment variables.
          - When omitted, no settings are checked.
        type: dict
  max_age:
    description:
      - Age from which on a key is too old, such as V(90d).
      - When omitted, age is not checked.
    type: str
  path:
    description:
      - Path of the secret of one participant below the mount, with C({name}) in it.
      - When omitted, V(jws_key/{name}).
    type: str
  private_key_file:
    description:
      - Where the private key is found, below O(directory), with C({name}) in it. For O(custody=files).
    type: str
    default: "{name}.key"
  public_key_file:
    description:
      - Where its public key is found, below O(directory), with C({name}) in it. For O(custody=files).
      - When omitted, it has no file beside the private key.
    type: str
requirements:
  - Python library C(cryptography) 36.0.0 or newer on the host that runs the module
seealso:
  - module: trustmesh.security.jws_key
"""

EXAMPLES = r"""
- name: Check the keys of two participants
  trustmesh.security.jws_key_info:
    url: https://vault.example.com:8200
    mount: secret
    participants:
      - name: hub
      - name: perffsp-1
  register: keys

- name: Fail when a key is missing, weak, shared or not what verifiers have
  ansible.builtin.assert:
    that: keys.ok
    fail_msg: "{{ findings | map(attribute='problem') | list }}"
  vars:
    findings: "{{ keys.results | map(attribute='findings') | flatten + keys.others }}"

- name: Check keys in files, a trust directory and an adapter
  trustmesh.security.jws_key_info:
    custody: files
    directory: /etc/mojaloop/jws
    max_age: 90d
    publish:
      - kind: directory
        path: /etc/mojaloop/{audience}/jwsVerificationKeys
    participants:
      - name: perffsp-1
        adapter:
          DFSP_ID: perffsp-1
          JWS_SIGN_PUT_PARTIES: "true"
          VALIDATE_INBOUND_PUT_PARTIES_JWS: "true"
          JWS_SIGNING_KEY_PATH: /etc/mojaloop/jws/perffsp-1.key
          JWS_VERIFICATION_KEYS_DIRECTORY: /etc/mojaloop/perffsp-1/jwsVerificationKeys
      - name: partner
        kept: false
"""

RETURN = r"""
results:
  description: One entry per participant, in the order of O(participants).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the participant.
      returned: always
      type: str
      sample: perffsp-1
    ok:
      description: Whether nothing is wrong.
      returned: always
      type: bool
    findings:
      description: What is wrong.
      returned: always
      type: list
      elements: dict
      contains: &finding
        check:
          description: What was looked for.
          returned: always
          type: str
          choices:
            - missing
            - mismatched
            - shared
            - weak
            - wrong_encoding
            - not_a_key
            - exposed
            - wrong_name
            - undeclared
            - aged
            - pending
            - setting
          sample: mismatched
        verdict:
          description: V(fail) for what fails or may be abused now, V(warn) for what has to be seen to.
          returned: always
          type: str
          choices: [fail, warn]
        participant:
          description: Whose key it is.
          returned: always
          type: str
          sample: perffsp-1
        where:
          description: Where it was found, or which setting it is.
          returned: always
          type: str
          sample: directory /etc/mojaloop/hub/jwsVerificationKeys
        problem:
          description: What is wrong.
          returned: always
          type: str
          sample: has another key of perffsp-1 than custody
        remedy:
          description: What to do.
          returned: always
          type: str
    key:
      description: The key in use.
      returned: when there is one that messages can be signed with
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
          description: When it was made, in UTC; null if that is not known.
          returned: always
          type: str
          sample: "2026-11-21T14:00:00Z"
        age_days:
          description: Its age in whole days; null if that is not known.
          returned: always
          type: int
          sample: 12
others:
  description: Findings about participants that are not declared.
  returned: always
  type: list
  elements: dict
  contains: *finding
ok:
  description: Whether there are no findings at all.
  returned: always
  type: bool
summary:
  description: Number of participants, and of findings by check.
  returned: always
  type: dict
  sample: {participants: 9, mismatched: 1}
"""

import contextlib
import typing as t

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import InvalidInput
from ..module_utils._core.module import inform_module
from ..module_utils._core.normal import duration
from ..module_utils._core.spec import Params, Spec
from ..module_utils._keyring.jws_declaration import FIELDS, KIND, PATH_OPTIONS
from ..module_utils._keyring.jws_findings import Wanted
from ..module_utils._keyring.jws_survey import survey
from ..module_utils._keyring.names import checked_name
from ..module_utils._keyring.options import CUSTODY_OPTIONS, PUBLISH_OPTIONS, custody, targets
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.kv_custody import KvStores

_PARTICIPANT: t.Final = {
    "name": {"type": "str", "required": True},
    "kept": {"type": "bool", "default": True},
    "adapter": {"type": "dict"},
}
SPEC = VAULT + Spec(
    {
        **CUSTODY_OPTIONS,
        **PATH_OPTIONS,
        **PUBLISH_OPTIONS,
        "max_age": {"type": "str"},
        "participants": {"type": "list", "elements": "dict", "required": True, "options": _PARTICIPANT},
    },
    requires=(CRYPTOGRAPHY,),
)


def gather(params: Params, stack: contextlib.ExitStack) -> t.Mapping[str, t.Any]:
    """Return facts and findings of all participants."""
    stores = KvStores(lambda: connect(params, stack))
    people = params["participants"]
    names = [checked_name(person["name"]) for person in people]
    try:
        max_age = None if params["max_age"] is None else duration(params["max_age"])
    except ValueError as error:
        raise InvalidInput(str(error), field="max_age") from None
    wanted = Wanted(
        [person["name"] for person in people if person["kept"]],
        [person["name"] for person in people if not person["kept"]],
        max_age,
    )
    adapters = {person["name"]: person["adapter"] for person in people if person["adapter"] is not None}
    places = targets(params, names, stores)
    return survey(custody(params, KIND, FIELDS, stores), places, wanted, adapters, system_clock())


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
