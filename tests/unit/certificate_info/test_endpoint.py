# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a TLS server presents, seen on real servers."""

from __future__ import annotations

import datetime
import pathlib
import socket
import ssl
import time

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._inspection.endpoint import Endpoint, EndpointFailure, Presented, fetch
from tests.unit.certificate_info.servers import Handle, drip, files, listening, options, tls, until_closed
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, NOON, Made

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def root() -> Made:
    """A root."""
    return forge.make("Root", ca=True)


@pytest.fixture(scope="module")
def between(root: Made) -> Made:
    """An intermediate."""
    return forge.make("Between", root, ca=True)


@pytest.fixture(scope="module")
def leaf(between: Made) -> Made:
    """A leaf."""
    return forge.make("leaf", between, extensions=[(forge.sans("localhost", "127.0.0.1"), False)])


def _fetch(handle: Handle, **given: str | int) -> Presented:
    with listening(handle) as port:
        return fetch(Endpoint.declared(options(endpoint=f"127.0.0.1:{port}", **given)))


@pytest.mark.parametrize("version", [V12, V13], ids=["TLSv1.2", "TLSv1.3"])
def test_the_whole_chain_is_seen_although_nobody_trusts_it(
    version: ssl.TLSVersion, leaf: Made, between: Made, tmp_path: pathlib.Path
) -> None:
    seen = _fetch(tls(tmp_path, leaf, between, version=version))
    assert seen.certificates == (leaf.der, between.der)
    assert (seen.tls_version, seen.refusal, seen.whole) == (
        version.name.replace("_", ".", 1).replace("_", "."),
        None,
        True,
    )
    assert seen.cipher


def test_an_expired_certificate_is_seen(tmp_path: pathlib.Path) -> None:
    old = forge.make("old", start=NOON - 9 * DAY, end=NOON - DAY)
    assert _fetch(tls(tmp_path, old)).certificates == (old.der,)


def test_the_name_asked_for_decides_what_a_server_presents(leaf: Made, tmp_path: pathlib.Path) -> None:
    other = forge.make("other")
    handle = tls(tmp_path, leaf, by_name={"other.example": other})
    assert _fetch(handle, server_name="other.example").certificates == (other.der,)
    assert _fetch(handle).certificates == (leaf.der,)


@pytest.mark.parametrize("version", [V12, V13], ids=["TLSv1.2", "TLSv1.3"])
def test_a_server_that_wants_a_client_certificate_still_shows_its_own(
    version: ssl.TLSVersion, leaf: Made, root: Made, tmp_path: pathlib.Path
) -> None:
    seen = _fetch(tls(tmp_path, leaf, version=version, client_ca=root))
    assert seen.certificates == (leaf.der,)
    # In TLS 1.3 the client is through before the server has looked.
    assert bool(seen.refusal) is (version is V12)


def test_with_its_client_certificate_it_does_not_refuse(leaf: Made, tmp_path: pathlib.Path) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    authority = forge.make("Clients", ca=True, start=now - DAY, end=now + DAY)
    certificate, key = files(tmp_path, forge.make("client", authority, start=now - DAY, end=now + DAY))
    seen = _fetch(tls(tmp_path, leaf, version=V12, client_ca=authority), client_cert=certificate, client_key=key)
    assert (seen.certificates, seen.refusal) == ((leaf.der,), None)


def test_a_client_pair_that_cannot_be_used_is_named(root: Made, tmp_path: pathlib.Path) -> None:
    certificate, _key = files(tmp_path, forge.make("client", root))
    _certificate, other = files(tmp_path, forge.make("other", root))
    encrypted = tmp_path / "encrypted.key"
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery")
    forge.openssl("pkey", "-aes256", "-passout", f"file:{secret}", "-in", other, "-out", encrypted)
    for key in (other, str(encrypted), str(tmp_path / "nothing")):
        with pytest.raises(InvalidInput) as caught:
            fetch(Endpoint.declared(options(endpoint="127.0.0.1:1", client_cert=certificate, client_key=key)))
        assert caught.value.field == "client_key"
    for missing in (other, str(tmp_path / "nothing")):
        with pytest.raises(InvalidInput) as caught:
            fetch(Endpoint.declared(options(endpoint="127.0.0.1:1", client_cert=missing, client_key=other)))
        assert caught.value.field == "client_cert"


def test_nothing_listening_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(EndpointFailure, match=f"nothing listens on 127.0.0.1:{port}"):
        fetch(Endpoint.declared(options(endpoint=f"127.0.0.1:{port}")))


def test_a_name_that_does_not_resolve_is_said_so() -> None:
    with pytest.raises(EndpointFailure, match=r"the name nowhere\.invalid cannot be resolved"):
        fetch(Endpoint.declared(options(endpoint="nowhere.invalid:443")))


@pytest.mark.parametrize("handle", [until_closed, drip], ids=["silent", "dripping"])
def test_a_server_that_never_gets_to_the_point_is_left_in_time(handle: Handle) -> None:
    started = time.monotonic()
    with pytest.raises(EndpointFailure, match="did not complete a TLS handshake within 1 seconds"):
        _fetch(handle, connect_timeout=1)
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "handle",
    [lambda connection: None, lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
    ids=["hangs up", "speaks HTTP"],
)
def test_a_server_that_speaks_no_tls_is_an_error_and_no_traceback(handle: Handle) -> None:
    with pytest.raises(EndpointFailure) as caught:
        _fetch(handle)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("node1.example.com:8443", "node1.example.com", 8443, "node1.example.com:8443"),
        ("Node1.Example.com", "node1.example.com", 443, "node1.example.com:443"),
        ("192.0.2.1:1", "192.0.2.1", 1, "192.0.2.1:1"),
        ("[2001:db8::1]:8443", "2001:db8::1", 8443, "[2001:db8::1]:8443"),
        ("[::1]", "::1", 443, "[::1]:443"),
        ("bücher.example", "xn--bcher-kva.example", 443, "xn--bcher-kva.example:443"),
    ],
)
def test_addresses(text: str, host: str, port: int, shown: str) -> None:
    endpoint = Endpoint.declared(options(endpoint=text))
    assert (endpoint.host, endpoint.port, endpoint.server_name, str(endpoint)) == (host, port, host, shown)


@pytest.mark.parametrize(
    "wrong", ["", ":443", "a:0", "a:65536", "a:b", "https://a", "2001:db8::1", "[::1", "a:443/x", "a b:1"]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Endpoint.declared(options(endpoint=wrong))
    assert caught.value.field == "endpoint"
