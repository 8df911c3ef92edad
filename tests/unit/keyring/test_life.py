# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module of keys leads a key through its life, whatever keeps it; the server is one in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import pathlib
import types
import typing as t

import pytest
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._core.errors import PolicyRefusal, TrustmeshError
from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.reconcile import Outcome, reconcile
from plugins.module_utils._core.spec import Params
from plugins.module_utils._keyring.keyring import Keyring
from plugins.modules import api_key, ilp_secret, jws_key, jwt_key, noise_key
from tests.unit.jose import requests as keys
from tests.unit.pki.forge import pkcs8
from tests.unit.vault.memory import Memory
from tests.unit.vault.subjects import completed

START: t.Final = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
HOUR: t.Final = datetime.timedelta(hours=1)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A module, the list that it takes, what is said in an item, and where it keeps and publishes what."""

    module: types.ModuleType
    plural: str
    item: dict[str, t.Any]
    #: The field of a record that is secret.
    secret: str
    #: The file that a reader of it opens, where files keep it.
    file: str
    path: str
    #: Whether there is something to publish, in a document of which form.
    suffix: str | None = None
    #: A key made by others, as they keep it.
    adopted: dict[str, str] = dataclasses.field(default_factory=dict)


_RSA: t.Final = pkcs8(keys.RSA).decode()
_EC: t.Final = pkcs8(keys.EC).decode()
KINDS: t.Final = {
    "jwt RS256": Kind(
        jwt_key,
        "issuers",
        {"algorithm": "RS256", "lead": "0", "key_size": 2048},
        "private_key",
        "hub/jwt.key",
        "jwt_key/hub",
        ".json",
        adopted={"private_key": _RSA},
    ),
    "jwt EdDSA": Kind(
        jwt_key, "issuers", {"algorithm": "EdDSA", "lead": "0"}, "private_key", "hub/jwt.key", "jwt_key/hub", ".json"
    ),
    "jwt HS256": Kind(
        jwt_key,
        "issuers",
        {"algorithm": "HS256", "lead": "0"},
        "secret",
        "hub/jwt.secret",
        "jwt_key/hub",
        adopted={"secret": "s" * 64},
    ),
    "jws": Kind(
        jws_key,
        "participants",
        {"algorithm": "ES256"},
        "private_key",
        "hub.key",
        "jws_key/hub",
        ".pem",
        adopted={"private_key": _EC},
    ),
    "noise": Kind(noise_key, "peers", {}, "private_key", "hub/noise.key", "noise_key/hub", ".pub"),
    "api": Kind(
        api_key,
        "clients",
        {"permissions": ["read"], "overlap": "1h"},
        "api_key",
        "hub/api.key",
        "api_key/hub",
        ".json",
    ),
    "ilp": Kind(
        ilp_secret,
        "participants",
        {},
        "secret",
        "hub/ilp.secret",
        "ilp_secret/hub",
        adopted={"secret": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY"},
    ),
}
CUSTODIES: t.Final = ("kv1", "kv2", "files")


@dataclasses.dataclass
class Estate:
    """What keeps keys, and the runs of one module."""

    kind: Kind
    custody: str
    base: pathlib.Path
    memory: Memory
    now: datetime.datetime = START

    def run(self, *, check: bool = False, publish: t.Any = None, more: t.Any = None, **item: t.Any) -> list[Outcome]:
        """Run the module on one owner, and on what is published."""
        places: dict[str, t.Any] = {"mount": self.custody}
        if self.custody == "files":
            places = {"custody": "files", "directory": str(self.base / "keys")}
        declared = {"name": "hub", **({} if item.get("state") == "absent" else self.kind.item), **item}
        given = {"url": "https://vault.example", "token": "t", **places, self.kind.plural: [declared], **(more or {})}
        if self.kind.suffix and publish is not None:
            given["publish"] = publish
        params: Params = completed(self.kind.module.SPEC, **given)
        with contextlib.ExitStack() as stack:
            batch = self.kind.module.build(params, stack)
            t.cast(Keyring, batch.transaction)._clock = lambda: self.now
            return reconcile(batch, check_mode=check, clock=lambda: self.now)

    def one(self, **options: t.Any) -> Outcome:
        """Run and return what became of the owner."""
        outcome = self.run(**options)[0]
        assert outcome.error is None, outcome.error
        return outcome

    @property
    def record(self) -> dict[str, t.Any] | None:
        """What is kept of the owner."""
        if self.custody == "files":
            found = list(self.base.glob("keys/.trustmesh-*/hub/current/record.json"))
            return t.cast("dict[str, t.Any]", json.loads(found[0].read_text())) if found else None
        if self.custody == "kv1":
            return self.memory.objects.get(f"kv1/{self.kind.path}")
        about = self.memory.objects.get(f"kv2/metadata/{self.kind.path}")
        if about is None:
            return None
        return self.memory.objects[f"kv2/data/{self.kind.path}#{about['current_version']}"]

    def left_by_others(self) -> None:
        """Put a key of others where the module keeps its own."""
        body = dict(self.kind.adopted)
        if self.custody == "kv2":
            self.memory.request("post", f"v1/kv2/data/{self.kind.path}", json={"data": body})
        elif self.custody == "kv1":
            self.memory.request("post", f"v1/kv1/{self.kind.path}", json=body)


@pytest.fixture(params=CUSTODIES)
def custody(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    return t.cast(str, request.param)


@pytest.fixture
def estate(kind: Kind, custody: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """An empty one."""
    memory = Memory(kv1="kv1", kv2="kv2")
    monkeypatch.setattr(kind.module, "connect", lambda _params, _stack: memory.vault)
    tmp_path.chmod(0o755)
    return Estate(kind, custody, tmp_path, memory)


def each(wanted: t.Callable[[Kind], bool] = lambda _kind: True) -> pytest.MarkDecorator:
    """Run a test for every kind that is wanted."""
    chosen = {name: kind for name, kind in KINDS.items() if wanted(kind)}
    return pytest.mark.parametrize("kind", chosen.values(), ids=chosen)


@each()
def test_a_key_is_foretold_made_once_and_left_alone(estate: Estate) -> None:
    foretold = estate.one(check=True)
    assert (foretold.plan.action, estate.record) == (Action.CREATE, None)
    made = estate.one()
    assert made.plan.action is Action.CREATE
    record = estate.record
    assert record is not None
    assert record["format"] == 1
    assert record["created"] == "2026-01-01T12:00:00Z"
    assert record[estate.kind.secret]
    assert record.get("previous", []) == []
    again = estate.one()
    assert not again.changed
    assert (again.facts, estate.record) == (made.facts, record)


@each()
def test_a_key_is_replaced_at_its_age_and_the_former_kept_for_a_while(estate: Estate) -> None:
    estate.one(max_age="24h")
    first = estate.record
    assert first is not None
    estate.now += 24 * HOUR
    assert not estate.one(max_age="24h").changed
    estate.now += datetime.timedelta(seconds=1)
    replaced = estate.one(max_age="24h")
    assert replaced.plan.action in (Action.REPLACE, Action.UPDATE)
    second = estate.record
    assert second is not None
    assert second[estate.kind.secret] != first[estate.kind.secret]
    (former,) = second["previous"]
    assert former[estate.kind.secret] == first[estate.kind.secret]
    assert former["retired"] == "2026-01-02T12:00:01Z"
    assert not estate.one(max_age="24h").changed
    estate.now += 7 * 24 * HOUR + 25 * HOUR
    assert estate.one().changed
    third = estate.record
    assert third is not None
    assert (third.get("previous", []), third[estate.kind.secret]) == ([], second[estate.kind.secret])
    assert not estate.one().changed


@each()
def test_a_key_made_before_an_incident_is_replaced(estate: Estate) -> None:
    estate.one()
    first = estate.record
    estate.now += HOUR
    incident = "2026-01-01T12:30:00Z"
    assert not estate.one(not_before="2026-01-01T12:00:00Z").changed
    assert not estate.one(not_before="2026-01-01T14:00:00Z").changed, "it is yet to come"
    assert estate.one(not_before=incident).changed
    assert estate.record is not None and first is not None
    assert estate.record[estate.kind.secret] != first[estate.kind.secret]
    assert not estate.one(not_before=incident).changed


@each()
def test_absence_removes_the_record_once(estate: Estate) -> None:
    assert not estate.one(state="absent").changed
    estate.one()
    assert estate.one(check=True, state="absent").plan.action is Action.DELETE
    assert estate.record is not None
    assert estate.one(state="absent").plan.action is Action.DELETE
    assert not estate.one(state="absent").changed
    if estate.custody == "kv1":
        assert estate.record is None


@each(lambda kind: bool(kind.adopted))
@pytest.mark.parametrize("custody", ["kv1", "kv2"])
def test_a_key_of_others_is_taken_over_and_never_overwritten(estate: Estate) -> None:
    estate.left_by_others()
    taken = estate.one()
    assert taken.changed
    record = estate.record
    assert record is not None
    assert _public(record[estate.kind.secret]) == _public(estate.kind.adopted[estate.kind.secret])
    assert record["format"] == 1
    assert not estate.one().changed


def _public(text: str) -> t.Any:
    """Return what a key is known by, however it is spelled; of a shared secret that is the text itself."""
    if "BEGIN" not in text:
        return text.strip()
    return serialization.load_pem_private_key(text.encode(), None).public_key()


@each()
@pytest.mark.parametrize("custody", ["kv1", "kv2"])
@pytest.mark.parametrize("text", ["", "damaged", 7, None], ids=str)
def test_what_cannot_be_taken_over_is_left_as_it_is(estate: Estate, text: t.Any) -> None:
    body = {estate.kind.secret: text}
    wrapped = {"data": body} if estate.custody == "kv2" else body
    place = f"kv2/data/{estate.kind.path}" if estate.custody == "kv2" else f"kv1/{estate.kind.path}"
    estate.memory.request("post", f"v1/{place}", json=wrapped)
    (failed, *_others) = estate.run()
    assert isinstance(failed.error, TrustmeshError)
    assert "defect" not in str(failed.error)
    assert failed.error.remedy
    assert estate.record == body


@each()
@pytest.mark.parametrize("custody", ["kv1", "kv2"])
def test_a_write_of_others_meanwhile_is_not_written_over(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs at a time: whoever comes second sees the record of the first and leaves it."""
    other = Estate(estate.kind, estate.custody, estate.base, estate.memory, estate.now)
    commit = Keyring.commit

    def late(keyring: Keyring) -> t.Any:
        monkeypatch.setattr(Keyring, "commit", commit)
        other.one()
        return commit(keyring)

    monkeypatch.setattr(Keyring, "commit", late)
    estate.run()
    record = estate.record
    assert record is not None
    assert record == other.record
    (outcome, *_rest) = other.run()
    assert (outcome.error, outcome.changed) == (None, False)
    assert sum(path.endswith(estate.kind.path) for method, path, _body in estate.memory.asked if method == "post") <= 2


