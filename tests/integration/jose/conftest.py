# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference library of FSPIOP signatures in two versions, and canonical JSON by three other hands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.json_canonicalization import Canonicalizer
from tests.rigs.node import Peer


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    """One Node process with both versions of the library."""
    started: Peer = or_skip(lambda: Peer("sdk_standard_components"))
    with started:
        yield started


@pytest.fixture(scope="session")
def canonicalizer() -> Iterator[Canonicalizer]:
    """The Go program."""
    started: Canonicalizer = or_skip(Canonicalizer)
    with started:
        yield started
