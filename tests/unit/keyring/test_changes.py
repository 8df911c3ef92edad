# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user is shown of keys before they change: what, from what, to what and why; and what comes of it."""

from __future__ import annotations

import datetime
import hashlib
import typing as t

import pytest

from plugins.module_utils._core.errors import PolicyRefusal
from plugins.module_utils._core.plan import UNWANTED, Action, Plan
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._keyring.record import KeyMaterial
from plugins.module_utils._keyring.resource import Terms
from plugins.module_utils._keyring.rotation import Rotation
from tests.unit.keyring.memory import World
from tests.unit.keyring.ring import START, Word

DAY: t.Final = datetime.timedelta(days=1)


class Told(Word):
    """A word that is found wanting, settled or cautioned about as a test says."""

    faults: t.ClassVar[dict[str, t.Any]] = {}
    lists_all = True

    def settle(self, material: KeyMaterial) -> KeyMaterial:
        text = material.secrets["private_key"].reveal()
        return KeyMaterial(material.secrets, f"public {text}", material.facts)

    def mismatches(self, material: KeyMaterial) -> t.Sequence[str]:
        return ["it is a bad word"] if self.faults.get("bad") == material.secrets["private_key"].reveal() else []

    def inspect(self, material: KeyMaterial) -> t.Sequence[str]:
        return ["it is lost"] if self.faults.get("lost") == material.secrets["private_key"].reveal() else []

    def cautions(self, plan: Plan) -> t.Iterable[str]:
        return self.faults.get("cautions", ())


class Holder:
    """Notes what is destroyed."""

    def __init__(self) -> None:
        self.destroyed: list[str] = []

    def destroy(self, handle: str) -> None:
        self.destroyed.append(handle)


class Mesh(World):
    """Words of one owner in memory."""

    def run(self, *, check: bool = False, name: str = "a", source: t.Any = None, **given: t.Any) -> Outcome:
        """Reconcile once."""
        ring = self.keyring()
        fault = given.pop("on_mismatch", "fail")
        rotation = Rotation.declared({option: str(value) for option, value in given.items() if option != "absent"})
        key = Told(name, ring, None if given.get("absent") else Terms(rotation, fault, source))
        key.holder = t.cast(t.Any, self.holder)
        batch = Batch([key], reads_here=True, transaction=ring)
        (outcome,) = reconcile(batch, check_mode=check, clock=lambda: self.clock)
        return outcome

    holder: Holder | None = None

    @property
    def word(self) -> str:
        """The word in use."""
        return str(self.custody.documents["a"][0]["private_key"])


@pytest.fixture
def mesh() -> t.Iterator[Mesh]:
    """An empty one."""
    Told.faults.clear()
    yield Mesh()
    Told.faults.clear()


def _changes(outcome: Outcome) -> list[tuple[t.Any, ...]]:
    assert outcome.error is None, outcome.error
    return [(change.path, change.before, change.after, change.reason) for change in outcome.plan.changes]


