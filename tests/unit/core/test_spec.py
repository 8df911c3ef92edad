# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs: composing, items with shared options, messages with the full path of a field, hidden invocations."""

from __future__ import annotations

import typing as t

import pytest

from plugins.module_utils._core.deps import CRYPTOGRAPHY, HVAC
from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._core.spec import STATE, Spec, batch, build_each, items, redacted, secret_texts
from tests.unit.core.samples import Sample

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

ITEM: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "mount": {"type": "str", "required": True},
    "ttl": {"type": "str", "default": "30d"},
    "active": {"type": "bool"},
    "note": {"type": "str"},
}
SPEC = batch("things", ITEM, shared=("mount", "ttl", "active"), required_if=[("active", True, ("note",))])


def params(*given: dict[str, t.Any], **shared: t.Any) -> dict[str, t.Any]:
    """Return parameters as AnsibleModule completes them: what was not given is None, defaults are filled in."""
    inner = SPEC.options["things"]["options"]
    return {
        "things": [{name: entry.get(name, inner[name].get("default")) for name in inner} for entry in given],
        **{name: shared.get(name, SPEC.options[name].get("default")) for name in SPEC.shared},
    }


# -- composing ---------------------------------------------------------------------------------------------------------


def test_specs_add_up() -> None:
    left = Spec(
        {"url": {"type": "str"}},
        fragment="one",
        requires=(HVAC,),
        required_together=(("a", "b"),),
        mutually_exclusive=(("c", "d"),),
    )
    right = Spec(
        {"path": {"type": "path"}},
        requires=(HVAC, CRYPTOGRAPHY),
        required_one_of=(("e", "f"),),
        required_if=(("g", 1, ("h",)),),
        mutually_exclusive=(("i", "j"),),
    )

    both = left + right

    assert both.argument_spec() == {"url": {"type": "str"}, "path": {"type": "path"}}
    assert both.requires == (HVAC, CRYPTOGRAPHY), "each library once, in order"
    assert both.constraints() == {
        "mutually_exclusive": [["c", "d"], ["i", "j"]],
        "required_together": [["a", "b"]],
        "required_one_of": [["e", "f"]],
        "required_if": [["g", 1, ("h",)]],
    }


@pytest.mark.parametrize("whole", [Spec({"url": {"type": "str"}}) + SPEC, SPEC + Spec({"url": {"type": "str"}})])
def test_a_batch_stays_one_wherever_it_is_added(whole: Spec) -> None:
    assert (whole.plural, whole.shared, whole.shared_required) == ("things", ("mount", "ttl", "active"), ("mount",))
    assert (whole.fragment, whole.sections) == (None, ())


def test_sections_add_up() -> None:
    item = {"name": {"type": "str"}, "password": {"type": "str", "no_log": True}}
    one, two = (
        Spec({name: {"type": "list", "options": options, "required_if": []}}, sections=(name,), shared=(name,))
        for name, options in (("one", {"name": {"type": "str"}}), ("two", {"login": {"options": item}}))
    )

    both = one + two

    assert (both.sections, both.shared) == (("one", "two"), ("one", "two"))
    assert both.argument_spec() == {
        "one": {"type": "list", "elements": "dict", "no_log": False},
        "two": {"type": "list", "elements": "dict", "no_log": True},
    }, "what Ansible does not see through is secret as a whole if anything in it is"


def test_the_argument_spec_is_a_copy() -> None:
    SPEC.argument_spec()["things"]["required"] = "changed"

    assert SPEC.options["things"]["required"] is True


def test_a_batch_is_a_required_list_with_the_constraints_of_an_item() -> None:
    option = SPEC.argument_spec()["things"]

    assert (option["type"], option["elements"], option["required"]) == ("list", "dict", True)
    assert option["required_if"] == [("active", True, ("note",))]
    assert option["options"]["name"] == {"type": "str", "required": True}


def test_a_shared_option_is_in_both_places_and_neither_hides_the_other() -> None:
    assert SPEC.options["things"]["options"]["ttl"] == {"type": "str"}, "a default here would hide what is shared"
    assert SPEC.options["ttl"] == {"type": "str", "default": "30d"}
    assert SPEC.options["mount"] == {"type": "str"}, "required here would forbid giving it with each item"
    assert SPEC.options["things"]["options"]["mount"] == {"type": "str"}


def test_the_options_of_a_state_are_those_of_its_kinds() -> None:
    options = Sample.options()

    assert options["ttl"] == {"type": "str", "no_log": False}
    assert options["tags"] == {"type": "list", "elements": "str", "no_log": False}
    assert options["active"] == {"type": "bool", "no_log": False}
    assert options["password"] == {"type": "str", "no_log": True}
    assert not any("default" in option or "required" in option for option in options.values())


# -- items -------------------------------------------------------------------------------------------------------------


