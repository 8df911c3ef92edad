# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a declared field that this server may not have."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from plugins.module_utils._vault.approle import AppRoleState, Role
from plugins.module_utils._vault.connection import reach
from plugins.module_utils._vault.errors import UnknownParameter
from tests.unit.vault.scripted import Answer, ScriptedServer

PLACE = "/v1/auth/approle/role/r"
HELP = f"{PLACE}?help=1"
ABSENT = Answer(404, {"errors": []})


def help_of(*fields: str) -> Answer:
    """Return an endpoint's help that names these fields."""
    return Answer(
        200, {"openapi": {"components": {"schemas": {"Role": {"properties": {name: {} for name in fields}}}}}}
    )


def read(declared: dict[str, t.Any], *script: Answer) -> tuple[Role, list[str]]:
    """Read a declared role from a server that answers by script; return it and the paths that were asked for."""
    params = dict.fromkeys(("namespace", "ca_cert", "client_cert", "client_key"))
    with ScriptedServer(*script) as server, contextlib.ExitStack() as stack:
        vault = reach({**params, "url": server.url, "timeout": 5, "retries": 0}, stack)
        role = Role(vault, "approle", "r", AppRoleState.declared(declared))
        role.read()
        return role, [request.path for request in server.seen]


def wire(role: Role) -> dict[str, t.Any]:
    """Return what would be written."""
    assert role.desired is not None
    return role.desired.wire()


def test_field_that_the_server_shows_is_not_asked_for() -> None:
    shown = Answer(200, {"data": {"token_strictly_bind_ip": False}})
    role, asked = read({"token_strictly_bind_ip": True}, shown)
    assert wire(role) == {"token_strictly_bind_ip": True}
    assert HELP not in asked


def test_field_that_every_product_has_is_not_asked_for() -> None:
    role, asked = read({"token_ttl": 60}, ABSENT)
    assert wire(role) == {"token_ttl": 60}
    assert asked == [PLACE]


def test_field_that_the_server_would_take_stays_declared() -> None:
    role, asked = read({"token_strictly_bind_ip": True}, ABSENT, help_of("token_strictly_bind_ip"))
    assert wire(role) == {"token_strictly_bind_ip": True}
    assert asked == [PLACE, HELP]


@pytest.mark.parametrize("held", [ABSENT, Answer(200, {"data": {"token_ttl": 60}})], ids=["new", "existing"])
def test_field_that_the_server_lacks_is_an_error_unless_it_is_off(held: Answer) -> None:
    with pytest.raises(UnknownParameter) as raised:
        read({"token_ttl": 60, "token_strictly_bind_ip": True}, held, help_of("token_ttl"))
    assert str(raised.value).startswith("token_strictly_bind_ip: this server has no such field at auth/approle/role/r")
    role_id = Answer(200, {"data": {"role_id": "r"}})
    declared = {"token_ttl": 60, "token_strictly_bind_ip": False}
    role, _asked = read(declared, held, help_of("token_ttl"), role_id)
    assert wire(role) == {"token_ttl": 60}


def test_server_that_does_not_describe_itself_has_to_be_tried() -> None:
    role, _asked = read({"token_strictly_bind_ip": True}, ABSENT, ABSENT)
    assert wire(role) == {"token_strictly_bind_ip": True}
