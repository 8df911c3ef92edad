# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several kinds in one call: items checked like those of their own modules, sections one after the other."""

from __future__ import annotations

import typing as t

import pytest

from plugins.module_utils._core.clock import system_clock
from plugins.module_utils._core.deps import HVAC, Library
from plugins.module_utils._core.errors import InvalidInput, MissingLibrary, TrustmeshError
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile_in_turn
from plugins.module_utils._core.sections import Each, Section, checked, combined, in_turn
from plugins.module_utils._core.spec import STATE, Spec, redacted, secret_texts
from tests.unit.core.samples import Sample, SampleResource, Store, sample

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def _declared(store: Store, item: dict[str, t.Any]) -> SampleResource:
    if item["title"] == "forbidden":
        raise InvalidInput("may not be", field="title")
    return SampleResource(item["name"], None if item["state"] == "absent" else Sample.declared(item), store)


def _gather(store: Store, each: Each) -> Batch:
    return Batch(each(lambda item: _declared(store, item)), workers=2)


def section(**more: t.Any) -> Section[Store]:
    """Return a section of samples."""
    item = {"name": {"type": "str", "required": True}, "shelf": {"type": "str", "default": "first"}}
    return Section("samples", {**item, **Sample.options(), **STATE}, _gather, shared=("shelf",), **more)


ROOMY = {"required_if": [("state", "present", ("title",))]}
SECTIONS = {"upper": section(constraints=ROOMY), "lower": section()}


def given(**sections: t.Any) -> dict[str, t.Any]:
    return {**dict.fromkeys(SECTIONS), **sections}


def run(store: Store, check_mode: bool = False, **sections: t.Any) -> list[Outcome]:
    batches = in_turn(SECTIONS, store, checked(SECTIONS, given(**sections)))
    return reconcile_in_turn(batches, check_mode=check_mode, clock=system_clock)


def told(outcomes: list[Outcome]) -> list[tuple[str, str, bool]]:
    """Return section, item and whether it failed."""
    results = [outcome.result() for outcome in outcomes]
    return [(result["section"], result["item"], result.get("failed", False)) for result in results]


# -- options -----------------------------------------------------------------------------------------------------------


def test_the_module_of_one_kind_gets_its_options_from_the_section() -> None:
    spec = section(requires=(HVAC,)).spec

    assert (spec.plural, spec.shared, spec.requires) == ("samples", ("shelf",), (HVAC,))
    assert spec.options["shelf"]["default"] == "first"
    assert "default" not in spec.options["samples"]["options"]["shelf"]


def test_a_list_whose_name_sounds_secret_is_none_as_a_whole() -> None:
    """Ansible guesses from names and warns; what is secret in it the items say."""
    secrets: Section[Store] = Section("secrets", {"password": {"type": "str", "no_log": True}}, _gather)

    assert secrets.spec.options["secrets"]["no_log"] is False


def test_the_items_of_one_kind_become_a_batch() -> None:
    items = [{"name": "a", "title": "A", "state": "present", "shelf": None}]
    batch = section().batch(Store(), {"samples": items, "shelf": "second"})

    assert [resource.name for resource in batch.resources] == ["a"]
    assert batch.section is None


def test_ansible_sees_a_section_as_a_list_that_is_secret_if_anything_in_it_is() -> None:
    plain: Section[Store] = Section("notes", {"text": {"type": "str"}}, _gather)
    seen = (Spec({"url": {"type": "str"}}) + combined({"notes": plain, "samples": section()})).argument_spec()

    assert seen["url"] == {"type": "str"}
    assert seen["notes"] == {"type": "list", "elements": "dict", "no_log": False}
    assert seen["samples"] == {"type": "list", "elements": "dict", "no_log": True}, "a sample has a password"


def test_at_least_one_section_has_to_be_given() -> None:
    assert combined(SECTIONS).required_one_of == (("upper", "lower"),)


# -- checking ----------------------------------------------------------------------------------------------------------


def test_items_are_completed_with_the_defaults_of_their_kind() -> None:
    (item,) = checked(SECTIONS, given(upper=[{"name": "a", "title": "A", "count": "3"}]))["upper"]

    assert (item["shelf"], item["state"], item["count"], item["tags"]) == ("first", "present", 3, None)


def test_checking_leaves_what_was_given_alone() -> None:
    params = given(upper=[{"name": "a", "title": "A"}])
    checked(SECTIONS, params)

    assert params == given(upper=[{"name": "a", "title": "A"}])


