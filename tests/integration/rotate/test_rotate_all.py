# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every key that is older than its schedule is replaced, and nothing else."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import typing as t

import pytest

from tests.integration.certificate.conftest import Estate
from tests.integration.jws_key.conftest import NAMES, Mesh
from tests.rigs.runner import PlayResult, Runner

PLAYBOOK = "trustmesh.security.rotate_all_keys"
OLD = "2026-01-31T12:00:00Z"
KINDS = {"jws_key": "perffsp-1", "ilp_secret": "perffsp-1", "jwt_key": "issuer", "api_key": "client"}
KINDS |= {"noise_key": "alice"}


class Stock:
    """Two or three keys of every kind, and the playbook."""

    def __init__(self, runner: Runner, mesh: Mesh, estate: Estate, transit: str) -> None:
        self.runner, self.mesh, self.estate, self.transit = runner, mesh, estate, transit
        people = [{"name": name} for name in NAMES]
        custody = {"mount": mesh.mount}
        certificate = {name: value for name, value in estate.args().items() if name not in mesh.connection}
        certificate["certificates"] = [{"name": name, "common_name": f"{name}.svc.example"} for name in NAMES[:2]]
        self.declared: dict[str, dict[str, t.Any]] = {
            "certificate": {**certificate, "ttl": "30d"},
            "jws_key": {**mesh.args(), "path": "jws_key/{name}"},
            "ilp_secret": {**custody, "participants": people},
            "jwt_key": {
                **custody,
                "lead": "1s",
                "issuers": [{"name": "issuer", "algorithm": "ES256"}, {"name": "other", "algorithm": "EdDSA"}],
                "publish": [{"kind": "directory", "path": str(mesh.base / "key-sets")}],
            },
            "api_key": {**custody, "clients": [{"name": "client"}, {"name": "another"}]},
            "noise_key": {**custody, "peers": [{"name": "alice"}, {"name": "bob"}]},
            "vault_transit_key": {"mount": transit, "keys": [{"name": "hub", "type": "aes256-gcm96"}]},
        }
        self.record = mesh.base / "record.json"
        for module, options in self.declared.items():
            runner.module(module, {**mesh.connection, **options}).ok()

    def path(self, kind: str) -> str:
        return f"{self.mesh.mount}/data/{kind}/{KINDS[kind]}"

    def held(self, kind: str) -> dict[str, t.Any]:
        """Return the record of the key that grows old, and note its secrets."""
        answer = self.mesh.vault.api.read(self.path(kind))
        assert answer is not None, kind
        data = t.cast("dict[str, t.Any]", answer["data"])
        for generation in (data, data.get("next") or {}, *data.get("previous", ())):
            for name in ("private_key", "secret", "api_key"):
                if name in generation:
                    self.mesh.canaries.record(generation[name], f"{name} of {kind}")
        return data

    def grow_old(self) -> None:
        """Let one key of each kind be of another month."""
        for kind in KINDS:
            self.mesh.vault.api.write(self.path(kind), data={**self.held(kind), "created": OLD, "activated": OLD})
        store = self.estate.directory / ".trustmesh" / NAMES[0]
        name = os.readlink(store / "current")
        aged = re.sub(r"^g-\w+-", "g-20260131T120000Z-", name)
        (store / name).rename(store / aged)
        (store / "current").unlink()
        (store / "current").symlink_to(aged)

    def rotate(self, schedule: t.Any, *, check: bool = False, **more: t.Any) -> PlayResult:
        given = {f"rotate_all_{module}": options for module, options in self.declared.items()}
        given |= {"rotate_all_vault": self.mesh.connection, "rotation_schedule": schedule}
        variables = self.mesh.base / "variables.json"
        variables.write_text(json.dumps({**given, "rotate_all_record": str(self.record), **more}))
        return self.runner.playbook(PLAYBOOK, check=check, arguments=["-e", f"@{variables}"], name="rotate_all_keys")


def report(play: PlayResult) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", play.task("Report what was due and what comes next").result["msg"])


def names(rows: list[dict[str, t.Any]]) -> set[tuple[str, str]]:
    return {(row["what"], row["name"]) for row in rows}


@pytest.fixture
def stock(runner: Runner, mesh: Mesh, estate: Estate, unique_name: t.Any) -> Stock:
    """Keys that were all made just now."""
    transit = unique_name("transit")
    mesh.vault.api.write(f"sys/mounts/{transit}", type="transit")
    return Stock(runner, mesh, estate, transit)


