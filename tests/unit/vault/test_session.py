# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token kept in a file: whom it is revoked for, in which order, and that none is left which no file keeps."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._vault.errors import NotVault, ServerFault
from plugins.module_utils._vault.login import METHODS
from plugins.module_utils._vault.session import Session, SessionTerms
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault.subjects import NOON

PARAMS: t.Final[Data] = {
    "auth_mount": None,
    "auth_method": "approle",
    "role_id": "r",
    "secret_id": "s" * 20,
    "secret_id_file": None,
    "secret_id_wrapped": False,
}


class Server:
    """A server that gives out tokens, and tells about the one that asks."""

    def __init__(self, ttl: int | None = 3600, uses: int = 0, path: str = "auth/approle/login") -> None:
        self.memory = Memory(approle="approle")
        self.vault = self.memory.vault
        self.alive: dict[str, Data] = {}
        self.deeds: list[str] = []
        #: The token that asked for a login.
        self.asking: list[str | None] = []
        self._about = {"path": path, "accessor": "acc", "num_uses": uses, "policies": ["reader"]}
        self._about |= {"ttl": ttl or 0, "expire_time": None if ttl is None else "2026-01-01T13:00:00Z"}
        self.memory.on("post", "auth/approle/login", self._login)
        self.memory.on("get", "auth/token/lookup-self", self._lookup)
        self.memory.on("post", "auth/token/revoke-self", self._revoke)

    def make(self, name: str, **about: t.Any) -> str:
        """Make a token."""
        self.alive[name] = {"id": name, **self._about, **about}
        return name

    def _login(self, _path: str, _body: Data) -> Reply:
        self.asking.append(self.memory.token)
        name = self.make(f"token-{len(self.asking)}")
        self.deeds.append(f"made {name}")
        return 200, {"auth": {"client_token": name}}

    def _lookup(self, _path: str, _body: Data) -> Reply:
        about = self.alive.get(str(self.memory.token))
        return refused(403, "permission denied") if about is None else found(about)

    def _revoke(self, _path: str, _body: Data) -> Reply:
        self.deeds.append(f"revoked {self.memory.token}")
        self.alive.pop(str(self.memory.token), None)
        return 204, {}


def session(server: Server, path: pathlib.Path, *, min_ttl: int = 600, absent: bool = False) -> Session:
    terms = None if absent else SessionTerms(METHODS["approle"], PARAMS, Attributes(), min_ttl)
    return Session(server.vault, str(path), terms)


def run(resource: Session) -> Outcome:
    (outcome,) = reconcile(Batch([resource]), check_mode=False, clock=lambda: NOON)
    return outcome


def test_a_login_is_kept_in_a_file_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "token"
    server.vault.use_token("of-somebody-else")
    outcome = run(session(server, path))
    assert (outcome.error, outcome.action.value) == (None, "create")
    assert path.read_text() == "token-1\n"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert server.asking == [""], "a login is asked for without a token"
    assert outcome.facts == {
        "path": str(path),
        "valid": True,
        "accessor": "acc",
        "origin": "auth/approle/login",
        "policies": ["reader"],
        "ttl": 3600,
    }
    assert server.vault.warnings == []


