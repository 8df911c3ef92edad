# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret-id that arrives wrapped (J6): it is unwrapped once, into a file that is certain, and given to nobody."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import FileFailure
from plugins.module_utils._vault.errors import Rejected, ServerFault
from plugins.module_utils._vault.login import METHODS, wrapped
from tests.unit.vault.memory import Data, Memory, Reply, found, refused

ORIGIN: t.Final = "auth/approle/role/app/secret-id"
PLAIN: t.Final = "0d3e9bb1-5f0c-4d3f-8a0d-2f1b3c4d5e6f"


class Server:
    """A server with wrapping tokens and AppRoles; notes with which token each request came."""

    def __init__(self) -> None:
        self.memory = Memory(approle="approle")
        self.vault = self.memory.vault
        #: What each wrapping token wraps and by which path it was made.
        self.wrapping: dict[str, tuple[str, str]] = {}
        self.valid: set[str] = set()
        self.deeds: list[tuple[str, str | None]] = []
        for path, act in {
            "sys/wrapping/lookup": self._lookup,
            "sys/wrapping/unwrap": self._unwrap,
            "auth/approle/login": self._login,
        }.items():
            self.memory.on("post", path, act)

    def wrap(self, name: str, origin: str = ORIGIN) -> str:
        """Make a secret-id and wrap it."""
        self.valid.add(f"secret-of-{name}")
        self.wrapping[name] = (f"secret-of-{name}", origin)
        return name

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _token in self.deeds]

    def _lookup(self, _path: str, body: Data) -> Reply:
        self.deeds.append(("lookup", self.memory.token))
        held = self.wrapping.get(body["token"])
        return refused(400, "wrapping token is not valid or does not exist") if held is None else self._about(held[1])

    def _about(self, origin: str) -> Reply:
        return found({"creation_path": origin} if origin else {})

    def _unwrap(self, _path: str, _body: Data) -> Reply:
        self.deeds.append(("unwrap", self.memory.token))
        held = self.wrapping.pop(str(self.memory.token), None)
        return refused(400, "wrapping token is not valid") if held is None else found({"secret_id": held[0]})

    def _login(self, _path: str, body: Data) -> Reply:
        self.deeds.append((f"login {body['secret_id']}", self.memory.token))
        known = body["secret_id"] in self.valid
        return (200, {"auth": {"client_token": "the-token"}}) if known else refused(400, "invalid role or secret ID")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("VAULT_", "BAO_")):
            monkeypatch.delenv(name)


def login(server: Server, secret_id: str | None = None, file: pathlib.Path | None = None) -> str:
    params = {
        "auth_mount": None,
        "role_id": "r",
        "secret_id": secret_id,
        "secret_id_wrapped": True,
        "secret_id_file": None if file is None else str(file),
    }
    METHODS["approle"].check(params)
    return METHODS["approle"].login(server.vault, params).reveal()


@pytest.fixture
def server() -> Server:
    return Server()


def test_j6_what_arrives_is_unwrapped_into_a_private_file(server: Server, tmp_path: pathlib.Path) -> None:
    arrival, kept = tmp_path / "secret-id", tmp_path / "secret-id.unwrapped"
    arrival.write_text(f"{server.wrap('hvs.first')}\n")
    assert login(server, file=arrival) == "the-token"
    assert server.deeds == [
        *(("lookup", None), ("unwrap", "hvs.first")),
        ("login secret-of-hvs.first", ""),
    ], "the wrapping token is the right to unwrap, and of no use for anything else"
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept.name]
    assert kept.read_text() == "secret-of-hvs.first\n"
    assert kept.stat().st_mode & 0o7777 == 0o600
    server.deeds.clear()
    assert login(server, file=arrival) == "the-token"
    assert server.verbs == ["login secret-of-hvs.first"], "the next run has it"


def test_j6_a_new_delivery_replaces_what_is_kept(server: Server, tmp_path: pathlib.Path) -> None:
    arrival, kept = tmp_path / "secret-id", tmp_path / "secret-id.unwrapped"
    kept.write_text("secret-of-old\n")
    server.valid.add("secret-of-old")
    arrival.write_text(server.wrap("hvs.new"))
    assert login(server, file=arrival) == "the-token"
    assert server.verbs == ["lookup", "unwrap", "login secret-of-hvs.new"]
    assert kept.read_text() == "secret-of-hvs.new\n"


