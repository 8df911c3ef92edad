# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vault_stack against a real server: a whole PKI in one call, in order, with one login, without a secret shown."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.ladder import Ladder
from tests.integration.vault_stack.conftest import Args, Stack
from tests.rigs.openbao import OpenBao

Module = t.Callable[..., t.Any]

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
ORDER = ["mounts", "engines", "issuers", "pki_roles", "transit_keys", "policies", "approles", "secrets"]

# As the module's documentation states it, with what the module for secrets adds.
POLICY = """
path "sys/mounts" {{ capabilities = ["read"] }}
path "sys/auth" {{ capabilities = ["read"] }}
path "sys/mounts/*" {{ capabilities = ["update", "delete"] }}
path "sys/mounts/+/tune" {{ capabilities = ["read"] }}
path "sys/auth/*" {{ capabilities = ["update", "delete", "sudo"] }}
path "{root}/*" {{ capabilities = ["create", "read", "update", "patch", "delete", "list"] }}
path "{mesh}/*" {{ capabilities = ["create", "read", "update", "patch", "delete", "list"] }}
path "sys/policies/acl/*" {{ capabilities = ["create", "read", "update", "delete"] }}
path "auth/{auth}/role/*" {{ capabilities = ["create", "read", "update", "delete", "list"] }}
path "{transit}/keys/*" {{ capabilities = ["create", "read", "update", "delete"] }}
path "{kv}/data/ledger/*" {{ capabilities = ["create", "read", "update", "delete"] }}
path "{kv}/metadata/ledger/*" {{ capabilities = ["create", "read", "update", "delete"] }}
"""


def sections(result: t.Any) -> list[str]:
    """Return the sections of the results, each once, in order."""
    return list(dict.fromkeys(item["section"] for item in result.result["results"]))


def failures(result: t.Any) -> dict[str, str]:
    """Return the message of each failed item by section."""
    return {item["section"]: item["msg"] for item in result.result["results"] if item.get("failed")}


def test_ladder(ladder: Ladder, vault: OpenBao, stack: Stack) -> None:
    def tamper() -> None:
        vault.api.write(f"{stack.mesh}/config/crl", expiry="96h")
        vault.api.write(f"auth/{stack.auth}/role/issuer", token_ttl="2h")
        vault.api.write(f"{stack.transit}/keys/hub/config", deletion_allowed=False)

    rungs = ladder.climb("vault_stack", stack.declared(), tamper=tamper, absent=stack.absent())

    assert [item["section"] for item in rungs["create"].items] == sorted(
        (name for name, items in stack.declared().items() for _item in items), key=ORDER.index
    )
    assert all(item["action"] == "create" for item in rungs["create"].items if item["section"] != "engines")
    assert {item["section"]: item["reasons"] for item in rungs["mend"].items if item["changed"]} == {
        "engines": ["crl.expiry is 345600, declared 172800"],
        "transit_keys": ["deletion_allowed is false, declared true"],
        "approles": ["token_ttl is 7200, declared 3600"],
    }
    assert sorted(record.path for record in rungs["mend"].writes) == [
        f"auth/{stack.auth}/role/issuer",
        f"{stack.mesh}/config/crl",
        f"{stack.transit}/keys/hub/config",
    ]
    assert list(dict.fromkeys(item["section"] for item in rungs["remove"].items)) == [
        *("secrets", "approles", "policies", "transit_keys", "pki_roles", "issuers", "mounts")
    ]
    assert "warnings" not in rungs["check create"].result.result, "nothing is wrong with an empty server"
    assert "warnings" not in rungs["removed"].result.result
    facts = {item["section"]: item for item in rungs["mended"].items}
    assert facts["mounts"]["mount"]["type"] == "approle"
    assert facts["engines"]["config"]["crl"]["expiry"] == 48 * 3600
    assert facts["issuers"]["issuer"]["subject"] == "CN=Mesh"
    assert facts["pki_roles"]["role"]["allow_any_name"] is True
    assert facts["approles"]["role"]["token_policies"] == [stack.policy]
    assert facts["transit_keys"]["key"]["latest_version"] == 1
    assert facts["secrets"]["secret"]["key_names"] == ["password", "pepper", "username"]


