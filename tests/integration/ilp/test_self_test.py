# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ilp_self_test on secrets that ilp_secret keeps, and filters and tests of packets in templates."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._ilp.agreement import agree
from plugins.module_utils._ilp.examination import examine
from plugins.module_utils._ilp.secret import generate
from tests.rigs.canary import Canaries
from tests.rigs.node import Peer
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import PlayResult, Runner
from tests.unit.ilp.samples import QUOTE

NAMES: t.Final = ["hub", "perffsp-1", "perffsp-2"]
VERDICTS: t.Final = "Print the verdicts"


@pytest.fixture
def self_test(runner: Runner, vault: OpenBao, tmp_path: pathlib.Path) -> Callable[..., PlayResult]:
    """Run the playbook with variables, which reach it by a file, and with the token in its environment."""
    environment = {"VAULT_TOKEN": vault.root_token}
    reach = {"ilp_self_test_vault": {"url": vault.url, "ca_cert": vault.ca_path}}

    def run(**variables: t.Any) -> PlayResult:
        given = tmp_path / "variables.json"
        given.write_text(json.dumps({**reach, **variables}))
        return runner.playbook(
            "trustmesh.security.ilp_self_test", arguments=["-e", f"@{given}"], env=environment, name="ilp_self_test"
        )

    return run


@pytest.fixture
def mount(vault: OpenBao, unique_name: Callable[[str], str]) -> str:
    """A key-value engine of version 2."""
    path = unique_name("kv")
    vault.api.write(f"sys/mounts/{path}", type="kv", options={"version": "2"})
    vault.wait_until(lambda: vault.api.request("GET", f"{path}/data/none").status == 404, what="the new engine")
    return path


def _rows(result: PlayResult) -> list[tuple[str, ...]]:
    """Return the table, one tuple per line: participant, version, secret, valid, refused, what is wrong."""
    lines = result.task(VERDICTS).result["msg"]
    return [tuple(re.split(r" {2,}", line.strip(), maxsplit=5)) for line in lines[1:]]


def test_mj_29_secrets_that_are_kept_pass(
    self_test: Callable[..., PlayResult],
    run_module: t.Any,
    connection: dict[str, str],
    vault: OpenBao,
    mount: str,
    canaries: Canaries,
) -> None:
    participants = [{"name": name} for name in NAMES]
    run_module("ilp_secret", {**connection, "mount": mount, "participants": participants}).ok()
    for name in NAMES:
        answer = vault.api.read(f"{mount}/data/ilp_secret/{name}")
        assert answer is not None
        canaries.record(answer["data"]["secret"], f"secret of {name}")
    result = self_test(ilp_self_test_participants=NAMES, ilp_self_test_mount=mount).ok()
    assert _rows(result) == [(name, version, "strong", "yes", "4 of 4") for name in NAMES for version in ("v1", "v4")]
    assert result.changed == 0
    assert "All 6 packets are valid" in str(result.task("Give the verdict").result)


def test_trap_jws_10_published_weak_shared_and_empty_secrets_fail(
    self_test: Callable[..., PlayResult], canaries: Canaries
) -> None:
    sound, shared = (canaries.record(generate(), "secret") for _place in range(2))
    secrets = {"sound": sound, "default": "mojaloop-sdk", "one": shared, "two": shared, "none": ""}
    result = self_test(ilp_self_test_secrets=secrets, ilp_self_test_versions=["v1"])
    assert result.rc != 0
    assert _rows(result) == [
        ("sound", "v1", "strong", "yes", "4 of 4"),
        ("default", "v1", "weak", "yes", "4 of 4", "the secret is published or weak"),
        ("one", "v1", "strong", "yes", "4 of 4", "the secret is that of two"),
        ("two", "v1", "strong", "yes", "4 of 4", "the secret is that of one"),
        ("none", "v1", "weak", "no", "0 of 4", "the secret is empty"),
    ]
    verdict = result.task("Give the verdict").result["msg"]
    assert verdict == "4 of 5 are not as they should be: default, one, two, none."


def test_secret_that_is_missing_is_named(self_test: Callable[..., PlayResult], mount: str) -> None:
    result = self_test(ilp_self_test_participants=["nobody"], ilp_self_test_mount=mount)
    assert result.rc != 0
    assert f"{mount}/ilp_secret/nobody" in result.stdout + result.stderr
    assert self_test().rc != 0, "nobody is no participant"


@pytest.mark.parametrize("packets", ["v1", "v4"])
def test_mj_29_vectors_are_valid_to_the_library_of_adapters(
    self_test: Callable[..., PlayResult], peer: Peer, packets: str
) -> None:
    secret = generate()
    result = self_test(
        ilp_self_test_secrets={"PayeeFsp": secret},
        ilp_self_test_versions=[packets],
        ilp_self_test_vectors=True,
        ilp_self_test_expires_in="2h",
    ).ok()
    (row,) = result.task("Print the vectors").result["msg"]
    vector = row["vector"]
    about = {"version": "19.19.1", "packets": packets, "secret": secret}
    assert peer.call("ilp.fulfils", fulfilment=vector["fulfilment"], condition=vector["condition"], **about) is True
    assert peer.call("ilp.fulfilment", packet=vector["ilpPacket"], **about) == vector["fulfilment"]
    assert (
        peer.call("ilp.transaction", packet=vector["ilpPacket"], **about)["payee"]["partyIdInfo"]["fspId"] == "PayeeFsp"
    )
    assert len(vector["condition"]) == len(vector["fulfilment"]) == 43


def test_templates_make_the_same_octets(play: t.Any) -> None:
    """What templates hand over is marked by Ansible and of types of its own."""
    secret = generate()
    task = {
        "name": "make",
        "ansible.builtin.set_fact": {
            "v1": "{{ quote | trustmesh.security.ilp_packet(secret) }}",
            "v4": "{{ quote | combine({'note': 'rent'}) | trustmesh.security.ilp_packet(secret, version='v4') }}",
        },
    }
    check = {
        "name": "check",
        "ansible.builtin.assert": {
            "that": [
                "v1.fulfilment is trustmesh.security.ilp_fulfils(v1.condition)",
                "v1.fulfilment is not trustmesh.security.ilp_fulfils(v4.condition)",
                "(v4.fulfilment | trustmesh.security.ilp_condition) == v4.condition",
                "(v1.ilpPacket | trustmesh.security.ilp_decode).transaction == quote",
                "(v4 | combine(wrong) | trustmesh.security.ilp_valid(secret)).problems[0].code == 'transfer'",
                "secret is trustmesh.security.ilp_strong_secret",
                "'mojaloop-sdk' is not trustmesh.security.ilp_strong_secret",
            ]
        },
    }
    result = play([task, check], variables={"quote": QUOTE, "secret": secret, "wrong": {"payeeFsp": "other"}}).ok()
    facts = result.task("make").result["ansible_facts"]
    for version in ("v1", "v4"):
        made = agree(QUOTE, secret, version).shown()
        assert {name: facts[version][name] for name in made} == made
        assert examine(facts[version], secret=secret)
