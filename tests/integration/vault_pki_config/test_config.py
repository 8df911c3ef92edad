# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_pki_config against a real server: the ladder, the batch, and each trap that touches the configuration."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from cryptography import x509

from tests.integration.ladder import Ladder
from tests.integration.vault_pki.engine import Engine, MakeEngine
from tests.rigs.openbao import OpenBao
from tests.rigs.runner import ModuleResult

Manage = Callable[..., ModuleResult]

Sections = dict[str, dict[str, t.Any]]

#: Every field that all products have, with a value other than its default.
FULL: Sections = {
    "cluster": {"path": "https://vault.example.com/v1/pki", "aia_path": "http://pki.example.com/v1/pki"},
    "urls": {
        "issuing_certificates": ["{{cluster_aia_path}}/issuer/{{issuer_id}}/der", "http://a.example/ca"],
        "crl_distribution_points": ["http://a.example/crl"],
        "delta_crl_distribution_points": ["http://a.example/crl/delta"],
        "ocsp_servers": ["http://a.example/ocsp"],
        "enable_templating": True,
    },
    "crl": {
        "expiry": "4d",
        "disable": True,
        "ocsp_disable": True,
        "ocsp_expiry": "1h30m",
        "auto_rebuild": True,
        "auto_rebuild_grace_period": "36h",
        "enable_delta": True,
        "delta_rebuild_interval": 600,
    },
    "auto_tidy": {
        "enabled": True,
        "interval_duration": "1d",
        "tidy_cert_store": True,
        "tidy_revoked_certs": True,
        "tidy_revoked_cert_issuer_associations": True,
        "tidy_expired_issuers": True,
        "tidy_move_legacy_ca_bundle": True,
        "tidy_acme": True,
        "safety_buffer": "48h",
        "issuer_safety_buffer": "400d",
        "acme_account_safety_buffer": "31d",
        "pause_duration": "250ms",
        "maintain_stored_certificate_counts": True,
        "publish_stored_certificate_count_metrics": True,
    },
}
#: The same of fields that not every product has.
PARTICULAR: Sections = {
    "crl": {
        "allow_expired_cert_revocation": True,  # OpenBao
        "max_crl_entries": 5000,  # HashiCorp Vault
    },
    "auto_tidy": {
        # OpenBao
        "tidy_invalid_certs": True,
        "revoked_safety_buffer": "50h",
        "page_size": 500,
        # HashiCorp Vault
        "min_startup_backoff_duration": "2m",
        "max_startup_backoff_duration": "10m",
        "tidy_revocation_queue": True,
        "tidy_cross_cluster_revoked_certs": True,
        "revocation_queue_safety_buffer": "50h",
    },
}
#: What HashiCorp Vault shows, but lets nobody turn on without an Enterprise licence.
LICENSED = {
    "crl": {"cross_cluster_revocation", "unified_crl", "unified_crl_on_existing_paths"},
    "auto_tidy": {"tidy_cmpv2_nonce_store", "tidy_cert_metadata"},
}
ENDPOINTS = {"cluster": "cluster", "urls": "urls", "crl": "crl", "auto_tidy": "auto-tidy"}


@pytest.fixture
def missing(engine: Engine) -> dict[str, set[str]]:
    """The fields that the server says it does not have."""
    return {
        section: set(fields) - engine.api.fields(engine.at("config", ENDPOINTS[section]))
        for section, fields in PARTICULAR.items()
    }


@pytest.fixture
def full(missing: dict[str, set[str]]) -> Sections:
    """Every field that this server has, with a value other than its default."""
    return {
        section: {**fields, **without(PARTICULAR.get(section, {}), missing.get(section, set()))}
        for section, fields in FULL.items()
    }


def without(fields: dict[str, t.Any], names: set[str]) -> dict[str, t.Any]:
    """Return the other fields."""
    return {name: value for name, value in fields.items() if name not in names}


@pytest.fixture
def configure(run_module: t.Any, connection: dict[str, str], engine: Engine) -> Manage:
    """Run the module on the test's engine."""

    def run(check: bool = False, **sections: t.Any) -> ModuleResult:
        args = {**connection, "engines": [{"mount": engine.path, **sections}]}
        result: ModuleResult = run_module("vault_pki_config", args, check=check, diff=True)
        return result

    return run


