# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a batch owes to those who come after it: results per item, and no token left behind."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from .conftest import Estate

NAMES = ("a.svc.example", "b.svc.example", "c.svc.example")


def test_trap_58_only_the_item_that_changed_says_so(play: t.Any, estate: Estate) -> None:
    """A handler that selects the changed results touches one service, although the task as a whole changed."""
    issue = {
        "name": "Issue",
        "trustmesh.security.certificate": estate.args(*({"name": name} for name in NAMES)),
        "register": "issued",
    }
    changed = "{{ issued.results | selectattr('changed') | map(attribute='item') | join(' ') }}"
    show = {"name": "Show", "ansible.builtin.debug": {"msg": "reload: " + changed}}
    assert "reload: a.svc.example b.svc.example c.svc.example" in play([issue, show]).ok().stdout
    estate.path("b.svc.example").resolve().unlink()
    assert '"msg": "reload: b.svc.example"' in play([issue, show]).ok().stdout
    assert '"msg": "reload: "' in play([issue, show]).ok().stdout


def test_trap_55_a_token_of_our_own_login_is_revoked_even_when_the_task_fails(
    run_module: t.Any, estate: Estate, vault: t.Any, unique_name: Callable[[str], str]
) -> None:
    approle, mount = unique_name("approle"), estate.engine.path
    policy = unique_name("issue")
    vault.api.write(f"sys/auth/{approle}", type="approle")
    vault.api.write(f"sys/policies/acl/{policy}", policy=f'path "{mount}/*" {{ capabilities = ["read", "update"] }}')
    vault.api.write(f"auth/{approle}/role/issuer", token_policies=[policy])
    role_id = vault.api.read(f"auth/{approle}/role/issuer/role-id")["role_id"]
    secret_id = vault.api.write(f"auth/{approle}/role/issuer/secret-id").data["secret_id"]
    login = {"auth_method": "approle", "auth_mount": approle, "role_id": role_id, "secret_id": secret_id}
    before = set(vault.api.list("auth/token/accessors"))
    args = {**estate.args({"name": NAMES[0]}, {"name": "refused.example"}), **login}
    del args["token"]
    failed = run_module("certificate", args)
    assert failed.failed
    assert estate.path(NAMES[0]).exists(), "it did log in and sign"
    assert set(vault.api.list("auth/token/accessors")) <= before
