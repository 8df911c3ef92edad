# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a participant were stolen: everything is replaced at once, and the thief is refused everywhere."""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
import typing as t

import pytest
import yaml
from cryptography import x509

from tests.integration.jws_key.test_rotation import _peer_accepts as peer_accepts
from tests.rigs.node import Peer
from tests.rigs.runner import PlayResult

from .conftest import Hub

PLAYBOOK = "emergency_key_rotation"
NAME = "perffsp-1"


def report(play: PlayResult) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", play.task("Report the emergency").result["msg"])


def serials(hub: Hub) -> set[int]:
    """Return the serial numbers in the first of the installed lists."""
    return {entry.serial_number for entry in x509.load_pem_x509_crl(hub.crl.read_bytes())}


def test_mj_49_the_thief_is_refused_and_the_participant_let_in(hub: Hub, peer: Peer, audit_window: t.Any) -> None:
    opened = hub.play(PLAYBOOK, participant=NAME, compromised_at="2026-01-01T00:00:00Z").ok()
    assert (report(opened)["signing_key"], report(opened)["revoked"]) == ("none", {})
    assert report(opened)["certificates"] == {NAME: "none"}
    mesh, stolen = hub.mesh, hub.leak(NAME)
    own = hub.estate.path(NAME).parent
    serial = hub.estate.certificate(NAME).serial_number
    forged = mesh.signed(NAME, "hub", mesh.held(NAME)["private_key"])
    secret, others = hub.secret(NAME), {name: hub.secret(name) for name in ("hub", "perffsp-2")}
    assert mesh.accepts("hub", forged)
    assert hub.admitted(stolen) == (True, None)
    moment = hub.moment()

    foretold = hub.play(PLAYBOOK, check=True, participant=NAME, compromised_at=moment).ok()
    assert report(foretold)["certificates"] == {NAME: "replace"}
    assert report(foretold)["signing_key"] == report(foretold)["ilp_secret"] == "replace"
    assert (report(foretold)["check_mode"], report(foretold)["kid"] or None) == (True, None)
    assert report(foretold)["previous_kid"] == mesh.held(NAME)["kid"]
    assert foretold.task("Revoke what was made before").changed
    assert hub.estate.certificate(NAME).serial_number == serial

    done = report(hub.play(PLAYBOOK, participant=NAME, compromised_at=moment).ok())
    assert done["certificates"] == {NAME: "replace"}
    assert [int(number.replace(":", ""), 16) for number in done["revoked"]] == [serial]
    assert serial in serials(hub)
    assert hub.admitted(stolen) == (False, "revoked")
    assert hub.admitted(own) == (True, None)
    fresh = mesh.signed(NAME, "hub", mesh.held(NAME)["private_key"])
    for receiver in ("hub", "perffsp-2"):
        assert not mesh.accepts(receiver, forged)
        assert mesh.accepts(receiver, fresh)
    assert peer_accepts(peer, mesh, "hub", forged) == {False}
    assert peer_accepts(peer, mesh, "hub", fresh) == {True}
    assert hub.secret(NAME) != secret
    assert {name: hub.secret(name) for name in others} == others, "nobody else is touched"
    assert "previous" not in mesh.vault.api.read(f"{mesh.mount}/data/ilp_secret/{NAME}")["data"]
    seconds = done["seconds"]
    assert 0 < seconds["certificate"] <= seconds["total"] < 120

    with audit_window() as window:
        again = hub.play(PLAYBOOK, participant=NAME, compromised_at=moment).ok()
    assert again.changed == 0
    assert window.writes == []
    assert report(again)["revoked"] == done["revoked"]
    assert hub.admitted(own) == (True, None)


def test_what_fails_does_not_keep_the_rest_from_being_replaced(hub: Hub) -> None:
    trust = hub.base / "perffsp-2" / "trust"
    trust.rename(hub.base / "aside")
    trust.symlink_to("/proc/trust")
    before = hub.estate.certificate(NAME).serial_number
    secret, moment = hub.secret(NAME), hub.moment()
    failed = hub.play(PLAYBOOK, participant=NAME, compromised_at=moment)
    assert failed.rc != 0
    (problem,) = report(failed)["problems"]
    step, _colon, cause = problem.partition(": ")
    assert step == "Make the new signing key, publish it everywhere, then use it"
    last = failed.task("Fail when anything is left to do").result["msg"]
    assert last == f"Not everything is done. The report above says why, and what to do about {step}."
    assert cause not in last, "the report has said it"
    assert before in serials(hub)
    assert hub.estate.certificate(NAME).serial_number != before
    trust.unlink()
    (hub.base / "aside").rename(trust)
    done = report(hub.play(PLAYBOOK, participant=NAME, compromised_at=moment).ok())
    assert (done["certificates"], done["signing_key"]) == ({NAME: "none"}, "replace")
    assert hub.secret(NAME) != secret
    assert hub.play(PLAYBOOK, participant=NAME, compromised_at=moment).ok().changed == 0


