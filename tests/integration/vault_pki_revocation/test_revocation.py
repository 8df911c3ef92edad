# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_pki_revocation against a real server, its revocation list as the witness."""

from __future__ import annotations

import pathlib
import time
import typing as t
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.integration.ladder import Ladder
from tests.integration.vault_pki.authority import Authority
from tests.integration.vault_pki.engine import Engine
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult

Revoke = Callable[..., ModuleResult]
Issue = Callable[..., dict[str, t.Any]]


@pytest.fixture
def issue(engine: Engine) -> Issue:
    """Issue a certificate from the test's engine, stored unless told otherwise."""
    engine.make_root()

    def make(no_store: bool = False) -> dict[str, t.Any]:
        engine.write("roles/r", key_type="ec", allow_any_name=True, no_store=no_store)
        return engine.write("issue/r", common_name="a.example", ttl="1h").data

    return make


@pytest.fixture
def revoke(run_module: t.Any, connection: dict[str, str], engine: Engine) -> Revoke:
    """Run the module on certificates of the test's engine."""

    def run(*revocations: dict[str, t.Any], check: bool = False) -> ModuleResult:
        args = {**connection, "mount": engine.path, "revocations": list(revocations)}
        result: ModuleResult = run_module("vault_pki_revocation", args, check=check, diff=True)
        return result

    return run


def revoked(engine: Engine) -> set[int]:
    """Return the serial numbers on the revocation list that clients get."""
    text = engine.read("cert", "crl")["certificate"]
    return {entry.serial_number for entry in x509.load_pem_x509_crl(text.encode())}


def number(serial: str) -> int:
    return int(serial.replace(":", ""), 16)


def test_ladder(ladder: Ladder, engine: Engine, issue: Issue) -> None:
    one, two = issue(), issue()
    given = [{"serial": one["serial_number"]}, {"certificate": two["certificate"]}]
    rungs = ladder.climb("vault_pki_revocation", {"mount": engine.path, "revocations": given})
    assert revoked(engine) == {number(one["serial_number"]), number(two["serial_number"])}
    facts = rungs["create"].items[0]["revocation"]
    assert (facts["serial"], facts["revoked"]) == (one["serial_number"], True)
    assert rungs["again"].items[0]["revocation"] == facts
    assert rungs["check create"].items[0]["revocation"] == {
        "serial": one["serial_number"],
        "revoked": False,
        "revoked_at": None,
    }


def test_trap_18_second_revocation_keeps_the_first_time(revoke: Revoke, engine: Engine, issue: Issue) -> None:
    serial = issue()["serial_number"]
    engine.write("revoke", serial_number=serial)
    since = engine.read("cert", serial)["revocation_time"]
    assert not revoke({"serial": serial}).ok().changed
    assert engine.read("cert", serial)["revocation_time"] == since


@pytest.mark.parametrize("spell", [str, str.upper, lambda s: s.replace(":", "-"), lambda s: s.replace(":", "")])
def test_trap_18_serials_in_every_spelling_are_one(
    revoke: Revoke, engine: Engine, issue: Issue, spell: Callable[[str], str]
) -> None:
    serial = issue()["serial_number"]
    (item,) = revoke({"serial": spell(serial)}).ok().result["results"]
    assert item["item"] == f"{engine.path}/{serial}"
    assert revoked(engine) == {number(serial)}


def test_trap_18_unknown_serial_is_refused_before_anything_is_written(
    revoke: Revoke, issue: Issue, audit_window: t.Any
) -> None:
    issue()
    for check in (True, False):
        with audit_window() as window:
            result = revoke({"serial": "00:11"}, check=check)
        assert result.failed
        assert "serial: " in result.msg and "stores no certificate with this number" in result.msg
        assert not window.writes


def test_trap_18_certificate_that_is_not_stored_is_revoked_by_itself(
    revoke: Revoke, engine: Engine, issue: Issue, tmp_path: pathlib.Path
) -> None:
    made = issue(no_store=True)
    assert engine.api.read(engine.at("cert", made["serial_number"])) is None
    assert revoke({"serial": made["serial_number"]}).failed
    file = tmp_path / "leaf.der"
    leaf = x509.load_pem_x509_certificate(made["certificate"].encode())
    file.write_bytes(leaf.public_bytes(serialization.Encoding.DER))
    assert revoke({"certificate_file": str(file)}).ok().changed
    assert revoked(engine) == {number(made["serial_number"])}
    assert not revoke({"certificate_file": str(file)}).ok().changed


def test_certificate_of_another_ca_is_not_revoked(revoke: Revoke, engine: Engine, issue: Issue) -> None:
    issue()
    result = revoke({"certificate": Authority().issue("foreign", ca=False)})
    assert result.failed
    assert "unable to verify signature" in result.msg and "defect" not in result.msg
    assert revoked(engine) == set()


def test_file_that_does_not_exist_yet_is_foretold_and_missed(revoke: Revoke, issue: Issue) -> None:
    issue()
    foretold = revoke({"certificate_file": "/nowhere/leaf.pem"}, check=True).ok()
    assert foretold.result["results"][0]["action"] == "update"
    assert "/nowhere/leaf.pem does not exist" in str(foretold.result["warnings"])
    result = revoke({"certificate_file": "/nowhere/leaf.pem"})
    assert result.failed
    assert "certificate_file: /nowhere/leaf.pem does not exist on this host" in result.msg


