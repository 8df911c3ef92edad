# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox for background processes that leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
from collections.abc import Iterator

import pytest

from tests.integration.local_process.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: pathlib.Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path)
    yield box
    if box.pid_file.exists():
        with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):
            os.killpg(box.pid, signal.SIGKILL)
