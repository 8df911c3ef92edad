# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents in a key-value engine: over which version each is written, and what others wrote meanwhile stays."""

from __future__ import annotations

import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, Overtaken, TrustmeshError, Unlisted
from plugins.module_utils._vault.errors import NotVault, Rejected, TooLarge
from plugins.module_utils._vault.kv import KvVersions
from plugins.module_utils._vault.kv_custody import (
    KvCustody,
    KvPublisher,
    KvSpreadPublisher,
    KvStore,
    KvStores,
)
from tests.unit.vault.memory import Data, Memory, Reply, refused

MOUNTS: t.Final = {"kv": "kv2", "old": "kv1"}
STALE: t.Final = "check-and-set parameter did not match the current version"


@pytest.fixture
def memory() -> Memory:
    return Memory(**MOUNTS)


def store(memory: Memory, mount: str = "kv") -> KvStore:
    vault = memory.vault
    return KvStore(vault, KvVersions(vault), mount)


def bodies(memory: Memory) -> list[Data]:
    return [body for method, _path, body in memory.asked if method == "post"]


def test_r1_every_write_names_the_version_that_it_replaces(memory: Memory) -> None:
    documents = store(memory)
    assert documents.read("a") is None
    assert documents.write("a", {"n": 1}, None) == 1
    assert documents.write("a", {"n": 2}, 1) == 2
    assert documents.read("a") == ({"n": 2}, 2)
    assert bodies(memory) == [
        {"data": {"n": 1}, "options": {"cas": 0}},
        {"data": {"n": 2}, "options": {"cas": 1}},
    ]


@pytest.mark.parametrize("stale", [None, 1, 3])
def test_r22_what_others_wrote_meanwhile_stays(memory: Memory, stale: int | None) -> None:
    documents = store(memory)
    documents.write("a", {"n": 1}, None)
    documents.write("a", {"n": 2}, 1)
    with pytest.raises(Overtaken, match="was written by others"):
        documents.write("a", {"n": 3}, stale)
    assert documents.read("a") == ({"n": 2}, 2)


def test_r22_what_others_removed_meanwhile_is_not_made_again(memory: Memory) -> None:
    documents = store(memory)
    documents.write("a", {"n": 1}, None)
    documents.remove("a")
    assert ("delete", "kv/metadata/a") in memory.writes
    with pytest.raises(Overtaken, match="was removed by others"):
        documents.write("a", {"n": 2}, 1)
    assert documents.read("a") is None


def test_a_deleted_document_counts_as_absent_and_is_written_over_by_its_version(memory: Memory) -> None:
    documents = store(memory)
    documents.write("a", {"n": 1}, None)
    memory.vault.delete("kv/data/a")
    assert documents.read("a") is None
    assert documents.write("a", {"n": 2}, None) == 2
    assert [body["options"] for body in bodies(memory)] == [{"cas": 0}, {"cas": 0}, {"cas": 1}]


def test_a_deleted_document_is_written_over_by_one_alone(memory: Memory) -> None:
    documents = store(memory)
    documents.write("a", {"n": 1}, None)
    memory.vault.delete("kv/data/a")
    memory.on("post", "kv/data/a", lambda _path, _body: refused(400, STALE))
    with pytest.raises(Overtaken):
        documents.write("a", {"n": 2}, None)


def test_r1_what_is_not_there_and_cannot_be_made_is_a_contradiction(memory: Memory) -> None:
    memory.on("post", "kv/data/a", lambda _path, _body: refused(400, STALE))
    with pytest.raises(NotVault, match="it is not there, and cannot be made because it is"):
        store(memory).write("a", {"n": 1}, None)


@pytest.mark.parametrize("mount", ["kv", "old"])
def test_another_refusal_is_not_taken_for_a_write_of_others(memory: Memory, mount: str) -> None:
    memory.on("post", f"{mount}/.*", lambda _path, _body: refused(400, "no room"))
    with pytest.raises(Rejected, match="no room"):
        store(memory, mount).write("a", {"n": 1}, None)


@pytest.mark.parametrize(("written", "same"), [({"n": 2}, True), ({"n": 3}, False)])
def test_r22_a_repeated_write_knows_its_own_document(memory: Memory, written: Data, same: bool) -> None:
    documents = store(memory)
    documents.write("a", {"n": 1}, None)
    lost: list[bool] = []

    def cut(_path: str, body: Data) -> Reply | None:
        if lost:
            return None
        lost.append(True)
        memory._answer("post", "kv/data/a", {**body, "data": written}, None)
        return 502, {"errors": ["broken"]}

    memory.on("post", "kv/data/a", cut)
    documents.vault._retries = 1
    if same:
        assert documents.write("a", {"n": 2}, 1) == 2
        return
    with pytest.raises(Overtaken):
        documents.write("a", {"n": 2}, 1)


