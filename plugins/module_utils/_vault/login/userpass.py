# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Login with a user name and password (``auth/userpass``)."""

from __future__ import annotations

from ..._core.redact import Secret
from ..._core.spec import Params
from ..port import Vault
from .method import Method, granted, logging_in, login_path, mount_of, required, secret_option


def _check(params: Params) -> None:
    for name in ("username", "password"):
        required(params, name, "userpass")


def _login(vault: Vault, params: Params) -> Secret:
    mount = mount_of(params, "userpass")
    body = {"password": required(params, "password", "userpass")}
    user = required(params, "username", "userpass")
    remedy = "One of them is wrong; give username, and password or password_file, as they are at this mount."
    with logging_in("userpass", "username, password", remedy):
        return granted(vault.write(login_path(mount, user), body, once=True))


METHOD = Method("userpass", {"username": {"type": "str"}, **secret_option("password")}, _check, _login)
