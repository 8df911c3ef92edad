# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role vault_pki builds a hierarchy with one login and repeats without a change; its verify finds drift."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.rigs.canary import Canaries
from tests.rigs.openbao import OpenBao

Names = Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class Site:
    """What one test declares, under names of its own, and how the role logs in for it."""

    root: str
    issuing: str
    approle: str
    policy: str
    login: dict[str, t.Any]

    @property
    def inputs(self) -> dict[str, t.Any]:
        """The role's inputs."""
        return {
            "vault_pki_vault": self.login,
            "vault_pki_mounts": [
                {"path": self.root, "type": "pki", "max_lease_ttl": "3650d"},
                {"path": self.issuing, "type": "pki", "max_lease_ttl": "1825d"},
                {"path": self.approle, "category": "auth", "type": "approle"},
            ],
            "vault_pki_engines": [
                {
                    "mount": mount,
                    "urls": {"crl_distribution_points": [f"http://pki.example.com/v1/{mount}/crl"]},
                    "crl": {"auto_rebuild": True},
                }
                for mount in (self.root, self.issuing)
            ],
            "vault_pki_issuers": [
                {
                    "name": "root",
                    "mount": self.root,
                    "type": "root",
                    "common_name": "Site Root CA",
                    "key_type": "ec",
                    "ttl": "3650d",
                },
                {
                    "name": "mesh",
                    "mount": self.issuing,
                    "type": "intermediate",
                    "signed_by": {"mount": self.root, "issuer": "root"},
                    "common_name": "Site Mesh CA",
                    "key_type": "ec",
                    "ttl": "1824d",
                    "default": True,
                },
            ],
            "vault_pki_roles": [
                {"name": name, "mount": self.issuing, "allowed_domains": ["a.example"], "max_ttl": "90d"}
                for name in ("hub", "peer")
            ],
            "vault_pki_policies": [
                {"name": self.policy, "rules": f'path "{self.issuing}/sign/hub" {{ capabilities = ["update"] }}'}
            ],
            "vault_pki_approles": [
                {"name": "hub", "mount": self.approle, "token_policies": [self.policy], "token_ttl": "20m"}
            ],
        }


@pytest.fixture
def site(vault: OpenBao, unique_name: Names, canaries: Canaries, connection: dict[str, str]) -> Iterator[Site]:
    """Names for one test, and an AppRole that may do everything."""
    operator, admin = unique_name("operator"), unique_name("admin")
    rules = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }'
    vault.api.write(f"sys/policies/acl/{admin}", policy=rules)
    vault.api.write(f"sys/auth/{operator}", type="approle")
    vault.api.write(f"auth/{operator}/role/op", token_policies=[admin], token_ttl="10m")
    secret = vault.api.write(f"auth/{operator}/role/op/secret-id").data["secret_id"]
    login = {
        **{name: connection[name] for name in ("url", "ca_cert")},
        "auth_method": "approle",
        "auth_mount": operator,
        "role_id": (vault.api.read(f"auth/{operator}/role/op/role-id") or {})["role_id"],
        "secret_id": canaries.record(secret, "secret-id of the operator"),
    }
    site = Site(unique_name("pki"), unique_name("pki"), unique_name("approle"), unique_name("policy"), login)
    yield site
    for path in (
        f"sys/auth/{operator}",
        f"sys/auth/{site.approle}",
        f"sys/mounts/{site.root}",
        f"sys/mounts/{site.issuing}",
    ):
        vault.api.delete(path)


@pytest.fixture
def role(play: t.Any, site: Site, tmp_path: pathlib.Path) -> t.Any:
    """A function that runs an entry point of the role with the site's inputs."""

    def run(entry: str = "main", inputs: dict[str, t.Any] | None = None, **options: t.Any) -> t.Any:
        task = {
            "name": "Role",
            "ansible.builtin.include_role": {"name": "trustmesh.security.vault_pki", "tasks_from": entry},
        }
        return play([task], variables={**site.inputs, **(inputs or {})}, env={"TMPDIR": str(tmp_path)}, **options)

    return run


