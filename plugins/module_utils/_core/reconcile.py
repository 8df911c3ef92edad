# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Reconcile: read, plan, apply, prove. The only place that knows check mode.

A batch goes through the phases together: every item is read and planned before the first one is changed, so that bad
input stops a run that has done nothing yet, and so that reads and writes can share connections and threads.
"""

from __future__ import annotations

import contextlib
import datetime
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

from .at_once import at_once
from .attributes import unforeseen
from .clock import Clock
from .errors import InvalidInput, NotConverged, Overtaken, PolicyRefusal, TrustmeshError
from .examining import real_path
from .leftovers import remove_leftovers
from .locks import hold
from .own_files import refuse_shared_files
from .places import Identity, directory, identity_of
from .plan import NO_PLAN, Action, Plan
from .reading import status
from .resource import Resource
from .unannounced import ANNOUNCEMENT, Unannounced


class Transaction(t.Protocol):
    """Something that the items of a batch share and that takes effect after all of them were applied."""

    def commit(self) -> t.Mapping[str, TrustmeshError]:
        """Make it so; return the failures by the identity of the item they concern."""


@dataclass
class Batch:
    """Resources to reconcile in one go.

    ``workers`` is the number of threads for reading and, unless ``ordered``, for applying. In an ordered batch an item
    may depend on those before it, so that after a failure the rest is not attempted. What is read from this host's own
    files is best read by one thread (``reads_here``): a few calls of microseconds each are slower in eight threads that
    pass the interpreter to and fro than in one.
    """

    resources: t.Sequence[Resource[t.Any]]
    workers: int = 1
    reads_here: bool = False
    ordered: bool = False
    transaction: Transaction | None = None
    warnings: list[str] = field(default_factory=list)
    #: Where several kinds are declared in one call, the option that holds these.
    section: str | None = None
    #: What the module returns beside the results.
    returned: dict[str, t.Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """What happened, or in check mode would happen, to one item."""

    resource: Resource[t.Any]
    plan: Plan = NO_PLAN
    facts: dict[str, t.Any] = field(default_factory=dict)
    error: TrustmeshError | None = None
    #: Whether writing began; of an item that failed, whether that changed something, as a second look at it shows.
    applied: bool = False
    section: str | None = None
    #: Whether a run that failed has changed the item, and whether that is all that the plan tells.
    unheard: bool = field(init=False)
    announced: bool = False
    #: The directory whose lock is held for it, by the name under which this run knows it.
    store: str | None = None

    @property
    def due(self) -> bool:
        """Whether something has to be done."""
        return bool(self.plan) and not self.announced

    @property
    def place(self) -> tuple[str | None, str]:
        """The store of the item and its identity."""
        return self.store or self.resource.lock_directory, self.resource.identity

    @property
    def changed(self) -> bool:
        """Whether the item was, or in check mode would be, changed; a failed item only if something of it was."""
        return bool(self.plan) and (self.error is None or self.applied)

    @property
    def action(self) -> Action:
        """What was, or in check mode would be, done: nothing where nothing changed, whatever was planned."""
        return self.plan.action if self.changed else Action.NONE

    def result(self) -> dict[str, t.Any]:
        """Return the item of a module's ``results``."""
        result: dict[str, t.Any] = {
            "item": self.resource.name,
            "changed": self.changed,
            "action": self.action.value,
            "reasons": self.plan.reasons,
            "warnings": list(self.plan.warnings),
        }
        if self.section is not None:
            result["section"] = self.section
        if self.facts:
            result[self.resource.noun] = self.facts
        if self.error is not None:
            result.update(failed=True, msg=str(self.error))
            if isinstance(self.error, PolicyRefusal):
                result["refused"] = True
        return result


def summarise(outcomes: t.Sequence[Outcome]) -> dict[str, int]:
    """Count the outcomes by what was done, and the failures.

    What failed is never counted as ``none``, which stands for "as declared"; what failed after it had changed something
    counts as that action as well.
    """
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    counts = Counter(outcome.action for outcome in outcomes if outcome.error is None or outcome.changed)
    return {**{action.value: counts[action] for action in Action}, "failed": len(failed)}


