# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hub of participants with all they have: certificates, an edge that demands them, signing keys and ILP secrets."""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
import shutil
import typing as t
from collections.abc import Iterator

import pytest
import yaml

from tests.integration.certificate.conftest import Estate, engine, estate, make_engine
from tests.integration.conftest import or_skip
from tests.integration.jws_key.conftest import NAMES, Mesh, mesh, peer
from tests.integration.tls_probe_info.conftest import edge_config
from tests.rigs.process import find_binary, free_port
from tests.rigs.runner import PlayResult, Runner

__all__ = ["engine", "estate", "make_engine", "mesh", "peer"]

EDGE = "edge.svc.example"


def spelled(moment: datetime.datetime) -> str:
    """Return an instant as the playbooks take it."""
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclasses.dataclass(frozen=True)
class Hub:
    """What there is, and the playbooks that replace it."""

    runner: Runner
    mesh: Mesh
    estate: Estate
    base: pathlib.Path
    port: int

    @property
    def crl(self) -> pathlib.Path:
        return self.base / "crl.pem"

    @property
    def variables(self) -> dict[str, t.Any]:
        """What the playbooks are told of it."""
        options = {name: value for name, value in self.mesh.args().items() if name != "participants"}
        options["publish"][0].pop("audiences")
        return {
            "rotate_keys_vault": self.mesh.connection,
            "rotate_keys_jws": options,
            "rotate_keys_ilp": {"mount": self.mesh.mount},
            "rotate_keys_participants": list(NAMES),
            "rotate_keys_certificate": {
                "mount": self.estate.engine.path,
                "role": "mesh",
                "directory": str(self.estate.directory),
                "ttl": "30d",
            },
            "rotate_keys_certificates": [{"name": "{{ participant }}", "common_name": "{{ participant }}.svc.example"}],
            "rotate_keys_crl": [{"path": str(self.crl), "mounts": [self.estate.engine.path, self.estate.root.path]}],
            "rotate_keys_crl_proxy": False,
            "rotate_keys_enforce": str(self.base / "enforce.yml"),
        }

    def prepare(self) -> None:
        """Make everything the plain way, but for the edge, and say how it is started anew."""
        connection = self.mesh.connection
        self.runner.module("jws_key", {**connection, **self.mesh.args()}).ok()
        people = [{"name": name} for name in NAMES]
        self.runner.module("ilp_secret", {**connection, "mount": self.mesh.mount, "participants": people}).ok()
        items = [{"name": name, "common_name": f"{name}.svc.example"} for name in NAMES]
        self.runner.module("certificate", self.estate.args(*items, {"name": EDGE}, ttl="30d")).ok()
        (self.base / "envoy.yaml").write_text(yaml.safe_dump(self._edge()))
        (self.base / "enforce.yml").write_text(yaml.safe_dump([self._process("started")]))

    def _edge(self) -> dict[str, t.Any]:
        """An edge that lets in whoever the authority knows and the list does not name."""
        config: dict[str, t.Any] = edge_config(_Files(self))  # type: ignore[arg-type]
        (listener,) = config["static_resources"]["listeners"]
        listener["address"]["socket_address"]["port_value"] = self.port
        rules = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["typed_config"]["rules"]
        rules["policies"]["allowed"]["principals"] = [{"any": True}]
        return config

    def _process(self, state: str) -> dict[str, t.Any]:
        argv = [find_binary("envoy", "TRUSTMESH_ENVOY_BIN"), "--config-path", str(self.base / "envoy.yaml")]
        process = {
            "name": "edge",
            "state": state,
            "argv": [*argv, "--concurrency", "1", "--disable-hot-restart"],
            "pid_file": str(self.base / "envoy.pid"),
            "log_file": str(self.base / "envoy.log"),
            "watch_files": [str(self.crl)],
            "ready": {"port": self.port},
        }
        return {"name": "Have the edge read the list", "trustmesh.security.local_process": {"processes": [process]}}

    def stop(self) -> None:
        """End the edge, if it was started."""
        self.runner.module("local_process", self._process("stopped")["trustmesh.security.local_process"])

    def play(self, playbook: str, *, check: bool = False, arguments: t.Sequence[str] = (), **more: t.Any) -> PlayResult:
        """Run a playbook of the collection on it."""
        variables = self.base / "variables.json"
        variables.write_text(json.dumps({**self.variables, **more}))
        name = f"trustmesh.security.{playbook}"
        given = ["-e", f"@{variables}", *arguments]
        return self.runner.playbook(name, check=check, arguments=given, name=playbook)

    def renew(self, name: str) -> int:
        """Renew a certificate the ordinary way, once the one in use is of the past, and return its serial number."""
        args = self.estate.args({"name": name, "common_name": f"{name}.svc.example"}, ttl="30d")
        self.runner.module("certificate", {**args, "not_before": self.moment()}).ok()
        return self.estate.certificate(name).serial_number

    def leak(self, name: str) -> pathlib.Path:
        """Return a directory with a copy of a participant's pair, as a thief has it."""
        stolen = self.base / "stolen" / name
        shutil.copytree(self.estate.path(name).parent, stolen)
        self.mesh.canaries.record((stolen / "key.pem").read_text(), "private key")
        return stolen

    def admitted(self, pair: pathlib.Path) -> tuple[bool, str | None]:
        """Tell whether the edge lets in who has a pair, and why not."""
        probe = {"name": "somebody", "client_cert": str(pair / "fullchain.pem"), "client_key": str(pair / "key.pem")}
        options = {"host": "127.0.0.1", "port": self.port, "server_name": EDGE, "probes": [{**probe, "path": "/"}]}
        options["ca_cert"] = str(self.estate.path(EDGE, "ca.pem"))
        (result,) = self.runner.module("tls_probe_info", options).ok().result["results"]
        return result["outcome"] == "accepted", result["reason"]

    def secret(self, name: str) -> str:
        """Return the ILP secret of a participant, and note it."""
        answer = self.mesh.vault.api.read(f"{self.mesh.mount}/data/ilp_secret/{name}")
        assert answer is not None
        return self.mesh.canaries.record(answer["data"]["secret"], "ILP secret")

    def moment(self) -> str:
        """Return an instant after everything that was made so far, once it has come."""
        moment = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=1)
        self.mesh.vault.wait_until(
            lambda: datetime.datetime.now(datetime.timezone.utc) >= moment, what="the next second"
        )
        return spelled(moment)


@dataclasses.dataclass(frozen=True)
class _Files:
    """The files of the edge, under the names of the estate that `edge_config` was written for."""

    hub: Hub

    def path(self, name: str) -> str:
        certificates = {"server.pem": "fullchain.pem", "server.key": "key.pem", "root.pem": "ca.pem"}
        return str(self.hub.crl if name == "crl.pem" else self.hub.estate.path(EDGE, certificates[name]))


@pytest.fixture
def hub(runner: Runner, mesh: Mesh, estate: Estate, tmp_path: pathlib.Path) -> Iterator[Hub]:
    """Everything made, the edge not started yet."""
    or_skip(lambda: find_binary("envoy", "TRUSTMESH_ENVOY_BIN"))
    made = Hub(runner, mesh, estate, tmp_path, free_port())
    made.prepare()
    try:
        yield made
    finally:
        made.stop()
