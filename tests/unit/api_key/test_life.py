# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a client's keys over real files: who gets to see what, and what the service accepts all the while."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.reconcile import Batch, Outcome, reconcile
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._keyring.api_key import digest, generate, recognise
from plugins.module_utils._keyring.api_key_resource import ITEM_OPTIONS, SHAPE, ApiKeyResource
from plugins.module_utils._keyring.directory import DirectoryPublisher
from plugins.module_utils._keyring.documents import SUFFIX
from plugins.module_utils._keyring.file_custody import FileCustody, Projection
from plugins.module_utils._keyring.keyring import Keyring
from plugins.module_utils._keyring.publisher import Target

START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
PERMISSIONS = ["certificate:validate", "trust:query"]
PEPPER = "a pepper for the tests of records only"


class Client:
    """One client with its key in a file and its record in a directory of the service."""

    def __init__(self, base: pathlib.Path) -> None:
        self.base = base
        self.clock = START
        self.services = ["service"]

    def batch(self, pepper: str | None = None, **declared: t.Any) -> Batch:
        custody = FileCustody(str(self.base / "client"), "api_key", [Projection("api_key", "{name}.key", Attributes())])
        targets = [Target(DirectoryPublisher(str(self.base / name), suffix=SUFFIX)) for name in self.services]
        keyring = Keyring(custody, targets, SHAPE, lambda: self.clock)
        usual = {option: spec.get("default") for option, spec in ITEM_OPTIONS.items()}
        item = {**usual, "name": "integration-service", "permissions": PERMISSIONS, **declared}
        resource = ApiKeyResource.declared(item, keyring, None if pepper is None else Secret(pepper))
        return Batch([resource], reads_here=True, transaction=keyring)

    def run(self, *, check: bool = False, **declared: t.Any) -> Outcome:
        (outcome,) = reconcile(self.batch(**declared), check_mode=check, clock=lambda: self.clock)
        assert outcome.error is None, str(outcome.error)
        return outcome

    def refusal(self, **declared: t.Any) -> str:
        (outcome,) = reconcile(self.batch(**declared), check_mode=False, clock=lambda: self.clock)
        return str(outcome.error)

    def later(self, **span: int) -> None:
        self.clock += datetime.timedelta(**span)

    @property
    def key_file(self) -> pathlib.Path:
        return self.base / "client" / "integration-service.key"

    @property
    def record_file(self) -> pathlib.Path:
        return self.base / "service" / "integration-service.json"

    @property
    def key(self) -> str:
        return self.key_file.read_text()

    @property
    def record(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads(self.record_file.read_text()))

    def accepted(self, key: str, pepper: str | None = None) -> bool:
        return bool(recognise(key, self.record, self.clock, pepper=None if pepper is None else Secret(pepper)))

    def note_use(self, count: int) -> None:
        """Write what a service writes: when and how often its first key was used."""
        document = self.record
        document["keys"][0].update(use_count=count, last_used_at="2026-01-02T08:00:00Z")
        self.record_file.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


@pytest.fixture
def client(tmp_path: pathlib.Path) -> Client:
    return Client(tmp_path)


def test_client_gets_the_key_and_the_service_its_digest(client: Client) -> None:
    assert client.run(check=True).plan.action.value == "create"
    assert not list(client.base.iterdir()), "check mode writes nothing"
    made = client.run()
    assert client.run().plan.action.value == "none"
    assert client.key.startswith("tm_live_")
    assert client.key_file.stat().st_mode & 0o777 == 0o600
    assert client.accepted(client.key)
    assert client.record == {
        "client": "integration-service",
        "permissions": PERMISSIONS,
        "keys": [
            {
                "id": made.facts["key_id"],
                "status": "current",
                "prefix": "tm_live_",
                "hash_algorithm": "sha256",
                "hash": client.record["keys"][0]["hash"],
                "created": "2026-01-01T12:00:00Z",
                "expires": None,
                "last_used_at": None,
                "use_count": 0,
            }
        ],
    }
    assert made.facts["permissions"] == PERMISSIONS
    for text in (client.record_file.read_text(), str(made.facts), str(made.plan.diff("x")), str(made.plan.reasons)):
        assert client.key not in text
        assert client.key[len("tm_live_") : -6] not in text


def test_key_before_is_accepted_for_the_overlap(client: Client) -> None:
    declared = {"max_age": "90d", "overlap": "24h"}
    client.run(**declared)
    before = client.key
    client.later(days=90, seconds=1)
    assert client.run(**declared).plan.action.value == "replace"
    assert client.key != before
    assert client.accepted(before)
    assert client.accepted(client.key)
    assert [entry["status"] for entry in client.record["keys"]] == ["current", "previous"]
    assert client.record["keys"][1]["expires"] == "2026-04-02T12:00:01Z"
    client.later(hours=24)
    assert not client.accepted(before), "the record says when, even if nothing runs by then"
    assert client.run(**declared).plan.action.value == "update"
    assert [entry["status"] for entry in client.record["keys"]] == ["current"]
    assert client.run(**declared).plan.action.value == "none"


