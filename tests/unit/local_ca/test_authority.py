# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One development authority: what keeps its key, what needs a new one, and what is refused."""

from __future__ import annotations

import os
import pathlib
import stat
import types
import typing as t

import pytest

from plugins.module_utils._core.errors import InvalidInput, PolicyRefusal
from plugins.module_utils._local_ca.signer import LocalSigner
from plugins.module_utils._pki.chain import verify_chain
from plugins.module_utils._pki.development import DEVELOPMENT_UNIT
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.issuance import Authority, Span, sign_leaf
from plugins.module_utils._pki.keys import load_private_key
from plugins.module_utils._pki.names import Subject, SubjectAltNames
from plugins.module_utils._pki.request import make_csr
from tests.unit.local_ca.estate import DAY, START, Estate, done
from tests.unit.pki import forge

PASSPHRASE = "correct horse battery"


def test_mb_02_a_new_authority_is_private_short_and_marked(estate: Estate) -> None:
    assert done(estate.make("dev")) == ("create", ["does not exist"])
    facts = estate.facts("dev")
    assert (facts.is_ca, facts.path_length, facts.self_issued, facts.development) == (True, 0, True, True)
    assert facts.subject.common_name == "dev"
    assert facts.subject.organizational_unit == (DEVELOPMENT_UNIT,)
    assert facts.key_usage >= {"CertSign", "CRLSign"}
    assert facts.not_after == START + 3650 * DAY
    assert estate.key_spki("dev") == facts.spki_sha256
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (estate.directory / "dev").iterdir()}
    assert modes == {"ca-key.pem": 0o600, "ca-cert.pem": 0o644}
    forge.openssl(
        "verify",
        "-x509_strict",
        "-attime",
        str(int(START.timestamp())),
        "-CAfile",
        estate.path("dev"),
        estate.path("dev"),
    )


def test_a_second_run_changes_nothing(estate: Estate) -> None:
    estate.make("dev", crl_file="crl.pem")
    before = estate.snapshot()
    assert done(estate.make("dev", crl_file="crl.pem")) == ("none", [])
    assert estate.snapshot() == before


def test_check_mode_foretells_and_writes_nothing(estate: Estate) -> None:
    assert done(estate.make("dev", check=True)) == ("create", ["does not exist"])
    assert list(estate.directory.iterdir()) == []
    estate.make("dev")
    before = estate.snapshot()
    foretold = done(estate.make("dev", path_length=1, check=True))
    assert estate.snapshot() == before
    assert done(estate.make("dev", path_length=1)) == foretold == ("update", ["path_length is 0, declared 1"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"path_length": 2}, "path_length is 0, declared 2"),
        ({"ttl": "400d"}, "lifetime is 3650d30s, declared ttl 400d"),
    ],
)
def test_what_needs_no_new_key_keeps_it(estate: Estate, options: dict[str, t.Any], reason: str) -> None:
    estate.make("dev")
    before = estate.facts("dev")
    assert done(estate.make("dev", **options)) == ("update", [reason])
    after = estate.facts("dev")
    assert after.spki_sha256 == before.spki_sha256 == estate.key_spki("dev")
    assert after.serial != before.serial


def test_an_authority_renewed_with_its_key_still_vouches_for_what_it_signed(estate: Estate) -> None:
    estate.make("dev")
    key = load_private_key(estate.path("dev", "ca-key.pem").read_bytes())
    request = make_csr(forge.ec_key(), Subject(common_name="a"), SubjectAltNames())
    leaf = sign_leaf(request, Authority(estate.certificate("dev"), key), Span(START, START + 3600 * DAY))
    estate.now = START + 3284 * DAY
    assert done(estate.make("dev")) == ("none", [])
    estate.now = START + 3286 * DAY
    assert done(estate.make("dev")) == ("update", ["expires in 364 days, renewal margin is 365 days"])
    assert verify_chain(leaf, [], [estate.certificate("dev")], estate.now) == []
    assert estate.facts("dev").not_after == estate.now + 3650 * DAY
    assert done(estate.make("dev")) == ("none", [])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"common_name": "Other"}, "common_name is dev, declared Other"),
        ({"organization": ["Hub"]}, "organization lacks Hub"),
        ({"country": ["LU"]}, "country lacks LU"),
        ({"key_size": 384}, "key_size is 256, declared 384"),
        ({"key_type": "ed25519"}, "key_type is ec, declared ed25519"),
    ],
)
def test_what_needs_a_new_key_is_refused_unless_allowed(estate: Estate, options: dict[str, t.Any], reason: str) -> None:
    estate.make("dev", crl_file="crl.pem")
    before, spki = estate.snapshot(), estate.key_spki("dev")
    refused = estate.make("dev", crl_file="crl.pem", **options)
    assert isinstance(refused.error, PolicyRefusal)
    assert f"needs a new key: {reason}" in str(refused.error)
    assert not refused.changed
    assert estate.snapshot() == before
    allowed = estate.make("dev", crl_file="crl.pem", on_mismatch="replace", **options)
    assert done(allowed)[0] == "replace"
    assert reason in allowed.plan.reasons
    assert estate.key_spki("dev") == estate.facts("dev").spki_sha256 != spki
    assert estate.crl("dev").is_signed_by(estate.certificate("dev"))
    assert estate.crl("dev").number == 2