def test_a_token_that_cannot_be_kept_is_revoked(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "token"
    resource = session(server, path)
    plan = resource.plan(resource.read(), NOON)
    path.mkdir()
    with pytest.raises(TrustmeshError, match="a directory is in the way"):
        resource.apply(plan)
    assert server.deeds == ["made token-1", "revoked token-1"]
    assert server.alive == {}


def test_a_token_of_unknown_life_is_revoked(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "token"
    server.memory.on("get", "auth/token/lookup-self", lambda _path, _body: refused(500, "broken"))
    resource = session(server, path)
    with pytest.raises(ServerFault):
        resource.apply(resource.plan(None, NOON))
    assert server.alive == {}
    assert not path.exists()


@pytest.mark.parametrize(("ttl", "kept"), [(599, False), (600, False), (601, True), (None, True)], ids=str)
def test_a_token_that_no_later_task_could_use_is_revoked(tmp_path: pathlib.Path, ttl: int | None, kept: bool) -> None:
    server, path = Server(ttl), tmp_path / "token"
    outcome = run(session(server, path, min_ttl=600))
    if kept:
        assert outcome.error is None
        assert outcome.facts["ttl"] == ttl
        assert path.exists()
        return
    assert isinstance(outcome.error, InvalidInput)
    assert outcome.error.field == "min_ttl"
    assert server.deeds == ["made token-1", "revoked token-1"]
    assert not path.exists()


@pytest.mark.parametrize(
    ("origin", "revoked"),
    [
        ("auth/approle/login", True),
        ("auth/userpass/login/jo", True),
        ("auth/token/create", False),
        ("auth/token/root", False),
        ("sys/wrapping/wrap", False),
    ],
)
@pytest.mark.parametrize("absent", [True, False])
def test_only_what_a_login_made_is_revoked(tmp_path: pathlib.Path, origin: str, revoked: bool, absent: bool) -> None:
    server, path = Server(ttl=5), tmp_path / "token"
    path.write_text(f"{server.make('old', path=origin)}\n")
    server._about["ttl"] = 3600
    outcome = run(session(server, path, absent=absent))
    assert (outcome.error, outcome.action.value) == (None, "delete" if absent else "replace")
    assert ("old" in server.alive) is not revoked
    assert server.deeds == [*([] if absent else ["made token-1"]), *(["revoked old"] if revoked else [])]
    assert path.exists() is not absent


def test_the_new_token_is_kept_before_the_old_one_is_revoked(tmp_path: pathlib.Path) -> None:
    server, path = Server(ttl=5), tmp_path / "token"
    path.write_text(f"{server.make('old')}\n")
    server._about["ttl"] = 3600
    kept: list[str] = []

    def revoke(_path: str, _body: Data) -> None:
        kept.append(path.read_text())

    server.memory.on("post", "auth/token/revoke-self", revoke)
    assert run(session(server, path)).error is None
    assert kept == ["token-1\n"]


@pytest.mark.parametrize("absent", [True, False])
def test_a_token_that_cannot_be_revoked_is_named_in_a_warning(tmp_path: pathlib.Path, absent: bool) -> None:
    server, path = Server(ttl=5), tmp_path / "token"
    path.write_text(f"{server.make('old')}\n")
    server._about["ttl"] = 3600
    server.memory.on("post", "auth/token/revoke-self", lambda _path, _body: refused(500, "broken"))
    outcome = run(session(server, path, absent=absent))
    assert (outcome.error, outcome.changed) == (None, True)
    (warning,) = server.vault.warnings
    assert warning.startswith(f"the token of {path} could not be revoked: ")
    assert path.exists() is not absent


def test_a_file_that_others_can_read_is_mended_without_a_login(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "token"
    path.write_text(f"{server.make('old')}\n")
    path.chmod(0o644)
    outcome = run(session(server, path))
    assert (outcome.error, outcome.action.value) == (None, "update")
    assert path.read_text() == "old\n"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert server.deeds == []


@pytest.mark.parametrize(("uses", "warned"), [(0, False), (1, True), (9, True)])
def test_a_token_for_few_requests_is_warned_of(tmp_path: pathlib.Path, uses: int, warned: bool) -> None:
    server = Server(uses=uses)
    assert run(session(server, tmp_path / "token")).error is None
    assert [f" {uses} more requests" in text for text in server.vault.warnings] == [True] * warned


@pytest.mark.parametrize("content", ["", "\n", "two words", "caf\u00e9", "tab\there"])
def test_what_no_header_can_carry_is_not_sent(tmp_path: pathlib.Path, content: str) -> None:
    server, path = Server(), tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    state = session(server, path).read()
    assert state is not None and not state.valid
    assert server.memory.asked == []


def test_a_dead_token_is_not_valid_and_one_of_another_is_an_error(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "token"
    path.write_text("dead\n")
    state = session(server, path).read()
    assert state is not None
    assert (state.valid, state.accessor, state.origin, state.policies) == (False, "", "", ())
    server.alive["dead"] = {"id": "other", "path": "p", "accessor": "a"}
    with pytest.raises(NotVault, match="is that of another token"):
        session(server, path).read()


@pytest.mark.parametrize("missing", ["accessor", "path"])
def test_an_answer_about_a_token_has_to_name_it(tmp_path: pathlib.Path, missing: str) -> None:
    server, path = Server(), tmp_path / "token"
    path.write_text("mine\n")
    server.make("mine")
    del server.alive["mine"][missing]
    with pytest.raises(NotVault, match=f"{missing} is missing"):
        session(server, path).read()


def test_keeping_a_given_token_is_of_no_use() -> None:
    params = {**PARAMS, "auth_method": "token", "min_ttl": "10m", "owner": None, "group": None}
    with pytest.raises(InvalidInput) as refusal:
        SessionTerms.declared(params)
    assert refusal.value.field == "auth_method"


def test_the_terms_are_checked_and_the_mode_is_fixed() -> None:
    params = {**PARAMS, "min_ttl": "1h", "owner": str(os.getuid()), "group": None}
    terms = SessionTerms.declared(params)
    assert (terms.min_ttl, terms.attributes) == (3600, Attributes(os.getuid(), None, 0o600))
    assert terms.origin == "auth/approle/login"
    assert SessionTerms.declared({**params, "auth_mount": "hub"}).origin == "auth/hub/login"
    for given, field in (({"min_ttl": "soon"}, "min_ttl"), ({"role_id": None}, "role_id")):
        with pytest.raises(InvalidInput) as refusal:
            SessionTerms.declared({**params, **given})
        assert refusal.value.field == field


def test_a_method_of_the_same_beginning_is_another_one(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "token"
    path.write_text(f"{server.make('old', path='auth/approle/login2')}\n")
    resource = session(server, path)
    assert resource.plan(resource.read(), NOON).action.value == "replace"


def test_what_is_mended_is_named(tmp_path: pathlib.Path) -> None:
    server, path = Server(), tmp_path / "token"
    path.write_text(f"{server.make('old')}\n")
    path.chmod(0o644)
    resource = session(server, path)
    (change,) = resource.plan(resource.read(), NOON).changes
    assert (change.path, change.before, change.after) == ("mode", "0644", "0600")
    assert resource.describe(None) == {}


def test_what_a_login_replaces_is_foreseen_and_never_shown(tmp_path: pathlib.Path) -> None:
    server, path = Server(ttl=5), tmp_path / "token"

    def foreseen(absent: bool = False) -> list[tuple[str, t.Any, t.Any]]:
        resource = session(server, path, absent=absent)
        return [(change.path, change.before, change.after) for change in resource.plan(resource.read(), NOON).changes]

    assert foreseen() == [("token", None, "a new login with approle")]
    assert foreseen(absent=True) == []
    path.write_text(f"{server.make('of-a-login')}\n")
    assert foreseen() == [("token", Secret("of-a-login"), "a new login with approle")]
    assert foreseen(absent=True) == [("token", Secret("of-a-login"), None)]
    assert run(session(server, path, absent=True)).facts == {}
