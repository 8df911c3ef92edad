# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What jws_key_info finds: each fault planted alone, and nothing where there is none."""

from __future__ import annotations

import datetime
import os
import pathlib
import typing as t

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from plugins.module_utils._core.files import Attributes
from plugins.module_utils._jose import keys
from plugins.module_utils._keyring.adapter import adapter_findings
from plugins.module_utils._keyring.directory import DirectoryPublisher
from plugins.module_utils._keyring.file_custody import FileCustody, Projection
from plugins.module_utils._keyring.jws import material_of
from plugins.module_utils._keyring.jws_findings import Wanted
from plugins.module_utils._keyring.jws_survey import survey
from plugins.module_utils._keyring.publisher import Target
from plugins.module_utils._pki.keys import KeySpec, generate

NAMES = ("hub", "dfsp-1")


class Estate:
    """Keys in files that nobody's module made, and one trust directory."""

    def __init__(self, base: pathlib.Path) -> None:
        self.keys, self.trust = base / "keys", base / "trust"
        self.trust.mkdir()
        for name in NAMES:
            (self.keys / name).mkdir(parents=True)
            self.put(name, generate(KeySpec("rsa", 2048)))

    def put(self, name: str, key: t.Any) -> None:
        """Give a participant a key, in custody and in trust."""
        material = material_of(key)
        self.private(name).write_text(material.secrets["private_key"].reveal())
        self.public(name).write_text(str(material.public))

    def private(self, name: str) -> pathlib.Path:
        return self.keys / name / "jws.key"

    def public(self, name: str) -> pathlib.Path:
        return self.trust / f"{name}.pem"

    def report(self, **wanted: t.Any) -> dict[str, t.Any]:
        custody = FileCustody(str(self.keys), "jws_key", [Projection("private_key", "{name}/jws.key", Attributes())])
        now = datetime.datetime.now(datetime.timezone.utc)
        target = Target(DirectoryPublisher(str(self.trust)))
        return survey(custody, [target], Wanted(wanted.pop("names", NAMES), **wanted), {}, now)

    def found(self, **wanted: t.Any) -> list[tuple[str, str]]:
        """Return (check, participant) of every finding."""
        report = self.report(**wanted)
        findings = [finding for entry in report["results"] for finding in entry["findings"]] + report["others"]
        assert report["ok"] is (not findings)
        return [(finding["check"], finding["participant"]) for finding in findings]


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> Estate:
    return Estate(tmp_path)


