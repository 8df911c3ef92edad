# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a connection that cannot be used are refused by name, and nothing is sent."""

from __future__ import annotations

import contextlib
import os
import typing as t

import pytest

from plugins.module_utils._core import redact
from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault.connection import VAULT, connect, reach
from plugins.module_utils._vault.errors import NotVault
from tests.unit.vault.memory import Memory, found
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.subjects import completed


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests gets in."""
    for name in list(os.environ):
        if name.startswith(("VAULT_", "BAO_")):
            monkeypatch.delenv(name)


def refusal(**params: t.Any) -> InvalidInput:
    """Return the error of a connection with these options; fails if anything was sent."""
    with ScriptedServer(Answer(200, {"data": {}})) as server, contextlib.ExitStack() as stack:
        with pytest.raises(InvalidInput) as caught:
            connect(completed(VAULT, **{"url": server.url, "token": "t", **params}), stack)
        assert not server.seen
    return caught.value


@pytest.mark.parametrize(("name", "value"), [("retries", -1), ("retries", -(10**9)), ("timeout", 0), ("timeout", -5)])
def test_r21_number_that_is_too_small(name: str, value: int) -> None:
    error = refusal(**{name: value})
    assert (error.field, error.problem) == (name, f"{value} is too small")
    assert error.remedy


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1",
        "https://vault:99999",
        "https://vault:0",
        "https://vault:port",
        "https://va ult:1",
        "https://vault\t:1",
        "https://vault\r\nX: y",
        " https://vault",
        "https://vault:8200?x=1",
        "https://vault:8200/#x",
        "https://vault\\x",
        "https://" + "a" * 64 + ".example",
        "https://a..b",
        "vault:8200",
        "ftp://vault",
        "file:///etc/passwd",
        "https://:8200",
    ],
)
def test_r21_url_that_is_not_an_address(url: str) -> None:
    error = refusal(url=url)
    assert error.field == "url"
    assert "is not an address" in error.problem
    assert error.remedy


@pytest.mark.parametrize(
    "url",
    [
        "https://jo:passw0rd-x@127.0.0.1:1",
        "https://jo:passw0rd-x@vault:99999",
        "ftp://jo:passw0rd-x@vault",
        "jo:passw0rd-x@vault:8200",
        "https://jo:passw0rd-x/y@vault:8200",
        "https://:passw0rd-x@vault",
        "https://passw0rd-x@vault",
        "https://jo:passw0rd%2Dx@vault",
    ],
)
def test_r21_password_in_the_url_is_refused_and_never_shown(url: str) -> None:
    error = refusal(url=url)
    assert error.field == "url"
    assert "passw0rd" not in str(error)
    assert error.remedy
    assert url in redact.known()


def test_r21_short_password_in_the_url_is_masked_with_the_address() -> None:
    refusal(url="https://jo:pw@vault:8200")
    assert "https://jo:pw@vault:8200" in redact.known()


UNHEARD = ["x\r\nX: y", "x\ny", "x\x00y", "x\x7fy", "t\u00e9am", "\u2603", " x", "x "]


@pytest.mark.parametrize("value", UNHEARD)
@pytest.mark.parametrize("name", ["namespace", "token"])
def test_r21_value_that_no_header_can_hold(name: str, value: str) -> None:
    error = refusal(**{name: value})
    assert error.field == name
    assert value not in str(error)
    assert error.remedy


@pytest.mark.parametrize("token", ["two words", "a\nb", "caf\u00e9", "tab\there", "\x00"])
def test_what_no_header_can_carry_is_no_token(token: str) -> None:
    memory = Memory()
    with pytest.raises(InvalidInput) as refusal:
        memory.vault.use_token(token)
    assert refusal.value.field == "token"
    assert token not in str(refusal.value)
    assert memory.token is None
    memory.vault.use_token("hvs.fine")
    assert memory.token == "hvs.fine"
    memory.vault.use_token("")
    assert memory.token == ""


@pytest.mark.parametrize(("said", "taken"), [("kv/", True), ("kv/team/", True), ("other/", False), ("kv/te/", False)])
def test_an_answer_about_another_mount_is_none_about_this_one(said: str, taken: bool) -> None:
    memory = Memory()
    memory.on("get", "sys/internal/ui/mounts/kv/team", lambda _path, _body: found({"path": said, "type": "kv"}))
    if taken:
        assert memory.vault.mount_of("kv/team")["type"] == "kv"
        return
    with pytest.raises(NotVault, match="is that of another mount"):
        memory.vault.mount_of("kv/team")


@pytest.mark.parametrize("namespace", ["team", "/team/"])
def test_a_server_without_namespaces_gets_no_credential_for_one(namespace: str) -> None:
    """It would do for everybody what is declared for a namespace."""
    with ScriptedServer(Answer(200, {"data": {}})) as server, contextlib.ExitStack() as stack:
        given = {"url": server.url, "token": "hvs.the-token", "namespace": namespace, "retries": 0}
        with pytest.raises(InvalidInput) as refusal:
            connect(completed(VAULT, **given), stack)
        assert refusal.value.field == "namespace"
        assert [seen.headers.get("X-Vault-Token") for seen in server.seen] == [None]


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_not_asked_for_this_host(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    with ScriptedServer(Answer(200, {"data": {"a": 1}})) as server, contextlib.ExitStack() as stack:
        for host in ("127.0.0.1", "localhost", "127.1.2.3"):
            # Not all of them lead here; what matters is who would be asked.
            adapter = t.cast(t.Any, reach(completed(VAULT, url=f"http://{host}:{server.port}"), stack)._transport)
            assert adapter._pool.proxy is None
        assert reach(completed(VAULT, url=server.url, retries=0), stack).read("kv/a") == {"a": 1}


@pytest.mark.parametrize("given_back", [True, False])
def test_a_login_is_given_back_at_the_end_and_a_given_token_is_not(given_back: bool) -> None:
    granted = Answer(200, {"auth": {"client_token": "hvs.made-here"}})
    end = Answer(204, b"") if given_back else Answer(500, {"errors": ["broken"]})
    login = {"auth_method": "approle", "role_id": "r", "secret_id": "s" * 20, "retries": 0}
    with ScriptedServer(granted, end) as server:
        with contextlib.ExitStack() as stack:
            vault = connect(completed(VAULT, url=server.url, **login), stack)
            assert [seen.path for seen in server.seen] == ["/v1/auth/approle/login"]
        last = server.seen[-1]
        assert (last.path, last.headers["X-Vault-Token"]) == ("/v1/auth/token/revoke-self", "hvs.made-here")
        assert [text.startswith("the login token could not be revoked") for text in vault.warnings] == (
            [] if given_back else [True]
        )
    with ScriptedServer(end) as server:
        with contextlib.ExitStack() as stack:
            connect(completed(VAULT, url=server.url, token="hvs.given", retries=0), stack)
        assert server.seen == []
