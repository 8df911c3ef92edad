# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets in a key-value engine, version 1 or 2 (``<mount>/data``, ``<mount>/metadata``).

Version 2 keeps every write as a new version, even of equal data, so that writing without comparing fills the history.
Writes carry the version they were decided on (check-and-set): what somebody else writes meanwhile is not lost.
"""

from __future__ import annotations

import json
import secrets
import string
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .._core.address import at, route
from .._core.errors import InvalidInput, NotConverged, Overtaken, certain
from .._core.kinds import BOOLEAN, INTEGER, PUBLIC_TEXTS, Kind
from .._core.normal import duration
from .._core.plan import Action, Change, Plan, Step, plan_state
from .._core.reconcile import Batch
from .._core.redact import Secret
from .._core.sections import Each, Section
from .._core.spec import STATE, Options
from .._core.state import UNMANAGED, Field, State, managed
from .answer import Fields
from .errors import NotVault, Rejected
from .kv_versions import KvVersions
from .port import Data, Vault
from .resource import VaultResource, vault_batch

_LARGEST_EXACT = 2**53
_UNGUARDED: t.Final = (
    "{}: version 1 of the engine cannot refuse a write, so that another run may replace what is generated now. Let"
    " one run at a time generate here, or use version 2."
)
_ATTEMPTS = 5
_SHORTEST = 8
CHARSETS: t.Final = {
    "alphanumeric": string.ascii_letters + string.digits,
    "hex": string.hexdigits[:16],
    "base64url": string.ascii_letters + string.digits + "-_",
    "printable": string.ascii_letters + string.digits + "!#%+,-./:=?@_~",
}
GENERATE: t.Final[Options] = {
    "key": {"type": "str", "required": True, "no_log": False},
    "length": {"type": "int", "default": 32},
    "charset": {"type": "str", "choices": list(CHARSETS), "default": "alphanumeric"},
}


def _sealed(value: t.Any) -> Secret:
    """Return a value of any type as one secret, and make the texts in it known, so that they are masked."""
    for text in _texts(value):
        Secret(text)
    return Secret(json.dumps(value, sort_keys=True))


def _texts(value: t.Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


def _exact(value: t.Any, path: str) -> None:
    """Raise for what the server would not give back as it got it."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _exact(entry, f"{path}.{key}")
    elif isinstance(value, list):
        for at, entry in enumerate(value):
            _exact(entry, f"{path}[{at}]")
    elif isinstance(value, int) and abs(value) > _LARGEST_EXACT:
        raise InvalidInput(
            "is a whole number beyond 2^53, which the server alters",
            field=path,
            remedy="Quote it, so that it is kept as a text.",
        )


# What is read back here was written by _sealed, in memory; no other's JSON comes this way.
DATA = Kind(
    lambda value: {str(key): _sealed(entry) for key, entry in value.items()},
    {"type": "dict", "no_log": True},
    lambda value: {key: json.loads(entry.reveal()) for key, entry in value.items()},
)
# The endpoint takes a text with a unit and answers with another one ("720h0m0s").
_SPELLED_SECONDS = Kind(duration, {"type": "str"}, lambda seconds: f"{seconds}s", numbers=True)


@dataclass(frozen=True)
class KvState(State):
    """A secret's live data and its metadata; data ``None`` means that its newest version is deleted."""

    data: Field[dict[str, Secret]] = managed(DATA, partial=True)
    max_versions: Field[int] = managed(INTEGER)
    cas_required: Field[bool] = managed(BOOLEAN)
    delete_version_after: Field[int] = managed(_SPELLED_SECONDS)
    custom_metadata: Field[dict[str, str]] = managed(PUBLIC_TEXTS, server_default={})
    #: The newest version, 0 before the first; version 1 of the engine has none.
    version: int = 0


_METADATA = ("max_versions", "cas_required", "delete_version_after", "custom_metadata")
_PARTS = ("data", *_METADATA)


@dataclass(frozen=True)
class KvTerms:
    """What is declared beside the state: keys to be generated, and what may be removed."""

    generate: tuple[tuple[str, int, str], ...]
    #: Whether keys that are not declared are removed.
    exclusive: bool
    #: Whether removing a secret destroys all its versions.
    destroy: bool

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> KvTerms:
        """Build from an item of the module."""
        wanted = tuple((entry["key"], entry["length"], entry["charset"]) for entry in item["generate"] or ())
        for key, length, _charset in wanted:
            if key in (item["data"] or {}):
                raise InvalidInput(f"{key} is declared in data too", field="generate", remedy="Keep one of them.")
            if length < _SHORTEST:
                raise InvalidInput(f"{length} characters can be guessed", field="generate", remedy="Use 8 or more.")
        return cls(wanted, item["other_keys"] == "remove", item["on_delete"] == "destroy")


