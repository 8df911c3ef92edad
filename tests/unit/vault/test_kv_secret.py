# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret of the key-value engine: what is believed of two answers, what is generated, what others see of it."""

from __future__ import annotations

import string
import typing as t

import pytest

from plugins.module_utils._core import redact
from plugins.module_utils._core.errors import InvalidInput, NotConverged
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._vault.errors import NotVault, Rejected
from plugins.module_utils._vault.kv import CHARSETS, KvSecret, KvVersions
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault.subjects import NOON

ITEM: t.Final[t.Mapping[str, t.Any]] = {
    **dict.fromkeys(("data", "max_versions", "cas_required", "delete_version_after", "custom_metadata", "generate")),
    "path": "s",
    "mount": "kv",
    "state": "present",
    "other_keys": "keep",
    "on_delete": "delete",
}
NOTHING: t.Final[Reply] = (404, {"errors": []})


@pytest.fixture
def memory() -> Memory:
    return Memory(kv="kv2", old="kv1", pki="pki")


def run(memory: Memory, check_mode: bool = False, **item: t.Any) -> Outcome:
    vault = memory.vault
    secret = KvSecret.declared(vault, KvVersions(vault), {**ITEM, **item})
    (outcome,) = reconcile(Batch([secret]), check_mode=check_mode, clock=lambda: NOON)
    return outcome


def held(memory: Memory, mount: str = "kv") -> t.Any:
    data = memory.vault.read("kv/data/s" if mount == "kv" else "old/s")
    return None if data is None else data["data"] if mount == "kv" else dict(data)


@pytest.mark.parametrize(
    ("about", "version"),
    [
        ({"type": "kv", "options": {"version": "2"}}, 2),
        ({"type": "kv", "options": {"version": "1"}}, 1),
        ({"type": "kv", "options": {}}, 1),
        ({"type": "kv", "options": None}, 1),
        ({"type": "generic", "options": None}, 1),
        ({"type": "pki", "options": None}, None),
        ({"type": "cubbyhole", "options": {"version": "2"}}, None),
    ],
)
def test_the_version_of_an_engine_is_asked_once(memory: Memory, about: Data, version: int | None) -> None:
    memory.on("get", "sys/internal/ui/mounts/kv", lambda _path, _body: found({"path": "kv/", **about}))
    versions = KvVersions(memory.vault)
    if version is None:
        with pytest.raises(InvalidInput, match=r"is of type .* and not a key-value engine") as refusal:
            versions.of("kv")
        assert refusal.value.field == "mount"
        return
    assert [versions.of("kv"), versions.of("kv")] == [version, version]
    assert len(memory.asked) == 1


@pytest.mark.parametrize("answer", [refused(403, "no"), refused(404, "no handler for route"), refused(400, "no")])
def test_an_engine_that_says_nothing_is_taken_for_a_new_one(memory: Memory, answer: Reply) -> None:
    memory.on("get", "sys/internal/ui/mounts/kv", lambda _path, _body: answer)
    assert KvVersions(memory.vault).of("kv") == 2


@pytest.mark.parametrize("generate", [True, False])
def test_r1_absence_that_the_metadata_contradicts_is_never_written_over(memory: Memory, generate: bool) -> None:
    wanted: dict[str, t.Any] = (
        {"generate": [{"key": "password", "length": 32, "charset": "hex"}]} if generate else {"data": {"a": "b"}}
    )
    run(memory, data={"password": "living"})
    memory.asked.clear()
    memory.on("get", "kv/data/s", lambda _path, _body: NOTHING)
    outcome = run(memory, **wanted)
    assert isinstance(outcome.error, NotVault)
    assert "its metadata and its data contradict each other" in str(outcome.error)
    assert (outcome.error.field, bool(outcome.error.remedy)) == ("url", True)
    assert memory.writes == []


def test_r1_data_without_metadata_is_a_contradiction(memory: Memory) -> None:
    run(memory, data={"password": "living"})
    memory.asked.clear()
    memory.on("get", "kv/metadata/s", lambda _path, _body: NOTHING)
    outcome = run(memory, data={"password": "living"}, max_versions=3)
    assert isinstance(outcome.error, NotVault)
    assert memory.writes == []


def test_r1_answers_that_agree_at_the_second_look_are_believed(memory: Memory) -> None:
    looks: list[int] = []

    def once(_path: str, _body: Data) -> Reply | None:
        looks.append(1)
        return NOTHING if len(looks) == 1 else None

    run(memory, data={"password": "living"})
    memory.on("get", "kv/data/s", once)
    outcome = run(memory, data={"password": "living"})
    assert (outcome.error, outcome.changed) == (None, False)