def test_an_item_takes_the_shared_value_unless_it_says_otherwise() -> None:
    given = params({"name": "a"}, {"name": "b", "mount": "own", "ttl": "1d"}, mount="common")

    first, second = items(SPEC, given)

    assert (first["mount"], first["ttl"]) == ("common", "30d")
    assert (second["mount"], second["ttl"]) == ("own", "1d")


@pytest.mark.parametrize("own", [False, True])
def test_false_in_an_item_is_a_value_of_its_own(own: bool) -> None:
    (item,) = items(SPEC, params({"name": "a", "active": own}, mount="m", active=not own))

    assert item["active"] is own


def test_an_empty_text_in_an_item_is_a_value_of_its_own() -> None:
    (item,) = items(SPEC, params({"name": "a", "mount": ""}, mount="m"))

    assert item["mount"] == ""


def test_items_leaves_the_parameters_alone() -> None:
    given = params({"name": "a"}, mount="m")

    items(SPEC, given)[0]["mount"] = "changed"

    assert given["things"][0]["mount"] is None


# -- messages ----------------------------------------------------------------------------------------------------------


def build_sample(item: dict[str, t.Any]) -> Sample:
    return Sample.declared(item)


def test_a_bad_value_is_reported_with_place_name_field_and_value() -> None:
    given = params({"name": "fine"}, {"name": "broken", "ttl": "soon"}, mount="m")

    with pytest.raises(InvalidInput) as failure:
        build_each(SPEC, given, build_sample)

    assert str(failure.value).startswith("things[1] (broken).ttl: 'soon' is not a duration; write seconds or")
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


def test_f7_a_bad_shared_value_is_reported_where_it_was_written() -> None:
    given = params({"name": "own", "ttl": "1d"}, {"name": "uses"}, mount="m", ttl="soon")

    with pytest.raises(InvalidInput, match=r"^ttl: 'soon' is not"):
        build_each(SPEC, given, build_sample)


@pytest.mark.parametrize(
    ("field", "own", "shared", "place"),
    [
        ("ttl", None, "soon", "ttl"),
        ("ttl[3]", None, "soon", "ttl[3]"),
        ("ttl.part", None, "soon", "ttl.part"),
        ("ttl", "soon", "1d", "things[0] (a).ttl"),
        ("ttl", None, None, "things[0] (a).ttl"),
        ("url", None, None, "url"),
        ("things", None, None, "things[0] (a).things"),
        ("unknown", None, None, "things[0] (a).unknown"),
        (None, None, None, "things[0] (a)"),
    ],
)
def test_f7_what_is_wrong_is_named_where_it_stands(
    field: str | None, own: str | None, shared: str | None, place: str
) -> None:
    spec = SPEC + Spec({"url": {"type": "str"}})
    given = {"things": [{"name": "a", "mount": "m", "ttl": own}], "mount": None, "ttl": shared, "active": None}

    def build(item: dict[str, t.Any]) -> None:
        raise InvalidInput("wrong", field=field)

    with pytest.raises(InvalidInput) as failure:
        build_each(spec, given, build)

    assert failure.value.field == place


def test_an_error_without_a_field_names_the_item() -> None:
    def build(item: dict[str, t.Any]) -> None:
        raise InvalidInput("too much", remedy="Declare less.")

    with pytest.raises(InvalidInput) as failure:
        build_each(SPEC, params({"name": "a"}, mount="m"), build)

    assert str(failure.value) == "things[0] (a): too much. Declare less."


def test_a_nested_field_is_reported_with_its_whole_path() -> None:
    def build(item: dict[str, t.Any]) -> None:
        raise InvalidInput("not given", field="subject.country").within("request")

    with pytest.raises(InvalidInput) as failure:
        build_each(SPEC, params({"name": "a"}, mount="m"), build)

    assert str(failure.value) == "things[0] (a).request.subject.country: not given"


def test_an_item_is_named_by_the_option_that_names_it() -> None:
    spec = batch("mounts", {"path": {"type": "str", "required": True}, "ttl": {"type": "str"}})

    with pytest.raises(InvalidInput, match=r"^mounts\[0\] \(pki\)\.ttl: "):
        build_each(spec, {"mounts": [{"path": "pki", "ttl": "soon"}]}, build_sample, key="path")


def test_a_required_shared_option_may_be_given_in_either_place_but_must_be_given() -> None:
    assert build_each(SPEC, params({"name": "a"}, mount="m"), lambda item: item["mount"]) == ["m"]
    assert build_each(SPEC, params({"name": "a", "mount": "own"}), lambda item: item["mount"]) == ["own"]
    with pytest.raises(InvalidInput) as failure:
        build_each(SPEC, params({"name": "a", "mount": "own"}, {"name": "b"}), lambda item: item["mount"])
    assert str(failure.value) == "things[1] (b).mount: not given. Give it here or beside things."


