# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS, keys from Vault, bad input, and that nothing secret leaves the host or reaches a log."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.fspiop_jws_probe.conftest import BODY, Args, Participants, Serve, endpoint
from tests.integration.tls_probe_info.estate import Estate
from tests.rigs.openbao import OpenBao
from tests.rigs.pki import ServerPair

Module = Callable[..., t.Any]


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """Certificates for this run."""
    return Estate(tmp_path_factory.mktemp("estate"))


@pytest.fixture
def secure(serve: Serve, estate: Estate) -> t.Any:
    """A service that wants client certificates."""
    root, server, key = (pathlib.Path(estate.path(name)) for name in ("root.pem", "server.pem", "server.key"))
    return serve(tls=ServerPair(ca=root, certificate=server, key=key), client_ca=root)


def test_client_certificates_are_presented(
    run_module: Module, participants: Participants, secure: t.Any, estate: Estate
) -> None:
    known = {"ca_cert": estate.path("root.pem"), **estate.client("hub")}
    result = run_module("fspiop_jws_probe", participants.shared(endpoints=[endpoint(secure, **known)])).ok().result
    seen = result["results"][0]["variants"][-1]["observation"]
    assert seen["tls_version"] == "TLSv1.3"
    assert len(seen["server_fingerprint_sha256"]) == 64


def test_what_tls_refuses_meets_no_expectation(
    run_module: Module, participants: Participants, secure: t.Any, estate: Estate
) -> None:
    trusted = {"ca_cert": estate.path("root.pem")}
    cases = {
        "a wrong CA": {"ca_cert": estate.path("foreign.pem"), **estate.client("hub")},
        "a wrong name": {**trusted, **estate.client("hub"), "server_name": "elsewhere.example"},
        "no certificate": trusted,
        "a foreign certificate": {**trusted, **estate.client("foreign")},
    }
    endpoints = [endpoint(secure, **{**more, "name": name}) for name, more in cases.items()]
    failed = run_module("fspiop_jws_probe", participants.shared(endpoints=endpoints))
    said = {entry["item"]: entry["msg"] for entry in failed.result["results"]}
    assert "is not trusted: " in said["a wrong CA"]
    assert "is not trusted: " in said["a wrong name"]
    for name in ("no certificate", "a foreign certificate"):
        assert "before the message was looked at" in said[name] or "closed without an answer" in said[name]
    everything = [entry for result in failed.result["results"] for entry in result["variants"]]
    assert {entry["outcome"] for entry in everything} == {"inconclusive"}
    assert not secure.received, "no request reaches a service that is not the right one"


