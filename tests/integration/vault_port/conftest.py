# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection as modules have it, with a bookkeeper behind it: the server's audit log."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Callable, Iterator

import pytest

from plugins.module_utils._vault.connection import VAULT, connect, reach
from plugins.module_utils._vault.port import Vault
from tests.integration.vault_token.logins import logins
from tests.rigs.openbao import OpenBao
from tests.unit.vault.subjects import completed

__all__ = ["logins"]

Port = Callable[..., contextlib.AbstractContextManager[Vault]]


@pytest.fixture
def port(vault: OpenBao) -> Port:
    """``port()``: a port with the root token; ``port(token=None)`` without one; options of modules change the rest."""

    @contextlib.contextmanager
    def opened(**options: t.Any) -> Iterator[Vault]:
        given = {"url": vault.url, "ca_cert": vault.ca_path, "token": vault.root_token, **options}
        params = completed(VAULT, **{name: value for name, value in given.items() if value is not None})
        with contextlib.ExitStack() as stack:
            yield reach(params, stack) if given["token"] is None else connect(params, stack)

    return opened
