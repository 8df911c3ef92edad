# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C1 to C3: a verdict about a certificate is about its chain, and every list of a file counts."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest

from plugins.module_utils._inspection.survey import ITEM_OPTIONS, Survey
from tests.unit.certificate_info.hierarchy import Hierarchy
from tests.unit.pki import forge

UTC = datetime.timezone.utc


def look(hierarchy: Hierarchy, *crls: str, path: str = "full.pem", ca: bool = True, **item: t.Any) -> dict[str, t.Any]:
    """Return the result for the chain of a hierarchy, now."""
    given = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    given.update(path=hierarchy.path(path), ca_file=hierarchy.path("root.pem") if ca else None, **item)
    given["crl_files"] = list(crls) or None
    now = datetime.datetime.now(tz=UTC)
    result: dict[str, t.Any] = Survey(lambda: t.cast(t.Any, None), now).run([given])["results"][0]
    return result


@pytest.fixture
def hierarchy(tmp_path: pathlib.Path) -> Hierarchy:
    """A sound one."""
    return Hierarchy(tmp_path)


@pytest.mark.parametrize("ca", [True, False])
def test_c1_a_chain_that_ends_before_its_leaf_is_not_ok(tmp_path: pathlib.Path, ca: bool) -> None:
    hierarchy = Hierarchy(tmp_path, int_days=5)
    found = look(hierarchy, ca=ca, expires_within="30d")
    assert not found["ok"]
    assert found["problems"] == ["CN=Issuing expires in 4 days, renewal margin is 30 days"]
    assert (found["expiry"], found["days_left"]) == ("due", 4)
    assert found["expiry_reason"].startswith("CN=Issuing expires in")
    assert [link["days_left"] for link in found["links"][:2]] == [59, 4]
    assert found["valid_until"] == found["links"][1]["not_after"]
    assert look(hierarchy, ca=ca, expires_within="2d")["ok"]
    assert not look(hierarchy, ca=ca)["ok"], "by default, too"


def test_c1_an_anchor_that_ends_is_not_ok(tmp_path: pathlib.Path) -> None:
    hierarchy = Hierarchy(tmp_path, root_days=5)
    found = look(hierarchy, expires_within="30d")
    assert found["problems"] == ["CN=Root expires in 4 days, renewal margin is 30 days"]
    assert found["days_left"] == 4


def test_c1_a_sound_chain_is_ok(hierarchy: Hierarchy) -> None:
    found = look(hierarchy, hierarchy.crl("root"), hierarchy.crl("int"), purpose="server")
    assert (found["ok"], found["problems"], found["revoked"]) == (True, [], False)
    assert hierarchy.openssl_accepts(hierarchy.path("root.crl"), hierarchy.path("int.crl"), purpose="sslserver")


@pytest.mark.parametrize("ca", [True, False])
def test_c2_a_revoked_intermediate_is_found_at_its_depth(hierarchy: Hierarchy, ca: bool) -> None:
    hierarchy.revoke("root", "int")
    crls = hierarchy.crl("root"), hierarchy.crl("int")
    found = look(hierarchy, *crls, ca=ca)
    assert (found["ok"], found["revoked"], found["revoked_depth"]) == (False, True, 1)
    assert "CN=Issuing (depth 1) is revoked since" in found["problems"][0]
    assert not hierarchy.openssl_accepts(*crls)


@pytest.mark.parametrize(("given", "missing"), [("root", "its issuer CN=Issuing"), ("int", "CN=Root, the issuer of")])
def test_c2_a_missing_list_of_any_link_is_a_problem(hierarchy: Hierarchy, given: str, missing: str) -> None:
    crl = hierarchy.crl(given)
    found = look(hierarchy, crl)
    assert found["revoked"] is None
    assert len(found["problems"]) == 1
    assert f"no revocation list given is of {missing}" in found["problems"][0]
    assert not hierarchy.openssl_accepts(crl)


