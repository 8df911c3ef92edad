# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publishing to a connection manager: its reply decides, not its status."""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import ssl
import typing as t
import urllib.error

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._jose import keys
from plugins.module_utils._keyring import mcm
from plugins.module_utils._keyring.jws import material_of
from plugins.module_utils._keyring.mcm import McmFailure, McmPublisher
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.rigs.mcm import Manager
from tests.rigs.pki import make_server_pair


def _public(key_type: str) -> str:
    size = 2048 if key_type == "rsa" else 256
    return str(material_of(generate(KeySpec(key_type, size))).public)


def test_a_key_is_published_replaced_and_taken_back() -> None:
    first, second = _public("rsa"), _public("rsa")
    with Manager(["dfsp-1"]) as manager:
        publisher = McmPublisher(manager.url, hub="hub")
        assert publisher.publish({"hub": first, "dfsp-1": second}) == {}
        assert publisher.held() == {"hub": first, "dfsp-1": second}
        assert manager.store["dfsp-jws-certs/dfsp-1"]["publicKey"] == second
        assert publisher.publish({"dfsp-1": None}) == {}
        assert publisher.held() == {"hub": first}
        assert "cannot be taken back" in str(publisher.publish({"hub": None})["hub"])


def test_trap_jws_2_an_elliptic_key_is_refused_although_it_is_stored() -> None:
    with Manager(["dfsp-1", "dfsp-2"]) as manager:
        publisher = McmPublisher(manager.url)
        failures = publisher.publish({"dfsp-1": _public("ec"), "dfsp-2": _public("rsa")})
        assert list(failures) == ["dfsp-1"], "the other one is published all the same"
        assert "state INVALID: TEXT_PUBLIC_KEY_CORRECT" in str(failures["dfsp-1"])
        assert "dfsp-jws-certs/dfsp-1" in manager.store, "it is stored and handed out all the same"
        assert keys.public_of(keys.load_public(publisher.held()["dfsp-2"]))
        assert publisher.held()["dfsp-1"].startswith("INVALID "), "and never counts as published"


def test_who_is_not_known_or_not_allowed_is_told_apart() -> None:
    key = _public("rsa")
    with Manager([], token="right") as manager:
        failures = McmPublisher(manager.url, "right").publish({"dfsp-1": key})
        assert "Create the participant" in str(failures["dfsp-1"])
        with pytest.raises(McmFailure, match="token"):
            McmPublisher(manager.url, "wrong").held()
    with pytest.raises(McmFailure, match="cannot be reached"):
        McmPublisher(manager.url, timeout=2).held()


def test_a_manager_whose_certificate_nobody_vouches_for_is_told_nothing(tmp_path: pathlib.Path) -> None:
    pair = make_server_pair(tmp_path)
    with Manager(["dfsp-1"], tls=pair) as manager:
        assert McmPublisher(manager.url, ca_cert=str(pair.ca)).publish({"dfsp-1": _public("rsa")}) == {}
        manager.requests.clear()
        with pytest.raises(McmFailure, match=r"ca_cert: the certificate of .* was not accepted"):
            McmPublisher(manager.url).held()
        assert manager.requests == []


def test_what_is_no_connection_manager_is_told() -> None:
    with Manager() as manager:
        with pytest.raises(McmFailure, match="did not answer as a connection manager"):
            McmPublisher(manager.url.replace("/api", "/api/hub/jwscerts/rotate?")).held()
        with pytest.raises(InvalidInput):
            McmPublisher("mcm.example")


