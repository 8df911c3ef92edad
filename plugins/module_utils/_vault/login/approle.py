# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Login with an AppRole (``auth/approle``), the secret-id given plainly or response-wrapped."""

from __future__ import annotations

import typing as t

from ..._core.redact import Secret
from ..._core.spec import Params
from ..port import Vault
from .method import (
    Method,
    granted,
    logging_in,
    login_path,
    looks_wrapped,
    mount_of,
    required,
    secret_option,
    setting,
)

if t.TYPE_CHECKING:
    from .wrapped import Delivery


def _check(params: Params) -> None:
    required(params, "role_id", "approle")
    if params["secret_id_wrapped"]:
        _delivery(params).check()


def _login(vault: Vault, params: Params) -> Secret:
    mount = mount_of(params, "approle")
    role_id = required(params, "role_id", "approle")
    wrapped = params["secret_id_wrapped"]

    def enter(secret_id: str | None) -> Secret:
        # A role may be declared without a secret-id (bind_secret_id: false).
        body = {"role_id": role_id, **({} if secret_id is None else {"secret_id": secret_id})}
        with logging_in("AppRole", "role_id, secret_id", _refusal(secret_id, wrapped)):
            return granted(vault.write(login_path(mount), body, once=True))

    if wrapped:
        return _delivery(params).log_in(vault, mount, enter)
    return enter(setting(params, "secret_id"))


def _delivery(params: Params) -> Delivery:
    # Most secret-ids are given plainly, and keeping one on this host is a long story.
    from .wrapped import Delivery

    return Delivery.declared(params)


def _refusal(secret_id: str | None, wrapped: bool) -> str:
    """Return what to do about a refused login."""
    if secret_id is None:
        return "Give secret_id or secret_id_file, and check role_id."
    if not wrapped and looks_wrapped(secret_id):
        return "The secret-id looks like a wrapping token: set secret_id_wrapped. Otherwise check role_id."
    return "One of them is wrong, or the secret-id has expired or was used up. Get a new one for this role."


METHOD = Method(
    "approle",
    {
        "role_id": {"type": "str"},
        **secret_option("secret_id"),
        "secret_id_wrapped": {"type": "bool", "default": False, "no_log": False},
    },
    _check,
    _login,
)
