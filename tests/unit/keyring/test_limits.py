# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers that a user relies on, at their edges, and what is meant where nothing is said."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import stat
import typing as t

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.plan import Action, Change, Plan
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring import ilp_secret, jwt_key, noise
from plugins.module_utils._keyring.directory import DirectoryPublisher
from plugins.module_utils._keyring.documents import document_targets
from plugins.module_utils._keyring.file_custody import FileCustody
from plugins.module_utils._keyring.jws import JwsKey, JwsSpec, TrustedKey
from plugins.module_utils._keyring.keyring import Work
from plugins.module_utils._keyring.names import checked_name
from plugins.module_utils._keyring.record import DamagedRecord, Generation, KeyMaterial, Record, Shape, spell_instant
from plugins.module_utils._keyring.remainder import whole_batch
from plugins.module_utils._keyring.resource import Holding, PublishedSet
from plugins.module_utils._keyring.rotation import Rotation
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.unit.keyring.memory import World
from tests.unit.keyring.ring import SHAPE, START, Word
from tests.unit.keyring.test_holders import _pem
from tests.unit.keyring.test_life import Estate, custody, each, estate

__all__ = ["custody", "estate"]

_FILES: t.Final = {
    "jwt_key": {"private_key": "hub/jwt.key", "public_key": "hub/jwt.pub", "secret": "hub/jwt.secret"},
    "jws_key": {"private_key": "hub.key"},
    "noise_key": {"private_key": "hub/noise.key", "public_key": "hub/noise.pub"},
    "api_key": {"api_key": "hub/api.key"},
    "ilp_secret": {"secret": "hub/ilp.secret"},
}


@each()
@pytest.mark.parametrize("custody", ["files"])
def test_f1_programs_find_keys_where_the_documentation_says(estate: Estate) -> None:
    estate.one()
    record = estate.record
    assert record is not None
    module = estate.kind.module.__name__.rpartition(".")[2]
    expected = {path: record[field] for field, path in _FILES[module].items() if field in record}
    assert expected and all(isinstance(text, str) for text in expected.values())
    keys = estate.base / "keys"
    found = [path for path in keys.rglob("*") if ".trustmesh" not in str(path) and not path.is_dir()]
    assert {path.relative_to(keys).as_posix(): path.read_text() for path in found} == expected
    for path in found:
        public = record.get("public_key") == path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == (0o644 if public else 0o600)


def test_what_is_not_declared_of_a_rotation_takes_no_time() -> None:
    assert Rotation() == Rotation.declared({})
    assert (Rotation().lead, Rotation().overlap, Rotation().keep_previous) == (0, 0, 0)


def test_work_that_says_nothing_does_nothing() -> None:
    world = World()
    ring = world.keyring()
    ring.stage(Work("word a", "a", record=Record(Generation(KeyMaterial({}), START))))
    assert (ring.commit(), world.done) == ({}, [])


def test_files_are_read_by_one_thread() -> None:
    assert FileCustody("/keys", "word", ()).reads_here is True


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({"token_lifetime": "15m", "overlap": None}, 1200),
        ({"token_lifetime": "0", "overlap": None}, 300),
        ({"token_lifetime": "15m", "overlap": "15m"}, 900),
    ],
    ids=str,
)
def test_tokens_are_accepted_for_their_life_and_five_minutes(options: dict[str, t.Any], seconds: int) -> None:
    """Clocks may differ, and an issuer may take a while to notice."""
    item = {name: option.get("default") for name, option in jwt_key.ITEM_OPTIONS.items()}
    assert jwt_key.declared_rotation({**item, **options}).overlap == seconds


@pytest.mark.parametrize(("algorithm", "bits", "kept"), [("RS256", 2048, 2048), ("RS256", 8192, 8192)])
def test_a_key_of_rsa_may_have_8192_bits(algorithm: str, bits: int, kept: int) -> None:
    assert JwsSpec.declared(algorithm, bits).bits == kept
    assert JwsSpec.declared("ES256", bits).bits == 256


