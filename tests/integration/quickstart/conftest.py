# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quickstart as a user gets it, brought up once for all tests of this directory."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import ssl
import typing as t
from collections.abc import Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.canary import Canaries
from tests.rigs.process import find_binary, free_port
from tests.rigs.runner import PlayResult, Runner, TaskResult
from tests.rigs.vault_api import VaultApi

PROCESSES = {"openbao": "openbao/server.pid", "upstream": "edge/upstream.pid", "edge": "edge/envoy.pid"}


@dataclasses.dataclass
class Quickstart:
    """One quickstart in a directory of its own, on ports of its own."""

    runner: Runner
    directory: pathlib.Path
    ports: dict[str, int]
    first: PlayResult
    # The certificates of the first run by name, in PEM: other tests of this directory have some replaced.
    issued: dict[str, str]

    def run(self, playbook: str = "quickstart", *arguments: str, check: bool = False) -> PlayResult:
        """Run a playbook of the collection against it; the ports are those that it remembers."""
        # Relative to where the runner runs things, which is a directory of each run: the role has to count from there.
        relative = pathlib.Path("..") / os.path.relpath(self.directory, self.runner.transcript.directory)
        given = ["-e", f"quickstart_directory={relative}", *arguments]
        return self.runner.playbook(f"trustmesh.security.{playbook}", arguments=given, check=check, name=playbook)

    def pid(self, name: str) -> int:
        return int((self.directory / PROCESSES[name]).read_text().split()[0])

    def text(self, path: str) -> str:
        return (self.directory / path).read_text()

    @property
    def api(self) -> VaultApi:
        """Its OpenBao, as root."""
        context = ssl.create_default_context(cafile=str(self.directory / "openbao/tls/openbao/ca.pem"))
        return VaultApi(f"https://127.0.0.1:{self.ports['vault']}", context, self.text("openbao/root-token").strip())

    def kept(self, path: str) -> dict[str, t.Any]:
        """Return a document of the keys of messages."""
        answer = self.api.read(f"secret/data/{path}")
        assert answer is not None, path
        return t.cast("dict[str, t.Any]", answer["data"])

    @property
    def message_secrets(self) -> list[str]:
        """The secret parts of the keys of messages; of a PEM text, every line that tells something."""
        names = {"jws_key/perffsp-1": "private_key", "jwt_key/trust-service": "private_key"}
        names |= {"ilp_secret/perffsp-8": "secret", "api_key/reporting": "api_key"}
        texts = [self.kept(path)[name] for path, name in names.items()]
        return [line for text in texts for line in text.splitlines() if len(line) > 20 and "-----" not in line]

    @property
    def secrets(self) -> list[str]:
        """Everything below the directory that must turn up nowhere else."""
        keys = json.loads(self.text("openbao/keys.json"))
        files = ("root-token", "token", "issuer-secret-id", "keeper-token", "keeper-secret-id")
        found = [self.text(f"openbao/{name}").strip() for name in files]
        return [*found, keys["root_token"], *keys["keys"], *keys["keys_base64"]]


def task(play: PlayResult, name: str) -> TaskResult:
    """Return a task of the role by its name."""
    return play.task(f"trustmesh.security.quickstart : {name}")


@pytest.fixture(scope="session")
def quickstart(runner: Runner, canaries: Canaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    """The quickstart after its first run."""
    for program in ("bao", "envoy"):
        or_skip(lambda program=program: find_binary(program, f"TRUSTMESH_{program.upper()}_BIN"))
    directory = tmp_path_factory.mktemp("quickstart") / "estate"
    ports = {name: free_port() for name in ("vault", "edge", "upstream")}
    given = [f"quickstart_{name}_port={port}" for name, port in ports.items()]
    try:
        first = runner.playbook(
            "trustmesh.security.quickstart",
            arguments=["-e", f"quickstart_directory={directory} " + " ".join(given)],
            # A proxy in the environment cannot reach our loopback, and must not be asked.
            env=dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:1"),
            name="quickstart first",
        )
        first.ok()
        issued = {path.parent.name: path.read_text() for path in directory.glob("certificates/*/cert.pem")}
        started = Quickstart(runner, directory, ports, first, issued)
        for secret in [*started.secrets, *started.message_secrets]:
            canaries.record(secret, "secret of the quickstart")
        yield started
    finally:
        _end(directory)


def _end(directory: pathlib.Path) -> None:
    """End what a failed test may have left, by the pid files."""
    for path in PROCESSES.values():
        try:
            os.killpg(int((directory / path).read_text().split()[0]), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            continue


@pytest.fixture
def api(quickstart: Quickstart) -> VaultApi:
    """The quickstart's OpenBao, as root."""
    return quickstart.api


@pytest.fixture(scope="session")
def sslyze() -> str:
    """The program of sslyze, which has an environment of its own."""

    def find() -> str:
        found = shutil.which("sslyze")
        return found or find_binary("sslyze", "TRUSTMESH_SSLYZE_BIN")

    return str(or_skip(find))