def _pkcs8(key: t.Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _spki(key: t.Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def test_nothing_is_found_where_nothing_is_wrong(estate: Estate) -> None:
    assert estate.found(max_age=86400) == []
    assert estate.report()["results"][0]["key"]["bits"] == 2048


def test_missing_keys_are_found_in_custody_and_in_trust(estate: Estate) -> None:
    estate.private("hub").unlink()
    estate.public("dfsp-1").unlink()
    assert estate.found() == [("missing", "hub"), ("missing", "dfsp-1")]


def test_a_key_that_is_not_that_of_custody_is_found(estate: Estate) -> None:
    estate.public("hub").write_text(_spki(generate(KeySpec("rsa", 2048))))
    assert estate.found() == [("mismatched", "hub")]


def test_a_key_that_two_have_is_found_in_both_places(estate: Estate) -> None:
    estate.put("dfsp-1", keys.load_private(estate.private("hub").read_text()))
    assert estate.found() == [("shared", "dfsp-1"), ("shared", "dfsp-1")]


def test_trap_jws_3_a_weak_key_is_found_in_both_places(estate: Estate) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    estate.private("hub").write_text(_pkcs8(weak))
    estate.public("hub").write_text(_spki(weak))
    assert estate.found() == [("weak", "hub"), ("weak", "hub")]


def test_trap_jws_2_an_elliptic_key_in_pkcs8_is_found(estate: Estate) -> None:
    key = generate(KeySpec("ec", 256))
    estate.put("hub", key)
    assert estate.found() == [], "SEC1 is fine"
    estate.private("hub").write_text(_pkcs8(key))
    assert estate.found() == [("wrong_encoding", "hub")]


def test_trap_jws_4_a_file_that_no_adapter_reads_is_found(estate: Estate) -> None:
    os.rename(estate.public("hub"), estate.trust / "hub.crt")
    os.rename(estate.public("dfsp-1"), estate.public("DFSP-1"))
    assert estate.found() == [
        ("missing", "hub"),
        ("wrong_name", "hub"),
        ("missing", "dfsp-1"),
        ("wrong_name", "dfsp-1"),
    ]


def test_trap_jws_4_a_pem_file_that_is_no_key_is_found(estate: Estate) -> None:
    estate.public("hub").write_text("test")
    assert estate.found() == [("not_a_key", "hub")]


def test_a_private_key_among_the_public_ones_is_found(estate: Estate) -> None:
    estate.public("hub").write_text(estate.private("hub").read_text())
    assert estate.found() == [("exposed", "hub")]


def test_who_is_not_declared_is_found_and_told_apart(estate: Estate) -> None:
    estate.public("gone").write_text(estate.public("hub").read_text())
    assert ("undeclared", "gone") in estate.found()
    estate.public("gone").write_text(_spki(generate(KeySpec("rsa", 2048))))
    report = estate.report()
    assert [(entry["check"], entry["verdict"]) for entry in report["others"]] == [("undeclared", "warn")]


def test_an_old_key_is_found_by_the_age_of_its_file(estate: Estate) -> None:
    os.utime(estate.private("hub"), (0, 0))
    assert estate.found() == []
    assert estate.found(max_age=86400) == [("aged", "hub")]


def test_a_participant_kept_elsewhere_is_looked_for_in_trust_alone(estate: Estate) -> None:
    estate.private("dfsp-1").unlink()
    assert estate.found(names=("hub",), trusted=("dfsp-1",)) == []
    estate.public("dfsp-1").unlink()
    assert estate.found(names=("hub",), trusted=("dfsp-1",)) == [("missing", "dfsp-1")]


_GOOD = {
    "DFSP_ID": "dfsp-1",
    "JWS_SIGN_PUT_PARTIES": "true",
    "VALIDATE_INBOUND_PUT_PARTIES_JWS": "true",
    "JWS_SIGNING_KEY_PATH": "/keys/jws.key",
    "JWS_VERIFICATION_KEYS_DIRECTORY": "/keys/trust",
}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"JWS_SIGN": "false"}, ["JWS_SIGN"]),
        ({"VALIDATE_INBOUND_JWS": False}, ["VALIDATE_INBOUND_JWS"]),
        ({"JWS_SIGNING_KEY_PATH": None}, ["JWS_SIGNING_KEY_PATH"]),
        ({"JWS_SIGNING_KEY": "/keys/jws.key"}, ["JWS_SIGNING_KEY"]),
        ({"JWS_VERIFICATION_KEYS_DIRECTORY": ""}, ["JWS_VERIFICATION_KEYS_DIRECTORY"]),
        ({"DFSP_ID": "DFSP-1"}, ["DFSP_ID"]),
        ({"JWS_VERIFICATION_CACHE_SIZE": 1000}, ["JWS_VERIFICATION_CACHE_SIZE"]),
    ],
)
def test_settings_that_do_nothing_or_the_wrong_thing_are_found(changes: dict[str, t.Any], found: list[str]) -> None:
    assert [finding.where for finding in adapter_findings("dfsp-1", {**_GOOD, **changes})] == found


def test_trap_jws_9_put_parties_is_unsigned_and_unverified_unless_said_otherwise() -> None:
    settings = {name: value for name, value in _GOOD.items() if "PUT_PARTIES" not in name}
    found = [finding.where for finding in adapter_findings("dfsp-1", settings)]
    assert found == ["JWS_SIGN_PUT_PARTIES", "VALIDATE_INBOUND_PUT_PARTIES_JWS"]


def test_trap_jws_11_a_directory_that_is_ignored_is_told() -> None:
    found = list(adapter_findings("dfsp-1", {**_GOOD, "PM4ML_ENABLED": "true"}))
    assert [finding.where for finding in found] == ["PM4ML_ENABLED"]
    assert "is ignored" in found[0].problem