def test_a_lost_key_is_not_made_anew_by_itself(estate: Estate) -> None:
    estate.make("dev")
    estate.path("dev", "ca-key.pem").unlink()
    refused = estate.make("dev")
    assert "ca-key.pem is missing" in str(refused.error)
    assert not estate.path("dev", "ca-key.pem").exists()
    assert done(estate.make("dev", on_mismatch="replace")) == ("replace", ["ca-key.pem is missing"])


def test_a_lost_certificate_is_made_anew_from_the_key(estate: Estate) -> None:
    estate.make("dev")
    spki = estate.key_spki("dev")
    estate.path("dev").unlink()
    assert done(estate.make("dev")) == ("update", ["ca-cert.pem is missing"])
    assert estate.facts("dev").spki_sha256 == spki


def test_a_key_of_another_certificate_is_refused(estate: Estate) -> None:
    estate.make("dev")
    estate.path("dev", "ca-key.pem").write_bytes(forge.pkcs8(forge.ec_key()))
    refused = estate.make("dev")
    assert "ca-key.pem does not belong to ca-cert.pem" in str(refused.error)
    assert done(estate.make("dev", on_mismatch="replace"))[0] == "replace"


@pytest.mark.parametrize("file", ["ca-key.pem", "ca-cert.pem"])
def test_a_file_that_cannot_be_read_is_an_error_and_stays(estate: Estate, file: str) -> None:
    estate.make("dev")
    estate.path("dev", file).write_text("garbage\n")
    outcome = estate.make("dev", on_mismatch="replace")
    assert str(estate.path("dev", file)) in str(outcome.error)
    assert estate.path("dev", file).read_text() == "garbage\n"


def test_owner_and_mode_are_put_right(estate: Estate) -> None:
    estate.make("dev")
    serial = estate.facts("dev").serial
    os.chmod(estate.path("dev", "ca-key.pem"), 0o644)
    os.chmod(estate.path("dev"), 0o600)
    assert done(estate.make("dev")) == (
        "update",
        ["mode of ca-key.pem is 0644, declared 0600", "mode of ca-cert.pem is 0600, declared 0644"],
    )
    assert stat.S_IMODE(estate.path("dev", "ca-key.pem").stat().st_mode) == 0o600
    assert estate.facts("dev").serial == serial


def test_a_passphrase_encrypts_and_opens_the_key(estate: Estate) -> None:
    estate.make("dev")
    spki = estate.key_spki("dev")
    assert done(estate.make("dev", passphrase=PASSPHRASE)) == ("update", ["encrypted is false, declared true"])
    assert b"ENCRYPTED" in estate.path("dev", "ca-key.pem").read_bytes()
    assert done(estate.make("dev", passphrase=PASSPHRASE)) == ("none", [])
    assert done(estate.make("dev", passphrase=PASSPHRASE, path_length=1))[0] == "update"
    assert estate.facts("dev").spki_sha256 == spki
    assert "Declare its passphrase" in str(estate.make("dev").error)
    wrong = estate.make("dev", passphrase="wrong horse battery")
    assert "passphrase is wrong" in str(wrong.error)
    assert "horse" not in str(wrong.error)


def test_a_passphrase_may_come_from_a_file(estate: Estate) -> None:
    secret = estate.directory / "secret"
    secret.write_text(f"{PASSPHRASE}\n")
    estate.make("dev", passphrase_file=str(secret))
    assert done(estate.make("dev", passphrase=PASSPHRASE)) == ("none", [])