def test_a_list_that_lacks_the_revocation_fails_and_names_it(hub: Hub) -> None:
    """An engine that makes its lists by time alone: the certificate is revoked, but nobody is told yet."""
    hub.estate.engine.write("config/crl", auto_rebuild=True, expiry="72h", auto_rebuild_grace_period="12h")
    moment = hub.moment()
    failed = hub.play(PLAYBOOK, participant=NAME, compromised_at=moment)
    assert failed.rc != 0
    (problem,) = report(failed)["problems"]
    assert "cert.pem is in no list" in problem
    assert report(failed)["signing_key"] == "replace", "the other keys are replaced all the same"
    hub.mesh.vault.api.request("GET", hub.estate.engine.at("crl/rotate"))
    done = report(hub.play(PLAYBOOK, participant=NAME, compromised_at=moment).ok())
    assert len(done["revoked"]) == 1


def test_r7_every_generation_is_revoked_wherever_it_is(hub: Hub) -> None:
    """R7, J3, J9: certificates on two of three hosts, keys managed from the controller, a copy on no host at all."""
    estate = hub.estate
    common_name = f"{NAME}.svc.example"
    held = [estate.certificate(NAME).serial_number, hub.renew(NAME), hub.renew(NAME)]
    other = estate.certificate("perffsp-2").serial_number
    made = {}
    for place in ("second", "nowhere"):
        (hub.base / place).mkdir()
        issued = hub.runner.module(
            "certificate",
            estate.args({"name": NAME, "common_name": common_name}, ttl="30d") | {"directory": str(hub.base / place)},
        ).ok()
        made[place] = issued.result["results"][0]["certificate"]["serial"]
    shutil.rmtree(hub.base / "nowhere")
    copies = _numbers(list(made.values()))
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_pipelining": True}
    directories = {"one": str(estate.directory), "two": str(hub.base / "second"), "three": str(hub.base / "third")}
    inventory = hub.base / "hosts.yml"
    hosts = {name: {**here, "place": place} for name, place in directories.items()}
    inventory.write_text(yaml.safe_dump({"edges": {"hosts": hosts}}))
    certificate = {**hub.variables["rotate_keys_certificate"], "directory": "{{ place }}"}
    given: dict[str, t.Any] = {
        "rotate_keys_certificate": certificate,
        "rotate_keys_certificate_hosts": "edges",
        "rotate_keys_crl": [{**hub.variables["rotate_keys_crl"][0], "path": "{{ place }}.crl"}],
        "rotate_keys_enforce": str(hub.base / "nothing.yml"),
        "participant": NAME,
        "compromised_at": hub.moment(),
        "arguments": ["-i", str(inventory)],
    }
    (hub.base / "nothing.yml").write_text("[]")
    limited = hub.play(PLAYBOOK, **{**given, "arguments": ["-i", str(inventory), "--limit", "localhost,two"]})
    assert limited.rc != 0
    assert "--limit leaves out one, three" in limited.stdout
    done = report(hub.play(PLAYBOOK, **given).ok())
    revoked = _numbers(done["revoked"])
    assert revoked == {*held, *copies}
    assert done["certificates"] == {
        f"{NAME} on one": "replace",
        f"{NAME} on two": "replace",
        f"{NAME} on three": "not on this host",
    }
    assert not (hub.base / "third").exists()
    for name in ("one", "two"):
        crl = x509.load_pem_x509_crl(pathlib.Path(f"{directories[name]}.crl").read_bytes())
        assert revoked == {entry.serial_number for entry in crl}
    assert estate.certificate("perffsp-2").serial_number == other
    again = hub.play(PLAYBOOK, **given).ok()
    assert (again.changed, report(again)["problems"], report(again)["to_do"]) == (0, [], [])


