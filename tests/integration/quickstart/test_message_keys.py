# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of messages in the quickstart: where they are, that the proofs can fail, and how they are replaced."""

from __future__ import annotations

import datetime
import json
import pathlib
import shutil

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from tests.integration.quickstart.conftest import Quickstart, task
from tests.rigs.canary import Canaries
from tests.rigs.vault_api import VaultApi

PARTICIPANTS = ["switch", *(f"perffsp-{number}" for number in range(1, 9))]
SIGNED = "Messages | Sign a transfer as everybody, and verify it with the keys that the next one was given"
PAGE = "trustmesh.security.quickstart : Summary | Write the page"
ROTATION = "Make the new signing key, publish it everywhere, then use it"


def public_pem(private: str) -> str:
    key = load_pem_private_key(private.encode(), None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_everybody_has_the_keys_of_all_others_and_only_openbao_the_secret_parts(
    quickstart: Quickstart, api: VaultApi
) -> None:
    wanted = {name: public_pem(quickstart.kept(f"jws_key/{name}")["private_key"]) for name in PARTICIPANTS}
    assert len(set(wanted.values())) == len(PARTICIPANTS)
    for reader in PARTICIPANTS:
        held = {path.name: path.read_text() for path in (quickstart.directory / "trust" / reader).iterdir()}
        assert held == {f"{name}.pem": wanted[name] for name in PARTICIPANTS if name != reader}
    for path in (quickstart.directory / "trust").rglob("*"):
        assert path.is_dir() or "PRIVATE" not in path.read_text()


def test_payments_tokens_and_clients_have_theirs(quickstart: Quickstart, api: VaultApi) -> None:
    secrets = {quickstart.kept(f"ilp_secret/{name}")["secret"] for name in PARTICIPANTS}
    assert len(secrets) == len(PARTICIPANTS)
    (key,) = json.loads(quickstart.text("key-sets/trust-service.json"))["keys"]
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256")
    assert "d" not in key
    for client in ("integration-service", "reporting"):
        plain = quickstart.kept(f"api_key/{client}")["api_key"]
        record = quickstart.text(f"api-keys/{client}.json")
        assert plain.startswith("tm_live_")
        assert plain not in record
    master = api.read("transit/keys/hub")
    assert master is not None
    assert master["exportable"] is False


def test_summary_and_page_tell_of_every_key(quickstart: Quickstart) -> None:
    message = task(quickstart.first, "Summary | Show what there is").result["msg"]
    lines = message if isinstance(message, list) else message.splitlines()
    for name in PARTICIPANTS:
        assert sum(line.startswith(f"{name} ") and "signs messages" in line for line in lines) == 1
        assert sum(line.startswith(f"{name} ") and "binds payments" in line for line in lines) == 1
    assert quickstart.text("index.html").count("signs messages") == len(PARTICIPANTS)


def test_a_key_that_was_exchanged_fails_the_proof_and_is_put_right_by_the_next_run(quickstart: Quickstart) -> None:
    trust = quickstart.directory / "trust" / "perffsp-2"
    shutil.copy(trust / "perffsp-3.pem", trust / "perffsp-1.pem")

    failed = quickstart.run("quickstart", "--start-at-task", f"trustmesh.security.quickstart : {SIGNED}")

    assert failed.rc != 0
    assert "perffsp-2 refuses what perffsp-1 signed." in failed.stdout
    quickstart.run().ok()
    assert quickstart.run().ok().changed == 0


def test_the_keys_of_one_participant_are_replaced_once(quickstart: Quickstart, api: VaultApi) -> None:
    before = {name: quickstart.kept(f"jws_key/{name}")["private_key"] for name in PARTICIPANTS}
    moment = datetime.datetime.now(tz=datetime.timezone.utc)
    given = ["-e", f"@{quickstart.directory}/rotation.yml", "-e", "participant=perffsp-5"]
    given += ["-e", f"not_before={moment:%Y-%m-%dT%H:%M:%SZ}"]

    first = quickstart.run("rotate_keys", *given).ok()
    again = quickstart.run("rotate_keys", *given).ok()

    (result,) = first.task(ROTATION).result["results"]
    assert (result["action"], len(result["key"]["published_to"])) == ("replace", len(PARTICIPANTS) - 1)
    assert result["key"]["window_seconds"] >= 0
    assert again.changed == 0
    after = {name: quickstart.kept(f"jws_key/{name}")["private_key"] for name in PARTICIPANTS}
    assert {name for name in PARTICIPANTS if after[name] != before[name]} == {"perffsp-5"}
    # Everything that was signed with the key before is refused, what is signed with the new one is taken.
    quickstart.run().ok()


def test_mj_49_in_an_emergency_the_edge_refuses_what_was_stolen(
    quickstart: Quickstart, api: VaultApi, canaries: Canaries, tmp_path: pathlib.Path
) -> None:
    own, stolen = quickstart.directory / "certificates" / "perffsp-6", tmp_path / "stolen"
    shutil.copytree(own, stolen)
    canaries.record((stolen / "key.pem").read_text(), "private key")
    before = quickstart.kept("jws_key/perffsp-6")["private_key"]
    probes = [
        {"name": name, "client_cert": f"{pair}/fullchain.pem", "client_key": f"{pair}/key.pem", "path": "/"}
        for name, pair in (("stolen", stolen), ("own", own))
    ]
    server = {"host": "localhost", "port": quickstart.ports["edge"], "ca_cert": str(own / "ca.pem")}

    def outcomes() -> list[tuple[str, str | None]]:
        results = quickstart.runner.module("tls_probe_info", {**server, "probes": probes}).ok().result["results"]
        return [(result["outcome"], result["reason"]) for result in results]

    assert outcomes() == [("accepted", None), ("accepted", None)]
    moment = datetime.datetime.now(tz=datetime.timezone.utc)
    given = ["-e", f"@{quickstart.directory}/rotation.yml", "-e", "participant=perffsp-6"]
    given += ["-e", f"compromised_at={moment:%Y-%m-%dT%H:%M:%SZ}"]

    first = quickstart.run("emergency_key_rotation", *given).ok()
    report = first.task("Report the emergency").result["msg"]
    assert (report["certificates"], report["signing_key"]) == ({"perffsp-6": "replace"}, "replace")
    assert len(report["revoked"]) == 1
    assert outcomes() == [("refused", "revoked"), ("accepted", None)]
    assert quickstart.kept("jws_key/perffsp-6")["private_key"] != before
    changed = [each.task for each in quickstart.run().ok().tasks if each.changed and not each.item]
    assert changed == [PAGE], "the quickstart agrees with all of it, and tells of the new certificate"