def test_absent_removes_its_files_and_no_others(estate: Estate) -> None:
    estate.make("dev", crl_file="crl.pem")
    estate.path("dev", "note").write_text("mine")
    assert done(estate.make("dev", crl_file="crl.pem", state="absent", check=True))[0] == "delete"
    assert estate.path("dev").exists()
    assert done(estate.make("dev", crl_file="crl.pem", state="absent")) == ("delete", ["exists but is declared absent"])
    assert [path.name for path in (estate.directory / "dev").iterdir()] == ["note"]
    assert done(estate.make("dev", crl_file="crl.pem", state="absent")) == ("none", [])


def test_mb_47_a_real_authority_is_neither_taken_over_nor_removed(estate: Estate) -> None:
    real = forge.make("dev", ca=True, path_length=0, start=START, end=START + 3650 * DAY)
    (estate.directory / "dev").mkdir()
    estate.path("dev").write_bytes(real.pem)
    estate.path("dev", "ca-key.pem").write_bytes(real.key_pem)
    before = estate.snapshot()
    assert "development is false, declared true" in str(estate.make("dev").error)
    removal = estate.make("dev", state="absent")
    assert "is not of a development authority and is not removed" in str(removal.error)
    assert {path: content for path, (content, _mode) in estate.snapshot().items()} == {
        path: content for path, (content, _mode) in before.items()
    }


def test_facts_tell_everything_a_play_needs_and_nothing_secret(estate: Estate) -> None:
    facts = estate.make("dev", crl_file="crl.pem", passphrase=PASSPHRASE).facts
    assert facts["certificate"] == estate.path("dev").read_text()
    assert facts["renew_at"] == "2034-12-30T11:59:57Z"
    assert facts["crl"]["number"] == 1
    assert "chain_file" not in facts
    assert "PRIVATE" not in str(facts)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"key_size": 1024, "key_type": "rsa"}, "key_size"),
        ({"path_length": -1}, "path_length"),
        ({"ttl": "soon"}, "ttl"),
        ({"ttl": "0"}, "ttl"),
        ({"renew_before": "95%"}, "renew_before"),
        ({"ttl": "1h", "renew_before": "2h"}, "renew_before"),
        ({"crl_file": "x", "crl_ttl": "1h", "crl_renew_before": "1h"}, "crl_renew_before"),
        ({"passphrase": "short"}, "passphrase"),
        ({"passphrase_file": "/nonexistent"}, "passphrase_file"),
        ({"parent": "dev"}, "parent"),
        ({"parent": "x", "parent_passphrase_file": "/nonexistent"}, "parent_passphrase_file"),
        ({"common_name": "x" * 65}, "common_name"),
        ({"country": ["Luxembourg"]}, "country"),
        ({"owner": "nobody-of-this-name"}, "owner"),
        ({"revoked": [{"serial": "1", "certificate_file": None, "reason": "unspecified"}]}, "revoked"),
    ],
)
def test_a_wrong_declaration_is_refused_by_the_name_of_its_option(
    estate: Estate, options: dict[str, t.Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        estate.authority("dev", **options)
    assert caught.value.field == field
    assert caught.value.problem


def test_two_authorities_cannot_share_a_directory(estate: Estate) -> None:
    same = str(estate.directory / "one")
    with pytest.raises(InvalidInput, match="directory of local_ca one and directory of local_ca two are the same file"):
        estate.apply(estate.authority("one"), estate.authority("two", directory=same))


def test_a_request_that_its_key_did_not_sign_is_not_signed(tmp_path: pathlib.Path) -> None:
    signer = LocalSigner(str(tmp_path))
    forged = t.cast(t.Any, types.SimpleNamespace(is_signature_valid=False))
    with pytest.raises(PkiError, match="the signature of the certificate request is wrong"):
        signer.sign(forged, t.cast(t.Any, None))


def test_an_authority_whose_clock_was_ahead_is_named_and_can_be_signed_again(estate: Estate) -> None:
    estate.now = START + 365 * DAY
    assert estate.make("dev", crl_file="crl.pem").error is None
    key = estate.key_spki("dev")
    estate.now = START
    refused = estate.make("dev", crl_file="crl.pem")
    assert str(refused.error).startswith("clock: the certificate is valid from 2027-01-01")
    estate.path("dev").unlink()
    assert estate.make("dev", crl_file="crl.pem").error is None
    assert estate.key_spki("dev") == key
    assert estate.crl("dev").this_update == START
    assert estate.make("dev", crl_file="crl.pem").plan.action.value == "none"
