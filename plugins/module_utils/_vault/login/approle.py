# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Login with an AppRole (``auth/approle``), the secret-id given plainly or response-wrapped."""

from __future__ import annotations

import re
import typing as t

from ..._core.errors import InvalidInput
from ..._core.redact import Secret
from ..._core.spec import Params
from ..errors import Forbidden, Rejected
from ..port import Vault
from .method import Method, granted, logging_in, login_path, mount_of, required, secret_option, setting

# How servers write the secret-ids that they make, and the tokens that they wrap them in.
_PLAIN: t.Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TOKEN: t.Final = re.compile(r"(hv)?[sb]\.")


def _check(params: Params) -> None:
    required(params, "role_id", "approle")
    if params["secret_id_wrapped"]:
        required(params, "secret_id", "approle")


def _login(vault: Vault, params: Params) -> Secret:
    mount = mount_of(params, "approle")
    body = {"role_id": required(params, "role_id", "approle")}
    # A role may be declared without a secret-id (bind_secret_id: false).
    secret_id = setting(params, "secret_id")
    if secret_id is not None:
        body["secret_id"] = _unwrapped(vault, mount, secret_id) if params["secret_id_wrapped"] else secret_id
    with logging_in("AppRole", "role_id, secret_id", _refusal(secret_id, params["secret_id_wrapped"])):
        return granted(vault.write(login_path(mount), body, once=True))


def _refusal(secret_id: str | None, wrapped: bool) -> str:
    """Return what to do about a refused login."""
    if secret_id is None:
        return "Give secret_id or secret_id_file, and check role_id."
    if not wrapped and _TOKEN.match(secret_id):
        return "The secret-id looks like a wrapping token: set secret_id_wrapped. Otherwise check role_id."
    return "One of them is wrong, or the secret-id has expired or was used up. Get a new one for this role."


def _unwrapped(vault: Vault, mount: str, wrapping_token: str) -> str:
    """Unwrap a secret-id after checking that it was wrapped by the AppRole engine and by nobody else.

    Somebody who intercepts a wrapping token can unwrap it and wrap a secret of their own; the creation path is what
    they cannot forge. A token that was unwrapped before fails here, which is the alarm the scheme is for.
    """
    try:
        about = vault.write("sys/wrapping/lookup", {"token": wrapping_token}).data
    except (Forbidden, Rejected):
        if _PLAIN.fullmatch(wrapping_token):
            raise InvalidInput(
                "has the form of a secret-id, not of a wrapping token",
                field="secret_id",
                remedy="Leave out secret_id_wrapped, or give the token that the secret-id is wrapped in.",
            ) from None
        raise InvalidInput(
            "the wrapping token does not exist: it expired, or it has been unwrapped before",
            field="secret_id",
            remedy="If it did not simply expire, destroy the secret-id, find out who has it, and get a new one.",
        ) from None
    path = about.text_or("creation_path")
    if not (path.startswith(f"auth/{mount}/role/") and path.endswith("/secret-id")):
        raise InvalidInput(
            f"the wrapping token was made by {path or 'an unknown path'}, not by auth/{mount}",
            field="secret_id",
            remedy="Treat it as tampered with and get a new one.",
        )
    # The wrapping token is itself the right to unwrap.
    vault.use_token(wrapping_token)
    unwrapped = vault.write("sys/wrapping/unwrap", once=True).data
    vault.use_token("")
    return Secret(unwrapped.text("secret_id")).reveal()


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
