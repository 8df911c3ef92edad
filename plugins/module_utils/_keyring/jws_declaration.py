# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""From module options to the signing keys of participants."""

from __future__ import annotations

import datetime
import os
import typing as t
from collections.abc import Mapping

from .._core.errors import InvalidInput
from .._core.files import read_found
from .._core.resource import ON_MISMATCH, Resource
from .._core.spec import STATE, Options
from .holder import Holder
from .jws import ALGORITHMS, EC_WARNING, PRIVATE, JwsKey, JwsSpec, TrustedKey
from .keyring import Keyring
from .names import checked_name
from .options import FileField, Stores
from .record import Document, spell_instant
from .resource import Source, Terms
from .rotation import ROTATION_OPTIONS, Rotation

KIND: t.Final = "jws_key"
FIELDS: t.Final = (
    FileField(PRIVATE, "private_key_file", secret=True),
    FileField("public_key", "public_key_file", secret=False),
)
PATH_OPTIONS: t.Final[Options] = {
    "private_key_file": {"type": "str", "default": "{name}.key", "no_log": False},
    "public_key_file": {"type": "str", "no_log": False},
}
_ADOPT: t.Final[Options] = {
    "file": {"type": "str"},
    "mount": {"type": "str"},
    "path": {"type": "str"},
    "key": {"type": "str", "default": PRIVATE, "no_log": False},
}
_COMMON: t.Final[dict[str, Mapping[str, t.Any]]] = {
    "algorithm": {"type": "str", "choices": list(ALGORITHMS), "default": ALGORITHMS[0]},
    "bits": {"type": "int", "default": 2048},
    **{name: option for name, option in ROTATION_OPTIONS.items() if name != "overlap"},
    **ON_MISMATCH,
    "adopt": {"type": "dict", "options": _ADOPT, "required_together": [("mount", "path")]},
}
ITEM_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    "public_key": {"type": "str", "no_log": False},
    **STATE,
    **_COMMON,
}
SHARED: t.Final = tuple(_COMMON)


def declared(
    item: Mapping[str, t.Any], keyring: Keyring, stores: Stores, holder: t.Optional[Holder] = None
) -> Resource[t.Any]:
    """Build one participant's key; raises :class:`InvalidInput` naming the option."""
    name = checked_name(item["name"])
    spec = JwsSpec.declared(item["algorithm"], item["bits"])
    rotation = Rotation.declared(item)
    if item["state"] == "absent":
        return JwsKey(name, keyring, None, spec, holder)
    if item["public_key"] is not None:
        return TrustedKey(name, keyring, item["public_key"])
    if holder is not None and item["adopt"] is not None:
        raise InvalidInput(
            f"cannot be together with holder: {holder.identity} makes its keys itself",
            field="adopt",
            remedy="Leave one of them out.",
        )
    return JwsKey(name, keyring, Terms(rotation, item["on_mismatch"], _source(item, stores)), spec, holder)


def general_warnings(resources: t.Iterable[Resource[t.Any]]) -> list[str]:
    """Return what deserves attention about the declaration as a whole; said once, for there may be a thousand keys."""
    makes_ec = any(
        isinstance(one, JwsKey) and one.terms is not None and one.spec.algorithm == "ES256" for one in resources
    )
    return [EC_WARNING] if makes_ec else []


def refuse_lookalikes(names: t.Iterable[str]) -> None:
    """Refuse names that differ in case alone: both are files of one directory, and verifiers compare exactly."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise InvalidInput(
                f"{other} and {name} differ in upper and lower case alone",
                field="name",
                remedy="A verifier compares FSP ids exactly; keep the one that FSPIOP-Source carries.",
            )


def _source(item: Mapping[str, t.Any], stores: Stores) -> t.Optional[Source]:
    adopt = item["adopt"]
    if adopt is None:
        return None
    if (adopt["file"] is None) == (adopt["mount"] is None):
        raise InvalidInput("takes a file, or mount and path", field="adopt", remedy="Give one of them.")
    if adopt["file"] is not None:
        path = os.path.abspath(os.path.expanduser(adopt["file"].replace("{name}", item["name"])))
        return lambda: _from_file(path)
    custody = stores.custody(adopt["mount"], adopt["path"] if "{name}" in adopt["path"] else adopt["path"] + "{name}")
    name = item["name"] if "{name}" in adopt["path"] else ""

    def from_vault() -> Document:
        held = custody.read(name)
        text = held[0].get(adopt["key"]) if held else None
        if not isinstance(text, str):
            raise _nothing_to_adopt(f"{custody.place(name)} has no {adopt['key']}")
        return {PRIVATE: text}

    return from_vault


def _from_file(path: str) -> Document:
    found = read_found(path)
    if found is None:
        raise _nothing_to_adopt(f"{path} does not exist")
    written = datetime.datetime.fromtimestamp(int(found.status.st_mtime), datetime.timezone.utc)
    return {PRIVATE: found.content.decode("utf-8", "replace"), "created": spell_instant(written)}


def _nothing_to_adopt(problem: str) -> InvalidInput:
    return InvalidInput(problem, field="adopt", remedy="Correct it, or leave adopt out to make a new key.")
