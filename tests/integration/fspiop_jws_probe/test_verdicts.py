# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that verify with the reference library pass; each one that lacks a check is found by the variant for it."""

from __future__ import annotations

import json
import pathlib
import socket
import threading
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._jose.keys import private_pem
from plugins.module_utils._pki.keys import KeySpec, generate
from tests.integration.fspiop_jws_probe.conftest import BODY, Args, Participants, Serve, endpoint
from tests.rigs.canary import Canaries
from tests.rigs.fspiop_service import VERSIONS
from tests.rigs.pki import write_private
from tests.rigs.process import free_port

Module = Callable[..., t.Any]
USUAL = [
    "unsigned",
    "tampered_body",
    "tampered_header",
    "wrong_source",
    "swapped_source",
    "replayed_date",
    "valid",
]
HOSTILE = {*USUAL} - {"valid"}


def outcomes(result: Args) -> dict[str, str]:
    """Return the outcome of each variant of the first endpoint."""
    return {entry["variant"]: entry["outcome"] for entry in result["results"][0]["variants"]}


def accepted(result: Args) -> set[str]:
    """Return the hostile variants that the first endpoint accepted."""
    return {name for name, outcome in outcomes(result).items() if outcome == "accepted"} - {"valid"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("pair", [("perffsp-1", "perffsp-2"), ("perffsp-3", "perffsp-4")], ids=["RS256", "ES256"])
def test_mj_23_a_service_with_the_reference_library_passes(
    run_module: Module, participants: Participants, serve: Serve, version: str, pair: tuple[str, str]
) -> None:
    service = serve(version=version)
    source, other = pair
    shared = participants.shared(source=source, other_source=other)
    result = run_module("fspiop_jws_probe", {**shared, "endpoints": [endpoint(service)]}).ok().result
    assert result["summary"] == {"passed": 1, "failed": 0}
    assert result["changed"] is False
    assert outcomes(result) == {**dict.fromkeys(USUAL, "refused"), "valid": "accepted"}
    assert list(outcomes(result)) == USUAL, "the valid request is the last"
    first, *_others, last = result["results"][0]["variants"]
    assert (first["reason"], first["observation"]["http_status"]) == ("3105", 400)
    assert (last["expected"], last["observation"]["http_status"]) == ("accept", 202)
    assert "Invalid signature" not in json.dumps(result), "nothing is kept of what services say"
    assert {request["url"] for request in service.received} == {"/fspiop/transfers"}
    assert len({request["body"] for request in service.received}) == 2, "the body is tampered with once"


LACKS = {
    "nothing": HOSTILE,
    "if_signed": {"unsigned"},
    "any_key": {"wrong_source"},
    "protected_only": {"swapped_source", "replayed_date"},
    "headers_only": {"tampered_body", "tampered_header", "wrong_source"},
}


@pytest.mark.parametrize("habit", LACKS)
def test_a_service_that_lacks_a_check_is_found(
    run_module: Module, participants: Participants, serve: Serve, habit: str
) -> None:
    shared = participants.shared()
    failed = run_module("fspiop_jws_probe", {**shared, "endpoints": [endpoint(serve(habit=habit))]})
    assert failed.failed
    assert accepted(failed.result) == LACKS[habit]
    for variant in LACKS[habit]:
        assert f"{variant}: expected refuse, but was accepted with HTTP status 202; the service does not " in failed.msg
    assert not [variant for variant in {*USUAL} - LACKS[habit] if f"{variant}: " in failed.msg], "the others are right"
    assert failed.msg.startswith("1 of 1 probes failed. transfers: ")


def test_what_the_reference_library_lets_through_is_found_when_asked_for(
    run_module: Module, participants: Participants, serve: Serve
) -> None:
    shared = participants.shared(variants=["old_date", "wrong_uri", "valid"])
    strict, stricter = (
        run_module("fspiop_jws_probe", {**shared, "endpoints": [{**endpoint(serve(habit=habit)), "uri": uri}]})
        for habit, uri in (("strict", None), ("stricter", "/fspiop/transfers"))
    )
    assert accepted(strict.result) == {"old_date", "wrong_uri"}
    assert "does not look at the age of a message" in strict.msg
    assert "does not compare FSPIOP-URI with the path that is asked for" in strict.msg
    assert outcomes(stricter.ok().result) == {"old_date": "refused", "wrong_uri": "refused", "valid": "accepted"}


def test_what_a_service_has_to_accept_is_declared(run_module: Module, participants: Participants, serve: Serve) -> None:
    shared = participants.shared(accept=["valid", "unsigned"], variants=["unsigned", "tampered_body", "valid"])
    lenient, strict = (endpoint(serve(habit=habit)) for habit in ("if_signed", "strict"))
    run_module("fspiop_jws_probe", {**shared, "endpoints": [lenient]}).ok()
    failed = run_module("fspiop_jws_probe", {**shared, "endpoints": [strict]})
    assert "unsigned: expected accept, but was refused by HTTP status 400 and error code 3105" in failed.msg


def test_a_key_that_was_replaced_is_to_be_refused(
    run_module: Module, participants: Participants, serve: Serve, tmp_path: pathlib.Path, canaries: Canaries
) -> None:
    """Nothing of what is signed with another key than the published one is accepted, and that is what is wanted."""
    old = private_pem(generate(KeySpec("rsa", 2048))).reveal()
    canaries.record(old, "replaced key")
    write_private(tmp_path / "old.key", old.encode())
    replaced = {"signing_key": {"file": f"{tmp_path}/old.key"}, "other_source": None, "accept": []}
    service = serve()
    run_module("fspiop_jws_probe", participants.shared(endpoints=[endpoint(service)], **replaced)).ok()
    current = participants.shared(endpoints=[endpoint(service)], accept=[], variants=["valid"])
    failed = run_module("fspiop_jws_probe", current)
    assert (
        "valid: expected refuse, but was accepted with HTTP status 202; the service takes what the source" in failed.msg
    )


def test_what_may_keep_a_valid_request_from_being_accepted_is_told(
    run_module: Module, participants: Participants, serve: Serve
) -> None:
    body = {**BODY, "exp": 1}
    shared = participants.shared(source="perffsp-3", other_source="perffsp-4", variants=["valid"])
    failed = run_module("fspiop_jws_probe", {**shared, "endpoints": [endpoint(serve(), body=body)]})
    warnings = failed.result["results"][0]["warnings"]
    assert any("ES256 is understood by the reference library" in text for text in warnings)
    assert any("takes it for a claim of a token" in text for text in warnings)
    assert "valid: expected accept, but was refused by HTTP status 400" in failed.msg


def test_a_refusal_proves_nothing_where_the_valid_request_is_refused(
    run_module: Module, participants: Participants, serve: Serve
) -> None:
    failed = run_module("fspiop_jws_probe", participants.shared(endpoints=[endpoint(serve(habit="refuse_all"))]))
    assert failed.failed
    assert outcomes(failed.result) == {**dict.fromkeys(HOSTILE, "inconclusive"), "valid": "refused"}
    assert "valid: expected accept, but was refused by HTTP status 400 and error code 3105" in failed.msg
    assert "nothing could be learnt from 6 more" in failed.msg


def test_a_refusal_for_another_reason_is_none(run_module: Module, participants: Participants, serve: Serve) -> None:
    service = serve()
    codes = run_module("fspiop_jws_probe", participants.shared(endpoints=[endpoint(service)], error_codes=["3100"]))
    assert outcomes(codes.result) == {**dict.fromkeys(HOSTILE, "inconclusive"), "valid": "accepted"}
    assert "HTTP status 400 and error code 3105, which does not concern the signature" in codes.msg
    status = participants.shared(endpoints=[endpoint(service)], accepted_status=[201], variants=["valid"])
    failed = run_module("fspiop_jws_probe", status)
    assert "HTTP status 202, which is neither acceptance nor refusal" in failed.msg


def test_many_endpoints_in_one_task_are_told_apart(
    run_module: Module, participants: Participants, serve: Serve
) -> None:
    down = f"http://localhost:{free_port()}/transfers"
    endpoints = [
        endpoint(serve(), name="right"),
        endpoint(serve(habit="any_key"), name="wrong"),
        {"name": "down", "url": down, "body": json.dumps(BODY)},
        *(endpoint(serve(), name=f"more {at}") for at in range(2)),
    ]
    failed = run_module("fspiop_jws_probe", participants.shared(endpoints=endpoints))
    assert failed.result["summary"] == {"passed": 3, "failed": 2}
    assert [entry["item"] for entry in failed.result["results"]] == ["right", "wrong", "down", "more 0", "more 1"]
    assert "2 of 5 probes failed. wrong: wrong_source: expected refuse, but was accepted" in failed.msg
    unreachable = failed.result["results"][2]
    assert {entry["outcome"] for entry in unreachable["variants"]} == {"inconclusive"}
    assert [entry["observation"] is None for entry in unreachable["variants"]] == [False] + [True] * 6
    assert unreachable["msg"].count("cannot be reached") == 1, "the same trouble is told once"


def test_a_service_that_speaks_something_else(run_module: Module, participants: Participants) -> None:
    def mumble(listener: socket.socket) -> None:
        connection, _address = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=mumble, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/transfers"
        endpoints = [{"name": "a", "url": url, "body": BODY}]
        failed = run_module("fspiop_jws_probe", participants.shared(endpoints=endpoints))
    assert "does not speak HTTP; is it https?" in failed.msg


def test_the_same_is_sent_in_check_mode(run_module: Module, participants: Participants, serve: Serve) -> None:
    service = serve()
    run_module("fspiop_jws_probe", participants.shared(endpoints=[endpoint(service)]), check=True).ok()
    assert len(service.received) == len(USUAL)