def test_a_name_may_have_128_characters() -> None:
    assert checked_name("a" * 128) == "a" * 128
    with pytest.raises(InvalidInput):
        checked_name("a" * 129)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (START, "2026-01-01T12:00:00Z"),
        (START + datetime.timedelta(milliseconds=250), "2026-01-01T12:00:00.250Z"),
        (START.astimezone(datetime.timezone(datetime.timedelta(hours=2))), "2026-01-01T12:00:00Z"),
    ],
)
def test_an_instant_is_spelled_to_the_millisecond_where_it_has_one(moment: datetime.datetime, text: str) -> None:
    assert spell_instant(moment) == text


def test_a_window_is_told_to_the_millisecond() -> None:
    used = START + datetime.timedelta(microseconds=1_234_567)
    made = Generation(KeyMaterial({}), START, offered=START, activated=used)
    assert made.window_seconds == 1.235


def test_a_key_without_a_moment_of_creation_is_damaged() -> None:
    with pytest.raises(DamagedRecord, match="a key has no time of creation"):
        Record.of({"format": 1, "private_key": "x"}, Shape(("private_key",)), "place")


class Marked(Word):
    """A word with a mark."""

    marks = frozenset({"letters"})


def _batch(world: World, entries: t.Sequence[t.Any], *, prune: bool = False, limit: int = 10) -> t.Any:
    ring = world.keyring()
    params = {"words": entries, "prune_custody": prune, "prune_custody_limit": limit}
    warnings: list[str] = []
    return whole_batch(
        params, ring, [], lambda name: Marked(name, ring, None), owners="words", workers=3, warnings=warnings
    )


def test_a_batch_is_what_its_custody_and_its_places_make_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    entries = [{"name": "a", "state": "present"}, {"name": "z", "state": "absent"}]
    batch = _batch(world, entries)
    assert (batch.resources, batch.workers, batch.reads_here, batch.warnings) == ([], 3, True, [])
    assert batch.transaction.custody is world.custody
    world.custody.reads_here = False
    keyring = world.keyring

    def pruned() -> t.Any:
        ring = keyring()
        ring.targets = (ring.targets[0], dataclasses.replace(ring.targets[1], prune=True))
        return ring

    monkeypatch.setattr(world, "keyring", pruned)
    batch = _batch(world, entries)
    assert batch.reads_here is False
    (only,) = batch.resources
    assert isinstance(only, PublishedSet)
    assert (only.name, only.wanted) == ("far", {"a", "kept"}), "who is declared absent is not to be there"


def test_j3_five_of_those_who_would_go_are_named() -> None:
    world = World()
    for number in range(8):
        record = Record(Generation(KeyMaterial({"private_key": Secret("x")}, "y", {"letters": 1}), START))
        world.custody.documents[f"p{number}"] = (record.document(SHAPE), 1)
    entries = [{"name": "a", "state": "present"}]
    assert len(_batch(world, entries, prune=True, limit=8).resources) == 8
    with pytest.raises(PolicyRefusal) as refusal:
        _batch(world, entries, prune=True, limit=6)
    assert refusal.value.problem == "more than 6 owners in memory are not declared, such as p0, p1, p2, p3, p4"
    assert refusal.value.field == "prune_custody_limit"


def _noise() -> noise.NoiseKey:
    item = {name: option.get("default") for name, option in noise.ITEM_OPTIONS.items()}
    return noise.NoiseKey.declared({**item, "name": "a"}, World().keyring())


@pytest.mark.parametrize("form", ["{}", " {}\n", "upper"])
def test_a_noise_key_of_others_is_taken_over_however_it_is_spelled(form: str) -> None:
    private = X25519PrivateKey.generate()
    text = private.private_bytes_raw().hex()
    adopted = _noise().adopt({"private_key": text.upper() if form == "upper" else form.format(text)})
    assert adopted.secrets["private_key"].reveal() == text
    assert adopted.public == private.public_key().public_bytes_raw().hex()
    settled = _noise().settle(KeyMaterial(adopted.secrets, "of another", {"note": 1}))
    assert (settled.public, settled.facts) == (adopted.public, {"note": 1})


