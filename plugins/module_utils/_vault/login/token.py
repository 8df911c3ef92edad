# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Login with a token that somebody else obtained."""

from __future__ import annotations

from ..._core.redact import Secret
from ..._core.spec import Params
from ..port import Vault
from .method import Method, required, secret_option


def _check(params: Params) -> None:
    required(params, "token", "token")


def _login(vault: Vault, params: Params) -> Secret:
    return Secret(required(params, "token", "token"))


METHOD = Method("token", secret_option("token"), _check, _login)