def test_a_deleted_secret_is_made_over_its_version(memory: Memory) -> None:
    run(memory, data={"a": "one"})
    assert run(memory, state="absent").action.value == "delete"
    assert held(memory) is None
    memory.asked.clear()
    outcome = run(memory, data={"a": "two"})
    assert (outcome.error, outcome.plan.reasons) == (None, ["the newest version is deleted"])
    (body,) = [body for method, path, body in memory.asked if (method, path) == ("post", "kv/data/s")]
    assert body == {"data": {"a": "two"}, "options": {"cas": 1}}


@pytest.mark.parametrize(("on_delete", "part"), [("delete", "data"), ("destroy", "metadata")])
def test_what_is_removed_is_deleted_once_or_destroyed(memory: Memory, on_delete: str, part: str) -> None:
    run(memory, data={"a": "one"})
    memory.asked.clear()
    assert run(memory, state="absent", on_delete=on_delete).error is None
    assert memory.writes == [("delete", f"kv/{part}/s")]
    memory.asked.clear()
    assert not run(memory, state="absent", on_delete=on_delete).changed
    assert memory.writes == []


def test_a_deleted_secret_is_destroyed_where_that_is_declared(memory: Memory) -> None:
    run(memory, data={"a": "one"})
    run(memory, state="absent")
    assert run(memory, state="absent", on_delete="destroy").action.value == "delete"
    assert "kv/metadata/s" not in memory.objects


@pytest.mark.parametrize("mount", ["kv", "old"])
def test_other_keys_stay_or_go(memory: Memory, mount: str) -> None:
    run(memory, mount=mount, data={"a": "1", "b": "2", "c": "3"})
    run(memory, mount=mount, data={"a": "4"})
    assert held(memory, mount) == {"a": "4", "b": "2", "c": "3"}
    generate = [{"key": "c", "length": 8, "charset": "hex"}]
    outcome = run(memory, mount=mount, data={"a": "4"}, generate=generate, other_keys="remove")
    assert outcome.plan.reasons == ["data.b is not declared"]
    assert held(memory, mount) == {"a": "4", "c": "3"}, "what was generated before is kept"
    assert not run(memory, mount=mount, data={"a": "4"}, generate=generate, other_keys="remove").changed


@pytest.mark.parametrize("charset", list(CHARSETS))
def test_what_is_generated_is_new_and_of_its_characters(memory: Memory, charset: str) -> None:
    keys = [{"key": f"k{number}", "length": 8 + 100 * number, "charset": charset} for number in range(4)]
    outcome = run(memory, generate=keys)
    assert outcome.plan.reasons[1:] == [f"data.k{number} is unset" for number in range(4)]
    made = held(memory)
    assert [len(made[f"k{number}"]) for number in range(4)] == [8, 108, 208, 308]
    assert len({text[:8] for text in made.values()}) == 4
    assert set("".join(made.values())) <= set(CHARSETS[charset])
    assert len(set("".join(made.values()))) > 10
    assert set(made.values()) <= redact.known(), "it is masked from now on"
    assert not run(memory, generate=keys).changed
    assert held(memory) == made


def test_the_characters_are_those_that_are_documented() -> None:
    assert {name: len(set(characters)) for name, characters in CHARSETS.items()} == {
        "alphanumeric": 62,
        "hex": 16,
        "base64url": 64,
        "printable": 76,
    }
    assert set(CHARSETS["hex"]) == set("0123456789abcdef")
    assert not set(CHARSETS["printable"]) & set(" '\"\\$`{}" + string.whitespace)


@pytest.mark.parametrize(
    ("generate", "data", "problem"),
    [
        ([{"key": "a", "length": 7, "charset": "hex"}], None, "7 characters can be guessed"),
        ([{"key": "a", "length": 8, "charset": "hex"}], None, None),
        ([{"key": "a", "length": 8, "charset": "hex"}], {"a": "x"}, "a is declared in data too"),
    ],
)
def test_what_is_to_be_generated_is_checked(memory: Memory, generate: t.Any, data: t.Any, problem: str | None) -> None:
    if problem is None:
        assert run(memory, generate=generate, data=data).error is None
        return
    with pytest.raises(InvalidInput, match=problem) as refusal:
        run(memory, generate=generate, data=data)
    assert refusal.value.field == "generate"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"a": 2**53}, None),
        ({"a": -(2**53)}, None),
        ({"a": True, "b": 1.5, "c": str(2**60)}, None),
        ({"a": 2**53 + 1}, "data.a"),
        ({"a": -(2**53) - 1}, "data.a"),
        ({"a": {"b": [1, {"c": 2**60}]}}, "data.a.b[1].c"),
    ],
)
def test_a_number_that_the_server_would_alter_is_refused(memory: Memory, data: Data, field: str | None) -> None:
    if field is None:
        assert run(memory, data=data).error is None
        return
    with pytest.raises(InvalidInput, match="beyond 2\\^53") as refusal:
        run(memory, data=data)
    assert refusal.value.field == field
    assert memory.writes == []


