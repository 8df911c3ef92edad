# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts about certificates from every kind of source, with a clock passed in."""

from __future__ import annotations

import base64
import datetime
import pathlib
import typing as t

import pytest
from cryptography import x509

from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._inspection.survey import ITEM_OPTIONS, Survey
from plugins.module_utils._pki.development import policy_extension
from plugins.module_utils._pki.issuance import Authority
from plugins.module_utils._pki.revocation import Revocation, crl_pem, make_crl
from tests.unit.certificate_info.servers import listening, tls
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, NOON, Made, make


class Estate:
    """Certificates in files, and a survey at noon."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.root = make("Root", ca=True, end=NOON + 3650 * DAY)
        self.between = make("Between", self.root, ca=True, end=NOON + 900 * DAY)
        server = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
        names = [(forge.sans("node1.example", "127.0.0.1"), False), (server, False)]
        self.leaf = make("node1", self.between, extensions=names, end=NOON + 90 * DAY)
        self.ca_file = self.write("ca.pem", self.root.pem)
        self.path = self.write("node1.pem", self.leaf.pem + self.between.pem)

    def write(self, name: str, content: bytes) -> str:
        """Write a file and return its path."""
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def crl(self, name: str, issuer: Made, *revoked: Made, end: datetime.datetime = NOON + DAY) -> str:
        """Write a revocation list and return its path."""
        entries = [Revocation(made.certificate.serial_number, NOON - DAY, "key_compromise") for made in revoked]
        authority = Authority(issuer.certificate, issuer.key)
        crl = make_crl(
            authority.certificate, authority.key, entries, number=1, this_update=NOON - 3 * DAY, next_update=end
        )
        return self.write(name, crl_pem(crl))

    def look(self, now: datetime.datetime = NOON, **item: t.Any) -> dict[str, t.Any]:
        """Return the result of one source."""
        result: dict[str, t.Any] = survey(now, item)["results"][0]
        return result


def survey(now: datetime.datetime, *items: dict[str, t.Any], vault: t.Any = None) -> dict[str, t.Any]:
    """Run a survey over items completed by their defaults."""
    defaults = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    return Survey(lambda: vault, now).run([{**defaults, **item} for item in items])


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> Estate:
    """A small estate."""
    return Estate(tmp_path)


def test_a_good_certificate_has_no_problem(estate: Estate) -> None:
    key = estate.write("node1.key", estate.leaf.key_pem)
    crls = [estate.crl("crl.pem", estate.between), estate.crl("root.crl", estate.root)]
    found = estate.look(
        path=estate.path,
        ca_file=estate.ca_file,
        key_file=key,
        crl_files=crls,
        host_name="node1.example",
        purpose="server",
    )
    assert (found["ok"], found["problems"], found["item"]) == (True, [], estate.path)
    verdicts = ("expiry", "chain_valid", "key_matches", "name_matches", "revoked", "days_left")
    assert [found[name] for name in verdicts] == ["valid", True, True, True, False, 90]
    assert found["certificate"]["subject_dn"] == "CN=node1"
    assert [entry["subject_dn"] for entry in found["chain"]] == ["CN=Between"]


def test_what_was_not_asked_is_not_judged(estate: Estate) -> None:
    found = estate.look(path=estate.path)
    for verdict in ("chain_valid", "key_matches", "name_matches", "revoked"):
        assert found[verdict] is None
    assert found["ok"]


def test_every_problem_is_named(estate: Estate) -> None:
    found = estate.look(
        NOON + 89 * DAY,
        path=estate.path,
        ca_file=estate.write("other.pem", make("Other", ca=True).pem),
        key_file=estate.write("other.key", make("other").key_pem),
        crl_files=[estate.crl("crl.pem", estate.between, estate.leaf)],
        host_name="node2.example",
        expires_within="7d",
    )
    assert found["problems"] == [
        "expires in 1 day, renewal margin is 7 days",
        "the issuer of CN=Between, CN=Root, is not among the given CA certificates",
        "the private key belongs to another certificate",
        "is not valid for the name node2.example",
        "is revoked since 2026-05-31T12:00:00Z (key compromise)",
        "no revocation list given is of CN=Root, the issuer of CN=Between",
    ]
    assert (found["expiry"], found["revoked"], found["ok"]) == ("due", True, False)


@pytest.mark.parametrize(
    ("days", "expiry", "left"),
    [
        (-2, "not_yet_valid", 92),
        (59.9, "valid", 30),
        (60, "due", 30),
        (89.5, "due", 0),
        (90.5, "expired", -1),
        (92, "expired", -2),
    ],
)
def test_days_left_are_full_days(estate: Estate, days: float, expiry: str, left: int) -> None:
    found = estate.look(NOON + days * DAY, path=estate.path, expires_within="30d")
    assert (found["expiry"], found["days_left"]) == (expiry, left)
    assert found["ok"] is (expiry == "valid")


def test_a_purpose_is_part_of_the_chain(estate: Estate) -> None:
    found = estate.look(path=estate.path, ca_file=estate.ca_file, purpose="client")
    assert found["chain_problems"] == ["CN=node1 is not for ClientAuth"]


def test_intermediates_may_come_from_a_file_of_their_own(estate: Estate) -> None:
    alone = estate.write("alone.pem", estate.leaf.pem)
    chain = estate.write("chain.pem", estate.between.pem)
    assert estate.look(path=alone, ca_file=estate.ca_file)["chain_valid"] is False
    assert estate.look(path=alone, ca_file=estate.ca_file, chain_file=chain)["chain_valid"] is True


def test_a_list_past_its_end_proves_no_innocence(estate: Estate) -> None:
    stale = estate.crl("stale.pem", estate.between, end=NOON - 2 * DAY)
    found = estate.look(path=estate.path, crl_files=[stale, estate.crl("root.crl", estate.root)])
    assert found["revoked"] is None
    assert found["problems"] == ["the revocation list of CN=Between ended 2 days ago"]
    guilty = estate.crl("guilty.pem", estate.between, estate.leaf, end=NOON - 2 * DAY)
    assert estate.look(path=estate.path, crl_files=[guilty])["revoked"] is True


def test_a_list_of_another_issuer_or_key_says_nothing(estate: Estate) -> None:
    forged = estate.crl("forged.pem", make("Between", ca=True), estate.leaf)
    root = estate.crl("root.pem", estate.root, estate.leaf)
    of_no_issuer = "no revocation list given is of its issuer CN=Between"
    not_signed = "the revocation list of its issuer CN=Between is not signed by its key"
    for crls, problem in (([root], of_no_issuer), ([forged, root], not_signed)):
        found = estate.look(path=estate.path, crl_files=crls)
        assert (found["revoked"], found["problems"]) == (None, [problem])
    good = estate.crl("good.pem", estate.between, estate.leaf)
    assert estate.look(path=estate.path, crl_files=[forged, good])["revoked"] is True
    assert estate.look(path=estate.ca_file, crl_files=[good])["ok"] is True
    alone = estate.write("alone.pem", estate.leaf.pem)
    clean = estate.crl("clean.pem", estate.between)
    assert estate.look(path=alone, crl_files=[clean])["revoked"] is False, "nothing is verified without ca_file"
    unverified = estate.look(path=alone, crl_files=[clean], ca_file=estate.ca_file)
    assert "cannot be verified without the certificate of that issuer" in unverified["problems"][1]
    assert unverified["revoked"] is None


def test_mb_47_a_development_certificate_is_a_problem_unless_allowed(estate: Estate) -> None:
    marked = make("dev", estate.root, end=NOON + 90 * DAY, extensions=[(policy_extension(), False)])
    path = estate.write("dev.pem", marked.pem)
    assert estate.look(path=path)["problems"] == ["is of a development CA"]
    assert estate.look(path=path, allow_development_ca=True)["ok"]


def test_text_and_ts_26_der_are_sources(estate: Estate) -> None:
    by_pem = estate.look(pem=estate.leaf.pem.decode(), name="mine")
    by_der = estate.look(der=base64.b64encode(estate.leaf.der).decode())
    by_file = estate.look(path=estate.write("leaf.der", estate.leaf.der))
    assert by_pem["item"] == "mine"
    assert by_pem["certificate"] == by_der["certificate"] == by_file["certificate"]


def test_a_server_is_a_source_and_judged_by_the_name_asked_for(estate: Estate) -> None:
    with listening(tls(estate.directory, estate.leaf, estate.between)) as port:
        endpoint = f"127.0.0.1:{port}"
        found = estate.look(endpoint=endpoint, ca_file=estate.ca_file)
        assert (found["ok"], found["item"], found["chain_valid"], found["name_matches"]) == (True, endpoint, True, True)
        assert found["tls"]["endpoint"] == endpoint
        assert estate.look(endpoint=endpoint, server_name="node2.example")["problems"] == [
            "is not valid for the name node2.example"
        ]


class _Vault:
    """The data of a PKI engine by path, as the port returns them."""

    def __init__(self, **objects: dict[str, t.Any]) -> None:
        self.objects = {path.replace("__", "/").replace("_", ":"): data for path, data in objects.items()}

    def read(self, path: str) -> dict[str, t.Any] | None:
        return self.objects.get(path)


def test_vault_is_a_source_that_knows_about_revocation(estate: Estate) -> None:
    pem = estate.leaf.pem.decode()
    vault = _Vault(
        pki__cert__0a_0b={"certificate": pem, "revocation_time": 1780228800}, pki__cert__0c={"certificate": pem}
    )
    results = survey(
        NOON,
        {"mount": "pki/", "serial": "0A-0B"},
        {"mount": "pki", "serial": "0c"},
        {"mount": "pki", "serial": "0d"},
        {"mount": "pki", "issuer": "gone"},
        {"mount": "pki", "serial": "zz"},
        vault=vault,
    )["results"]
    assert results[0]["problems"] == ["is revoked since 2026-05-31T12:00:00Z"]
    assert results[1]["revoked"] is False
    assert "pki has no certificate 0d" in results[2]["msg"]
    assert "pki has no issuer gone" in results[3]["msg"]
    assert "is not a serial number" in results[4]["msg"]


@pytest.mark.parametrize("data", [{}, {"certificate": None}, {"ca_chain": []}, {"revocation_time": 0}])
def test_an_answer_without_a_certificate_is_not_taken_for_a_missing_one(data: dict[str, t.Any]) -> None:
    vault = _Vault(pki__cert__0a=data, pki__issuer__default__json=data)
    for item, place in (
        ({"mount": "pki", "serial": "0a"}, "pki/cert/0a"),
        ({"mount": "pki", "issuer": "default"}, "pki/issuer/default/json"),
    ):
        (found,) = survey(NOON, item, vault=vault)["results"]
        assert f"the answer to {place} is not as expected: certificate is missing" in found["msg"]


def test_an_issuer_in_vault_comes_with_its_chain(estate: Estate) -> None:
    texts = [made.pem.decode() for made in (estate.between, estate.root)]
    vault = _Vault(pki__issuer__default__json={"certificate": texts[0], "ca_chain": texts})
    (found,) = survey(NOON, {"mount": "pki", "issuer": "default", "ca_file": estate.ca_file}, vault=vault)["results"]
    assert found["chain_valid"] is True
    assert [entry["subject_dn"] for entry in found["chain"]] == ["CN=Root"]


def test_a_source_that_cannot_be_read_fails_alone(estate: Estate) -> None:
    facts = survey(
        NOON,
        {"path": str(estate.directory / "nothing.pem")},
        {"path": estate.path},
        {"path": str(estate.directory)},
        {"pem": "junk"},
        {"der": "§"},
        {"path": estate.path, "ca_file": str(estate.directory / "nothing.pem")},
        {"path": estate.path, "crl_files": [estate.path]},
        {"path": estate.path, "key_file": estate.path},
        {"path": estate.path, "expires_within": "soon"},
    )
    failed = [result for result in facts["results"] if result.get("failed")]
    assert facts["summary"] == {"ok": 1, "problems": 0, "failed": 8}
    assert len(failed) == 8
    assert facts["failed"] is True
    assert "(8 of 9 sources failed, see results)" in facts["msg"]
    expected = ["does not exist", "not a regular file", "no certificate was found", "is not base64", "ca_file"]
    expected += ["no revocation list", "no private key", "expires_within"]
    for result, text in zip(failed, expected, strict=True):
        assert text in result["msg"]


def test_one_failed_login_fails_every_source_in_vault_once(estate: Estate) -> None:
    logins = []

    def connect() -> t.Any:
        logins.append(1)
        raise TrustmeshError("permission denied", remedy="Give a token.")

    defaults = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    items = [{**defaults, "mount": "pki", "serial": f"{at:x}"} for at in range(20)]
    facts = Survey(connect, NOON).run([*items, {**defaults, "path": estate.path}])
    assert facts["summary"] == {"ok": 1, "problems": 0, "failed": 20}
    assert len(logins) == 1


def test_without_a_source_in_vault_nobody_logs_in(estate: Estate) -> None:
    def connect() -> t.Any:
        raise AssertionError("nobody asked for Vault")

    defaults = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    assert Survey(connect, NOON).run([{**defaults, "path": estate.path}])["summary"]["ok"] == 1
