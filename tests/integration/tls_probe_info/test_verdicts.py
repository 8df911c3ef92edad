# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on real servers: each one right, and each one wrong when the server is wrong."""

from __future__ import annotations

import collections
import socket
import ssl
import typing as t
from collections.abc import Callable

import pytest

from tests.integration.tls_probe_info.estate import Estate
from tests.rigs.process import free_port

RunModule = Callable[..., t.Any]
Serve = Callable[[Callable[[socket.socket], None]], int]

REFUSALS = {
    "expired": "expired",
    "early": "not_yet_valid",
    "foreign": "unknown_ca",
    "revoked": "revoked",
    "uninvited": "name_not_allowed",
}


def refusals(estate: Estate) -> list[dict[str, t.Any]]:
    """Declare one probe per reason to refuse."""
    probes: list[dict[str, t.Any]] = [
        {"name": name, **estate.client(name), "expect": "refuse", "reason": reason} for name, reason in REFUSALS.items()
    ]
    probes.append({"name": "nobody", "expect": "refuse", "reason": "no_certificate"})
    probes.append({"name": "old", "max_version": "TLSv1.2", "expect": "refuse", "reason": "protocol_version"})
    probes.append({"name": "ancient", "max_version": "TLSv1.0", "expect": "refuse", "reason": "protocol_version"})
    return probes


def common(estate: Estate, port: int, **more: t.Any) -> dict[str, t.Any]:
    return {"host": "localhost", "port": port, "ca_cert": estate.path("root.pem"), "path": "/", **more}


def test_a_strict_edge_gets_every_verdict_right(run_module: RunModule, estate: Estate, edge: int) -> None:
    hub = {"name": "hub", **estate.client("hub"), "expect": "accept"}
    result = run_module("tls_probe_info", {**common(estate, edge), "probes": [hub, *refusals(estate)]}).ok().result
    assert not result["changed"]
    assert result["summary"] == {"passed": 9, "failed": 0}
    first, *others = result["results"]
    assert (first["outcome"], first["reason"]) == ("accepted", None)
    assert first["observation"]["tls_version"] == "TLSv1.3"
    assert first["observation"]["http_status"] == 200
    assert [probe["outcome"] for probe in others] == ["refused"] * 8


def test_tls13_refusals_are_heard_although_they_come_after_the_handshake(
    run_module: RunModule, estate: Estate, edge: int
) -> None:
    """Without a second, silent attempt the reset connection swallows the alert most of the time."""
    probes = [
        {**probe, "name": f"{probe['name']} {at}"}
        for probe in refusals(estate)
        for at in range(15)
        if probe["name"] in ("expired", "foreign", "revoked", "nobody")
    ]
    result = run_module("tls_probe_info", {**common(estate, edge), "probes": probes}).ok().result
    alerts = collections.Counter(probe["observation"]["alert"] for probe in result["results"])
    wanted = ("certificate_expired", "unknown_ca", "certificate_revoked", "certificate_required")
    assert alerts == dict.fromkeys(wanted, 15)


def test_without_a_request_silence_is_consent(run_module: RunModule, estate: Estate, edge: int) -> None:
    tls_only = [probe for probe in refusals(estate) if probe["name"] != "uninvited"]
    hub = {"name": "hub", **estate.client("hub"), "expect": "accept"}
    args = {**common(estate, edge), "path": None, "probes": [hub, *tls_only]}
    result = run_module("tls_probe_info", args).ok().result
    assert result["results"][0]["explanation"] == "accepted with TLSv1.3"


def test_an_edge_without_client_certificates_fails_every_refusal(
    run_module: RunModule, estate: Estate, start_edge: Callable[..., int]
) -> None:
    probes = [probe for probe in refusals(estate) if "max_version" not in probe]
    result = run_module("tls_probe_info", {**common(estate, start_edge(trust=None)), "probes": probes})
    assert result.failed
    assert result.result["summary"] == {"passed": 0, "failed": len(probes)}
    for probe in result.result["results"]:
        assert probe["msg"] in result.msg
        assert "but was accepted with TLSv1.3 and answered with HTTP status 200" in probe["msg"]


def test_an_edge_with_another_ca_refuses_the_right_client(
    run_module: RunModule, estate: Estate, start_edge: Callable[..., int]
) -> None:
    port = start_edge(trust="foreign")
    args = {**common(estate, port), "probes": [{"name": "hub", **estate.client("hub"), "expect": "accept"}]}
    result = run_module("tls_probe_info", args)
    assert result.failed
    assert "hub: expected accept, but was refused by the TLS alert unknown_ca" in result.msg


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_refusal_for_another_reason_fails(run_module: RunModule, estate: Estate, edge: int, name: str) -> None:
    wrong = "revoked" if REFUSALS[name] != "revoked" else "expired"
    probe = {"name": name, **estate.client(name), "expect": "refuse", "reason": wrong}
    result = run_module("tls_probe_info", {**common(estate, edge), "probes": [probe]})
    assert result.failed
    assert f"expected refuse ({wrong}), but was refused" in result.msg
    del probe["reason"]
    result = run_module("tls_probe_info", {**common(estate, edge), "probes": [probe]}).ok()
    assert result.result["results"][0]["passed"], "any refusal will do"


