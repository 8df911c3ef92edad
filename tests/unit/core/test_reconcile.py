# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile one batch: phases, check mode, proof, failures of single items, transactions, threads."""

from __future__ import annotations

import datetime
import threading
import typing as t

import pytest

from plugins.module_utils._core.clock import Clock, system_clock
from plugins.module_utils._core.errors import Defect, InvalidInput, NotConverged, TrustmeshError
from plugins.module_utils._core.plan import Plan
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile, summarise
from tests.unit.core.samples import (
    Lease,
    LeaseResource,
    Pair,
    Sample,
    SampleResource,
    Staged,
    StagedResource,
    Store,
)

DEADLINE = 10.0


def sample(name: str, store: Store, **options: t.Any) -> SampleResource:
    """Declare a sample present, or with ``absent`` absent."""
    return SampleResource(name, None if options.get("absent") else Sample.declared(options), store)


def run(*resources: t.Any, check_mode: bool = False, clock: Clock = system_clock, **batch: t.Any) -> list[Outcome]:
    return reconcile(Batch(resources, **batch), check_mode=check_mode, clock=clock)


def actions(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.resource.name: outcome.plan.action.value for outcome in outcomes}


# -- phases ------------------------------------------------------------------------------------------------------------


def test_reads_everything_before_it_writes_anything_and_reads_again_what_it_wrote() -> None:
    store = Store(kept={"title": "K"}, changed={"title": "old"}, gone={"title": "G"})

    outcomes = run(
        sample("new", store, title="N"),
        sample("kept", store, title="K"),
        sample("changed", store, title="C"),
        sample("gone", store, absent=True),
    )

    assert actions(outcomes) == {"new": "create", "kept": "none", "changed": "update", "gone": "delete"}
    assert [outcome.changed for outcome in outcomes] == [True, False, True, True]
    assert store.log[:4] == [("read", "new"), ("read", "kept"), ("read", "changed"), ("read", "gone")]
    assert store.log[4:7] == [("write", "new"), ("patch", "changed"), ("delete", "gone")]
    assert store.log[7:] == [("read", "new"), ("read", "changed"), ("read", "gone")]
    assert store.objects["changed"] == {"title": "C"}
    assert "gone" not in store.objects


def test_check_mode_reads_and_plans_and_writes_nothing() -> None:
    store = Store(changed={"title": "old"}, gone={"title": "G"})
    resources = [
        sample("new", store, title="N"),
        sample("changed", store, title="C"),
        sample("gone", store, absent=True),
    ]

    predicted = run(*resources, check_mode=True)

    assert store.writes == []
    assert store.log == [("read", "new"), ("read", "changed"), ("read", "gone")]
    assert store.objects == {"changed": {"title": "old"}, "gone": {"title": "G"}}
    applied = run(*resources)
    assert [outcome.plan for outcome in predicted] == [outcome.plan for outcome in applied], "it predicts what happens"
    assert [outcome.changed for outcome in predicted] == [outcome.changed for outcome in applied]


def test_check_mode_commits_no_transaction() -> None:
    store = Store()
    staged = Staged(store)

    run(StagedResource("a", Sample.declared({"title": "A"}), staged), check_mode=True, transaction=staged)

    assert (staged.commits, store.writes) == (0, [])


def test_a_second_run_has_nothing_to_do() -> None:
    store = Store()
    resource = sample("it", store, title="A", ttl="90d", tags=["b", "a"], password="pass phrase")
    run(resource)
    store.log.clear()

    outcomes = run(resource)

    assert actions(outcomes) == {"it": "none"}
    assert store.log == [("read", "it")], "one read: no write, and no proof of what was not changed"


def test_facts_are_of_now_in_check_mode_and_of_afterwards_else() -> None:
    store = Store(it={"title": "old", "password": "hunter22"})
    resource = sample("it", store, title="new")

    (predicted,) = run(resource, check_mode=True)
    (applied,) = run(resource)

    assert predicted.facts["title"] == "old"
    assert applied.facts["title"] == "new"
    assert "hunter22" not in str(predicted.result())


def test_every_item_of_a_phase_sees_the_same_instant() -> None:
    instants = iter(datetime.datetime(2026, 1, 1, hour, tzinfo=datetime.timezone.utc) for hour in range(24))
    store = Store()
    leases = [LeaseResource(f"lease-{number}", Lease.declared({}), store) for number in range(4)]

    run(*leases, clock=lambda: next(instants), workers=4)

    assert [[instant.hour for instant in lease.asked_at] for lease in leases] == [[0, 1]] * 4


