# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate is issued anew when a declared field differs or its time has come, and the reason is named."""

from __future__ import annotations

import base64
import datetime
import pathlib
import shutil
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .conftest import Estate

NAME = "a.svc.example"
START: dict[str, t.Any] = {"name": NAME, "dns_names": ["b.svc.example"], "ttl": "30d"}

DRIFT = [
    ({"dns_names": ["c.svc.example"]}, "dns_names lacks c.svc.example and has b.svc.example too"),
    ({"ip_addresses": ["10.9.8.7"]}, "ip_addresses lacks 10.9.8.7"),
    ({"common_name": "z.svc.example"}, "common_name is a.svc.example, declared z.svc.example"),
    ({"key_type": "rsa", "key_size": 2048}, "key_type is ec, declared rsa"),
    ({"key_type": "ec", "key_size": 384}, "key_size is 256, declared 384"),
    ({"ttl": "10d"}, "lifetime is 30d30s, declared ttl 10d"),
    ({"role": "other"}, "extended_key_usage has ServerAuth too"),
]


@pytest.mark.parametrize(
    ("change", "reason"), DRIFT, ids=[next(iter(change)) + str(at) for at, (change, _reason) in enumerate(DRIFT)]
)
def test_drift_of_a_declared_field_reissues_and_says_why(
    run_module: t.Any, estate: Estate, change: dict[str, t.Any], reason: str
) -> None:
    estate.role("other", server_flag=False, client_flag=True)
    run_module("certificate", estate.args(START)).ok()
    before = estate.certificate(NAME).serial_number
    changed = {**START, **change}
    if "role" in change:
        changed["extended_key_usage"] = ["clientauth"]
    foretold = run_module("certificate", estate.args(changed), check=True).ok().result["results"][0]
    assert estate.certificate(NAME).serial_number == before
    done = run_module("certificate", estate.args(changed)).ok().result["results"][0]
    assert done["action"] == foretold["action"] == "replace"
    assert done["reasons"] == foretold["reasons"]
    assert reason in done["reasons"]
    assert estate.certificate(NAME).serial_number != before
    assert not run_module("certificate", estate.args(changed)).ok().changed


def test_on_mismatch_fail_changes_nothing(run_module: t.Any, estate: Estate) -> None:
    run_module("certificate", estate.args(START)).ok()
    before = estate.path(NAME).read_bytes()
    refused = run_module("certificate", estate.args({**START, "ip_addresses": ["10.0.0.9"]}, on_mismatch="fail"))
    assert refused.failed
    assert "ip_addresses lacks 10.0.0.9" in refused.msg
    assert "on_mismatch" in refused.msg
    assert estate.path(NAME).read_bytes() == before


def test_time_is_drift(run_module: t.Any, estate: Estate, vault: t.Any) -> None:
    args = estate.args({"name": NAME}, ttl="30s", renew_before="33%", renew_jitter_percent=0, on_mismatch="fail")
    run_module("certificate", args).ok()
    first = estate.certificate(NAME).serial_number
    assert not run_module("certificate", args, check=True).ok().changed, "not due yet"

    def due() -> t.Any:
        result = run_module("certificate", args, check=True).ok()
        return result if result.changed else None

    foretold = vault.wait_until(due, deadline=30, what="the renewal margin")
    assert foretold.result["results"][0]["reasons"][0].startswith("expires in ")
    done = run_module("certificate", args).ok()
    assert done.result["results"][0]["action"] == "replace"
    assert estate.certificate(NAME).serial_number != first


def test_a_new_default_issuer_reissues(run_module: t.Any, estate: Estate) -> None:
    estate.engine.make_root("second", common_name="Second")
    run_module("certificate", estate.args({"name": NAME})).ok()
    estate.engine.write("config/issuers", default="second")
    done = run_module("certificate", estate.args({"name": NAME})).ok().result["results"][0]
    assert done["reasons"] == ["issuer is CN=Test Intermediate, declared CN=Second"]
    assert done["certificate"]["issuer"] == "CN=Second"
    assert not run_module("certificate", estate.args({"name": NAME})).ok().changed


@pytest.mark.parametrize("renew_key", [True, False])
def test_key_policy(run_module: t.Any, estate: Estate, renew_key: bool) -> None:
    run_module("certificate", estate.args(START, renew_key=renew_key)).ok()
    before = estate.path(NAME, "key.pem").read_bytes()
    run_module("certificate", estate.args({**START, "ttl": "10d"}, renew_key=renew_key)).ok()
    assert (estate.path(NAME, "key.pem").read_bytes() == before) is not renew_key


@pytest.mark.parametrize("file", ["chain.pem", "fullchain.pem", "ca.pem"])
def test_a_wrong_chain_is_mended_without_a_new_certificate(run_module: t.Any, estate: Estate, file: str) -> None:
    run_module("certificate", estate.args(START)).ok()
    serial, right = estate.certificate(NAME).serial_number, estate.path(NAME, file).read_bytes()
    estate.path(NAME, file).resolve().write_bytes(b"")
    done = run_module("certificate", estate.args(START)).ok().result["results"][0]
    assert done["action"] == "update"
    assert estate.path(NAME, file).read_bytes() == right
    assert estate.certificate(NAME).serial_number == serial


def test_modes_and_links_are_mended_without_a_new_certificate(run_module: t.Any, estate: Estate) -> None:
    run_module("certificate", estate.args(START)).ok()
    serial = estate.certificate(NAME).serial_number
    estate.path(NAME, "key.pem").resolve().chmod(0o644)
    estate.path(NAME, "ca.pem").unlink()
    done = run_module("certificate", estate.args(START)).ok().result["results"][0]
    assert done["action"] == "update"
    assert "mode of the key is 0644, declared 0600" in done["reasons"]
    assert any(reason.endswith("ca.pem is missing") for reason in done["reasons"])
    assert estate.path(NAME, "key.pem").stat().st_mode & 0o777 == 0o600
    assert estate.certificate(NAME).serial_number == serial
    assert not run_module("certificate", estate.args(START)).ok().changed


