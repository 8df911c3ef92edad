# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_pki_role against a real server: the ladder, the batch, and each trap that touches a role."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from tests.integration.ladder import Ladder
from tests.integration.vault_pki.engine import Engine, MakeEngine
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult

Roles = list[dict[str, t.Any]]
Manage = Callable[..., ModuleResult]

#: Every field that all products have, with a value other than its default.
FULL: dict[str, t.Any] = {
    "issuer_ref": "root",
    "ttl": "1d12h",
    "max_ttl": "90d",
    "not_before_duration": "45s",
    "not_after": "2099-12-31T23:59:59Z",
    "allowed_domains": ["Switch", "SVC.Example.com", "bücher.example", "{{identity.entity.name}}.example.com"],
    "allowed_domains_template": True,
    "allow_bare_domains": True,
    "allow_subdomains": True,
    "allow_glob_domains": True,
    "allow_any_name": True,
    "allow_localhost": True,
    "allow_wildcard_certificates": True,
    "enforce_hostnames": False,
    "allow_ip_sans": True,
    "allowed_uri_sans": ["spiffe://example.com/*"],
    "allowed_uri_sans_template": True,
    "allowed_other_sans": ["1.3.6.1.4.1.311.20.2.3;utf8:*@example.com"],
    "allowed_serial_numbers": ["*"],
    "allowed_user_ids": ["*"],
    "cn_validations": ["disabled"],
    "require_cn": False,
    "use_csr_common_name": False,
    "use_csr_sans": False,
    "key_type": "rsa",
    "key_bits": 3072,
    "signature_bits": 384,
    "use_pss": True,
    "server_flag": False,
    "client_flag": False,
    "code_signing_flag": True,
    "email_protection_flag": True,
    "key_usage": ["digitalSignature", "nonRepudiation"],
    "ext_key_usage": ["serverAuth", "OCSPSigning"],
    "ext_key_usage_oids": ["1.3.6.1.5.5.7.3.17"],
    "basic_constraints_valid_for_non_ca": True,
    "policy_identifiers": ["1.3.6.1.4.1.99999.1"],
    "organization": ["Example Hub", "Another"],
    "ou": ["Switch"],
    "country": ["TZ"],
    "province": ["Arusha"],
    "locality": ["Arusha"],
    "street_address": ["1 Example Road"],
    "postal_code": ["12345"],
    "generate_lease": True,
    "no_store": False,
}
#: The same of fields that not every product has, with the default that a server without the field acts by.
PARTICULAR: dict[str, tuple[t.Any, t.Any]] = {
    # OpenBao
    "not_before": ("2020-01-01T00:00:00Z", ""),
    "not_before_bound": ("duration", "permit"),
    "not_after_bound": ("2099-12-31T00:00:00Z", "permit"),
    "allow_globs_in_identity_templates": (True, False),
    "allowed_ip_sans_cidr": (["10.1.2.3/8", "2001:DB8:0::/48"], []),
    # HashiCorp Vault
    "serial_number_source": ("json", "json-csr"),
    # HashiCorp Vault Enterprise
    "no_store_metadata": (True, False),
}


@pytest.fixture
def offered(engine: Engine) -> set[str]:
    """The fields that the server says it has."""
    return engine.api.fields(engine.at("roles/r"))


@pytest.fixture
def full(offered: set[str]) -> dict[str, t.Any]:
    """Every field that this server has, with a value other than its default."""
    return {**FULL, **{name: value for name, (value, _default) in PARTICULAR.items() if name in offered}}


@pytest.fixture
def manage(run_module: t.Any, connection: dict[str, str], engine: Engine) -> Manage:
    """Run the module on roles of the test's engine."""

    def run(*roles: dict[str, t.Any], check: bool = False, **options: t.Any) -> ModuleResult:
        args = {**connection, "mount": engine.path, **options, "roles": list(roles)}
        result: ModuleResult = run_module("vault_pki_role", args, check=check, diff=True)
        return result

    return run


def test_ladder(ladder: Ladder, engine: Engine) -> None:
    present = [
        {"name": "hub", "allowed_domains": ["example.com"], "key_type": "ec", "max_ttl": "90d", "ttl": 86400},
        {"name": "peer", "allow_any_name": True, "enforce_hostnames": False, "key_usage": []},
    ]
    ladder.climb(
        "vault_pki_role",
        {"mount": engine.path, "roles": present},
        tamper=lambda: engine.write("roles/hub", allowed_domains="example.com,evil.example", key_type="ec"),
        absent={"mount": engine.path, "roles": [{"name": name, "state": "absent"} for name in ("hub", "peer")]},
    )


