# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reconcile what belongs together: ordered batches, transactions, composites, threads."""

from __future__ import annotations

import datetime
import threading
import typing as t
from dataclasses import replace

import pytest

from plugins.module_utils._core.errors import NotConverged, Overtaken, TrustmeshError
from tests.unit.core.samples import Pair, Sample, Staged, StagedResource, Store, run, sample

DEADLINE = 10.0


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
    assert [outcome.changed for outcome in outcomes] == [True, False, False, False]


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
    assert [outcome.changed for outcome in outcomes] == [True, False, True], "a second look shows that b is as it was"


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
    assert not outcome.changed


def test_a_composite_that_others_overtook_tells_of_the_first_member_unless_one_was_written() -> None:
    """What others did at the same moment is no failure as long as this run did a part of it."""
    store, both = Store(), Store()
    store.broken["write", "chain"] = both.broken["write", "chain"] = Overtaken("the chain was written meanwhile")
    both.broken["write", "key"] = Overtaken("the key was written meanwhile")

    (outcome,) = run(pair(both))
    assert str(outcome.error) == "the key was written meanwhile"

    it = pair(store)
    it.apply(it.plan(it.read(), datetime.datetime.now(datetime.timezone.utc)))
    assert [path for verb, path in store.writes if path in store.objects] == ["key"]


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


@pytest.mark.parametrize("given", [{}, {"workers": 1}, {"workers": 0}])
def test_one_worker_does_one_thing_at_a_time(given: dict[str, int]) -> None:
    store = Store()
    under_way: set[str] = set()
    most: list[int] = []

    def hook(verb: str, path: str) -> None:
        under_way.add(threading.current_thread().name)
        most.append(len(under_way))

    store.hook = hook

    run(*(sample(f"n{number}", store, title="A") for number in range(8)), **given)

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


# -- others that were first --------------------------------------------------------------------------------------------


def overtaking(store: Store, **made: t.Any) -> None:
    """Let others write an object at the moment at which this run would."""

    def hook(verb: str, path: str) -> None:
        if verb == "write" and path not in store.objects:
            store.objects[path] = dict(made)
            raise Overtaken("others were first")

    store.hook = hook


def test_r22_what_others_made_as_declared_is_no_change_and_no_failure() -> None:
    store = Store()
    overtaking(store, title="A")

    (outcome,) = run(sample("it", store, title="A"))

    assert (outcome.error, outcome.changed, outcome.action.value) == (None, False, "none")


def test_r22_warnings_of_what_others_made_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    overtaking(store, title="A")
    resource = sample("it", store, title="A")
    plan = resource.plan
    monkeypatch.setattr(resource, "plan", lambda *given: replace(plan(*given), warnings=("it ends soon",)))

    (outcome,) = run(resource)

    assert (outcome.changed, outcome.plan.warnings) == (False, ("it ends soon",))


def test_r22_what_others_made_otherwise_is_a_failure_without_a_change() -> None:
    store = Store()
    overtaking(store, title="B")

    (outcome,) = run(sample("it", store, title="A"))

    assert isinstance(outcome.error, Overtaken)
    assert not outcome.changed


def test_r22_a_whole_of_which_one_member_was_written_has_changed() -> None:
    store = Store(chain={"title": "other"})
    overtaking(store, title="key")

    (outcome,) = run(pair(store))

    assert (outcome.error, outcome.changed) == (None, True)


def test_r22_an_ordered_batch_goes_on_after_what_others_made() -> None:
    store = Store(second={"title": "other"})
    overtaking(store, title="A")

    outcomes = run(sample("first", store, title="A"), sample("second", store, title="B"), ordered=True)

    assert [(outcome.error, outcome.changed) for outcome in outcomes] == [(None, False), (None, True)]