def _label(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def test_a_first_key_is_told_with_every_place_that_lacks_it(mesh: Mesh) -> None:
    made = mesh.run()
    assert (made.plan.action, _changes(made)) == (
        Action.CREATE,
        [
            ("key", None, "a new key", "does not exist"),
            ("published.near", None, "the new key", "near lacks a"),
            ("published.far", None, "the new key", "far lacks a"),
        ],
    )
    assert made.facts == {
        "letters": 16,
        "created": "2026-01-01T12:00:00Z",
        "next_created": None,
        "previous": 0,
        "window_seconds": None,
        "custody": "memory/a",
        "published_to": ["near", "far"],
    }
    assert mesh.custody.documents["a"][0]["activated"] == "2026-01-01T12:00:00Z"
    assert not mesh.run().changed
    assert mesh.run(name="b").facts["published_to"] == ["near"]


@pytest.mark.parametrize(
    ("created", "kept"),
    [
        ("2025-12-31T12:00:00Z", "2025-12-31T12:00:00Z"),
        ("2027-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
        (None, "2026-01-01T12:00:00Z"),
        (5, "2026-01-01T12:00:00Z"),
    ],
)
def test_a_key_of_others_is_as_old_as_they_say_and_never_younger_than_now(
    mesh: Mesh, created: t.Any, kept: str
) -> None:
    mesh.custody.documents["a"] = ({"private_key": "theirs", "created": created}, 1)
    mesh.near.texts["a"] = "public theirs"
    taken = mesh.run()
    assert (taken.plan.action, _changes(taken)) == (
        Action.CREATE,
        [
            ("key", "kept by others", kept, "exists and is adopted"),
            ("published.far", None, _label("public theirs"), "far lacks a"),
        ],
    )
    document, _version = mesh.custody.documents["a"]
    assert (document["private_key"], document["created"], document["activated"]) == ("theirs", kept, kept)
    assert not mesh.run().changed


def test_what_cannot_be_adopted_is_replaced_where_that_is_declared(mesh: Mesh) -> None:
    mesh.custody.documents["a"] = ({"private_key": "x"}, 1)
    refused = mesh.run()
    assert (str(refused.error), mesh.word) == ("too short a word", "x")
    replaced = mesh.run(on_mismatch="replace")
    assert _changes(replaced)[0] == ("key", "unusable", "a new key", "what is there cannot be adopted")
    assert replaced.plan.action is Action.CREATE
    assert not mesh.run().changed


def test_a_source_is_asked_for_what_there_is_not(mesh: Mesh) -> None:
    asked: list[int] = []

    def source() -> dict[str, t.Any]:
        asked.append(1)
        return {"private_key": "from elsewhere"}

    assert not mesh.run(absent=True, source=source).changed
    assert asked == []
    assert mesh.run(source=source).error is None
    assert mesh.word == "from elsewhere"
    asked.clear()
    assert not mesh.run(source=source).changed
    assert asked == []


def test_an_old_key_is_told_with_its_age_and_the_next_with_its_moment(mesh: Mesh) -> None:
    options = {"max_age": "30d", "lead": "1h", "keep_previous": "1d"}
    mesh.run(**options)
    old, mesh.clock = mesh.word, START + 31 * DAY
    why = "the key is 31d old, max_age is 30d"
    made = mesh.run(**options)
    assert (made.plan.action, _changes(made)) == (
        Action.REPLACE,
        [
            ("key", "2026-01-01T12:00:00Z", "a new key", why),
            ("published.near", _label(f"public {old}"), "the new key", why),
            ("published.far", _label(f"public {old}"), "the new key", why),
        ],
    )
    assert (mesh.word, made.facts["next_created"], made.facts["created"]) == (
        old,
        "2026-02-01T12:00:00Z",
        "2026-01-01T12:00:00Z",
    )
    waits = mesh.run(**options)
    assert (waits.changed, waits.plan.warnings) == (
        False,
        ("the new key of a is published and waits until 2026-02-01T13:00:00Z",),
    )
    mesh.clock += DAY / 24
    used = mesh.run(**options)
    assert (used.plan.action, _changes(used)) == (
        Action.REPLACE,
        [
            (
                "key",
                "2026-01-01T12:00:00Z",
                "the next key",
                "the key made at 2026-02-01T12:00:00Z is not in use yet",
            )
        ],
    )
    assert (used.facts["previous"], used.facts["window_seconds"], mesh.word == old) == (1, 3600.0, False)
    assert used.facts["published_to"] == ["near", "far"]
    mesh.clock += DAY
    ended = mesh.run(**options)
    assert (ended.plan.action, _changes(ended)) == (
        Action.UPDATE,
        [("previous", "2026-01-01T12:00:00Z", None, "the key made at 2026-01-01T12:00:00Z is kept no longer")],
    )
    assert mesh.run(**options).facts["previous"] == 0


def test_what_others_published_is_told_by_its_digest(mesh: Mesh) -> None:
    mesh.run()
    mesh.near.texts["a"] = "another"
    del mesh.far.texts["a"]
    wanted = _label(f"public {mesh.word}")
    mended = mesh.run()
    assert (mended.plan.action, _changes(mended)) == (
        Action.UPDATE,
        [
            ("published.near", _label("another"), wanted, "near has another text for a"),
            ("published.far", None, wanted, "far lacks a"),
        ],
    )
    assert [place for place, _texts in mesh.done[-2:]] == ["near", "far"]
    assert not mesh.run().changed


def test_a_place_that_is_in_order_is_not_written(mesh: Mesh) -> None:
    mesh.run()
    mesh.near.texts["a"] = "another"
    mesh.done.clear()
    mesh.run()
    assert [place for place, _texts in mesh.done] == ["near"]


def test_a_secret_that_was_exchanged_is_the_truth(mesh: Mesh) -> None:
    mesh.run()
    mesh.custody.documents["a"][0]["private_key"] = "exchanged"
    derived = mesh.run()
    assert derived.plan.action is Action.UPDATE
    assert _changes(derived)[0] == (
        "public_part",
        "stale",
        "derived",
        "the recorded public part does not match the private key",
    )
    assert mesh.custody.documents["a"][0]["public_key"] == "public exchanged"
    assert mesh.near.texts["a"] == "public exchanged"
    assert not mesh.run().changed


def test_the_secret_of_a_key_that_waits_is_the_truth_as_well(mesh: Mesh) -> None:
    mesh.run(lead="1h")
    mesh.clock += DAY
    mesh.run(lead="1h", not_before="2026-01-02T00:00:00Z")
    mesh.custody.documents["a"][0]["next"]["private_key"] = "exchanged"
    assert _changes(mesh.run(lead="1h"))[0][0] == "public_part"
    following = mesh.custody.documents["a"][0]["next"]
    assert (following["private_key"], following["public_key"]) == ("exchanged", "public exchanged")
    assert "public exchanged" in mesh.far.texts["a"]
    assert not mesh.run(lead="1h").changed


def test_how_a_record_lies_is_told_and_mended_by_writing_it(mesh: Mesh) -> None:
    mesh.run()
    mesh.custody.wrong = [("mode of x", "0644", "0600"), ("link", None, "/x"), ("left", "s-1", None)]
    foretold = mesh.run(check=True)
    assert _changes(foretold) == [
        ("mode of x", "0644", "0600", "mode of x is 0644, declared 0600"),
        ("link", None, "/x", "link is missing, declared /x"),
    ]
    mesh.done.clear()
    (key,) = [Told("a", mesh.keyring(), Terms(Rotation()))]
    key.apply(key.plan(key.read(), mesh.clock))
    assert (key.keyring.commit(), mesh.done) == ({}, [("write", ["a"])])


@pytest.mark.parametrize("fault", ["bad", "lost"])
def test_a_key_that_is_not_what_is_declared_is_refused_or_replaced(mesh: Mesh, fault: str) -> None:
    mesh.run()
    old = mesh.word
    Told.faults[fault] = old
    why = {"bad": "it is a bad word", "lost": "it is lost"}[fault]
    refused = mesh.run()
    assert isinstance(refused.error, PolicyRefusal)
    assert (refused.error.field, refused.error.problem) == ("on_mismatch", f"the key is not what is declared: {why}")
    replaced = mesh.run(on_mismatch="replace", keep_previous="1d")
    assert replaced.plan.action is Action.REPLACE
    assert _changes(replaced)[0] == ("key", "2026-01-01T12:00:00Z", "a new key", why)
    assert (mesh.word == old, mesh.run(keep_previous="1d").changed) == (False, False), "the former one may be as it is"


def test_a_warning_goes_beside_that_of_a_key_that_waits(mesh: Mesh) -> None:
    Told.faults["cautions"] = ("mind the gap",)
    assert mesh.run(lead="1h").plan.warnings == ("mind the gap",)
    mesh.run(lead="1h", not_before="2026-01-01T12:00:00Z")
    mesh.clock += DAY
    mesh.run(lead="1h", not_before="2026-01-02T00:00:00Z")
    assert [text.split()[-1] for text in mesh.run(lead="1h").plan.warnings] == ["2026-01-02T13:00:00Z", "gap"]


def test_a_shorter_end_than_was_declared_is_told(mesh: Mesh) -> None:
    options = {"overlap": "2d", "keep_previous": "9d"}
    mesh.run(**options)
    mesh.clock += DAY
    old = mesh.word
    mesh.run(not_before="2026-01-02T00:00:00Z", **options)
    assert old in mesh.near.texts["a"]
    assert not mesh.run(**options).changed
    mesh.clock += DAY
    shorter = mesh.run(overlap="30h", keep_previous="9d")
    why = "the key made at 2026-01-01T12:00:00Z is published until 2026-01-04T12:00:00Z, declared 2026-01-03T18:00:00Z"
    assert _changes(shorter) == [("previous", "2026-01-04T12:00:00Z", "2026-01-03T18:00:00Z", why)]
    assert shorter.plan.action is Action.UPDATE
    assert old in mesh.near.texts["a"]
    assert not mesh.run(**options).changed, "a longer one does not bring it back"
    mesh.clock += DAY / 4
    assert [path for path, *_rest in _changes(mesh.run(**options))] == ["published.near", "published.far"]
    assert old not in mesh.near.texts["a"]


def test_absence_is_told_with_every_place_that_has_something(mesh: Mesh) -> None:
    assert not mesh.run(absent=True).changed
    mesh.run()
    text = f"public {mesh.word}"
    del mesh.far.texts["a"]
    gone = mesh.run(absent=True)
    assert (gone.plan.action, _changes(gone)) == (
        Action.DELETE,
        [
            ("key", "2026-01-01T12:00:00Z", None, UNWANTED),
            ("published.near", _label(text), None, UNWANTED),
        ],
    )
    assert mesh.done[-2:] == [("near", {"a": None}), ("remove", ["a"])]
    assert not mesh.run(absent=True).changed


def test_absence_takes_back_what_is_published_without_a_key(mesh: Mesh) -> None:
    mesh.far.texts["a"] = "left"
    gone = mesh.run(absent=True)
    assert _changes(gone) == [("published.far", _label("left"), None, UNWANTED)]
    assert mesh.done == [("far", {"a": None})]


def test_absence_removes_what_a_run_left_that_was_killed(mesh: Mesh) -> None:
    mesh.custody.wrong = [("what was left", "s-1", "nothing")]
    foretold = mesh.run(check=True, absent=True)
    assert _changes(foretold) == [("what was left", "s-1", None, "what was left is s-1")]
    key = Told("a", mesh.keyring(), None)
    key.apply(key.plan(key.read(), mesh.clock))
    assert (key.keyring.commit(), mesh.done) == ({}, [("remove", ["a"])])


def test_absence_is_refused_for_what_others_made(mesh: Mesh) -> None:
    mesh.custody.documents["a"] = ({"private_key": "theirs"}, 1)
    refused = mesh.run(absent=True)
    assert isinstance(refused.error, PolicyRefusal)
    assert "memory/a was not made by this module and is not removed by it" in str(refused.error)
    assert refused.error.remedy
    assert mesh.done == []


def test_what_is_in_no_record_any_more_is_destroyed_where_it_is_held(mesh: Mesh) -> None:
    mesh.holder = Holder()
    mesh.run()
    for number, moment in enumerate(("2026-01-01T13:00:00Z", "2026-01-01T15:00:00Z"), start=1):
        mesh.custody.documents["a"][0]["handle"] = f"h{number}"
        mesh.clock += DAY / 12
        assert mesh.run(not_before=moment, keep_previous="9d").error is None
    assert mesh.holder.destroyed == []
    mesh.custody.documents["a"][0]["handle"] = 3
    mesh.clock += 10 * DAY
    assert mesh.run(keep_previous="9d").error is None
    assert sorted(mesh.holder.destroyed) == ["h1", "h2"]
    mesh.holder.destroyed.clear()
    mesh.custody.documents["a"][0]["handle"] = "h3"
    assert mesh.run(absent=True).error is None
    assert mesh.holder.destroyed == ["h3"]


@pytest.mark.parametrize(("store", "present"), [("/store", True), (None, True), ("/store", False)])
def test_the_lock_is_that_of_the_store_which_absence_does_not_make(
    mesh: Mesh, store: str | None, present: bool
) -> None:
    mesh.custody.store = store  # type: ignore[assignment]
    key = Told("a", mesh.keyring(), Terms(Rotation()) if present else None)
    assert (key.lock_directory, key.makes_lock_directory) == (store, present)
