# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C4: what a role has against a declaration, and what bounds a life."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest

from plugins.module_utils._certificate.declaration import ITEM_OPTIONS, declared
from plugins.module_utils._certificate.resource import Certificate
from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._pki.drift import Wanted
from plugins.module_utils._vault import role_rules
from plugins.module_utils._vault.answer import Fields
from plugins.module_utils._vault.errors import NotVault
from plugins.module_utils._vault.role_rules import ABOVE, Bounds, life_objections, objections
from tests.unit.pki.forge import DAY, NOON, make
from tests.unit.vault.role_cases import CASES, ROLE


def _wanted(**declare: t.Any) -> Wanted:
    item = {name: option.get("default") for name, option in ITEM_OPTIONS.items()}
    item.update(name="a.svc.example", directory=str(pathlib.Path("/pki")), mount="pki", role="mesh", **declare)
    resource = declared(item, lambda _item: t.cast(t.Any, None), FileTransaction())
    assert isinstance(resource, Certificate)
    return resource.wanted


def _as_shown(role: dict[str, t.Any]) -> dict[str, t.Any]:
    oids = role.get("ext_key_usage_oids")
    return {**ROLE, **role, **({"ext_key_usage_oids": oids.split(",")} if oids else {})}


@pytest.mark.parametrize(("role", "declare", "field"), CASES, ids=str)
def test_c4_a_role_objects_to_what_the_server_refuses(
    role: dict[str, t.Any], declare: dict[str, t.Any], field: str | None
) -> None:
    found = list(objections(_as_shown(role), "tried", _wanted(**declare)))
    assert [entry.field for entry in found][:1] == ([] if field is None else [field])
    for entry in found:
        assert entry.problem.startswith("role tried ")
        assert entry.remedy is not None and "trustmesh.security.vault_pki_role" in entry.remedy


@pytest.mark.parametrize(
    ("role", "declare"),
    [
        ({"allowed_domains": ["{{identity.entity.name}}.x"], "allowed_domains_template": True}, {}),
        ({"allowed_domains": [], "allow_token_displayname": True}, {}),
        ({"allowed_uri_sans": ["{{x}}"], "allowed_uri_sans_template": True}, {"uris": ["a://b"]}),
        ({"ext_key_usage": ["SomethingNew"]}, {"extended_key_usage": ["ServerAuth"]}),
        ({"allowed_ip_sans_cidr": ["10.0.0.0/8"]}, {"ip_addresses": ["10.1.2.3"]}),
        ({"allowed_ip_sans_cidr": ["10.1.2.3/8"]}, {"ip_addresses": ["10.9.9.9"]}),
        ({"allowed_ip_sans_cidr": ["nonsense"]}, {"ip_addresses": ["10.9.9.9"]}),
        ({"key_type": ""}, {}),
        ({"key_type": "any", "key_bits": 9999}, {}),
        ({"key_type": "ec", "key_bits": 256}, {"key_type": "ec", "key_size": 256}),
    ],
    ids=str,
)
def test_c4_what_cannot_be_decided_here_is_left_to_the_server(
    role: dict[str, t.Any], declare: dict[str, t.Any]
) -> None:
    assert not list(objections(_as_shown(role), "tried", _wanted(**declare)))


def test_c4_addresses_outside_the_networks_of_a_role_are_refused() -> None:
    role = {**ROLE, "allowed_ip_sans_cidr": ["10.0.0.0/8", "2001:db8::/32"]}
    (found,) = objections(role, "tried", _wanted(ip_addresses=["192.0.2.1", "10.0.0.1"]))
    assert found.field == "ip_addresses"
    assert "declared 192.0.2.1" in found.problem
    assert found.remedy is not None


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ({}, "none"),
        ({"allowed_uri_sans": ["a://b", "c://*"]}, "a://b, c://*"),
        ({"allowed_uri_sans": ["a://b"], "allowed_uri_sans_template": True}, "a://b"),
        ({"allowed_uri_sans": ["{{x}}"]}, "{{x}}"),
    ],
    ids=str,
)
def test_c4_uris_outside_the_patterns_of_a_role_are_refused(role: dict[str, t.Any], allowed: str) -> None:
    (found,) = objections({**ROLE, **role}, "tried", _wanted(uris=["x://y"]))
    assert found.problem == f"role tried does not allow x://y; its allowed_uri_sans are {allowed}"


