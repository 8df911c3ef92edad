# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Whether a holder still has the private half of a key; apart from the port, so that secrets need no cryptography."""

from __future__ import annotations

import typing as t

from .._jose.errors import JoseError
from .._jose.keys import load_public, same_pair
from .holder import HANDLE, Holder
from .record import KeyMaterial


def lost(holder: t.Optional[Holder], material: KeyMaterial) -> t.Sequence[str]:
    """Return a sentence when a holder does not have the private half of a key that is left to it."""
    handle = material.facts.get(HANDLE)
    if holder is None or not isinstance(handle, str):
        return ()
    public = holder.public_pem(handle)
    if public is None:
        return (f"{holder.identity} has no key {handle} any more",)
    return () if _same(public, material.public) else (f"{holder.identity} has another key under {handle}",)


def _same(public: str, recorded: t.Optional[str]) -> bool:
    """Tell whether two texts are one public key, whatever its spelling; a damaged record is another one."""
    try:
        return recorded is not None and same_pair(load_public(public), load_public(recorded))
    except JoseError:
        return False
