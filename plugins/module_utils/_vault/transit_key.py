# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Keys of a transit engine (``transit/keys``): their type, their limits, and the age of their newest version."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, replace

from .._core.address import at, route, word
from .._core.errors import InvalidInput, PolicyRefusal, certain
from .._core.kinds import BOOLEAN, INTEGER, SECONDS, TEXT
from .._core.normal import duration, instant, spell_duration
from .._core.plan import Action, Change, Plan, Step
from .._core.reconcile import Batch
from .._core.resource import ON_MISMATCH
from .._core.sections import Each, Section
from .._core.spec import STATE, Options
from .._core.state import Field, State, managed
from .answer import Fields
from .errors import VaultError
from .port import Data, Vault
from .resource import VaultResource, overtaken, vault_batch

_TYPES: t.Final = (
    "aes128-gcm96",
    "aes256-gcm96",
    "chacha20-poly1305",
    "xchacha20-poly1305",
    "ed25519",
    "ecdsa-p256",
    "ecdsa-p384",
    "ecdsa-p521",
    "rsa-2048",
    "rsa-3072",
    "rsa-4096",
    "hmac",
)
# What creating takes; the rest is configured afterwards.
_AT_CREATION: t.Final = frozenset(
    {"type", "derived", "convergent_encryption", "exportable", "allow_plaintext_backup", "auto_rotate_period"}
)
# What the server says when it is asked to make a key that is there, which it leaves as it is.
_EXISTED: t.Final = "already existed"
# What can be given to a key, and never be taken from it again.
_ONE_WAY: t.Final = frozenset({"exportable", "allow_plaintext_backup"})
# What has no time has the year 1, or the first second of 1970.
_NO_YEAR: t.Final = 1970
# By how many seconds clocks may differ; nothing is due by less.
_SKEW: t.Final = 3600


@dataclass(frozen=True)
class TransitKeyState(State):
    """A key. Durations are seconds, 0 meaning never; a version of 0 sets no limit."""

    type: Field[str] = managed(TEXT.choices(*_TYPES), replace=True)
    derived: Field[bool] = managed(BOOLEAN, replace=True, server_default=False)
    convergent_encryption: Field[bool] = managed(BOOLEAN, replace=True, server_default=False)
    exportable: Field[bool] = managed(BOOLEAN, server_default=False)
    allow_plaintext_backup: Field[bool] = managed(BOOLEAN, server_default=False)
    deletion_allowed: Field[bool] = managed(BOOLEAN, server_default=False)
    auto_rotate_period: Field[int] = managed(SECONDS, server_default=0)
    min_decryption_version: Field[int] = managed(INTEGER, server_default=1)
    min_encryption_version: Field[int] = managed(INTEGER, server_default=0)
    #: Number of the newest version, and when it was made.
    latest_version: int = 0
    made_at: t.Optional[datetime.datetime] = None
    #: Of a key that signs, the public half of the newest version in PEM, or in base64 for Ed25519.
    public_key: t.Optional[str] = None

    @classmethod
    def of(cls, data: Data) -> TransitKeyState:
        """Build from the server's answer."""
        held = Fields.of(data, "the key")
        latest = held.number("latest_version")
        made_at, about = _newest(held.mapping("keys"), str(latest))
        return cls.observed(
            data,
            latest_version=latest,
            made_at=made_at,
            public_key=about.text_or("public_key") or None,
        )


@dataclass(frozen=True)
class Rotation:
    """When a new version is due: at an age, or when the newest was made before an instant."""

    max_age: t.Optional[int] = None
    not_before: t.Optional[datetime.datetime] = None

    @classmethod
    def declared(cls, item: t.Mapping[str, t.Any]) -> Rotation:
        """Build from an item of the module; raises :class:`InvalidInput`."""
        try:
            max_age = None if item["max_age"] is None else duration(item["max_age"])
        except ValueError as error:
            raise InvalidInput(str(error), field="max_age") from None
        if max_age is not None and max_age < _SKEW:
            raise InvalidInput(f"{item['max_age']} is less than an hour", field="max_age", remedy="Give 1h or more.")
        try:
            not_before = None if item["not_before"] is None else instant(item["not_before"])
        except ValueError as error:
            raise InvalidInput(str(error), field="not_before") from None
        return cls(max_age, not_before)

    def due(self, state: TransitKeyState, now: datetime.datetime) -> str | None:
        """Say why a new version is due, if it is."""
        made_at = certain(state.made_at)
        age = int((now - made_at).total_seconds())
        if age < -_SKEW and (self.max_age is not None or self.not_before is not None):
            raise VaultError(
                f"version {state.latest_version} was made at {made_at.isoformat()}, which is still to come here",
                field="clock",
                remedy="Set the clocks of this host and of the server.",
            )
        if self.max_age is not None and age >= self.max_age:
            return (
                f"version {state.latest_version} is {spell_duration(age)} old, declared {spell_duration(self.max_age)}"
            )
        if self.not_before is not None and made_at < self.not_before <= now:
            return f"version {state.latest_version} was made before {self.not_before.isoformat()}"
        return None