@pytest.mark.parametrize("given", ["option", "file"])
@pytest.mark.parametrize(
    ("origin", "genuine"),
    [
        (ORIGIN, True),
        ("auth/other/role/app/secret-id", False),
        ("auth/approle/role/app/secret-id-accessor/lookup", False),
        ("auth/approle/custom/secret-id", False),
        ("sys/wrapping/wrap", False),
        ("x/auth/approle/role/app/secret-id", False),
        ("", False),
    ],
)
def test_j6_a_token_that_the_engine_has_not_made_is_not_unwrapped(
    server: Server, tmp_path: pathlib.Path, origin: str, genuine: bool, given: str
) -> None:
    arrival = tmp_path / "secret-id"
    token = server.wrap("hvs.first", origin)
    if given == "file":
        arrival.write_text(token)
    arguments: dict[str, t.Any] = {"file": arrival} if given == "file" else {"secret_id": token}
    if genuine:
        assert login(server, **arguments) == "the-token"
        return
    with pytest.raises(InvalidInput, match="the wrapping token was made by ") as refusal:
        login(server, **arguments)
    assert refusal.value.field == ("secret_id_file" if given == "file" else "secret_id")
    assert server.verbs == ["lookup"]
    assert [path.name for path in tmp_path.iterdir()] == (["secret-id"] if given == "file" else [])


def test_j6_a_token_given_by_itself_is_spent_and_nothing_is_kept(server: Server, tmp_path: pathlib.Path) -> None:
    assert login(server, server.wrap("hvs.first")) == "the-token"
    assert server.deeds[1:] == [("unwrap", "hvs.first"), ("login secret-of-hvs.first", "")]
    with pytest.raises(wrapped.Spent, match="it has been unwrapped before") as spent:
        login(server, "hvs.first")
    assert "Name a file in secret_id_file" in str(spent.value.remedy)
    place = tmp_path / "kept"
    assert login(server, server.wrap("hvs.second"), place) == "the-token"
    assert place.read_text() == "secret-of-hvs.second\n"
    assert login(server, "hvs.second", place) == "the-token", "with what is kept"


def test_j6_the_token_is_not_spent_where_nothing_can_be_kept(server: Server, tmp_path: pathlib.Path) -> None:
    arrival = tmp_path / "secret-id"
    arrival.write_text(server.wrap("hvs.first"))
    os.mkfifo(tmp_path / "secret-id.unwrapped")
    with pytest.raises(FileFailure) as failed:
        login(server, file=arrival)
    assert failed.value.field is not None and failed.value.field.startswith("secret_id_file")
    assert "unwrap" not in server.verbs
    assert arrival.read_text() == "hvs.first"


def test_j6_room_is_made_before_the_token_is_spent(
    server: Server, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrival = tmp_path / "secret-id"
    arrival.write_text(server.wrap("hvs.first"))

    def full(*_given: t.Any) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileFailure, match="the disk is full"):
        login(server, file=arrival)
    assert "unwrap" not in server.verbs
    assert list(server.wrapping) == ["hvs.first"]


def test_j6_one_run_at_a_time_unwraps(server: Server, tmp_path: pathlib.Path) -> None:
    arrival = tmp_path / "secret-id"
    arrival.write_text(server.wrap("hvs.first"))
    locked: list[bool] = []

    def unwrap(_path: str, _body: Data) -> None:
        locked.append((tmp_path / ".lock").exists())

    server.memory.on("post", "sys/wrapping/unwrap", unwrap)
    login(server, file=arrival)
    assert locked == [True]
    assert not (tmp_path / ".lock").exists()


