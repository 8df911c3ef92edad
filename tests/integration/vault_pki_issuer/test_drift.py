# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuers that differ from their declaration: what is refused, replaced, mended, made the default, deleted."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from cryptography.x509 import NameConstraints

from tests.integration.vault_pki.engine import Engine
from tests.integration.vault_pki_issuer.declarations import PLAIN, Item, loaded, mesh, only_issuer
from tests.rigs.runner import ModuleResult

Manage = Callable[..., ModuleResult]


# -- drift -------------------------------------------------------------------------------------------------------------

MISMATCHES: dict[str, tuple[Item, str]] = {
    "subject": ({"common_name": "Other"}, "common_name is Example Root CA, declared Other"),
    "organization": ({"organization": ["X"]}, "organization lacks X"),
    "key type": ({"key_type": "rsa"}, "key_type is ec, declared rsa"),
    "key size": ({"key_bits": 521}, "key_bits is 256, declared 521"),
    "path length": ({"max_path_length": 3}, "max_path_length is -1, declared 3"),
    "name constraints": ({"permitted_dns_domains": ["a.example"]}, "permitted_dns_domains lacks a.example"),
}


@pytest.mark.parametrize(("change", "reason"), MISMATCHES.values(), ids=MISMATCHES)
def test_drift_in_the_certificate_is_refused(
    manage: Manage, engine: Engine, audit_window: t.Any, change: Item, reason: str
) -> None:
    engine.make_root(common_name="Example Root CA", ttl="3650d")
    for check in (True, False):
        with audit_window() as window:
            result = manage({**PLAIN, **change}, check=check)
        assert result.failed
        assert "on_mismatch: cannot be changed in place" in result.msg
        assert reason in result.msg
        assert not window.writes


def test_replacing_a_root_keeps_the_old_one_under_another_name(manage: Manage, engine: Engine) -> None:
    old = only_issuer(manage({**PLAIN, "default": True}))
    (item,) = manage({**PLAIN, "common_name": "New Root", "on_mismatch": "replace"}).ok().result["results"]
    new = item["issuer"]
    assert item["action"] == "replace"
    assert (new["issuer_name"], new["subject"], new["default"]) == ("root", "CN=New Root", True)
    assert new["key_id"] != old["key_id"]
    kept = f"root-{old['fingerprint_sha256'][:8]}"
    assert engine.read("issuer", kept)["issuer_id"] == old["issuer_id"]
    assert {info["key_name"] for info in engine.keys().values()} == {"root", kept}
    assert not manage({**PLAIN, "common_name": "New Root", "on_mismatch": "replace"}).ok().changed


def test_replaced_parent_leads_to_a_replaced_intermediate(manage: Manage, engine: Engine, above: Engine) -> None:
    manage({**PLAIN, "mount": above.path}, mesh(above, default=True)).ok()
    manage({**PLAIN, "mount": above.path, "common_name": "New Root", "on_mismatch": "replace"}).ok()
    refused = manage(mesh(above))
    assert refused.failed
    assert f"signed_by is CN=Example Root CA, declared {above.path}/root" in refused.msg
    facts = only_issuer(manage(mesh(above, on_mismatch="replace")))
    assert (facts["issuer"], facts["chain_complete"], facts["default"]) == ("CN=New Root", True, True)
    assert not manage(mesh(above, on_mismatch="replace")).ok().changed


def test_replacement_that_ended_after_the_request_is_continued(manage: Manage, engine: Engine, above: Engine) -> None:
    above.make_root()
    old = only_issuer(manage(mesh(above)))
    engine.write(f"key/{old['key_id']}", key_name="mesh-old")
    waiting = engine.write("intermediate/generate/internal", common_name="x", key_name="mesh", key_type="ec").data
    facts = only_issuer(manage(mesh(above, common_name="New Mesh", on_mismatch="replace")))
    assert facts["key_id"] == waiting["key_id"]
    assert len(engine.keys()) == 2


