# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of object climbs the ladder on a server in memory: foretold, made, left alone, mended, removed."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils._core.plan import Action
from plugins.module_utils._core.reconcile import Outcome, reconcile
from plugins.module_utils._core.sections import Section
from plugins.module_utils._vault.approle import APPROLES
from plugins.module_utils._vault.connection import WORKERS
from plugins.module_utils._vault.kv import SECRETS
from plugins.module_utils._vault.mount import MOUNTS
from plugins.module_utils._vault.pki_config import ENGINES
from plugins.module_utils._vault.pki_role import PKI_ROLES
from plugins.module_utils._vault.policy import POLICIES
from plugins.module_utils._vault.transit_key import TRANSIT_KEYS
from tests.unit.vault.memory import Data, Memory
from tests.unit.vault.subjects import completed

NOON: t.Final = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


@dataclasses.dataclass(frozen=True)
class Case:
    """One object: what is declared, where it is kept, what others change in it, and what that does to a plan."""

    section: Section[t.Any]
    declare: Data
    #: The requests that make it, as (method, place, body).
    made: list[tuple[str, str, Data]]
    place: str
    drift: Data
    reasons: list[str]
    mended: list[tuple[str, str, Data]]
    removed: list[tuple[str, str]] | None = None
    give_up: Data = dataclasses.field(default_factory=dict)


CASES: t.Final = {
    "policy": Case(
        POLICIES,
        {"name": "Reader", "rules": 'path "a" { capabilities = ["read"] }'},
        [
            (
                "post",
                "sys/policies/acl/reader",
                {"policy": 'path "a" { capabilities = ["read"] }\n'},
            )
        ],
        "sys/policies/acl/reader",
        {"policy": "# emptied\n"},
        [],
        [("post", "sys/policies/acl/reader", {"policy": 'path "a" { capabilities = ["read"] }\n'})],
        [("delete", "sys/policies/acl/reader")],
    ),
    "approle": Case(
        APPROLES,
        {"name": "Svc", "token_ttl": "1h", "token_policies": ["b", "a"], "role_id": "fixed"},
        [
            ("post", "auth/approle/role/svc", {"token_ttl": 3600, "token_policies": ["a", "b"]}),
            ("post", "auth/approle/role/svc/role-id", {"role_id": "fixed"}),
        ],
        "auth/approle/role/svc",
        {"token_ttl": 7200},
        ["token_ttl is 7200, declared 3600"],
        [("post", "auth/approle/role/svc", {"token_ttl": 3600})],
        [("delete", "auth/approle/role/svc")],
    ),
    "role id": Case(
        APPROLES,
        {"name": "svc", "role_id": "fixed"},
        [("post", "auth/approle/role/svc", {}), ("post", "auth/approle/role/svc/role-id", {"role_id": "fixed"})],
        "auth/approle/role/svc/role-id",
        {"role_id": "other"},
        ["role_id is other, declared fixed"],
        [("post", "auth/approle/role/svc/role-id", {"role_id": "fixed"})],
    ),
    "transit key": Case(
        TRANSIT_KEYS,
        {"name": "k", "type": "ed25519", "min_encryption_version": 1, "exportable": True},
        [
            ("post", "transit/keys/k", {"type": "ed25519", "exportable": True}),
            ("post", "transit/keys/k/config", {"min_encryption_version": 1}),
        ],
        "transit/keys/k",
        {"min_encryption_version": 0},
        ["min_encryption_version is 0, declared 1"],
        [("post", "transit/keys/k/config", {"min_encryption_version": 1})],
        [("post", "transit/keys/k/config"), ("delete", "transit/keys/k")],
        {"deletion_allowed": True},
    ),
    "key of an age": Case(
        TRANSIT_KEYS,
        {"name": "k", "type": "aes256-gcm96", "not_before": "2023-11-14T22:13:20Z"},
        [("post", "transit/keys/k", {"type": "aes256-gcm96"})],
        "transit/keys/k",
        {"keys": {"1": 1699999999}},
        ["version 1 was made before 2023-11-14T22:13:20+00:00"],
        [("post", "transit/keys/k/rotate", {})],
    ),
    "role of an engine": Case(
        PKI_ROLES,
        {"mount": "pki", "name": "web", "ttl": "1h", "allow_ip_sans": True},
        [
            (
                "post",
                "pki/roles/web",
                {"ttl": 3600, "allow_ip_sans": True, "allow_wildcard_certificates": False, "allow_localhost": False},
            )
        ],
        "pki/roles/web",
        {"allow_ip_sans": False, "max_ttl": 60},
        ["allow_ip_sans is false, declared true"],
        [("patch", "pki/roles/web", {"allow_ip_sans": True})],
        [("delete", "pki/roles/web")],
    ),
    "configuration of an engine": Case(
        ENGINES,
        {"mount": "pki", "crl": {"expiry": "5d"}, "urls": {"ocsp_servers": ["http://a.example"]}},
        [
            ("post", "pki/config/urls", {"ocsp_servers": ["http://a.example"]}),
            ("post", "pki/config/crl", {"expiry": 432000}),
        ],
        "pki/config/crl",
        {"expiry": "72h", "disable": True},
        ["crl.expiry is 259200, declared 432000"],
        [("post", "pki/config/crl", {"expiry": 432000})],
    ),
    "engine": Case(
        MOUNTS,
        {"path": "db", "type": "database", "description": "d", "max_lease_ttl": "1d"},
        [("post", "sys/mounts/db", {"type": "database", "description": "d", "config": {"max_lease_ttl": 86400}})],
        "sys/mounts db/ config",
        {"max_lease_ttl": 60, "default_lease_ttl": 1},
        ["max_lease_ttl is 60, declared 86400"],
        [("post", "sys/mounts/db/tune", {"max_lease_ttl": 86400})],
        [("delete", "sys/mounts/db")],
    ),
    "login method": Case(
        MOUNTS,
        {"path": "ldap", "type": "ldap", "category": "auth", "token_type": "service"},
        [("post", "sys/auth/ldap", {"type": "ldap", "config": {"token_type": "service"}})],
        "sys/auth ldap/ config",
        {"token_type": "batch"},
        ["token_type is batch, declared service"],
        [("post", "sys/auth/ldap/tune", {"token_type": "service"})],
        [("delete", "sys/auth/ldap")],
    ),
    "secret": Case(
        SECRETS,
        {"mount": "kv2", "path": "a/b", "data": {"k": "v"}, "custom_metadata": {"owner": "x"}},
        [
            ("post", "kv2/metadata/a/b", {"custom_metadata": {"owner": "x"}}),
            ("post", "kv2/data/a/b", {"data": {"k": "v"}, "options": {"cas": 0}}),
        ],
        "kv2/data/a/b#1",
        {"k": "other", "kept": "z"},
        ["data.k differs"],
        [("post", "kv2/data/a/b", {"data": {"k": "v", "kept": "z"}, "options": {"cas": 1}})],
        [("delete", "kv2/data/a/b")],
    ),
    "secret without versions": Case(
        SECRETS,
        {"mount": "kv1", "path": "a/b", "data": {"k": "v"}},
        [("post", "kv1/a/b", {"k": "v"})],
        "kv1/a/b",
        {"k": "other", "kept": "z"},
        ["data.k differs"],
        [("post", "kv1/a/b", {"k": "v", "kept": "z"})],
        [("delete", "kv1/a/b")],
    ),
}
MOUNTED: t.Final = {"pki": "pki", "transit": "transit", "approle": "approle", "kv1": "kv1", "kv2": "kv2"}