@pytest.mark.parametrize("file", ["key.pem", "cert.pem"])
def test_a_damaged_file_of_ours_is_issued_anew(run_module: t.Any, estate: Estate, file: str) -> None:
    run_module("certificate", estate.args(START)).ok()
    estate.path(NAME, file).resolve().write_bytes(b"-----BEGIN NONSENSE-----\n")
    done = run_module("certificate", estate.args(START)).ok().result["results"][0]
    assert done["action"] == "replace"
    assert "cannot be used" in done["reasons"][0]
    assert not run_module("certificate", estate.args(START)).ok().changed


@pytest.mark.parametrize(
    ("label", "before", "after"),
    [
        ("subject", b"\x0c\x0da.svc.example", b"\x01\x0da.svc.example"),
        ("version", b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x13"),
    ],
)
def test_r23_one_damaged_octet_is_issued_again(
    run_module: t.Any, estate: Estate, label: str, before: bytes, after: bytes
) -> None:
    run_module("certificate", estate.args(START)).ok()
    whole = estate.certificate(NAME).public_bytes(serialization.Encoding.DER)
    damaged = whole.replace(before, after, 1) if before in whole else whole.replace(b"\x13" + before[1:], after, 1)
    assert damaged != whole, label
    text = base64.encodebytes(damaged).decode()
    place = estate.path(NAME).resolve()
    place.write_text(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")
    done = run_module("certificate", estate.args(START)).ok().result["results"][0]
    assert done["reasons"] == ["the certificate cannot be used: certificate 1 of 1 is malformed"]
    assert not run_module("certificate", estate.args(START)).ok().changed


def test_trap_33_identity_is_the_name_not_the_common_name(run_module: t.Any, estate: Estate) -> None:
    items = [{"name": name, "common_name": NAME} for name in ("one", "two")]
    run_module("certificate", estate.args(*items)).ok()
    assert estate.certificate("one").subject == estate.certificate("two").subject
    assert estate.certificate("one").serial_number != estate.certificate("two").serial_number
    assert not run_module("certificate", estate.args(*items)).ok().changed


def _now() -> str:
    return datetime.datetime.now(tz=datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _after(estate: Estate, vault: t.Any, made_at: str) -> str:
    """Return an instant after a certificate was made, once it has come."""
    vault.wait_until(lambda: _now() > made_at, what="the next second")
    return _now()


def test_what_was_made_before_an_instant_is_replaced_once_with_its_key(
    run_module: t.Any, estate: Estate, vault: t.Any
) -> None:
    first = run_module("certificate", estate.args(START)).ok().result["results"][0]["certificate"]
    key = estate.path(NAME, "key.pem").read_bytes()
    assert first["not_before"] < first["made_at"], "the engine dates back"
    assert first["previous"] == []
    args = estate.args({**START, "not_before": _after(estate, vault, first["made_at"])}, renew_key=False)
    foretold = run_module("certificate", args, check=True).ok().result["results"][0]
    assert foretold["action"] == "replace"
    assert estate.path(NAME, "key.pem").read_bytes() == key
    done = run_module("certificate", args).ok().result["results"][0]
    assert (done["action"], done["reasons"]) == ("replace", foretold["reasons"])
    assert estate.path(NAME, "key.pem").read_bytes() != key
    (kept,) = done["certificate"]["previous"]
    assert kept["made_at"] == first["made_at"]
    held = x509.load_pem_x509_certificate(pathlib.Path(kept["certificate_file"]).read_bytes())
    assert f"{held.serial_number:x}" == first["serial"].replace(":", "").lstrip("0")
    assert not run_module("certificate", args).ok().changed, "although its validity begins before that instant"


def test_mending_what_is_around_a_certificate_makes_it_no_younger(
    run_module: t.Any, estate: Estate, vault: t.Any
) -> None:
    first = run_module("certificate", estate.args(START)).ok().result["results"][0]["certificate"]
    moment = _after(estate, vault, first["made_at"])
    estate.path(NAME, "ca.pem").unlink()
    mended = run_module("certificate", estate.args(START)).ok().result["results"][0]
    assert (mended["action"], mended["certificate"]["made_at"]) == ("update", first["made_at"])
    done = run_module("certificate", estate.args({**START, "not_before": moment})).ok().result["results"][0]
    assert done["action"] == "replace"


def test_of_a_pair_that_others_made_the_validity_tells_its_age(run_module: t.Any, estate: Estate, vault: t.Any) -> None:
    first = run_module("certificate", estate.args(START)).ok().result["results"][0]["certificate"]
    for file in ("key.pem", "cert.pem"):
        content = estate.path(NAME, file).read_bytes()
        estate.path(NAME, file).unlink()
        estate.path(NAME, file).write_bytes(content)
    shutil.rmtree(estate.directory / ".trustmesh")
    done = run_module("certificate", estate.args({**START, "not_before": first["made_at"]})).ok().result["results"][0]
    assert (done["action"], len(done["certificate"]["previous"])) == ("replace", 1)
    assert done["certificate"]["previous"][0]["made_at"] == first["not_before"]


def test_an_instant_without_an_offset_is_refused(run_module: t.Any, estate: Estate) -> None:
    refused = run_module("certificate", estate.args({**START, "not_before": "2026-11-21T14:00:00"}))
    assert "not_before" in refused.msg
    assert "names no offset from UTC" in refused.msg