def test_another_status_is_not_what_was_accepted(run_module: RunModule, estate: Estate, edge: int) -> None:
    probe = {"name": "hub", **estate.client("hub"), "expect": "accept", "status": [204]}
    result = run_module("tls_probe_info", {**common(estate, edge), "probes": [probe]})
    assert result.failed
    assert (
        "expected accept with HTTP status 204, but accepted with TLSv1.3 and answered with HTTP status 200"
        in result.msg
    )


def test_a_vague_alert_is_explained_by_name_validity_and_chain(
    run_module: RunModule, estate: Estate, start_edge: Callable[..., int]
) -> None:
    port = start_edge(by_name="tls")
    probe = {"name": "who", **estate.client("uninvited")}
    seen = run_module("tls_probe_info", {**common(estate, port), "probes": [probe]}).ok().result["results"][0]
    assert (seen["outcome"], seen["reason"]) == ("refused", "unspecified")
    assert seen["client"]["name"] == "CN=uninvited, uninvited"
    assert seen["client"]["validity"].startswith("valid until ")
    assert seen["client"]["chain"] == "leads to the given CA"
    assert "so that it is revoked, or its name is not allowed" in seen["explanation"]


def test_tls12_refuses_within_the_handshake(
    run_module: RunModule, estate: Estate, serve: Serve, tls12: ssl.SSLContext
) -> None:
    def handle(connection: socket.socket) -> None:
        with tls12.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1000)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    probes = [
        {"name": "hub", **estate.client("hub"), "expect": "accept"},
        {"name": "nobody", "expect": "refuse", "reason": "no_certificate"},
        {"name": "expired", **estate.client("expired"), "expect": "refuse", "reason": "expired"},
        {"name": "foreign", **estate.client("foreign"), "expect": "refuse", "reason": "unknown_ca"},
        {"name": "modern", "min_version": "TLSv1.3", "expect": "refuse", "reason": "protocol_version"},
    ]
    result = run_module("tls_probe_info", {**common(estate, serve(handle)), "probes": probes}).ok().result
    assert result["results"][0]["observation"]["tls_version"] == "TLSv1.2"


@pytest.mark.parametrize("expect", ["accept", "refuse"])
def test_what_is_inconclusive_meets_no_expectation(
    run_module: RunModule, estate: Estate, edge: int, serve: Serve, expect: str
) -> None:
    hangs_up = serve(lambda connection: None)
    plain = serve(lambda connection: connection.sendall(b"220 mail.example.com\r\n"))
    hub = {**estate.client("hub"), "expect": expect}
    probes = [
        {"name": "closed port", "port": free_port(), **hub},
        {"name": "no such host", "host": "host.invalid", **hub},
        {"name": "hangs up", "port": hangs_up, **hub},
        {"name": "no TLS", "port": plain, **hub},
        {"name": "another CA", "ca_cert": estate.path("foreign.pem"), **hub},
        {"name": "another name", "server_name": "other.example.com", **hub},
    ]
    result = run_module("tls_probe_info", {**common(estate, edge), "probes": probes})
    assert result.failed
    assert result.result["summary"] == {"passed": 0, "failed": 6}
    for probe in result.result["results"]:
        assert probe["outcome"] == "inconclusive"
        assert f"expected {expect}, but nothing could be learnt" in probe["msg"]


def test_a_server_that_hangs_up_after_the_handshake_is_inconclusive(
    run_module: RunModule, estate: Estate, serve: Serve
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(estate.path("server.pem"), estate.path("server.key"))

    def handle(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    probe = {"name": "it", "expect": "refuse"}
    result = run_module("tls_probe_info", {**common(estate, serve(handle)), "probes": [probe]})
    assert result.failed
    assert "closed without an alert or an answer" in result.msg


def test_an_unexpecting_probe_only_reports(run_module: RunModule, estate: Estate) -> None:
    result = run_module("tls_probe_info", {**common(estate, free_port()), "probes": [{"name": "it"}]}).ok().result
    assert result["results"][0]["passed"]
    assert "cannot be reached" in result["results"][0]["explanation"]


def test_bad_input_names_the_option(run_module: RunModule, estate: Estate, edge: int) -> None:
    estate.encrypt_key("hub")
    hub = estate.client("hub")
    cases = [
        ({**hub, "client_key": estate.path("expired.key")}, "client_key: "),
        ({**hub, "client_key": estate.path("hub-encrypted.key")}, "the key is encrypted"),
        ({**hub, "client_cert": estate.path("hub.key")}, "no certificate was found"),
        ({**hub, "client_cert": "/no/such/file"}, "/no/such/file"),
        ({"ca_cert": "/no/such/file"}, "/no/such/file does not exist on this host"),
        ({"reason": "expired"}, "only a refusal has a reason"),
    ]
    for options, message in cases:
        result = run_module("tls_probe_info", {**common(estate, edge), "probes": [{"name": "it", **options}]})
        assert result.failed, options
        assert message in result.msg
        assert "defect" not in result.msg
