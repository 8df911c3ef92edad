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
from .method import Method, granted, logging_in, login_path, mount_of, required


def _check(params: Params) -> None:
    for name in ("client_cert", "client_key"):
        required(params, name, "cert")


def _login(vault: Vault, params: Params) -> Secret:
    mount = mount_of(params, "cert")
    body = {"name": params["cert_role"]} if params["cert_role"] else {}
    remedy = (
        "Give a certificate that an entry of the method vouches for, and in cert_role none or the name of that entry."
    )
    with logging_in("cert", "client_cert", remedy):
        return granted(vault.write(login_path(mount), body, once=True))


METHOD = Method("cert", {"cert_role": {"type": "str"}}, _check, _login)