def test_a_section_that_is_left_out_or_empty_has_no_items() -> None:
    assert checked(SECTIONS, given(upper=[])) == {}


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"title": "A"}, "lower[1] (None): missing required arguments: name"),
        (
            {"name": "b", "titel": "A"},
            "lower[1] (b): unsupported options: titel. Supported parameters include: active, ",
        ),
        ({"name": "b", "count": "many"}, "lower[1] (b): argument 'count' is of type"),
        ({"name": "b", "state": "there"}, "lower[1] (b): value of state must be one of: present, absent, got: there"),
    ],
)
def test_what_ansible_would_refuse_is_refused_with_the_place(item: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        checked(SECTIONS, given(lower=[{"name": "a"}, item]))
    assert str(failure.value).startswith(problem)


def test_a_constraint_of_an_item_is_enforced() -> None:
    with pytest.raises(InvalidInput, match=r"^upper\[0\] \(a\): state is present but all of the following are missing"):
        checked(SECTIONS, given(upper=[{"name": "a"}]))


def test_a_library_is_asked_for_only_when_its_section_is_given() -> None:
    missing = Library("no-such-distribution", "1", "for samples")
    sections = {"upper": section(requires=(missing,)), "lower": section()}

    assert "lower" in checked(sections, given(lower=[{"name": "a"}]))
    with pytest.raises(MissingLibrary, match="no-such-distribution"):
        checked(sections, given(upper=[{"name": "a"}]))


def test_a_bad_value_is_reported_with_section_place_name_and_field_before_anything_is_read() -> None:
    store = Store()
    gone = {"name": "a", "state": "absent"}

    with pytest.raises(InvalidInput) as failure:
        run(store, upper=[gone], lower=[gone | {"name": "b"}, {"name": "c", "title": "forbidden"}])

    assert str(failure.value) == "lower[1] (c).title: may not be"
    assert store.log == []


# -- one after the other -----------------------------------------------------------------------------------------------


def test_a_section_is_made_before_the_next_one_is_read() -> None:
    store = Store()
    outcomes = run(store, lower=[{"name": "b", "title": "B"}], upper=[{"name": "a", "title": "A"}])

    assert told(outcomes) == [("upper", "a", False), ("lower", "b", False)]
    assert store.log.index(("write", "a")) < store.log.index(("read", "b"))


def test_what_is_absent_goes_last_and_in_reverse() -> None:
    store = Store(a={"title": "A"}, b={"title": "B"})
    outcomes = run(
        store,
        upper=[{"name": "a", "state": "absent"}, {"name": "c", "title": "C"}],
        lower=[{"name": "b", "state": "absent"}, {"name": "d", "title": "D"}],
    )

    assert store.writes == [("write", "c"), ("write", "d"), ("delete", "b"), ("delete", "a")]
    assert told(outcomes) == [
        ("upper", "c", False),
        ("lower", "d", False),
        ("lower", "b", False),
        ("upper", "a", False),
    ]


def test_after_a_failure_later_sections_are_not_attempted() -> None:
    store = Store(kept={"title": "K"})
    store.broken["write", "a"] = TrustmeshError("refused")
    outcomes = run(
        store,
        upper=[{"name": "a", "title": "A"}, {"name": "beside", "title": "B"}],
        lower=[{"name": "b", "title": "B"}, {"name": "kept", "title": "K"}],
    )

    assert told(outcomes) == [
        ("upper", "a", True),
        ("upper", "beside", False),
        ("lower", "b", True),
        ("lower", "kept", False),
    ]
    assert str(outcomes[2].error) == "not attempted, because sample a failed. Mend that one and run again."
    assert not outcomes[2].changed
    assert sorted(store.writes) == [("write", "a"), ("write", "beside")]


def test_check_mode_foretells_every_section() -> None:
    store = Store()
    outcomes = run(store, True, upper=[{"name": "a", "title": "A"}], lower=[{"name": "b", "title": "B"}])

    assert [outcome.plan.action.value for outcome in outcomes] == ["create", "create"]
    assert store.writes == []


def test_check_mode_goes_on_after_a_failure() -> None:
    store = Store()
    store.broken["read", "a"] = TrustmeshError("refused")
    outcomes = run(store, True, upper=[{"name": "a", "title": "A"}], lower=[{"name": "b", "title": "B"}])

    assert told(outcomes) == [("upper", "a", True), ("lower", "b", False)]
    assert outcomes[1].plan.action.value == "create"


def test_a_duplicate_in_a_later_section_stops_the_first_one() -> None:
    store = Store()
    twins = [{"name": "b", "title": "B"}, {"name": "b", "title": "C"}]

    with pytest.raises(InvalidInput, match="declared more than once: sample b"):
        run(store, upper=[{"name": "a", "title": "A"}], lower=twins)
    assert store.log == []


def test_a_batch_that_is_no_section_does_not_name_one() -> None:
    (outcome,) = reconcile_in_turn([Batch([sample("a", Store(), title="A")])], check_mode=True, clock=system_clock)

    assert "section" not in outcome.result()


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_a_secret_in_an_item_is_hidden_by_its_name_also_before_the_item_was_checked() -> None:
    options = combined(SECTIONS).options
    entry = {"name": "a", "password": "hush-hush", "pasword": "typed-wrong", "title": "seen"}

    assert redacted(options, {"upper": [entry]}) == {
        "upper": [{"name": "a", "password": HIDDEN, "pasword": HIDDEN, "title": "seen"}]
    }
    assert secret_texts(options, {"upper": [entry]}) == {"hush-hush", "typed-wrong"}


def test_the_text_of_a_mapping_is_hidden_when_the_mapping_may_hold_a_secret() -> None:
    inner = {"pin": {"type": "str", "no_log": True}, "user": {"type": "str"}}
    login = {"type": "dict", "options": inner}
    plain = {"type": "dict", "options": {"user": {"type": "str"}}}
    options = {"things": {"type": "list", "elements": "dict", "options": {"login": login, "plain": plain}}}
    things = {"things": [{"login": '{"pin": "hush-hush"}', "plain": "user=me"}]}

    assert redacted(options, things) == {"things": [{"login": HIDDEN, "plain": "user=me"}]}
    assert secret_texts(options, things) == {'{"pin": "hush-hush"}'}
