# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login methods on a real server: what works, what is refused, and that every token is given back."""

from __future__ import annotations

import datetime
import pathlib
import typing as t
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.integration.vault_token.logins import Logins
from tests.rigs.openbao import OpenBao
from tests.rigs.pki import write_private

Module = Callable[..., t.Any]
MOUNTS: t.Final = [{"path": "no-such-mount", "state": "absent"}]
LOOK: t.Final = 'path "sys/mounts" { capabilities = ["read"] }'


@pytest.fixture
def look(vault: OpenBao) -> str:
    """A policy that lets a module do its reading."""
    vault.api.write("sys/policies/acl/look", policy=LOOK)
    return "look"


@pytest.fixture
def approle(logins: Logins, look: str) -> dict[str, t.Any]:
    """Options that log in as an AppRole that may look."""
    return logins.options("hub", token_policies=[look])


def failure(result: t.Any) -> str:
    """Return the message of a run that failed as it should."""
    assert result.failed
    return str(result.msg)


# -- The token is given back -------------------------------------------------------------------------------------------


def test_token_is_revoked_when_the_task_ends(
    run_module: Module, logins: Logins, approle: dict[str, t.Any], audit_window: t.Any
) -> None:
    before = logins.accessors()
    with audit_window() as window:
        run_module("vault_mount", {**approle, "mounts": MOUNTS}).ok()
    assert [record.path for record in window.requests] == [
        f"auth/{logins.mount}/login",
        "sys/mounts",
        "auth/token/revoke-self",
    ]
    assert logins.accessors() <= before


def test_trap_57_check_mode_logs_in_reads_and_gives_the_token_back(
    run_module: Module, logins: Logins, approle: dict[str, t.Any], audit_window: t.Any
) -> None:
    before = logins.accessors()
    with audit_window() as window:
        run_module("vault_mount", {**approle, "mounts": MOUNTS}, check=True).ok()
    assert len(window.logins) == 1
    assert window.writes == []
    assert logins.accessors() <= before


def test_token_is_revoked_when_the_task_fails(
    run_module: Module, logins: Logins, audit_window: t.Any, approle: dict[str, t.Any]
) -> None:
    before = logins.accessors()
    with audit_window() as window:
        denied = run_module("vault_policy", {**approle, "policies": [{"name": "x", "rules": LOOK}]})
        refused = run_module("vault_mount", {**approle, "mounts": [{"path": "auth/x", "type": "kv"}]})
    assert "permission denied for get sys/policies/acl/x" in failure(denied)
    assert "Set category to auth" in failure(refused)
    assert len(window.logins) == 2
    assert logins.accessors() <= before


def test_token_that_may_not_be_given_back_is_a_warning(run_module: Module, logins: Logins, look: str) -> None:
    options = logins.options("bare", token_policies=[look], token_no_default_policy=True, token_ttl="1m")
    result = run_module("vault_mount", {**options, "mounts": MOUNTS}).ok()
    assert "the login token could not be revoked: permission denied" in str(result.result["warnings"])


def test_batch_of_many_logs_in_once_over_few_connections(
    run_module: Module, logins: Logins, vault: OpenBao, audit_window: t.Any
) -> None:
    vault.api.write(
        "sys/policies/acl/writer", policy='path "sys/policies/acl/*" { capabilities = ["create", "read", "update"] }'
    )
    policies = [{"name": f"many-{at}", "rules": LOOK} for at in range(50)]
    options = logins.options("w", token_policies=["writer"])
    with audit_window() as window:
        run_module("vault_policy", {**options, "policies": policies}).ok()
    assert len(window.logins) == 1
    assert len(window.writes) == 50
    assert len({record.remote_port for record in window.requests}) <= 8


def test_given_token_is_not_revoked(
    run_module: Module, connection: dict[str, str], logins: Logins, token: t.Any
) -> None:
    given = token(rules=LOOK)
    run_module("vault_mount", {**connection, "token": given, "mounts": MOUNTS}).ok()
    assert logins.alive(given)


# -- AppRole -----------------------------------------------------------------------------------------------------------


