# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R16: what was given up, or is still awaited, does not keep a process that has nothing more to do."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

_GIVEN_UP = """
try:
    deadline.within(0.05, lambda: time.sleep(60))
except socket.timeout:
    pass
"""
_AWAITED = """
def ask():
    with deadline.cut_off(socket.socketpair()[0], 60):
        time.sleep(60)
threading.Thread(target=ask, daemon=True).start()
time.sleep(0.2)
"""


@pytest.mark.parametrize("script", [_GIVEN_UP, _AWAITED], ids=["given up", "awaited"])
def test_r16_a_process_ends_although_a_request_goes_on(script: str) -> None:
    begin = "import socket, threading, time\nfrom plugins.module_utils._core import deadline\n"
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", begin + script], check=True, timeout=50)
    assert time.monotonic() - start < 30
