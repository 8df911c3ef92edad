# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the port makes of answers, and how it names failures below and above HTTP."""

from __future__ import annotations

import contextlib
import gzip
import re
import socket
import types
import typing as t
from collections.abc import Iterator

import pytest

from plugins.module_utils._vault import answer
from plugins.module_utils._vault.connection import reach
from plugins.module_utils._vault.errors import (
    Behind,
    Forbidden,
    NoMount,
    NotVault,
    Rejected,
    Sealed,
    ServerFault,
    Standby,
    TlsFailure,
    TooLarge,
    UnknownParameter,
    Unreachable,
    Unsent,
    VaultError,
    from_status,
)
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.scripted import DROP, HANG, Answer, ScriptedServer

DELETED = {"data": {"data": None, "metadata": {"version": 2, "deletion_time": "2026-01-01T00:00:00Z"}}}


@contextlib.contextmanager
def at(url: str, *, timeout: float = 5) -> Iterator[Vault]:
    """Yield the port that modules get for an address."""
    params = dict.fromkeys(("namespace", "ca_cert", "client_cert", "client_key"))
    with contextlib.ExitStack() as stack:
        yield reach({**params, "url": url, "timeout": timeout, "retries": 0}, stack)


@pytest.mark.parametrize(
    ("answer", "data"),
    [
        (Answer(200, {"data": {"a": 1}}), {"a": 1}),
        (Answer(200, {"request_id": "x", "data": {}, "auth": None}), {}),
        (Answer(404, {"errors": []}), None),
        # Trap 8: what was deleted in a versioned engine answers 404 with a body.
        (Answer(404, DELETED), None),
    ],
    ids=["data", "no fields", "absent", "deleted version"],
)
def test_read(answer: Answer, data: t.Any) -> None:
    with ScriptedServer(answer) as server, at(server.url) as vault:
        assert vault.read("kv/a") == data


JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html", "Server": "nginx\x1b[31m"}
#: Answers of whatever may stand in between, each with a word of what is said about it.
STRANGE: dict[str, tuple[Answer, str]] = {
    "404 of a proxy": (Answer(404, b"default backend - 404", {"Content-Type": "text/plain"}), "it is not JSON"),
    "404 without a body": (Answer(404, b""), "its body is empty"),
    "404 of another API": (Answer(404, {"message": "no Route matched"}), "none of the fields"),
    "404 with an object": (Answer(404, {"data": {"a": 1}}), "this status does not"),
    "404 with a version that lives": (
        Answer(404, {"data": {"data": None, "metadata": {"version": 2}}}),
        "this status does not",
    ),
    "HTML": (Answer(200, b"<html>", HTML), "HTTP 200, Content-Type: text/html, Server: nginx [31m"),
    "HTML called JSON": (Answer(200, b"<html>", JSON), "its body is not JSON"),
    "empty": (Answer(200, b""), "its body is empty"),
    "no content": (Answer(204, b""), "HTTP 204"),
    "cut": (Answer(200, b'{"data": {"passw'), "or is cut short"),
    "list": (Answer(200, [1, 2]), "not an object"),
    "null": (Answer(200, b"null"), "not an object"),
    "text": (Answer(200, b'"data"'), "not an object"),
    "null data": (Answer(200, {"data": None}), "data is missing"),
    "data is a list": (Answer(200, {"data": [1]}), "data is not an object"),
    "errors with 200": (Answer(200, {"errors": []}), "none of the fields"),
    "another object": (Answer(200, {"status": "ok"}), "none of the fields"),
    "errors is a number": (Answer(500, {"errors": 5}), "errors is not a list of texts"),
    "errors is a list of numbers": (Answer(500, {"errors": [5]}), "errors is not a list of texts"),
    "deep": (Answer(200, b"[" * 200_000), "nested too deep"),
    "deep object": (Answer(200, b'{"data":' * 100_000), "nested too deep"),
    "named twice": (Answer(200, b'{"data": {"a": 1}, "data": {}}'), "names a field twice"),
    "infinity": (Answer(200, b'{"data": {"a": 1e999}}'), "a number that is too large"),
    "NaN": (Answer(200, b'{"data": {"a": NaN}}'), "NaN for a number"),
    "endless number": (Answer(200, b'{"data": {"a": ' + b"9" * 9999 + b"}}"), "more digits"),
    "many parts": (Answer(200, b'{"data": [' + b"{}," * 2_000_001 + b"1]}"), "too many lists"),
    "not UTF-8": (Answer(200, b'{"data": {"a": "\xff"}}'), "not UTF-8"),
    "half a character": (Answer(200, b'{"data": {"a": "\\ud800"}}'), "not UTF-8"),
    "redirect": (Answer(302, b"", {"Location": "https://u:p@login.example/a?token=s"}), "to https://login.example/a "),
    "201": (Answer(201, {"data": {"a": 1}}), "HTTP 201"),
    "gzip, cut": (Answer(200, gzip.compress(b"{}" * 99)[:-9], {"Content-Encoding": "gzip"}), "it is cut short"),
    "gzip, damaged": (Answer(200, b"{}", {"Content-Encoding": "gzip"}), "its compression is damaged"),
    "gzip, a bomb": (Answer(200, gzip.compress(b" " * (65 << 20)), {"Content-Encoding": "gzip"}), "unpacks to more"),
    "another encoding": (Answer(200, b"{}", {"Content-Encoding": "br"}), "its encoding is br"),
    "huge": (Answer(200, b" " * (65 << 20)), "larger than 64 MiB"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_r1_r17_answer_that_is_not_vaults_says_nothing(name: str) -> None:
    answer, said = STRANGE[name]
    for ask in (lambda: vault.read("kv/a"), lambda: vault.list("kv"), lambda: vault.read_version("kv/data/a")):
        with ScriptedServer(answer) as server, at(server.url) as vault:
            with pytest.raises(VaultError) as caught:
                ask()
            text = str(caught.value)
            assert said in text
            assert text.isprintable()
            assert len(text) < 900
            assert isinstance(caught.value, NotVault)
            assert (caught.value.field, bool(caught.value.remedy)) == ("url", True)


def test_r18_compressed_answer_is_read() -> None:
    packed = Answer(200, gzip.compress(b'{"data": {"a": 1}}'), {"Content-Encoding": "gzip"})
    with ScriptedServer(packed) as server, at(server.url) as vault:
        assert vault.read("kv/a") == {"a": 1}


@pytest.mark.parametrize("data", [{"a": 1}, {"keys": None}])
def test_r1_listing_without_keys_is_not_an_empty_one(data: dict[str, t.Any]) -> None:
    with ScriptedServer(Answer(200, {"data": data})) as server, at(server.url) as vault:  # noqa: SIM117
        with pytest.raises(NotVault, match="keys is missing"):
            vault.list("kv")


@pytest.mark.parametrize(
    "date", ["yesterday", "", "1", "Fri, 99 Jan 2100 00:00:00 GMT", "\xb2", "Mon, 1 Jan 99999 0:0:0"]
)
def test_r17_date_of_any_content_is_ignored(date: str) -> None:
    with ScriptedServer(Answer(200, {"data": {}}, {"Date": date})) as server, at(server.url) as vault:
        assert vault.read("kv/a") == {}
        assert vault.clock_lead is None


def test_list_of_nothing_is_empty() -> None:
    with ScriptedServer(Answer(404, {"errors": []})) as server, at(server.url) as vault:
        assert vault.list("kv") == []
        assert server.seen[0].method == "LIST"


def test_write_to_what_is_not_there_is_no_success() -> None:
    body = {"data": {"error": 'failed to find accessor entry for secret_id_accessor: "x"'}}
    with ScriptedServer(Answer(404, body)) as server, at(server.url) as vault:
        with pytest.raises(Rejected, match="there is nothing at auth/approle/x to write to"):
            vault.write("auth/approle/x", {})
        with pytest.raises(Rejected, match="there is nothing at"):
            vault.patch("kv/data/x", {})


def test_trap_6_unknown_field_is_a_failure_and_other_warnings_are_passed_on() -> None:
    unknown = {"data": None, "warnings": ["Endpoint ignored these unrecognized parameters: [bogus]"]}
    cut = {"data": None, "warnings": ["cut to 768h"]}
    with ScriptedServer(Answer(200, unknown), Answer(200, cut)) as server, at(server.url) as vault:
        with pytest.raises(UnknownParameter, match=r"\[bogus\].*remove the option or upgrade the server"):
            vault.write("pki/roles/r", {"bogus": 1})
        vault.write("pki/roles/r", {})
        vault.write("pki/roles/r", {})
        assert vault.warnings == ["pki/roles/r: cut to 768h"]


def test_f7_a_warning_that_repeats_the_declaration_is_not_passed_on() -> None:
    warned = {"warnings": ["length is zero. It cannot issue.", "cut to 768h"]}
    with ScriptedServer(Answer(200, warned)) as server, at(server.url) as vault:
        vault.write("pki/root/generate/internal", {}, declared=["length is zero"])

        assert vault.warnings == ["pki/root/generate/internal: cut to 768h"]


def test_trap_48_namespace_is_never_invented() -> None:
    with ScriptedServer(Answer(200, {"data": {}})) as server, at(server.url) as vault:
        vault.read("sys/mounts")
        assert not [name for name in server.seen[0].headers if "namespace" in name.lower()]


def test_trap_30_clock_of_the_server_is_noted() -> None:
    ahead = Answer(200, {"data": {}}, {"Date": "Fri, 01 Jan 2100 00:00:00 GMT"})
    with ScriptedServer(ahead) as server, at(server.url) as vault:
        assert vault.clock_lead is None
        vault.read("sys/mounts")
        assert vault.clock_lead is not None
        assert vault.clock_lead > 10**9


STATUSES: list[tuple[int, list[str], type[VaultError], str]] = [
    (412, ["required index state not present"], Behind, r"the replica has not caught up yet \(412\)"),
    (403, ["permission denied"], Forbidden, "permission denied for get kv/a"),
    (404, ['no handler for route "kv/a". route entry not found.'], NoMount, "mount: nothing is mounted for kv/a"),
    (404, ["namespace not found"], NoMount, "namespace: namespace not found. Leave it out"),
    (400, ["bad\n\tvalue"], Rejected, r"refused \(HTTP 400: bad value\)"),
    (405, [], Rejected, r"\(HTTP 405: no message\)"),
    (500, ["invalid CIDR address: 10.1.2.3"], ServerFault, "HTTP 500: invalid CIDR address: 10.1.2.3.*correct it"),
    # What each server says when it is given too much; only the first three answer with a status that tells.
    (413, ["http: request body too large"], TooLarge, "for its size .*Divide what is declared"),
    (400, ["refused JSON input due to high complexity: exceeded maximum number of strings"], TooLarge, "HTTP 400"),
    (413, [], TooLarge, "no message"),
    (500, ["JSON object exceeds allowed entry count"], TooLarge, "HTTP 500: JSON object"),
    (500, ["JSON string value exceeds allowed length"], TooLarge, "HTTP 500: JSON string"),
    (
        500,
        ["1 error occurred:\n\t* put failed due to value being too large; got 156 bytes"],
        TooLarge,
        "error occurred:",
    ),
    (503, ["Vault is sealed"], Sealed, "the server is sealed. Unseal it"),
    (503, ["Vault is not initialized"], Sealed, "never initialised"),
    (503, ["Vault is in standby mode"], Standby, "this node is a standby"),
    (473, [], Standby, r"a standby \(HTTP 473\). Point url at the active node"),
]


@pytest.mark.parametrize(("status", "said", "error", "text"), STATUSES)
def test_every_status_has_a_name_and_a_remedy(status: int, said: list[str], error: type[VaultError], text: str) -> None:
    failure = from_status(status, said, "get", "kv/a")
    assert failure.__class__ is error
    assert failure.remedy
    with pytest.raises(error, match=text):
        raise failure


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_name_that_does_not_resolve() -> None:
    unresolved = re.escape("url: the host name in http://no-such-host.invalid:8200 does not resolve")
    with at("http://no-such-host.invalid:8200") as vault, pytest.raises(Unsent, match=unresolved):
        vault.read("sys/mounts")


def test_nothing_listens() -> None:
    refused = r"nothing listens at .* \(connection refused\)"
    with at(f"http://127.0.0.1:{_free_port()}") as vault, pytest.raises(Unsent, match=refused):
        vault.read("sys/mounts")


def test_connection_that_is_not_accepted_in_time() -> None:
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # A full queue drops further requests silently, just as a firewall does.
        for _at in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        vault = stack.enter_context(at(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.3))
        with pytest.raises(Unsent, match="did not accept a connection in time"):
            vault.read("sys/mounts")


def test_answer_that_does_not_come_in_time() -> None:
    late = r"timeout: .* did not answer in time\. Raise it"
    with ScriptedServer(HANG) as server, at(server.url, timeout=0.3) as vault, pytest.raises(Unreachable, match=late):
        vault.read("sys/mounts")


def test_connection_that_breaks() -> None:
    with ScriptedServer(DROP) as server, at(server.url) as vault:
        with pytest.raises(Unreachable, match="broke") as caught:
            vault.read("sys/mounts")
        assert not caught.value.unsent


def test_peer_without_tls() -> None:
    plain = r"does not speak TLS\. Write http://"
    with ScriptedServer(Answer(200)) as server, at(server.url.replace("http:", "https:")) as vault:  # noqa: SIM117
        with pytest.raises(TlsFailure, match=plain):
            vault.read("sys/mounts")


@pytest.mark.parametrize(
    ("answer", "ignored"),
    [
        (Answer(200, {"data": {"auth": {}, "secret": {}}}), True),
        (Answer(404, {"errors": ["namespace not found"]}), False),
        (Answer(403, {"errors": ["permission denied"]}), False),
        (Answer(503, {"errors": ["Vault is sealed"]}), False),
    ],
    ids=["shows everything", "no such namespace", "forbidden", "sealed"],
)
def test_trap_48_server_without_namespaces_answers_in_any(answer: Answer, ignored: bool) -> None:
    with ScriptedServer(answer) as server, at(server.url) as vault:
        assert vault.ignores_namespaces() is ignored
        (request,) = server.seen
    assert request.headers["X-Vault-Namespace"].startswith("no-such-namespace-")


@pytest.mark.parametrize(
    ("status", "location", "kind", "named"),
    [
        (307, "https://other.example/v1/x?token=hidden", "Standby", "which names https://other.example/v1/x"),
        (308, "https://other.example/v1/x", "Standby", "which names"),
        (307, "", "Standby", "is a standby (HTTP 307)"),
        (302, "https://other.example/v1/x", "NotVault", "redirects to https://other.example/v1/x (HTTP 302)"),
        (307, "https://login.example/sign-in?token=hidden", "NotVault", "redirects to https://login.example/sign-in"),
        (307, "/v1/x", "NotVault", "redirects to /v1/x"),
        (302, "", "NotVault", "redirects to nowhere"),
    ],
)
def test_a_redirect_is_named_and_never_followed(status: int, location: str, kind: str, named: str) -> None:
    found = answer._redirected(
        types.SimpleNamespace(status_code=status, headers={"Location": location} if location else {}),
        "https://vault.example",
    )
    assert (type(found).__name__, found.field, bool(found.remedy), found.status) == (kind, "url", True, status)
    assert named in found.problem
    assert "hidden" not in str(found)
