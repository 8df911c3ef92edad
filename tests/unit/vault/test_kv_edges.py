# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others do to a key-value engine between two looks, and how many look at once."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, NotConverged, Overtaken, Unlisted
from plugins.module_utils._vault.connection import WORKERS
from plugins.module_utils._vault.errors import NotVault
from plugins.module_utils._vault.kv import KvVersions
from plugins.module_utils._vault.kv_custody import KvCustody, KvPublisher, KvSpreadPublisher, KvStore, _each
from plugins.module_utils._vault.kv_survey import KvSurvey
from plugins.module_utils._vault.kv_values import KvValues
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault.subjects import NOON
from tests.unit.vault.test_kv_secret import NOTHING, run


@pytest.fixture
def memory() -> Memory:
    return Memory(kv="kv2", old="kv1")


def store(memory: Memory, mount: str = "kv") -> KvStore:
    vault = memory.vault
    return KvStore(vault, KvVersions(vault), mount)


def written(memory: Memory) -> list[Data]:
    return [body for method, path, body in memory.asked if (method, path) == ("post", "kv/data/s")]


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_a_secret_of_metadata_alone_is_written_as_its_first_version(memory: Memory) -> None:
    memory.objects["kv/metadata/s"] = {"current_version": 0, "versions": {}, "max_versions": 3, "custom_metadata": None}
    outcome = run(memory, data={"a": "1"}, max_versions=3)
    assert (outcome.error, outcome.changed) == (None, True)
    assert [body["options"] for body in written(memory)] == [{"cas": 0}]


def test_what_is_absent_is_not_asked_for_its_keys(memory: Memory) -> None:
    run(memory, data={"a": "1", "b": "2"})
    keys = [{"key": "c", "length": 32, "charset": "hex"}]
    plan = run(memory, check_mode=True, state="absent", generate=keys, other_keys="remove").plan
    assert plan.reasons == ["exists but is declared absent"]
    assert run(memory, state="absent").facts == {}


@pytest.mark.parametrize("declared", [{"generate": [{"key": "k", "length": 32, "charset": "hex"}]}, {}])
@pytest.mark.parametrize("mount", ["kv", "old"])
def test_what_is_generated_takes_the_place_of_what_was_there_alone(memory: Memory, mount: str, declared: Data) -> None:
    """Without ``data`` nothing but the generated keys is declared."""
    run(memory, mount=mount, data={"a": "1"})
    outcome = run(memory, mount=mount, other_keys="remove", **declared)
    assert outcome.error is None
    kept = memory.objects["old/s"] if mount == "old" else memory.vault.read("kv/data/s")
    assert kept is not None
    assert set(kept if mount == "old" else kept["data"]) == ({"k"} if declared else set())


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("mount", ["kv", "old"])
def test_a_secret_of_which_nothing_is_declared_is_not_made(memory: Memory, mount: str, check_mode: bool) -> None:
    outcome = run(memory, check_mode=check_mode, mount=mount)
    assert isinstance(outcome.error, InvalidInput)
    assert (outcome.error.field, "nothing is declared" in outcome.error.problem) == ("data", True)
    assert bool(outcome.error.remedy)
    assert memory.writes == []
    run(memory, mount=mount, data={"a": "1"})
    assert (run(memory, mount=mount).error, run(memory, mount=mount).changed) == (None, False)


@pytest.mark.parametrize("mount", ["kv", "old"])
def test_an_empty_secret_is_one(memory: Memory, mount: str) -> None:
    outcome = run(memory, mount=mount, other_keys="remove")
    assert (outcome.error, outcome.changed) == (None, True)
    assert not run(memory, mount=mount, other_keys="remove").changed


def test_version_1_that_has_generated_warns_no_more(memory: Memory) -> None:
    keys = [{"key": "k", "length": 32, "charset": "hex"}]
    run(memory, mount="old", generate=keys)
    plan = run(memory, check_mode=True, mount="old", data={"a": "1"}, generate=keys).plan
    assert (plan.reasons, plan.warnings) == (["data.a is unset"], ())


def test_metadata_that_is_unset_is_not_called_data(memory: Memory) -> None:
    run(memory, data={"a": "1"})
    plan = run(memory, check_mode=True, data={"a": "1"}, custom_metadata={"owner": "hub"}).plan
    assert plan.reasons == ["custom_metadata.owner is unset, declared hub"]
    memory.vault.delete("kv/data/s")
    plan = run(memory, check_mode=True, data={"a": "1"}, custom_metadata={"owner": "hub"}).plan
    assert plan.reasons == ["the newest version is deleted", "custom_metadata.owner is unset, declared hub"]


@pytest.mark.parametrize(("item", "ours"), [({"max_versions": 4}, True), ({}, False)])
def test_r22_what_others_wrote_alike_is_a_success_only_beside_a_change_of_ours(
    memory: Memory, item: Data, ours: bool
) -> None:
    """Nobody is told that this run has changed the data, nor that it has changed nothing."""
    run(memory, data={"a": "1"}, max_versions=3)

    def other(path: str, _body: Data) -> None:
        if memory.objects["kv/metadata/s"]["current_version"] == 1:
            memory._kv("post", path, {"data": {"a": "2"}, "options": {"cas": 1}})

    memory.on("post", "kv/data/s", other)
    outcome = run(memory, data={"a": "2"}, **item)
    assert (outcome.error, outcome.changed) == (None, ours)


