# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs tests in forks of an interpreter that holds the libraries and a server, one fork for each mutant.

Usage, from the root of a copy of the checkout: python -m tests.tooling.mutation.warm
Each line on its input is ``{"path", "text", "tests", "deadline"}``; the answer is what noticed, or null.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys
import time
import typing as t

import pytest

from tests.rigs import warm as warm_modules
from tests.rigs.openbao import OpenBao

_LIBRARIES: t.Final = (
    "ansible.errors",
    "ansible.module_utils.basic",
    "ansible.parsing.yaml.objects",
    "ansible.plugins.loader",
    "ansible.template",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.serialization.pkcs12",
    "cryptography.x509",
    "email.utils",
    "http.server",
    "hvac",
    "hypothesis.strategies",
    "requests",
    "yaml",
)


class _Rigs:
    """The server and the interpreter that integration tests share; started by the first test that needs them."""

    def __init__(self) -> None:
        self.server: OpenBao | None = None
        self._modules = warm_modules.WarmPython()

    def start(self) -> None:
        """Start both, unless they run."""
        if self.server is None:
            self.server = OpenBao()
            self._modules._start()
            modules = self._modules
            modules.stop = lambda: None  # type: ignore[method-assign]  # a fork leaves it to the others
            warm_modules.WarmPython = lambda: modules  # type: ignore[assignment, misc]

    def stop(self) -> None:
        """End what was started."""
        if self.server is not None:
            self.server.stop()


class _Chosen:
    """Runs the chosen tests alone, in the order in which they are named."""

    def __init__(self, tests: list[str], server: OpenBao | None) -> None:
        self._place = {test: place for place, test in enumerate(tests)}
        self._server = server
        self.noticed = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: t.Any, request: pytest.FixtureRequest) -> OpenBao | None:
        """Give out the server that runs already."""
        if fixturedef.argname != "vault" or self._server is None:
            return None
        fixturedef.cached_result = (self._server, fixturedef.cache_key(request), None)
        return self._server

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.noticed:
            self.noticed = report.nodeid


def _examine(tests: list[str], server: OpenBao | None, answer: int) -> t.NoReturn:
    """Run tests in this process and write which one failed first."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    import hypothesis

    hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutation")
    chosen = _Chosen(tests, server)
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *files], plugins=[chosen])
    noticed = chosen.noticed or ("" if status in (0, 5) else f"pytest ended with {int(status)}")
    os.write(answer, noticed.encode()[:4000])
    os._exit(0)


def _run(tests: list[str], server: OpenBao | None, deadline: float) -> str | None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _examine(tests, server, writing)
    os.close(writing)
    end = time.monotonic() + deadline
    late = False
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            late = True
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.01)
    with os.fdopen(reading, "rb") as pipe:
        os.set_blocking(pipe.fileno(), False)
        noticed = (pipe.read() or b"").decode()
    if late:
        return f"no end within {deadline:.0f} s"
    return noticed or None


def main() -> None:
    """Answer until the input ends."""
    for name in _LIBRARIES:
        __import__(name)
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.getcwd())
    os.environ["TRUSTMESH_COLLECTIONS_PATH"] = str(pathlib.Path("build/dev").absolute())
    rigs, stamp = _Rigs(), int(time.time())
    for line in sys.stdin:
        asked = json.loads(line)
        if any(test.startswith("tests/integration/") for test in asked["tests"]):
            rigs.start()
        path = pathlib.Path(asked["path"])
        original, status = path.read_bytes(), path.stat()
        stamp += 1  # bytecode is known by the second of its source, and none may be taken for that of another
        try:
            path.write_text(asked["text"], encoding="utf-8")
            os.utime(path, (stamp, stamp))
            noticed = _run(asked["tests"], rigs.server, asked["deadline"])
        finally:
            path.write_bytes(original)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        print(json.dumps(noticed), flush=True)
    rigs.stop()


if __name__ == "__main__":
    main()