def test_every_field_climbs_the_ladder(ladder: Ladder, engine: Engine, full: dict[str, t.Any]) -> None:
    engine.make_root()
    role = {"name": "full", **full}
    rungs = ladder.climb(
        "vault_pki_role",
        {"mount": engine.path, "roles": [role]},
        tamper=lambda: engine.write("roles/full"),
        absent={"mount": engine.path, "roles": [{"name": "full", "state": "absent"}]},
    )
    # A plain write resets everything, so mending has to name every field but those declared with the server's default.
    mended = {reason.split(" ", 1)[0] for reason in rungs["mend"].items[0]["reasons"]}
    defaults = {"no_store", "key_type", "allow_ip_sans", "allow_localhost", "allow_wildcard_certificates"}
    assert mended == set(full) - defaults


def test_fields_are_those_of_the_server(engine: Engine, full: dict[str, t.Any]) -> None:
    """A field that the server gains is a field that we have to offer; this one it shows but does not take."""
    engine.write("roles/r")
    assert set(engine.read("roles", "r")) ^ set(full) == {"allow_token_displayname"}


def test_only_drift_is_written(manage: Manage, engine: Engine, audit_window: t.Any) -> None:
    roles: Roles = [{"name": f"r{number}", "max_ttl": "1h"} for number in range(5)]
    manage(*roles).ok()
    engine.write("roles/r3", max_ttl="2h")
    with audit_window() as window:
        result = manage(*roles).ok()
    assert [item["changed"] for item in result.result["results"]] == [False, False, False, True, False]
    assert result.result["results"][3]["reasons"] == ["max_ttl is 7200, declared 3600"]
    assert [write.path for write in window.writes] == [engine.at("roles/r3")]
    assert [write.operation for write in window.writes] == ["patch"]


def test_trap_25_new_roles_are_strict_unless_declared(manage: Manage, engine: Engine) -> None:
    manage({"name": "strict"}, {"name": "loose", "allow_ip_sans": True}).ok()
    strict, loose = engine.read("roles", "strict"), engine.read("roles", "loose")
    names = ("allow_wildcard_certificates", "allow_localhost", "allow_ip_sans")
    assert [strict[name] for name in names] == [False, False, False]
    assert [loose[name] for name in names] == [False, False, True]


def test_existing_role_is_not_tightened(manage: Manage, engine: Engine) -> None:
    engine.write("roles/theirs")
    assert not manage({"name": "theirs"}).ok().changed


def test_trap_1_lifetimes_in_every_spelling_settle(manage: Manage, engine: Engine) -> None:
    for spelling in ("5400", "1h30m", "90m", 5400, "1.5h"):
        manage({"name": "r", "max_ttl": spelling}).ok()
        assert engine.read("roles", "r")["max_ttl"] == 5400
        assert not manage({"name": "r", "max_ttl": "1h30m"}).ok().changed


def test_trap_3_update_keeps_what_is_not_declared(manage: Manage, engine: Engine) -> None:
    engine.write("roles/r", allowed_domains=["keep.example"], organization=["Keep"], max_ttl="1h")
    manage({"name": "r", "max_ttl": "2h"}).ok()
    role = engine.read("roles", "r")
    assert (role["allowed_domains"], role["organization"], role["max_ttl"]) == (["keep.example"], ["Keep"], 7200)


def test_trap_4_order_and_repetition_mean_nothing(manage: Manage, engine: Engine) -> None:
    engine.write("roles/r", allowed_domains=["b.example", "a.example", "b.example"])
    assert not manage({"name": "r", "allowed_domains": ["a.example", "b.example"]}).ok().changed


def test_trap_5_unknown_key_usage_is_refused(manage: Manage, engine: Engine) -> None:
    result = manage({"name": "r", "key_usage": ["DigitalSignature", "bogus"]})
    assert result.failed
    assert result.msg.startswith("roles[0] (r).key_usage: 'bogus' is not a key usage")
    assert engine.api.read(engine.at("roles/r")) is None


