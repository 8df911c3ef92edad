# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ladder, and what a no-op costs."""

from __future__ import annotations

import pathlib
import stat
import typing as t
from collections.abc import Callable

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .conftest import Estate


def _public(path: pathlib.Path) -> t.Any:
    return load_pem_private_key(path.read_bytes(), None).public_key().public_numbers()  # type: ignore[union-attr]


def test_ladder(ladder: t.Any, estate: Estate) -> None:
    present = estate.args({"name": "switch", "common_name": "switch.svc.example"}, {"name": "a.svc.example"}, ttl="30d")

    def tamper() -> None:
        own = estate.path("switch").read_bytes()
        other = estate.path("a.svc.example").resolve()
        other.write_bytes(own)  # a certificate beside the key of another

    rungs = ladder.climb("certificate", present, tamper=tamper)
    assert [item["action"] for item in rungs["create"].items] == ["create", "create"]
    assert [item["action"] for item in rungs["mend"].items] == ["none", "replace"]
    reasons = rungs["mend"].items[1]["reasons"]
    assert "certificate and private key do not belong together" in reasons
    assert "common_name is switch.svc.example, declared a.svc.example" in reasons
    assert len(rungs["again"].reads) <= 3


def test_absent_removes_what_was_made_and_nothing_else(run_module: t.Any, estate: Estate) -> None:
    run_module("certificate", estate.args({"name": "a.svc.example"}, {"name": "b.svc.example"})).ok()
    gone = estate.args({"name": "a.svc.example", "state": "absent"})
    foretold = run_module("certificate", gone, check=True).ok()
    assert estate.path("a.svc.example").exists()
    done = run_module("certificate", gone).ok()
    assert foretold.result["results"] == done.result["results"]
    assert done.result["results"][0]["action"] == "delete"
    assert not run_module("certificate", gone).ok().changed
    left = {path.name for path in (estate.directory / ".trustmesh").iterdir()}
    assert left == {"b.svc.example"}
    assert not estate.path("a.svc.example", "key.pem").is_symlink()
    assert estate.path("b.svc.example", "key.pem").exists()


def test_everything_is_published_and_openssl_agrees(
    run_module: t.Any, estate: Estate, openssl_verify: Callable[[str], str]
) -> None:
    item = {
        "name": "trust-service.internal",
        "common_name": "trust.svc.example",
        "dns_names": ["api.svc.example", "API.svc.example"],
        "ip_addresses": ["10.0.0.1", "2001:db8:0:0::1"],
        "uris": ["spiffe://hub.example/trust"],
    }
    estate.role("mesh", allowed_uri_sans=["spiffe://hub.example/*"])
    run_module("certificate", estate.args(item, ttl="30d", key_mode="0640")).ok()
    text = openssl_verify("trust-service.internal")
    for name in (
        "DNS:api.svc.example",
        "DNS:trust.svc.example",
        "IP Address:10.0.0.1",
        "URI:spiffe://hub.example/trust",
    ):
        assert name in text
    assert text.count("api.svc.example") == 1
    key = estate.path("trust-service.internal", "key.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o640
    assert _public(key) == estate.certificate("trust-service.internal").public_key().public_numbers()  # type: ignore[union-attr]
    full = estate.path("trust-service.internal", "fullchain.pem").read_text()
    chain = estate.path("trust-service.internal", "chain.pem").read_text()
    assert full == estate.path("trust-service.internal").read_text() + chain
    assert chain.count("BEGIN CERTIFICATE") == 1, "intermediates without the root (trap 27)"


def test_c5_a_noop_of_many_costs_one_login_and_three_reads(
    run_module: t.Any, estate: Estate, audit_window: t.Any, unique_name: Callable[[str], str], vault: t.Any
) -> None:
    approle = unique_name("approle")
    policy = unique_name("issue")
    mount = estate.engine.path
    vault.api.write(f"sys/auth/{approle}", type="approle")
    rules = [f'path "{mount}/sign/mesh" {{ capabilities = ["update"] }}']
    rules += [f'path "{mount}/roles/mesh" {{ capabilities = ["read"] }}']
    rules += [f'path "{mount}/certs/revoked" {{ capabilities = ["list"] }}']
    vault.api.write(f"sys/policies/acl/{policy}", policy="\n".join(rules))
    vault.api.write(f"auth/{approle}/role/issuer", token_policies=[policy])
    role_id = vault.api.read(f"auth/{approle}/role/issuer/role-id")["role_id"]
    secret_id = vault.api.write(f"auth/{approle}/role/issuer/secret-id").data["secret_id"]
    args = estate.args(*({"name": f"s{at}.svc.example"} for at in range(40)))
    args.update(token=None, auth_method="approle", auth_mount=approle, role_id=role_id, secret_id=secret_id)
    with audit_window() as first:
        assert run_module("certificate", args).ok().result["summary"]["create"] == 40
    assert len(first.logins) == 1
    assert sum(request.path == f"{mount}/sign/mesh" for request in first.writes) == 40
    with audit_window() as second:
        assert not run_module("certificate", args).ok().changed
    assert len(second.logins) == 1
    assert not second.writes
    assert len(second.reads) <= 3
