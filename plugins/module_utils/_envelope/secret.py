# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Sealed values as objects: each is a record under a name, wherever records are kept."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput, PolicyRefusal
from .._core.plan import ABSENT, NO_PLAN, UNWANTED, Action, Change, Plan, Step
from .._core.redact import Secret
from .._core.resource import ON_MISMATCH, Resource
from .._core.spec import STATE, Options, Params
from .envelope import open_record, seal_value
from .errors import EnvelopeError
from .provider import KeyProvider
from .record import Form, Record

Fields = t.Mapping[str, t.Any]


class RecordStore(t.Protocol):
    """Where records are kept by name."""

    @property
    def identity(self) -> str:
        """What messages call it."""

    def read(self, name: str) -> t.Optional[Fields]:
        """Return the fields of a record, or ``None`` when there is none."""

    def write(self, name: str, fields: Fields, before: t.Optional[Fields]) -> None:
        """Write a record; raises when it is not what it was ``before``."""

    def remove(self, name: str) -> None:
        """Remove a record."""


@dataclass(frozen=True)
class Held:
    """A record that is there: its value, or why it does not open."""

    fields: Fields
    value: t.Optional[Secret]
    flaw: t.Optional[str] = None


class SealedSecret(Resource[Held]):
    """One value under its name. A record whose value is the declared one stays, whatever its bytes."""

    kind = "envelope_secret"
    noun = "secret"

    def __init__(self, store: RecordStore, provider: KeyProvider, form: Form, item: Params) -> None:
        super().__init__(item["name"], None)
        self._store = store
        self._provider = provider
        self._form = form
        self._value = None if item["state"] == "absent" or item["value"] is None else Secret(item["value"])
        self._absent = item["state"] == "absent"
        self._aad = item["name"].encode() if item["bind_name"] else b""
        self._on_mismatch = item["on_mismatch"]
        if not item["name"]:
            raise InvalidInput("is empty", field="name")

    @property
    def identity(self) -> str:
        return f"{self.kind} {self._store.identity} {self.name}"

    def read(self) -> Held | None:
        fields = self._store.read(self.name)
        if fields is None:
            return None
        try:
            plaintext = open_record(self._provider, Record.parsed(fields, self._form), self._aad)
            return Held(fields, Secret(plaintext.decode()))
        except EnvelopeError as error:
            return Held(fields, None, f"{error.field or 'record'} {error.problem}")
        except UnicodeDecodeError:
            return Held(fields, None, "the value is not text in UTF-8")

    def plan(self, current: Held | None, now: datetime.datetime) -> Plan:
        if self._absent:
            removal = Change("value", current.value if current else None, None, UNWANTED)
            return Plan(Action.DELETE, (removal,), (Step("remove", self.name),)) if current else NO_PLAN
        if current is None:
            if self._value is None:
                raise InvalidInput("is not there, and no value is declared", field="value", remedy="Give the value.")
            return self._sealing(Action.CREATE, None, ABSENT, None)
        if current.flaw is not None:
            if self._on_mismatch == "fail" or self._value is None:
                raise PolicyRefusal(
                    f"the record of {self.name} does not open: {current.flaw}",
                    field="on_mismatch",
                    remedy="Give the master key that sealed it, or seal the value again with on_mismatch: replace.",
                )
            return self._sealing(Action.REPLACE, None, current.flaw, current)
        if self._value is None or self._value == current.value:
            return NO_PLAN
        return self._sealing(Action.UPDATE, current.value, "value differs", current)

    def _sealing(self, action: Action, before: Secret | None, reason: str, current: Held | None) -> Plan:
        change = Change("value", before, self._value, reason)
        return Plan(action, (change,), (Step("seal", self.name, current.fields if current else None),))

    def apply(self, plan: Plan) -> None:
        (step,) = plan.steps
        if step.verb == "remove" or self._value is None:
            self._store.remove(self.name)
            return
        record = seal_value(self._provider, self._value.reveal().encode(), self._form, self._aad)
        self._store.write(self.name, record.written(self._form), step.body)

    def describe(self, current: Held | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        algorithm = str(current.fields.get("algorithm"))
        return {"opens": current.flaw is None, "algorithm": algorithm, "wrapped_by": self._provider.identity}


SECRET: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    "value": {"type": "str", "no_log": True},
    "bind_name": {"type": "bool", "default": True},
    **ON_MISMATCH,
    **STATE,
}