def reconcile_in_turn(batches: t.Sequence[Batch], *, check_mode: bool, clock: Clock) -> list[Outcome]:
    """Reconcile batches one after the other; what follows a failed one may depend on it and is only planned."""
    _refuse_duplicates([resource for batch in batches for resource in batch.resources])
    outcomes: list[Outcome] = []
    for batch in batches:
        broken = next((outcome for outcome in outcomes if outcome.error is not None), None)
        outcomes += _reconcile(batch, check_mode=check_mode, clock=clock, broken=broken)
    return outcomes


def reconcile(batch: Batch, *, check_mode: bool, clock: Clock) -> list[Outcome]:
    """Make every resource of ``batch`` true and prove it; in check mode stop after planning."""
    return reconcile_in_turn([batch], check_mode=check_mode, clock=clock)


def _reconcile(batch: Batch, *, check_mode: bool, clock: Clock, broken: Outcome | None) -> list[Outcome]:
    """Reconcile one batch; ``broken`` is what failed before and keeps it from being attempted."""
    outcomes = [Outcome(resource, section=batch.section) for resource in batch.resources]
    with contextlib.ExitStack() as stack:
        readers = 1 if batch.reads_here else batch.workers
        if check_mode:
            _look(outcomes, readers, clock(), Unannounced.seen(outcome.place[0] for outcome in outcomes))
            return outcomes
        notes = Unannounced(_hold_stores(outcomes, stack))
        _sweep({path for outcome in outcomes for path in outcome.resource.workplaces})
        _look(outcomes, readers, clock(), notes)
        due = [outcome for outcome in outcomes if outcome.due and outcome.error is None]
        if due:
            notes.add(outcome.place for outcome in due)
            _apply(batch, outcomes, due, broken)
            now = clock()
            at_once(lambda outcome: _settle(outcome, now), due, readers)
        # Of a task that fails, Ansible notifies no handler.
        fails = broken is not None or any(outcome.error is not None for outcome in outcomes)
        notes.strike(each.place for each in outcomes if not fails or not (each.changed or each.unheard))
    return outcomes


def _look(outcomes: t.Sequence[Outcome], readers: int, now: datetime.datetime, notes: Unannounced) -> None:
    """Read every item, then plan every item; what is as declared by a run that failed counts as changed."""
    states = at_once(_guarded(_read), outcomes, readers)
    for outcome, state in zip(outcomes, states):
        _guarded(_plan)(outcome, state, now)
        outcome.unheard = notes.holds(*outcome.place)
        if outcome.unheard and not outcome.plan and outcome.error is None:
            outcome.plan = replace(ANNOUNCEMENT, warnings=outcome.plan.warnings)
            outcome.announced = True


def _hold_stores(outcomes: t.Sequence[Outcome], stack: contextlib.ExitStack) -> dict[str, int]:
    """Let no other run work in the same stores until the batch is proved; without a lock an item is not attempted.

    A store that is reached by several names is held once, and in an order that does not depend on these.
    """
    locks: dict[str, int] = {}
    names: dict[Identity | None, str] = {}
    by_store: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.resource.lock_directory is not None:
            by_store.setdefault(outcome.resource.lock_directory, []).append(outcome)
    for store in sorted(by_store, key=real_path):
        concerned = by_store[store]
        try:
            name = names.get(_identity(store))
            if name is None:
                make = any(each.resource.makes_lock_directory for each in concerned)
                locks.update(stack.enter_context(hold([store], make=make)))
                name = store
                if store in locks:
                    names[_identity(store)] = store
            for outcome in concerned:
                outcome.store = name
        except TrustmeshError as error:
            for outcome in concerned:
                outcome.error = error
    return locks


def _identity(store: str) -> Identity | None:
    found = status(store, follow=True)
    return None if found is None else identity_of(found)


def _sweep(directories: t.Iterable[str]) -> None:
    """Remove what killed runs have left unfinished; it has no name that anything reads, so that nothing changes."""
    for path in directories:
        with contextlib.suppress(OSError, TrustmeshError):
            remove_leftovers(directory(path))