class KvSecret(VaultResource[KvState]):
    """One secret."""

    kind = "vault_kv_secret"
    noun = "secret"

    def __init__(
        self, versions: KvVersions, vault: Vault, mount: str, path: str, desired: KvState | None, terms: KvTerms
    ) -> None:
        super().__init__(vault, f"{mount}/{path}", desired)
        self._versions = versions
        self._mount = mount
        self._path = path
        self._terms = terms

    @classmethod
    def declared(cls, vault: Vault, versions: KvVersions, item: Mapping[str, t.Any]) -> KvSecret:
        """Build from an item of the module."""
        _exact(item["data"] or {}, "data")
        terms = KvTerms.declared(item)
        desired = None if item["state"] == "absent" else KvState.declared(item)
        if desired is not None and desired.data is UNMANAGED and (terms.generate or terms.exclusive):
            desired = replace(desired, data={})
        return cls(versions, vault, route(item["mount"], "mount"), route(item["path"], "path"), desired, terms)

    @property
    def _versioned(self) -> bool:
        return self._versions.of(self._mount) == 2

    def _at(self, part: str) -> str:
        return at(self._mount, part, self._path) if self._versioned else at(self._mount, self._path)

    def read(self) -> KvState | None:
        if not self._versioned:
            self._refuse_metadata()
            data = self.lookup(self._at(""))
            return None if data is None else KvState(data=DATA.canonical(data))
        for _attempt in range(_ATTEMPTS):
            agreed, state = self._look()
            if agreed:
                return state
        raise self._contradiction("its metadata and its data contradict each other")

    def _look(self) -> tuple[bool, KvState | None]:
        """Return what is there, and whether the two answers that say so agree: others may write between them.

        What may be written over is decided by the answer about the data alone. That there is none is believed only if
        the metadata knows of no version either.
        """
        held = self.lookup(self._at("data"), self.vault.read_version)
        live = held is not None and held["data"] is not None
        if self.desired is None and not live and not self._terms.destroy:
            return True, None
        version = 0 if held is None else held.mapping("metadata").number("version")
        known = Fields.of({} if held is None else {**held.mapping("metadata"), "data": held["data"]}, self.name)
        if held is None or self._declared_metadata():
            about = self.lookup(self._at("metadata"))
            if about is None:
                return held is None, None
            if held is None and about.number("current_version"):
                return False, None
            known = Fields.of({**about, "data": known.get("data")}, about.place)
        return True, KvState.observed(known, version=version)

    def _contradiction(self, what: str) -> NotVault:
        return NotVault(
            f"{self.name} is not written: {what}",
            field="url",
            remedy="A proxy, a cache or another service may stand between here and the server.",
        )

    def _declared_metadata(self) -> list[str]:
        if self.desired is None:
            return []
        return [name for name in _METADATA if getattr(self.desired, name) is not UNMANAGED]

    def _refuse_metadata(self) -> None:
        if self._declared_metadata():
            raise InvalidInput(
                f"{self._mount} is version 1 of the engine and keeps no metadata",
                field=self._declared_metadata()[0],
                remedy="Upgrade it (trustmesh.security.vault_mount, engine_options.version 2) or remove the option.",
            )

    def refine(self, plan: Plan, current: KvState | None) -> Plan:
        """Add the keys to generate and the keys to remove, and say what the comparison cannot know."""
        if self.desired is None:
            return plan
        changes = [self._worded(change, current) for change in plan.changes]
        held = _data(current)
        changes += [
            Change(f"data.{key}", None, f"a generated text of {length} characters", f"data.{key} is unset")
            for key, length, _charset in self._terms.generate
            if key not in held
        ]
        changes += [Change(f"data.{key}", held[key], None, f"data.{key} is not declared") for key in self._extra(held)]
        if not changes:
            return plan
        refined = replace(plan, action=plan.action if plan else Action.UPDATE, changes=tuple(changes))
        if refined.changed_fields.isdisjoint(_PARTS):
            raise InvalidInput(
                "there is no such secret, and nothing is declared that would make one",
                field="data",
                remedy="Give data or generate, or a field of the metadata.",
            )
        if not self._versioned and any(entry[0] not in held for entry in self._terms.generate):
            return replace(refined, warnings=(*refined.warnings, _UNGUARDED.format(self.name)))
        return refined

    def _worded(self, change: Change, current: KvState | None) -> Change:
        if current is not None and change.path.startswith("data."):
            why = "the newest version is deleted" if current.data is None else f"{change.path} is unset"
            return replace(change, reason=why) if change.before is None else change
        return change

    def _extra(self, held: Mapping[str, Secret]) -> list[str]:
        if not self._terms.exclusive:
            return []
        wanted = {*_data(self.desired), *(key for key, _length, _charset in self._terms.generate)}
        return sorted(key for key in held if key not in wanted)

    def steps(self, plan: Plan, current: KvState | None) -> t.Iterable[Step]:
        if self.desired is None:
            yield Step("delete", self._at("metadata" if self._terms.destroy else "data"))
            return
        metadata = self.desired.wire(plan.changed_fields.intersection(_METADATA))
        if metadata:
            yield Step("write", self._at("metadata"), metadata)
        if "data" in plan.changed_fields:
            yield Step("put", self._at("data"), current)

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            if step.verb != "put":
                self.send(step)
            else:
                self._put(step, len(plan.steps) > 1)

    def _put(self, step: Step, wrote: bool) -> None:
        """Write what is held with our changes in it; after a write of others, look again and repeat.

        Version 1 of the engine cannot refuse to write over what appeared since the first look. So nothing is written
        there before two looks agree. Raises :class:`Overtaken` when others have written what is declared, and this run
        has not: neither before (``wrote``) nor in an attempt whose answer was lost.
        """
        current: KvState | None = step.body
        for _attempt in range(_ATTEMPTS):
            latest = current if self._versioned else self.read()
            if latest == current:
                refusal = self._refusal(step.target, current)
                if refusal is None:
                    return
                wrote = wrote or refusal.repeated
                latest = self.read()
                if _version(latest) == _version(current):
                    raise self._contradiction("the server refuses the version that it names as the newest")
            current = latest
            if "data" not in self.refine(plan_state(current, self.desired), current).changed_fields:
                if wrote:
                    return
                break
        raise (NotConverged if wrote else Overtaken)(
            f"others wrote {self.name} meanwhile", remedy="See who does, and run again."
        )

    def _refusal(self, target: str, current: KvState | None) -> Rejected | None:
        """Write over a state; return what the server says when it finds another one."""
        try:
            self.vault.write(target, self._body(current))
        except Rejected as error:
            if "check-and-set" not in str(error):
                raise
            return error
        return None

    def _body(self, current: KvState | None) -> Data:
        data = dict(_data(current))
        for key in self._extra(data):
            del data[key]
        data.update(_data(self.desired))
        for key, length, charset in self._terms.generate:
            if key not in data:
                data[key] = _sealed("".join(secrets.choice(CHARSETS[charset]) for _at in range(length)))
        wire: Data = DATA.wire(data)
        if not self._versioned:
            return wire
        return {"data": wire, "options": {"cas": _version(current)}}

    def describe(self, current: KvState | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        facts = {
            "mount": self._mount,
            "path": self._path,
            "key_names": sorted(_data(current)),
            "deleted": current.data is None,
        }
        if self._versioned:
            facts.update(version=current.version, custom_metadata=certain(current.custom_metadata))
            facts.update((name, getattr(current, name)) for name in self._declared_metadata())
        return facts


def _version(state: KvState | None) -> int:
    """Return the number of the newest version, which a write has to name; 0 means that there is none."""
    return 0 if state is None else state.version


def _data(state: KvState | None) -> dict[str, Secret]:
    """Return the live data of a state; nothing when there is none."""
    return state.data if state is not None and isinstance(state.data, dict) else {}


def _gather(vault: Vault, each: Each) -> Batch:
    versions = KvVersions(vault)
    return vault_batch(vault, each(lambda item: KvSecret.declared(vault, versions, item)))


SECRETS: t.Final = Section(
    "secrets",
    {
        "path": {"type": "str", "required": True},
        "mount": {"type": "str", "required": True},
        **KvState.options(),
        "generate": {"type": "list", "elements": "dict", "options": GENERATE},
        "other_keys": {"type": "str", "choices": ["keep", "remove"], "default": "keep", "no_log": False},
        "on_delete": {"type": "str", "choices": ["delete", "destroy"], "default": "delete"},
        **STATE,
    },
    _gather,
    key="path",
    shared=("mount",),
)
