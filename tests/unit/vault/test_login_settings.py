# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a login takes its settings from, and which source wins."""

from __future__ import annotations

import contextlib
import os
import pathlib
import types
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault import connection
from plugins.module_utils._vault.connection import VAULT, connect, has_login, reach
from plugins.module_utils._vault.login import METHODS
from plugins.module_utils._vault.login.method import setting
from tests.unit.vault.subjects import completed


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests gets in."""
    for name in list(os.environ):
        if name.startswith(("VAULT_", "BAO_")):
            monkeypatch.delenv(name)


def given(**params: t.Any) -> dict[str, t.Any]:
    """Return the connection options of a module that got ``params``."""
    return completed(VAULT, **params)


SOURCES = ["option", "file", "VAULT_TOKEN", "BAO_TOKEN", "VAULT_TOKEN_FILE", "BAO_TOKEN_FILE"]


@pytest.mark.parametrize("first", range(len(SOURCES)), ids=SOURCES)
def test_earlier_source_wins_over_all_later_ones(
    first: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params: dict[str, t.Any] = {}
    for source in SOURCES[first:]:
        content = tmp_path / source
        content.write_text(f" from-{source}\n")
        if source == "option":
            params["token"] = "from-option"
        elif source == "file":
            params["token_file"] = str(content)
        else:
            monkeypatch.setenv(source, str(content) if source.endswith("_FILE") else f"from-{source}")
    assert setting(given(**params), "token") == f"from-{SOURCES[first]}"


def test_no_source_is_no_login() -> None:
    params = given(url="https://vault.example.com:8200")
    assert setting(params, "token") is None
    assert not has_login(params)
    with pytest.raises(InvalidInput, match=r"token: not given.* Set token or token_file or VAULT_TOKEN\."):
        METHODS["token"].check(params)


def test_trap_50_token_helper_file_is_never_read(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".vault-token").write_text("somebody's")
    with contextlib.ExitStack() as stack:
        vault = reach(given(url="http://127.0.0.1:1"), stack)
        assert vault._transport.token == ""
    with contextlib.ExitStack() as stack, pytest.raises(InvalidInput):
        connect(given(url="http://127.0.0.1:1"), stack)


@pytest.mark.parametrize("variable", ["VAULT_ADDR", "BAO_ADDR"])
def test_address_comes_from_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "https://vault.example.com:8200/")
    with contextlib.ExitStack() as stack:
        assert reach(given(), stack).url == "https://vault.example.com:8200"


def test_declared_address_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "https://elsewhere:8200")
    with contextlib.ExitStack() as stack:
        assert reach(given(url="https://here:8200"), stack).url == "https://here:8200"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (None, "url: not given. Set url, VAULT_ADDR or BAO_ADDR"),
        ("vault:8200", "url: 'vault:8200' is not an address"),
        ("ftp://vault", "is not an address. Write it like https://"),
        ("https://", "is not an address"),
    ],
)
def test_address_that_is_none(url: str | None, text: str) -> None:
    with contextlib.ExitStack() as stack, pytest.raises(InvalidInput) as caught:
        reach(given(url=url), stack)
    assert text in str(caught.value)


@pytest.mark.parametrize("name", ["ca_cert", "client_cert", "client_key"])
def test_file_that_does_not_exist_is_named(name: str) -> None:
    pair = {"client_cert": "/nowhere/cert", "client_key": "/nowhere/cert"} if name != "ca_cert" else {}
    params = given(url="https://here:8200", **{**pair, name: "/nowhere/at-all"})
    with contextlib.ExitStack() as stack, pytest.raises(InvalidInput, match="does not exist on this host"):
        reach(params, stack)


def test_client_certificate_needs_its_key() -> None:
    with pytest.raises(ValueError, match="parameters are required together: client_cert, client_key"):
        given(url="https://here:8200", client_cert="/c")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "cannot be read (there is no such file)"),
        ("", "is empty"),
        (b"\xff\xfe\x00", "cannot be read (not text)"),
    ],
)
def test_unusable_token_file_is_named(content: t.Any, text: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInput) as caught:
        METHODS["token"].check(given(token_file=str(path)))
    assert str(caught.value).startswith(f"token_file: {path} {text}")


@pytest.mark.parametrize(
    ("method", "params", "missing"),
    [
        ("approle", {}, "role_id"),
        ("approle", {"role_id": "r", "secret_id_wrapped": True}, "secret_id"),
        ("cert", {}, "client_cert"),
        ("userpass", {"password": "p"}, "username"),
        ("userpass", {"username": "jo"}, "password"),
    ],
)
def test_method_says_what_it_lacks_before_any_request(method: str, params: dict[str, t.Any], missing: str) -> None:
    with contextlib.ExitStack() as stack, pytest.raises(InvalidInput, match=f"^{missing}: not given, but auth_method"):
        connect(given(url="http://127.0.0.1:1", auth_method=method, **params), stack)


def test_role_without_a_secret_id_is_possible() -> None:
    METHODS["approle"].check(given(auth_method="approle", role_id="r"))


def test_namespace_comes_from_the_option_or_the_environment_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert setting(given(), "namespace") is None
    monkeypatch.setenv("BAO_NAMESPACE", "team")
    assert setting(given(), "namespace") == "team"
    assert setting(given(namespace="other"), "namespace") == "other"


@pytest.mark.parametrize(
    ("params", "variable", "given_"),
    [
        ({}, None, False),
        ({"token": "t"}, None, True),
        ({}, "VAULT_TOKEN", True),
        ({"auth_method": "approle"}, None, True),
        ({"auth_method": "cert", "token": "t"}, None, True),
    ],
)
def test_a_login_is_given_by_a_token_or_by_another_method(
    params: dict[str, t.Any], variable: str | None, given_: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, "t")
    assert has_login(given(**params)) is given_


def test_libraries_are_asked_for_before_a_connection_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> t.NoReturn:
        raise InvalidInput("hvac is not installed")

    monkeypatch.setattr(connection, "HVAC", types.SimpleNamespace(check=missing))
    with contextlib.ExitStack() as stack, pytest.raises(InvalidInput, match="hvac is not installed"):
        reach(given(url="https://here:8200"), stack)