def test_custom_metadata_is_a_fact_though_nothing_is_declared_of_it(memory: Memory) -> None:
    run(memory, data={"a": "1"}, custom_metadata={"owner": "hub"})
    assert run(memory, data={"a": "1"}).facts["custom_metadata"] == {"owner": "hub"}


def test_r1_a_look_is_repeated_five_times(memory: Memory) -> None:
    run(memory, data={"a": "1"})
    looks: list[int] = []

    def gone(_path: str, _body: Data) -> Reply | None:
        looks.append(1)
        return NOTHING if len(looks) < 5 else None

    memory.on("get", "kv/data/s", gone)
    assert run(memory, data={"a": "1"}).error is None
    assert len(looks) == 5
    looks.clear()
    memory.on("get", "kv/data/s", lambda _path, _body: looks.append(1) or NOTHING)  # type: ignore[func-returns-value]
    assert isinstance(run(memory, data={"a": "1"}).error, NotVault)
    assert len(looks) == 5


def test_r22_who_has_written_before_and_never_again_has_not_converged(memory: Memory) -> None:
    """Its own metadata is written; the data is of others each time."""
    numbers = iter(range(100))

    def other(path: str, _body: Data) -> None:
        now = memory.objects["kv/metadata/s"]["current_version"]
        memory._kv("post", path, {"data": {"a": f"other-{next(numbers)}"}, "options": {"cas": now}})

    run(memory, data={"a": "1"}, max_versions=3)
    memory.on("post", "kv/data/s", other)
    outcome = run(memory, data={"a": "ours"}, max_versions=4)
    assert isinstance(outcome.error, NotConverged)
    assert bool(outcome.error.remedy)


# -- documents ---------------------------------------------------------------------------------------------------------


def test_a_document_is_written_by_one_request(memory: Memory) -> None:
    documents = store(memory)
    documents.versioned  # noqa: B018 - asked before
    memory.asked.clear()
    assert documents.write("a", {"n": 1}, None) == 1
    assert [method for method, _path, _body in memory.asked] == ["post"]


@pytest.mark.parametrize("stale", [None, 5])
def test_r22_who_is_overtaken_is_told_what_to_do(memory: Memory, stale: int | None) -> None:
    documents = store(memory)
    documents.write("a", {"n": 1}, None)
    with pytest.raises(Overtaken) as caught:
        documents.write("a", {"n": 2}, stale)
    assert (str(caught.value).startswith("kv/a was written by others"), bool(caught.value.remedy)) == (True, True)


def test_r22_the_order_of_fields_makes_no_other_document_of_version_1(memory: Memory) -> None:
    documents = store(memory, "old")
    version = documents.write("a", {"b": {"x": "1", "y": "2"}, "a": "1"}, None)
    memory.objects["old/a"] = {"a": "1", "b": {"y": "2", "x": "1"}}
    assert documents.read("a") == ({"a": "1", "b": {"x": "1", "y": "2"}}, version)
    documents.write("a", {"a": "2"}, version)


def test_owners_that_are_known_already_are_not_listed_again(memory: Memory) -> None:
    custody = KvCustody(store(memory), "keys/{name}")
    custody.write([(name, {"of": name}, None) for name in "abc"])
    assert custody.names(besides=["a", "c", "z"]) == ["b"]


def test_owners_that_may_not_be_listed_are_not_none(memory: Memory) -> None:
    memory.on("list", "kv/metadata/keys", lambda _path, _body: refused(403, "1 error occurred: permission denied"))
    with pytest.raises(Unlisted, match="permission denied for list kv/metadata/keys") as caught:
        KvCustody(store(memory), "keys/{name}").names()
    assert bool(caught.value.remedy)


def test_texts_that_are_deleted_or_taken_back_are_not_held(memory: Memory) -> None:
    documents = store(memory)
    publisher = KvSpreadPublisher(documents, "/public/{name}/")
    assert publisher.publish({"a": "A", "b": "B", "c": "C"}) == {}
    memory.vault.delete("kv/data/public/a")
    assert publisher.held() == {"b": "B", "c": "C"}
    assert publisher.publish({"b": None, "a": "again"}) == {}
    assert "kv/metadata/public/b" not in memory.objects, "with all its versions"
    assert publisher.held() == {"a": "again", "c": "C"}
    assert publisher.identity == "kv kv/public/{name}"


def test_r22_one_publishes_at_a_time_through_a_publisher(memory: Memory) -> None:
    documents = store(memory)
    publisher, second = KvPublisher(documents, "public"), []
    order: list[str] = []

    def look(_path: str, _body: Data) -> None:
        order.append("look")

    def write(_path: str, _body: Data) -> None:
        if not second:
            second.append(threading.Thread(target=publisher.publish, args=({"b": "B"},)))
            second[0].start()
            second[0].join(0.1)
        order.append("write")

    memory.on("get", "kv/data/public", look)
    memory.on("post", "kv/data/public", write)
    publisher.publish({"a": "A"})
    second[0].join(5)
    assert order == ["look", "write", "look", "write"]
    assert publisher.held() == {"a": "A", "b": "B"}


