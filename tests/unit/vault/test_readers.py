# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of key-value engines, transit keys and the server itself, of a server in memory."""

from __future__ import annotations

import base64
import datetime
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._vault.errors import Unreachable
from plugins.module_utils._vault.info import clock_lead, gather_mounts, gather_server
from plugins.module_utils._vault.kv_survey import KvSecretFacts, KvSurvey
from plugins.module_utils._vault.kv_values import KvValues
from plugins.module_utils._vault.transit import TransitKey, _Versions
from tests.unit.vault.memory import Data, Memory, found, refused

NOW: t.Final = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
MADE: t.Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


# -- key-value -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["kv1", "kv2"])
def engine(request: pytest.FixtureRequest) -> str:
    """Both versions of the engine."""
    return t.cast(str, request.param)


def put(memory: Memory, engine: str, path: str, **data: t.Any) -> None:
    """Write a secret."""
    part, body = ("data/", {"data": data}) if engine == "kv2" else ("", data)
    memory.request("post", f"v1/{engine}/{part}{path}", json=body)


def no_faults(_text: str, _name: str | None) -> list[str]:
    """Find nothing."""
    return []


def test_survey_tells_of_every_secret_below_a_path(engine: str) -> None:
    memory = Memory(kv1="kv1", kv2="kv2")
    for path in ("app/db", "app/deep/er/api", "other"):
        put(memory, engine, path, user="u", number=7)
    survey = KvSurvey(memory.vault, engine, "app/", lambda text, name: [f"{name} is {text}"], NOW)
    changed = MADE if engine == "kv2" else None
    facts = KvSecretFacts(changed, frozenset({"user", "number"}), ("user is u",))
    assert survey.observe(["db", "gone"], values=True) == {"db": facts, "deep/er/api": KvSecretFacts()}
    assert survey.observe(["db"], values=False)["db"] == KvSecretFacts(changed)
    everything = KvSurvey(memory.vault, engine, "", no_faults, NOW).observe(["other"], values=True)
    assert set(everything) == {"app/db", "app/deep/er/api", "other"}
    assert everything["other"].fields == {"user", "number"}


@pytest.mark.parametrize(
    ("version", "there"),
    [
        ({"deletion_time": ""}, True),
        ({"deletion_time": "2026-06-01T00:00:01Z"}, True),
        ({"deletion_time": "2026-06-01T00:00:00Z"}, False),
        ({"deletion_time": "2025-01-01T00:00:00.123456789Z"}, False),
        ({"destroyed": True}, False),
    ],
    ids=str,
)
def test_survey_leaves_out_what_is_deleted(version: Data, there: bool) -> None:
    memory = Memory(kv2="kv2")
    put(memory, "kv2", "a", k="v")
    put(memory, "kv2", "a", k="w")
    memory.objects["kv2/metadata/a"]["versions"]["2"].update(version)
    found_now = KvSurvey(memory.vault, "kv2", "", no_faults, NOW).observe(["a"], values=False)
    assert ("a" in found_now) is there


def test_survey_without_an_engine_is_an_error_and_not_an_empty_one() -> None:
    survey = KvSurvey(Memory().vault, "nowhere", "", no_faults, NOW)
    with pytest.raises(InvalidInput, match="there is no engine at nowhere"):
        survey.observe([], values=True)


def test_survey_of_an_instant_that_is_none_says_so() -> None:
    memory = Memory(kv2="kv2")
    put(memory, "kv2", "a", k="v")
    memory.objects["kv2/metadata/a"]["versions"]["1"]["created_time"] = "yesterday"
    with pytest.raises(TrustmeshError, match="created_time is not an instant"):
        KvSurvey(memory.vault, "kv2", "", no_faults, NOW).observe(["a"], values=False)


def test_values_are_read_once(engine: str) -> None:
    memory, logins = Memory(kv1="kv1", kv2="kv2"), []

    def login() -> t.Any:
        logins.append(1)
        return memory.vault

    put(memory, engine, "app/db", user="u", password="hunter2hunter2", port=5432)
    values = KvValues(login)
    assert values.warnings == []
    assert (values(engine, "app/db", "user").reveal(), values(engine, "/app/db", "password").reveal()) == (
        "u",
        "hunter2hunter2",
    )
    reads = [path for method, path, _body in memory.asked if method == "get" and "app/db" in path]
    assert (len(reads), len(logins)) == (1, 1)
    with pytest.raises(InvalidInput, match=f"{engine}/app/db has no token"):
        values(engine, "app/db", "token")
    with pytest.raises(InvalidInput, match=f"port of {engine}/app/db is not a text"):
        values(engine, "app/db", "port")
    with pytest.raises(InvalidInput, match=f"there is no secret at {engine}/none"):
        values(engine, "none", "token")


# -- transit -------------------------------------------------------------------------------------------------------


