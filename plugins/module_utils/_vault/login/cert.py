# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Login with the TLS client certificate of the connection (``auth/cert``)."""

from __future__ import annotations

from ..._core.redact import Secret
from ..._core.spec import Params
from ..port import Vault
from .method import Method, required


def _check(params: Params) -> None:
    for name in ("client_cert", "client_key"):
        required(params, name, "cert")


def _login(vault: Vault, params: Params) -> Secret:
    mount = params["auth_mount"] or "cert"
    body = {"name": params["cert_role"]} if params["cert_role"] else {}
    return Secret(vault.write(f"auth/{mount}/login", body, once=True).auth["client_token"])


METHOD = Method("cert", {"cert_role": {"type": "str"}}, _check, _login)
