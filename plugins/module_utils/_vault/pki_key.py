# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Types and sizes of keys in the words of the PKI engine."""

from __future__ import annotations

import typing as t

from .._core.errors import InvalidInput
from .._core.state import UNMANAGED, Field

#: Sizes that mean something, by type of key. The first is what 0 stands for; a type without one takes no size at all.
KEY_BITS: t.Final[t.Mapping[str, tuple[int, ...]]] = {
    "rsa": (2048, 3072, 4096, 8192),
    "ec": (256, 224, 384, 521),
    "ed25519": (0,),
    "mldsa": (44, 65, 87),
    "any": (0,),
}


def settled_bits(bits: Field[int], key_type: Field[str]) -> Field[int]:
    """Return a declared size as the server will give it back: what it fills in for 0 depends on the type of key.

    Raises :class:`InvalidInput` for a size that means nothing for the type.
    """
    if not isinstance(bits, int):
        return bits
    if not isinstance(key_type, str):
        return bits or UNMANAGED
    sizes = KEY_BITS[key_type]
    if bits and bits not in sizes:
        raise InvalidInput(
            f"{bits} means nothing for keys of type {key_type}",
            field="key_bits",
            remedy=f"Use {', '.join(str(size) for size in sorted(sizes))}." if sizes[0] else "Leave it out.",
        )
    return bits or sizes[0]