def test_version_1_is_read_once_more_before_every_write(memory: Memory) -> None:
    documents = store(memory, "old")
    version = documents.write("a", {"n": "1"}, None)
    assert documents.read("a") == ({"n": "1"}, version)
    for stale in (None, "x"):
        with pytest.raises(Overtaken):
            documents.write("a", {"n": "2"}, stale)
    second = documents.write("a", {"n": "2"}, version)
    assert second != version
    with pytest.raises(Overtaken):
        documents.write("a", {"n": "3"}, version)
    assert documents.read("a") == ({"n": "2"}, second)
    assert documents.write("a", {}, second) is None
    assert documents.read("a") is None
    assert ("delete", "old/a") in memory.writes


def test_names_are_those_of_documents_in_order(memory: Memory) -> None:
    documents = store(memory)
    for name in ("b", "a", "c/d"):
        documents.write(f"keys/{name}", {"n": 1}, None)
    assert documents.names("keys") == ["a", "b"]
    assert documents.names("none") == []
    assert store(memory, "nowhere").names("keys") == []


@pytest.mark.parametrize("expected", [True, False])
def test_a_mount_that_is_not_there_is_absence_and_is_warned_of(memory: Memory, expected: bool) -> None:
    documents = store(memory, "later")
    documents.vault.expect(["later"] if expected else [])
    assert documents.read("a") is None
    assert [text.startswith("later/a: ") for text in documents.vault.warnings] == ([] if expected else [True])


# -- custody and publishers --------------------------------------------------------------------------------------------


def test_a_custody_has_a_secret_for_each_owner_and_serves_the_others_of_one_that_fails(memory: Memory) -> None:
    custody = KvCustody(store(memory), "/keys/{name}/")
    memory.on("post", "kv/data/keys/b", lambda _path, _body: refused(400, "no room"))
    memory.on("delete", "kv/metadata/keys/b", lambda _path, _body: refused(400, "not now"))
    done = custody.write([(name, {"of": name}, None) for name in "abc"])
    assert (done["a"], done["c"]) == (1, 1)
    assert isinstance(done["b"], Rejected)
    assert custody.read("c") == ({"of": "c"}, 1)
    assert custody.names() == ["a", "c"]
    assert (custody.identity, custody.place("a")) == ("kv/keys/{name}", "kv/keys/a")
    assert list(custody.remove(["a", "b", "c"])) == ["b"]
    assert custody.names() == []
    assert custody.misplaced("a") == ()


