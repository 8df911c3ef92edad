# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intermediates below a development root, and revocation lists."""

from __future__ import annotations

import pytest

from plugins.module_utils._core.errors import InvalidInput, TrustmeshError
from plugins.module_utils._local_ca.signer import LocalSigner
from plugins.module_utils._local_ca.store import AuthorityPaths, load_authority
from plugins.module_utils._pki.certificate import validity
from plugins.module_utils._pki.chain import verify_chain
from plugins.module_utils._pki.drift import CertificateState, Wanted
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.request import make_csr
from tests.unit.local_ca.estate import DAY, START, Estate, done
from tests.unit.pki import forge

PASSPHRASE = "correct horse battery"


def _pair(estate: Estate, root: dict[str, object] | None = None, **options: object) -> list[tuple[str, list[str]]]:
    above = estate.authority("root", **{"path_length": 1, **(root or {})})
    return [done(outcome) for outcome in estate.apply(above, estate.authority("mesh", parent="root", **options))]


def test_root_and_intermediate_are_made_in_one_run(estate: Estate) -> None:
    above = estate.authority("root", path_length=1)
    foretold = estate.apply(above, estate.authority("mesh", parent="root"), check=True)
    assert [done(outcome)[0] for outcome in foretold] == ["create", "create"]
    assert _pair(estate) == [("create", ["does not exist"])] * 2
    assert estate.chain("mesh") == (estate.certificate("root"),)
    assert not estate.path("root", "ca-chain.pem").exists()
    assert verify_chain(estate.certificate("mesh"), [], [estate.certificate("root")], START) == []
    moment = str(int(START.timestamp()))
    text = forge.openssl(
        "verify", "-x509_strict", "-attime", moment, "-CAfile", estate.path("root"), estate.path("mesh")
    )
    assert ": OK" in text
    assert _pair(estate) == [("none", [])] * 2


def test_trap_21_an_intermediate_ends_with_its_parent_at_the_latest(estate: Estate) -> None:
    _pair(estate, {"ttl": "100d"}, ttl="3650d")
    assert estate.facts("mesh").not_after == estate.facts("root").not_after
    assert _pair(estate, {"ttl": "100d"}, ttl="3650d") == [("none", [])] * 2


def test_an_intermediate_that_ends_with_its_parent_waits_for_it(estate: Estate) -> None:
    _pair(estate, {"ttl": "100d"})
    estate.now = START + 95 * DAY
    (waiting,) = estate.apply(estate.authority("mesh", parent="root"))
    assert done(waiting) == ("none", [])
    assert "its parent ends then too; renew the parent first" in waiting.plan.warnings[0]
    foretold = estate.apply(
        estate.authority("root", path_length=1, ttl="100d"), estate.authority("mesh", parent="root"), check=True
    )
    renewed, followed = _pair(estate, {"ttl": "100d"})
    assert [done(outcome) for outcome in foretold] == [renewed, followed]
    assert renewed == ("update", ["expires in 5 days, renewal margin is 10 days"])
    assert followed[1][-1] == "its parent, with which it ends, gets a new certificate"
    assert _pair(estate, {"ttl": "100d"}) == [("none", [])] * 2
    estate.now = START + 300 * DAY
    (expired,) = estate.apply(estate.authority("mesh", parent="root"))
    assert "together with its parent" in str(expired.error)
    assert [action for action, _reasons in _pair(estate, {"ttl": "100d"})] == ["update", "update"]


def test_a_renewed_parent_is_followed_by_the_chain_file(estate: Estate) -> None:
    _pair(estate, ttl="1000d")
    mesh = estate.facts("mesh").serial
    changed = _pair(estate, {"path_length": 2}, ttl="1000d")
    assert changed == [
        ("update", ["path_length is 1, declared 2"]),
        ("update", ["its parent gets a new certificate"]),
    ]
    assert estate.chain("mesh") == (estate.certificate("root"),)
    assert estate.facts("mesh").serial == mesh
    estate.make("root", path_length=1)
    assert estate.chain("mesh") != (estate.certificate("root"),)
    assert _pair(estate, ttl="1000d")[1] == ("update", ["ca-chain.pem is not the chain of the parent"])
    assert _pair(estate, ttl="1000d") == [("none", [])] * 2


def test_a_parent_with_a_new_key_signs_its_intermediate_again(estate: Estate) -> None:
    _pair(estate)
    key = estate.key_spki("mesh")
    for together in (True, False):
        estate.path("root", "ca-key.pem").unlink()
        replaced = estate.authority("root", path_length=1, on_mismatch="replace")
        mesh = estate.authority("mesh", parent="root")
        if together:
            action, reasons = done(estate.apply(replaced, mesh)[1])
            assert (action, reasons[0]) == ("update", "its parent gets a new key")
        else:
            estate.apply(replaced)
            action, reasons = done(estate.apply(mesh)[0])
            assert action == "update"
            assert reasons[0].endswith("has another key now")
        assert estate.key_spki("mesh") == key
        assert verify_chain(estate.certificate("mesh"), [], [estate.certificate("root")], START) == []
        assert _pair(estate) == [("none", [])] * 2