def _distrusted(why: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_message = why
    return error


class SSLValidationError(Exception):
    """What Ansible raises where it looks at certificates itself."""


@pytest.mark.parametrize(
    ("error", "field", "said"),
    [
        (urllib.error.URLError(_distrusted("self-signed certificate")), "ca_cert", "was not accepted: self-signed"),
        (urllib.error.URLError(_distrusted("")), "ca_cert", "was not accepted: TLS failed"),
        (urllib.error.URLError(ssl.SSLError("handshake")), "ca_cert", "was not accepted: TLS failed"),
        (SSLValidationError("quotes much"), "ca_cert", "was not accepted: TLS failed"),
        (TimeoutError("timed out"), "url", "cannot be reached: no whole answer within 7 s"),
        (urllib.error.URLError(TimeoutError("timed out")), "url", "cannot be reached: no whole answer within 7 s"),
        (
            urllib.error.URLError(ConnectionRefusedError(111, "refused")),
            "url",
            "cannot be reached: [Errno 111] refused",
        ),
        (urllib.error.URLError("no host\x1b[2J given"), "url", "cannot be reached: no host [2J given"),
        (http.client.BadStatusLine("quotes much"), "url", "cannot be reached: BadStatusLine"),
        (ConnectionResetError(104, "reset"), "url", "cannot be reached: ConnectionResetError"),
    ],
)
def test_f8_who_cannot_be_reached_is_told_by_its_cause(
    error: Exception, field: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = McmPublisher("https://mcm.example/api", timeout=7)

    def ask(*_arguments: t.Any) -> t.NoReturn:
        raise error

    if isinstance(error, SSLValidationError):
        monkeypatch.setattr(SSLValidationError, "__module__", "ansible.module_utils.urls")
    monkeypatch.setattr(publisher, "_ask", ask)
    with pytest.raises(McmFailure) as failed:
        publisher.held()
    assert failed.value.field == field
    assert failed.value.problem.partition("https://mcm.example/api ")[2].startswith(said)
    assert "quotes much" not in str(failed.value)


@pytest.mark.parametrize("error", [SSLValidationError("a defect"), RuntimeError("a defect")])
def test_a_defect_is_not_taken_for_a_manager_that_cannot_be_reached(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = McmPublisher("https://mcm.example/api")

    def ask(*_arguments: t.Any) -> t.NoReturn:
        raise error

    monkeypatch.setattr(publisher, "_ask", ask)
    with pytest.raises(type(error), match="a defect"):
        publisher.held()


HELD: t.Final = b'[{"dfspId": "a", "publicKey": "K", "validationState": "VALID"}]'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "", HELD), None),
        ((204, "", b""), "its body is empty"),
        ((200, "", b" "), "not JSON"),
        ((302, "https://u:p@elsewhere.example/x?token=1", b""), "redirects to https://elsewhere.example/x (HTTP 302)"),
        ((300, "", HELD), "redirects to nowhere"),
        ((399, "", b""), "redirects to nowhere"),
        ((400, "", HELD), "was refused (HTTP 400)"),
        ((401, "", b""), "Check token"),
        ((403, "", b""), "Check token"),
        ((500, "", b""), "Check what it logs"),
        ((404, "", b"default backend"), "(HTTP 404)"),
        ((404, "", b"[]"), "it says 404 without a reason"),
        ((404, "", b'{"message": "not found"}'), "it is not a list of keys"),
        ((200, "", b"{}"), "it is not a list of keys"),
        ((200, "", b"[1]"), "it is not a list of keys"),
        ((200, "", b"[{}]"), "dfspId is missing"),
    ],
)
def test_r17_only_an_answer_of_its_own_form_says_what_is_held(
    answer: tuple[int, str, bytes], said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = McmPublisher("https://mcm.example/api/")
    monkeypatch.setattr(publisher, "_ask", lambda *_arguments: answer)
    with contextlib.nullcontext() if said is None else pytest.raises(McmFailure) as failed:
        assert publisher.held() == {"a": "K"}
    if failed is not None:
        assert said in str(failed.value)
        assert (failed.value.field, bool(failed.value.remedy)) == ("url", True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "", b'{"validationState": "VALID"}'), None),
        ((201, "", b""), "does not say what became of the key"),
        ((200, "", b"[]"), "it is not an object"),
        ((200, "", b"{}"), "with state unknown: it gives no reason"),
        ((404, "", b'{"message": "none"}'), "Create the participant"),
        ((200, "", b'{"validationState": "valid"}'), "with state valid"),
        ((200, "", b'{"validationState": "%s"}' % (b"S" * 99)), f"with state {'S' * 60} ...: "),
        (
            (
                *(200, ""),
                b'{"validationState": "INVALID", "validations": [{"result": "VALID", "validationCode": "A"},'
                b'{"result": "NOT_AVAILABLE", "validationCode": "B"}, {"result": "INVALID", "validationCode": "C"},'
                b'{"result": "INVALID", "message": "D"}, {"message": "E"}]}',
            ),
            "with state INVALID: C, D.",
        ),
    ],
)
def test_trap_jws_2_only_a_state_of_valid_counts_as_published(
    answer: tuple[int, str, bytes], said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = McmPublisher("https://mcm.example/api", hub="hub")
    asked: list[tuple[t.Any, ...]] = []
    monkeypatch.setattr(publisher, "_ask", lambda *arguments: (asked.append(arguments), answer)[1])
    failures = publisher.publish({"a/b": "K"})
    (method, path, body), *more = asked
    assert not more
    assert (method, path, body["publicKey"]) == ("POST", "/dfsps/a%2Fb/jwscerts", "K")
    assert (said is None) == (failures == {})
    if said is not None:
        assert said in str(failures["a/b"])


@pytest.mark.parametrize("status", [200, 204, 404])
def test_what_is_withdrawn_twice_is_withdrawn(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = McmPublisher("https://mcm.example/api", hub="hub")
    asked: list[tuple[t.Any, ...]] = []
    body = b'{"message": "none"}' if status == 404 else b""
    monkeypatch.setattr(publisher, "_ask", lambda *arguments: (asked.append(arguments), (status, "", body))[1])
    assert publisher.publish({"a": None}) == {}
    assert [entry[:2] for entry in asked] == [("DELETE", "/dfsps/a/jwscerts")]


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://mcm.example", True),
        ("http://mcm.example:8080/api", True),
        ("https://mcm.example:0", False),
        ("https://mcm.example:99999", False),
        ("https:///api", False),
        ("ftp://mcm.example", False),
        ("https://[::1", False),
    ],
)
def test_an_address_is_one_of_http(url: str, taken: bool) -> None:
    with contextlib.nullcontext() if taken else pytest.raises(InvalidInput, match="is not an address"):
        assert McmPublisher(url).identity == f"mcm {url}"