def test_an_empty_batch_is_nothing() -> None:
    assert run() == []


# -- proof -------------------------------------------------------------------------------------------------------------


def test_what_does_not_stay_is_an_error_that_names_the_fields() -> None:
    store = Store()
    store.ignores = {"count", "tags"}

    (outcome,) = run(sample("it", store, title="A", count=3, tags=["x"]))

    assert isinstance(outcome.error, NotConverged)
    assert "count is unset, declared 3" in str(outcome.error)
    assert "tags lacks x" in str(outcome.error)
    assert "title" not in str(outcome.error)
    assert outcome.changed, "something was written"
    assert outcome.result()["failed"] is True
    assert outcome.facts["title"] == "A", "the facts are what is there now"


def test_proof_fails_the_item_it_concerns_alone() -> None:
    store = Store()
    store.ignores = {"count"}

    outcomes = run(sample("bad", store, count=3), sample("good", store, title="A"))

    assert [outcome.error is None for outcome in outcomes] == [False, True]


def test_proof_catches_a_deletion_that_did_not_happen() -> None:
    store = Store(it={"title": "A"})
    store.delete = lambda path: None  # type: ignore[method-assign]

    (outcome,) = run(sample("it", store, absent=True))

    assert "exists but is declared absent" in str(outcome.error)


def test_proof_catches_an_object_that_was_never_made() -> None:
    store = Store()
    store.write = lambda path, body: None  # type: ignore[method-assign]

    (outcome,) = run(sample("it", store, title="A"))

    assert isinstance(outcome.error, NotConverged)
    assert "does not exist" in str(outcome.error)


def test_a_secret_that_does_not_stay_is_not_quoted() -> None:
    store = Store()
    store.ignores = {"password"}

    (outcome,) = run(sample("it", store, password="correct horse battery"))

    assert "password differs" in str(outcome.error)
    assert "horse" not in str(outcome.result())


# -- failures of single items ------------------------------------------------------------------------------------------


def test_a_duplicate_stops_everything_before_the_first_request() -> None:
    store = Store()

    with pytest.raises(InvalidInput, match="declared more than once: sample twin") as failure:
        run(sample("twin", store, title="A"), sample("other", store), sample("twin", store, absent=True))

    assert "sample other" not in str(failure.value)
    assert store.log == []


def test_equal_names_of_different_kinds_are_no_duplicates() -> None:
    store = Store(it={"ends": 10**10, "title": "A"})

    outcomes = run(sample("it", store, title="A"), LeaseResource("it", Lease.declared({}), store))

    assert [outcome.error for outcome in outcomes] == [None, None]


@pytest.mark.parametrize("phase", ["read", "write"])
@pytest.mark.parametrize("error", [TrustmeshError("refused", field="x", remedy="Ask."), KeyError("surprise")])
def test_a_failing_item_leaves_the_others_alone(phase: str, error: Exception) -> None:
    store = Store()
    store.broken[phase, "bad"] = error

    outcomes = run(sample("a", store, title="A"), sample("bad", store, title="B"), sample("c", store, title="C"))

    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert {path for _verb, path in store.writes} - {"bad"} == {"a", "c"}
    assert set(store.objects) == {"a", "c"}
    assert [outcome.changed for outcome in outcomes] == [True, phase == "write", True]
    assert summarise(outcomes) == {"none": 0, "create": 2, "update": 0, "replace": 0, "delete": 0, "failed": 1}


def test_an_unforeseen_exception_is_a_defect_that_names_its_place_and_quotes_nothing() -> None:
    store = Store()
    store.broken["write", "it"] = KeyError("top secret value")

    (outcome,) = run(sample("it", store, title="A"))

    assert isinstance(outcome.error, Defect)
    assert "KeyError at module_utils/_core/reconcile.py:" in str(outcome.error)
    assert "top secret value" not in str(outcome.error)


def test_an_item_whose_plan_is_refused_is_not_applied() -> None:
    class Refusing(SampleResource):
        def plan(self, current: Sample | None, now: datetime.datetime) -> Plan:
            raise TrustmeshError("would destroy something")

    store = Store()

    outcomes = run(Refusing("a", Sample.declared({"title": "A"}), store), sample("b", store, title="B"))

    assert str(outcomes[0].error) == "would destroy something"
    assert (outcomes[0].changed, outcomes[1].changed) == (False, True)
    assert store.writes == [("write", "b")]