def test_c4_usages_that_a_role_does_not_tell_are_left_to_the_server() -> None:
    untold = {name: value for name, value in ROLE.items() if name not in ("key_usage", "ext_key_usage")}
    declare = {"key_usage": ["DigitalSignature"], "extended_key_usage": ["CodeSigning"]}
    assert not list(objections(untold, "tried", _wanted(**declare)))
    strange = {**ROLE, "ext_key_usage": ["SomethingNew"]}
    (found,) = objections(strange, "tried", _wanted(**declare))
    assert found.field == "key_usage", "what can be told is told"
    assert found.problem == "role tried gives other usages: key_usage has KeyAgreement, KeyEncipherment too"


@pytest.mark.parametrize(
    ("ttl", "role", "bounds", "problem"),
    [
        ("24h", {"max_ttl": 86400, "not_before_duration": 7200}, {}, None),
        ("86401s", {"max_ttl": 86400}, {}, "exceeds the max_ttl of role tried, 1d"),
        ("2d", {"max_ttl": 0}, {"ceiling": 86400}, "exceeds the max_lease_ttl of mount pki, 1d"),
        ("2d", {"max_ttl": 864000}, {"ceiling": 86400}, "exceeds the max_lease_ttl of mount pki, 1d"),
        ("1d", {"max_ttl": 0}, {"ceiling": 86400}, None),
        ("2d", {"max_ttl": 3600}, {"ceiling": 7200, "issuer": 1}, "exceeds the max_ttl of role tried, 1h"),
        (None, {"max_ttl": 0, "ttl": 0}, {}, None),
        ("20d", {}, {"issuer": 20, "beyond_end": "err"}, None),
        ("99d", {"not_after": "2030-01-01T00:00:00Z"}, {"ceiling": 86400}, None),
        ("30d", {}, {"issuer": 20, "beyond_end": "err"}, "which the issuer refuses"),
        ("30d", {}, {"issuer": 20, "beyond_end": "truncate"}, "where the issuer cuts it"),
        ("30d", {}, {"issuer": 20}, "cannot be read"),
        ("30d", {}, {"issuer": 20, "beyond_end": "permit"}, None),
        ("30d", {}, {"issuer": 40, "beyond_end": "err"}, None),
        ("30d", {}, {"issuer": 20, "beyond_end": ABOVE}, "which stands above the issuer"),
        (None, {"ttl": 30 * 86400}, {"issuer": 20, "beyond_end": "err"}, "which the issuer refuses"),
        (None, {"max_ttl": 0}, {"issuer": 20, "beyond_end": "err"}, None),
    ],
    ids=str,
)
def test_c4_the_bounds_of_a_life(
    ttl: str | None, role: dict[str, t.Any], bounds: dict[str, t.Any], problem: str | None
) -> None:
    if "issuer" in bounds:
        bounds = {**bounds, "issuer": make("Issuing", ca=True, end=NOON + bounds["issuer"] * DAY).certificate}
    found = list(life_objections({**ROLE, **role}, "tried", _wanted(ttl=ttl), Bounds("pki", **bounds), NOON))
    assert [entry.field for entry in found] == ([] if problem is None else ["ttl"])
    assert problem is None or problem in found[0].problem
    assert all(entry.remedy is not None for entry in found)


@pytest.mark.parametrize(("left", "problem"), [(0, True), (0.5, False)])
def test_c4_an_authority_signs_until_its_last_moment(left: float, problem: bool) -> None:
    issuer = make("Issuing", ca=True, end=NOON).certificate
    bounds = Bounds("pki", issuer=issuer, beyond_end="err")
    now = NOON - datetime.timedelta(seconds=left)
    found = list(life_objections({**ROLE, "max_ttl": 3600}, "tried", _wanted(ttl=None), bounds, now))
    assert [(entry.field, entry.remedy is not None) for entry in found] == ([("issuer", True)] if problem else [])


@pytest.mark.parametrize("behaviour", ["err", "truncate", "permit", None])
@pytest.mark.parametrize("ttl", ["30d", None])
def test_an_authority_that_has_ended_signs_nothing(ttl: str | None, behaviour: str | None) -> None:
    """cert-manager/cert-manager#7741: what it signs has ended too, and is renewed for ever."""
    issuer = make("Issuing", ca=True, end=NOON - DAY).certificate
    bounds = Bounds("pki", issuer=issuer, beyond_end=behaviour)
    (found,) = life_objections({**ROLE, "max_ttl": 40 * 86400}, "tried", _wanted(ttl=ttl), bounds, NOON)
    assert (found.field, "CN=Issuing, which signs, ended at" in found.problem) == ("issuer", True)