def test_every_text_in_a_secret_is_masked_and_in_no_plan(memory: Memory) -> None:
    data = {
        "a": {"inner-name": ["first-of-a-list", {"x": "deep-in-a-mapping"}]},
        "b": "plain-text-of-b",
        "c": 987654321012345,
    }
    outcome = run(memory, data=data)
    assert {"first-of-a-list", "deep-in-a-mapping", "plain-text-of-b"} <= redact.known()
    shown = f"{outcome.result()} {outcome.plan.diff(outcome.resource.identity)}"
    for text in ("first-of-a-list", "deep-in-a-mapping", "plain-text-of-b", "987654321012345"):
        assert text not in shown.replace("vault_kv_secret", "")
    assert held(memory) == data


def test_metadata_is_compared_where_it_is_declared_and_refused_for_version_1(memory: Memory) -> None:
    run(memory, data={"a": "1"}, max_versions=3, custom_metadata={"owner": "hub"})
    assert memory.objects["kv/metadata/s"]["max_versions"] == 3
    memory.asked.clear()
    outcome = run(memory, data={"a": "1"}, max_versions=4)
    assert outcome.plan.reasons == ["max_versions is 3, declared 4"]
    assert memory.writes == [("post", "kv/metadata/s")], "the data is not written again"
    assert outcome.facts["max_versions"] == 4
    refused_ = run(memory, mount="old", data={"a": "1"}, max_versions=3)
    assert isinstance(refused_.error, InvalidInput)
    assert refused_.error.field == "max_versions"


def test_facts_name_the_keys_and_show_no_value(memory: Memory) -> None:
    facts = run(memory, data={"b": "2-secret", "a": "1-secret"}, custom_metadata={"owner": "hub"}).facts
    assert facts == {
        "mount": "kv",
        "path": "s",
        "key_names": ["a", "b"],
        "deleted": False,
        "version": 1,
        "custom_metadata": {"owner": "hub"},
    }
    assert run(memory, mount="old", data={"a": "1"}).facts == {
        "mount": "old",
        "path": "s",
        "key_names": ["a"],
        "deleted": False,
    }


def test_version_1_that_generates_says_that_nothing_guards_it(memory: Memory) -> None:
    generate = [{"key": "a", "length": 8, "charset": "hex"}]
    (warning,) = run(memory, check_mode=True, mount="old", generate=generate).plan.warnings
    assert "old/s: version 1 of the engine cannot refuse a write" in warning
    assert run(memory, check_mode=True, generate=generate).plan.warnings == ()
    assert run(memory, check_mode=True, mount="old", data={"a": "1"}).plan.warnings == ()


def test_a_refusal_that_is_none_of_versions_is_told(memory: Memory) -> None:
    memory.on("post", "kv/data/s", lambda _path, _body: refused(400, "no room"))
    assert isinstance(run(memory, data={"a": "1"}).error, Rejected)


def test_r22_a_server_that_refuses_the_version_it_names_is_a_contradiction(memory: Memory) -> None:
    memory.on("post", "kv/data/s", lambda _path, _body: refused(400, "check-and-set parameter did not match"))
    outcome = run(memory, data={"a": "1"})
    assert isinstance(outcome.error, NotVault)
    assert len(memory.writes) == 1


def test_r22_who_never_gets_its_turn_is_told(memory: Memory) -> None:
    numbers = iter(range(100))

    def other(path: str, _body: Data) -> None:
        now = memory.objects.get("kv/metadata/s", {"current_version": 0})["current_version"]
        memory._kv("post", path, {"data": {"a": f"other-{next(numbers)}"}, "options": {"cas": now}})

    memory.on("post", "kv/data/s", other)
    outcome = run(memory, data={"a": "ours"})
    assert isinstance(outcome.error, NotConverged)
    assert len(memory.writes) == 5
    assert held(memory) == {"a": "other-4"}
