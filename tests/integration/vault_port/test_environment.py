# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the environment may decide, what it may not, and what is never made up."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable

import pytest

from tests.rigs.openbao import OpenBao
from tests.rigs.pki import make_server_pair
from tests.rigs.process import LOOPBACK, free_port

Module = Callable[..., t.Any]
POLICIES: t.Final = [{"name": "environment", "rules": 'path "x" { capabilities = ["read"] }'}]


@pytest.fixture
def dead_proxy() -> dict[str, str]:
    """Proxy variables that lead nowhere."""
    address = f"http://{LOOPBACK}:{free_port()}"
    return dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), address)


@pytest.mark.parametrize("product", ["VAULT", "BAO"])
@pytest.mark.parametrize("as_file", [False, True], ids=["value", "file"])
def test_everything_from_the_environment(
    run_module: Module, vault: OpenBao, tmp_path: pathlib.Path, product: str, as_file: bool
) -> None:
    token = tmp_path / "token"
    token.write_text(f"{vault.root_token}\n")
    token.chmod(0o600)
    env = {f"{product}_ADDR": vault.url, f"{product}_CACERT": vault.ca_path}
    env.update({f"{product}_TOKEN_FILE": str(token)} if as_file else {f"{product}_TOKEN": vault.root_token})
    run_module("vault_policy", {"policies": POLICIES}, env=env).ok()


def test_play_beats_the_environment(
    run_module: Module, connection: dict[str, str], tmp_path: pathlib.Path, canary: Callable[..., str]
) -> None:
    wrong = make_server_pair(tmp_path)
    env = {
        "VAULT_ADDR": f"https://{LOOPBACK}:{free_port()}",
        "VAULT_TOKEN": canary("hvs."),
        "VAULT_CACERT": str(wrong.ca),
        "BAO_ADDR": "nonsense",
        "BAO_TOKEN": canary("hvs."),
    }
    run_module("vault_policy", {**connection, "policies": POLICIES}, env=env).ok()


def test_vault_variables_come_before_bao_variables(
    run_module: Module, vault: OpenBao, canary: Callable[..., str]
) -> None:
    env = {
        "VAULT_ADDR": vault.url,
        "VAULT_CACERT": vault.ca_path,
        "VAULT_TOKEN": vault.root_token,
        "BAO_ADDR": f"https://{LOOPBACK}:{free_port()}",
        "BAO_TOKEN": canary("hvs."),
    }
    run_module("vault_policy", {"policies": POLICIES}, env=env).ok()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_trap_50_ca_bundle_of_the_environment_cannot_override_ca_cert(
    run_module: Module, connection: dict[str, str], vault: OpenBao, tmp_path: pathlib.Path, variable: str
) -> None:
    other = make_server_pair(tmp_path)
    args = {**connection, "policies": POLICIES}
    run_module("vault_policy", args, env={variable: str(other.ca)}).ok()

    lax = run_module("vault_policy", {**args, "ca_cert": str(other.ca)}, env={variable: vault.ca_path})
    assert lax.failed, "nor make a server trusted that the declared CA did not sign"
    assert "ca_cert: the certificate of" in lax.msg


def test_trap_51_proxy_is_not_asked_for_loopback(
    run_module: Module, connection: dict[str, str], dead_proxy: dict[str, str]
) -> None:
    run_module("vault_policy", {**connection, "policies": POLICIES}, env=dead_proxy).ok()


def test_trap_51_answer_without_content_is_success(port: t.Any, unique_name: Callable[[str], str]) -> None:
    with port() as opened:
        reply = opened.write(f"sys/policies/acl/{unique_name('p')}", {"policy": POLICIES[0]["rules"]})
    assert (reply.data, reply.warnings) == ({}, ())


def test_trap_48_namespace_that_does_not_exist_is_an_error_that_names_it(
    run_module: Module, connection: dict[str, str], audit_window: t.Any
) -> None:
    """OpenBao says so. The free edition of HashiCorp Vault would write outside, so that we have to find out."""
    with audit_window() as window:
        result = run_module("vault_policy", {**connection, "namespace": "nowhere", "policies": POLICIES})
    assert result.failed
    assert "namespace: " in result.msg
    assert window.writes == []


