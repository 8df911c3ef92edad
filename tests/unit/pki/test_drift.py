# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a certificate is issued again: a table of declarations against one certificate."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
import yaml
from cryptography import x509

from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.redact import render
from plugins.module_utils._pki.certificate import CertificateFacts
from plugins.module_utils._pki.drift import EXPIRY, CertificateState, Wanted, reissue_reasons
from plugins.module_utils._pki.keys import KeySpec, spki_sha256
from plugins.module_utils._pki.names import Subject, SubjectAltNames
from plugins.module_utils._pki.renewal import Window
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, Made, make

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
TABLE = yaml.safe_load((pathlib.Path(__file__).parent / "tables" / "drift.yml").read_text(encoding="utf-8"))
SERVER = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])


@pytest.fixture(scope="module")
def mesh() -> dict[str, Made]:
    """The authority and those it may be taken for."""
    key = forge.ec_key()
    span = {"start": START - DAY, "end": START + 3650 * DAY, "ca": True}
    return {
        "mesh": make("Mesh", key=key, **span),
        "mesh_renewed": make("Mesh", key=key, start=START, end=START + 9999 * DAY, ca=True),
        "mesh_rekeyed": make("Mesh", **span),
        "other": make("Other", **span),
    }


@pytest.fixture(scope="module")
def node(mesh: dict[str, Made]) -> Made:
    """The certificate that is there."""
    oid = x509.NameOID
    subject = x509.Name(
        [x509.NameAttribute(oid.ORGANIZATION_NAME, "Example"), x509.NameAttribute(oid.COMMON_NAME, "node1")]
    )
    names = forge.sans("node1.example.com", "10.0.0.1")
    start = START - datetime.timedelta(seconds=30)
    return make(subject, mesh["mesh"], start=start, end=START + 30 * DAY, extensions=[(names, False), (SERVER, False)])


@pytest.mark.parametrize("case", TABLE, ids=lambda case: str(case["name"]))
def test_table(case: dict[str, t.Any], node: Made, mesh: dict[str, Made]) -> None:
    given: dict[str, t.Any] = {"key": "none", "issuer": "none", "at": 0, **case.get("with", {})}
    wanted = Wanted(
        CertificateState.declared(case.get("wanted", {})),
        ttl=given.get("ttl"),
        window=Window.parse(given.get("window")),
    )
    changes = reissue_reasons(
        CertificateFacts.of(node.certificate),
        wanted,
        START + given["at"] * DAY,
        key_spki={"none": None, "own": spki_sha256(node.key), "other": spki_sha256(forge.ec_key())}[given["key"]],
        authority=None if given["issuer"] == "none" else (mesh[given["issuer"]].certificate,),
        revoked=given.get("revoked"),
    )
    assert [[change.path, change.reason] for change in changes] == case["changes"]
    for change in changes:
        assert render(change.before) != render(change.after)


def test_time_alone_is_told_apart_from_every_other_reason(node: Made) -> None:
    changes = reissue_reasons(CertificateFacts.of(node.certificate), Wanted(CertificateState()), START + 29 * DAY)
    assert [change.path for change in changes] == [EXPIRY]


def _facts(common_name: str, *names: str) -> CertificateFacts:
    extensions = [(forge.sans(*names), False)] if names else []
    return CertificateFacts.of(make(common_name, start=START, end=START + 30 * DAY, extensions=extensions).certificate)


@pytest.mark.parametrize(
    ("held", "declared", "paths"),
    [
        (["a.example", "b.example"], {"dns_names": ["b.example"]}, []),
        (["b.example"], {"dns_names": ["b.example"]}, []),
        (["a.example", "b.example"], {"dns_names": ["a.example", "b.example"]}, []),
        (["b.example"], {"dns_names": ["a.example", "b.example"]}, ["dns_names"]),
        (["a.example"], {"dns_names": []}, []),
        (["a.example", "c.example"], {"dns_names": []}, ["dns_names"]),
    ],
)
def test_trap_23_a_common_name_that_the_authority_copied_is_no_difference(
    held: list[str], declared: dict[str, t.Any], paths: list[str]
) -> None:
    wanted = Wanted(CertificateState.declared({"common_name": "a.example", **declared}))
    assert [change.path for change in reissue_reasons(_facts("a.example", *held), wanted, START)] == paths


