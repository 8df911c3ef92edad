# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The API keys of one client: the plaintext in the client's custody, the digests in what its service reads."""

from __future__ import annotations

import datetime
import json
import re
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .._core.errors import InvalidInput, PolicyRefusal, certain
from .._core.foreign import Unreadable, parse_object
from .._core.normal import duration, instant, spell_duration
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH
from .._core.spec import STATE, Options
from . import api_key
from .keyring import Keyring
from .names import checked_name
from .options import FileField
from .record import Generation, KeyMaterial, Record, Shape, spell_instant
from .resource import Holding, KeyResource, Terms
from .rotation import ROTATION_OPTIONS, Rotation

SHAPE: t.Final = Shape(("api_key",), "record")
USAGE: t.Final[Mapping[str, t.Any]] = {"last_used_at": None, "use_count": 0}
_PERMISSION: t.Final = re.compile(r"[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.*-]+)*")

KIND: t.Final = "api_key"
FIELDS: t.Final = (FileField("api_key", "key_file", secret=True),)
PATH_OPTIONS: t.Final[Options] = {"key_file": {"type": "str", "default": "{name}/api.key", "no_log": False}}
_COMMON: t.Final[dict[str, Mapping[str, t.Any]]] = {
    "prefix": {"type": "str", "default": "tm_live_"},
    "bits": {"type": "int", "default": api_key.LEAST_BITS},
    "lifetime": {"type": "str"},
    **ROTATION_OPTIONS,
    "overlap": {"type": "str", "default": "24h"},
    **ON_MISMATCH,
}
ITEM_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    "permissions": {"type": "list", "elements": "str"},
    **STATE,
    **_COMMON,
}
SHARED: t.Final = tuple(_COMMON)


@dataclass(frozen=True)
class Wanted:
    """What is declared about the keys of a client; ``lifetime`` in seconds."""

    prefix: str
    bits: int
    permissions: tuple[str, ...]
    lifetime: int | None
    pepper: Secret | None

    @classmethod
    def declared(cls, item: Mapping[str, t.Any], pepper: Secret | None) -> Wanted:
        """Build from an item of the module; raises :class:`InvalidInput`."""
        permissions = tuple(sorted(set(item["permissions"] or ())))
        for permission in permissions:
            if not _PERMISSION.fullmatch(permission):
                raise InvalidInput(
                    f"{permission!r} is not a permission", field="permissions", remedy="Write it like trust:query."
                )
        if not api_key.LEAST_BITS <= item["bits"] <= api_key.MOST_BITS:
            raise InvalidInput(
                f"{item['bits']} is out of range",
                field="bits",
                remedy=f"Use {api_key.LEAST_BITS} to {api_key.MOST_BITS}.",
            )
        return cls(api_key.checked_prefix(item["prefix"]), item["bits"], permissions, _life(item), pepper)


def declared_rotation(item: Mapping[str, t.Any], lifetime: int | None) -> Rotation:
    """Return the policy; a key that ends is replaced early enough that the overlap fits into its life."""
    policy = Rotation.declared(item)
    if lifetime is None:
        return policy
    latest = lifetime - policy.lead - policy.overlap
    max_age = latest if policy.max_age is None else policy.max_age
    if not policy.lead < max_age <= latest:
        raise InvalidInput(
            f"a key that lives {spell_duration(lifetime)} would end before the next one took its place: max_age, lead "
            "and overlap together are longer",
            field="lifetime",
            remedy="Lengthen it, or shorten the others.",
        )
    return replace(policy, max_age=max_age)