def test_a_root_may_be_taken_offline(estate: Estate) -> None:
    _pair(estate, ttl="1000d")
    (estate.directory / "root").rename(estate.directory / "safe")
    (outcome,) = estate.apply(estate.authority("mesh", parent="root", ttl="1000d"))
    assert done(outcome) == ("none", [])
    assert "its parent is not in" in outcome.plan.warnings[0]
    (refused,) = estate.apply(estate.authority("mesh", parent="root", ttl="500d"))
    assert str(estate.path("root")) in str(refused.error)


def test_a_parent_has_to_be_declared_first(estate: Estate) -> None:
    with pytest.raises(InvalidInput, match="root comes after mesh, which it signs"):
        estate.apply(estate.authority("mesh", parent="root"), estate.authority("root", path_length=1))


def test_a_root_can_become_an_intermediate_and_back_with_its_key(estate: Estate) -> None:
    estate.make("mesh")
    key = estate.key_spki("mesh")
    actions = _pair(estate)
    assert actions[1][0] == "update"
    assert estate.chain("mesh") == (estate.certificate("root"),)
    assert done(estate.make("mesh"))[0] == "update"
    assert not estate.path("mesh", "ca-chain.pem").exists()
    assert estate.facts("mesh").self_issued
    assert estate.key_spki("mesh") == key


def test_a_parent_for_leaves_only_signs_no_authority(estate: Estate) -> None:
    root, mesh = estate.apply(estate.authority("root"), estate.authority("mesh", parent="root"))
    assert root.error is None
    assert "path_length: CN=root" in str(mesh.error)
    assert "at least 1 is needed" in str(mesh.error)
    assert not estate.path("mesh").exists()
    assert not estate.path("mesh", "ca-key.pem").exists()


def test_a_parent_that_is_not_there_is_named(estate: Estate) -> None:
    outcome = estate.make("mesh", parent="root")
    assert str(estate.path("root")) in str(outcome.error)
    assert not estate.path("mesh", "ca-key.pem").exists()


def test_three_levels_have_a_whole_chain(estate: Estate) -> None:
    estate.apply(
        estate.authority("root", path_length=2, passphrase=PASSPHRASE),
        estate.authority("upper", parent="root", path_length=1, parent_passphrase=PASSPHRASE),
        estate.authority("lower", parent="upper"),
    )
    assert estate.chain("lower") == (estate.certificate("upper"), estate.certificate("root"))


def _revoked(*serials: str, reason: str = "superseded") -> list[dict[str, str | None]]:
    return [{"serial": serial, "certificate_file": None, "reason": reason} for serial in serials]


def test_a_list_names_what_is_declared_and_keeps_dates(estate: Estate) -> None:
    estate.make("dev", crl_file="crl.pem")
    assert estate.crl("dev").entries() == []
    assert done(estate.make("dev", crl_file="crl.pem", revoked=_revoked("39:DD"))) == (
        "update",
        ["revoked lacks 39:dd superseded"],
    )
    estate.now = START + DAY
    estate.make("dev", crl_file="crl.pem", revoked=_revoked("39dd", "40"))
    entries = {entry.serial_number: entry for entry in estate.crl("dev").entries()}
    assert (entries[0x39DD].revoked_at, entries[0x40].revoked_at) == (START, START + DAY)
    assert estate.crl("dev").number == 3
    assert estate.crl("dev").is_signed_by(estate.certificate("dev"))
    assert done(estate.make("dev", crl_file="crl.pem", revoked=_revoked("39dd", "40"))) == ("none", [])
    assert done(estate.make("dev", crl_file="crl.pem"))[0] == "update"
    assert estate.crl("dev").entries() == []


def test_a_list_is_made_anew_in_time(estate: Estate) -> None:
    estate.make("dev", crl_file="crl.pem", crl_ttl="9d")
    estate.now = START + 6 * DAY
    assert done(estate.make("dev", crl_file="crl.pem", crl_ttl="9d")) == ("none", [])
    estate.now = START + 7 * DAY
    assert done(estate.make("dev", crl_file="crl.pem", crl_ttl="9d")) == (
        "update",
        ["the revocation list expires in 2 days, renewal margin is 2 days"],
    )
    assert estate.crl("dev").next_update == START + 16 * DAY
    assert done(estate.make("dev", crl_file="crl.pem", crl_ttl="30d")) == (
        "update",
        ["the revocation list is made for 9d, declared 30d"],
    )


def test_a_list_that_was_lost_or_forged_is_made_anew(estate: Estate) -> None:
    estate.make("dev", crl_file="crl.pem", revoked=_revoked("1"))
    estate.path("dev", "crl.pem").unlink()
    assert done(estate.make("dev", crl_file="crl.pem", revoked=_revoked("1"))) == ("update", ["crl.pem is missing"])
    estate.make("twin", common_name="dev", crl_file="crl.pem", revoked=_revoked("1"))
    estate.path("dev", "crl.pem").write_bytes(estate.path("twin", "crl.pem").read_bytes())
    assert done(estate.make("dev", crl_file="crl.pem", revoked=_revoked("1"))) == (
        "update",
        ["the revocation list is not signed by this authority"],
    )