def test_trap_3_settings_are_merged(manage: Manage, engine: Engine) -> None:
    manage({**PLAIN, "leaf_not_after_behavior": "truncate", "ocsp_servers": ["http://a.example"]}).ok()
    assert manage({**PLAIN, "usage": ["issuing-certificates"]}).ok().changed
    held = engine.read("issuer", "root")
    assert held["issuer_name"] == "root"
    assert held["leaf_not_after_behavior"] == "truncate"
    assert held["ocsp_servers"] == ["http://a.example"]
    assert held["revocation_signature_algorithm"] == "ECDSAWithSHA256"


def test_a_list_can_be_emptied(manage: Manage, engine: Engine) -> None:
    manage({**PLAIN, "ocsp_servers": ["http://a.example"]}).ok()
    assert manage({**PLAIN, "ocsp_servers": []}).ok().changed
    assert not engine.read("issuer", "root")["ocsp_servers"]
    assert not manage({**PLAIN, "ocsp_servers": []}).ok().changed


def test_trap_4_order_of_usage_means_nothing_and_reading_is_implied(manage: Manage) -> None:
    manage({**PLAIN, "usage": ["ocsp-signing", "crl-signing"]}).ok()
    for usage in (["crl-signing", "ocsp-signing"], ["read-only", "ocsp-signing", "crl-signing", "crl-signing"]):
        assert not manage({**PLAIN, "usage": usage}).ok().changed


def test_trap_38_manual_chain_is_declared_by_name(manage: Manage, engine: Engine, above: Engine) -> None:
    above.make_root()
    manage(mesh(above)).ok()
    assert manage(mesh(above, manual_chain=["mesh"])).ok().changed
    assert not manage(mesh(above, manual_chain=["mesh"])).ok().changed
    (item,) = manage(mesh(above)).ok().result["results"]
    assert item["issuer"]["manual_chain"] == ["mesh"]
    assert item["issuer"]["chain_length"] == 1
    assert "ends before a root" in item["warnings"][0]
    assert manage(mesh(above, manual_chain=[])).ok().changed
    assert only_issuer(manage(mesh(above)))["chain_length"] == 2


#: OpenBao 2.7 has none of these, HashiCorp Vault all of them from 1.19 on.
CONSTRAINTS: Item = {
    "excluded_dns_domains": ["Old.example.com"],
    "permitted_ip_ranges": ["10.1.2.3/8", "2001:db8::/32"],
    "excluded_ip_ranges": ["10.9.0.0/16"],
    "permitted_email_addresses": ["example.com"],
    "excluded_email_addresses": ["root@example.com"],
    "permitted_uri_domains": ["example.com"],
    "excluded_uri_domains": [".old.example.com"],
}


@pytest.mark.parametrize("kind", ["root", "intermediate"])
def test_traps_6_47_name_constraints_are_made_or_refused_before_anything_is(
    manage: Manage, engine: Engine, above: Engine, kind: str
) -> None:
    """OpenBao would make a CA without them and say so in a warning only."""
    above.make_root()
    item = mesh(above, **CONSTRAINTS) if kind == "intermediate" else {**PLAIN, **CONSTRAINTS}
    offered = engine.api.fields(engine.at("root/generate/internal")) & CONSTRAINTS.keys()
    if not offered:
        for check in (True, False):
            result = manage(item, check=check)
            assert result.failed
            assert f"{', '.join(sorted(CONSTRAINTS))}: this server has no such field" in result.msg
        assert engine.issuers() == engine.keys() == {}
        return
    assert offered == CONSTRAINTS.keys()
    constraints = loaded(only_issuer(manage(item))["certificate"]).extensions.get_extension_for_class(NameConstraints)
    assert {str(name.value) for name in constraints.value.permitted_subtrees or ()} == {
        "10.0.0.0/8",
        "2001:db8::/32",
        "example.com",
    }
    assert {str(name.value) for name in constraints.value.excluded_subtrees or ()} == {
        "old.example.com",
        "10.9.0.0/16",
        "root@example.com",
        ".old.example.com",
    }
    assert not manage(item).ok().changed
    refused = manage({**item, "excluded_ip_ranges": ["10.8.0.0/16"]})
    assert "excluded_ip_ranges lacks 10.8.0.0/16 and has 10.9.0.0/16 too" in refused.msg


