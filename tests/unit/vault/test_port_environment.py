# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the environment may decide about a server that is not this machine.

The server is here all the same: only the answer of the name service is made up, so that its address does not give it
away. For loopback addresses themselves, see the integration tests of the port.
"""

from __future__ import annotations

import contextlib
import datetime
import pathlib
import socket
import ssl
import subprocess
import typing as t
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugins.module_utils._vault.connection import reach
from plugins.module_utils._vault.errors import TlsFailure, Unsent, VaultError
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.scripted import Answer, ScriptedServer

NAME: t.Final = "vault.example.com"


def certificate(directory: pathlib.Path, name: str) -> pathlib.Path:
    """Write a self-signed certificate for ``name`` with its key behind it, and return the path."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    path.touch(0o600)
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture(autouse=True)
def name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the name lead here, and no setting of the person who runs the tests get in."""
    asked = socket.getaddrinfo

    def answer(host: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        return asked("127.0.0.1" if host == NAME else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[ScriptedServer]:
    """A TLS server that calls itself by the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, NAME))
    with ScriptedServer(Answer(200, {"data": {"k": "v"}}), tls=context) as running:
        yield running


@contextlib.contextmanager
def at(port: int, ca_cert: pathlib.Path) -> Iterator[Vault]:
    """Yield the port that modules get for the name."""
    params: dict[str, t.Any] = dict.fromkeys(("namespace", "client_cert", "client_key"))
    params.update(url=f"https://{NAME}:{port}", ca_cert=str(ca_cert), timeout=5, retries=0)
    with contextlib.ExitStack() as stack:
        yield reach(params, stack)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_trap_50_ca_bundle_of_the_environment_cannot_override_ca_cert(
    server: ScriptedServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    right, wrong = tmp_path / f"{NAME}.pem", certificate(tmp_path, "other.example.com")
    monkeypatch.setenv(variable, str(wrong))
    with at(server.port, right) as vault:
        assert vault.read("kv/a") == {"k": "v"}
    monkeypatch.setenv(variable, str(right))
    with at(server.port, wrong) as vault, pytest.raises(TlsFailure, match="ca_cert: the certificate of"):
        vault.read("kv/a")


def test_trap_51_proxy_that_cannot_be_used_is_named(
    server: ScriptedServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
    right = tmp_path / f"{NAME}.pem"
    named = rf"url: the proxy for https://{NAME}:{server.port} cannot be used\. .*name the server in NO_PROXY"
    with at(server.port, right) as vault, pytest.raises(Unsent, match=named):
        vault.read("kv/a")
    monkeypatch.setenv("NO_PROXY", NAME)
    with at(server.port, right) as vault:
        assert vault.read("kv/a") == {"k": "v"}


def test_certificate_for_another_name_blames_the_address(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = certificate(tmp_path, "other.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(other)
    with ScriptedServer(Answer(200), tls=context) as running, at(running.port, other) as vault:  # noqa: SIM117
        with pytest.raises(
            TlsFailure, match=rf"url: the certificate of https://{NAME}:{running.port} was not accepted"
        ):
            vault.read("kv/a")


def test_a_server_is_verified_where_nothing_is_said_about_it(server: ScriptedServer) -> None:
    params: dict[str, t.Any] = dict.fromkeys(("namespace", "ca_cert", "client_cert", "client_key"))
    params.update(url=f"https://{NAME}:{server.port}", timeout=5, retries=0)
    with contextlib.ExitStack() as stack, pytest.raises(TlsFailure, match="ca_cert: the certificate of"):
        reach(params, stack).read("kv/a")
    assert server.seen == []


def test_a_directory_of_authorities_is_believed(server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    authorities = tmp_path / "authorities"
    authorities.mkdir()
    held = x509.load_pem_x509_certificate((tmp_path / f"{NAME}.pem").read_bytes())
    (authorities / "a.pem").write_bytes(held.public_bytes(serialization.Encoding.PEM))
    subprocess.run(["openssl", "rehash", str(authorities)], check=True)
    with at(server.port, authorities) as vault:
        assert vault.read("kv/a") == {"k": "v"}
    (authorities / "a.pem").unlink()
    with at(server.port, authorities) as vault, pytest.raises(TlsFailure):
        vault.read("kv/a")


def test_a_client_shows_its_certificate(tmp_path: pathlib.Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    right, client = certificate(tmp_path, NAME), certificate(tmp_path, "client.example.com")
    context.load_cert_chain(right)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(client)
    params: dict[str, t.Any] = {"namespace": None, "ca_cert": str(right), "timeout": 5, "retries": 0}
    with ScriptedServer(Answer(200, {"data": {"k": "v"}}), tls=context) as running:
        params["url"] = f"https://{NAME}:{running.port}"
        with contextlib.ExitStack() as stack:
            shown = {**params, "client_cert": str(client), "client_key": str(client)}
            assert reach(shown, stack).read("kv/a") == {"k": "v"}
        with contextlib.ExitStack() as stack, pytest.raises(VaultError):
            reach({**params, "client_cert": None, "client_key": None}, stack).read("kv/a")