def test_r7_what_a_former_authority_issued_is_judged_by_its_own_list(hub: Hub) -> None:
    """The issuing authority got another key under the same name; what it signed before is in the list of that key."""
    estate = hub.estate
    first, used = estate.certificate(NAME).serial_number, hub.renew(NAME)
    request = estate.engine.write("intermediate/generate/internal", common_name="Test Intermediate").data
    signed = estate.root.write("root/sign-intermediate", csr=request["csr"], ttl="9000h").data
    made = estate.engine.write("intermediate/set-signed", certificate="\n".join(signed["ca_chain"])).data
    estate.engine.write("config/issuers", default=made["imported_issuers"][0])
    done = report(hub.play(PLAYBOOK, participant=NAME, compromised_at=hub.moment()).ok())
    assert (done["problems"], _numbers(done["revoked"])) == ([], {first, used})
    lists = x509_lists(hub.crl.read_bytes())
    assert [{entry.serial_number for entry in crl} & {first, used} for crl in lists].count({first, used}) == 1
    assert estate.certificate(NAME).serial_number not in {entry.serial_number for crl in lists for entry in crl}
    again = hub.play(PLAYBOOK, participant=NAME, compromised_at=hub.moment())
    assert again.rc == 0


def x509_lists(text: bytes) -> list[x509.CertificateRevocationList]:
    """Return all revocation lists of a file."""
    end = b"-----END X509 CRL-----"
    return [x509.load_pem_x509_crl(part + end) for part in text.split(end) if part.strip()]


def test_j4_the_report_says_what_was_done_and_what_was_not(hub: Hub) -> None:
    """J4: the role of the engine refuses the certificate; what is in use stays and is named, the rest is replaced."""
    first, used = hub.estate.certificate(NAME).serial_number, hub.renew(NAME)
    hub.estate.role("mesh", allowed_domains=["elsewhere.example"])
    failed = hub.play(PLAYBOOK, participant=NAME, compromised_at=hub.moment())
    assert failed.rc != 0
    said = report(failed)
    assert said["certificates"] == {NAME: "failed"}
    assert _numbers(said["revoked"]) == {first}
    assert serials(hub) == {first}
    assert said["signing_key"] == said["ilp_secret"] == "replace"
    (problem,) = said["problems"]
    assert problem.startswith("Have certificates with new keys: ")
    valid, again = said["to_do"]
    assert valid.startswith(f"Certificate {_spelled(used)} of {NAME} on localhost has no successor and is valid until ")
    assert again.startswith("Remove the causes that problems names and run the same command again")


def _numbers(serials: t.Iterable[str]) -> set[int]:
    return {int(serial.replace(":", ""), 16) for serial in serials}


def _spelled(number: int) -> str:
    digits = f"{number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def test_a_certificate_that_is_on_the_host_no_more_is_revoked_by_number(hub: Hub) -> None:
    gone = hub.estate.certificate("perffsp-2").serial_number
    hub.runner.module("certificate", hub.estate.args({"name": "perffsp-2", "state": "absent"})).ok()
    number = f"{gone:x}"
    done = hub.play(PLAYBOOK, participant=NAME, compromised_at="2026-01-01T00:00:00Z", rotate_keys_revoke=[number])
    assert len(report(done.ok())["revoked"]) == 1
    assert gone in serials(hub)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Name the participant"),
        ({"participant": NAME}, "Give the time of the compromise in UTC"),
        ({"participant": NAME, "compromised_at": "2126-01-01T00:00:00Z"}, "is in the future"),
        (
            {"participant": "perfsp-1", "compromised_at": "yesterday"},
            "participant: perfsp-1 is not a declared participant, did you mean perffsp-1? Declared in "
            "rotate_keys_participants: hub, perffsp-1, perffsp-2. compromised_at: 'yesterday' is not an instant. "
            "Write it like 2026-11-21T14:00:00Z.",
        ),
    ],
)
def test_nothing_is_guessed(hub: Hub, given: dict[str, str], said: str, audit_window: t.Any) -> None:
    """J3, J8, F7: everything that was given is checked before anything is read or changed."""
    with audit_window() as window:
        refused = hub.play(PLAYBOOK, **given)
    assert refused.rc != 0
    assert said in refused.stdout.replace("\n", " ")
    assert window.requests == []


def test_an_emergency_is_archived_and_noted_once(hub: Hub) -> None:
    (hub.base / "archive").mkdir()
    events, moment = hub.base / "events.jsonl", hub.moment()
    given = {"rotate_keys_events": str(events), "rotate_keys_archive": str(hub.base / "archive")}
    before = hub.mesh.held(NAME)["kid"]
    done = report(hub.play(PLAYBOOK, participant=NAME, compromised_at=moment, **given).ok())
    (event,) = [json.loads(line) for line in events.read_text().splitlines()]
    assert (event["event"], event["participant"]) == ("key_replaced_in_emergency", NAME)
    assert (event["previous_kid"], event["kid"]) == (before, done["kid"])
    assert [path.name for path in (hub.base / "archive").iterdir()] == [f"{NAME}-{before}.json"]
    assert hub.play(PLAYBOOK, participant=NAME, compromised_at=moment, **given).ok().changed == 0
