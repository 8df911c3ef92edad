# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Phase by phase: who goes on when one of them fails, what is done once only, and what is told of it."""

from __future__ import annotations

import datetime
import threading
import typing as t

import pytest

from plugins.module_utils._core.errors import NotConverged, Overtaken, TrustmeshError
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.keyring import Work, precise_clock
from plugins.module_utils._keyring.record import Generation, KeyMaterial, Record
from plugins.module_utils._keyring.rotation import Rotation
from tests.unit.keyring.memory import World
from tests.unit.keyring.ring import START

FULL: t.Final = TrustmeshError("is full", remedy="Make room.")
BEATEN: t.Final = Overtaken("others wrote it", remedy="Run again.")


def _generation(text: str) -> Generation:
    return Generation(KeyMaterial({"private_key": Secret(text)}, f"public {text}"), START)


@pytest.fixture
def world() -> World:
    """An empty one."""
    return World()


class Items:
    """Works of one batch, and whose end was reached."""

    def __init__(self, world: World) -> None:
        self.ring = world.keyring()
        self.finished: list[str] = []

    def stage(self, name: str, error: TrustmeshError | None = None, **more: t.Any) -> Work:
        """Stage the first key of an owner, published at both places."""
        given: dict[str, t.Any] = {
            "record": Record(_generation(name)),
            "writes": True,
            "texts": {"near": {name: f"public {name}"}, "far": {name: f"public {name}"}},
            **more,
        }
        work = Work(f"word {name}", name, **given)

        def finish() -> None:
            self.finished.append(name)
            if error is not None:
                raise error

        work.finish = finish
        self.ring.stage(work)
        return work

    def commit(self) -> dict[str, str]:
        """Carry out all, and return what went wrong."""
        return {identity: str(error) for identity, error in self.ring.commit().items()}


def test_each_phase_is_one_for_all(world: World) -> None:
    items = Items(world)
    items.stage("a")
    items.stage("b", texts={"near": {"b": "public b"}})
    assert items.commit() == {}
    assert world.done == [
        ("write", ["a", "b"]),
        ("near", {"a": "public a", "b": "public b"}),
        ("far", {"a": "public a"}),
    ]
    assert items.finished == ["a", "b"]
    world.done.clear()
    assert (items.commit(), world.done) == ({}, [])


def test_whose_record_is_not_kept_is_not_published(world: World) -> None:
    world.custody.refuses["a"] = FULL
    items = Items(world)
    items.stage("a")
    items.stage("b", texts={"near": {"b": "public b"}})
    assert items.commit() == {"word a": str(FULL)}
    assert world.done[1:] == [("near", {"b": "public b"})]
    assert items.finished == ["b"]


@pytest.mark.parametrize("all_of_it", [True, False])
def test_who_is_not_published_everywhere_is_neither_used_nor_ended(world: World, all_of_it: bool) -> None:
    if all_of_it:
        world.near.broken = FULL
    else:
        world.near.refuses["a"] = FULL
    items = Items(world)
    items.stage("a", record=Record(_generation("old"), _generation("a")))
    items.stage("b", texts={"far": {"b": "public b"}})
    assert items.commit() == {"word a": str(FULL)}
    assert world.done[1:] == [("near", {"a": "public a"}), ("far", {"b": "public b"})]
    assert items.finished == ["b"]
    document, _version = world.custody.documents["a"]
    assert (document["private_key"], document["next"]["private_key"]) == ("old", "a")
    assert document["next"]["offered"] == "2026-01-01T12:00:00Z"


def test_what_was_just_published_is_not_published_again_when_it_is_used(world: World) -> None:
    published = {"near": {"a": "public a"}, "far": {"a": "public a and old"}}
    items = Items(world)
    items.stage(
        "a",
        record=Record(_generation("old"), _generation("a")),
        rotation=Rotation(keep_previous=60),
        published=lambda record, now: published,
    )
    assert items.commit() == {}
    assert world.done == [
        ("write", ["a"]),
        ("near", {"a": "public a"}),
        ("far", {"a": "public a"}),
        ("write", ["a"]),
        ("far", {"a": "public a and old"}),
    ]
    document, version = world.custody.documents["a"]
    assert (document["private_key"], "next" in document, version) == ("a", False, 2)


def test_a_next_key_that_has_to_wait_is_noted_and_not_used(world: World) -> None:
    items = Items(world)
    record = Record(_generation("old"), _generation("a"))
    items.stage("a", record=record, rotation=Rotation(lead=60), published=lambda record, now: {})
    assert items.commit() == {}
    document, _version = world.custody.documents["a"]
    assert (document["private_key"], document["next"]["published"]) == ("old", "2026-01-01T12:00:00Z")


