# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seal: keys are on disk before anything else can fail, and a server is never made over (R1, kind 9, kind 10)."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, Overtaken, PolicyRefusal, TrustmeshError
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._vault import seal as module
from plugins.module_utils._vault.errors import Unreachable
from plugins.module_utils._vault.seal import Keys, Seal, SealTerms
from tests.unit.vault.memory import Data, Memory, Reply, refused
from tests.unit.vault.subjects import NOON

SHARES: t.Final = ["c2hhcmUtb25l", "c2hhcmUtdHdv", "c2hhcmUtdGhyZWU="]


class Server:
    """A server that is initialised, unsealed and sealed."""

    def __init__(self, initialized: bool = True, sealed: bool = True, threshold: int = 2) -> None:
        self.memory = Memory()
        self.gate = Memory().vault
        self.initialized, self.sealed, self.threshold, self.progress = initialized, sealed, threshold, 0
        self.health = 200
        self.deeds: list[str] = []
        self.type = "shamir"
        on = self.memory.on
        on("get", "sys/seal-status", lambda _path, _body: (200, self.status))
        on("get", "sys/health", lambda _path, _body: (self.health, {"initialized": True}))
        on("post", "sys/init", self._init)
        on("post", "sys/unseal", self._unseal)
        on("post", "sys/seal", self._seal)

    @property
    def status(self) -> Data:
        return {
            "type": self.type,
            "initialized": self.initialized,
            "sealed": self.sealed,
            "n": 3,
            "t": self.threshold,
            "progress": self.progress,
        }

    def _init(self, _path: str, body: Data) -> Reply:
        self.deeds.append(f"init {body['secret_shares']} {body['secret_threshold']}")
        self.initialized, self.threshold = True, body["secret_threshold"]
        return 200, {"keys_base64": SHARES[: body["secret_shares"]], "root_token": "the-root-token"}

    def _unseal(self, _path: str, body: Data) -> Reply:
        if body.get("reset"):
            self.deeds.append("reset")
            self.progress = 0
        elif body["key"] not in SHARES:
            return refused(400, "failed to unseal: invalid key")
        else:
            self.deeds.append("share")
            self.progress += 1
            self.sealed = self.progress < self.threshold
            self.progress = self.progress if self.sealed else 0
        return 200, self.status

    def _seal(self, _path: str, _body: Data) -> Reply:
        self.deeds.append(f"seal with {self.memory.token}")
        self.sealed = True
        return 204, {}


def seal(server: Server, folder: pathlib.Path, **terms: t.Any) -> Seal:
    made = SealTerms(
        sealed=False,
        shares=3,
        threshold=2,
        attributes=Attributes(),
        patience=1,
        keys_file=str(folder / "keys"),
        root_token_file=str(folder / "root"),
        login=lambda vault: Secret("a-token" if vault is server.gate else "of the wrong place"),
    )
    return Seal(server.memory.vault, dataclasses.replace(made, **terms), server.gate)


def run(server: Server, folder: pathlib.Path, **terms: t.Any) -> Outcome:
    (outcome,) = reconcile(Batch([seal(server, folder, **terms)]), check_mode=False, clock=lambda: NOON)
    return outcome


@pytest.mark.parametrize(
    ("content", "shares", "token"),
    [
        ({"keys_base64": ["a", "b"], "root_token": "t"}, ("a", "b"), "t"),
        ({"keys_base64": ["a"], "root_token": ""}, ("a",), None),
        ({"keys_base64": ["a"], "root_token": None}, ("a",), None),
        ({"keys_base64": ["a"]}, ("a",), None),
        ({"keys": ["a"]}, None, None),
        ({"keys_base64": 5}, None, None),
        ([], None, None),
        ("text", None, None),
        (None, None, None),
    ],
)
def test_a_keys_file_is_read_or_refused(
    tmp_path: pathlib.Path, content: t.Any, shares: tuple[str, ...] | None, token: str | None
) -> None:
    path = tmp_path / "keys"
    assert Keys.load(str(path)) is None
    path.write_text(json.dumps(content))
    if shares is None:
        with pytest.raises(InvalidInput) as refusal:
            Keys.load(str(path))
        assert refusal.value.field == "keys_file"
        return
    found = Keys.load(str(path))
    assert found == Keys(tuple(map(Secret, shares)), None if token is None else Secret(token))


def test_a_server_is_initialised_with_its_keys_on_disk_first(tmp_path: pathlib.Path) -> None:
    server = Server(initialized=False)
    held: list[bool] = []
    server.memory.on("post", "sys/unseal", lambda _path, _body: held.append((tmp_path / "keys").exists()))
    outcome = run(server, tmp_path)
    assert (outcome.error, outcome.action.value) == (None, "create")
    assert server.deeds == ["init 3 2", "share", "share"], "no more shares than needed"
    assert held[0], "the keys are kept before anything is done with them"
    kept = json.loads((tmp_path / "keys").read_text())
    assert (kept["keys_base64"], kept["root_token"]) == (SHARES, "the-root-token")
    assert (tmp_path / "root").read_text() == "the-root-token\n"
    assert {path.stat().st_mode & 0o7777 for path in (tmp_path / "keys", tmp_path / "root")} == {0o600}
    assert not run(server, tmp_path).changed


@pytest.mark.parametrize("answer", [{"keys_base64": SHARES}, {"keys_base64": SHARES, "root_token": 5}])
def test_kind_9_whatever_a_server_answers_to_its_only_initialisation_is_kept(
    tmp_path: pathlib.Path, answer: Data
) -> None:
    server = Server(initialized=False)
    server.memory.on("post", "sys/init", lambda _path, _body: (200, answer))
    resource = seal(server, tmp_path)
    plan = resource.plan(resource.read(), NOON)
    with pytest.raises(TrustmeshError):
        resource.apply(plan)
    assert json.loads((tmp_path / "keys").read_text())["keys_base64"] == SHARES


