# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an answer of one meaning ends and that of another begins: statuses, marks of deletion, reasons."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._vault.errors import (
    Forbidden,
    InvalidToken,
    NotVault,
    RateLimited,
    Rejected,
    TlsFailure,
    TooLarge,
    VaultError,
)
from plugins.module_utils._vault.port import Vault
from tests.unit.vault.memory import Data, Memory, Reply, found, refused
from tests.unit.vault.scripted import Answer, ScriptedServer
from tests.unit.vault.test_port_answers import at

Ask = Callable[[Vault], t.Any]
HTML: t.Final = {"Content-Type": "text/html"}


def failure(answer: Answer, ask: Ask = lambda vault: vault.read("kv/a")) -> VaultError:
    """Return what becomes of one request that is answered so."""
    with ScriptedServer(answer) as server, at(server.url) as vault:
        with pytest.raises(VaultError) as caught:
            ask(vault)
        assert len(server.seen) == 1
        return caught.value


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 399])
def test_every_redirection_is_told_and_not_followed(status: int) -> None:
    body: Data = {} if status == 304 else {"data": {"a": 1}}
    told = failure(Answer(status, body, {"Location": "https://login.example/"}))
    assert (type(told), told.status, "redirects to https://login.example/" in told.problem) == (NotVault, status, True)


@pytest.mark.parametrize("status", [201, 203, 206, 299])
@pytest.mark.parametrize("body", [{"data": {"a": 1}}, {"errors": []}, {"errors": ["no"]}])
def test_a_success_that_the_servers_do_not_know_is_none(status: int, body: Data) -> None:
    told = failure(Answer(status, body))
    assert (type(told), told.status) == (NotVault, status)


def test_what_is_strange_is_told_with_who_said_it_and_to_what() -> None:
    with ScriptedServer(Answer(200, b"<html>", HTML)) as server, at(server.url) as vault:
        with pytest.raises(NotVault) as caught:
            vault.read("kv/a")
        told = f"{server.url} answers get kv/a (HTTP 200, Content-Type: text/html), but not as a Vault or OpenBao does"
        assert caught.value.problem == f"{told}: it is not JSON"


@pytest.mark.parametrize("body", [b"<html>slow down", b"", {"errors": []}])
def test_trap_52_a_limit_of_whatever_stands_in_between_is_one(body: t.Any) -> None:
    told = failure(Answer(429, body, {**HTML, "Retry-After": "7"}))
    assert (type(told), told.status, told.retry_after) == (RateLimited, 429, "7")
    assert (told.problem, bool(told.remedy)) == ("get kv/a was rate limited (429)", True)


def test_what_was_taken_but_is_not_done_yet_counts_as_done() -> None:
    with ScriptedServer(Answer(202, {"data": {"a": 1}})) as server, at(server.url) as vault:
        assert vault.write("pki/tidy", {}).data == {"a": 1}
        assert vault.read("pki/tidy-status") == {"a": 1}


@pytest.mark.parametrize("body", [{"data": {"error": "no such accessor"}}, {"warnings": ["no such accessor"]}])
@pytest.mark.parametrize("ask", [lambda vault: vault.read("kv/a"), lambda vault: vault.list("kv/a")])
def test_r1_a_404_with_a_reason_is_a_refusal_and_no_absence(body: Data, ask: Ask) -> None:
    told = failure(Answer(404, body), ask)
    assert isinstance(told, Rejected)
    assert told.problem.endswith("kv/a found nothing (HTTP 404: no such accessor)")
    assert (told.status, bool(told.remedy)) == (404, True)


def test_the_first_five_reasons_are_told() -> None:
    told = failure(Answer(400, {"errors": [f"reason {number}." for number in range(7)]}))
    assert "reason 4." in told.problem
    assert "reason 5." not in told.problem


def test_r17_a_failure_carries_what_it_says_of_a_part() -> None:
    body = {"data": {"batch_results": [{"error": "no"}], "error": "all in vain"}}
    told = failure(Answer(400, body), lambda vault: vault.write("transit/decrypt/k", {}))
    assert (told.data["batch_results"], "all in vain" in told.problem, told.status) == ([{"error": "no"}], True, 400)