def test_service_knows_the_next_key_before_the_client_uses_it(client: Client) -> None:
    declared = {"max_age": "90d", "lead": "1h"}
    client.run(**declared)
    before = client.key
    client.later(days=91)
    client.run(**declared)
    assert client.key == before
    assert [entry["status"] for entry in client.record["keys"]] == ["current", "next"]
    client.later(hours=1)
    client.run(**declared)
    assert client.key != before
    assert client.accepted(client.key)
    assert client.accepted(before)


def test_key_that_ends_is_replaced_before_it_does(client: Client) -> None:
    declared = {"lifetime": "30d", "overlap": "24h", "lead": "1h"}
    client.run(**declared)
    assert client.record["keys"][0]["expires"] == "2026-01-31T12:00:00Z"
    keys = {client.key}
    for _run in range(4 * 70):
        client.later(hours=6)
        client.run(**declared)
        keys.add(client.key)
        assert client.accepted(client.key), client.clock
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"lifetime": "24h"}, "lifetime: a key that lives 1d would end before"),
        ({"lifetime": "90d", "max_age": "90d"}, "lifetime: a key that lives 90d would end before"),
        ({"lifetime": "90d", "max_age": "2132h1s", "lead": "4h"}, "lifetime: a key that lives 90d would end before"),
        ({"lifetime": "32h", "lead": "4h"}, "lifetime: a key that lives 1d8h would end before"),
        ({"lifetime": "long"}, "lifetime: 'long' is not a duration"),
        ({"bits": 255}, "bits: 255 is out of range"),
        ({"bits": 1025}, "bits: 1025 is out of range"),
        ({"prefix": "TM"}, "prefix: 'TM' cannot begin a key"),
        ({"permissions": ["trust query"]}, "permissions: 'trust query' is not a permission"),
        ({"name": "a/b"}, "name: 'a/b' cannot name files"),
    ],
)
def test_declaration_that_cannot_be_made_true_is_refused(
    client: Client, declared: dict[str, t.Any], problem: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        client.batch(**declared)
    assert str(refusal.value).startswith(problem)


@pytest.mark.parametrize(
    "declared",
    [
        {"bits": 1024},
        {"bits": 256},
        {"lifetime": "90d", "max_age": "89d"},
        {"lifetime": "90d", "max_age": "2131h", "lead": "5h"},
        {"lifetime": "33h", "lead": "4h"},
    ],
    ids=str,
)
def test_declaration_that_just_can_be_made_true_is_taken(client: Client, declared: dict[str, t.Any]) -> None:
    assert client.run(**declared).plan.action.value == "create"
    assert client.accepted(client.key)
    assert client.run(**declared).plan.action.value == "none"


def test_when_a_key_ends_is_told_of_one_that_does(client: Client) -> None:
    assert client.run().facts["expires"] is None
    assert client.run(lifetime="30d").facts["expires"] == "2026-01-31T12:00:00Z"


def test_record_is_laid_out_for_people(client: Client) -> None:
    client.run()
    lines = client.record_file.read_text().splitlines()
    assert [line.partition(":")[0] for line in lines if line.startswith(' "')] == [
        ' "client"',
        ' "keys"',
        ' "permissions"',
    ]


def test_key_that_was_damaged_in_custody_is_a_mismatch(client: Client) -> None:
    client.run()
    store = client.base / "client/.trustmesh-api_key/integration-service/current"
    kept = json.loads((store / "record.json").read_text())
    damaged = kept["api_key"][:-1] + ("0" if kept["api_key"][-1] != "0" else "1")
    for name, text in (("record.json", json.dumps({**kept, "api_key": damaged})), ("api_key", damaged)):
        (store / name).write_text(text)
    assert "the key is damaged: its checksum does not fit" in client.refusal()
    assert client.run(on_mismatch="replace").plan.action.value == "replace"
    assert client.accepted(client.key)


def test_permissions_change_without_a_new_key(client: Client) -> None:
    client.run()
    key = client.key
    changed = client.run(permissions=["trust:query"])
    assert changed.plan.action.value == "update"
    assert client.key == key
    assert client.record["permissions"] == ["trust:query"]
    assert client.run(permissions=["trust:query"]).plan.action.value == "none"
    assert client.run(permissions=[*reversed(PERMISSIONS), *PERMISSIONS]).plan.action.value == "update"
    assert client.run(permissions=PERMISSIONS).plan.action.value == "none", "order and repetition mean nothing"


def test_use_that_the_service_noted_is_no_difference_and_outlives_our_writing(client: Client) -> None:
    client.run()
    client.note_use(41)
    seen = client.run()
    assert seen.plan.action.value == "none"
    assert (seen.facts["use_count"], seen.facts["last_used_at"]) == (41, "2026-01-02T08:00:00Z")
    client.run(permissions=["trust:query"])
    assert client.record["keys"][0]["use_count"] == 41
    client.later(days=91)
    client.run(max_age="90d", permissions=["trust:query"])
    assert [(entry["status"], entry["use_count"]) for entry in client.record["keys"]] == [
        ("current", 0),
        ("previous", 41),
    ]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ((5, "2026-01-02T08:00:00Z"), (7, "2026-01-01T08:00:00Z"), (7, "2026-01-01T08:00:00Z")),
        ((7, None), (5, "2026-01-02T08:00:00Z"), (7, None)),
        ((5, "2026-01-02T08:00:00Z"), (5, "2026-01-03T08:00:00Z"), (5, "2026-01-03T08:00:00Z")),
        ((5, None), (5, "2026-01-03T08:00:00Z"), (5, "2026-01-03T08:00:00Z")),
        ((5, "2026-01-03T08:00:00Z"), (5, None), (5, "2026-01-03T08:00:00Z")),
    ],
)
def test_of_what_several_services_noted_the_most_is_told(
    client: Client, first: t.Any, second: t.Any, told: t.Any
) -> None:
    client.services = ["service", "another"]
    client.run()
    for name, (count, last) in zip(client.services, (first, second)):
        path = client.base / name / "integration-service.json"
        document = json.loads(path.read_text())
        document["keys"][0].update(use_count=count, last_used_at=last)
        path.write_text(json.dumps(document))
    facts = client.run().facts
    assert (facts["use_count"], facts["last_used_at"]) == told