@pytest.mark.parametrize("version", ["1", "2"])
def test_keys_come_from_vault_with_the_rights_that_are_documented(
    run_module: Module,
    participants: Participants,
    serve: Serve,
    vault: OpenBao,
    connection: Args,
    token: Callable[..., str],
    unique_name: Callable[[str], str],
    audit_window: t.Any,
    version: str,
) -> None:
    mount = unique_name("kv")
    vault.api.write(f"sys/mounts/{mount}", type="kv", options={"version": version})
    at = f"{mount}/data" if version == "2" else mount
    vault.wait_until(lambda: vault.api.request("GET", f"{at}/none").status == 404, what="the new engine")
    for name, pem in participants.private.items():
        body: Args = {"private_key": pem}
        vault.api.write(f"{at}/jws_key/{name}", **({"data": body} if version == "2" else body))
    shared = participants.shared(signing_key={"mount": mount, "path": "jws_key/{name}"})
    rules = f'path "{at}/jws_key/*" {{ capabilities = ["read"] }}'
    given = {**connection, "token": token(rules=rules), **shared, "endpoints": [endpoint(serve())]}
    with audit_window() as window:
        run_module("fspiop_jws_probe", given).ok()
    assert not window.writes
    gone = run_module("fspiop_jws_probe", {**given, "other_source": "nobody"})
    assert gone.msg.startswith(f"endpoints[0] (transfers).other_key.path: {mount}/jws_key/nobody has no private_key")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "ftp://a/transfers"}, "url: is not the URL of a service"),
        ({"url": "http://me:secret@a/transfers"}, "url: is not the URL of a service"),
        ({"url": "http://a:99999/transfers"}, "url: is not the URL of a service"),
        ({"url": "http://a..b/transfers"}, "url: has an empty part, or one that is too long"),
        ({"url": f"https://{'a' * 64}/transfers"}, "url: has an empty part, or one that is too long"),
        ({"url": "http://a/transfers path"}, "url: is not a URL or path of a request"),
        ({"content_type": "text\nplain"}, "content_type: is not a text that a header can hold"),
        ({"headers": {"a b": "x"}}, "headers.a b: is not a name of a header"),
        ({"ca_cert": "/etc/ca.pem"}, "ca_cert: has no meaning for a URL with http"),
        ({"url": "https://a/transfers", "ca_cert": "/nowhere"}, "ca_cert: /nowhere does not exist on this host"),
        ({"body": {"n": 2**60}}, "body"),
        ({"body": "no JSON"}, "body"),
        ({"headers": {"Authorization": "x"}}, "headers.Authorization: is a secret"),
        ({"headers": {"fspiop-source": "x"}}, "headers.fspiop-source: is made by the probe"),
        ({"secret_headers": {"X": "line\nbreak"}}, "secret_headers.X: is not a text that a header can hold"),
        ({"other_source": "perffsp-1"}, "other_source: is the source itself"),
        ({"signing_key": {"file": "/nowhere"}}, "signing_key.file: /nowhere does not exist"),
        ({"replay_age": "soon"}, "replay_age: "),
        ({"variants": []}, "variants: is empty"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(
    run_module: Module, participants: Participants, serve: Serve, change: Args, problem: str
) -> None:
    service = serve()
    shared = participants.shared()
    endpoints = [endpoint(service, name="first"), {**endpoint(service), **change}]
    failed = run_module("fspiop_jws_probe", {**shared, "endpoints": endpoints})
    assert failed.failed
    assert f"endpoints[1] (transfers).{problem}" in failed.msg
    assert not service.received


def test_without_another_participant_a_new_key_signs_and_one_variant_is_left_out(
    run_module: Module, participants: Participants, serve: Serve
) -> None:
    shared = participants.shared(other_source=None)
    result = run_module("fspiop_jws_probe", {**shared, "endpoints": [endpoint(serve())]}).ok().result
    names = [entry["variant"] for entry in result["results"][0]["variants"]]
    assert "wrong_source" in names
    assert "swapped_source" not in names
    asked = run_module("fspiop_jws_probe", {**shared, "variants": ["swapped_source"], "endpoints": [endpoint(serve())]})
    assert "other_source: swapped_source is signed by another participant in its own name" in asked.msg
    orphan = run_module(
        "fspiop_jws_probe", {**shared, "other_key": participants.place, "endpoints": [endpoint(serve())]}
    )
    assert "other_source: not given, but other_key is" in orphan.msg


def test_at_vvvv_nothing_secret_is_shown_and_no_key_is_sent(
    play: t.Any, participants: Participants, serve: Serve, canary: Callable[..., str]
) -> None:
    """What was printed is searched by `play`; what was sent is searched here, but for what belongs there."""
    bearer = canary()
    right, wrong = serve(), serve(habit="nothing")
    shared = participants.shared(secret_headers={"Authorization": f"Bearer {bearer}", "X-Custom": bearer})
    tasks: list[Args] = [
        {
            "name": name,
            "trustmesh.security.fspiop_jws_probe": {**shared, "endpoints": [endpoint(service)]},
            "ignore_errors": True,
        }
        for name, service in (("right", right), ("wrong", wrong))
    ]
    done = play(tasks, diff=True).ok()
    assert done.task("right").result["summary"] == {"passed": 1, "failed": 0}
    assert "does not insist on a signature" in done.task("wrong").result["msg"]
    for service in (right, wrong):
        sent = [dict(zip(*[iter(request["rawHeaders"])] * 2)) for request in service.received]
        assert {headers["Authorization"] for headers in sent} == {f"Bearer {bearer}"}
        assert {headers["Content-Type"] for headers in sent} == {
            "application/vnd.interoperability.transfers+json;version=1.1"
        }
        # The bearer is meant to be there; whatever else is secret is searched for when the service ends.
        service.log.write_text(service.log.read_text().replace(bearer, "bearer"))


def test_the_body_may_be_text(run_module: Module, participants: Participants, serve: Serve) -> None:
    given = participants.shared(endpoints=[endpoint(serve(), body='{"b": 1.0, "a": [true]}')])
    assert run_module("fspiop_jws_probe", given).ok().result["summary"]["passed"] == 1


def test_results_hold_no_body(run_module: Module, participants: Participants, serve: Serve) -> None:
    result = run_module("fspiop_jws_probe", participants.shared(endpoints=[endpoint(serve())])).ok().result
    assert BODY["note"] not in str(result["results"])