@each(lambda kind: kind.suffix is not None)
def test_what_is_published_follows_the_key(estate: Estate) -> None:
    publish = [{"kind": "directory", "path": str(estate.base / "out"), "prune": True}]
    if estate.custody != "files":
        publish.append({"kind": "kv", "mount": estate.custody, "path": "published"})
    made = estate.run(publish=publish)
    assert [outcome.error for outcome in made] == [None] * len(made)
    assert made[0].changed
    out = estate.base / "out" / f"hub{estate.kind.suffix}"
    first = out.read_text()
    again = estate.run(publish=publish)
    assert [outcome.changed for outcome in again] == [False] * len(again)

    out.write_text("something else")
    (estate.base / "out" / f"stranger{estate.kind.suffix}").write_text("x")
    mended = estate.run(publish=publish)
    assert [outcome.error for outcome in mended] == [None] * len(mended)
    assert mended[0].changed and mended[-1].changed
    assert [path.name for path in (estate.base / "out").iterdir() if path.suffix == estate.kind.suffix] == [out.name]
    assert out.read_text() == first

    estate.now += 48 * HOUR
    rotated = estate.run(publish=publish, max_age="24h")
    assert rotated[0].error is None and rotated[0].changed
    assert out.read_text() != first

    gone = estate.run(publish=publish, state="absent")
    assert [outcome.error for outcome in gone] == [None] * len(gone)
    assert not out.exists()


