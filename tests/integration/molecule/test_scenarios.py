# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Molecule's scenarios ask can be answered no: each one is tampered with, and both of its verdicts turn.

That the scenarios pass is shown by ``make molecule``.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.integration.conftest import or_skip
from tests.rigs.openbao import BINARY_VARIABLE
from tests.rigs.pki import make_server_pair
from tests.rigs.process import MissingPartError, clean_environment, wait_until
from tests.rigs.runner import BINARIES
from tests.rigs.vault_api import VaultApi

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEADLINE = 300.0


@dataclasses.dataclass(frozen=True)
class Stage:
    """A directory in which scenarios are played, with a server of its own."""

    directory: pathlib.Path
    environment: dict[str, str]

    @property
    def estate(self) -> pathlib.Path:
        """Everything that the scenarios make."""
        return self.directory / "estate"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return int((self.estate / "openbao" / "server.pid").read_text().split()[0])

    @property
    def api(self) -> VaultApi:
        """The API of the server as root."""
        server = self.estate / "openbao"
        context = ssl.create_default_context(cafile=str(server / "tls" / "openbao" / "ca.pem"))
        port = (self.estate / "ports").read_text().split()[0]
        return VaultApi(f"https://127.0.0.1:{port}", context, (server / "root-token").read_text().strip())

    def molecule(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Molecule and return what came of it, whatever the return code."""
        return subprocess.run(
            [str(BINARIES / "molecule"), *arguments, "--no-command-borders"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )


def _parts(collection: pathlib.Path) -> None:
    """Raise MissingPartError unless all scenarios can be played."""
    if shutil.which("systemctl") is None:
        raise MissingPartError("systemctl is not installed (Debian package systemd)")
    if not (collection / "ansible_collections/trustmesh/security/MANIFEST.json").exists():
        raise MissingPartError(f"the collection in {collection} was not installed from its tarball")


@pytest.fixture(scope="module")
def stage(collection: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All scenarios as they are after their first run; at the end nothing of them may be left."""
    or_skip(lambda: _parts(collection))
    directory = tmp_path_factory.mktemp("molecule")
    # The scenarios take the server that the tests are told to take.
    server = {name: os.environ[name] for name in (BINARY_VARIABLE,) if name in os.environ}
    environment = clean_environment(
        **server,
        ANSIBLE_COLLECTIONS_PATH=str(collection),
        ANSIBLE_HOME=str(directory / "ansible"),
        ANSIBLE_REMOTE_TMP=str(directory / "ansible" / "tmp"),
        HOME=str(directory),
        MOLECULE_EPHEMERAL_DIRECTORY=str(directory),
        NO_COLOR="1",
        PATH=os.pathsep.join([str(BINARIES), os.environ.get("PATH", os.defpath)]),
    )
    stage = Stage(directory, environment)
    try:
        done = stage.molecule("converge", "--all")
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        process = pathlib.Path(f"/proc/{stage.pid}")
        assert process.exists()
        yield stage
    finally:
        done = stage.molecule("destroy")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    # It has ended; its entry stays until the first process has collected it.
    wait_until(lambda: not process.exists(), what="the end of the server")
    assert not stage.estate.exists(), "and all files with it"


def _delete_the_role(stage: Stage, tmp_path: pathlib.Path) -> None:
    stage.api.delete("hub_int/roles/participant")


def _have_another_certificate(stage: Stage, tmp_path: pathlib.Path) -> None:
    other = make_server_pair(tmp_path).certificate
    (stage.estate / "certificates" / "switch" / "cert.pem").write_bytes(other.read_bytes())


def _have_another_environment(stage: Stage, tmp_path: pathlib.Path) -> None:
    (stage.estate / "hub.env").write_text("DB_PASSWORD=another\nGREETING=none\n")


def _have_another_credential(stage: Stage, tmp_path: pathlib.Path) -> None:
    (stage.estate / "credentials" / "hub.service" / "db-password").write_text("another")


def _begin_at_another_time(stage: Stage, tmp_path: pathlib.Path) -> None:
    timer = stage.estate / "units" / "trustmesh-rotation.timer"
    timer.write_text(timer.read_text().replace("00/6:00:00", "00/8:00:00"))


#: For each scenario, how to tamper with what it made, and which of its own tasks has to notice.
TAMPERING: dict[str, tuple[Callable[[Stage, pathlib.Path], None], str]] = {
    "certificate": (_have_another_certificate, "Have OpenSSL follow each chain to the root"),
    "rotation_timer": (_begin_at_another_time, "Require units without a fault, and a beginning every six hours"),
    "service_env": (_have_another_environment, "Require what was declared, for the eyes of its owner only"),
    "systemd_credentials": (_have_another_credential, "Require what was declared, for the eyes of its owner only"),
    "vault_pki": (_delete_the_role, "Have the one signed, and not the other"),
}


def failed_tasks(output: str) -> list[str]:
    """Return the names of the tasks that failed."""
    tasks = [section.partition("]") for section in output.split("\nTASK [")[1:]]
    return [name for name, _bracket, rest in tasks if "fatal: [" in rest or "failed: [" in rest]


def test_every_scenario_is_tampered_with() -> None:
    folders = {path.parent.name for path in (ROOT / "extensions" / "molecule").glob("*/molecule.yml")}
    assert set(TAMPERING) == folders - {"default"}


@pytest.mark.parametrize("scenario", TAMPERING)
def test_tampering_fails_both_verdicts(stage: Stage, scenario: str, tmp_path: pathlib.Path) -> None:
    tamper, task = TAMPERING[scenario]
    tamper(stage, tmp_path)
    refused = stage.molecule("verify", "--scenario-name", scenario)
    assert refused.returncode != 0
    own = f"trustmesh.security.{scenario} : Verify | Fail on what is left to do"
    assert failed_tasks(refused.stdout) == [f"Independent | {task}", own], refused.stdout[-4000:]


def test_a_change_fails_idempotence(stage: Stage, tmp_path: pathlib.Path) -> None:
    _have_another_environment(stage, tmp_path)
    refused = stage.molecule("idempotence", "--scenario-name", "service_env")
    assert refused.returncode != 0
    assert "Idempotence test failed" in refused.stdout + refused.stderr