def test_check_apply_repeat_with_one_login_each(role: t.Any, audit_window: t.Any, tmp_path: pathlib.Path) -> None:
    with audit_window() as window:
        foretold = role(check=True).ok()
    assert foretold.changed == 1
    assert not window.writes and len(window.logins) == 1

    with audit_window() as window:
        applied = role().ok()
    assert applied.changed == 1
    assert len(window.logins) == 1
    assert [request.path for request in window.requests][-1] == "auth/token/revoke-self"
    assert list(tmp_path.iterdir()) == []

    with audit_window() as window:
        assert role().ok().changed == 0
    assert not window.writes and len(window.logins) == 1


def test_verify_finds_what_is_not_as_declared(role: t.Any, site: Site, vault: OpenBao, audit_window: t.Any) -> None:
    with audit_window() as window:
        refused = role("verify")
    assert refused.rc != 0 and "11 of 11 items are not as declared" in refused.stdout
    assert not window.writes

    role().ok()
    assert f"pass issuers {site.issuing}/mesh" in role("verify").ok().stdout

    vault.api.write(f"{site.issuing}/roles/hub", allow_any_name=True)
    with audit_window() as window:
        found = role("verify")
    assert found.rc != 0
    assert f"FAIL pki_roles {site.issuing}/hub" in found.stdout
    assert f"pass pki_roles {site.issuing}/peer" in found.stdout
    assert f"1 of 11 items are not as declared (pki_roles {site.issuing}/hub). Apply the role" in found.stdout
    assert not window.writes


def test_token_is_revoked_after_a_failure(role: t.Any, audit_window: t.Any, tmp_path: pathlib.Path) -> None:
    with audit_window() as window:
        failed = role(inputs={"vault_pki_mounts": [], "vault_pki_engines": []})
    assert failed.rc != 0
    assert "nothing is mounted" in failed.stdout
    assert len(window.logins) == 1
    assert [request.path for request in window.requests][-1] == "auth/token/revoke-self"
    assert list(tmp_path.iterdir()) == []


def test_verify_goes_on_after_an_item_that_cannot_be_planned(role: t.Any, site: Site) -> None:
    role().ok()
    issuers = [dict(entry) for entry in site.inputs["vault_pki_issuers"]]
    issuers[0]["common_name"] = "Another Root CA"
    found = role("verify", inputs={"vault_pki_issuers": issuers})
    assert found.rc != 0
    assert f"FAIL issuers {site.root}/root: on_mismatch: cannot be changed in place" in found.stdout
    assert f"pass issuers {site.issuing}/mesh" in found.stdout
    assert f"pass policies {site.policy}" in found.stdout
    assert f"1 of 11 items are not as declared (issuers {site.root}/root)." in found.stdout


def test_token_of_the_user_is_used_and_not_revoked(
    role: t.Any, site: Site, connection: dict[str, str], audit_window: t.Any
) -> None:
    with audit_window() as window:
        applied = role(inputs={"vault_pki_vault": connection}).ok()
    assert applied.changed == 1
    assert not window.logins
    assert not any("revoke" in request.path for request in window.requests)


def test_j1_nothing_declared_is_refused(role: t.Any, audit_window: t.Any) -> None:
    empty: dict[str, t.Any] = {
        f"vault_pki_{name}": []
        for name in ("mounts", "engines", "issuers", "roles", "policies", "approles", "revocations")
    }
    with audit_window() as window:
        applied = role(inputs=empty)
        verified = role("verify", inputs=empty)
    assert (applied.rc != 0, applied.changed) == (True, 0)
    assert "vault_pki_approles: empty, so that there is nothing to do" in applied.stdout
    assert verified.rc != 0
    assert "nothing was looked at" in verified.stdout, "J1: a check that looked at nothing is not green"
    assert not window.writes


def test_server_that_does_not_serve_is_named(role: t.Any, start_vault: t.Any, site: Site) -> None:
    sealed = start_vault()
    sealed.seal()
    login = {**site.login, "url": sealed.url, "ca_cert": sealed.ca_path}
    refused = role(inputs={"vault_pki_vault": login})
    assert refused.rc != 0
    assert f"{sealed.url}: sealed" in refused.stdout or "sealed" in refused.stdout
