# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets of participants for conditions and fulfilments. They have no public part and are published nowhere."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Mapping

from .._core.errors import InvalidInput, PolicyRefusal
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH
from .._core.spec import STATE, Options
from .._ilp.errors import IlpError
from .._ilp.secret import LEAST_OCTETS, check, generate
from .keyring import Keyring
from .names import checked_name
from .options import FileField
from .record import Document, KeyMaterial, Shape
from .resource import KeyResource, Terms
from .rotation import ROTATION_OPTIONS, Rotation

KIND: t.Final = "ilp_secret"
SECRET: t.Final = "secret"
SHAPE: t.Final = Shape((SECRET,), public=None)
FIELDS: t.Final = (FileField(SECRET, "secret_file", secret=True),)
PATH_OPTIONS: t.Final[Options] = {"secret_file": {"type": "str", "default": "{name}/ilp.secret", "no_log": False}}
#: The names under which others keep it: ours first, then that of the environment of the scheme adapter.
_FOREIGN: t.Final = (SECRET, "ILP_SECRET", "ilp_secret")
_COMMON: t.Final[dict[str, Mapping[str, t.Any]]] = {
    "bytes": {"type": "int", "default": LEAST_OCTETS},
    **{name: ROTATION_OPTIONS[name] for name in ("max_age", "not_before", "keep_previous")},
    **ON_MISMATCH,
}
ITEM_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    "adopt": {"type": "str", "no_log": True},
    **STATE,
    **_COMMON,
}
SHARED: t.Final = tuple(_COMMON)


class IlpSecret(KeyResource):
    """The secret of one participant, of ``octets`` random octets."""

    kind = KIND
    noun = "secret"
    marks = frozenset({"bytes", "adopted"})

    def __init__(self, name: str, keyring: Keyring, terms: t.Optional[Terms], octets: int) -> None:
        super().__init__(name, keyring, terms)
        self.octets = octets

    @classmethod
    def declared(cls, item: Mapping[str, t.Any], keyring: Keyring) -> IlpSecret:
        """Build from an item of the module; raises :class:`InvalidInput`."""
        name, octets, adopted = checked_name(item["name"]), item["bytes"], item["adopt"]
        if octets < LEAST_OCTETS:
            raise InvalidInput(f"{octets} is too short", field="bytes", remedy=f"Use {LEAST_OCTETS} or more.")
        rotation = Rotation.declared(item)
        if item["state"] == "absent":
            return cls(name, keyring, None, octets)
        if adopted is None:
            return cls(name, keyring, Terms(rotation, item["on_mismatch"]), octets)
        _refuse_weak(adopted)

        def source() -> Document:
            return {SECRET: adopted}

        return cls(name, keyring, Terms(rotation, item["on_mismatch"], source), octets)

    def generate(self) -> KeyMaterial:
        return KeyMaterial({SECRET: Secret(generate(self.octets))}, facts={"bytes": self.octets, "adopted": False})

    def adopt(self, document: Mapping[str, t.Any]) -> KeyMaterial:
        found = next((document[name] for name in _FOREIGN if isinstance(document.get(name), str)), None)
        if found is None:
            raise PolicyRefusal(
                f"what is at {self.keyring.custody.place(self.name)} has none of {', '.join(_FOREIGN)}",
                field="on_mismatch",
                remedy="Move it away, or set on_mismatch to replace, which makes a new secret there.",
            )
        # Of a file, where the end of the line belongs to the file.
        text = found.rstrip("\r\n")
        try:
            check(text)
        except IlpError as error:
            raise PolicyRefusal(
                f"the secret that is there cannot be adopted: it {error.problem}",
                field="on_mismatch",
                remedy="Set on_mismatch to replace, which makes a new one, and give that to all who use the old.",
            ) from None
        return KeyMaterial({SECRET: Secret(text)}, facts={"bytes": None, "adopted": True})

    def mismatches(self, material: KeyMaterial) -> t.Sequence[str]:
        held = material.secrets.get(SECRET)
        try:
            check(held.reveal() if held is not None else "")
        except IlpError as error:
            return [f"the secret {error.problem}"]
        octets = material.facts.get("bytes")
        if isinstance(octets, int) and octets < self.octets:
            return [f"the secret has {octets} random bytes, declared {self.octets}"]
        return []

    def facts(self, material: KeyMaterial) -> dict[str, t.Any]:
        return {"bytes": material.facts.get("bytes"), "adopted": bool(material.facts.get("adopted"))}


def _refuse_weak(secret: str) -> None:
    try:
        check(secret)
    except IlpError as error:
        raise InvalidInput(error.problem, field="adopt", remedy=error.remedy) from None


def refuse_shared(items: t.Iterable[Mapping[str, t.Any]]) -> None:
    """Refuse a secret that two participants would share: each could fulfil what only the other agreed to."""
    seen: dict[bytes, str] = {}
    for item in items:
        if item["adopt"] is None:
            continue
        other = seen.setdefault(hashlib.sha256(item["adopt"].encode("utf-8", "surrogatepass")).digest(), item["name"])
        if other != item["name"]:
            raise InvalidInput(
                f"{other} and {item['name']} would share a secret, so that each could fulfil for the other",
                field="adopt",
                remedy="Leave one of them out, so that a new secret is made, and give that to who uses it.",
            )