def test_trap_23_that_holds_for_addresses_too() -> None:
    wanted = Wanted(CertificateState.declared({"common_name": "10.0.0.1", "ip_addresses": []}))
    assert reissue_reasons(_facts("10.0.0.1", "10.0.0.1"), wanted, START) == []


def test_a_certificate_without_a_common_name_is_measured_all_the_same() -> None:
    made = make(x509.Name([]), start=START, end=START + 30 * DAY, extensions=[(forge.sans("a.example"), True)])
    wanted = Wanted(CertificateState.declared({"common_name": "a.example", "dns_names": ["a.example"]}))
    changes = reissue_reasons(CertificateFacts.of(made.certificate), wanted, START)
    assert [change.reason for change in changes] == ["common_name is unset, declared a.example"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"dns_names": ["a b"]}, "dns_names"),
        ({"ip_addresses": ["10.0.0.256"]}, "ip_addresses"),
        ({"uris": ["a"]}, "uris"),
        ({"emails": ["a"]}, "emails"),
        ({"key_usage": ["bogus"]}, "key_usage"),
        ({"extended_key_usage": ["bogus"]}, "extended_key_usage"),
        ({"key_size": "big"}, "key_size"),
    ],
)
def test_a_wrong_declaration_is_refused_by_the_name_of_its_option(options: dict[str, t.Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CertificateState.declared(options)
    assert caught.value.field == field


def test_what_is_wanted_makes_a_request() -> None:
    wanted = Wanted(
        CertificateState.declared(
            {"common_name": "a", "organization": ["B", "A"], "dns_names": ["a.example"], "ip_addresses": ["::1"]}
        ),
        ttl=5400,
    )
    assert wanted.subject == Subject(common_name="a", organization=("A", "B"))
    assert wanted.common_name == "a"
    assert wanted.sans == SubjectAltNames(dns=frozenset({"a.example"}), ip=frozenset({"::1"}))
    assert wanted.key == KeySpec("ec", 256)
    assert wanted.shown() == {
        "common_name": "a",
        "organization": ["A", "B"],
        "dns_names": ["a.example"],
        "ip_addresses": ["::1"],
        "ttl": "1h30m",
    }


def test_a_kind_of_key_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1024 is not allowed for rsa keys"):
        assert Wanted(CertificateState.declared({"key_type": "rsa", "key_size": 1024})).key


HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    ("dates", "backdate", "signed_at", "ttl", "reason"),
    [
        ((-2, 22), 7200, None, 22, None),
        ((-2, 24), 7200, None, 24, None),
        ((-2, 24), 30, 0, 24, None),  # the role dated further back when this was signed
        ((-2, 24), 7200, 1, 24, None),  # the clock of this host is ahead
        ((-2, 22), 7200, 0, 24, "lifetime is 22h, declared ttl 1d"),  # cut, although the dates span a day
        ((-2, 24), 30, None, 24, "lifetime is 1d2h, declared ttl 1d"),
        ((0, 24), 7200, None, 24, None),  # dated back by nobody
        ((0, 26), 0, 0, 24, "lifetime is 1d2h, declared ttl 1d"),
    ],
)
def test_c4_life_counts_from_the_moment_of_signing(
    dates: tuple[int, int], backdate: int, signed_at: int | None, ttl: int, reason: str | None
) -> None:
    made = make("a.example", start=START + dates[0] * HOUR, end=START + dates[1] * HOUR)
    changes = reissue_reasons(
        CertificateFacts.of(made.certificate),
        Wanted(CertificateState(), ttl=ttl * 3600),
        START + HOUR,
        backdate_seconds=backdate,
        signed_at=None if signed_at is None else START + signed_at * HOUR,
    )
    assert [change.reason for change in changes] == ([] if reason is None else [reason])
