# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each failure has its name, the option that it is about, and a remedy."""

from __future__ import annotations

import errno
import socket
import ssl
import typing as t

import pytest

from plugins.module_utils._vault import errors
from plugins.module_utils._vault.errors import from_status, from_transport

URL: t.Final = "https://vault.example:8200"


def _named(name: str, cause: BaseException | None = None) -> Exception:
    """Return what a library raises: a class of that name around a cause."""
    error: Exception = type(name, (OSError,), {})("said by a library", cause)
    return error


def _distrusted(why: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("verify failed")
    error.verify_message = why
    return error


@pytest.mark.parametrize(
    ("error", "kind", "field", "said"),
    [
        (_named("ProxyError"), errors.Unsent, "url", f"the proxy for {URL} cannot be used"),
        (_named("SSLError", _distrusted("")), errors.TlsFailure, "ca_cert", "was not accepted: verification failed"),
        (_named("SSLError", _distrusted("self-signed")), errors.TlsFailure, "ca_cert", "not accepted: self-signed"),
        (_named("SSLError", _distrusted("Hostname mismatch")), errors.TlsFailure, "url", "Hostname mismatch"),
        (_named("SSLError", ssl.SSLError("WRONG_VERSION_NUMBER")), errors.TlsFailure, "url", "does not speak TLS"),
        (_named("SSLError", ssl.SSLError("record layer failure")), errors.TlsFailure, "url", "does not speak TLS"),
        (ssl.SSLError("tlsv13 alert certificate_required"), errors.TlsFailure, "client_cert", "refused the TLS"),
        (ssl.SSLError("sslv3 alert handshake failure"), errors.TlsFailure, "client_cert", "refused the TLS handshake"),
        (_named("SSLError", OSError(errno.EMFILE, "x")), errors.Unreachable, "url", "the limit for open files of this"),
        (_named("X", OSError(errno.ENOMEM, "x")), errors.Unreachable, "url", f"{URL} cannot be asked: the memory is"),
        (ssl.SSLError("anything"), errors.TlsFailure, "url", f"TLS with {URL} failed"),
        (_named("X", socket.gaierror(-2, "unknown")), errors.Unsent, "url", "does not resolve"),
        (_named("NameResolutionError"), errors.Unsent, "url", "does not resolve"),
        (_named("X", ConnectionRefusedError(111, "no")), errors.Unsent, "url", f"nothing listens at {URL}"),
        (_named("ConnectTimeoutError"), errors.Unsent, "url", "did not accept a connection in time"),
        (_named("ConnectTimeout"), errors.Unsent, "url", "did not accept a connection in time"),
        (_named("BadStatusLine"), errors.NotVault, "url", f"{URL} answers a request, but not as a Vault"),
        (_named("LineTooLong"), errors.NotVault, "url", "it does not speak HTTP"),
        (_named("InvalidHeader"), errors.NotVault, "url", "it does not speak HTTP"),
        (_named("UnknownProtocol"), errors.NotVault, "url", "it does not speak HTTP"),
        (_named("ReadTimeoutError"), errors.Unreachable, "timeout", f"{URL} did not answer in time"),
        (_named("ReadTimeout"), errors.Unreachable, "timeout", "did not answer in time"),
        (_named("X", TimeoutError("timed out")), errors.Unreachable, "timeout", "did not answer in time"),
        (_named("X", ConnectionResetError(104, "x")), errors.Unreachable, "url", "broke (ConnectionResetError)"),
    ],
)
def test_a_failure_below_http_is_named(error: Exception, kind: type[errors.VaultError], field: str, said: str) -> None:
    found = from_transport(error, URL)
    assert found.__class__ is kind
    assert (found.field, said in found.problem, bool(found.remedy)) == (field, True, True)
    assert getattr(found, "unsent", False) is (kind is errors.Unsent)
    assert (found.status, found.retry_after, dict(found.data), found.repeated) == (0, None, {}, False)


def test_a_cause_is_found_however_deep_and_circles_end() -> None:
    deep = _named("A", _named("B", _named("C", ConnectionRefusedError(111, "no"))))
    assert isinstance(from_transport(deep, URL), errors.Unsent)
    one, other = _named("A"), _named("B")
    one.__cause__, other.__context__ = other, one
    assert from_transport(one, URL).__class__ is errors.Unreachable
    outer = _named("A")
    outer.reason = ConnectionRefusedError(111, "no")  # type: ignore[attr-defined]
    assert isinstance(from_transport(outer, URL), errors.Unsent)


@pytest.mark.parametrize(
    ("status", "said", "kind", "field"),
    [
        (400, ["bad value"], errors.Rejected, None),
        (401, ["no"], errors.Rejected, None),
        (403, ["1 error occurred: permission denied"], errors.Forbidden, None),
        (404, ["unsupported path"], errors.NoEndpoint, None),
        (405, ["1 error occurred: Unsupported Path"], errors.NoEndpoint, None),
        (405, ["unsupported operation"], errors.Rejected, None),
        (400, ["unsupported path"], errors.Rejected, None),
        (404, ["no handler for route"], errors.NoMount, "mount"),
        (404, [], errors.NoMount, "mount"),
        (404, ["namespace not found"], errors.NoMount, "namespace"),
        (400, ["namespace not found"], errors.Rejected, None),
        (412, [], errors.Behind, None),
        (413, [], errors.TooLarge, None),
        (400, ["refused JSON input due to high complexity"], errors.TooLarge, None),
        (500, ["put failed due to value being too large"], errors.TooLarge, None),
        (500, ["x exceeds allowed length y"], errors.TooLarge, None),
        (500, ["x exceeds allowed entry count y"], errors.TooLarge, None),
        (429, [], errors.RateLimited, None),
        (428, [], errors.Rejected, None),
        (430, [], errors.Rejected, None),
        (503, ["Vault is sealed"], errors.Sealed, "url"),
        (503, ["not initialized"], errors.Sealed, "url"),
        (503, ["a standby node"], errors.Standby, "url"),
        (503, ["busy"], errors.ServerFault, None),
        (500, ["Vault is sealed"], errors.ServerFault, None),
        (307, [], errors.Standby, "url"),
        (308, [], errors.Standby, "url"),
        (472, [], errors.Standby, "url"),
        (473, [], errors.Standby, "url"),
        (471, [], errors.Rejected, None),
        (500, ["no default issuer currently configured"], errors.NoIssuer, "issuer"),
        (400, ["unable to find PKI issuer for reference: x"], errors.NoIssuer, "issuer"),
        (499, ["x"], errors.Rejected, None),
        (500, ["x"], errors.ServerFault, None),
        (599, ["x"], errors.ServerFault, None),
    ],
)
def test_a_failure_of_the_server_is_named(
    status: int, said: list[str], kind: type[errors.VaultError], field: str | None
) -> None:
    found = from_status(status, said, "post", "pki/roles/web")
    assert found.__class__ is kind
    assert (found.field, bool(found.remedy)) == (field, True)


@pytest.mark.parametrize(
    ("said", "doubtful"),
    [
        (["permission denied"], True),
        (["Permission Denied"], True),
        (["2 errors occurred: * permission denied * invalid token"], True),
        (["1 error occurred: * permission denied"], False),
        ([], False),
    ],
)
def test_a_token_is_doubtful_where_no_policy_is_named(said: list[str], doubtful: bool) -> None:
    found = from_status(403, said, "get", "x")
    assert isinstance(found, errors.Forbidden)
    assert found.doubtful is doubtful


def test_what_is_said_is_one_line_and_names_the_request() -> None:
    found = from_status(400, ["one\n\ttwo", "three"], "post", "kv/data/a")
    assert found.problem == "post kv/data/a was refused (HTTP 400: one two; three)"
    assert from_status(400, [], "post", "a").problem == "post a was refused (HTTP 400: no message)"
    plain = errors.speaks_tls(URL)
    assert (type(plain), plain.field, bool(plain.remedy)) == (errors.TlsFailure, "url", True)
    strange = errors.not_vault(URL, "get x", "it is HTML")
    assert strange.problem == f"{URL} answers get x, but not as a Vault or OpenBao does: it is HTML"
    assert (strange.field, bool(strange.remedy)) == ("url", True)


def test_a_failure_says_nothing_of_what_was_not_asked() -> None:
    assert (errors.Forbidden("x").doubtful, errors.Unreachable("x").unsent, errors.Unsent("x").unsent) == (
        False,
        False,
        True,
    )
    plain = errors.VaultError("x")
    assert (plain.status, plain.retry_after, dict(plain.data), plain.repeated) == (0, None, {}, False)
