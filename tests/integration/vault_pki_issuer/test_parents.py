# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an issuer may have a CA below it is judged before a key is made (C1, C4), as for certificates of hosts."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable

import pytest
from cryptography import x509

from tests.integration.vault_pki.engine import Engine
from tests.integration.vault_pki_issuer.declarations import PLAIN, Item, loaded, mesh, only_issuer
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult

Manage = Callable[..., ModuleResult]
_MERGE: t.Final = "application/merge-patch+json"


def _now(*, later: int = 0) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=later)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_path(above: Engine) -> None:
    above.make_root(max_path_length=0)


def _read_only(above: Engine) -> None:
    above.make_root()
    above.api.request("PATCH", above.at("issuer/root"), {"usage": "read-only,crl-signing"}, Content_Type=_MERGE)


def _keyless(above: Engine) -> None:
    root = above.make_root()
    above.api.delete(above.at("issuer/root"))
    above.api.delete(above.at("key/root"))
    (issuer_id,) = above.write("issuers/import/cert", pem_bundle=root["certificate"]).data["imported_issuers"]
    above.write(f"issuer/{issuer_id}", issuer_name="root")


def _revoked(above: Engine) -> None:
    above.make_root()
    above.write("issuer/root/revoke")


def _elsewhere(above: Engine) -> None:
    above.make_root(permitted_dns_domains="elsewhere.example")


PARENTS: t.Final[dict[str, tuple[Callable[[Engine], None], Item, str]]] = {
    "path length": (_no_path, {}, "CN=Test Root allows 0 CA certificates below it, the chain has 1"),
    "usage": (_read_only, {}, "CN=Test Root is not for issuing (its usage is"),
    "no key": (_keyless, {}, "the server has no key of CN=Test Root"),
    "revoked": (_revoked, {}, "CN=Test Root is revoked"),
    "domains": (
        _elsewhere,
        {"permitted_dns_domains": ["lab.example"]},
        "CN=Test Root permits no name in lab.example",
    ),
}


@pytest.mark.parametrize(("make", "fields", "problem"), PARENTS.values(), ids=list(PARENTS))
def test_c4_no_key_is_made_below_a_ca_that_may_have_none(
    manage: Manage,
    engine: Engine,
    above: Engine,
    audit_window: t.Any,
    make: Callable[[Engine], None],
    fields: Item,
    problem: str,
) -> None:
    make(above)
    issued = above.api.request("LIST", above.at("certs")).data["keys"]
    for check in (True, False):
        with audit_window() as window:
            result = manage(mesh(above, **fields), check=check)
        assert result.failed
        assert f"signed_by: {problem}" in result.msg
        assert not window.writes
        assert not result.changed
    assert engine.keys() == {}
    assert above.api.request("LIST", above.at("certs")).data["keys"] == issued


def test_c1_no_key_is_made_below_a_ca_that_has_ended(
    manage: Manage, engine: Engine, above: Engine, vault: OpenBao
) -> None:
    ends = _now(later=1)
    above.make_root(ttl="", not_after=ends, not_before_duration="1h")
    vault.wait_until(lambda: _now() > ends, what="the end of the root")
    result = manage({**mesh(above), "ttl": None})
    assert result.failed
    assert f"signed_by: CN=Test Root expired at {ends}; a CA below it would be of no use" in result.msg
    assert engine.keys() == {}


def test_c1_a_ca_may_not_outlive_the_one_above_its_parent(
    manage: Manage, engine: Engine, above: Engine, make_engine: t.Any
) -> None:
    """OpenBao signs a CA that outlives its root; a third below it would be valid for a part of its life."""
    top = make_engine()
    top.make_root(ttl="50d")
    asked = above.write("intermediate/generate/internal", common_name="Between", key_type="ec", key_name="root")
    signed = top.write("issuer/root/sign-intermediate", csr=asked.data["csr"], common_name="Between", ttl="400d").data
    if loaded(signed["certificate"]).not_valid_after_utc == loaded(signed["issuing_ca"]).not_valid_after_utc:
        pytest.skip("not applicable: this server cuts the life of a CA to that of its parent")
    bundle = "\n".join([signed["certificate"], signed["issuing_ca"]])
    imported = above.write("issuers/import/cert", pem_bundle=bundle).data["imported_issuers"]
    for issuer_id in imported:
        if above.read(f"issuer/{issuer_id}")["certificate"].strip() == signed["certificate"].strip():
            above.write(f"issuer/{issuer_id}", issuer_name="root")
    result = manage(mesh(above, ttl="100d"))
    assert result.failed
    assert "ttl: the CA would live until" in result.msg
    assert "longer than CN=Test Root, which stands above it" in result.msg
    assert engine.keys() == {}