def test_urls_are_there_before_the_first_certificate(run_module: Module, connection: Args, stack: Stack) -> None:
    result = run_module("vault_stack", {**connection, **stack.declared()}).ok().result
    mesh = next(item["issuer"] for item in result["results"] if item["item"] == f"{stack.mesh}/mesh")
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(mesh["certificate"].encode())
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [entry.access_location.value for entry in access] == [f"http://pki.example/v1/{stack.root}/ca"]


def test_one_login_serves_all_and_is_given_back(
    run_module: Module,
    vault: OpenBao,
    token: t.Any,
    stack: Stack,
    audit_window: t.Any,
    unique_name: t.Any,
    canary: t.Any,
) -> None:
    """The documented policy is enough for it, too."""
    login, rules, password = unique_name("userpass"), unique_name("stack"), canary()
    names = {name: getattr(stack, name) for name in ("root", "mesh", "kv", "transit", "auth")}
    vault.api.write(f"sys/auth/{login}", type="userpass")
    vault.api.write(f"sys/policies/acl/{rules}", policy=POLICY.format(**names))
    vault.api.write(f"auth/{login}/users/ops", password=password, token_policies=[rules])
    by_password = {"auth_method": "userpass", "auth_mount": login, "username": "ops", "password": password}
    given = {"url": vault.url, "ca_cert": vault.ca_path, **by_password}
    for args, changes in ((stack.declared(), True), (stack.declared(), False), (stack.absent(), True)):
        with audit_window() as window:
            result = run_module("vault_stack", {**given, **args}).ok()
        assert result.changed is changes
        assert len(window.logins) == 1
        if not changes:
            assert not window.writes
        assert window.requests[-1].path == "auth/token/revoke-self"
    vault.api.delete(f"sys/auth/{login}")
    vault.api.delete(f"sys/policies/acl/{rules}")


def test_after_a_failure_in_the_middle_the_rest_is_left_alone(
    run_module: Module, connection: Args, stack: Stack, audit_window: t.Any
) -> None:
    declared = stack.declared()
    # The role outlives its engine's limit, which only the server can tell.
    declared["pki_roles"][0]["max_ttl"] = "3650d"
    with audit_window() as window:
        result = run_module("vault_stack", {**connection, **declared})

    assert result.failed
    assert result.changed, "handlers have to run for what came before"
    assert "is longer than the mount" in failures(result)["pki_roles"]
    assert list(failures(result)) == ["pki_roles", "transit_keys", "policies", "approles", "secrets"]
    assert failures(result)["secrets"].startswith(f"not attempted, because vault_pki_role {stack.mesh}/web failed")
    assert result.result["summary"]["failed"] == 6
    later = (
        f"sys/policies/acl/{stack.policy}",
        f"auth/{stack.auth}",
        f"{stack.kv}/",
        f"{stack.mesh}/roles/",
        f"{stack.transit}/",
    )
    assert not [record for record in window.writes if record.path.startswith(later)]

    mended = run_module("vault_stack", {**connection, **stack.declared()}).ok().result
    changed = {item["section"] for item in mended["results"] if item["changed"]}
    assert changed == {"pki_roles", "transit_keys", "policies", "approles", "secrets"}


@pytest.mark.parametrize(
    ("section", "item", "problem"),
    [
        ("mounts", {"path": "x"}, "mounts[0] (x): state is present but all of the following are missing: type"),
        ("mounts", {"path": "auth/x", "type": "kv"}, "mounts[0] (auth/x).path: auth/ is the place of the auth methods"),
        ("issuers", {"name": "x", "type": "leaf"}, "issuers[0] (x): value of type must be one of: root, intermediate,"),
        ("pki_roles", {"name": "x", "tll": "1h"}, "pki_roles[0] (x): unsupported options: tll. Supported parameters"),
        ("approles", {"name": "x", "token_ttl": "soon"}, "approles[0] (x).token_ttl: "),
        ("secrets", {"path": "x"}, "secrets[0] (x): missing required arguments: mount"),
        ("transit_keys", {"name": "x"}, "transit_keys[0] (x): state is present but all of the following are missing"),
        ("transit_keys", {"name": "x", "type": "aes"}, "transit_keys[0] (x): value of type must be one of: aes128-"),
        ("revocations", {"mount": "pki"}, "revocations[0] (None): one of the following is required: serial, "),
    ],
)
def test_bad_input_is_told_with_its_place_before_anything_is_asked(
    run_module: Module, connection: Args, audit_window: t.Any, section: str, item: Args, problem: str
) -> None:
    with audit_window() as window:
        result = run_module(
            "vault_stack", {**connection, "policies": [{"name": "never", "rules": "x"}], section: [item]}
        )
    assert result.failed
    assert result.msg.startswith(problem)
    assert not window.requests