def test_every_field_climbs_the_ladder(ladder: Ladder, engine: Engine, full: Sections) -> None:
    def tamper() -> None:
        engine.write("config/crl", disable=False)
        engine.write("config/urls", ocsp_servers=["http://elsewhere.example"])

    rungs = ladder.climb("vault_pki_config", {"engines": [{"mount": engine.path, **full}]}, tamper=tamper)
    created, mended = rungs["create"].items[0], rungs["mend"].items[0]
    declared = {f"{section}.{field}" for section, fields in full.items() for field in fields}
    assert {reason.split(" ", 1)[0] for reason in created["reasons"]} == declared
    assert mended["reasons"] == [
        "urls.ocsp_servers is http://elsewhere.example, declared http://a.example/ocsp",
        "crl.disable is false, declared true",
    ]
    assert [write.path for write in rungs["mend"].writes] == [engine.at("config/urls"), engine.at("config/crl")]
    assert len(rungs["again"].reads) == len(ENDPOINTS)


@pytest.mark.parametrize("section", FULL)
def test_fields_are_those_of_the_server(engine: Engine, full: Sections, section: str) -> None:
    """A field that the server gains is a field that we have to offer."""
    assert set(engine.read("config", ENDPOINTS[section])) - LICENSED.get(section, set()) == set(full[section])


@pytest.mark.parametrize("section", FULL)
def test_only_declared_sections_are_read(configure: Manage, audit_window: t.Any, engine: Engine, section: str) -> None:
    with audit_window() as window:
        configure(**{section: {}}).ok()
    assert [read.path for read in window.reads] == [engine.at("config", ENDPOINTS[section])]


def test_defaults_before_the_mount_exists_are_those_after(
    run_module: t.Any, connection: dict[str, str], engine: Engine, full: Sections
) -> None:
    """The server's defaults are foretold exactly, or a first check run would lie."""
    sections: dict[str, dict[str, t.Any]] = {name: {} for name in full}
    args = {"engines": [{"mount": "not-there", **sections}, {"mount": engine.path, **sections}]}
    results = run_module("vault_pki_config", {**connection, **args}, check=True).ok().result["results"]
    foretold, real = (result["config"] for result in results)
    for name, fields in full.items():
        assert {f: foretold[name][f] for f in fields} == {f: real[name][f] for f in fields}


def test_missing_mount_is_foretold_in_check_mode_and_an_error_otherwise(
    run_module: t.Any, connection: dict[str, str]
) -> None:
    args = {**connection, "engines": [{"mount": "not-there", "crl": {"expiry": "1d"}}]}
    foretold = run_module("vault_pki_config", args, check=True).ok()
    assert foretold.result["results"][0]["action"] == "update"
    result = run_module("vault_pki_config", args)
    assert result.failed
    assert "mount: nothing is mounted for not-there/config/crl" in result.msg


def test_trap_1_expiry_reads_back_as_typed_and_settles(configure: Manage, engine: Engine) -> None:
    for typed in ("72h", "3d", "259200"):
        engine.write("config/crl", expiry=typed)
        assert engine.read("config", "crl")["expiry"] == typed
        assert not configure(crl={"expiry": "72h"}).ok().changed
    assert configure(crl={"expiry": "96h"}).ok().changed


@pytest.mark.parametrize("pause", ["250ms", "0.25s", "2s", "2", "1m", "1s500ms"])
def test_pause_of_less_than_a_second_settles(configure: Manage, pause: str) -> None:
    assert configure(auto_tidy={"pause_duration": pause}).ok().changed
    assert not configure(auto_tidy={"pause_duration": pause}).ok().changed


def test_trap_3_write_keeps_what_is_not_declared(configure: Manage, engine: Engine) -> None:
    engine.write("config/crl", expiry="100h", ocsp_disable=True)
    configure(crl={"ocsp_expiry": "2h"}).ok()
    crl = engine.read("config", "crl")
    assert (crl["expiry"], crl["ocsp_disable"], crl["ocsp_expiry"]) == ("100h", True, "7200")


def test_a_list_can_be_emptied(configure: Manage, engine: Engine) -> None:
    configure(urls={"ocsp_servers": ["http://a.example/ocsp"]}).ok()
    assert configure(urls={"ocsp_servers": []}).ok().changed
    assert engine.read("config", "urls")["ocsp_servers"] == []
    assert not configure(urls={"ocsp_servers": []}).ok().changed


@pytest.mark.parametrize("section", PARTICULAR)
def test_traps_6_47_unknown_field_fails_before_anything_is_written(
    configure: Manage, audit_window: t.Any, missing: dict[str, set[str]], section: str
) -> None:
    assert missing[section], "each product has fields that the other lacks"
    for name in sorted(missing[section]):
        with audit_window() as window:
            result = configure(**{section: {**FULL[section], name: PARTICULAR[section][name]}})
        assert result.failed
        assert f"{section}.{name}: this server has no such field" in result.msg
        assert not window.writes