def test_mj_36_what_is_older_than_its_schedule_is_replaced_once(stock: Stock, audit_window: t.Any) -> None:
    fresh = report(stock.rotate("monthly").ok())
    assert fresh["replaced"] == []
    stock.grow_old()
    before = {kind: stock.held(kind) for kind in KINDS}
    serial = stock.estate.certificate(NAMES[0]).serial_number
    due = {("certificate", NAMES[0]), *KINDS.items()}

    foretold = report(stock.rotate("monthly", check=True).ok())
    assert names(foretold["replaced"]) == due
    assert foretold["check_mode"] is True
    assert not any(row["created"] for row in foretold["replaced"]), "no key was made"
    assert {kind: stock.held(kind) for kind in KINDS} == before

    done = report(stock.rotate("monthly").ok())
    assert names(done["replaced"]) == due
    # Two certificates, three participants with two things each, two issuers, clients and peers, a transit key.
    assert len(done["replaced"]) + len(done["left_alone"]) == 2 + 3 + 3 + 2 + 2 + 2 + 1
    assert {row["action"] for row in done["replaced"]} == {"replace"}
    today = datetime.datetime.now(datetime.timezone.utc)
    assert done["next"] == (today.replace(day=1) + datetime.timedelta(days=32)).strftime("%Y-%m-01T00:00:00Z")
    after = {kind: stock.held(kind) for kind in KINDS}
    for kind in KINDS:
        assert after[kind]["created"] > OLD, f"the {kind} in use is a new one, its wait is over"
        assert not after[kind].get("next")
    assert stock.estate.certificate(NAMES[0]).serial_number != serial
    written = json.loads(stock.record.read_text())
    assert written["jws_key"]["perffsp-1"] == after["jws_key"]["created"]
    assert set(written) == set(stock.declared)

    with audit_window() as window:
        again = stock.rotate("monthly").ok()
    assert again.changed == 0
    assert window.writes == []
    assert report(again)["replaced"] == []


def test_pk_11_a_schedule_of_seconds_for_one_kind(stock: Stock) -> None:
    stock.grow_old()
    years = (datetime.datetime.now(datetime.timezone.utc).year - 1969) * 366 * 86400
    done = report(stock.rotate(years, rotation_schedules={"noise_key": 86400}).ok())
    assert names(done["replaced"]) == {("noise_key", "alice")}, "since 1970 no other period has begun"
    (row,) = done["replaced"]
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    assert (row["schedule"], row["next"]) == (86400, tomorrow.strftime("%Y-%m-%dT00:00:00Z"))
    assert done["next"] == row["next"]


def test_one_kind_that_fails_does_not_keep_the_others(stock: Stock, tmp_path: pathlib.Path) -> None:
    stock.grow_old()
    stock.declared["api_key"]["mount"] = "nowhere"
    enforced = tmp_path / "enforced"
    (tmp_path / "enforce.yml").write_text(
        "- name: Have it used\n  ansible.builtin.copy:\n    content: used\n"
        f"    dest: {enforced}\n    mode: '0600'\n  when: rotate_all_replaced | bool\n"
    )
    failed = stock.rotate("monthly", rotate_all_enforce=str(tmp_path / "enforce.yml"))
    assert failed.rc != 0
    (failure,) = report(failed)["failures"]
    assert failure.startswith("api_key: ")
    assert names(report(failed)["replaced"]) == {("certificate", NAMES[0]), *KINDS.items()} - {("api_key", "client")}
    assert enforced.read_text() == "used"


def test_a_schedule_that_means_nothing_is_refused(stock: Stock, audit_window: t.Any) -> None:
    with audit_window() as window:
        refused = stock.rotate("fortnightly")
    assert refused.rc != 0
    assert "Not understood: fortnightly" in refused.stdout
    assert window.requests == []


def test_the_report_lists_keys_alone_and_names_those_that_nobody_replaces(stock: Stock) -> None:
    """A participant disappears from the list, and with it its key from a place, which is no key itself."""
    declared = stock.declared["jws_key"]
    declared["publish"] = [{**declared["publish"][0], "prune": True}]
    declared["participants"] = [entry for entry in declared["participants"] if entry["name"] != "perffsp-2"]
    stock.declared["ilp_secret"]["participants"] = declared["participants"]
    done = report(stock.rotate("monthly").ok())
    assert {name for what, name in names(done["replaced"] + done["left_alone"]) if what == "jws_key"} == {*NAMES} - {
        "perffsp-2"
    }
    assert done["undeclared"] == [{"what": "ilp_secret", "name": "perffsp-2"}]
    assert not (stock.mesh.base / "hub" / "trust" / "perffsp-2.pem").exists()


def test_a_key_that_waits_for_longer_than_the_run_is_a_failure(stock: Stock) -> None:
    stock.declared = {"jwt_key": {**stock.declared["jwt_key"], "lead": "1h"}}
    stock.mesh.vault.api.write(stock.path("jwt_key"), data={**stock.held("jwt_key"), "created": OLD, "activated": OLD})
    waiting = stock.rotate("monthly", rotation_wait=0)
    assert waiting.rc != 0
    assert report(waiting)["failures"] == [
        "jwt_key: issuer has to be published for longer than rotation_wait before it is used (lead). Run this again "
        "later, or raise rotation_wait."
    ]