class TransitKeyResource(VaultResource[TransitKeyState]):
    """One key of an engine."""

    kind = "vault_transit_key"
    noun = "key"

    def __init__(
        self, vault: Vault, mount: str, name: str, desired: TransitKeyState | None, rotation: Rotation, *, give_up: bool
    ) -> None:
        super().__init__(vault, name, desired)
        self._mount = mount
        self._rotation = rotation
        self._give_up = give_up

    @classmethod
    def declared(cls, vault: Vault, item: t.Mapping[str, t.Any]) -> TransitKeyResource:
        """Build from an item of the module."""
        desired = None if item["state"] == "absent" else TransitKeyState.declared(item)
        if desired is not None and desired.convergent_encryption is True and desired.derived is not True:
            raise InvalidInput("needs derived", field="convergent_encryption", remedy="Set derived to true as well.")
        mount, name = route(item["mount"], "mount"), word(item["name"])
        consent = bool(item["deletion_allowed"])
        resource = cls(vault, mount, name, desired, Rotation.declared(item), give_up=consent)
        resource.on_mismatch = item["on_mismatch"]
        return resource

    @property
    def path(self) -> str:
        return at(self._mount, "keys", self.name)

    @property
    def identity(self) -> str:
        return f"{self.kind} {self._mount}/keys/{self.name}"

    def read(self) -> TransitKeyState | None:
        data = self.lookup(self.path)
        return None if data is None else TransitKeyState.of(data)

    def plan(self, current: TransitKeyState | None, now: datetime.datetime) -> Plan:
        plan = super().plan(current, now)
        if current is None or self.desired is None or plan.action is Action.REPLACE:
            return plan
        reason = self._rotation.due(current, now)
        if reason is None:
            return plan
        change = Change("latest_version", current.latest_version, current.latest_version + 1, reason)
        # A limit may name the version that is made here.
        rotate = Step("rotate", at(self.path, "rotate"), current.latest_version)
        return replace(plan, action=Action.UPDATE, changes=(change, *plan.changes), steps=(rotate, *plan.steps))

    def refine(self, plan: Plan, current: TransitKeyState | None) -> Plan:
        """What a key was once allowed cannot be taken from it; only another key is without it."""
        taken = [change for change in plan.changes if change.path in _ONE_WAY and change.before is True]
        if plan.action is Action.UPDATE and taken:
            return replace(plan, action=Action.REPLACE)
        if plan.action is Action.DELETE and not self._give_up:
            raise PolicyRefusal(
                "everything that this key wrapped would be lost with it",
                field="deletion_allowed",
                remedy="Set deletion_allowed to true beside state: absent if that is meant.",
            )
        return plan

    def steps(self, plan: Plan, current: TransitKeyState | None) -> t.Iterable[Step]:
        if plan.action in (Action.DELETE, Action.REPLACE):
            if certain(current).deletion_allowed is not True:
                yield Step("write", at(self.path, "config"), {"deletion_allowed": True})
            yield Step("delete", self.path)
        if self.desired is None:
            return
        changed = plan.changed_fields
        if plan.action is not Action.UPDATE:
            yield Step("write", self.path, self.desired.wire(only=_AT_CREATION))
            changed = frozenset(self.desired.managed_values()) - _AT_CREATION
        body = self.desired.wire(only=changed)
        if body:
            yield Step("write", at(self.path, "config"), body)

    def apply(self, plan: Plan) -> None:
        if not [step for step in plan.steps if self._changes(step)]:
            raise overtaken(self.path)

    def _changes(self, step: Step) -> bool:
        """Carry out one step, and tell whether it changed or may have changed anything."""
        if step.verb == "rotate":
            # Two runs that find the same version too old make one new version between them.
            held = self.vault.read_or_nothing(self.path)
            if held.number("latest_version") != step.body:
                return False
            self.vault.write(step.target, once=True)
        elif step.target == self.path and step.verb == "write":
            made = self.vault.write(step.target, step.body, declared=(_EXISTED,))
            return made.repeated or not any(_EXISTED in text for text in made.warnings)
        else:
            self.send(step)
        return True

    def describe(self, current: TransitKeyState | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        made_at = current.made_at.isoformat() if current.made_at else None
        public = {} if current.public_key is None else {"public_key": current.public_key}
        return {**current.shown(), "latest_version": current.latest_version, "made_at": made_at, **public}


def _newest(versions: Fields, number: str) -> tuple[datetime.datetime, Fields]:
    """Return when a version was made, and what else is told of it: of a key that does not sign the time is all.

    Raises :class:`NotVault` for a time that no server can mean: by it the version would never be due, or always.
    """
    about, field = versions, number
    if isinstance(versions[number], dict):
        about, field = versions.mapping(number), "creation_time"
    made_at = about.instant(field)
    if made_at.year <= _NO_YEAR:
        raise about.wrong(field, "is not an instant")
    return made_at, about


def _gather(vault: Vault, each: Each) -> Batch:
    return vault_batch(vault, each(lambda item: TransitKeyResource.declared(vault, item)))


_ROTATION: t.Final[Options] = {"max_age": {"type": "str"}, "not_before": {"type": "str"}}

TRANSIT_KEYS: t.Final = Section(
    "keys",
    {
        "name": {"type": "str", "required": True},
        "mount": {"type": "str", "default": "transit"},
        **TransitKeyState.options(),
        **_ROTATION,
        **ON_MISMATCH,
        **STATE,
    },
    _gather,
    shared=("mount",),
    constraints={"required_if": [("state", "present", ("type",))]},
)