def test_other_errors_are_not_taken_for_bad_input() -> None:
    def build(item: dict[str, t.Any]) -> None:
        raise PolicyRefusal("no")

    with pytest.raises(PolicyRefusal, match=r"^no$"):
        build_each(SPEC, params({"name": "a"}, mount="m"), build)


# -- the invocation ----------------------------------------------------------------------------------------------------

OPTIONS: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str"},
    "token": {"type": "str", "no_log": True, "aliases": ["auth_token"]},
    "key_file": {"type": "path", "no_log": False},
    "words": {"type": "list", "elements": "str", "no_log": True},
    "things": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "login": {"type": "dict", "options": {"user": {"type": "str"}, "pin": {"type": "int", "no_log": True}}},
        },
    },
}


def test_values_are_hidden_by_name_at_any_depth_and_the_rest_is_readable() -> None:
    shown = redacted(
        OPTIONS,
        {
            "url": "https://true.example",
            "token": "true",
            "key_file": "/etc/key",
            "words": ["a", "b"],
            "things": [
                {"name": "true", "password": "true", "login": {"user": "true", "pin": 7}},
                {"name": "b", "password": None, "login": None},
            ],
        },
    )

    assert shown == {
        "url": "https://true.example",
        "token": HIDDEN,
        "key_file": "/etc/key",
        "words": HIDDEN,
        "things": [
            {"name": "true", "password": HIDDEN, "login": {"user": "true", "pin": HIDDEN}},
            {"name": "b"},
        ],
    }


def test_what_an_item_left_out_is_not_shown_and_what_stands_alone_is() -> None:
    shown = redacted(OPTIONS, {"url": None, "token": None, "things": [{"name": "", "password": None}]})

    assert shown == {"url": None, "token": None, "things": [{"name": ""}]}


def test_a_secret_given_under_an_alias_is_hidden_under_both_names() -> None:
    shown = redacted(OPTIONS, {"token": "s.abc", "auth_token": "s.abc"})

    assert shown == {"token": HIDDEN, "auth_token": HIDDEN}


def test_a_value_under_a_name_that_nobody_knows_is_hidden() -> None:
    assert redacted(OPTIONS, {"tokn": "s.abc", "ulr": None}) == {"tokn": HIDDEN, "ulr": None}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("name=a password=b", HIDDEN),
        (["name=a"], [HIDDEN]),
        ([None], [None]),
        (None, None),
        ({"name": "a"}, {"name": "a"}),
    ],
)
def test_the_text_of_a_mapping_is_hidden_as_a_whole_where_a_secret_may_be_in_it(given: t.Any, shown: t.Any) -> None:
    assert redacted(OPTIONS, {"things": given}) == {"things": shown}
    plain = {"things": {"options": {"name": {"type": "str"}}}}
    assert redacted(plain, {"things": given}) == {"things": given}


def test_the_texts_of_secrets_are_found_wherever_they_stand_and_nothing_else_is() -> None:
    options = {"secret": {"type": "raw", "no_log": True}, "plain": {"type": "str"}}
    value = {"a": ["one", {"b": "two"}, None, True, False, 7], "c": None, "d": ""}

    assert secret_texts(options, {"secret": value, "plain": "three"}) == {"one", "two", "7", ""}


def test_a_false_or_empty_secret_is_hidden_too() -> None:
    assert redacted(OPTIONS, {"token": "", "words": []}) == {"token": HIDDEN, "words": HIDDEN}


def test_a_secret_in_an_option_that_is_not_one_becomes_a_fingerprint() -> None:
    shown = redacted(OPTIONS, {"url": Secret("s.12345678")})

    assert shown == {"url": Secret("s.12345678").fingerprint()}


def test_state_is_present_unless_declared_absent() -> None:
    assert STATE["state"] == {"type": "str", "choices": ["present", "absent"], "default": "present"}


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"])
def test_a_private_key_in_place_of_something_public_is_hidden(kind: str) -> None:
    """Neither the system's log nor the invocation shows it, and it is masked wherever it turns up."""
    options = {"public_key": {"type": "str"}, "chain": {"type": "list"}, "known": {"type": "dict"}}
    options["things"] = {"type": "list", "elements": "dict", "options": dict(options)}
    private = f"-----BEGIN {kind}-----\nMC4C\n-----END {kind}-----\n"
    public = private.replace(kind, "PUBLIC KEY")
    for name, wrong in (("public_key", private), ("chain", [public, private]), ("known", {"a": {"b": private}})):
        right = {"public_key": public, "chain": [public], "known": {"a": {"b": public}}}
        assert redacted(options, {"things": [right, {**right, name: wrong}]}) == {
            "things": [right, {**right, name: HIDDEN}]
        }
        assert private in secret_texts(options, {name: wrong})
    assert secret_texts(options, {"things": [right]}) == set()
    assert redacted(options, {"public_key": "a PRIVATE KEY"}) == {"public_key": "a PRIVATE KEY"}