def test_c4_a_life_that_nobody_declared_is_judged_as_the_server_would_grant_it(
    manage: Manage, engine: Engine, above: Engine
) -> None:
    """OpenBao signs for the usual life of the mount, beyond the end of the root; HashiCorp Vault cuts it."""
    above.make_root(ttl="2h")
    declared = {**mesh(above), "ttl": None}
    first = manage(declared)
    if first.failed:
        assert "ttl: the CA would live until" in first.msg and "longer than CN=Test Root, which signs it" in first.msg
        assert engine.keys() == {}
        assert len(above.api.request("LIST", above.at("certs")).data["keys"]) == 1
        return
    assert only_issuer(first)["not_after"] == only_issuer(manage(declared))["not_after"]
    assert not manage(declared).ok().changed


def test_c4_a_ca_of_the_same_run_is_judged_before_a_key_is_made_below_it(
    manage: Manage, engine: Engine, above: Engine
) -> None:
    result = manage({**PLAIN, "mount": above.path, "max_path_length": 0}, mesh(above))
    assert result.failed
    assert "signed_by: CN=Example Root CA allows 0 CA certificates below it, the chain has 1" in result.msg
    assert len(above.issuers()) == 1
    assert engine.keys() == {}


def test_signing_without_the_right_to_look_at_the_parent(
    run_module: t.Any, vault: OpenBao, engine: Engine, above: Engine, token: Callable[..., str]
) -> None:
    """What only keepers may read is then judged by the server; the rest is judged as ever."""
    above.make_root()
    rules = f"""
    path "{above.path}/issuer/root/sign-intermediate" {{ capabilities = ["update"] }}
    path "{engine.path}/*" {{ capabilities = ["create", "read", "update", "patch", "list"] }}
    """
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": token(rules=rules), "mount": engine.path}
    done = run_module("vault_pki_issuer", {**args, "issuers": [mesh(above)]}).ok()
    assert only_issuer(done)["issuer"] == "CN=Test Root"
    assert not run_module("vault_pki_issuer", {**args, "issuers": [mesh(above)]}).ok().changed


def test_a_path_length_of_zero_and_one_that_is_not_declared_are_in_the_certificate(
    manage: Manage, engine: Engine, above: Engine
) -> None:
    """hashicorp/terraform-provider-vault#2257, #2060: 0 was not sent, so that the CA got another limit or none."""
    root = {**PLAIN, "mount": above.path, "max_path_length": 2}
    flat, open_ended = mesh(above), {**mesh(above, name="wide", common_name="Wide"), "max_path_length": None}
    issuers = [root, flat, open_ended]
    manage(*issuers).ok()
    assert not manage(*issuers).ok().changed
    lengths = {}
    for name in ("mesh", "wide"):
        certificate = loaded(engine.read(f"issuer/{name}")["certificate"])
        lengths[name] = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    assert lengths == {"mesh": 0, "wide": 1}


def test_a_third_ca_finds_no_room_below_a_limit_that_the_server_derived(
    manage: Manage, engine: Engine, above: Engine
) -> None:
    """hashicorp/vault#4459: the limit of the signer was not handed down, and no verifier took what came of it."""
    root = {**PLAIN, "mount": above.path, "max_path_length": 1}
    manage(root, {**mesh(above), "max_path_length": None}).ok()
    third = {**mesh(engine, name="third", common_name="Third"), "signed_by": {"mount": engine.path, "issuer": "mesh"}}
    keys = engine.keys()
    for check in (True, False):
        result = manage(third, check=check)
        assert result.failed
        assert "allows 0 CA certificates below it, the chain has 1" in result.msg
    assert engine.keys() == keys
