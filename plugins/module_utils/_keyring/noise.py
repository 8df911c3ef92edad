# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Static keys of peers that speak Noise: X25519 (RFC 7748), the secret half in custody, the public one for the others.

In the pattern IK who calls has to know the static key of who answers, and who answers looks up that of who calls. A
directory with the public keys of the others is both: the address book and the list of who is let in. Source: The Noise
Protocol Framework, revision 34, 7.5.

Both halves are 64 hexadecimal digits, which programs read without a parser, and which the rules that scrub logs hide.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from .._core.errors import PolicyRefusal
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH
from .._core.spec import STATE, Options
from .keyring import Keyring
from .names import checked_name
from .options import FileField
from .record import KeyMaterial, Shape
from .resource import KeyResource, Terms
from .rotation import ROTATION_OPTIONS, Rotation

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
except ImportError:  # reported through Spec.requires before any of this is called
    pass

PRIVATE: t.Final = "private_key"
SHAPE: t.Final = Shape((PRIVATE,))
SUFFIX: t.Final = ".pub"
KIND: t.Final = "noise_key"
FIELDS: t.Final = (
    FileField(PRIVATE, "private_key_file", secret=True),
    FileField("public_key", "public_key_file", secret=False),
)
PATH_OPTIONS: t.Final[Options] = {
    "private_key_file": {"type": "str", "default": "{name}/noise.key", "no_log": False},
    "public_key_file": {"type": "str", "default": "{name}/noise.pub", "no_log": False},
}
_COMMON: t.Final[dict[str, Mapping[str, t.Any]]] = {
    **{name: option for name, option in ROTATION_OPTIONS.items() if name != "overlap"},
    **ON_MISMATCH,
}
ITEM_OPTIONS: t.Final[Options] = {"name": {"type": "str", "required": True}, **STATE, **_COMMON}
SHARED: t.Final = tuple(_COMMON)
_HEX: t.Final = re.compile(r"[0-9a-f]{64}")


class NoiseKey(KeyResource):
    """The static key of one peer."""

    kind = KIND
    noun = "key"

    @classmethod
    def declared(cls, item: Mapping[str, t.Any], keyring: Keyring) -> NoiseKey:
        """Build from an item of the module; raises :class:`InvalidInput`."""
        name = checked_name(item["name"])
        rotation = Rotation.declared(item)
        return cls(name, keyring, None if item["state"] == "absent" else Terms(rotation, item["on_mismatch"]))

    def generate(self) -> KeyMaterial:
        return _material(X25519PrivateKey.generate())

    def adopt(self, document: Mapping[str, t.Any]) -> KeyMaterial:
        text = document.get(PRIVATE)
        if not isinstance(text, str) or not _HEX.fullmatch(text.strip().lower()):
            raise PolicyRefusal(
                f"what is at {self.keyring.custody.place(self.name)} has no {PRIVATE} of 64 hexadecimal digits",
                field="on_mismatch",
                remedy="Move it away, or set on_mismatch to replace, which makes a new key there.",
            )
        return _material(X25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip())))

    def settle(self, material: KeyMaterial) -> KeyMaterial:
        text = material.secrets[PRIVATE].reveal() if PRIVATE in material.secrets else ""
        if not _HEX.fullmatch(text):
            raise PolicyRefusal(
                f"the private key kept at {self.keyring.custody.place(self.name)} is unusable",
                field=PRIVATE,
                remedy="Restore it, or remove the record, so that a new key is made.",
            )
        settled = _material(X25519PrivateKey.from_private_bytes(bytes.fromhex(text)))
        return KeyMaterial(settled.secrets, settled.public, material.facts)

    def facts(self, material: KeyMaterial) -> dict[str, t.Any]:
        return {"public_key": material.public}


def _material(private: X25519PrivateKey) -> KeyMaterial:
    raw = private.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return KeyMaterial({PRIVATE: Secret(raw.hex())}, public.hex())