def test_trap_47_a_behaviour_that_only_one_product_has_is_kept_or_refused(manage: Manage, engine: Engine) -> None:
    """HashiCorp Vault can refuse CAs that outlive their issuer; OpenBao does not know that choice, and says so."""
    manage(PLAIN).ok()
    result = manage({**PLAIN, "leaf_not_after_behavior": "always_enforce_err"})
    held = engine.read("issuer", "root")["leaf_not_after_behavior"]
    if result.failed:
        assert "leaf_not_after_behavior" in result.msg
        assert held == "err"
        return
    assert held == "always_enforce_err"
    assert not manage({**PLAIN, "leaf_not_after_behavior": "always_enforce_err"}).ok().changed


# -- default and deletion ----------------------------------------------------------------------------------------------


def test_trap_36_parent_comes_along_without_name_and_key_and_is_not_the_default(
    manage: Manage, engine: Engine, above: Engine
) -> None:
    above.make_root()
    facts = only_issuer(manage(mesh(above, default=True)))
    named = {info["issuer_name"]: (bool(info["key_id"]), info["is_default"]) for info in engine.issuers().values()}
    assert named == {"mesh": (True, True), "": (False, False)}
    assert facts["default"] is True


def test_default_is_explicit(manage: Manage, engine: Engine) -> None:
    engine.make_root("other", common_name="Other")
    other = engine.read("config", "issuers")["default"]
    engine.write("config/issuers", default=other, default_follows_latest_issuer=True)
    facts = only_issuer(manage({**PLAIN, "default": True}))
    configured = engine.read("config", "issuers")
    assert configured == {"default": facts["issuer_id"], "default_follows_latest_issuer": False}
    engine.write("config/issuers", default=facts["issuer_id"], default_follows_latest_issuer=True)
    (item,) = manage({**PLAIN, "default": True}).ok().result["results"]
    assert item["reasons"] == ["default is false, declared true"]
    assert not engine.read("config", "issuers")["default_follows_latest_issuer"]
    engine.write("config/issuers", default=other)
    assert only_issuer(manage(PLAIN))["default"] is False


def test_default_that_nobody_else_is_cannot_be_declared_away(manage: Manage) -> None:
    manage({**PLAIN, "default": False}).ok()
    (item,) = manage({**PLAIN, "default": False}).ok().result["results"]
    assert item["action"] == "none"
    assert item["issuer"]["default"] is True
    assert "until another issuer is declared with default: true" in item["warnings"][0]


def test_trap_37_issuer_that_roles_use_is_not_deleted(manage: Manage, engine: Engine, audit_window: t.Any) -> None:
    engine.make_root()
    engine.make_root("idle", common_name="Idle")
    engine.write("roles/by-default")
    engine.write("roles/by-name", issuer_ref="root")
    engine.write("roles/other", issuer_ref="idle")
    with audit_window() as window:
        result = manage({"name": "root", "state": "absent"})
    assert result.failed
    assert "force: roles issue with it: by-default, by-name. Point them at another issuer" in result.msg
    assert not window.writes
    forced = manage({"name": "root", "state": "absent", "force": True}).ok()
    assert "has no default issuer after" in forced.result["results"][0]["warnings"][0]
    assert [info["issuer_name"] for info in engine.issuers().values()] == ["idle"]
    assert len(engine.keys()) == 2


def test_key_that_another_issuer_has_is_kept(manage: Manage, engine: Engine) -> None:
    engine.make_root()
    engine.write("root/generate/existing", common_name="Twin", issuer_name="twin", key_ref="root", ttl="1d")
    manage({"name": "twin", "state": "absent", "delete_key": True}).ok()
    assert len(engine.keys()) == 1
    manage({"name": "root", "state": "absent", "delete_key": True}).ok()
    assert engine.keys() == {}