def test_every_name_of_the_root_namespace_is_one(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Callable[[str], str]
) -> None:
    """openbao/openbao#1917: to give the root namespace by its name was answered with 404."""
    if vault.api.request("POST", f"sys/namespaces/{unique_name('team')}", {}).status == 404:
        pytest.skip("this server has no namespaces")
    policy = {"name": unique_name("root"), "rules": POLICIES[0]["rules"]}
    names = ("root", "root/", "/", "")
    done = [run_module("vault_policy", {**connection, "namespace": name, "policies": [policy]}).ok() for name in names]
    assert [result.changed for result in done] == [True, False, False, False]


def test_trap_48_namespace_is_used_when_it_is_given(
    run_module: Module,
    connection: dict[str, str],
    vault: OpenBao,
    unique_name: Callable[[str], str],
    audit_window: t.Any,
) -> None:
    """OpenBao has namespaces. The free edition of HashiCorp Vault has none, and ignores whatever names one."""
    name = unique_name("team")
    made = vault.api.request("POST", f"sys/namespaces/{name}", {})
    policy = {"name": name, "rules": POLICIES[0]["rules"]}
    with audit_window() as window:
        results = [
            run_module("vault_policy", {**connection, **source, "policies": [policy]}, env=env)
            for source, env in (({"namespace": name}, {}), ({}, {"VAULT_NAMESPACE": name}))
        ]
    assert vault.api.read(f"sys/policies/acl/{name}") is None, "nothing was written outside"
    if made.status == 404:
        for result in results:
            assert result.failed
            assert f"this server has no namespaces and would do outside what is declared for {name}" in result.msg
        assert window.writes == []
        return
    assert made.status < 300, made.errors
    assert [result.ok().changed for result in results] == [True, False]
    inside = vault.api.request("GET", f"sys/policies/acl/{name}", X_Vault_Namespace=name)
    assert inside.status == 200


def test_s12_a_login_in_one_namespace_works_in_another(
    run_module: Module, connection: dict[str, str], vault: OpenBao, unique_name: Callable[[str], str]
) -> None:
    """S12: AppRole in the root namespace, secrets in a child. The token is given back where it was made."""
    name = unique_name("team")
    made = vault.api.request("POST", f"sys/namespaces/{name}", {})
    if made.status == 404:  # the free edition of HashiCorp Vault has no namespaces
        args = {**connection, "auth_namespace": name, "policies": [{"name": name, "rules": POLICIES[0]["rules"]}]}
        refused = run_module("vault_policy", args)
        assert refused.failed
        assert "this server has no namespaces" in refused.msg
        return
    vault.api.write(
        f"sys/policies/acl/{name}",
        policy=f'path "{name}/sys/policies/acl/*" {{ capabilities = ["create", "read", "update"] }}',
    )
    vault.api.write(f"sys/auth/{name}", type="approle")
    vault.api.write(f"auth/{name}/role/r", token_policies=[name], bind_secret_id=True)
    role_id = vault.api.read(f"auth/{name}/role/r/role-id")
    secret_id = vault.api.write(f"auth/{name}/role/r/secret-id").data["secret_id"]
    assert role_id is not None
    login = {
        **{key: value for key, value in connection.items() if key != "token"},
        "auth_method": "approle",
        "auth_mount": name,
        "role_id": role_id["role_id"],
        "secret_id": secret_id,
        "namespace": name,
        "policies": [{"name": "made", "rules": POLICIES[0]["rules"]}],
    }
    assert run_module("vault_policy", login).failed, "the child namespace has no such method"
    for space in ("root", ""):
        result = run_module("vault_policy", {**login, "auth_namespace": space}).ok()
        assert result.result.get("warnings", []) == [], "the token was given back"
    assert vault.api.read("sys/policies/acl/made") is None, "nothing was written outside"
    assert vault.api.request("GET", "sys/policies/acl/made", X_Vault_Namespace=name).status == 200
    given = {**connection, "namespace": name, "policies": login["policies"], "auth_namespace": "root"}
    assert not run_module("vault_policy", given).ok().changed
