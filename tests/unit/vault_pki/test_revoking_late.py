# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that have ended: servers leave them as they are, and whoever declares them is told (C3)."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import time
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._vault import pki_revocation
from plugins.module_utils._vault.pki_revocation import REVOCATIONS
from tests.unit.pki import forge
from tests.unit.vault.memory import Data, found, refused
from tests.unit.vault.role_cases import ROLE
from tests.unit.vault.subjects import completed
from tests.unit.vault.test_ladder import run, sent
from tests.unit.vault.test_role_rules import _wanted
from tests.unit.vault_pki.test_issued import Engine, number, signer

NOW: t.Final = forge.NOON


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(pki_revocation, "system_clock", lambda: NOW)
    return Engine()


@pytest.mark.parametrize(
    ("ends", "rules", "revoked"),
    [
        (1, {}, True),
        (0, {"expiry": "72h"}, True),
        (-1, {"expiry": "72h"}, False),
        (-1, {"expiry": "72h", "allow_expired_cert_revocation": False}, False),
        (-1, {"expiry": "72h", "allow_expired_cert_revocation": True}, True),
    ],
)
def test_what_has_ended_is_revoked_only_where_the_server_does_that(
    engine: Engine, ends: int, rules: Data, revoked: bool
) -> None:
    serial = number(engine.issue("a", end=NOW + datetime.timedelta(seconds=ends)).certificate)
    engine.memory.on("get", "pki/config/crl", lambda _path, _body: found(rules))
    outcome = run(engine.memory, REVOCATIONS, {"mount": "pki", "serial": serial})
    assert outcome.error is None
    assert outcome.changed is revoked
    assert [path for _method, path, _body in sent(engine.memory)] == (["pki/revoke"] if revoked else [])
    ended = [text for text in outcome.result()["warnings"] if "nothing accepts it" in text]
    assert len(ended) == (0 if revoked else 1)


@pytest.mark.parametrize(
    ("lead", "ends", "ended"), [(60, 59, True), (60, 61, False), (-60, -59, False), (-60, -61, True), (None, 1, False)]
)
def test_what_has_ended_has_by_the_clock_of_the_server(
    engine: Engine, lead: int | None, ends: int, ended: bool
) -> None:
    serial = number(engine.issue("a", end=NOW + datetime.timedelta(seconds=ends)).certificate)
    engine.memory.on("get", "pki/config/crl", lambda _path, _body: found({"expiry": "72h"}))
    vault = engine.memory.vault
    vault.clock_lead = lead
    batch = REVOCATIONS.batch(vault, completed(REVOCATIONS.spec, revocations=[{"mount": "pki", "serial": serial}]))
    state = batch.resources[0].read()
    assert bool(state.ended) is ended


def test_where_the_rules_cannot_be_read_the_server_is_asked(engine: Engine) -> None:
    serial = number(engine.issue("a", end=NOW - datetime.timedelta(seconds=1)).certificate)
    engine.memory.on("get", "pki/config/crl", lambda _path, _body: refused(403, "1 error: permission denied"))
    engine.memory.on("post", "pki/revoke", lambda _path, _body: found({"revocation_time": 0}))
    outcome = run(engine.memory, REVOCATIONS, {"mount": "pki", "serial": serial})
    assert isinstance(outcome.error, InvalidInput)
    assert "the server does not revoke it any more" in str(outcome.error)
    assert "let the token read pki/config/crl" in str(outcome.error.remedy)


@pytest.mark.parametrize("later", [True, False])
def test_a_list_that_is_made_later_is_told(engine: Engine, later: bool) -> None:
    serial = number(engine.issue("a", end=NOW + forge.DAY).certificate)
    engine.memory.on("get", "pki/config/crl", lambda _path, _body: found({"auto_rebuild": later}))
    outcome = run(engine.memory, REVOCATIONS, {"mount": "pki", "serial": serial})
    assert (outcome.error, outcome.changed) == (None, True)
    told = [text for text in outcome.result()["warnings"] if "read pki/crl/rotate" in text]
    assert len(told) == later
    assert not run(engine.memory, REVOCATIONS, {"mount": "pki", "serial": serial}).result()["warnings"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (found({"leaf_not_after_behavior": "truncate"}), "truncate"),
        (found({}), "err"),
        (refused(403, "1 error: permission denied"), None),
        (refused(500, "unable to find PKI issuer"), None),
    ],
)
def test_what_an_issuer_does_beyond_its_end_is_asked_once(engine: Engine, answer: t.Any, told: str | None) -> None:
    one = signer(engine)
    asked: list[int] = []
    engine.memory.on("get", "pki/issuer/default", lambda _path, _body: (asked.append(1), answer)[1])
    assert one._beyond_end() == told
    one._bounds = dataclasses.replace(one._bounds, beyond_end="permit")
    assert one._beyond_end() == "permit"
    assert len(asked) == 1


def test_c4_a_role_that_cannot_be_read_has_nothing_against_a_name(engine: Engine) -> None:
    one = signer(engine, **{**ROLE, "allowed_domains": ["else.example"]})
    one.chain()
    assert [entry.field for entry in one.objections(_wanted(), NOW)] == ["common_name"]
    engine.memory.on("get", "pki/roles/web", lambda _path, _body: refused(403, "1 error: permission denied"))
    two = signer(engine)
    two.chain()
    assert two.objections(_wanted(), NOW) == []


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    """Let the host live nine hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_revocations_are_dated_in_utc_and_what_is_not_there_has_no_date(engine: Engine, far_east: None) -> None:
    serial = number(engine.issue("a").certificate)
    engine.kept[serial]["revocation_time"] = int(NOW.timestamp())
    vault = engine.memory.vault
    item = {"mount": "pki", "serial": serial}
    (revocation,) = REVOCATIONS.batch(vault, completed(REVOCATIONS.spec, revocations=[item])).resources
    assert revocation.describe(revocation.read())["revoked_at"] == "2026-06-01T12:00:00Z"
    assert revocation.describe(None) == {"serial": serial, "revoked": False, "revoked_at": None}


def test_a_file_that_is_not_there_yet_is_warned_of(engine: Engine, tmp_path: pathlib.Path) -> None:
    item = {"mount": "pki", "certificate_file": str(tmp_path / "cert.pem")}
    batch = REVOCATIONS.batch(engine.memory.vault, completed(REVOCATIONS.spec, revocations=[item]))
    batch.resources[0].read()
    assert batch.warnings == [f"vault_pki_revocation {tmp_path}/cert.pem does not exist"]