@each(lambda kind: kind.suffix is not None)
def test_a_new_key_is_published_before_it_is_used(estate: Estate) -> None:
    publish = [{"kind": "directory", "path": str(estate.base / "out")}]
    options = {"lead": "2h", "max_age": "24h"}
    estate.one(publish=publish, **options)
    first = estate.record
    estate.now += 24 * HOUR + datetime.timedelta(seconds=1)
    estate.one(publish=publish, **options)
    waiting = estate.record
    assert first is not None and waiting is not None
    assert waiting[estate.kind.secret] == first[estate.kind.secret]
    assert waiting["next"][estate.kind.secret] != first[estate.kind.secret]
    estate.now += 2 * HOUR - datetime.timedelta(seconds=1)
    assert not estate.one(publish=publish, **options).changed
    estate.now += datetime.timedelta(seconds=1)
    assert estate.one(publish=publish, **options).changed
    used = estate.record
    assert used is not None
    assert used[estate.kind.secret] == waiting["next"][estate.kind.secret]
    assert not used.get("next")
    assert not estate.one(publish=publish, **options).changed


@each(lambda kind: "algorithm" in kind.item)
def test_another_algorithm_is_refused_or_a_new_key(estate: Estate) -> None:
    estate.one()
    first = estate.record
    other = {"RS256": "ES256", "ES256": "RS256", "EdDSA": "RS256", "HS256": "RS256"}[estate.kind.item["algorithm"]]
    sizes = {"key_size": None} if "key_size" in estate.kind.item else {}
    (refused, *_others) = estate.run(algorithm=other, **sizes)
    assert isinstance(refused.error, PolicyRefusal)
    assert estate.record == first
    (replaced, *_others) = estate.run(algorithm=other, **sizes, on_mismatch="replace")
    if estate.kind.item["algorithm"] == "HS256":
        assert isinstance(replaced.error, PolicyRefusal), "those who verify would have to change with it"
        return
    assert (replaced.error, replaced.plan.action) == (None, Action.REPLACE)
    assert not estate.one(algorithm=other, **sizes).changed
