# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quickstart from the built tarball: run twice, looked at from outside, tampered with, stopped."""

from __future__ import annotations

import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import typing as t
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.integration.quickstart.conftest import PROCESSES, Quickstart, task
from tests.rigs.process import free_port
from tests.rigs.runner import PlayResult, Runner

ESTATE = [
    "switch",
    "account-lookup-service",
    "ml-api-adapter",
    "quoting-service",
    "central-ledger",
    *(f"perffsp-{number}" for number in range(1, 9)),
    "trust-service.internal",
    "us-east-1-node-01",
]
SPECIMENS = {"uninvited": "name_not_allowed", "expired": "expired", "revoked": "revoked", "stranger": "unknown_ca"}
PROBE = "Verify | Prove by live handshakes whom the edge lets in and whom it refuses"


def certificate(quickstart: Quickstart, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(quickstart.text(f"certificates/{name}/cert.pem").encode())


def summary(play: PlayResult) -> list[str]:
    """Return the lines that the run ended with."""
    message = task(play, "Summary | Show what there is").result["msg"]
    return t.cast("list[str]", message if isinstance(message, list) else message.splitlines())


def test_first_run_issues_the_whole_estate(quickstart: Quickstart) -> None:
    assert quickstart.first.changed > 0
    for name in ESTATE:
        names = certificate(quickstart, name).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        wanted = {
            "trust-service.internal": {"trust-service.internal", "trust-service", "localhost"},
            "us-east-1-node-01": {"us-east-1-node-01", "node1.example.com"},
        }.get(name, {name})
        assert set(names.get_values_for_type(x509.DNSName)) == wanted
        key = quickstart.directory / "certificates" / name / "key.pem"
        assert key.stat().st_mode & 0o777 == 0o600


def test_every_probe_had_its_reason(quickstart: Quickstart) -> None:
    results = {entry["item"]: entry for entry in task(quickstart.first, PROBE).result["results"]}
    admitted = [name for name in ESTATE if name != "trust-service.internal"]
    assert {name for name, entry in results.items() if entry["outcome"] == "accepted"} == set(admitted)
    refused = {name: entry["reason"] for name, entry in results.items() if entry["outcome"] == "refused"}
    bare = {"nobody (no certificate)": "no_certificate", "a client of the past (TLS 1.2)": "protocol_version"}
    assert refused == {**SPECIMENS, **bare}
    assert all(entry["passed"] for entry in results.values())


def test_the_expired_specimen_was_really_valid_and_really_expired(quickstart: Quickstart) -> None:
    leaf = x509.load_pem_x509_certificate(quickstart.text("specimens/expired/fullchain.pem").encode())
    assert leaf.not_valid_before_utc < leaf.not_valid_after_utc
    assert leaf.issuer == certificate(quickstart, "switch").issuer


def test_openssl_verifies_every_chain(quickstart: Quickstart) -> None:
    openssl = shutil.which("openssl")
    assert openssl, "openssl is not on the path"
    for name in ESTATE:
        folder = quickstart.directory / "certificates" / name
        for purpose in ("sslserver", "sslclient"):
            command = [openssl, "verify", "-x509_strict", "-purpose", purpose, "-CAfile", str(folder / "ca.pem")]
            command += ["-untrusted", str(folder / "chain.pem"), str(folder / "cert.pem")]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr


def test_openssl_agrees_about_the_specimens(quickstart: Quickstart) -> None:
    openssl = shutil.which("openssl")
    assert openssl, "openssl is not on the path"
    ca = quickstart.directory / "certificates" / "switch"
    crl = ["-crl_check_all", "-CRLfile", str(quickstart.directory / "edge" / "crl.pem")]
    found = {}
    for name in SPECIMENS:
        leaf = str(quickstart.directory / "specimens" / name / "fullchain.pem")
        command = [openssl, "verify", *crl, "-CAfile", str(ca / "ca.pem"), "-untrusted", str(ca / "chain.pem"), leaf]
        found[name] = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stderr
    assert found["uninvited"] == ""
    assert "certificate has expired" in found["expired"]
    assert "certificate revoked" in found["revoked"]
    assert "unable to get" in found["stranger"]


def test_a_client_reaches_the_service_through_the_edge(quickstart: Quickstart) -> None:
    folder = quickstart.directory / "certificates"
    context = ssl.create_default_context(cafile=str(folder / "perffsp-3" / "ca.pem"))
    context.load_cert_chain(folder / "perffsp-3" / "fullchain.pem", folder / "perffsp-3" / "key.pem")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    url = f"https://localhost:{quickstart.ports['edge']}/transfers"
    forged = urllib.request.Request(url, headers={"X-Forwarded-Client-Cert": 'Hash=00;Subject="CN=switch"'})
    with opener.open(forged, timeout=10) as answer:
        told = json.load(answer)
    der = certificate(quickstart, "perffsp-3").public_bytes(Encoding.DER)
    assert told["client"] == "CN=perffsp-3", "the edge has to replace what a client says about itself"
    assert told["fingerprint_sha256"] == hashlib.sha256(der).hexdigest()
    assert told["path"] == "/transfers"


def test_the_command_that_is_shown_works(quickstart: Quickstart) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on the path")
    text = "\n".join(summary(quickstart.first))
    command = re.search(r"^ *cd /.*?localhost:\d+/", text, re.DOTALL | re.MULTILINE)
    assert command
    done = subprocess.run(["sh", "-ec", command.group(0)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["client"] == "CN=switch"


def test_summary_names_expiry_and_fingerprint_of_everything(quickstart: Quickstart) -> None:
    lines = summary(quickstart.first)
    assert set(quickstart.issued) == set(ESTATE)
    for name in ESTATE:
        leaf = x509.load_pem_x509_certificate(quickstart.issued[name].encode())
        digest = hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest()
        # A participant has further lines, of its message keys.
        (line,) = [line for line in lines if line.startswith(f"{name} ") and digest[:20] in line]
        assert leaf.not_valid_after_utc.strftime("%Y-%m-%d %H:%M:%S") in line


class _Page(html.parser.HTMLParser):
    """Collects what a page refers to and what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.titles = 0
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [str(value) for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        self.titles += tag == "svg" and any(name == "aria-labelledby" for name, _value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_is_one_file_with_everything_in_it(quickstart: Quickstart) -> None:
    source = quickstart.text("index.html")
    page = _Page()
    page.feed(source)
    assert page.references == []
    assert "@import" not in source
    assert "url(" not in source
    assert page.titles == 3, "the tree and both time lines have a title and a description"
    for name in ESTATE:
        digest = hashlib.sha256(certificate(quickstart, name).public_bytes(Encoding.DER)).hexdigest()
        assert name in page.text
        assert digest in page.text


def test_nothing_is_open_to_others(quickstart: Quickstart) -> None:
    assert quickstart.directory.stat().st_mode & 0o777 == 0o700
    for name in ("keys.json", "root-token", "token", "issuer-secret-id", "audit.log", "server.log", "server.pid"):
        assert (quickstart.directory / "openbao" / name).stat().st_mode & 0o077 == 0, name


def test_secrets_are_in_no_log_and_no_command_line(quickstart: Quickstart) -> None:
    places = [quickstart.directory / "index.html", *quickstart.directory.glob("*/*.log")]
    places += [pathlib.Path(f"/proc/{quickstart.pid(name)}/cmdline") for name in PROCESSES]
    for place in places:
        content = place.read_bytes()
        assert not [secret for secret in quickstart.secrets if secret.encode() in content], place
        assert b"PRIVATE KEY" not in content, place


def test_trap_45_the_configuration_has_every_request_audited(quickstart: Quickstart) -> None:
    """OpenBao takes no audit device over its API, so that the role declares it where the server reads it."""
    records = [json.loads(line) for line in quickstart.text("openbao/audit.log").splitlines()]
    asked = [record["request"]["path"] for record in records if record["type"] == "response"]
    assert asked.count("pki_int/sign/mesh") >= len(ESTATE)
    assert "auth/approle/login" in asked
    assert not any(secret in quickstart.text("openbao/audit.log") for secret in quickstart.secrets)


def test_second_run_changes_nothing(quickstart: Quickstart) -> None:
    pids = {name: quickstart.pid(name) for name in PROCESSES}
    page = quickstart.text("index.html")
    second = quickstart.run().ok()
    assert second.changed == 0, [done.task for done in second.tasks if done.changed]
    assert {name: quickstart.pid(name) for name in PROCESSES} == pids
    assert quickstart.text("index.html") == page
    assert all(entry["passed"] for entry in task(second, PROBE).result["results"])


def test_check_mode_of_a_running_quickstart_changes_nothing(quickstart: Quickstart) -> None:
    assert quickstart.run("quickstart", "--diff", check=True).ok().changed == 0


def test_sslyze_finds_tls13_alone_and_a_demand_for_client_certificates(
    quickstart: Quickstart, sslyze: str, tmp_path: pathlib.Path
) -> None:
    report = tmp_path / "report.json"
    address = f"localhost:{quickstart.ports['edge']}"
    command = [sslyze, "--json_out", str(report), "--certinfo", "--tlsv1_3", "--tlsv1_2", "--tlsv1_1", "--tlsv1"]
    command += ["--sslv3", "--sslv2", "--heartbleed", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert report.exists(), done.stdout + done.stderr
    (scan,) = json.loads(report.read_text())["server_scan_results"]
    assert scan["connectivity_result"]["client_auth_requirement"] == "REQUIRED"
    assert scan["connectivity_result"]["highest_tls_version_supported"] == "TLS_1_3"
    results = scan["scan_result"]
    old = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2")
    accepted = {
        version: results[f"{version}_cipher_suites"]["result"]["accepted_cipher_suites"]
        for version in (*old, "tls_1_3")
    }
    assert accepted["tls_1_3"]
    assert {version: accepted[version] for version in old} == {version: [] for version in old}
    assert results["heartbleed"]["result"]["is_vulnerable_to_heartbleed"] is False


def test_a_tampered_certificate_is_issued_anew_and_the_edge_follows(quickstart: Quickstart) -> None:
    edge, other = quickstart.pid("edge"), quickstart.pid("openbao")
    name = "trust-service.internal"
    before = certificate(quickstart, name).serial_number
    for path in ("certificates/.trustmesh/trust-service.internal/current/cert.pem",):
        (quickstart.directory / path).unlink()
    mended = quickstart.run().ok()
    assert mended.changed > 0
    assert certificate(quickstart, name).serial_number != before
    assert quickstart.pid("edge") != edge
    assert quickstart.pid("openbao") == other
    assert quickstart.run().ok().changed == 0


def test_the_verify_entry_point_fails_on_an_edge_that_lets_everybody_in(quickstart: Quickstart) -> None:
    config = quickstart.directory / "edge" / "envoy.yaml"
    right = config.read_text()
    everybody = re.sub(r"principals:\n(\s+- authenticated:.*\n)+", "principals: [{any: true}]\n", right)
    assert everybody != right
    play = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: trustmesh.security.quickstart, tasks_from: verify}
"""
    config.write_text(everybody)
    try:
        os.kill(quickstart.pid("edge"), 9)
        _start_edge(quickstart)
        given = ["-e", f"quickstart_directory={quickstart.directory}"]
        result = quickstart.runner.playbook(play, arguments=given, name="verify a lax edge")
        assert result.rc != 0
        assert "uninvited: expected refuse (name_not_allowed), but was accepted" in result.stdout
    finally:
        config.write_text(right)
    assert quickstart.run().ok().changed > 0


def _start_edge(quickstart: Quickstart) -> None:
    """Start the edge with the configuration that is there, by the module and not by the play that would mend it."""
    record = json.loads(quickstart.text(PROCESSES["edge"]).splitlines()[1])
    folder = quickstart.directory / "edge"
    item = {
        "name": "edge",
        "argv": record["argv"],
        "watch_files": list(record["files"]),
        "pid_file": str(folder / "envoy.pid"),
        "log_file": str(folder / "envoy.log"),
        "ready": {"port": quickstart.ports["edge"]},
    }
    quickstart.runner.module("local_process", {"processes": [item]}).ok()


def test_stop_ends_everything_twice_harmlessly_and_start_goes_on(quickstart: Quickstart) -> None:
    serial = certificate(quickstart, "switch").serial_number
    pids = [quickstart.pid(name) for name in PROCESSES]
    assert quickstart.run("quickstart_stop").ok().changed == 1
    assert not any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in pids)
    assert not any((quickstart.directory / path).exists() for path in PROCESSES.values())
    assert quickstart.run("quickstart_stop").ok().changed == 0
    quickstart.run().ok()
    assert certificate(quickstart, "switch").serial_number == serial
    assert quickstart.run().ok().changed == 0


def test_check_mode_before_the_first_run_says_what_to_do(runner: Runner, tmp_path: pathlib.Path) -> None:
    nowhere = tmp_path / "nowhere"
    foretold = runner.playbook(
        "trustmesh.security.quickstart",
        arguments=["-e", f"quickstart_directory={nowhere}"],
        check=True,
        name="check nothing",
    )
    assert foretold.rc != 0
    assert "no quickstart runs there" in " ".join(foretold.stdout.split())
    assert not nowhere.exists()


def test_stopping_what_never_was_is_harmless(runner: Runner, tmp_path: pathlib.Path) -> None:
    nowhere = tmp_path / "nowhere"
    stopped = runner.playbook(
        "trustmesh.security.quickstart_stop", arguments=["-e", f"quickstart_directory={nowhere}"], name="stop nothing"
    )
    assert stopped.ok().changed == 0
    assert not nowhere.exists()


def test_a_taken_port_is_named_with_the_variable_to_set(runner: Runner, tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = f"quickstart_directory={tmp_path} quickstart_vault_port={port} quickstart_edge_port={free_port()}"
        result = runner.playbook("trustmesh.security.quickstart", arguments=["-e", given], name="port taken")
    assert result.rc != 0
    assert f"port {port} on 127.0.0.1 is taken" in " ".join(result.stdout.split())
    assert "-e quickstart_vault_port=" in result.stdout
    assert not (tmp_path / "ports.json").exists()
