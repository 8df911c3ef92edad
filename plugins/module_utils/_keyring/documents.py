# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What modules have in common that publish a document per owner: key sets of issuers, records of clients."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .._core.spec import Options
from .options import TARGET_OPTIONS, Stores, targets
from .publisher import Target

SUFFIX: t.Final = ".json"
_KINDS: t.Final = ["directory", "kv"]
_ABOUT_BOTH: t.Final = ("path", "mount", "owner", "group", "mode", "prune", "keep")
DOCUMENT_OPTIONS: t.Final[Options] = {
    "publish": {
        "type": "list",
        "elements": "dict",
        "options": {
            "kind": {**TARGET_OPTIONS["kind"], "choices": _KINDS},
            **{name: {**TARGET_OPTIONS[name], "required": name == "path"} for name in _ABOUT_BOTH},
        },
    }
}


def document_targets(
    params: Mapping[str, t.Any], names: Sequence[str], stores: Stores, unpublished: t.Collection[str] = ()
) -> list[Target]:
    """Return the declared targets; ``unpublished`` are owners that have nothing to publish."""
    without = frozenset(unpublished)
    return [
        replace(target, without=target.without | without) for target in targets(params, names, stores, suffix=SUFFIX)
    ]