@pytest.mark.parametrize("path", ["keys", "keys/name"])
def test_a_custody_without_a_place_for_the_name_is_refused(memory: Memory, path: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        KvCustody(store(memory), path)
    assert refusal.value.field == "path"


def test_owners_that_cannot_be_listed_are_an_error(memory: Memory) -> None:
    with pytest.raises(Unlisted, match="cannot be listed"):
        KvCustody(store(memory), "keys/{name}/signing").names()


def test_texts_of_many_owners_are_one_secret_and_leave_the_others_alone(memory: Memory) -> None:
    documents = store(memory)
    documents.write("public", {"z.pem": "Z", "note": "theirs", ".pem": "nobody"}, None)
    publisher = KvPublisher(documents, "/public")
    assert publisher.held() == {"z": "Z"}
    assert publisher.publish({"a": "A", "b": "B", "z": None}) == {}
    assert documents.read("public") == ({"note": "theirs", ".pem": "nobody", "a.pem": "A", "b.pem": "B"}, 2)
    assert publisher.identity == "kv kv/public"
    bare = KvPublisher(documents, "bare", "")
    assert bare.publish({"a": "A"}) == {}
    assert bare.held() == {"a": "A"}


def _overtaking(memory: Memory, times: int, content: t.Callable[[int], Data]) -> None:
    """Let others write just before each of the first writes."""
    done: list[int] = []

    def other(path: str, body: Data) -> None:
        if len(done) < times:
            done.append(1)
            now = memory.objects.get("kv/metadata/public", {"current_version": 0})["current_version"]
            memory._kv("post", path, {"data": content(len(done)), "options": {"cas": now}})

    memory.on("post", "kv/data/public", other)


@pytest.mark.parametrize(("times", "reached"), [(0, True), (1, True), (4, True), (5, False)])
def test_r22_a_publisher_looks_again_when_others_were_faster(memory: Memory, times: int, reached: bool) -> None:
    documents = store(memory)
    _overtaking(memory, times, lambda number: {f"{number}.pem": "theirs"})
    failures = KvPublisher(documents, "public").publish({"a": "A", "b": "B"})
    held = documents.read("public")
    assert held is not None
    assert ("a.pem" in held[0]) is reached
    assert len(held[0]) == 2 * reached + bool(times), "and what others wrote stays"
    assert (set(failures), {type(error) for error in failures.values()}) == (
        (set(), set()) if reached else ({"a", "b"}, {Overtaken})
    )


def test_r22_what_others_published_alike_is_told_as_theirs(memory: Memory) -> None:
    documents = store(memory)
    _overtaking(memory, 1, lambda _number: {"a.pem": "A"})
    failures = KvPublisher(documents, "public").publish({"a": "A"})
    assert [type(error) for error in failures.values()] == [Overtaken]
    assert len([path for method, path in memory.writes if method == "post"]) == 1


def test_r22_a_text_that_others_exchanged_since_it_was_seen_stays(memory: Memory) -> None:
    documents = store(memory)
    documents.write("public", {"a.pem": "old", "b.pem": "B", "c.pem": "C"}, None)
    publisher = KvPublisher(documents, "public")
    publisher.held()
    documents.write("public", {"a.pem": "newer", "b.pem": "B", "d.pem": "D"}, 1)
    failures = publisher.publish({"a": "older", "b": "again", "c": None, "d": "D"})
    assert {name: (type(error), error.problem) for name, error in failures.items()} == {
        "a": (Overtaken, "the text of a in kv/public was written by others meanwhile")
    }
    assert documents.read("public") == ({"a.pem": "newer", "b.pem": "again", "d.pem": "D"}, 3)
    assert set(publisher.publish({"a": "older"})) == {"a"}
    assert documents.read("public") == ({"a.pem": "newer", "b.pem": "again", "d.pem": "D"}, 3), "nothing is written"


def test_r22_what_a_publisher_wrote_itself_is_no_work_of_others(memory: Memory) -> None:
    documents = store(memory)
    publisher = KvPublisher(documents, "public")
    assert publisher.held() == {}
    for text in ("first", "second", None, "third"):
        assert publisher.publish({"a": text}) == {}
    assert publisher.held() == {"a": "third"}


def test_more_texts_than_a_secret_takes_are_told_with_the_way_out(memory: Memory) -> None:
    memory.on("post", "kv/data/public", lambda _path, _body: refused(413, "too large"))
    with pytest.raises(TooLarge, match="2 public texts are too many") as refusal:
        KvPublisher(store(memory), "public").publish({"a": "A", "b": "B"})
    assert (refusal.value.field, "/{name}" in str(refusal.value.remedy)) == ("publish", True)


@pytest.mark.parametrize(("suffix", "field"), [(".pem", "public_key"), (".json", "document")])
def test_a_secret_for_each_text_is_written_over_the_version_that_was_read(
    memory: Memory, suffix: str, field: str
) -> None:
    documents = store(memory)
    documents.write("public/a", {field: "old"}, None)
    documents.write("public/other", {"note": "theirs"}, None)
    publisher = KvSpreadPublisher(documents, "public/{name}", suffix)
    assert publisher.held() == {"a": "old"}
    assert publisher.publish({"a": "new", "b": "B"}) == {}
    assert documents.read("public/a") == ({field: "new"}, 2)
    assert publisher.publish({"a": "newer", "b": None}) == {}
    assert publisher.held() == {"a": "newer"}
    documents.write("public/a", {field: "of others"}, 3)
    failures = publisher.publish({"a": "ours", "c": "C"})
    assert (list(failures), type(failures["a"])) == (["a"], Overtaken)
    assert publisher.held() == {"a": "of others", "c": "C"}


@pytest.mark.parametrize("path", ["public", "{name}", "{name}/{name}", "public/{name}/x"])
def test_a_folder_that_cannot_be_listed_is_refused(memory: Memory, path: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        KvSpreadPublisher(store(memory), path)
    assert refusal.value.field == "path"


def test_stores_log_in_once_and_only_when_they_are_needed(memory: Memory) -> None:
    logins: list[int] = []

    def login() -> t.Any:
        logins.append(1)
        return memory.vault

    stores = KvStores(login)
    remarks = stores.warnings
    assert (remarks, logins) == ([], [])
    assert isinstance(stores.publisher("kv", "public/{name}", ".pem"), KvSpreadPublisher)
    assert isinstance(stores.publisher("kv", "public", ".pem"), KvPublisher)
    assert stores.custody("kv", "keys/{name}").write([("a", {"n": 1}, None)]) == {"a": 1}
    assert stores.document("kv", "keys/a") == {"n": 1}
    assert stores.document("kv", "keys/b") is None
    assert logins == [1]
    assert stores.warnings is stores.connection().warnings


def test_a_failure_of_the_server_is_nobodys_alone(memory: Memory) -> None:
    memory.on("list", "kv/metadata/public", lambda _path, _body: refused(500, "broken"))
    with pytest.raises(TrustmeshError, match="broken"):
        KvSpreadPublisher(store(memory), "public/{name}").held()