def test_a_call_without_any_section_is_refused(run_module: Module, connection: Args) -> None:
    result = run_module("vault_stack", connection)
    assert result.failed
    assert "one of the following is required: mounts, engines" in result.msg


def test_a_missing_mount_that_nobody_declares_is_warned_of(run_module: Module, connection: Args) -> None:
    role = {"name": "web", "mount": "not-there"}
    warned = run_module("vault_stack", {**connection, "pki_roles": [role]}, check=True).ok()
    assert "nothing is mounted" in str(warned.result["warnings"])


def test_revocations_follow_what_was_made(run_module: Module, connection: Args, vault: OpenBao, stack: Stack) -> None:
    run_module("vault_stack", {**connection, **stack.declared()}).ok()
    issued = vault.api.write(f"{stack.mesh}/issue/web", common_name="a.example").data
    revocations = [{"mount": stack.mesh, "serial": issued["serial_number"]}]
    for changes in (True, False):
        result = run_module("vault_stack", {**connection, **stack.declared(), "revocations": revocations}).ok()
        assert result.changed is changes
        assert sections(result) == [*ORDER, "revocations"]
        assert result.result["results"][-1]["revocation"]["revoked"] is True


def test_secrets_are_hidden_by_name_and_nothing_else_is(
    play: t.Any, connection: Args, stack: Stack, canary: t.Any
) -> None:
    """At -vvvv, in the log of the system and in failures; whatever is minted as a canary is searched for everywhere."""
    declared = stack.declared()
    key = f"-----BEGIN EC PRIVATE KEY-----\n{canary()}\n-----END EC PRIVATE KEY-----\n"
    imported = {"name": "old", "mount": stack.mesh, "type": "imported", "certificate": "x", "private_key": key}
    mistyped = {**declared["secrets"][0], "dta": {"password": canary()}}
    tasks = [
        {"name": "keep", "trustmesh.security.vault_stack": {**connection, **declared}},
        {
            "name": "break",
            "trustmesh.security.vault_stack": {**connection, **declared, "issuers": [imported]},
            "ignore_errors": True,
        },
        {
            "name": "mistype",
            "trustmesh.security.vault_stack": {**connection, **declared, "secrets": [mistyped]},
            "ignore_errors": True,
        },
        {
            "name": "unknown",
            "trustmesh.security.vault_stack": {**connection, **declared, "no_such_section": []},
            "ignore_errors": True,
        },
    ]
    result = play(tasks, diff=True).ok()

    kept = result.task("keep").result
    (given,) = kept["invocation"]["module_args"]["secrets"]
    assert (given["data"], given["path"]) == (HIDDEN, "ledger/database")
    assert given["generate"] == [{"key": "pepper"}]
    assert kept["results"][-1]["item"] == f"{stack.kv}/ledger/database", "the path of a secret is none"
    assert kept["invocation"]["module_args"]["mounts"] == stack.mounts()
    broken = result.task("break").result
    assert broken["msg"].startswith("issuers[0] (old).certificate: ")
    assert broken["invocation"]["module_args"]["issuers"][0]["private_key"] == HIDDEN
    assert "unsupported options: dta" in result.task("mistype").result["msg"]
    assert result.task("mistype").result["invocation"]["module_args"]["secrets"][0]["dta"] == HIDDEN
    assert "no_such_section" in result.task("unknown").result["msg"]