def run(memory: Memory, section: Section[t.Any], item: Data, *, check: bool = False) -> Outcome:
    """Reconcile one item as its module does."""
    spec = section.spec
    checked = ArgumentSpecValidator(spec.argument_spec(), **spec.constraints()).validate({section.plural: [item]})
    assert not checked.error_messages
    batch = section.batch(memory.vault, t.cast("dict[str, t.Any]", checked.validated_parameters))
    memory.asked.clear()
    (outcome,) = reconcile(batch, check_mode=check, clock=lambda: NOON)
    return outcome


def sent(memory: Memory) -> list[tuple[str, str, Data]]:
    """Return what changed something since the last run began."""
    return [asked for asked in memory.asked if asked[0] not in ("get", "list")]


def tamper(memory: Memory, case: Case) -> None:
    """Change what is kept behind the back of whoever declared it."""
    if " " not in case.place:
        memory.objects[case.place].update(case.drift)
        return
    table, name, part = case.place.split()
    memory.tables[table][name][part].update(case.drift)


def each(wanted: t.Callable[[Case], bool] = lambda _case: True) -> pytest.MarkDecorator:
    """Run a test for every case that is wanted."""
    chosen = {name: case for name, case in CASES.items() if wanted(case)}
    return pytest.mark.parametrize("case", chosen.values(), ids=chosen)


@pytest.fixture
def memory() -> Memory:
    """A server with one engine of every kind."""
    return Memory(**MOUNTED)