def test_a_failed_prediction_predicts_no_change() -> None:
    store = Store()
    store.broken["read", "bad"] = TrustmeshError("sealed")

    outcomes = run(sample("bad", store, title="A"), sample("good", store, title="A"), check_mode=True)

    assert [outcome.changed for outcome in outcomes] == [False, True]
    assert [outcome.result().get("failed") for outcome in outcomes] == [True, None]


# -- results -----------------------------------------------------------------------------------------------------------


def test_the_result_of_an_item_has_the_same_keys_for_every_module() -> None:
    store = Store(it={"title": "old"}, gone={"title": "x"})
    store.broken["patch", "bad"] = TrustmeshError("refused", remedy="Ask.")
    store.objects["bad"] = {"title": "old"}

    fine, gone, bad = (
        outcome.result()
        for outcome in run(
            sample("it", store, title="new", tags=["a"]),
            sample("gone", store, absent=True),
            sample("bad", store, title="new"),
        )
    )

    assert fine == {
        "item": "it",
        "changed": True,
        "action": "update",
        "reasons": ["title is old, declared new", "tags lacks a"],
        "warnings": [],
        "sample": {**fine["sample"], "title": "new", "tags": ["a"]},
    }
    assert gone == {
        "item": "gone",
        "changed": True,
        "action": "delete",
        "reasons": ["exists but is declared absent"],
        "warnings": [],
    }
    assert (bad["failed"], bad["msg"], bad["action"]) == (True, "refused. Ask.", "update")


# -- ordered batches ---------------------------------------------------------------------------------------------------


def test_an_ordered_batch_stops_after_a_failure_and_says_why() -> None:
    store = Store(fourth={"title": "D"})
    store.broken["write", "second"] = TrustmeshError("refused")

    outcomes = run(
        sample("first", store, title="A"),
        sample("second", store, title="B"),
        sample("third", store, title="C"),
        sample("fourth", store, title="D"),
        ordered=True,
        workers=4,
    )

    first, second, third, fourth = outcomes
    assert store.writes == [("write", "first"), ("write", "second")]
    assert (first.error, str(second.error)) == (None, "refused")
    assert str(third.error) == "not attempted, because sample second failed. Mend that one and run again."
    assert fourth.error is None, "it is as declared: nothing was to be attempted"
    assert [outcome.changed for outcome in outcomes] == [True, True, False, False]


def test_an_ordered_batch_attempts_nothing_after_an_item_that_could_not_be_read() -> None:
    store = Store()
    store.broken["read", "first"] = TrustmeshError("refused")

    outcomes = run(sample("first", store, title="A"), sample("second", store, title="B"), ordered=True)

    assert store.writes == []
    assert "not attempted, because sample first failed" in str(outcomes[1].error)


def test_an_ordered_batch_applies_in_the_order_given() -> None:
    store = Store()
    names = [f"n{number}" for number in range(20)]

    run(*(sample(name, store, title="A") for name in names), ordered=True, workers=8)

    assert store.writes == [("write", name) for name in names]


# -- transactions ------------------------------------------------------------------------------------------------------


def staged_batch(store: Store, staged: Staged, *names: str) -> list[StagedResource]:
    return [StagedResource(name, Sample.declared({"title": name}), staged) for name in names]


def test_a_transaction_takes_effect_once_after_all_were_applied_and_before_the_proof() -> None:
    store = Store()
    staged = Staged(store)
    seen: list[int] = []
    store.hook = lambda verb, path: seen.append(len(staged.staged)) if verb == "write" else None

    outcomes = run(*staged_batch(store, staged, "a", "b"), transaction=staged)

    assert seen == [2, 2], "nothing is written before everything is staged"
    assert staged.commits == 1
    assert [outcome.error for outcome in outcomes] == [None, None]


def test_a_failing_commit_fails_the_items_it_names() -> None:
    store = Store()
    staged = Staged(store)
    staged.broken = {"sample b": TrustmeshError("the disk is full", field="/etc/b")}

    outcomes = run(*staged_batch(store, staged, "a", "b", "c"), transaction=staged)

    assert [str(outcome.error) for outcome in outcomes] == ["None", "/etc/b: the disk is full", "None"]
    assert set(store.objects) == {"a", "c"}
    assert ("read", "b") not in store.log[3:], "what failed is not proved"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TrustmeshError("the disk is full"), "the disk is full"),
        (OSError("no"), "defect in trustmesh.security (OSError"),
    ],
)
def test_a_commit_that_breaks_down_fails_every_item_that_was_due(error: Exception, message: str) -> None:
    class Broken(Staged):
        def commit(self) -> t.NoReturn:
            raise error

    store = Store(same={"title": "same"})
    staged = Broken(store)

    outcomes = run(*staged_batch(store, staged, "a", "same", "b"), transaction=staged)

    assert [(str(outcome.error) or "").startswith(message) for outcome in outcomes] == [True, False, True]