def _leaf_file(estate: Estate, authority: str) -> str:
    wanted = Wanted(CertificateState.declared({"common_name": "node1", "dns_names": ["node1.example"]}))
    signer = LocalSigner(str(estate.directory / authority), clock=lambda: estate.now)
    leaf, _chain = signer.sign(make_csr(forge.ec_key(), wanted.subject, wanted.sans), wanted)
    path = estate.directory / f"{authority}-leaf.pem"
    path.write_bytes(forge.Made(leaf, None).pem)
    return str(path)


def test_a_certificate_is_revoked_by_its_file_and_openssl_agrees(estate: Estate) -> None:
    estate.make("dev", crl_file="crl.pem")
    estate.make("other")
    entry = {"serial": None, "certificate_file": _leaf_file(estate, "dev"), "reason": "key_compromise"}
    assert done(estate.make("dev", crl_file="crl.pem", revoked=[entry]))[0] == "update"
    trusted = estate.directory / "trusted.pem"
    trusted.write_bytes(estate.path("dev").read_bytes() + estate.path("dev", "crl.pem").read_bytes())
    moment = str(int(START.timestamp()))
    text = forge.openssl(
        "verify", "-crl_check", "-attime", moment, "-CAfile", trusted, entry["certificate_file"] or "", ok=False
    )
    assert "certificate revoked" in text
    foreign = {**entry, "certificate_file": _leaf_file(estate, "other")}
    refused = estate.make("dev", crl_file="crl.pem", revoked=[foreign])
    assert "not by this authority" in str(refused.error)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"serial": "x", "certificate_file": None}, "revoked[0].serial"),
        ({"serial": None, "certificate_file": "/nonexistent"}, "revoked[0].certificate_file"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_place(estate: Estate, entry: dict[str, str | None], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        estate.authority("dev", crl_file="crl.pem", revoked=[{**entry, "reason": "unspecified"}])
    assert caught.value.field == field


def _wanted(ttl: int | None = None) -> Wanted:
    return Wanted(CertificateState.declared({"common_name": "a", "dns_names": ["a.example"]}), ttl=ttl)


def test_a_signer_gives_leaf_and_chain(estate: Estate) -> None:
    _pair(estate)
    signer = LocalSigner(str(estate.directory / "mesh"), clock=lambda: estate.now)
    wanted = _wanted(ttl=86400)
    assert signer.objections(wanted, estate.now) == []
    leaf, chain = signer.sign(make_csr(forge.ec_key(), wanted.subject, wanted.sans), wanted)
    assert chain == signer.chain() == (estate.certificate("mesh"), estate.certificate("root"))
    assert verify_chain(leaf, chain[:1], chain[1:], START, "ServerAuth") == []
    assert validity(leaf)[1] == START + DAY


def test_trap_22_a_leaf_does_not_outlive_its_authority(estate: Estate) -> None:
    estate.make("dev", ttl="100d")
    signer = LocalSigner(str(estate.directory / "dev"), clock=lambda: estate.now)
    assert signer.objections(_wanted(), estate.now) == []
    (objection,) = signer.objections(_wanted(ttl=101 * 86400), estate.now)
    assert "reaches beyond the end of CN=dev" in objection.problem
    assert objection.field == "ttl"
    wanted = _wanted()
    leaf, _chain = signer.sign(make_csr(forge.ec_key(), wanted.subject, wanted.sans), wanted)
    assert validity(leaf)[1] == START + 100 * DAY


def test_a_signer_without_its_authority_says_what_is_missing(estate: Estate) -> None:
    signer = LocalSigner(str(estate.directory / "dev"))
    assert signer.chain() is None
    assert signer.objections(_wanted(), estate.now) == []
    wanted = _wanted()
    request = make_csr(forge.ec_key(), wanted.subject, wanted.sans)
    with pytest.raises(PkiError, match="Make the authority first"):
        signer.sign(request, wanted)
    estate.make("dev", passphrase=PASSPHRASE)
    with pytest.raises(TrustmeshError, match=r"Declare its passphrase \(ca_passphrase_file\)"):
        LocalSigner(str(estate.directory / "dev")).sign(request, wanted)
    secret = estate.directory / "secret"
    secret.write_text(PASSPHRASE)
    assert LocalSigner(str(estate.directory / "dev"), str(secret)).sign(request, wanted)


def test_an_authority_whose_files_do_not_match_does_not_sign(estate: Estate) -> None:
    estate.make("dev")
    estate.path("dev", "ca-key.pem").write_bytes(forge.pkcs8(forge.ec_key()))
    with pytest.raises(PkiError, match="does not belong to"):
        load_authority(AuthorityPaths(str(estate.directory / "dev")), None, "ca_passphrase_file")
