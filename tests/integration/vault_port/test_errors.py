# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way in which a request can fail has a name of its own, says which field it concerns and what to do."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import ssl
import threading
import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._vault.errors import NoMount, RateLimited, ServerFault
from tests.integration.conftest import StartVault
from tests.rigs.openbao import OpenBao
from tests.rigs.pki import make_server_pair
from tests.rigs.process import LOOPBACK, free_port
from tests.unit.vault.scripted import HANG, Answer, ScriptedServer

Module = Callable[..., t.Any]
POLICIES: t.Final = [{"name": "x", "rules": 'path "x" { capabilities = ["read"] }'}]


@contextlib.contextmanager
def tls_server(directory: pathlib.Path, family: int, address: str) -> Iterator[int]:
    """Yield the port of a TLS server with a certificate for localhost and 127.0.0.1 that only shakes hands."""
    pair = make_server_pair(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        listener.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                with contextlib.suppress(OSError), listener.accept()[0] as client:
                    client.settimeout(5)
                    context.wrap_socket(client, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


def failure(result: t.Any) -> str:
    """Return the message of a run that failed as it should: by a message, without a traceback."""
    assert result.failed
    assert "Traceback" not in result.stdout + result.stderr
    assert "defect in trustmesh.security" not in result.msg
    return str(result.msg)


def test_name_that_does_not_resolve(run_module: Module, connection: dict[str, str]) -> None:
    args = {**connection, "url": "https://no-such-host.invalid:8200", "retries": 0, "policies": POLICIES}
    message = failure(run_module("vault_policy", args))
    assert "url: the host name in https://no-such-host.invalid:8200 does not resolve. Check the name" in message


def test_nothing_listens(run_module: Module, connection: dict[str, str]) -> None:
    url = f"https://{LOOPBACK}:{free_port()}"
    message = failure(run_module("vault_policy", {**connection, "url": url, "retries": 0, "policies": POLICIES}))
    assert f"url: nothing listens at {url} (connection refused)" in message


def test_certificate_of_another_authority(
    run_module: Module, connection: dict[str, str], tmp_path: pathlib.Path
) -> None:
    other = make_server_pair(tmp_path)
    args = {**connection, "ca_cert": str(other.ca), "policies": POLICIES}
    message = failure(run_module("vault_policy", args))
    assert f"ca_cert: the certificate of {connection['url']} was not accepted" in message
    assert "Give the PEM file of the CA that signed it in ca_cert" in message


def test_certificate_without_a_ca_given(run_module: Module, connection: dict[str, str]) -> None:
    args = {"url": connection["url"], "token": connection["token"], "policies": POLICIES}
    assert "ca_cert: the certificate of" in failure(run_module("vault_policy", args))


def test_certificate_for_another_name(run_module: Module, connection: dict[str, str], tmp_path: pathlib.Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    with tls_server(tmp_path, socket.AF_INET6, "::1") as number:
        args = {"url": f"https://[::1]:{number}", "ca_cert": str(tmp_path / "ca.pem"), "policies": POLICIES}
        message = failure(run_module("vault_policy", {**args, "token": connection["token"], "retries": 0}))
    assert f"url: the certificate of https://[::1]:{number} was not accepted" in message


def test_ca_file_that_is_none(run_module: Module, connection: dict[str, str], tmp_path: pathlib.Path) -> None:
    junk = tmp_path / "ca.pem"
    junk.write_text("no certificate")
    message = failure(run_module("vault_policy", {**connection, "ca_cert": str(junk), "policies": POLICIES}))
    assert f"ca_cert: {junk} cannot be used" in message
    missing = {**connection, "ca_cert": str(tmp_path / "none"), "policies": POLICIES}
    assert "does not exist on this host. Give the path of a PEM file" in failure(run_module("vault_policy", missing))


def test_tls_spoken_to_a_plain_server(run_module: Module, connection: dict[str, str]) -> None:
    with ScriptedServer(Answer(200)) as server:
        url = server.url.replace("http:", "https:")
        message = failure(run_module("vault_policy", {**connection, "url": url, "retries": 0, "policies": POLICIES}))
    assert f"url: {url} does not speak TLS. Write http:// only for a server without TLS" in message


def test_plain_http_spoken_to_a_tls_server(run_module: Module, connection: dict[str, str]) -> None:
    url = connection["url"].replace("https:", "http:")
    message = failure(run_module("vault_policy", {**connection, "url": url, "policies": POLICIES}))
    assert f"url: {url} speaks TLS only. Write https://" in message


def test_server_that_does_not_answer_in_time(run_module: Module, connection: dict[str, str]) -> None:
    with ScriptedServer(HANG) as server:
        args = {**connection, "url": server.url, "timeout": 1, "retries": 0, "policies": POLICIES}
        message = failure(run_module("vault_policy", args))
    assert f"timeout: {server.url} did not answer in time. Raise it" in message


def test_sealed_server(run_module: Module, start_vault: StartVault) -> None:
    server = start_vault()
    args = {"url": server.url, "ca_cert": server.ca_path, "token": server.root_token, "policies": POLICIES}
    server.seal()
    for check in (True, False):
        assert "url: the server is sealed. Unseal it, then run again" in failure(
            run_module("vault_policy", args, check=check)
        )
    server.unseal()
    assert run_module("vault_policy", args).ok().changed


def test_wrong_token(run_module: Module, connection: dict[str, str], canary: Callable[..., str]) -> None:
    args = {**connection, "token": canary("hvs."), "policies": POLICIES}
    message = failure(run_module("vault_policy", args))
    assert "permission denied for get sys/policies/acl/x" in message
    assert "token: the server does not accept the token" in message
    assert "It is invalid or expired, of another namespace, or bound to other addresses" in message


def test_token_that_no_header_can_carry(
    run_module: Module, connection: dict[str, str], canary: Callable[..., str]
) -> None:
    args = {**connection, "token": f"{canary()}\nX-Other: 1", "policies": POLICIES}
    message = failure(run_module("vault_policy", args))
    assert "token: has blanks or control characters in it, so it is not a token" in message


def test_missing_mount_is_told_from_missing_object(port: t.Any, vault: OpenBao, unique_name: t.Any) -> None:
    path = unique_name("kv")
    vault.api.write(f"sys/mounts/{path}", type="kv")
    with port() as opened:
        assert opened.read(f"{path}/nothing") is None
        assert opened.list(path) == []
        with pytest.raises(NoMount, match=r"mount: nothing is mounted for gone/nothing\. Enable the engine first"):
            opened.read("gone/nothing")
        with pytest.raises(NoMount):
            opened.list("gone")
        with pytest.raises(NoMount):
            opened.write("gone/nothing", {"a": "b"})


def test_trap_07_permanent_mistake_reported_as_500_is_not_repeated(
    port: t.Any, vault: OpenBao, unique_name: t.Any, audit_window: t.Any
) -> None:
    mount = unique_name("approle")
    vault.api.write(f"sys/auth/{mount}", type="approle")
    permanent = pytest.raises(ServerFault, match=r"HTTP 500.*invalid CIDR address: 10\.1\.2\.3.*correct it")
    with permanent, port(retries=3) as opened, audit_window() as window:
        opened.write(f"auth/{mount}/role/r", {"secret_id_bound_cidrs": ["10.1.2.3"]})
    assert len(window.requests) == 1


def test_trap_07_nor_by_a_module(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: t.Any, audit_window: t.Any
) -> None:
    mount = unique_name("approle")
    vault.api.write(f"sys/auth/{mount}", type="approle")
    vault.api.write(f"auth/{mount}/role/first", role_id="taken")
    roles = [{"name": "second", "role_id": "taken"}]
    with audit_window() as window:
        message = failure(run_module("vault_approle", {**connection, "mount": mount, "roles": roles}))
    assert "role_id already in use" in message
    assert len([record for record in window.writes if record.path.endswith("/role-id")]) == 1


def test_trap_52_rate_limit_is_waited_out(
    port: t.Any, run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: t.Any
) -> None:
    path, quota = unique_name("kv"), unique_name("quota")
    vault.api.write(f"sys/mounts/{path}", type="kv")
    limit = {"path": f"{path}/", "rate": 1, "interval": "1s"}
    assert vault.api.request("POST", f"sys/quotas/rate-limit/{quota}", limit).status == 204

    def hurry(opened: t.Any) -> None:
        for _at in range(20):
            opened.read(f"{path}/nothing")

    try:
        with port(retries=0) as impatient, pytest.raises(RateLimited, match=r"rate limited \(429\)\. Lower the load"):
            hurry(impatient)
        with port(retries=5) as patient:
            for _at in range(3):
                assert patient.read(f"{path}/nothing") is None
        secrets = [{"path": f"s{at}", "data": {"a": "b"}} for at in range(2)]
        args = {**connection, "mount": path, "secrets": secrets, "retries": 0}
        assert "was rate limited (429). Lower the load or raise the quota on that path" in failure(
            run_module("vault_kv_secret", args)
        )
    finally:
        vault.api.delete(f"sys/quotas/rate-limit/{quota}")


def test_trap_58_failure_of_one_item_is_that_items_alone(run_module: Module, connection: dict[str, str]) -> None:
    policies = [*POLICIES, {"name": "bad", "rules": "no policy at all"}]
    result = run_module("vault_policy", {**connection, "policies": policies})
    assert "1 of 2 items failed. vault_policy bad:" in failure(result)
    good, bad = result.result["results"]
    assert "failed" not in good
    assert bad["failed"] is True
    assert "HTTP 400" in bad["msg"]
    assert result.result["summary"]["failed"] == 1


@pytest.mark.parametrize("role_id", ["r", "r" * 190], ids=["whole", "cut"])
def test_a_secret_that_a_refusal_quotes_is_masked_in_its_spelling_and_where_it_is_cut(
    run_module: Module, canary: Callable[[], str], role_id: str
) -> None:
    secret = canary() + '"<>'
    said = json.dumps({"role_id": role_id, "secret_id": secret})
    with ScriptedServer(Answer(400, {"errors": [f"cannot parse {said}"]})) as server:
        login = {"auth_method": "approle", "role_id": role_id, "secret_id": secret, "retries": 0}
        message = failure(run_module("vault_policy", {"url": server.url, "policies": POLICIES, **login}))
    assert "cannot parse" in message
    assert not any(secret[:length] in message for length in range(8, len(secret) + 1))