def _refuse_duplicates(resources: t.Sequence[Resource[t.Any]]) -> None:
    repeated = [name for name, count in Counter(resource.identity for resource in resources).items() if count > 1]
    if repeated:
        raise InvalidInput(f"declared more than once: {', '.join(repeated)}", remedy="Keep one declaration of each.")
    refuse_shared_files(resources)


def _guarded(phase: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Let a failure end its item alone, even a defect: the others' results must reach the user, and the handlers."""

    def run(outcome: Outcome, *arguments: t.Any) -> t.Any:
        if outcome.error is not None:
            return None
        try:
            return phase(outcome, *arguments)
        except TrustmeshError as error:
            outcome.error = error
        except Exception as error:  # pylint: disable=broad-except
            outcome.error = unforeseen(error)
        return None

    return run


def _read(outcome: Outcome) -> t.Any:
    return outcome.resource.read()


def _plan(outcome: Outcome, state: t.Any, now: datetime.datetime) -> None:
    outcome.plan = outcome.resource.plan(state, now)
    outcome.facts = outcome.resource.describe(state)


def _apply(batch: Batch, outcomes: t.Sequence[Outcome], due: t.Sequence[Outcome], broken: Outcome | None) -> None:
    if batch.ordered or broken is not None:
        _apply_in_order(outcomes, broken)
    else:
        at_once(_guarded(_carry_out), due, batch.workers)
    if batch.transaction is not None:
        failures = _commit(batch.transaction, due)
        for outcome in due:
            outcome.error = outcome.error or failures.get(outcome.resource.identity)


def _commit(transaction: Transaction, due: t.Sequence[Outcome]) -> t.Mapping[str, TrustmeshError]:
    """Commit; an exception concerns every item, since none can be told to have taken effect."""
    try:
        return transaction.commit()
    except TrustmeshError as error:
        failure = error
    except Exception as error:  # pylint: disable=broad-except
        failure = unforeseen(error)
    return {outcome.resource.identity: failure for outcome in due}


def _apply_in_order(outcomes: t.Sequence[Outcome], broken: Outcome | None) -> None:
    """Apply one after the other; what follows a failure may depend on it and is left alone."""
    for outcome in outcomes:
        if broken is not None and outcome.due:
            outcome.error = outcome.error or TrustmeshError(
                f"not attempted, because {broken.resource.identity} failed", remedy="Mend that one and run again."
            )
        elif outcome.due:
            _guarded(_carry_out)(outcome)
        if broken is None and outcome.error is not None and not isinstance(outcome.error, Overtaken):
            broken = outcome


def _carry_out(outcome: Outcome) -> None:
    outcome.applied = True
    outcome.resource.apply(outcome.plan)


def _settle(outcome: Outcome, now: datetime.datetime) -> None:
    """Prove what was applied; of what failed while it was applied, learn whether that changed anything."""
    if not outcome.applied:
        return
    failure, outcome.error = outcome.error, None
    _guarded(_prove)(outcome, now)
    if isinstance(failure, Overtaken):
        # What changed since the first look is the work of others.
        outcome.applied = False
        if outcome.error is None:
            outcome.plan = replace(NO_PLAN, warnings=outcome.plan.warnings)
            return
    outcome.error = failure or outcome.error


def _prove(outcome: Outcome, now: datetime.datetime) -> None:
    """Read and plan again. When that itself fails, the item counts as changed, because it may have been."""
    state = outcome.resource.read()
    outcome.facts = outcome.resource.describe(state)
    leftover = outcome.resource.plan(state, now)
    outcome.applied = _found(leftover) != _found(outcome.plan)
    if leftover:
        raise NotConverged(
            f"still differs after applying: {'; '.join(leftover.reasons)}",
            remedy="Something else changes it, or the server does not keep what it accepts; see the named fields.",
        )


def _found(plan: Plan) -> tuple[Action, list[tuple[str, t.Any]]]:
    """What a plan says about the state it was made for: equal when nothing changed in between."""
    return plan.action, [(change.path, change.before) for change in plan.changes]