def test_trap_5_unknown_key_usage_on_the_server_is_drift(manage: Manage, engine: Engine) -> None:
    engine.write("roles/r", key_usage=["digitalsignature", "KeyUsageCertSign"])
    wanted = {"name": "r", "key_usage": ["DigitalSignature", "KeyUsageCertSign"]}
    assert manage(wanted).ok().result["results"][0]["reasons"] == [
        "key_usage lacks CertSign and has KeyUsageCertSign too"
    ]
    assert sorted(engine.read("roles", "r")["key_usage"]) == ["CertSign", "DigitalSignature"]


def test_trap_5_empty_key_usage_means_none_and_settles(manage: Manage, engine: Engine) -> None:
    manage({"name": "r"}).ok()
    assert len(engine.read("roles", "r")["key_usage"]) == 3
    assert manage({"name": "r", "key_usage": []}).ok().changed
    assert engine.read("roles", "r")["key_usage"] == []
    assert not manage({"name": "r", "key_usage": []}).ok().changed


def test_traps_6_47_unknown_field_fails_before_anything_is_written(
    manage: Manage, offered: set[str], audit_window: t.Any
) -> None:
    missing = sorted(set(PARTICULAR) - offered)
    assert missing, "each product has fields that the other lacks"
    role = {"name": "r", **{name: PARTICULAR[name][0] for name in missing}}
    for check in (True, False):
        with audit_window() as window:
            result = manage(role, check=check)
        assert result.failed
        assert f"{', '.join(missing)}: this server has no such field" in result.msg
        assert not window.writes


def test_traps_6_47_unknown_field_that_is_off_is_no_demand(
    manage: Manage, offered: set[str], audit_window: t.Any
) -> None:
    missing = sorted(set(PARTICULAR) - offered)
    role = {"name": "r", **{name: PARTICULAR[name][1] for name in missing}}
    facts = manage(role).ok().result["results"][0]["role"]
    assert not facts.keys() & set(missing), "the server has none of them"
    with audit_window() as window:
        assert not manage(role).ok().changed
    assert not window.writes


@pytest.mark.parametrize(("key_type", "bits"), [("rsa", 2048), ("ec", 256), ("ed25519", 0), ("any", 0)])
def test_trap_10_defaults_of_the_server_settle(manage: Manage, engine: Engine, key_type: str, bits: int) -> None:
    role = {"name": "r", "key_type": key_type, "key_bits": 0, "signature_bits": 0, "issuer_ref": "default"}
    manage(role).ok()
    held = engine.read("roles", "r")
    assert held["key_bits"] == bits
    assert held["signature_bits"] in (0, 256), "OpenBao keeps the 0, HashiCorp Vault what it stands for"
    assert not manage(role).ok().changed


def test_trap_10_signature_bits_that_somebody_chose_are_drift(manage: Manage, engine: Engine) -> None:
    engine.write("roles/r", signature_bits=384)
    result = manage({"name": "r", "signature_bits": 0}).ok()
    assert result.result["results"][0]["reasons"] == ["signature_bits is 384, declared 0"]
    assert not manage({"name": "r", "signature_bits": 0}).ok().changed


@pytest.mark.parametrize(("key_type", "bits"), [("ed25519", 256), ("any", 2048), ("ec", 2048), ("rsa", 1024)])
def test_trap_10_meaningless_size_is_refused(manage: Manage, key_type: str, bits: int) -> None:
    result = manage({"name": "r", "key_type": key_type, "key_bits": bits})
    assert result.failed
    assert f"key_bits: {bits} means nothing for keys of type {key_type}" in result.msg


def test_trap_11_lease_of_what_is_not_stored_is_refused(manage: Manage) -> None:
    result = manage({"name": "r", "no_store": True, "generate_lease": True})
    assert result.failed
    assert "generate_lease: cannot be true together with no_store" in result.msg


def test_trap_19_ttl_above_max_ttl_is_refused_naming_both(manage: Manage) -> None:
    result = manage({"name": "r", "ttl": "10d", "max_ttl": "36h"})
    assert result.failed
    assert "ttl: 10d is longer than max_ttl, 1d12h" in result.msg


def test_trap_19_role_needs_no_issuer(manage: Manage, engine: Engine) -> None:
    result = manage({"name": "r", "issuer_ref": "not-yet"}).ok()
    assert engine.read("roles", "r")["issuer_ref"] == "not-yet"
    assert "not-yet" in str(result.result["warnings"])


