# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A login that is refused names what was given as proof and what to do; it is asked for once."""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._vault.connection import VAULT, connect, reach, reach_login
from plugins.module_utils._vault.errors import Forbidden, Rejected, VaultError
from plugins.module_utils._vault.login import METHODS, wrapped
from tests.unit.vault.memory import Memory, refused
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.subjects import completed

SECRET: t.Final = "0d3e9bb1-5f0c-4d3f-8a0d-2f1b3c4d5e6f"
#: Method and its options, the option behind a refusal, and a part of the remedy.
METHOD_CASES: t.Final[list[tuple[dict[str, t.Any], str, str]]] = [
    ({"auth_method": "approle", "role_id": "r", "secret_id": SECRET}, "role_id, secret_id", "has expired or was used"),
    ({"auth_method": "approle", "role_id": "r"}, "role_id, secret_id", "Give secret_id or secret_id_file"),
    (
        {"auth_method": "approle", "role_id": "r", "secret_id": "hvs.wrapping"},
        "role_id, secret_id",
        "set secret_id_wrapped",
    ),
    (
        {"auth_method": "userpass", "username": "jo", "password": "p" * 20},
        "username, password",
        "One of them is wrong; give username",
    ),
    ({"auth_method": "cert"}, "client_cert", "in cert_role none or the name of that entry"),
]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests gets in."""
    for name in list(os.environ):
        if name.startswith(("VAULT_", "BAO_")):
            monkeypatch.delenv(name)


def refusal(params: dict[str, t.Any], answer: Answer) -> VaultError:
    """Return what becomes of a login that is answered so; it is asked for once, though more is allowed."""
    with ScriptedServer(answer) as server, contextlib.ExitStack() as stack:
        given = completed(VAULT, url=server.url, retries=2, **params)
        with pytest.raises(VaultError) as caught:
            METHODS[given["auth_method"]].login(reach(given, stack), given)
        assert len(server.seen) == 1
        return caught.value


@pytest.mark.parametrize(("params", "field", "remedy"), METHOD_CASES)
def test_a_refused_login_names_what_was_given(params: dict[str, t.Any], field: str, remedy: str) -> None:
    told = refusal(params, Answer(400, {"errors": ["invalid role or secret ID"]}))
    assert (type(told), told.field, remedy in str(told.remedy)) == (Rejected, field, True)
    assert "HTTP 400: invalid role or secret ID" in told.problem


@pytest.mark.parametrize(
    ("params", "method"),
    [(case[0], method) for case, method in zip(METHOD_CASES[:1] + METHOD_CASES[3:], ("AppRole", "userpass", "cert"))],
)
def test_a_login_where_no_method_is_enabled_names_the_mount(params: dict[str, t.Any], method: str) -> None:
    told = refusal(params, Answer(403, {"errors": ["permission denied"]}))
    assert (type(told), told.field) == (Forbidden, "auth_mount")
    assert f"Give the path of {method} in auth_mount" in str(told.remedy)
    assert "permission denied for post auth/" in told.problem


@pytest.mark.parametrize("params", [case[0] for case in METHOD_CASES])
def test_a_login_whose_answer_was_lost_is_not_repeated(params: dict[str, t.Any]) -> None:
    """Each makes a token, and may use up the proof."""
    assert refusal(params, Answer(502, {"errors": ["broken"]})).status == 502


@pytest.mark.parametrize(
    ("params", "body"),
    [
        ({"auth_method": "approle", "role_id": "r", "secret_id": SECRET}, {"role_id": "r", "secret_id": SECRET}),
        ({"auth_method": "approle", "role_id": "r"}, {"role_id": "r"}),
        ({"auth_method": "userpass", "username": "jo", "password": "p" * 20}, {"password": "p" * 20}),
        ({"auth_method": "cert", "cert_role": "web"}, {"name": "web"}),
        ({"auth_method": "cert"}, {}),
    ],
)
def test_a_login_says_who_it_is(params: dict[str, t.Any], body: dict[str, t.Any]) -> None:
    with ScriptedServer(Answer(200, {"auth": {"client_token": "t"}})) as server, contextlib.ExitStack() as stack:
        given = completed(VAULT, url=server.url, **params)
        METHODS[given["auth_method"]].login(reach(given, stack), given)
        assert server.seen[0].body == body


def test_j6_a_wrapped_secret_id_that_the_server_refuses_is_not_called_unwrapped() -> None:
    memory = Memory(approle="approle")
    memory.on("post", "sys/wrapping/lookup", lambda _path, _body: (200, {"data": {"creation_path": ORIGIN}}))
    memory.on("post", "sys/wrapping/unwrap", lambda _path, _body: (200, {"data": {"secret_id": "hvs.inside"}}))
    memory.on("post", "auth/approle/login", lambda _path, _body: refused(400, "invalid role or secret ID"))
    params = completed(VAULT, auth_method="approle", role_id="r", secret_id="hvs.outside", secret_id_wrapped=True)
    with pytest.raises(Rejected) as caught:
        METHODS["approle"].login(memory.vault, params)
    assert "Get a new one for this role" in str(caught.value.remedy)


ORIGIN: t.Final = "auth/approle/role/app/secret-id"


def test_j6_what_is_kept_is_used_without_a_lock(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that this user may not write is no reason to fail."""
    (tmp_path / "secret-id.unwrapped").write_text(SECRET)
    memory = Memory(approle="approle")
    memory.on("post", "auth/approle/login", lambda _path, _body: (200, {"auth": {"client_token": "t"}}))

    def refuse(_paths: t.Any) -> t.NoReturn:
        raise AssertionError("locked")

    monkeypatch.setattr(wrapped, "hold", refuse)
    params = completed(
        VAULT, auth_method="approle", role_id="r", secret_id_wrapped=True, secret_id_file=str(tmp_path / "secret-id")
    )
    assert METHODS["approle"].login(memory.vault, params).reveal() == "t"