def test_an_item_that_failed_before_the_commit_keeps_its_own_error() -> None:
    store = Store()
    staged = Staged(store)
    store.broken["stage", "a"] = TrustmeshError("signing was refused")
    staged.broken = {"sample a": TrustmeshError("nothing staged")}

    outcomes = run(*staged_batch(store, staged, "a", "b"), transaction=staged)

    assert str(outcomes[0].error) == "signing was refused"
    assert staged.commits == 1, "the others take effect"
    assert set(store.objects) == {"b"}


# -- composites --------------------------------------------------------------------------------------------------------


def pair(store: Store, *, absent: bool = False) -> Pair:
    members = [sample(name, store, absent=absent, **({} if absent else {"title": name})) for name in ("key", "chain")]
    return Pair("it", members)


def test_a_composite_is_made_in_order_and_unmade_in_reverse() -> None:
    store = Store()

    (created,) = run(pair(store))
    made = list(store.writes)
    store.log.clear()
    (deleted,) = run(pair(store, absent=True))

    assert made == [("write", "key"), ("write", "chain")]
    assert store.writes == [("delete", "chain"), ("delete", "key")]
    assert [created.plan.action.value, deleted.plan.action.value] == ["create", "delete"]


def test_a_composite_is_proved_as_a_whole() -> None:
    """Writing the second member destroys the first: each by itself went well, together they did not."""
    store = Store()

    def hook(verb: str, path: str) -> None:
        if (verb, path) == ("write", "chain"):
            del store.objects["key"]

    store.hook = hook

    (outcome,) = run(pair(store))

    assert isinstance(outcome.error, NotConverged)


def test_a_composite_stops_at_the_member_that_fails() -> None:
    store = Store()
    store.broken["write", "key"] = TrustmeshError("refused")

    (outcome,) = run(pair(store))

    assert (str(outcome.error), store.writes) == ("refused", [("write", "key")])
    assert outcome.changed


def test_only_the_members_that_differ_are_applied() -> None:
    store = Store(key={"title": "key"})

    (outcome,) = run(pair(store))

    assert store.writes == [("write", "chain")]
    assert outcome.plan.action.value == "update"


def test_a_composite_describes_all_its_members() -> None:
    store = Store(key={"title": "key"}, chain={"title": "chain", "count": 4})

    (outcome,) = run(pair(store))

    assert outcome.facts["count"] == 4


# -- threads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["read", "write"])
def test_as_many_items_as_workers_are_under_way_at_once(verb: str) -> None:
    """Each request waits until four are under way: with fewer threads the barrier breaks and every item fails."""
    barrier = threading.Barrier(4)
    store = Store()
    met: set[tuple[str, str]] = set()

    def hook(asked: str, path: str) -> None:
        if asked == verb and (asked, path) not in met:
            met.add((asked, path))
            barrier.wait(DEADLINE)

    store.hook = hook

    outcomes = run(*(sample(f"n{number}", store, title="A") for number in range(4)), workers=4)

    assert [outcome.error for outcome in outcomes] == [None] * 4


def test_one_worker_does_one_thing_at_a_time() -> None:
    store = Store()
    under_way: set[str] = set()
    most: list[int] = []

    def hook(verb: str, path: str) -> None:
        under_way.add(threading.current_thread().name)
        most.append(len(under_way))

    store.hook = hook

    run(*(sample(f"n{number}", store, title="A") for number in range(8)), workers=1)

    assert max(most) == 1


def test_outcomes_keep_the_order_of_the_declaration_whoever_finishes_first() -> None:
    store = Store()
    released = threading.Event()

    def hook(verb: str, path: str) -> None:
        if (verb, path) == ("write", "n0"):
            assert released.wait(DEADLINE)
        elif verb == "write":
            released.set()

    store.hook = hook
    names = [f"n{number}" for number in range(4)]

    outcomes = run(*(sample(name, store, title="A") for name in names), workers=2)

    assert [outcome.resource.name for outcome in outcomes] == names
    assert [outcome.error for outcome in outcomes] == [None] * 4