def test_missing_mount_is_foretold_in_check_mode_and_an_error_otherwise(revoke: Revoke) -> None:
    item = {"serial": "aa:bb", "mount": "not-there"}
    assert revoke(item, check=True).ok().changed
    result = revoke(item)
    assert result.failed and "nothing is mounted for not-there/revoke" in result.msg


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"serial": "xyz"}, "serial: 'xyz' is not a serial number in hexadecimal"),
        ({"certificate": "nonsense"}, "certificate: no certificate was found"),
        ({"certificate_file": "/etc/hostname"}, "certificate_file: no certificate was found"),
        ({}, "one of the following is required: serial, certificate, certificate_file"),
        ({"serial": "aa", "certificate": "x"}, "mutually exclusive"),
    ],
)
def test_what_names_no_certificate_is_refused(
    revoke: Revoke, audit_window: t.Any, item: dict[str, t.Any], message: str
) -> None:
    with audit_window() as window:
        result = revoke(item)
    assert result.failed
    assert message in result.msg
    assert not window.requests


@pytest.fixture
def issue_ended(engine: Engine, issue: Issue, vault: OpenBao) -> Callable[[], dict[str, t.Any]]:
    """Issue a certificate and wait until it has ended."""

    def make() -> dict[str, t.Any]:
        issue()
        engine.write("roles/brief", key_type="ec", allow_any_name=True, not_before_duration="0s")
        data = engine.write("issue/brief", common_name="b.example", ttl="1s").data
        vault.wait_until(lambda: time.time() > data["expiration"] + 1, what="the end of the certificate")
        return data

    return make


def test_ended_certificate_is_left_with_a_warning(
    revoke: Revoke, engine: Engine, issue_ended: Callable[[], dict[str, t.Any]], audit_window: t.Any
) -> None:
    """hashicorp/vault#19452, #27609: revoking what has ended is answered with success and does nothing."""
    serial = issue_ended()["serial_number"]
    for check in (True, False):
        with audit_window() as window:
            result = revoke({"serial": serial}, check=check).ok()
        (item,) = result.result["results"]
        assert not result.changed and not window.writes
        assert "nothing accepts it, and the server does not revoke it any more" in str(item["warnings"])
        assert item["revocation"]["revoked"] is False


def test_ended_certificate_is_revoked_where_the_server_does_that(
    revoke: Revoke, engine: Engine, issue_ended: Callable[[], dict[str, t.Any]]
) -> None:
    """hashicorp/vault#27609: OpenBao has a setting for that."""
    if "allow_expired_cert_revocation" not in engine.api.fields(engine.at("config/crl")):
        pytest.skip("not applicable: this server has no such setting")
    serial = issue_ended()["serial_number"]
    engine.write("config/crl", allow_expired_cert_revocation=True)
    assert revoke({"serial": serial}).ok().changed
    assert not revoke({"serial": serial}).ok().changed
    assert number(serial) in revoked(engine)


def test_ended_certificate_without_the_right_to_read_the_rules(
    run_module: t.Any,
    vault: OpenBao,
    engine: Engine,
    issue_ended: Callable[[], dict[str, t.Any]],
    token: Callable[..., str],
) -> None:
    """hashicorp/vault#19452: the server is asked, and what it leaves undone is an error that says why."""
    rules = f"""
    path "{engine.path}/revoke" {{ capabilities = ["update"] }}
    path "{engine.path}/cert/*" {{ capabilities = ["read"] }}
    """
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": token(rules=rules), "mount": engine.path}
    serial = issue_ended()["serial_number"]
    result = run_module("vault_pki_revocation", {**args, "revocations": [{"serial": serial}]})
    assert result.failed
    assert (
        f"does not revoke it any more. Take it from the list, or let the token read {engine.path}/config/crl"
        in result.msg
    )


def test_list_that_is_made_by_time_is_told(revoke: Revoke, engine: Engine, issue: Issue) -> None:
    """openbao/openbao#3051: with auto_rebuild, a revocation is not in the list that clients get."""
    serial = issue()["serial_number"]
    engine.write("config/crl", auto_rebuild=True)
    for check in (True, False):
        (item,) = revoke({"serial": serial}, check=check).ok().result["results"]
        assert item["changed"]
        assert f"now, read {engine.path}/crl/rotate" in str(item["warnings"])
    assert number(serial) not in revoked(engine)
    engine.read("crl/rotate")
    assert number(serial) in revoked(engine)
    assert revoke({"serial": serial}).ok().result["results"][0]["warnings"] == []


def test_documented_policy_suffices(
    run_module: t.Any, vault: OpenBao, engine: Engine, issue: Issue, token: Callable[..., str]
) -> None:
    rules = f"""
    path "{engine.path}/revoke" {{ capabilities = ["update"] }}
    path "{engine.path}/cert/*" {{ capabilities = ["read"] }}
    """
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": token(rules=rules), "mount": engine.path}
    serial = issue()["serial_number"]
    assert run_module("vault_pki_revocation", {**args, "revocations": [{"serial": serial}]}).ok().changed


def test_a_leaf_is_revoked_where_the_root_has_no_key_in_the_engine(
    revoke: Revoke, engine: Engine, make_engine: t.Any
) -> None:
    """hashicorp/vault#16052: an issuer without a key beside the one that issues made every revocation fail."""
    above = make_engine()
    above.make_root()
    asked = engine.write("intermediate/generate/internal", common_name="Issuing", key_type="ec").data["csr"]
    signed = above.write("issuer/root/sign-intermediate", csr=asked, common_name="Issuing", ttl="100d").data
    engine.write("intermediate/set-signed", certificate="\n".join([signed["certificate"], signed["issuing_ca"]]))
    assert len(engine.issuers()) == 2
    engine.write("roles/r", key_type="ec", allow_any_name=True)
    serial = engine.write("issue/r", common_name="a.example", ttl="1h").data["serial_number"]
    assert revoke({"serial": serial}).ok().changed
    assert not revoke({"serial": serial}).ok().changed
    assert number(serial) in revoked(engine)
