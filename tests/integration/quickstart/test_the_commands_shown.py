# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F4: each command that the quickstart shows runs as printed, in a shell that knows nothing of this checkout.

The last file of its directory, because the commands replace keys and stop the servers.
"""

from __future__ import annotations

import html
import pathlib
import re
import shutil
import subprocess

import pytest

from tests.integration.quickstart.conftest import PROCESSES, Quickstart
from tests.integration.quickstart.test_quickstart import certificate, summary

# The server refuses a client after its own part of a TLS 1.3 handshake, so that curl says what it saw first: the alert
# on connecting (35) or on reading (56), or that the connection was gone when it sent the request (55, or 16 in HTTP/2).
_REFUSED = (16, 35, 55, 56)


def _commands(quickstart: Quickstart) -> list[str]:
    """Return the commands on the page, as somebody copies them."""
    found = re.findall(r"<pre[^>]*>(.*?)</pre>", quickstart.text("index.html"), re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", block)) for block in found]


def _shell(command: str, home: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a new terminal does: another directory, no variables, the path of the system."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(
        ["sh", "-c", command], cwd="/", env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_f4_every_command_runs_as_printed_and_shows_something(quickstart: Quickstart, tmp_path: pathlib.Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on the path")
    as_hub, as_revoked, rotate, emergency = _commands(quickstart)
    reached = _shell(as_hub, tmp_path)
    assert reached.returncode == 0, reached.stderr
    assert '"client": "CN=switch"' in reached.stdout
    refused = _shell(as_revoked, tmp_path)
    assert refused.returncode in _REFUSED, refused.stderr
    assert refused.stdout == ""

    before = quickstart.kept("jws_key/perffsp-8")["kid"]
    rotated = _shell(rotate, tmp_path)
    assert rotated.returncode == 0, rotated.stdout[-3000:] + rotated.stderr
    assert re.search(r"changed=[1-9]", rotated.stdout), "on the first day, too"
    assert quickstart.kept("jws_key/perffsp-8")["kid"] != before

    serial = certificate(quickstart, "perffsp-8").serial_number
    replaced = _shell(emergency, tmp_path)
    assert replaced.returncode == 0, replaced.stdout[-3000:] + replaced.stderr
    assert certificate(quickstart, "perffsp-8").serial_number != serial


def test_f4_the_command_that_stops_it_runs_as_printed(quickstart: Quickstart, tmp_path: pathlib.Path) -> None:
    (line,) = [line for line in summary(quickstart.first) if line.startswith("To stop it: ")]

    stopped = _shell(line.partition(": ")[2], tmp_path)

    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert not any((quickstart.directory / path).exists() for path in PROCESSES.values())