def test_trap_41_lifetime_that_the_mount_cuts_is_refused(
    run_module: t.Any, connection: t.Any, make_engine: MakeEngine
) -> None:
    engine = make_engine(max_lease_ttl="768h")
    args = {**connection, "mount": engine.path, "roles": [{"name": "r", "max_ttl": "90d"}]}
    foretold = run_module("vault_pki_role", args, check=True).ok()
    cut = f"max_ttl: 90d is longer than the mount {engine.path} allows (32d), so that certificates would be cut short"
    assert foretold.result["results"][0]["warnings"] == [cut]
    result = run_module("vault_pki_role", args)
    assert result.failed
    assert cut in result.msg and "Raise max_lease_ttl" in result.msg
    assert engine.api.read(engine.at("roles/r")) is None


def test_trap_41_mount_that_was_raised_in_between_is_measured_anew(
    run_module: t.Any, connection: t.Any, make_engine: MakeEngine
) -> None:
    engine = make_engine(max_lease_ttl="768h")
    args = {**connection, "mount": engine.path, "roles": [{"name": "r", "max_ttl": "90d"}]}
    assert run_module("vault_pki_role", args).failed
    engine.api.write(f"sys/mounts/{engine.path}/tune", max_lease_ttl="90d")
    assert run_module("vault_pki_role", args).ok().result["results"][0]["warnings"] == []
    engine.api.write(f"sys/mounts/{engine.path}/tune", max_lease_ttl="30d")
    lowered = run_module("vault_pki_role", args).ok()
    assert not lowered.changed
    assert "90d is longer than the mount" in lowered.result["results"][0]["warnings"][0]


def test_trap_8_forbidden_is_not_absent(
    run_module: t.Any, vault: OpenBao, engine: Engine, token: Callable[..., str]
) -> None:
    limited = token(rules=f'path "{engine.path}/roles/*" {{ capabilities = ["create", "update"] }}')
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": limited, "mount": engine.path}
    result = run_module("vault_pki_role", {**args, "roles": [{"name": "r"}]})
    assert result.failed
    assert "permission denied for get" in result.msg
    assert engine.api.read(engine.at("roles/r")) is None


def test_documented_policy_suffices(
    run_module: t.Any, vault: OpenBao, engine: Engine, token: Callable[..., str]
) -> None:
    rules = f"""
    path "{engine.path}/roles/*" {{ capabilities = ["create", "read", "update", "patch", "delete"] }}
    path "sys/mounts/{engine.path}/tune" {{ capabilities = ["read"] }}
    """
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": token(rules=rules), "mount": engine.path}
    for role in ({"max_ttl": "1h"}, {"max_ttl": "2h"}, {"state": "absent"}):
        assert run_module("vault_pki_role", {**args, "roles": [{"name": "r", **role}]}).ok().changed


def test_missing_mount_is_foretold_in_check_mode_and_an_error_otherwise(manage: Manage) -> None:
    foretold = manage({"name": "r", "mount": "not-there", "max_ttl": "90d"}, check=True).ok()
    assert foretold.result["results"][0]["action"] == "create"
    assert "nothing is mounted" in str(foretold.result["warnings"])
    result = manage({"name": "r", "mount": "not-there", "max_ttl": "90d"})
    assert result.failed
    assert "mount: nothing is mounted for not-there/roles/r" in result.msg


def test_same_name_in_two_mounts_is_two_roles_but_not_twice_in_one(manage: Manage, make_engine: MakeEngine) -> None:
    other = make_engine()
    both = manage({"name": "r"}, {"name": "r", "mount": other.path}).ok()
    assert [item["action"] for item in both.result["results"]] == ["create", "create"]
    twice = manage({"name": "r"}, {"name": "r"})
    assert twice.failed and "declared more than once" in twice.msg


def test_ceiling_is_seen_without_the_right_to_see_the_tuning(
    run_module: t.Any, vault: OpenBao, make_engine: MakeEngine, token: Callable[..., str]
) -> None:
    engine = make_engine(max_lease_ttl="48h")
    limited = token(rules=f'path "{engine.path}/roles/*" {{ capabilities = ["create", "read", "update"] }}')
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": limited, "mount": engine.path}
    result = run_module("vault_pki_role", {**args, "roles": [{"name": "r", "max_ttl": "72h"}]})
    assert result.failed
    assert "3d is longer than the mount" in result.msg