def test_kind_9_nothing_is_initialised_where_its_keys_cannot_be_kept(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: t.Any) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    server = Server(initialized=False)
    monkeypatch.setattr("os.fsync", full)
    outcome = run(server, tmp_path)
    assert "the disk is full" in str(outcome.error)
    assert server.deeds == []
    assert list(tmp_path.iterdir()) == []


def test_keys_that_are_there_are_never_written_over(tmp_path: pathlib.Path) -> None:
    server = Server(initialized=False)
    (tmp_path / "keys").write_text(json.dumps({"keys_base64": SHARES}))
    outcome = run(server, tmp_path)
    assert isinstance(outcome.error, PolicyRefusal)
    assert outcome.error.field == "keys_file"
    assert server.deeds == []


def test_r22_a_server_that_others_initialised_meanwhile_leaves_no_file(tmp_path: pathlib.Path) -> None:
    server = Server(initialized=False)
    server.memory.on("post", "sys/init", lambda _path, _body: refused(400, "Vault is already initialized"))
    resource = seal(server, tmp_path)
    with pytest.raises(Overtaken):
        resource.apply(resource.plan(resource.read(), NOON))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("progress", [0, 1])
def test_a_sealed_server_is_unsealed_and_what_others_began_is_dropped(tmp_path: pathlib.Path, progress: int) -> None:
    server = Server()
    server.progress = progress
    (tmp_path / "keys").write_text(json.dumps({"keys_base64": SHARES, "root_token": "the-root-token"}))
    assert run(server, tmp_path).error is None
    assert server.deeds == [*(["reset"] if progress else []), "share", "share"]
    assert (tmp_path / "root").read_text() == "the-root-token\n"


@pytest.mark.parametrize(
    ("shares", "field"), [(None, "keys_file"), (SHARES[:1], "keys_file"), (["other", "keys"], "keys_file")]
)
def test_what_cannot_unseal_is_told(tmp_path: pathlib.Path, shares: list[str] | None, field: str) -> None:
    server = Server()
    if shares is not None:
        (tmp_path / "keys").write_text(json.dumps({"keys_base64": shares}))
    outcome = run(server, tmp_path)
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == field
    assert server.deeds == []


@pytest.mark.parametrize("initialized", [True, False])
def test_a_server_that_unseals_itself_is_left_to_it(tmp_path: pathlib.Path, initialized: bool) -> None:
    server = Server(initialized=initialized)
    server.type = "awskms"
    (tmp_path / "keys").unlink(missing_ok=True)
    outcome = run(server, tmp_path)
    assert "unseals itself (awskms)" in str(outcome.error)
    assert server.deeds == []


def test_a_server_is_sealed_with_a_login_and_only_once(tmp_path: pathlib.Path) -> None:
    server = Server(sealed=False)
    terms = {"sealed": True, "keys_file": None, "root_token_file": None}
    assert run(server, tmp_path, **terms).error is None
    assert server.deeds == ["seal with a-token"]
    assert not run(server, tmp_path, **terms).changed
    assert server.deeds == ["seal with a-token"]


@pytest.mark.parametrize(
    ("health", "leader", "serves"),
    [
        (200, None, True),
        (472, None, True),
        (473, None, True),
        (503, None, False),
        (501, None, False),
        (429, {"ha_enabled": True, "leader_address": "https://other", "is_self": False}, True),
        (429, {"ha_enabled": True, "leader_address": "", "is_self": False}, False),
        (429, {"ha_enabled": True, "leader_address": "https://me", "is_self": True}, False),
    ],
)
def test_a_node_serves_once_one_is_active(
    tmp_path: pathlib.Path, health: int, leader: Data | None, serves: bool
) -> None:
    server = Server()
    server.health = health
    server.memory.on("get", "sys/leader", lambda _path, _body: (200, leader or {}))
    assert seal(server, tmp_path)._serves() is serves


def test_an_unsealed_server_is_waited_for(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    server.health = 503
    pauses: list[float] = []
    now = [100.0]

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += 0.25

    monkeypatch.setattr(module.time, "sleep", sleep)
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with pytest.raises(Unreachable, match="no node became active within 1 seconds") as failed:
        seal(server, tmp_path)._await_service()
    assert failed.value.field == "timeout"
    assert len(pauses) == 5, "the last look is when the time is over"
    server.health = 200
    seal(server, tmp_path)._await_service()
    assert len(pauses) == 5


@pytest.mark.parametrize(
    ("shares", "threshold", "possible"),
    [(1, 1, True), (2, 1, False), (2, 2, True), (3, 2, True), (255, 255, True), (256, 2, False), (2, 3, False)],
)
def test_shares_that_a_server_takes(shares: int, threshold: int, possible: bool) -> None:
    if possible:
        module._check_shares(shares, threshold)
        return
    with pytest.raises(InvalidInput) as refusal:
        module._check_shares(shares, threshold)
    assert refusal.value.field == "threshold"


def test_an_initialisation_whose_answer_was_lost_is_not_repeated(tmp_path: pathlib.Path) -> None:
    """The first attempt may have made keys; a second one is refused, or makes others."""
    server = Server(initialized=False)
    tried = server.memory.lose("post", "sys/init")
    resource = seal(server, tmp_path)
    resource.vault._retries = 3
    plan = resource.plan(resource.read(), NOON)
    with pytest.raises(TrustmeshError):
        resource.apply(plan)
    assert len(tried) == 1