@pytest.mark.parametrize(
    ("kept", "problem"),
    [(None, "does not exist, and .* does not exist"), ("", "does not exist, and .* is empty"), (SECRET, None)],
)
def test_j6_what_there_is_to_log_in_with_is_checked_before_any_request(
    tmp_path: pathlib.Path, kept: str | None, problem: str | None
) -> None:
    if kept is not None:
        (tmp_path / "secret-id.unwrapped").write_text(kept)
    params = completed(
        VAULT, auth_method="approle", role_id="r", secret_id_wrapped=True, secret_id_file=str(tmp_path / "secret-id")
    )
    if problem is None:
        METHODS["approle"].check(params)
        return
    with pytest.raises(InvalidInput, match=problem) as caught:
        METHODS["approle"].check(params)
    assert caught.value.field == "secret_id_file"
    with pytest.raises(InvalidInput, match=problem), contextlib.ExitStack() as stack:
        connect({**params, "url": "http://127.0.0.1:1"}, stack)


def test_j6_a_file_that_is_too_large_for_a_secret_id_keeps_none(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "kept"
    path.write_text("x" * 1024)
    assert wrapped.Kept.at(str(path)).secret is not None
    path.write_text("x" * 1025)
    with pytest.raises(TrustmeshError) as caught:
        wrapped.Kept.at(str(path))
    assert str(caught.value.field).startswith("secret_id_file")


def test_a_password_is_asked_for_before_any_request() -> None:
    for missing in ("username", "password"):
        given = {"username": "jo", "password": "p" * 20, missing: None}
        with pytest.raises(InvalidInput) as caught:
            METHODS["userpass"].check(completed(VAULT, auth_method="userpass", **given))
        assert caught.value.field == missing


def test_a_certificate_is_asked_for_before_any_request() -> None:
    given: dict[str, t.Any] = {"client_cert": "/c", "client_key": "/k"}
    METHODS["cert"].check(completed(VAULT, auth_method="cert", **given))
    for missing in given:
        with pytest.raises(InvalidInput) as caught:
            METHODS["cert"].check({**completed(VAULT, auth_method="cert", **given), missing: None})
        assert caught.value.field == missing


def test_a_directory_in_place_of_a_file_is_named_by_the_option(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TrustmeshError) as caught:
        METHODS["token"].check(completed(VAULT, token_file=str(tmp_path)))
    assert str(caught.value.field).startswith("token_file")


@pytest.mark.parametrize(
    ("login_at", "seen"),
    [(None, "team"), ("other", "other"), ("root", None), ("/root/", None), ("", None)],
)
def test_a_login_may_be_made_in_another_namespace_than_the_work(login_at: str | None, seen: str | None) -> None:
    """What is said of the token is asked there, and there it is given back."""
    unknown = Answer(404, {"errors": ["namespace not found"]})
    asked = [unknown] * (2 if login_at == "other" else 1)
    script = [*asked, Answer(200, {"auth": {"client_token": "hvs.made"}}), Answer(200, {"data": {"a": 1}})]
    with ScriptedServer(*script, Answer(500, {"errors": ["broken"]})) as server:
        params = {"auth_method": "userpass", "username": "jo", "password": "p" * 20, "auth_namespace": login_at}
        with contextlib.ExitStack() as stack:
            vault = connect(completed(VAULT, url=server.url, namespace="team", retries=0, **params), stack)
            assert vault.read("kv/a") == {"a": 1}
            assert (vault.owner is None) is (login_at is None)
        login, work, end = server.seen[len(asked) :]
        places = [request.headers.get("X-Vault-Namespace") for request in (login, work, end)]
        assert places == [seen, "team", seen]
        assert [request.headers.get("X-Vault-Token") for request in (login, work, end)] == [
            None,
            "hvs.made",
            "hvs.made",
        ]
        assert end.path == "/v1/auth/token/revoke-self"
        assert len(vault.warnings) == 1, "what went wrong at the end is told in one list"


@pytest.mark.parametrize(
    ("namespace", "login_at", "seen"),
    [
        ("team", None, "team"),
        (None, None, None),
        ("root", None, None),
        ("team", "other", "other"),
        ("team", "root", None),
        ("team", "", None),
    ],
)
def test_a_port_to_where_a_login_is_made_is_in_its_namespace(
    namespace: str | None, login_at: str | None, seen: str | None
) -> None:
    asked = [Answer(404, {"errors": ["namespace not found"]})] * (seen is not None)
    with ScriptedServer(*asked, Answer(200, {"data": {"a": 1}})) as server, contextlib.ExitStack() as stack:
        given = completed(VAULT, url=server.url, namespace=namespace, auth_namespace=login_at, retries=0)
        assert reach_login(given, stack).read("kv/a") == {"a": 1}
        assert [request.headers.get("X-Vault-Namespace") for request in server.seen[len(asked) :]] == [seen]


def test_a_namespace_that_the_server_would_not_heed_gets_no_login() -> None:
    with ScriptedServer(Answer(200, {"data": {"a": 1}})) as server, contextlib.ExitStack() as stack:
        for given in ({"namespace": "team"}, {"auth_namespace": "team"}):
            with pytest.raises(InvalidInput, match="what is declared for team") as caught:
                reach_login(completed(VAULT, url=server.url, retries=0, **given), stack)
            assert (caught.value.field, bool(caught.value.remedy)) == ("namespace", True)