class ApiKeyResource(KeyResource):
    """The keys of one client."""

    kind = KIND
    noun = "key"
    marks = frozenset({"key_id"})

    def __init__(self, name: str, keyring: Keyring, terms: Terms | None, wanted: Wanted | None) -> None:
        super().__init__(name, keyring, terms)
        self._wanted = wanted
        #: What the service noted about each key, by its id; the service writes that, and it outlives our writing.
        self._usage: dict[str, dict[str, t.Any]] = {}

    @classmethod
    def declared(cls, item: Mapping[str, t.Any], keyring: Keyring, pepper: Secret | None) -> ApiKeyResource:
        """Build from an item of the module; raises :class:`InvalidInput`."""
        name = checked_name(item["name"])
        if item["state"] == "absent":
            return cls(name, keyring, None, None)
        wanted = Wanted.declared(item, pepper)
        terms = Terms(declared_rotation(item, wanted.lifetime), item["on_mismatch"])
        return cls(name, keyring, terms, wanted)

    @property
    def wanted(self) -> Wanted:
        """What is declared; only asked of a client that shall have a key."""
        return certain(self._wanted)

    def read(self) -> Holding | None:
        held = super().read()
        self._usage = {}
        for text in held.published.values() if held is not None else ():
            for entry in _entries(text):
                name, noted = str(entry.get("id")), _noted(entry)
                self._usage[name] = max(self._usage.get(name, noted), noted, key=_uses)
        return held

    def generate(self) -> KeyMaterial:
        key = api_key.generate(self.wanted.prefix, self.wanted.bits)
        return self._material(key)

    def adopt(self, document: Mapping[str, t.Any]) -> KeyMaterial:
        text = document.get("api_key")
        if not isinstance(text, str) or api_key.parse(text) is None:
            raise PolicyRefusal(
                f"{self.keyring.custody.place(self.name)} holds something that is not a key of this form",
                field="on_mismatch",
                remedy="Move it away, or set on_mismatch to replace, which keeps it where the engine keeps versions.",
            )
        return self._material(Secret(text))

    def settle(self, material: KeyMaterial) -> KeyMaterial:
        return self._material(Secret(_text(material)))

    def mismatches(self, material: KeyMaterial) -> t.Sequence[str]:
        parts = api_key.parse(_text(material))
        if parts is None:
            return ["the key is damaged: its checksum does not fit"]
        found = []
        if parts.prefix != self.wanted.prefix:
            found.append(f"prefix is {parts.prefix}, declared {self.wanted.prefix}")
        if parts.bits < self.wanted.bits:
            found.append(f"the key has {parts.bits} random bits, declared {self.wanted.bits}")
        return found

    def public_text(self, record: Record, now: datetime.datetime) -> str | None:
        entries = [self._entry(generation, status) for generation, status in self._valid(record, now)]
        document = {"client": self.name, "permissions": list(self.wanted.permissions), "keys": entries}
        return json.dumps(document, indent=1, sort_keys=True) + "\n"

    def same_text(self, held: str | None, wanted: str | None) -> bool:
        """Tell whether a published record is in order, whatever the service noted in it."""
        return held == wanted or (held is not None and wanted is not None and _bare(held) == _bare(wanted))

    def describe(self, current: Holding | None) -> dict[str, t.Any]:
        facts = super().describe(current)
        if facts and self._wanted is not None and current is not None and current.record is not None:
            ends = self._ends(current.record.current)
            facts.update(
                permissions=list(self.wanted.permissions), expires=None if ends is None else spell_instant(ends)
            )
            facts.update(self._usage.get(facts["key_id"], USAGE))
        return facts

    def _material(self, key: Secret) -> KeyMaterial:
        return KeyMaterial({"api_key": key}, None, {"key_id": api_key.key_id(key.reveal())})

    def _valid(self, record: Record, now: datetime.datetime) -> Iterator[tuple[Generation, str]]:
        """Yield the keys that the service accepts, and what they are to the client."""
        yield record.current, "current"
        if record.next is not None:
            yield record.next, "next"
        for generation in record.previous:
            until = self._ends(generation)
            if until is not None and until > now:
                yield generation, "previous"

    def _ends(self, generation: Generation) -> datetime.datetime | None:
        """Return when a key is no longer accepted: at the end of its life, or of the overlap with its successor."""
        ends = []
        if self.wanted.lifetime is not None:
            ends.append(generation.created + datetime.timedelta(seconds=self.wanted.lifetime))
        if self.terms is not None:
            ends += filter(None, [self.terms.rotation.published_until(generation)])
        return min(ends) if ends else None

    def _entry(self, generation: Generation, status: str) -> dict[str, t.Any]:
        key = _text(generation.material)
        algorithm, value = api_key.digest(key, self.wanted.pepper)
        name, ends, parts = api_key.key_id(key), self._ends(generation), api_key.parse(key)
        return {
            "id": name,
            "status": status,
            "prefix": parts and parts.prefix,
            "hash_algorithm": algorithm,
            "hash": value,
            "created": spell_instant(generation.created),
            "expires": None if ends is None else spell_instant(ends),
            **self._usage.get(name, USAGE),
        }


def _text(material: KeyMaterial) -> str:
    key = material.secrets.get("api_key")
    return "" if key is None else key.reveal()


def _entries(text: str | None) -> list[dict[str, t.Any]]:
    """Return the keys of a published record, none for a text that is no such record."""
    try:
        entries = parse_object(text or "{}").get("keys")
        return [entry for entry in entries or () if isinstance(entry, dict)]
    except (TypeError, Unreadable):
        return []


def _bare(text: str) -> t.Any:
    """Return a published record without what the service notes in it."""
    try:
        document = parse_object(text)
        for entry in document["keys"]:
            for name in USAGE:
                entry.pop(name, None)
        return document
    except (AttributeError, KeyError, TypeError, Unreadable):
        return text


def _noted(entry: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a service noted of a key, as far as it is a count and an instant."""
    count, last = entry.get("use_count"), entry.get("last_used_at")
    try:
        last = spell_instant(instant(last)) if isinstance(last, str) else None
    except ValueError:
        last = None
    counted = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    return {"last_used_at": last, "use_count": count if counted else 0}


def _uses(noted: Mapping[str, t.Any]) -> tuple[int, str]:
    return noted["use_count"], noted["last_used_at"] or ""


def _life(item: Mapping[str, t.Any]) -> int | None:
    if item["lifetime"] is None:
        return None
    try:
        return duration(item["lifetime"])
    except ValueError as error:
        raise InvalidInput(str(error), field="lifetime") from None