# -- how many at once --------------------------------------------------------------------------------------------------


class Crowd:
    """Counts who is there at once."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, *_given: t.Any) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.02)
        with self._lock:
            self._now -= 1


def test_as_many_owners_are_served_at_once_as_the_connection_carries() -> None:
    crowd = Crowd()
    names = [str(number) for number in range(40)]
    assert _each(names, {name: name for name in names}, lambda name: crowd() or name) == {  # type: ignore[func-returns-value]
        name: name for name in names
    }
    assert 1 < crowd.most <= WORKERS


def test_as_many_secrets_are_looked_at_at_once_as_the_connection_carries(memory: Memory) -> None:
    crowd = Crowd()
    for number in range(40):
        memory.objects[f"old/{number}"] = {"a": "1"}
    memory.on("get", "old/.*", crowd)
    survey = KvSurvey(memory.vault, "old", "", lambda *_given: (), NOON)
    assert len(survey.observe([str(number) for number in range(40)], values=True)) == 40
    assert 1 < crowd.most <= WORKERS


@pytest.mark.parametrize("about", [NOTHING, found({"current_version": 0, "versions": {}})])
def test_a_secret_that_is_listed_and_gone_is_not_there(memory: Memory, about: Reply) -> None:
    memory.on("list", "kv/metadata", lambda _path, _body: found({"keys": ["a", "b"]}))
    memory.on("get", "kv/metadata/a", lambda _path, _body: about)
    survey = KvSurvey(memory.vault, "kv", "", lambda *_given: (), NOON)
    assert set(survey.observe(["a"], values=True)) == {"b"}


def test_a_secret_whose_version_is_gone_between_two_looks_has_no_fields(memory: Memory) -> None:
    memory._kv("post", "kv/data/a", {"data": {"x": "1"}})
    memory.on("get", "kv/data/a", lambda _path, _body: NOTHING)
    survey = KvSurvey(memory.vault, "kv", "", lambda *_given: (), NOON)
    assert survey.observe(["a"], values=True)["a"].fields == frozenset()


# -- values ------------------------------------------------------------------------------------------------------------


def _values(memory: Memory) -> tuple[KvValues, list[int]]:
    logins: list[int] = []
    vault = memory.vault

    def login() -> Vault:
        logins.append(1)
        return vault

    return KvValues(login), logins


def test_values_of_many_secrets_cost_one_login(memory: Memory) -> None:
    for path in ("a", "b"):
        memory._kv("post", f"kv/data/{path}", {"data": {"k": f"value-of-{path}"}})
    values, logins = _values(memory)
    assert values.warnings == []
    assert [values("kv", path, "k").reveal() for path in ("a", "b", "a")] == ["value-of-a", "value-of-b", "value-of-a"]
    assert logins == [1]
    assert values._opened is not None and values.warnings is values._opened[0].warnings
    assert len([path for _method, path, _body in memory.asked if "/data/" in path]) == 2, "each is read once"


def test_a_deleted_value_is_told_as_deleted(memory: Memory) -> None:
    memory._kv("post", "kv/data/a", {"data": {"k": "v"}})
    memory.vault.delete("kv/data/a")
    with pytest.raises(InvalidInput, match="the newest version of kv/a is deleted") as caught:
        _values(memory)[0]("kv", "a", "k")
    assert (caught.value.field, "Undelete it" in str(caught.value.remedy)) == ("vault", True)
    with pytest.raises(InvalidInput, match="there is no secret at kv/b") as caught:
        _values(memory)[0]("kv", "b", "k")
    assert (caught.value.field, bool(caught.value.remedy)) == ("vault", True)


@pytest.mark.parametrize("asked", ["values", "versions"])
def test_many_threads_ask_once(memory: Memory, asked: str) -> None:
    memory._kv("post", "kv/data/a", {"data": {"k": "v"}})
    memory.asked.clear()

    def slow(_path: str, _body: Data) -> None:
        time.sleep(0.05)

    memory.on("get", ".*", slow)
    values, logins = _values(memory)
    versions = KvVersions(memory.vault)
    act: t.Callable[[], t.Any] = (lambda: values("kv", "a", "k")) if asked == "values" else (lambda: versions.of("kv"))
    threads = [threading.Thread(target=act) for _at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory.asked) == (2 if asked == "values" else 1)
    assert logins == [1] * (asked == "values")


def test_r17_a_type_of_any_length_is_told_in_short() -> None:
    memory = Memory(kv="kv2")
    memory.tables["sys/mounts"]["kv/"]["type"] = "wide" * 500
    with pytest.raises(InvalidInput, match=r"of type (wide){15} \.\.\. and not"):
        KvVersions(memory.vault).of("kv")
