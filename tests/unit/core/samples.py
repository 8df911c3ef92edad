# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small states and resources that use every feature of the core, for its own tests.

`Store` is the world they live in. It tests the engine and nothing else: what a real server does is tested on one.
"""

from __future__ import annotations

import datetime
import threading
import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from plugins.module_utils._core.clock import Clock, system_clock
from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._core.kinds import (
    BOOLEAN,
    INTEGER,
    LINES,
    MAPPING,
    NAMES,
    NETWORKS,
    ORDERED,
    PEM,
    SECONDS,
    SECRET,
    SET,
    TEXT,
)
from plugins.module_utils._core.plan import NO_PLAN, Action, Change, Plan, Step
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.resource import Composite, StateResource
from plugins.module_utils._core.state import Field, State, managed

Object = dict[str, t.Any]


@dataclass(frozen=True)
class Sample(State):
    """One field of every sort."""

    title: Field[str] = managed(TEXT)
    active: Field[bool] = managed(BOOLEAN)
    count: Field[int] = managed(INTEGER)
    ttl: Field[int] = managed(SECONDS, server_default=2764800, wire_name="lease_seconds")
    route: Field[tuple[str, ...]] = managed(ORDERED)
    tags: Field[frozenset[str]] = managed(SET, server_default=())
    hosts: Field[frozenset[str]] = managed(NAMES)
    networks: Field[frozenset[str]] = managed(NETWORKS)
    rules: Field[str] = managed(LINES)
    chain: Field[str] = managed(PEM)
    labels: Field[dict[str, str]] = managed(MAPPING)
    notes: Field[dict[str, str]] = managed(MAPPING, partial=True)
    engine: Field[str] = managed(TEXT, replace=True)
    password: Field[t.Any] = managed(SECRET)
    seed: Field[t.Any] = managed(SECRET, write_only=True)


class Store:
    """A thread-safe store of objects that keeps a log of what it was asked.

    ``ignores`` are fields it accepts and drops, ``broken`` maps (verb, path) to the error it answers with, ``hook`` is
    called first with every (verb, path).
    """

    def __init__(self, **objects: Object) -> None:
        self.objects = dict(objects)
        self.log: list[tuple[str, str]] = []
        self.ignores: set[str] = set()
        self.broken: dict[tuple[str, str], Exception] = {}
        self.hook: Callable[[str, str], None] = lambda verb, path: None
        self._lock = threading.Lock()

    @property
    def writes(self) -> list[tuple[str, str]]:
        """What changed something, in order."""
        return [entry for entry in self.log if entry[0] != "read"]

    def read(self, path: str) -> Object | None:
        """Return an object or None."""
        self._note("read", path)
        return self.objects.get(path)

    def write(self, path: str, body: Mapping[str, t.Any]) -> None:
        """Replace an object."""
        self._note("write", path)
        self.objects[path] = self._kept(body)

    def patch(self, path: str, body: Mapping[str, t.Any]) -> None:
        """Change some fields of an object."""
        self._note("patch", path)
        self.objects[path] = {**self.objects[path], **self._kept(body)}

    def delete(self, path: str) -> None:
        """Remove an object."""
        self._note("delete", path)
        self.objects.pop(path, None)

    def _kept(self, body: Mapping[str, t.Any]) -> Object:
        return {name: value for name, value in body.items() if name not in self.ignores}

    def _note(self, verb: str, path: str) -> None:
        self.hook(verb, path)
        with self._lock:
            self.log.append((verb, path))
        if (verb, path) in self.broken:
            raise self.broken[verb, path]


class SampleResource(StateResource[Sample]):
    """A sample in a store: written whole when new, patched when it differs, made anew when it must be."""

    kind = "sample"
    noun = "sample"

    def __init__(self, name: str, desired: Sample | None, store: Store | None = None) -> None:
        super().__init__(name, desired)
        self.store = store or Store()

    def read(self) -> Sample | None:
        held = self.store.read(self.name)
        return None if held is None else Sample.observed(held)

    def steps(self, plan: Plan, current: Sample | None) -> Iterable[Step]:
        if plan.action in (Action.DELETE, Action.REPLACE):
            yield Step("delete", self.name)
        if self.desired is not None and plan.action is Action.UPDATE:
            yield Step("patch", self.name, self.desired.wire(plan.changed_fields))
        elif self.desired is not None:
            yield Step("write", self.name, self.desired.wire())

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            arguments = () if step.verb == "delete" else (step.body,)
            getattr(self.store, step.verb)(step.target, *arguments)


@dataclass(frozen=True)
class Lease(State):
    """Something that runs out."""

    ends: Field[int] = managed(INTEGER)


class LeaseResource(StateResource[Lease]):
    """Something that is renewed within ``margin`` seconds of its end; the world writes the new end itself."""

    kind = "lease"
    noun = "lease"

    def __init__(self, name: str, desired: Lease | None, store: Store | None = None, *, margin: int = 3600) -> None:
        super().__init__(name, desired)
        self.store = store or Store()
        self.margin = margin
        self.asked_at: list[datetime.datetime] = []

    def read(self) -> Lease | None:
        held = self.store.read(self.name)
        return None if held is None else Lease.observed(held)

    def plan(self, current: Lease | None, now: datetime.datetime) -> Plan:
        self.asked_at.append(now)
        if self.desired is None or current is None:
            return super().plan(current, now)
        assert isinstance(current.ends, int)
        left = current.ends - int(now.timestamp())
        if left > self.margin:
            return Plan(warnings=("ends within two margins",)) if left < 2 * self.margin else NO_PLAN
        reason = f"ends in {left} seconds, the margin is {self.margin}"
        plan = Plan(Action.REPLACE, (Change("ends", current.ends, None, reason),))
        return plan.with_steps(self.steps(plan, current))

    def steps(self, plan: Plan, current: Lease | None) -> Iterable[Step]:
        return [Step("renew" if plan.action is Action.REPLACE else plan.action.value, self.name)]

    def apply(self, plan: Plan) -> None:
        self.store.write(self.name, {"ends": 10**10})


class Pair(Composite):
    """Two samples that belong together."""

    kind = "pair"
    noun = "pair"


class Staged:
    """A transaction that samples of a store hand their objects to; ``broken`` are the identities whose part fails."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.staged: list[tuple[str, str, Object]] = []
        self.commits = 0
        self.broken: dict[str, TrustmeshError] = {}

    def commit(self) -> dict[str, TrustmeshError]:
        """Make everything staged visible."""
        self.commits += 1
        for identity, path, body in self.staged:
            if identity not in self.broken:
                self.store.write(path, body)
        return dict(self.broken)


class StagedResource(SampleResource):
    """A sample whose writing takes effect with the batch's transaction."""

    def __init__(self, name: str, desired: Sample | None, staged: Staged) -> None:
        super().__init__(name, desired, staged.store)
        self.staged = staged

    def apply(self, plan: Plan) -> None:
        self.store.hook("stage", self.name)
        if ("stage", self.name) in self.store.broken:
            raise self.store.broken["stage", self.name]
        assert self.desired is not None
        self.staged.staged.append((self.identity, self.name, self.desired.wire()))


def sample(name: str, store: Store, **options: t.Any) -> SampleResource:
    """Declare a sample present, or with ``absent`` absent."""
    return SampleResource(name, None if options.get("absent") else Sample.declared(options), store)


def run(*resources: t.Any, check_mode: bool = False, clock: Clock = system_clock, **batch: t.Any) -> list[Outcome]:
    """Reconcile a batch of these."""
    return reconcile(Batch(resources, **batch), check_mode=check_mode, clock=clock)


def actions(outcomes: list[Outcome]) -> dict[str, str]:
    """Return the action of every item by its name."""
    return {outcome.resource.name: outcome.plan.action.value for outcome in outcomes}
