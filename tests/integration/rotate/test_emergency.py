# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a participant were stolen: everything is replaced at once, and the thief is refused everywhere."""

from __future__ import annotations

import json
import typing as t

import pytest
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
    assert [problem.partition(":")[0] for problem in report(failed)["problems"]] == [
        "Make the new signing key, publish it everywhere, then use it"
    ]
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
        ({"participant": NAME}, "the instant from which its keys are safe no more"),
        ({"participant": NAME, "compromised_at": "2126-01-01T00:00:00Z"}, "has to have come"),
    ],
)
def test_nothing_is_guessed(hub: Hub, given: dict[str, str], said: str, audit_window: t.Any) -> None:
    with audit_window() as window:
        refused = hub.play(PLAYBOOK, **given)
    assert refused.rc != 0
    assert said in refused.stdout.replace("\n", " ")
    assert window.writes == []


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