ENDED: t.Final = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("data", "absent"),
    [
        ({"data": None, "metadata": {"version": 2, "destroyed": True, "deletion_time": ""}}, True),
        ({"data": None, "metadata": {"version": 2, "destroyed": False, "deletion_time": ENDED}}, True),
        ({"metadata": {"version": 2, "deletion_time": ENDED}}, True),
        ({"data": None, "metadata": {"version": 2, "destroyed": False, "deletion_time": ""}}, False),
        ({"data": None, "metadata": {"version": 2, "destroyed": "true"}}, False),
        ({"data": None, "metadata": {"version": 2, "destroyed": 1}}, False),
        ({"data": None, "metadata": {"version": "2", "destroyed": True}}, False),
        ({"data": None, "metadata": {"version": True, "destroyed": True}}, False),
        ({"data": None, "metadata": {"destroyed": True}}, False),
        ({"data": {"a": 1}, "metadata": {"version": 2, "destroyed": True}}, False),
        ({"data": None, "metadata": [2]}, False),
        ({"data": None}, False),
        ([2], False),
    ],
)
def test_r1_a_404_is_a_deleted_version_only_by_its_marks(data: t.Any, absent: bool) -> None:
    with ScriptedServer(Answer(404, {"data": data})) as server, at(server.url) as vault:
        if absent:
            held = vault.read_version("kv/data/a")
            assert held is not None and held["metadata"]["version"] == 2
            assert vault.read("kv/data/a") is None
            return
        for ask in (vault.read, vault.read_version):
            with pytest.raises(NotVault):
                ask("kv/data/a")


@pytest.mark.parametrize(
    "data",
    [
        {"data": None, "metadata": {"version": 1}},
        {"data": "text", "metadata": {"version": 1}},
        {"data": {}, "metadata": {}},
        {"data": {}, "metadata": {"version": "1"}},
        {"data": {}},
    ],
)
def test_r17_a_version_without_its_data_or_number_is_not_vaults(data: Data) -> None:
    told = failure(Answer(200, {"data": data}), lambda vault: vault.read_version("kv/data/a"))
    assert isinstance(told, NotVault)


@pytest.mark.parametrize("body", [b"<html>too large", b"", {"errors": []}])
def test_r18_a_request_that_is_too_large_for_whatever_stands_in_between_is_told(body: t.Any) -> None:
    told = failure(Answer(413, body, HTML), lambda vault: vault.write("kv/a", {"a": "b"}))
    assert (type(told), told.status, "post kv/a was refused for its size" in told.problem) == (TooLarge, 413, True)


@pytest.mark.parametrize(
    ("status", "body", "plain"),
    [
        (400, b"Client sent an HTTP request to an HTTPS server.\n", True),
        (500, b"Client sent an HTTP request to an HTTPS server.\n", False),
        (400, b"Client sent something.\n", False),
    ],
)
def test_a_server_that_wants_tls_is_told_by_what_it_says(status: int, body: bytes, plain: bool) -> None:
    told = failure(Answer(status, body))
    assert isinstance(told, TlsFailure if plain else NotVault)


def test_j11_a_token_that_cannot_look_itself_up_is_asked_for_once() -> None:
    told = failure(Answer(403, {"errors": ["permission denied"]}), _own_token)
    assert (type(told), told.status, told.field, bool(told.remedy)) == (InvalidToken, 403, "token", True)


def _own_token(vault: Vault) -> t.Any:
    vault.use_token("s.gone")
    return vault.own_token()


@pytest.mark.parametrize("known", [True, False])
def test_j11_where_a_token_was_made_is_asked_whether_it_lives(known: bool) -> None:
    """A server knows a token of another namespace there alone."""
    here, there = Memory(), Memory()
    vault = here.vault
    vault.owner = there.vault
    for port in (vault, vault.owner):
        port.use_token("s.of-there")
    denied = refused(403, "permission denied")
    here.on("get", ".*", lambda _path, _body: denied)
    there.on("get", "auth/token/lookup-self", lambda _path, _body: found({"id": "s.of-there"}) if known else denied)
    for _again in range(2):
        with pytest.raises(Forbidden if known else InvalidToken):
            vault.read("kv/a")
    assert [path for _method, path, _body in here.asked] == ["kv/a", "kv/a"]
    assert [path for _method, path, _body in there.asked] == ["auth/token/lookup-self"], "once for all"


