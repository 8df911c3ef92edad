# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile one batch: phases, check mode, proof, failures of single items, results."""

from __future__ import annotations

import datetime

import pytest

from plugins.module_utils._core.errors import Defect, InvalidInput, NotConverged, PolicyRefusal, TrustmeshError
from plugins.module_utils._core.plan import Plan
from plugins.module_utils._core.reconcile import Outcome, summarise
from tests.unit.core.samples import (
    Lease,
    LeaseResource,
    Sample,
    SampleResource,
    Staged,
    StagedResource,
    Store,
    actions,
    run,
    sample,
)

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
    assert [outcome.changed for outcome in outcomes] == [True, False, True]
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


# -- one truth about what failed (F8) ----------------------------------------------------------------------------------


def _one_truth(outcomes: list[Outcome]) -> None:
    """``changed``, ``action`` and ``summary`` say the same."""
    results = [outcome.result() for outcome in outcomes]
    summary = summarise(outcomes)
    assert all(result["changed"] == (result["action"] != "none") for result in results)
    assert summary["failed"] == sum(bool(result.get("failed")) for result in results)
    assert summary["none"] == sum(result["action"] == "none" and not result.get("failed") for result in results)
    for action in ("create", "update", "replace", "delete"):
        assert summary[action] == sum(result["action"] == action for result in results)


@pytest.mark.parametrize("phase", ["read", "write"])
def test_f8_what_failed_before_it_changed_anything_is_unchanged(phase: str) -> None:
    store = Store()
    store.broken[phase, "bad"] = TrustmeshError("refused")

    outcomes = run(sample("good", store, title="A"), sample("bad", store, title="A"))

    assert (outcomes[1].changed, outcomes[1].action.value) == (False, "none")
    assert summarise(outcomes)["create"] == 1
    _one_truth(outcomes)


def test_f8_what_failed_after_it_changed_something_is_changed() -> None:
    class Halfway(SampleResource):
        def apply(self, plan: Plan) -> None:
            super().apply(plan)
            self.store.objects["it"]["tags"] = ["other"]
            raise TrustmeshError("the connection was lost")

    store = Store()

    outcomes = run(Halfway("it", Sample.declared({"title": "A", "tags": ["x"]}), store))

    assert (str(outcomes[0].error), outcomes[0].action.value) == ("the connection was lost", "create")
    assert outcomes[0].facts["title"] == "A", "the facts are what is there now"
    assert summarise(outcomes) == {"none": 0, "create": 1, "update": 0, "replace": 0, "delete": 0, "failed": 1}
    _one_truth(outcomes)


def test_f8_what_was_accepted_and_dropped_is_unchanged() -> None:
    store = Store(it={"title": "A"})
    store.ignores = {"count"}

    outcomes = run(sample("it", store, title="A", count=3))

    assert isinstance(outcomes[0].error, NotConverged)
    assert not outcomes[0].changed
    _one_truth(outcomes)


@pytest.mark.parametrize("error", [TrustmeshError("refused"), KeyError("x")])
def test_f8_what_cannot_be_looked_at_again_may_have_changed(error: Exception) -> None:
    store = Store()
    store.broken["write", "it"] = TrustmeshError("timed out")
    store.hook = lambda verb, path: store.broken.update({("read", "it"): error}) if verb == "write" else None

    outcomes = run(sample("it", store, title="A"))

    assert (str(outcomes[0].error), outcomes[0].changed) == ("timed out", True), (
        "the first failure is the one to report"
    )
    _one_truth(outcomes)


def test_what_a_policy_refused_says_so() -> None:
    store = Store()
    store.broken["read", "kept"] = PolicyRefusal("cannot be changed in place")
    store.broken["read", "broken"] = TrustmeshError("sealed")

    kept, broken = (outcome.result() for outcome in run(sample("kept", store), sample("broken", store)))

    assert (kept["failed"], kept["refused"]) == (True, True)
    assert (broken["failed"], "refused" in broken) == (True, False)


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
    assert (bad["failed"], bad["msg"], bad["changed"], bad["action"]) == (True, "refused. Ask.", False, "none")
    assert bad["reasons"] == ["title is old, declared new"], "why something was due is still said"