def test_c4_a_life_that_never_rests_is_refused_before_signing() -> None:
    wanted = _wanted(renew_before="7d")
    assert wanted.ttl is None
    (found,) = life_objections({**ROLE, "max_ttl": 3600}, "tried", wanted, Bounds("pki"), NOON)
    assert (found.field, found.remedy is not None) == ("renew_before", True)
    assert "every run would issue again" in found.problem
    backdated = {**ROLE, "max_ttl": 6 * 86400, "not_before_duration": 2 * 86400}
    assert not list(life_objections(backdated, "tried", wanted, Bounds("pki"), NOON + datetime.timedelta(0)))


LONG: t.Final = ".".join(["a" * 60] * 5)[: 253 - len(".svc.example")] + ".svc.example"


@pytest.mark.parametrize(
    ("role", "name", "refused"),
    [
        ({}, "a@b@a.svc.example", True),
        ({}, "me@*.svc.example", True),
        ({}, "*.svc.example", False),
        ({"allow_wildcard_certificates": False}, "*.svc.example", True),
        ({"allow_wildcard_certificates": False}, "a.svc.example", False),
        ({}, "*.*.svc.example", True),
        ({}, "f*o.svc.example", False),
        ({}, "f_*.svc.example", True),
        ({"enforce_hostnames": False}, "f_*.svc.example", False),
        ({}, "a_b.svc.example", True),
        ({"enforce_hostnames": False}, "a_b.svc.example", False),
        ({}, LONG, False),
        ({}, f"a{LONG}", True),
        ({"enforce_hostnames": False}, f"a{LONG}", False),
        ({"enforce_hostnames": False}, "*.*.svc.example", True),
        ({}, "localdomain", False),
        ({"allowed_domains_template": True}, "else.example", True),
        ({"allowed_domains": ["{{x}}.svc.example"]}, "else.example", True),
        ({"allowed_domains": [""]}, "else.example.", True),
        ({"allow_bare_domains": True}, "me@else.example", True),
        ({"allow_bare_domains": True, "allow_subdomains": False}, "*.svc.example", True),
        ({"allow_any_name": True}, "*.else.example", False),
        ({"allow_any_name": True}, "*", False),
        ({"allow_any_name": True}, "", False),
        ({}, "A.SVC.example", False),
        ({}, "\u00e9.else.example", False),
        ({}, "localhost", False),
        ({"allow_localhost": False}, "localhost", True),
        ({}, "a.localdomain", False),
        ({"allow_subdomains": False}, "a.localhost", True),
        ({"allowed_domains": ["*.glob.example"], "allow_glob_domains": True}, "a.b.glob.example", False),
        ({"allowed_domains": ["*.glob.example"]}, "a.b.glob.example", True),
        ({"allowed_domains": ["plain.example"], "allow_glob_domains": True, "allow_subdomains": False}, "plain.example",
         True),
    ],
    ids=str,
)  # fmt: skip
def test_c4_a_name_is_refused_by_the_rules_of_a_role(role: dict[str, t.Any], name: str, refused: bool) -> None:
    assert role_rules._refuses_name({**ROLE, **role}, name) is refused


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ({"allow_wildcard_certificates": False, "allow_subdomains": False}, "svc.example"),
        ({"allow_wildcard_certificates": False}, "svc.example (with subdomains)"),
        ({"allow_bare_domains": True}, "svc.example (themselves, with subdomains, with wildcards)"),
        ({"allow_glob_domains": True, "allow_subdomains": False}, "svc.example (as patterns, with wildcards)"),
        ({"allowed_domains": ["a.example", "b.example"]}, "a.example, b.example (with subdomains, with wildcards)"),
        ({"allowed_domains": []}, "none"),
        ({"allowed_domains": None}, "none"),
    ],
    ids=str,
)
def test_c4_a_refusal_says_what_the_role_allows(role: dict[str, t.Any], shown: str) -> None:
    (found,) = objections({**ROLE, **role}, "tried", _wanted(common_name="evil.org"))
    assert found.problem == f"role tried does not allow evil.org; its allowed_domains are {shown}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowed_domains", "a.example"),
        ("key_usage", [1]),
        ("ext_key_usage_oids", {}),
        ("issuer_ref", 5),
        ("not_after", []),
        ("max_ttl", "1h"),
        ("key_bits", None),
    ],
)
def test_c4_a_role_of_other_types_is_not_that_of_a_server(field: str, value: t.Any) -> None:
    assert role_rules.well_formed(Fields.of(ROLE, "the role"))["ttl"] == 0
    told = Fields.of({**ROLE, field: value}, "the role")
    if value is None:
        role_rules.well_formed(told)
        return
    with pytest.raises(NotVault, match=field):
        role_rules.well_formed(told)