def test_j11_what_cannot_be_found_out_is_asked_again() -> None:
    memory = Memory(kv="kv2")
    said = [refused(503, "Vault is sealed"), refused(403, "permission denied")]
    memory.on("get", "kv/data/a", lambda _path, _body: refused(403, "permission denied"))
    memory.on("get", "auth/token/lookup-self", lambda _path, _body: said.pop(0))
    vault = memory.vault
    vault.use_token("s.perhaps")
    for kind in (Forbidden, InvalidToken):
        with pytest.raises(kind):
            vault.read("kv/data/a")


@pytest.mark.parametrize(
    ("answer", "merged"),
    [
        (Answer(405, {"errors": ["unsupported operation"]}), True),
        (Answer(405, b"<html>", HTML), True),
        (Answer(404, b"<html>", HTML), False),
        (Answer(400, {"errors": ["unsupported operation"]}), False),
    ],
)
def test_where_no_patch_is_known_the_object_is_written_back_whole(answer: Answer, merged: bool) -> None:
    with ScriptedServer(answer, Answer(200, {"data": {"a": 1, "b": 2}}), Answer(204, b"")) as server:
        with at(server.url) as vault:
            if not merged:
                with pytest.raises((NotVault, Rejected)):
                    vault.merge("pki/roles/r", {"b": 3})
            else:
                vault.merge("pki/roles/r", {"b": 3})
        assert [(seen.method, seen.body) for seen in server.seen] == [
            ("PATCH", {"b": 3}),
            *([("GET", None), ("POST", {"a": 1, "b": 3})] if merged else []),
        ]
        assert server.seen[0].headers["Content-Type"] == "application/merge-patch+json"
        assert [seen.headers["Content-Type"] for seen in server.seen[2:]] == ["application/json"] * merged


def test_what_is_gone_when_it_is_to_be_written_back_is_not_made_again() -> None:
    gone = Answer(404, {"errors": []})
    with ScriptedServer(Answer(405, {"errors": []}), gone) as server, at(server.url) as vault:
        with pytest.raises(Rejected, match="there is nothing at pki/roles/r to write to"):
            vault.merge("pki/roles/r", {"b": 3})
        assert [seen.method for seen in server.seen] == ["PATCH", "GET"]


def test_r22_only_an_attempt_whose_answer_was_lost_makes_a_write_a_repetition() -> None:
    memory = Memory(kv="kv1")
    lost = [refused(502, "broken"), refused(412, "behind"), None]
    memory.on("post", "kv/.*", lambda _path, _body: lost.pop(0))
    vault = memory.vault
    vault._retries = 2
    assert vault.write("kv/a", {"n": "1"}).repeated is True
    lost += [refused(412, "behind"), None, None]
    assert vault.write("kv/a", {"n": "1"}).repeated is False
    assert vault.write("kv/a", {"n": "1"}).repeated is False
    assert vault.patch("kv/a", {"n": "2"}).repeated is False


def test_a_listing_may_tell_of_its_keys() -> None:
    body = {"data": {"keys": ["a", "b"], "key_info": {"a": {"name": "first"}}}}
    with ScriptedServer(Answer(200, body)) as server, at(server.url) as vault:
        assert vault.catalog("pki/issuers") == {"a": {"name": "first"}, "b": {}}


def test_f7_a_mount_that_is_declared_beside_its_use_is_not_missed() -> None:
    memory = Memory()
    memory.on("get", ".*", lambda _path, _body: refused(404, "no handler for route"))
    vault = memory.vault
    vault.expect(["kv"])
    vault.expect(["pki/a"])
    for path in ("kv/a", "pki/a/x", "kv2/a", "pki/b/x"):
        with pytest.raises(VaultError) as caught:
            vault.read(path)
        vault.miss(path, path, t.cast(t.Any, caught.value))
    assert [text.partition(": ")[0] for text in vault.warnings] == ["kv2/a", "pki/b/x"]


def test_what_a_write_answers_beside_its_data_is_given_on() -> None:
    parts: Data = {"data": {"a": 1}, "auth": {"client_token": "t"}, "wrap_info": {"token": "w"}, "warnings": ["cut"]}

    def answer(_path: str, _body: Data) -> Reply:
        return 200, parts

    memory = Memory(kv="kv1")
    memory.on("post", "kv/a", answer)
    reply = memory.vault.write("kv/a")
    assert (reply.data, reply.auth, reply.wrap_info) == ({"a": 1}, {"client_token": "t"}, {"token": "w"})
    assert (tuple(reply.warnings), dict(reply.body)) == (("cut",), parts)