def test_secret_id_from_a_file(run_module: Module, approle: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secret-id"
    write_private(path, f"{approle.pop('secret_id')}\n".encode())
    run_module("vault_mount", {**approle, "secret_id_file": str(path), "mounts": MOUNTS}).ok()


def test_wrapped_secret_id(run_module: Module, logins: Logins, approle: dict[str, t.Any]) -> None:
    approle.update(secret_id=logins.wrapped_secret_id("hub"), secret_id_wrapped=True)
    before = logins.accessors()
    run_module("vault_mount", {**approle, "mounts": MOUNTS}).ok()
    assert logins.accessors() <= before, "neither the login's token nor the wrapping token is left"


def test_wrapped_secret_id_that_somebody_unwrapped_before_is_the_alarm(
    run_module: Module, logins: Logins, vault: OpenBao, approle: dict[str, t.Any], audit_window: t.Any
) -> None:
    wrapping = logins.wrapped_secret_id("hub")
    stolen = vault.as_token(wrapping).request("POST", "sys/wrapping/unwrap").data
    logins.canaries.record(stolen["secret_id"], "secret-id")
    approle.update(secret_id=wrapping, secret_id_wrapped=True)
    with audit_window() as window:
        message = failure(run_module("vault_mount", {**approle, "mounts": MOUNTS}))
    assert "secret_id: the wrapping token does not exist: it expired, or it has been unwrapped before" in message
    assert "destroy the secret-id, find out who has it" in message
    assert window.logins == []


def test_wrapped_secret_id_whose_creation_path_is_not_the_roles_is_tampered_with(
    run_module: Module, logins: Logins, vault: OpenBao, approle: dict[str, t.Any], audit_window: t.Any
) -> None:
    """Whoever intercepts a wrapping token can wrap a secret-id of their own, but not make it look made by the role."""
    forged = vault.api.request("POST", "sys/wrapping/wrap", {"secret_id": "x"}, X_Vault_Wrap_TTL="2m").body["wrap_info"]
    logins.canaries.record(forged["token"], "forged wrapping token")
    approle.update(secret_id=forged["token"], secret_id_wrapped=True)
    with audit_window() as window:
        message = failure(run_module("vault_mount", {**approle, "mounts": MOUNTS}))
    assert f"secret_id: the wrapping token was made by sys/wrapping/wrap, not by auth/{logins.mount}" in message
    assert "Treat it as tampered with and get a new one" in message
    assert not [record for record in window.requests if record.path == "sys/wrapping/unwrap"], "nor is it opened"


def test_wrapped_secret_id_of_another_method_is_refused(
    run_module: Module, logins: Logins, vault: OpenBao, approle: dict[str, t.Any], unique_name: Callable[[str], str]
) -> None:
    other = Logins(vault, logins.canaries, unique_name("other"))
    vault.api.write(f"sys/auth/{other.mount}", type="approle")
    other.role("hub")
    approle.update(secret_id=other.wrapped_secret_id("hub"), secret_id_wrapped=True)
    message = failure(run_module("vault_mount", {**approle, "mounts": MOUNTS}))
    assert f"was made by auth/{other.mount}/role/hub/secret-id, not by auth/{logins.mount}" in message


def test_role_that_needs_no_secret_id(run_module: Module, logins: Logins, look: str) -> None:
    options = logins.options("open", token_policies=[look])
    logins.role("open", bind_secret_id=False, secret_id_bound_cidrs=["127.0.0.0/8"], token_policies=[look])
    del options["secret_id"]
    run_module("vault_mount", {**options, "mounts": MOUNTS}).ok()


def test_wrong_secret_id(
    run_module: Module, approle: dict[str, t.Any], canary: Callable[..., str], audit_window: t.Any
) -> None:
    with audit_window() as window:
        message = failure(run_module("vault_mount", {**approle, "secret_id": canary(), "mounts": MOUNTS}))
    assert message.startswith("role_id, secret_id: post auth/")
    assert "/login was refused (HTTP 400: invalid role or secret ID). One of them is wrong, or the secret-id" in message
    assert len(window.logins) == 1, "a refused login is not tried again"


def test_trap_56_single_use_secret_id_is_not_spent_on_retries(
    run_module: Module, logins: Logins, vault: OpenBao, look: str
) -> None:
    role_id = logins.role("once", token_policies=[look], secret_id_num_uses=1)
    options = {"url": vault.url, "ca_cert": vault.ca_path, "auth_method": "approle", "auth_mount": logins.mount}
    options.update(role_id=role_id, secret_id=logins.secret_id("once"), mounts=MOUNTS)
    run_module("vault_mount", options).ok()
    assert "invalid role or secret ID" in failure(run_module("vault_mount", options))


# -- Certificate -------------------------------------------------------------------------------------------------------


def client_pair(directory: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """Write a self-signed client certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = directory / f"{name}.pem", directory / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_private(
        paths[1],
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return paths


@pytest.fixture
def certificate(
    vault: OpenBao, tmp_path: pathlib.Path, look: str, unique_name: Callable[[str], str]
) -> dict[str, t.Any]:
    """Options that log in with a certificate that may look."""
    mount, (cert, key) = unique_name("cert"), client_pair(tmp_path, "node-1")
    vault.api.write(f"sys/auth/{mount}", type="cert")
    vault.api.write(f"auth/{mount}/certs/node", certificate=cert.read_text(), token_policies=[look], token_ttl="1h")
    return {
        "url": vault.url,
        "ca_cert": vault.ca_path,
        "auth_method": "cert",
        "auth_mount": mount,
        "client_cert": str(cert),
        "client_key": str(key),
    }


@pytest.mark.parametrize("role", [None, "node"])
def test_client_certificate(
    run_module: Module, logins: Logins, certificate: dict[str, t.Any], role: str | None, audit_window: t.Any
) -> None:
    before = logins.accessors()
    with audit_window() as window:
        run_module("vault_mount", {**certificate, "cert_role": role, "mounts": MOUNTS}).ok()
    assert len(window.logins) == 1
    assert logins.accessors() <= before


def test_client_certificate_that_nobody_knows(
    run_module: Module, certificate: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    cert, key = client_pair(tmp_path, "stranger")
    certificate.update(client_cert=str(cert), client_key=str(key), mounts=MOUNTS)
    message = failure(run_module("vault_mount", certificate))
    assert f"post auth/{certificate['auth_mount']}/login" in message
    assert "was refused (HTTP 400: " in message


def test_certificate_with_the_key_of_another(
    run_module: Module, certificate: dict[str, t.Any], tmp_path: pathlib.Path, audit_window: t.Any
) -> None:
    _cert, key = client_pair(tmp_path, "other")
    with audit_window() as window:
        message = failure(run_module("vault_mount", {**certificate, "client_key": str(key), "mounts": MOUNTS}))
    assert "client_key: " in message
    assert "cannot be used together (key values mismatch)" in message
    assert window.requests == []


def test_certificate_file_that_is_none(
    run_module: Module, certificate: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    junk = tmp_path / "junk"
    junk.write_text("no certificate")
    for name in ("client_cert", "client_key"):
        message = failure(run_module("vault_mount", {**certificate, name: str(junk), "mounts": MOUNTS}))
        assert "cannot be used together" in message
        assert str(junk) in message


# -- User name and password --------------------------------------------------------------------------------------------


@pytest.fixture
def userpass(
    vault: OpenBao, look: str, unique_name: Callable[[str], str], canary: Callable[..., str]
) -> dict[str, t.Any]:
    """Options that log in as a user who may look."""
    mount, password = unique_name("userpass"), canary()
    vault.api.write(f"sys/auth/{mount}", type="userpass")
    vault.api.write(f"auth/{mount}/users/jo", password=password, token_policies=[look])
    return {
        "url": vault.url,
        "ca_cert": vault.ca_path,
        "auth_method": "userpass",
        "auth_mount": mount,
        "username": "jo",
        "password": password,
    }


def test_user_and_password(
    run_module: Module, logins: Logins, userpass: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    before = logins.accessors()
    run_module("vault_mount", {**userpass, "mounts": MOUNTS}).ok()
    path = tmp_path / "password"
    write_private(path, userpass.pop("password").encode())
    run_module("vault_mount", {**userpass, "password_file": str(path), "mounts": MOUNTS}).ok()
    assert logins.accessors() <= before


def test_password_from_the_environment(run_module: Module, userpass: dict[str, t.Any]) -> None:
    env = {"BAO_USERNAME": userpass.pop("username"), "BAO_PASSWORD": userpass.pop("password")}
    run_module("vault_mount", {**userpass, "mounts": MOUNTS}, env=env).ok()


def test_wrong_password(run_module: Module, userpass: dict[str, t.Any], canary: Callable[..., str]) -> None:
    message = failure(run_module("vault_mount", {**userpass, "password": canary(), "mounts": MOUNTS}))
    assert message.startswith("username, password: post auth/")
    assert "/login/jo was refused (HTTP 400: invalid username or password). One of them is wrong; give" in message


@pytest.mark.parametrize("method", ["approle", "userpass", "certificate"])
def test_f7_method_that_is_not_enabled_is_named_by_the_option_that_says_where(
    run_module: Module, method: str, request: pytest.FixtureRequest
) -> None:
    options = {**request.getfixturevalue(method), "auth_mount": "nowhere"}
    message = failure(run_module("vault_mount", {**options, "mounts": MOUNTS}))
    assert message.startswith("auth_mount: permission denied for post auth/nowhere/login")
    assert "Servers say this where no method is enabled. Give the path of" in message


def test_f7_plain_secret_id_given_as_wrapped_is_no_alarm(run_module: Module, approle: dict[str, t.Any]) -> None:
    options = {**approle, "secret_id_wrapped": True, "mounts": MOUNTS}
    message = failure(run_module("vault_mount", options))
    assert message.startswith(
        "secret_id: has the form of a secret-id, not of a wrapping token. Leave out secret_id_wrapped"
    )
    assert "find out who has it" not in message


def test_f7_wrapped_secret_id_given_as_plain(run_module: Module, logins: Logins, approle: dict[str, t.Any]) -> None:
    approle.update(secret_id=logins.wrapped_secret_id("hub"))
    message = failure(run_module("vault_mount", {**approle, "mounts": MOUNTS}))
    assert "The secret-id looks like a wrapping token: set secret_id_wrapped" in message


def test_f7_role_that_needs_a_secret_id_and_gets_none(run_module: Module, approle: dict[str, t.Any]) -> None:
    del approle["secret_id"]
    message = failure(run_module("vault_mount", {**approle, "mounts": MOUNTS}))
    assert message.startswith("role_id, secret_id: ")
    assert "missing secret_id" in message
    assert "Give secret_id or secret_id_file" in message


# -- Secrets stay where they are ---------------------------------------------------------------------------------------


def test_trap_55_no_secret_on_a_command_line_in_a_result_or_in_a_log(
    play: t.Any, logins: Logins, approle: dict[str, t.Any], userpass: dict[str, t.Any], vault: OpenBao
) -> None:
    """Every run is searched for secrets, at -vvvv, command lines included; here all methods go through one run."""
    logins.canaries.record(vault.root_token, "root token")
    wrapped = {**approle, "secret_id": logins.wrapped_secret_id("hub"), "secret_id_wrapped": True}
    wrong = {**userpass, "password": logins.canaries.mint()}
    tasks = [
        {
            "name": name,
            "trustmesh.security.vault_mount": {**options, "mounts": MOUNTS},
            "ignore_errors": name == "wrong",
        }
        for name, options in (("plain", approle), ("wrapped", wrapped), ("user", userpass), ("wrong", wrong))
    ]
    result = play(tasks, diff=True).ok()
    shown = result.task("plain").result["invocation"]["module_args"]
    assert shown["secret_id"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert shown["role_id"] == approle["role_id"], "what is no secret stays readable"
    assert result.task("wrong").status == "failed"