@pytest.mark.parametrize("text", ["0" * 63, "g" * 64, "0" * 65, None])
def test_a_noise_key_that_was_damaged_is_refused(text: str | None) -> None:
    secrets = {} if text is None else {"private_key": Secret(text)}
    with pytest.raises(PolicyRefusal, match="the private key kept at memory/a is unusable") as refusal:
        _noise().settle(KeyMaterial(secrets, "x"))
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("private_key", True)
    with pytest.raises(PolicyRefusal, match="has no private_key of 64 hexadecimal digits"):
        _noise().adopt({"private_key": text})


def test_an_adopted_secret_says_so_and_not_how_random_it_is() -> None:
    item = {name: option.get("default") for name, option in ilp_secret.ITEM_OPTIONS.items()}
    key = ilp_secret.IlpSecret.declared({**item, "name": "a"}, World().keyring())
    adopted = key.adopt({"secret": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY\n"})
    assert key.facts(adopted) == {"bytes": None, "adopted": True}
    assert adopted.facts == {"bytes": None, "adopted": True}
    assert key.facts(key.generate()) == {"bytes": 32, "adopted": False}


def test_who_has_nothing_to_publish_is_left_out_of_every_place(tmp_path: pathlib.Path) -> None:
    entry = dict.fromkeys(("mount", "path", "owner", "group", "url", "token", "hub", "keep"))
    each_of = {**entry, "kind": "directory", "path": f"{tmp_path}/{{audience}}", "mode": "0640", "prune": False}
    params = {"publish": [{**each_of, "owner": "0", "group": "1"}]}
    places = document_targets(params, ["a", "b"], t.cast(t.Any, None), unpublished=["c"])
    assert [place.without for place in places] == [{"a", "c"}, {"b", "c"}]
    first = t.cast(DirectoryPublisher, places[0].publisher)
    assert (first.file("x"), first._attributes) == (f"{tmp_path}/a/x.json", Attributes(0, 1, 0o640))


def test_a_key_that_is_kept_elsewhere_is_shown_where_it_differs(tmp_path: pathlib.Path) -> None:
    world = World()
    public = _pem(generate(KeySpec("ec", 256)))
    key = TrustedKey("a", world.keyring(), public)
    world.far.texts["a"] = public
    plan = key.plan(key.read(), START)
    assert [(change.path, change.reason) for change in plan.changes] == [("published.near", "near lacks a")]
    assert [(step.verb, step.target) for step in plan.steps] == [("publish", "a")]
    assert (plan.action.value, plan.warnings) == ("update", ())
    assert key.describe(key.read())["published_to"] == ["far"]
    key.apply(plan)
    assert (key.keyring.commit(), world.done) == ({}, [("near", {"a": public})])
    assert not key.plan(key.read(), START)
    world.near.broken = PolicyRefusal("is closed")
    other = TrustedKey("a", world.keyring(), _pem(generate(KeySpec("ec", 256))))
    other.apply(other.plan(other.read(), START))
    assert list(other.keyring.commit()) == [other.identity]


def test_a_new_key_beside_published_ones_is_no_reason_to_restart() -> None:
    """Only a text that takes the place of another is what a verifier may not notice."""
    world = World()
    ring = world.keyring()
    key = JwsKey("a", ring, None, JwsSpec())

    def cautions(path: str, before: str | None, after: str | None) -> int:
        return len(list(key.cautions(Plan(Action.UPDATE, (Change(path, before, after, "why"),)))))

    assert cautions("published.near", "x", "y") == 1
    assert cautions("published.near", None, "y") == 0
    assert cautions("published.near", "x", None) == 0
    assert cautions("key", "x", "y") == 0


def test_moments_of_a_replaced_key_that_are_not_known_are_not_told() -> None:
    world = World()
    key = JwsKey("a", world.keyring(), None, JwsSpec())
    former = Generation(KeyMaterial({}, "public", {"kid": "k"}), START, retired=START)
    current = Generation(KeyMaterial({}, "x", {}), START)
    shown = key.describe(Holding(Record(current, None, (former,)), 1, None, {}))
    assert shown["replaced"] == {
        "kid": "k",
        "public_key": "public",
        "created": "2026-01-01T12:00:00Z",
        "activated": None,
        "retired": "2026-01-01T12:00:00Z",
    }