@pytest.mark.parametrize(("most", "taken"), [(len(HELD), True), (len(HELD) - 1, False)])
def test_kind_1_an_answer_has_a_limit(most: int, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcm, "LARGEST_ANSWER", most)
    publisher = McmPublisher("https://mcm.example/api")
    monkeypatch.setattr(publisher, "_ask", lambda *_arguments: (200, "", HELD))
    if taken:
        assert publisher.held() == {"a": "K"}
        return
    with pytest.raises(McmFailure, match="its body is larger than"):
        publisher.held()


class Answered:
    """An answer of a server, which has to be closed."""

    def __init__(self, status: int, content: bytes, **headers: str) -> None:
        self._status, self._content, self.headers, self.closed = status, content, headers, False

    def __enter__(self) -> Answered:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.closed = True

    def getcode(self) -> int:
        return self._status

    def read(self, most: int) -> bytes:
        return self._content[:most]


@pytest.mark.parametrize("token", ["the-token", None])
def test_what_goes_to_a_manager_and_what_is_read_of_its_answer(
    token: str | None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, t.Any]]] = []
    answer = Answered(200, b'{"validationState": "VALID"}')
    trusted = tmp_path / "ca.pem"
    trusted.write_text("a certificate")

    def open_url(url: str, **given: t.Any) -> Answered:
        held = given["ca_path"] and pathlib.Path(given["ca_path"]).read_text()
        asked.append((url, {**given, "ca_path": held}))
        return answer

    monkeypatch.setattr("ansible.module_utils.urls.open_url", open_url)
    monkeypatch.setattr(mcm.time, "time", lambda: 1234.5)
    ca_cert = str(trusted) if token else None
    assert McmPublisher("https://mcm.example/api", token, ca_cert=ca_cert, timeout=7).publish({"a": "K"}) == {}
    ((url, given),) = asked
    assert (url, json.loads(given.pop("data"))) == (
        "https://mcm.example/api/dfsps/a/jwscerts",
        {"publicKey": "K", "createdAt": 1234},
    )
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    assert given == {
        "method": "POST",
        "headers": {**headers, "Authorization": f"Bearer {token}"} if token else headers,
        "timeout": 7,
        "ca_path": "a certificate" if token else None,
        "follow_redirects": "none",
    }
    assert answer.closed
    answer.__init__(302, b"", Location="https://elsewhere.example/")  # type: ignore[misc]
    with pytest.raises(McmFailure, match=r"redirects to https://elsewhere\.example/"):
        McmPublisher("https://mcm.example/api").held()
    assert asked[-1][1]["data"] is None
    monkeypatch.setattr(mcm, "LARGEST_ANSWER", len(HELD) - 1)
    answer.__init__(200, HELD)  # type: ignore[misc]
    with pytest.raises(McmFailure, match="its body is larger than"):
        McmPublisher("https://mcm.example/api").held()