class Engine:
    """Wraps in a way that everybody sees through, and refuses what it did not wrap."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.batches: list[int] = []
        memory.request("post", "v1/transit/keys/master", json={"type": "aes256-gcm96"})
        for verb in ("encrypt", "decrypt", "rewrap"):
            memory.on("post", f"transit/{verb}/master", self._answer)

    @property
    def newest(self) -> int:
        """Number of the newest version."""
        return t.cast(int, self.memory.objects["transit/keys/master"]["latest_version"])

    def _answer(self, path: str, body: Data) -> tuple[int, Data]:
        verb = path.split("/")[1]
        self.batches.append(len(body["batch_input"]))
        results = [self._one(verb, entry) for entry in body["batch_input"]]
        status = 400 if any("error" in result for result in results) else 200
        return (
            (status, {"data": {"batch_results": results}})
            if status == 200
            else (
                status,
                {"errors": [], "data": {"batch_results": results}},
            )
        )

    def _one(self, verb: str, entry: Data) -> Data:
        if verb == "encrypt":
            return {"ciphertext": f"vault:v{self.newest}:{entry['plaintext']}"}
        text = entry["ciphertext"].rpartition(":")[2]
        if text == "AAAA":
            return {"error": "cipher: message authentication failed"}
        return {"plaintext": text} if verb == "decrypt" else {"ciphertext": f"vault:v{self.newest}:{text}"}


@pytest.fixture
def transit() -> tuple[TransitKey, Engine]:
    """A key and the engine that has it."""
    engine = Engine(Memory(transit="transit"))
    return TransitKey(engine.memory.vault, "/transit/", "master"), engine


def test_transit_wraps_and_opens_in_batches(transit: tuple[TransitKey, Engine]) -> None:
    key, engine = transit
    key.check()
    assert (key.identity, key.newest) == ("transit/keys/master", 1)
    plain = [bytes([number % 256]) * 32 for number in range(201)]
    wrapped = key.wrap(plain)
    assert wrapped[0] == "vault:v1:" + base64.b64encode(plain[0]).decode()
    assert key.unwrap(wrapped) == plain
    assert engine.batches == [200, 1, 200, 1]
    assert key.wrap([]) == []


def test_transit_answers_what_it_cannot_open_one_by_one(transit: tuple[TransitKey, Engine]) -> None:
    key, _engine = transit
    (good,) = key.wrap([b"0" * 32])
    given = ["other:v1:AAAA", good, "vault:v1:AAAA", "vault:v0:QUJD", "vault:v1:QUJD"]
    assert key.unwrap(given) == [None, b"0" * 32, None, None, b"ABC"]
    assert key.rewrap(given) == [None, good, None, None, "vault:v1:QUJD"]


def test_transit_moves_to_the_newest_version_alone(transit: tuple[TransitKey, Engine]) -> None:
    key, engine = transit
    (old,) = key.wrap([b"0" * 32])
    engine.memory.request("post", "v1/transit/keys/master/rotate")
    again = TransitKey(key.vault, "transit", "master")
    mover = again.successor_of(key)
    assert isinstance(mover, _Versions)
    new = mover.move([old])[0]
    assert new is not None and new.startswith("vault:v2:")
    given = [old, new, "vault:v3:AAAA", "another:thing"]
    assert mover.is_current(given) == [False, True, None, None]
    engine.memory.objects["transit/keys/master"]["min_decryption_version"] = 2
    later = TransitKey(key.vault, "transit", "master").successor_of(key)
    assert later is not None and later.is_current([old, new]) == [None, True]
    other = TransitKey(key.vault, "transit", "other")
    assert again.successor_of(other) is None
    assert TransitKey(engine.memory.vault, "transit", "master").successor_of(key) is None, "another connection"
    assert again.successor_of(t.cast(t.Any, object())) is None


@pytest.mark.parametrize(
    ("about", "problem"),
    [
        (None, "there is no key transit/keys/master"),
        ({"type": "ed25519"}, "transit/keys/master is of type ed25519"),
        ({"derived": True}, "transit/keys/master is derived"),
    ],
    ids=str,
)
def test_transit_key_that_cannot_wrap_is_refused(about: Data | None, problem: str) -> None:
    engine = Engine(Memory(transit="transit"))
    if about is None:
        del engine.memory.objects["transit/keys/master"]
    else:
        engine.memory.objects["transit/keys/master"].update(about)
    with pytest.raises(InvalidInput, match=problem) as raised:
        TransitKey(engine.memory.vault, "transit", "master").check()
    assert raised.value.field == "name"
    with pytest.raises(InvalidInput, match="nothing is mounted") as raised:
        TransitKey(Memory().vault, "transit", "master").check()
    assert raised.value.field == "mount"


def test_transit_answer_that_does_not_tell_of_every_entry_is_refused(transit: tuple[TransitKey, Engine]) -> None:
    key, engine = transit
    engine.memory.on("post", "transit/encrypt/master", lambda _path, _body: found({"batch_results": []}))
    with pytest.raises(TrustmeshError, match="batch_results does not tell of every entry"):
        key.wrap([b"0" * 32])
    engine.memory.on("post", "transit/encrypt/master", lambda _path, _body: refused(400, "no such thing"))
    with pytest.raises(TrustmeshError, match="no such thing"):
        key.wrap([b"0" * 32])
    refusing = {"batch_results": [{"error": "it is full"}]}
    engine.memory.on("post", "transit/encrypt/master", lambda _path, _body: found(refusing))
    with pytest.raises(InvalidInput, match="did not wrap: it is full"):
        key.wrap([b"0" * 32])


# -- the server ----------------------------------------------------------------------------------------------------

HEALTHY: t.Final = {"initialized": True, "sealed": False, "standby": False, "version": "2.5.0"}
SEAL: t.Final = {"type": "shamir", "n": 3, "t": 2, "progress": 1, "initialized": True, "sealed": False}


def server(status: int = 200, health: Data | None = None, **seal: t.Any) -> Memory:
    """Return a server that tells this of itself."""
    memory = Memory(kv="kv2", approle="approle")
    memory.on("get", "sys/health", lambda _path, _body: (status, HEALTHY if health is None else health))
    memory.on("get", "sys/seal-status", lambda _path, _body: (200, {**SEAL, **seal}))
    return memory


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, "active"),
        (429, "standby"),
        (472, "recovery_secondary"),
        (473, "performance_standby"),
        (501, "uninitialized"),
        (503, "sealed"),
    ],
)
def test_server_tells_its_state(status: int, state: str) -> None:
    told = gather_server(server(status).vault)
    assert (told["state"], told["http_status"]) == (state, status)
    assert (told["initialized"], told["sealed"], told["version"]) == (True, False, "2.5.0")
    assert told["seal"] == {"type": "shamir", "shares": 3, "threshold": 2, "progress": 1}
    assert (told["storage_type"], told["cluster_name"], told["cluster_id"], told["clock_lead"]) == (None,) * 4


@pytest.mark.parametrize(
    ("said", "product"),
    [({"build_date": "d"}, "vault"), ({"commit_date": "d"}, "openbao"), ({}, "unknown")],
    ids=str,
)
def test_server_tells_its_product(said: Data, product: str) -> None:
    told = gather_server(server(version="9", storage_type="raft", cluster_name="n", cluster_id="i", **said).vault)
    assert told["product"] == product
    assert (told["version"], told["storage_type"], told["cluster_name"], told["cluster_id"]) == ("9", "raft", "n", "i")


@pytest.mark.parametrize(
    ("status", "health"), [(200, {"data": {}}), (404, HEALTHY), (502, HEALTHY)], ids=["no health", "404", "502"]
)
def test_another_service_is_not_a_server(status: int, health: Data) -> None:
    with pytest.raises(TrustmeshError, match="but not as a Vault or OpenBao does") as raised:
        gather_server(server(status, health).vault)
    assert status == 200 or isinstance(raised.value, Unreachable)


def test_server_tells_what_is_mounted_to_who_may_know() -> None:
    memory = server()
    told = gather_mounts(memory.vault)
    assert told is not None
    kv = {"type": "kv", "description": "", "accessor": "kv_1", "options": {"version": "2"}}
    assert told["secret"] == {"kv": kv}
    assert told["auth"]["approle"]["type"] == "approle"
    memory.on("get", "sys/auth", lambda _path, _body: refused(403, "1 error occurred: permission denied"))
    assert gather_mounts(memory.vault) is None


@pytest.mark.parametrize(
    ("answer", "ignores"),
    [
        (found({"secret": {}}), True),
        (refused(404, "namespace not found"), False),
        (refused(403, "1 error occurred: permission denied"), False),
        (refused(400, "no"), False),
    ],
    ids=str,
)
def test_server_that_answers_in_an_impossible_namespace_ignores_them(answer: tuple[int, Data], ignores: bool) -> None:
    memory = server()
    memory.on("get", "sys/internal/ui/mounts", lambda _path, _body: answer)
    assert memory.vault.ignores_namespaces() is ignores


def test_another_service_says_nothing_about_namespaces() -> None:
    memory = server()
    memory.on("get", "sys/internal/ui/mounts", lambda _path, _body: (200, {"html": "page"}))
    with pytest.raises(TrustmeshError, match="not as a Vault or OpenBao does"):
        memory.vault.ignores_namespaces()


@pytest.mark.parametrize(
    ("measured", "told"), [(None, None), (7.2, 8), (6.6, 7), (0.2, 1), (-0.2, 0), (-0.9, 0), (-7.2, -7), (-7.6, -7)]
)
def test_trap_30_a_lead_is_told_in_the_whole_seconds_that_a_server_knows(
    measured: float | None, told: int | None
) -> None:
    """Its answers leave the fraction out, so that half a second more is as near as one can say."""
    vault = Memory().vault
    vault.clock_lead = measured
    assert clock_lead(vault) == told
