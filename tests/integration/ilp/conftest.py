# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The library with which adapters and hubs make packets, in two versions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.node import Peer


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    """One Node process with both versions of the library."""
    started: Peer = or_skip(lambda: Peer("sdk_standard_components"))
    with started:
        yield started