def test_what_cannot_be_taken_back_is_not_removed(world: World) -> None:
    back = {"near": {"a": None}}
    for refuses, done in ((world.near.refuses, 1), (world.custody.refuses, 2)):
        refuses["a"] = FULL
        items = Items(world)
        items.stage("a", record=None, writes=False, removes=True, texts=back)
        assert items.commit() == {"word a": str(FULL)}
        assert [verb for verb, _what in world.done] == ["near", "remove"][:done]
        assert items.finished == []
        refuses.clear()
        world.done.clear()
    items = Items(world)
    items.stage("a", record=None, writes=False, removes=True, texts=back)
    assert items.commit() == {}
    assert (world.done, items.finished) == ([("near", {"a": None}), ("remove", ["a"])], ["a"])


def test_what_lives_elsewhere_and_cannot_be_ended_is_told(world: World) -> None:
    items = Items(world)
    items.stage("a", FULL)
    items.stage("b")
    assert items.commit() == {"word a": str(FULL)}
    assert items.finished == ["a", "b"]


@pytest.mark.parametrize(
    ("staged", "changed"),
    [
        ({}, True),
        ({"writes": False}, True),
        ({"writes": False, "texts": {}}, False),
        ({"writes": False, "texts": {}, "record": None, "removes": True}, True),
    ],
    ids=["written", "published", "nothing", "removed"],
)
def test_r22_who_is_overtaken_has_not_converged_if_anything_was_changed(
    world: World, staged: dict[str, t.Any], changed: bool
) -> None:
    items = Items(world)
    items.stage("a", BEATEN, **staged)
    (failure,) = items.ring.commit().values()
    assert (type(failure), failure.remedy) == (NotConverged if changed else Overtaken, "Run again.")


def test_a_place_is_read_once_until_something_is_done_there(world: World) -> None:
    ring = world.keyring()
    threads = [threading.Thread(target=lambda: ring.published("a")) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (world.near.asked, world.far.asked) == (1, 1)
    world.near.texts["a"] = "written by others"
    assert ring.published("a") == {"near": None, "far": None}
    ring.commit()
    assert ring.published("a") == {"near": "written by others", "far": None}
    assert ring.published("b") == {"near": None}


def test_files_of_an_owner_are_those_of_custody_and_of_places_that_have_any(world: World) -> None:
    assert list(world.keyring().own_files("a")) == [("path", "/keys/a"), ("publish", "/near/a")]
    world.far.identity = "shelf"
    assert list(world.keyring().own_files("a"))[1:] == [("publish", "/near/a"), ("publish", "/shelf/a")]
    assert list(world.keyring().own_files("b"))[1:] == [("publish", "/near/b")]


def test_the_clock_of_a_rotation_is_that_of_the_world() -> None:
    now = precise_clock()
    assert now.tzinfo is datetime.timezone.utc
    assert abs(now - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=1)


class Busy:
    """Lets others publish something else just before each of the first times that the near place is written to."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, theirs: t.Sequence[str]) -> None:
        self.theirs = list(theirs)
        self._near, self._publish = world.near, world.near.publish
        monkeypatch.setattr(world.near, "publish", self.publish)

    def publish(self, texts: t.Mapping[str, t.Any]) -> t.Mapping[str, TrustmeshError]:
        if not self.theirs:
            return self._publish(texts)
        self._near.texts.update(dict.fromkeys(texts, self.theirs.pop(0)))
        return dict.fromkeys(texts, BEATEN)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_r22_the_text_of_the_record_in_custody_is_published_over_that_of_others(
    world: World, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    items = Items(world)
    items.stage("a")
    Busy(world, monkeypatch, ["theirs"] * times)
    assert items.ring.commit() == {}
    assert world.near.texts == {"a": "public a"}


def test_r22_who_is_beaten_again_and_again_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    items = Items(world)
    items.stage("a")
    Busy(world, monkeypatch, ["theirs"] * 6)
    assert isinstance(items.ring.commit()["word a"], NotConverged)


def test_r22_a_text_stays_when_others_have_written_the_record_since(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = Items(world)
    items.stage("a")
    items.stage("b")
    busy = Busy(world, monkeypatch, ["theirs"])
    write = world.custody.write

    def overtaken(entries: t.Sequence[t.Any]) -> dict[str, t.Any]:
        written = write(entries)
        world.custody.documents["a"] = ({}, written["a"] + 1)
        return written

    monkeypatch.setattr(world.custody, "write", overtaken)
    failures = items.ring.commit()
    assert (set(failures), busy.theirs) == ({"word a"}, [])
    assert world.near.texts == {"a": "theirs", "b": "public b"}


def test_r22_what_belongs_to_nobody_stays_when_others_have_changed_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = world.keyring()
    ring.stage(Work("place", "", texts={"near": {"x": None}}))
    Busy(world, monkeypatch, ["theirs"])
    assert ring.commit() == {"place": BEATEN}
    assert world.near.texts == {"x": "theirs"}
