# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that keep keys; the spec is `_keyring.options`, `.remainder` and `.rotation`."""

    DOCUMENTATION = r"""
options:
  custody:
    description:
      - Where secret parts are kept. V(kv) is a secret per owner in a key-value engine of Vault or OpenBao, V(files) are
        files of the host that runs the module.
    type: str
    choices: [kv, files]
    default: kv
  mount:
    description:
      - Path of the key-value engine, version 1 or 2. Needed for O(custody=kv).
      - Version 2 is written with check-and-set, so that nothing that others wrote meanwhile is lost.
    type: str
  path:
    description:
      - Path of the secret of one owner below the mount, with C({name}) in it.
      - When omitted, the name of the module, a slash and C({name}).
    type: str
  directory:
    description:
      - Directory of the files. Needed for O(custody=files).
      - The records are kept below it in a hidden directory, the published files are links to the key in use.
    type: path
  owner:
    description:
      - Owner of the files.
      - When omitted, the user that runs the module.
    type: str
  group:
    description:
      - Group of the files.
      - When omitted, the group of that user.
    type: str
  mode:
    description:
      - Mode of public files.
    type: str
    default: "0644"
  key_mode:
    description:
      - Mode of secret files. One that is open to everybody is refused.
    type: str
    default: "0600"
"""

    PRUNE = r"""
options:
  prune_custody:
    description:
      - Whether owners that custody has and the task does not name are removed, as if they were declared with
        C(state=absent). Their public parts are taken back, then their keys and secrets are removed with all versions,
        also from a holder. They cannot be restored.
      - When V(false), nothing of them is touched, and RV(undeclared) names them.
      - An owner is named by any item, and by the options C(keep) and C(audiences) of a place of publication. A task
        without an item that is to be present is refused. What this module did not make is left alone, with a warning.
      - With O(custody=kv) the path has to end in C(/{name}), and the token needs C(list) on its folder, which is
        C(<mount>/metadata/<folder>) in version 2 of the engine. Without that right RV(undeclared) is V(null), and
        V(true) fails before anything is changed.
    type: bool
    default: false
  prune_custody_limit:
    description:
      - How many owners O(prune_custody) may remove at once. When there are more, the task fails and removes none of
        them, because the declaration may be incomplete.
    type: int
    default: 10
"""

    PUBLISH = r"""
options:
  publish:
    description:
      - The places where public parts go. All of them have a new key before it is used.
      - When omitted, nothing is published.
    type: list
    elements: dict
    suboptions:
      kind:
        description:
          - V(directory) is a directory with one file per owner, V(kv) a secret with one key per owner, V(mcm) a
            Mojaloop connection manager, whose reply has to say that the key is valid.
        type: str
        choices: [directory, kv, mcm]
        required: true
      path:
        description:
          - The directory, or the path of the secret below O(publish[].mount).
          - A path of a secret that ends in C(/{name}) stands for a secret per owner, with the text under C(public_key).
            OpenBao takes about five hundred owners in one secret, HashiCorp Vault ten thousand, and each no more than
            its storage.
          - With C({audience}) in it there is one such place for every name of O(publish[].audiences), which gets the
            keys of all others and not its own.
        type: str
      mount:
        description:
          - Path of the key-value engine. Needed for O(publish[].kind=kv).
        type: str
      url:
        description:
          - Address of the API of the connection manager. Needed for O(publish[].kind=mcm).
        type: str
      hub:
        description:
          - Owner whose key is that of the hub, for O(publish[].kind=mcm).
          - When omitted, every owner is a participant.
        type: str
      token:
        description:
          - Bearer token for the connection manager.
          - When omitted, none is sent.
        type: str
      ca_cert:
        description:
          - PEM file of the CA that signed the certificate of the connection manager.
          - When omitted, those that the host trusts.
        type: path
      timeout:
        description:
          - Seconds after which a request to the connection manager fails.
        type: int
        default: 30
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
      audiences:
        description:
          - Names that C({audience}) stands for.
          - When omitted, all owners that are declared present.
        type: list
        elements: str
      prune:
        description:
          - Whether entries of undeclared owners are removed.
        type: bool
        default: false
      keep:
        description:
          - Names that O(publish[].prune) leaves alone.
          - When omitted, there are none.
        type: list
        elements: str
"""

    ROTATION = r"""
options:
  max_age:
    description:
      - Age after which a key is replaced, such as V(90d).
      - When omitted, age is no reason.
    type: str
  not_before:
    description:
      - Instant with its offset from UTC, such as V(2026-11-21T14:00:00Z). A key made before it is replaced, once it has
        come. A key made since is left alone, so that the same declaration can run again and again.
      - When omitted, no instant is a reason.
    type: str
  lead:
    description:
      - How long a new key is published before it is used. A run after that takes it into use.
    type: str
    default: "0"
  keep_previous:
    description:
      - How long a replaced key stays in custody.
    type: str
    default: 7d
  on_mismatch:
    description:
      - What to do about a key that is not as declared, such as one of another algorithm. V(fail) leaves it alone,
        V(replace) rotates it.
    type: str
    choices: [fail, replace]
    default: fail
"""

    OVERLAP = r"""
options:
  overlap:
    description:
      - How long a replaced key stays published, and so valid, after another took its place.
    type: str
    default: "0"
"""
