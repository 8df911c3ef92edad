# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application in Node that the tests exchange records with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.envelope_peer import EnvelopePeer


@pytest.fixture(scope="session")
def node() -> Iterator[EnvelopePeer]:
    """The application."""
    peer = or_skip(EnvelopePeer)
    yield peer
    peer.stop()