def test_what_is_noted_is_read_again_each_time(client: Client) -> None:
    """An item is read before its lock is taken and again after."""
    client.run()
    (resource,) = client.batch().resources
    for count in (5, 3):
        client.note_use(count)
        assert resource.describe(resource.read())["use_count"] == count
        t.cast(Keyring, t.cast(ApiKeyResource, resource).keyring).commit()


@pytest.mark.parametrize(
    "noted",
    [
        {"use_count": -1, "last_used_at": "yesterday"},
        {"use_count": True, "last_used_at": ["2026-01-02T08:00:00Z"]},
        {"use_count": {"a": 1}, "last_used_at": 3},
        {"use_count": None, "last_used_at": "x" * 10000},
    ],
)
def test_use_that_means_nothing_goes_no_further(client: Client, noted: dict[str, t.Any]) -> None:
    client.run()
    document = client.record
    document["keys"][0].update(noted)
    client.record_file.write_text(json.dumps(document))
    seen = client.run()
    assert (seen.facts["use_count"], seen.facts["last_used_at"]) == (0, None)
    client.run(permissions=["trust:query"])
    assert (client.record["keys"][0]["use_count"], client.record["keys"][0]["last_used_at"]) == (0, None)


def test_digest_with_a_pepper(client: Client) -> None:
    client.run()
    key = client.key
    assert client.run(pepper=PEPPER).plan.action.value == "update"
    assert client.key == key
    assert client.record["keys"][0]["hash_algorithm"] == "hmac-sha256"
    assert client.accepted(key, PEPPER)
    assert not client.accepted(key)
    assert client.run(pepper=PEPPER).plan.action.value == "none"
    assert PEPPER not in client.record_file.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"keys": 3}', '{"keys": [3, {"id": 1, "use_count": "x"}]}'])
def test_record_that_was_tampered_with_is_written_anew(client: Client, text: str) -> None:
    client.run()
    client.record_file.write_text(text)
    assert client.run().plan.action.value == "update"
    assert client.accepted(client.key)
    assert client.run().plan.action.value == "none"


def test_hash_that_somebody_added_is_removed(client: Client) -> None:
    client.run()
    intruder, document = generate("tm_live_", 256).reveal(), client.record
    document["keys"].append({"id": "0", "hash_algorithm": "sha256", "hash": digest(intruder)[1]})
    client.record_file.write_text(json.dumps(document))
    assert client.accepted(intruder)
    assert client.run().plan.action.value == "update"
    assert not client.accepted(intruder)


def test_other_prefix_and_more_bits_are_reasons(client: Client) -> None:
    client.run()
    assert "prefix is tm_live_, declared tm_admin_" in client.refusal(prefix="tm_admin_")
    assert "the key has 256 random bits, declared 384" in client.refusal(bits=384)
    before = client.key
    assert client.run(prefix="tm_admin_", on_mismatch="replace").plan.action.value == "replace"
    assert client.key.startswith("tm_admin_")
    assert client.accepted(before)
    assert [entry["prefix"] for entry in client.record["keys"]] == ["tm_admin_", "tm_live_"]


def test_key_of_before_is_adopted_if_it_is_one(client: Client) -> None:
    client.key_file.parent.mkdir()
    key = generate("tm_live_", 256).reveal()
    client.key_file.write_text(key)
    made = client.run()
    assert made.plan.reasons[0] == "exists and is adopted"
    assert client.key == key
    assert client.accepted(key)


def test_text_that_is_no_key_is_left_alone(client: Client) -> None:
    client.key_file.parent.mkdir()
    client.key_file.write_text("hunter2")
    assert "holds something that is not a key of this form" in client.refusal()
    assert client.key == "hunter2"
    assert client.run(on_mismatch="replace").plan.action.value == "create"
    assert client.accepted(client.key)


def test_removal_takes_the_record_back(client: Client) -> None:
    client.run()
    assert client.run(state="absent").plan.action.value == "delete"
    assert not client.record_file.exists()
    assert not client.key_file.exists()
    assert client.run(state="absent").plan.action.value == "none"
