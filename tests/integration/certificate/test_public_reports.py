# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Situations of public reports about other tools for certificates, rebuilt; tests/public_reports.yml lists all."""

from __future__ import annotations

import datetime
import os
import typing as t

import pytest
from cryptography import x509

from .conftest import DAY, Estate

NAME = "a.svc.example"


def _issued(estate: Estate) -> int:
    return len(estate.engine.api.request("LIST", estate.engine.at("certs")).data.get("keys") or [])


def _again(run_module: t.Any, args: dict[str, t.Any]) -> None:
    assert not run_module("certificate", args).ok().changed


def test_a_declared_life_that_changed_is_a_reason(run_module: t.Any, estate: Estate) -> None:
    """ansible-collections/community.crypto#295: a changed end was not noticed."""
    run_module("certificate", estate.args({"name": NAME}, ttl="240h")).ok()
    for ttl, reason in (
        ("120h", "lifetime is 10d30s, declared ttl 5d"),
        ("480h", "lifetime is 5d30s, declared ttl 20d"),
    ):
        args = estate.args({"name": NAME}, ttl=ttl)
        (item,) = run_module("certificate", args).ok().result["results"]
        assert item["reasons"] == [reason]
        _again(run_module, args)


def test_an_authority_renewed_with_its_key_renews_the_chain_alone(run_module: t.Any, estate: Estate) -> None:
    """hashicorp/consul-template#1961: after the intermediate was renewed, the old one stayed beside the certificate."""
    args = estate.args({"name": NAME})
    run_module("certificate", args).ok()
    serial, issued = estate.certificate(NAME).serial_number, _issued(estate)
    key = estate.engine.read("issuer/default")["key_id"]
    request = estate.engine.write(
        "issuers/generate/intermediate/existing", key_ref=key, common_name="Test Intermediate"
    ).data
    renewed = estate.root.write("root/sign-intermediate", csr=request["csr"], ttl=f"{650 * DAY}s").data["certificate"]
    imported = estate.engine.write("issuers/import/cert", pem_bundle=renewed).data["imported_issuers"]
    estate.engine.write("config/issuers", default=imported[0])
    assert run_module("certificate", args).ok().changed
    assert estate.certificate(NAME).serial_number == serial and _issued(estate) == issued
    chain = x509.load_pem_x509_certificates(estate.path(NAME, "chain.pem").read_bytes())
    assert x509.load_pem_x509_certificate(renewed.encode()) in chain
    _again(run_module, args)


@pytest.mark.parametrize("harm", ["gone", "leads nowhere", "earlier"])
def test_what_is_in_force_is_judged_and_not_the_newest_on_the_disk(
    run_module: t.Any, estate: Estate, harm: str
) -> None:
    """certbot/certbot#3288, #3497, #10655: the newest files were judged, while the link showed ended ones."""
    run_module("certificate", estate.args({"name": NAME}, ttl="120h")).ok()
    args = estate.args({"name": NAME}, ttl="480h", keep_generations=3)
    run_module("certificate", args).ok()
    current = estate.directory / ".trustmesh" / NAME / "current"
    in_force = os.readlink(current)
    (earlier,) = {entry.name for entry in current.parent.iterdir() if entry.is_dir()} - {in_force, "current"}
    current.unlink()
    if harm != "gone":
        current.symlink_to(earlier if harm == "earlier" else "nowhere")
    assert run_module("certificate", args).ok().changed
    end = estate.certificate(NAME).not_valid_after_utc
    assert end > datetime.datetime.now(tz=datetime.timezone.utc) + datetime.timedelta(days=19)
    _again(run_module, args)


def test_an_authority_without_its_root_in_the_engine_is_told(
    run_module: t.Any, estate: Estate, make_engine: t.Any
) -> None:
    """cert-manager/cert-manager#6632, #4023: the intermediate alone was imported, and verifying ended at it."""
    issuing = make_engine()
    request = issuing.write("intermediate/generate/internal", common_name="Alone", key_type="ec").data["csr"]
    signed = estate.root.write(
        "root/sign-intermediate", csr=request, ttl=f"{600 * DAY}s", not_before_duration="4h"
    ).data
    issuing.write("intermediate/set-signed", certificate=signed["certificate"])
    issuing.write("roles/mesh", allowed_domains="svc.example", allow_subdomains=True, key_type="any", max_ttl="90d")
    args = {**estate.args({"name": NAME}), "mount": issuing.path}
    done = run_module("certificate", args).ok()
    assert "ends before a root, at CN=Alone; ca_file holds that" in str(done.result["warnings"])
    _again(run_module, args)
    issuing.write("issuers/import/cert", pem_bundle=signed["issuing_ca"])
    mended = run_module("certificate", args).ok()
    assert mended.changed
    assert "warnings" not in mended.result
    roots = x509.load_pem_x509_certificates(estate.path(NAME, "ca.pem").read_bytes())
    assert roots == [x509.load_pem_x509_certificate(signed["issuing_ca"].encode())]
    _again(run_module, args)
