# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an authority has signed is held against the declaration before it is installed, field by field."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
from cryptography import x509

from plugins.module_utils._certificate.resource import SignedOtherwise
from plugins.module_utils._core.errors import InvalidInput
from tests.unit.certificate.test_life import DAY, Authority, Host
from tests.unit.pki import forge

HOUR: t.Final = datetime.timedelta(hours=1)
SERVERS: t.Final = (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False)
CLIENTS: t.Final = (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]), False)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    """An empty directory and an authority."""
    tmp_path.chmod(0o755)
    return Host(tmp_path, Authority())


def _refusal(host: Host, **options: t.Any) -> SignedOtherwise:
    error = host.run(**options).error
    assert isinstance(error, SignedOtherwise), error
    assert not host.generations_exist()
    assert error.remedy
    return error


def test_the_field_that_is_otherwise_is_named(host: Host) -> None:
    assert _refusal(host, ttl="10d").field == "ttl"
    refusal = _refusal(host, renew_before="40d")
    assert (refusal.field, "the renewal margin of" in refusal.problem) == ("renew_before", True)
    host.authority.instead = {"extensions": [(forge.sans("other.example"), False)]}
    assert _refusal(host).field == "dns_names"
    host.authority.instead = {"start": forge.NOON + DAY}
    assert _refusal(host).field == "clock"


def test_another_issuer_of_the_same_name_is_told_by_its_key(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = host.authority.issuer
    monkeypatch.setattr(host.authority, "chain", lambda: (issuer.certificate, host.authority.root.certificate))
    host.authority.issuer = forge.make("Issuer", host.authority.root, ca=True)
    assert "is not what was declared: issuer CN=Issuer has another key now" in _refusal(host).problem


@pytest.mark.parametrize(
    ("dated_back", "said", "ahead", "accepted"),
    [
        (24 * HOUR, 86400, 0 * HOUR, True),
        (24 * HOUR, 0, 0 * HOUR, True),
        (24 * HOUR, 86400, HOUR, True),
        (24 * HOUR, 0, HOUR, False),
        (24 * HOUR, 30, HOUR, False),
        (0 * HOUR, 86400, 0 * HOUR, True),
    ],
)
def test_the_life_is_right_by_the_habit_of_the_authority_or_by_the_clock(
    host: Host, dated_back: datetime.timedelta, said: int, ahead: datetime.timedelta, accepted: bool
) -> None:
    """A clock of the authority that goes ahead is told from a habit of dating back."""
    signed = host.authority.now + ahead
    host.authority.backdate_seconds = said
    host.authority.instead = {"start": signed - dated_back, "end": signed + 2 * HOUR}
    if accepted:
        assert host.run(ttl="2h", renew_before="10m").error is None
    else:
        assert _refusal(host, ttl="2h", renew_before="10m").field == "ttl"


def test_a_chain_that_does_not_hold_is_not_installed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority gives another chain with its signature than it showed before."""
    root = host.authority.root
    ended = forge.make("Root", ca=True, end=forge.NOON - DAY, start=forge.NOON - 2 * DAY, key=root.key)
    sign = host.authority.sign

    def otherwise(csr: t.Any, wanted: t.Any) -> t.Any:
        return sign(csr, wanted)[0], (host.authority.issuer.certificate, ended.certificate)

    monkeypatch.setattr(host.authority, "sign", otherwise)
    refusal = _refusal(host)
    assert (refusal.field, "the chain from ca/sign/any does not hold: " in refusal.problem) == ("issuer", True)


def test_a_chain_that_is_not_for_what_the_certificate_says_is_not_installed(host: Host) -> None:
    """Nothing is declared about what it is for, so that only what comes back tells."""
    host.authority.issuer = forge.make("Issuer", host.authority.root, ca=True, extensions=[CLIENTS])
    host.authority.instead = {"extensions": [(forge.sans("web"), False), SERVERS]}
    refusal = _refusal(host)
    assert "the chain from ca/sign/any does not hold: " in refusal.problem
    assert "CN=Issuer is not for ServerAuth" in refusal.problem


def test_what_an_authority_objects_to_between_plan_and_signature_is_not_signed(host: Host) -> None:
    resource = host.declared()
    plan = resource.plan(resource.read(), host.authority.now)
    host.authority.against = [InvalidInput("is refused", field="ttl")]
    with pytest.raises(InvalidInput, match="ttl: is refused"):
        resource.apply(plan)
    assert host.authority.signed == 0