@each()
def test_it_climbs_the_ladder(memory: Memory, case: Case) -> None:
    foretold = run(memory, case.section, case.declare, check=True)
    assert foretold.changed and foretold.error is None
    assert not sent(memory), "a check run changes nothing"

    made = run(memory, case.section, case.declare)
    assert made.error is None
    assert made.plan.changes == foretold.plan.changes
    assert sent(memory) == case.made
    assert made.facts

    again = run(memory, case.section, case.declare)
    assert again.error is None and not again.changed
    assert not sent(memory)
    assert again.facts == made.facts

    tamper(memory, case)
    mended = run(memory, case.section, case.declare)
    assert mended.error is None
    assert mended.plan.action is Action.UPDATE
    assert mended.plan.reasons == case.reasons or not case.reasons
    assert sent(memory) == case.mended
    assert not run(memory, case.section, case.declare, check=True).changed


@each(lambda case: case.removed is not None)
def test_it_is_removed_once(memory: Memory, case: Case) -> None:
    names = {"name", "mount", "path", "category"}
    gone = {**{name: value for name, value in case.declare.items() if name in names}, **case.give_up, "state": "absent"}
    assert not run(memory, case.section, gone).changed, "what is not there is removed"
    run(memory, case.section, case.declare)
    removed = run(memory, case.section, gone)
    assert (removed.error, removed.plan.action) == (None, Action.DELETE)
    assert memory.writes == case.removed
    assert not run(memory, case.section, gone).changed


@each(lambda case: case.section not in (MOUNTS, POLICIES))
def test_a_mount_that_is_not_there_yet_is_foretold_and_then_an_error(case: Case) -> None:
    memory = Memory()
    vault = memory.vault
    batch = case.section.batch(
        vault, completed(case.section.spec, **{t.cast(str, case.section.plural): [case.declare]})
    )
    (foretold,) = reconcile(batch, check_mode=True, clock=lambda: NOON)
    assert foretold.error is None and foretold.changed
    assert batch.warnings is vault.warnings and batch.workers == WORKERS
    assert any(text.startswith("vault_") and "nothing is mounted for" in text for text in batch.warnings)
    failed = run(memory, case.section, case.declare)
    assert failed.error is not None and "nothing is mounted for" in str(failed.error)


@pytest.mark.parametrize(
    ("said", "made_at"),
    [
        (1700000000, "2023-11-14T22:13:20+00:00"),
        ({"creation_time": "2023-11-14T22:13:20.123456789Z"}, "2023-11-14T22:13:20+00:00"),
    ],
    ids=str,
)
def test_a_key_is_as_old_as_the_server_says(memory: Memory, said: t.Any, made_at: str) -> None:
    run(memory, TRANSIT_KEYS, CASES["key of an age"].declare)
    memory.objects["transit/keys/k"]["keys"] = {"1": said}
    looked = run(memory, TRANSIT_KEYS, {"name": "k", "type": "aes256-gcm96"})
    assert (looked.error, looked.facts["made_at"]) == (None, made_at)


@pytest.mark.parametrize(("meanwhile", "rotated"), [(False, True), (True, False)])
def test_r22_two_runs_that_find_a_version_too_old_make_one(memory: Memory, meanwhile: bool, rotated: bool) -> None:
    item = {"name": "k", "type": "aes256-gcm96", "max_age": "7d"}
    memory.objects["transit/keys/k"] = {
        "type": "aes256-gcm96",
        "latest_version": 3,
        "keys": {"3": 1700000000},
        "name": "k",
    }
    looks: list[int] = []

    def look(_path: str, _body: Data) -> None:
        looks.append(1)
        if meanwhile and len(looks) == 2:
            memory.objects["transit/keys/k"].update(latest_version=4, keys={"4": int(NOON.timestamp())})

    memory.on("get", "transit/keys/k", look)
    outcome = run(memory, TRANSIT_KEYS, item)
    assert outcome.error is None
    assert outcome.changed is rotated
    assert [path for _method, path, _body in sent(memory)] == (["transit/keys/k/rotate"] if rotated else [])


@pytest.mark.parametrize(("shown", "public"), [("PEM", "PEM"), ("", None), (None, None)])
def test_the_public_key_of_the_newest_version_is_a_fact(memory: Memory, shown: str | None, public: str | None) -> None:
    version = {"creation_time": "2026-01-01T00:00:00Z", **({} if shown is None else {"public_key": shown})}
    memory.objects["transit/keys/k"] = {
        "type": "ecdsa-p256",
        "latest_version": 2,
        "keys": {"1": {"public_key": "old"}, "2": version},
        "name": "k",
    }
    facts = run(memory, TRANSIT_KEYS, {"name": "k", "type": "ecdsa-p256"}, check=True).facts
    assert facts.get("public_key") == public
