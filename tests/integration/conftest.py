# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the integration tests: a real server, the collection as installed, and the search for leaked secrets."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import pathlib
import subprocess
import typing as t
from collections.abc import Callable, Iterator

import pytest

from tests.integration.ladder import Ladder
from tests.rigs.audit import AuditLog, AuditRecord
from tests.rigs.canary import Canaries, refuse
from tests.rigs.openbao import OpenBao, Storage
from tests.rigs.process import MissingPartError
from tests.rigs.runner import Runner, install_collection
from tests.rigs.transcript import Transcript
from tests.rigs.warm import WarmPython

ROOT = pathlib.Path(__file__).resolve().parents[2]

StartVault = Callable[..., OpenBao]
_numbers = itertools.count(1)


def or_skip(start: Callable[[], t.Any]) -> t.Any:
    """Start a rig; a missing program skips on a contributor's machine and fails in CI."""
    try:
        return start()
    except MissingPartError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def search_logs(server: OpenBao, canaries: Canaries) -> None:
    """Search what the server wrote down: it hides values in its audit log, but not the paths that a client asks for."""
    logs = [path for path in (server.log_path, server.audit.path) if path.exists()]
    refuse([leak for path in logs for leak in canaries.search(path.read_bytes(), str(path))])


@dataclasses.dataclass
class AuditWindow:
    """What the server was asked from the beginning of a ``with`` block to its end."""

    log: AuditLog
    start: int
    end: int | None = None

    def _cut(self, records: Callable[[int], list[AuditRecord]]) -> list[AuditRecord]:
        everything, later = records(self.start), [] if self.end is None else records(self.end)
        return everything[: len(everything) - len(later)]

    @property
    def requests(self) -> list[AuditRecord]:
        """All requests."""
        return self._cut(self.log.requests)

    @property
    def writes(self) -> list[AuditRecord]:
        """Requests that change server state."""
        return self._cut(self.log.writes)

    @property
    def reads(self) -> list[AuditRecord]:
        """Read and list requests."""
        return self._cut(self.log.reads)

    @property
    def logins(self) -> list[AuditRecord]:
        """Logins."""
        return self._cut(self.log.logins)


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    """The secrets of this session."""
    return Canaries()


@pytest.fixture(scope="session", autouse=True)
def transcript(canaries: Canaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transcript]:
    """Everything that runs printed or left behind; searched for secrets once more when all tests are done.

    The search is a fixture's end and not a last test, so that it also takes place in every worker of a parallel run,
    and in a run of selected tests.
    """
    transcript = Transcript(tmp_path_factory.mktemp("transcript"), canaries)
    yield transcript
    transcript.check()


@pytest.fixture(scope="session")
def start_vault(canaries: Canaries) -> Iterator[StartVault]:
    """A function that starts a further server, for tests that seal, restart or break it: ``start_vault("raft")``."""
    with contextlib.ExitStack() as stack:

        def start(storage: Storage = "inmem") -> OpenBao:
            server: OpenBao = stack.enter_context(or_skip(lambda: OpenBao(storage=storage)))
            for secret in server.secrets:
                canaries.record(secret, "root token or unseal key")
            stack.callback(search_logs, server, canaries)
            return server

        yield start


@pytest.fixture(scope="session")
def vault(start_vault: StartVault) -> OpenBao:
    """The server that the tests of one worker share: never seal or stop it, and name objects with `unique_name`."""
    return start_vault()


@pytest.fixture(scope="session")
def connection(vault: OpenBao) -> dict[str, str]:
    """Module options that reach the shared server as root."""
    return {"url": vault.url, "ca_cert": vault.ca_path, "token": vault.root_token}


@pytest.fixture
def unique_name() -> Callable[[str], str]:
    """A function that returns a name nobody else on the shared server has: ``unique_name("pki")``."""
    return lambda prefix: f"{prefix}-{os.getpid():x}-{next(_numbers):x}"


@pytest.fixture
def canary(canaries: Canaries) -> Callable[..., str]:
    """A function that mints a secret which must turn up nowhere: ``canary()``, ``canary("prefix-")``."""
    return canaries.mint


@pytest.fixture
def token(vault: OpenBao, canaries: Canaries) -> Callable[..., str]:
    """A function that mints a limited token: ``token(["policy"])``, ``token(rules='path "x" {...}', ttl="1m")``."""

    def make(policies: t.Sequence[str] = (), *, rules: str | None = None, **fields: t.Any) -> str:
        return canaries.record(vault.make_token(policies, rules=rules, **fields), "limited token")

    return make


@pytest.fixture
def audit_window(vault: OpenBao) -> Callable[[], contextlib.AbstractContextManager[AuditWindow]]:
    """A context manager around requests to the shared server: ``with audit_window() as window: ...; window.writes``."""

    @contextlib.contextmanager
    def window() -> Iterator[AuditWindow]:
        seen = AuditWindow(vault.audit, vault.audit.mark())
        yield seen
        seen.end = vault.audit.mark()

    return window


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Collections path with this collection installed from its built tarball."""
    base = tmp_path_factory.getbasetemp()
    # Workers of a parallel run share one installation in the directory above their own.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return install_collection(ROOT, shared)


@pytest.fixture(scope="session")
def runner(collection: pathlib.Path, transcript: Transcript) -> Iterator[Runner]:
    """Plays and modules against the installed collection."""
    warm = WarmPython()
    yield Runner(collection, transcript, warm=warm)
    warm.stop()


@pytest.fixture(scope="session")
def play(runner: Runner) -> t.Any:
    """``play(tasks, check=..., diff=..., env=..., variables=...)``: run tasks by ansible-playbook at -vvvv."""
    return runner.play


@pytest.fixture(scope="session")
def run_module(runner: Runner) -> t.Any:
    """``run_module(name, args, check=..., diff=...)``: run one module without ansible-playbook."""
    return runner.module


@pytest.fixture
def ladder(runner: Runner, vault: OpenBao, connection: dict[str, str]) -> Ladder:
    """The idempotence ladder against the shared server."""
    return Ladder(runner, vault.audit, connection)


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file system of 96 KiB."""
    with _mounted(tmp_path / "small", "size=96k") as place:
        yield place


@pytest.fixture
def few_inodes(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file system with room for content, and for six files and directories."""
    with _mounted(tmp_path / "few", "size=1m,nr_inodes=7") as place:
        yield place


@contextlib.contextmanager
def _mounted(place: pathlib.Path, options: str) -> Iterator[pathlib.Path]:
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("mounting a small file system needs root")
        pytest.skip("mounting a small file system needs root")
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True, timeout=30)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True, timeout=30)