@pytest.mark.parametrize("ca", [True, False])
def test_c3_every_list_of_a_file_is_read(hierarchy: Hierarchy, ca: bool) -> None:
    hierarchy.revoke("int", "leaf")
    both = hierarchy.directory / "both.crl"
    both.write_bytes(b"".join(pathlib.Path(hierarchy.crl(name)).read_bytes() for name in ("root", "int")))
    found = look(hierarchy, str(both), ca=ca)
    assert (found["revoked"], found["revoked_depth"]) == (True, 0)
    assert found["problems"][0].startswith("is revoked since")


def test_c3_a_damaged_list_among_others_is_an_error(hierarchy: Hierarchy) -> None:
    good = pathlib.Path(hierarchy.crl("root")).read_bytes()
    bad = hierarchy.directory / "bad.crl"
    bad.write_bytes(good + b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    assert "revocation list 2 of 2 is malformed" in look(hierarchy, str(bad))["msg"]


def test_c3_a_list_in_der_is_read(hierarchy: Hierarchy) -> None:
    hierarchy.revoke("int", "leaf")
    hierarchy.crl("int")
    der = hierarchy.path("int.der")
    forge.openssl("crl", "-in", hierarchy.path("int.crl"), "-outform", "DER", "-out", der)
    assert look(hierarchy, hierarchy.crl("root"), der)["revoked"] is True


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"crl_lastupdate": "20200101000000Z", "crl_nextupdate": "20200201000000Z"}, "ended"),
        ({"crl_lastupdate": "20980101000000Z", "crl_nextupdate": "20990101000000Z"}, "is from the future"),
        ({"signer": "imposter"}, "is not signed by its key"),
    ],
)
def test_c3_a_list_that_proves_nothing_is_a_finding(hierarchy: Hierarchy, options: dict[str, str], said: str) -> None:
    root, broken = hierarchy.crl("root"), hierarchy.crl("int", **options)
    found = look(hierarchy, root, broken)
    assert found["revoked"] is None
    assert len(found["problems"]) == 1
    assert "CN=Issuing" in found["problems"][0]
    assert said in found["problems"][0]
    assert not hierarchy.openssl_accepts(root, broken)
    if "signer" not in options:
        upper, lower = hierarchy.crl("root", **options), hierarchy.crl("int")
        assert said in look(hierarchy, upper, lower)["problems"][0], "of the root's list as well"


def test_c3_certificates_beside_the_chain_are_named(hierarchy: Hierarchy, tmp_path: pathlib.Path) -> None:
    (tmp_path / "more").mkdir()
    other = Hierarchy(tmp_path / "more", int_days=1)
    bundle = hierarchy.directory / "bundle.pem"
    bundle.write_bytes(hierarchy.read("full.pem") + other.read("leaf.pem"))
    found = look(hierarchy, path="bundle.pem")
    assert found["ok"]
    assert "not in the chain of the first certificate, and not judged: CN=shop.lab.example" in found["warnings"][0]


def test_r7_an_authority_with_a_new_key_neither_acquits_nor_shields_what_its_old_key_signed(
    hierarchy: Hierarchy,
) -> None:
    """The chain at hand is that of the new key, which has the same name; each key has a list of its own."""

    def of_the_new_key() -> str:
        new = pathlib.Path(hierarchy.crl("int", signer="imposter"))
        return str(new.rename(hierarchy.directory / "next.crl"))

    def judged(*crls: str) -> t.Any:
        return look(hierarchy, *crls, path="leaf.pem", ca=False, chain_file=hierarchy.path("imposter.pem"))["revoked"]

    new = of_the_new_key()
    assert judged(new) is None, "it says nothing about the other key"
    assert judged(new, hierarchy.crl("int")) is False
    hierarchy.revoke("int", "leaf")
    assert judged(new, hierarchy.crl("int")) is True
    assert judged(new) is None
