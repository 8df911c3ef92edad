# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a login makes of odd answers and odd names."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault.connection import VAULT, reach
from plugins.module_utils._vault.errors import NotVault
from plugins.module_utils._vault.login import METHODS
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.subjects import completed

APPROLE: t.Final = {"auth_method": "approle", "role_id": "r", "secret_id": "s" * 20}
USERPASS: t.Final = {"auth_method": "userpass", "username": "jo", "password": "p" * 20}
CERT: t.Final = {"auth_method": "cert"}


def login(server: ScriptedServer, **params: t.Any) -> str:
    """Return the token that a login yields."""
    given = completed(VAULT, **{"url": server.url, "retries": 0, **params})
    with contextlib.ExitStack() as stack:
        return METHODS[given["auth_method"]].login(reach(given, stack), given).reveal()


@pytest.mark.parametrize("method", [APPROLE, USERPASS, CERT], ids=["approle", "userpass", "cert"])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>", {"Content-Type": "text/html"}),
        Answer(200, {"data": {}}),
        Answer(200, {"auth": None}),
        Answer(200, {"auth": {}}),
        Answer(200, {"auth": []}),
        Answer(200, {"auth": "token"}),
        Answer(200, {"auth": {"client_token": None}}),
        Answer(200, {"auth": {"client_token": ""}}),
        Answer(200, {"auth": {"client_token": 5}}),
        Answer(200, {"auth": {"client_token": ["a"]}}),
        Answer(200, {"auth": {"client_token": "a\r\nX: y"}}),
    ],
)
def test_r17_answer_of_a_login_without_a_token_is_not_vaults(method: dict[str, t.Any], answer: Answer) -> None:
    with ScriptedServer(answer) as server, pytest.raises(NotVault):
        login(server, **method)


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(200, {"data": {"creation_path": 5}})],
        [Answer(200, {"data": {"creation_path": "auth/approle/role/r/secret-id"}}), Answer(200, {"data": {}})],
        [
            Answer(200, {"data": {"creation_path": "auth/approle/role/r/secret-id"}}),
            Answer(200, {"data": {"secret_id": 5}}),
        ],
    ],
)
def test_r17_wrapped_secret_id_of_another_type_is_not_vaults(answers: list[Answer]) -> None:
    with ScriptedServer(*answers) as server, pytest.raises(NotVault):
        login(server, **APPROLE, secret_id_wrapped=True)


def test_r9_names_are_encoded_in_the_address_of_a_login() -> None:
    with ScriptedServer(Answer(200, {"auth": {"client_token": "t"}})) as server:
        assert login(server, **{**USERPASS, "username": "jo#x?y%", "auth_mount": "/people/"}) == "t"
    assert [seen.path for seen in server.seen] == ["/v1/auth/people/login/jo%23x%3Fy%25"]


@pytest.mark.parametrize(("name", "value"), [("username", ".."), ("username", "a\nb"), ("auth_mount", "a/../b")])
def test_r9_name_that_no_address_can_carry_is_refused_by_field(name: str, value: str) -> None:
    with ScriptedServer(Answer(200, {"auth": {"client_token": "t"}})) as server:
        with pytest.raises(InvalidInput) as caught:
            login(server, **{**USERPASS, name: value})
        assert caught.value.field == name
        assert not server.seen
