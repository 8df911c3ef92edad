# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers of the tests of issuers."""

from __future__ import annotations

import pytest

from plugins.module_utils._vault import pki_issuer_deeds
from tests.unit.vault_pki.subjects import NOON
from tests.unit.vault_pki.working import Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return a server whose engines make certificates at noon."""
    monkeypatch.setattr(pki_issuer_deeds, "system_clock", lambda: NOON)
    return Server()