@pytest.mark.parametrize("section", PARTICULAR)
def test_traps_6_47_unknown_field_that_is_off_is_no_demand(
    configure: Manage, engine: Engine, missing: dict[str, set[str]], section: str
) -> None:
    """A number is no switch: a server without the field has no such limit, or another."""
    features = {name for name in missing[section] if PARTICULAR[section][name] is True}
    known = engine.read("config", ENDPOINTS[section])
    features |= LICENSED[section] - known.keys()
    assert features
    result = configure(**{section: dict.fromkeys(features, False)}).ok()
    assert not result.changed
    assert not result.result["results"][0]["config"][section].keys() & features


REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "grace as long as expiry": (
        {"crl": {"expiry": "3d", "auto_rebuild": True, "auto_rebuild_grace_period": "72h"}},
        "crl.auto_rebuild_grace_period: 3d is not shorter than expiry, 3d",
    ),
    "grace as long as the expiry that is held": (
        {"crl": {"auto_rebuild": True, "auto_rebuild_grace_period": "100h"}},
        "crl.auto_rebuild_grace_period: 4d4h is not shorter than expiry, 3d",
    ),
    "delta without auto-rebuild": ({"crl": {"enable_delta": True}}, "crl.enable_delta: needs auto_rebuild"),
    "delta interval as long as expiry": (
        {"crl": {"expiry": "13h", "auto_rebuild": True, "enable_delta": True, "delta_rebuild_interval": "13h"}},
        "crl.delta_rebuild_interval: 13h is not shorter than expiry, 13h",
    ),
    "list without validity": ({"crl": {"expiry": 0}}, "crl.expiry: a list that is never valid"),
    "tidying of nothing": ({"auto_tidy": {"enabled": True}}, "auto_tidy.enabled: is true, but nothing is selected"),
    "metrics without counts": (
        {"auto_tidy": {"publish_stored_certificate_count_metrics": True}},
        "auto_tidy.publish_stored_certificate_count_metrics: needs maintain_stored_certificate_counts",
    ),
    "no duration": ({"crl": {"expiry": "soon"}}, "crl.expiry: 'soon' is not a duration"),
}


@pytest.mark.parametrize(("sections", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_trap_43_contradictions_are_refused_before_anything_is_written(
    configure: Manage, audit_window: t.Any, sections: dict[str, t.Any], message: str, check: bool
) -> None:
    with audit_window() as window:
        result = configure(check=check, **sections)
    assert result.failed
    assert message in result.msg
    assert not window.writes


def test_trap_43_held_contradiction_that_is_being_resolved_is_no_contradiction(
    configure: Manage, engine: Engine
) -> None:
    engine.write("config/crl", expiry="72h", auto_rebuild=True, auto_rebuild_grace_period="12h", enable_delta=True)
    configure(crl={"auto_rebuild": False, "enable_delta": False, "auto_rebuild_grace_period": "99h"}).ok()
    assert engine.read("config", "crl")["enable_delta"] is False


def test_trap_40_urls_are_in_the_certificates_made_afterwards(configure: Manage, engine: Engine) -> None:
    engine.make_root()
    engine.write("roles/any", key_type="ec", allow_any_name=True)

    def addresses() -> list[str]:
        made = engine.write("issue/any", common_name="a.example", ttl="1h").data["certificate"]
        for extension in x509.load_pem_x509_certificate(made.encode()).extensions:
            if isinstance(extension.value, x509.AuthorityInformationAccess):
                return [entry.access_location.value for entry in extension.value]
        return []

    assert addresses() == []
    configure(cluster=FULL["cluster"], urls=FULL["urls"]).ok()
    (issuer_id,) = engine.issuers()
    assert set(addresses()) == {
        "http://a.example/ocsp",
        "http://a.example/ca",
        f"http://pki.example.com/v1/pki/issuer/{issuer_id}/der",
    }


def test_engines_are_told_apart(run_module: t.Any, connection: dict[str, str], make_engine: MakeEngine) -> None:
    one, two = make_engine(), make_engine()
    two.write("config/crl", expiry="5d")
    engines = [{"mount": entry.path, "crl": {"expiry": "5d"}} for entry in (one, two)]
    result = run_module("vault_pki_config", {**connection, "engines": engines}).ok()
    assert [(item["item"], item["changed"]) for item in result.result["results"]] == [
        (one.path, True),
        (two.path, False),
    ]


def test_documented_policy_suffices(
    run_module: t.Any, vault: OpenBao, engine: Engine, token: Callable[..., str], full: Sections
) -> None:
    rules = "\n".join(
        f'path "{engine.path}/config/{endpoint}" {{ capabilities = ["read", "update"] }}'
        for endpoint in ENDPOINTS.values()
    )
    args = {"url": vault.url, "ca_cert": vault.ca_path, "token": token(rules=rules)}
    run_module("vault_pki_config", {**args, "engines": [{"mount": engine.path, **full}]}).ok()