def test_j6_what_another_run_unwrapped_meanwhile_is_used(
    server: Server, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrival, kept = tmp_path / "secret-id", tmp_path / "secret-id.unwrapped"
    arrival.write_text(server.wrap("hvs.first"))
    hold = wrapped.hold

    def other_was_faster(paths: t.Any) -> t.Any:
        del server.wrapping["hvs.first"]
        arrival.unlink()
        kept.write_text("secret-of-hvs.first\n")
        return hold(paths)

    monkeypatch.setattr(wrapped, "hold", other_was_faster)
    assert login(server, file=arrival) == "the-token"
    assert server.verbs == ["login secret-of-hvs.first"]


def test_j6_a_delivery_that_came_meanwhile_stays(server: Server, tmp_path: pathlib.Path) -> None:
    arrival = tmp_path / "secret-id"
    arrival.write_text(server.wrap("hvs.first"))
    server.memory.on("post", "sys/wrapping/unwrap", lambda _path, _body: arrival.write_text("hvs.second") and None)
    assert login(server, file=arrival) == "the-token"
    assert arrival.read_text() == "hvs.second"


def test_j6_a_spent_token_that_cannot_be_removed_is_warned_of(
    server: Server, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrival = tmp_path / "secret-id"
    arrival.write_text(server.wrap("hvs.first"))

    def refuse(path: str) -> t.NoReturn:
        raise FileFailure("permission denied", field=path)

    monkeypatch.setattr(wrapped, "remove", refuse)
    assert login(server, file=arrival) == "the-token"
    (warning,) = server.vault.warnings
    assert warning.startswith("the spent wrapping token could not be removed: ")


@pytest.mark.parametrize("kept_is_valid", [True, False])
def test_j6_a_token_that_others_have_unwrapped_is_an_alarm(
    server: Server, tmp_path: pathlib.Path, kept_is_valid: bool
) -> None:
    arrival, kept = tmp_path / "secret-id", tmp_path / "secret-id.unwrapped"
    arrival.write_text("hvs.gone")
    kept.write_text("secret-of-old\n")
    if kept_is_valid:
        server.valid.add("secret-of-old")
        assert login(server, file=arrival) == "the-token"
        (warning,) = server.vault.warnings
        assert "find out who has it" in warning
        assert arrival.exists()
        return
    with pytest.raises(wrapped.Spent, match="it expired, or it has been unwrapped before") as spent:
        login(server, file=arrival)
    assert "find out who has it" in str(spent.value.remedy)
    assert kept.read_text() == "secret-of-old\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ("two words", "is damaged"),
        ("caf\u00e9", "is damaged"),
        ("hvs.token", "holds a wrapping token"),
        ("s.token", "holds a wrapping token"),
        ("b.token", "holds a wrapping token"),
    ],
)
def test_j6_what_is_no_secret_id_is_not_sent_as_one(
    server: Server, tmp_path: pathlib.Path, content: str | None, why: str
) -> None:
    arrival, kept = tmp_path / "secret-id", tmp_path / "secret-id.unwrapped"
    if content is not None:
        kept.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=why) as refusal:
        login(server, file=arrival)
    assert refusal.value.field == "secret_id_file"
    assert server.deeds == []
    arrival.write_text("hvs.gone")
    with pytest.raises(wrapped.Spent, match=why) as spent:
        login(server, file=arrival)
    assert spent.value.field == "secret_id_file"
    assert server.verbs == ["lookup"]


def test_j6_a_kept_secret_id_that_has_ended_is_told_with_what_to_do(server: Server, tmp_path: pathlib.Path) -> None:
    kept = tmp_path / "secret-id.unwrapped"
    kept.write_text("secret-of-old\n")
    with pytest.raises(InvalidInput, match="the server does not accept role_id with what ") as refusal:
        login(server, file=tmp_path / "secret-id")
    assert "Deliver a new wrapped secret-id" in str(refusal.value.remedy)
    assert server.verbs == ["login secret-of-old"], "it is tried once"


@pytest.mark.parametrize(("status", "said", "kind"), [(400, "no such mount", Rejected), (500, "broken", ServerFault)])
def test_j6_another_failure_spends_nothing(
    server: Server, tmp_path: pathlib.Path, status: int, said: str, kind: type[Exception]
) -> None:
    (tmp_path / "secret-id.unwrapped").write_text("secret-of-old\n")
    server.memory.on("post", "auth/approle/login", lambda _path, _body: refused(status, said))
    with pytest.raises(kind):
        login(server, file=tmp_path / "secret-id")
    assert server.verbs == []


def test_j6_a_plain_secret_id_is_not_taken_for_a_wrapped_one(server: Server, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret-id").write_text(PLAIN)
    with pytest.raises(InvalidInput, match="has the form of a secret-id, not of a wrapping token") as refusal:
        login(server, file=tmp_path / "secret-id")
    assert (refusal.value.field, "Leave out secret_id_wrapped" in str(refusal.value.remedy)) == ("secret_id_file", True)


def test_the_variables_of_the_environment_count_last(
    server: Server, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_SECRET_ID", server.wrap("hvs.first"))
    assert login(server) == "the-token"
    monkeypatch.delenv("VAULT_SECRET_ID")
    (tmp_path / "secret-id").write_text(server.wrap("hvs.second"))
    monkeypatch.setenv("BAO_SECRET_ID_FILE", str(tmp_path / "secret-id"))
    assert login(server) == "the-token"
    assert (tmp_path / "secret-id.unwrapped").exists()
    monkeypatch.delenv("BAO_SECRET_ID_FILE")
    with pytest.raises(InvalidInput, match="secret_id: not given"):
        login(server)


def test_j6_a_token_whose_answer_was_lost_is_not_spent_twice(server: Server, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret-id").write_text(server.wrap("hvs.first"))
    tried = server.memory.lose("post", "sys/wrapping/unwrap")
    server.vault._retries = 3
    with pytest.raises(ServerFault):
        login(server, file=tmp_path / "secret-id")
    assert len(tried) == 1
