# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real OpenBao or HashiCorp Vault server for the tests.

The program is OpenBao from PyPI unless ``TRUSTMESH_VAULT_BIN`` names another. Nothing asks for product or version:
where the two products differ, the rig tries and looks (see `OpenBao._ensure_audit`).
"""

from __future__ import annotations

import json
import pathlib
import shutil
import ssl
import tempfile
import typing as t
import weakref
from collections.abc import Callable, Sequence

from tests.rigs.audit import AuditLog
from tests.rigs.pki import make_server_pair, write_private
from tests.rigs.process import LOOPBACK, Process, RigError, clean_environment, find_binary, free_port
from tests.rigs.vault_api import VaultApi

T = t.TypeVar("T")
Storage = t.Literal["inmem", "raft"]

BINARY_VARIABLE = "TRUSTMESH_VAULT_BIN"
START_ATTEMPTS = 3
START_DEADLINE = 20.0

# `disable_mlock` belongs to Vault (without it, it refuses to start where memory cannot be locked); OpenBao has dropped
# it. `audit` belongs to OpenBao (it refuses audit devices over the API); Vault has no such stanza. Each product only
# warns about the other's line.
CONFIGURATION = """\
disable_mlock = true
api_addr = {url}
cluster_addr = {cluster_url}
{storage}
listener "tcp" {{
  address = {address}
  cluster_address = {cluster}
  tls_cert_file = {certificate}
  tls_key_file = {key}
}}
audit "file" "rig" {{
  options {{
    file_path = {audit}
  }}
}}
"""

# Of the storages that survive a restart, raft is the one both products have: OpenBao has dropped `file`.
STORAGE = {
    "inmem": 'storage "inmem" {{}}',
    "raft": 'storage "raft" {{\n  path = {data}\n  node_id = "rig"\n  performance_multiplier = 1\n}}',
}


class OpenBao:
    """One server over TLS on a free loopback port, initialised with one share, unsealed, auditing to a file.

    ``storage`` is ``inmem`` (fastest) or ``raft`` (on disk, survives `restart`). Usable as a context manager.
    """

    def __init__(
        self, *, binary: str | None = None, storage: Storage = "inmem", directory: pathlib.Path | None = None
    ) -> None:
        self.binary = binary or find_binary("bao", BINARY_VARIABLE)
        self.storage: Storage = storage
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rig-vault-", dir=directory))
        self._cleanup = weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self._pair = make_server_pair(self.directory)
        self._context = ssl.create_default_context(cafile=str(self._pair.ca))
        self.audit = AuditLog(self.directory / "audit.log")
        self.root_token = ""
        self._unseal_key = ""
        self.port = 0
        self._cluster_port = 0
        self._process: Process | None = None
        try:
            self._launch()
            self._initialise()
            self._ensure_audit()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> OpenBao:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"OpenBao({self.url}, storage={self.storage}, pid={self.pid})"

    @property
    def url(self) -> str:
        """Base address, without ``/v1``; it stays the same over restarts."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def ca_path(self) -> str:
        """PEM file of the authority that signed the server's certificate."""
        return str(self._pair.ca)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def log_path(self) -> pathlib.Path:
        """The server's own log."""
        return self.directory / "server.log"

    @property
    def secrets(self) -> tuple[str, str]:
        """Root token and unseal key, for the leak scanner to look for."""
        return (self.root_token, self._unseal_key)

    @property
    def api(self) -> VaultApi:
        """The API with the root token."""
        return self.as_token(self.root_token)

    def as_token(self, token: str | None) -> VaultApi:
        """The API with another token, or with none."""
        return VaultApi(self.url, self._context, token)

    def make_token(self, policies: Sequence[str] = (), *, rules: str | None = None, **fields: t.Any) -> str:
        """Mint an orphan token with named policies and, with ``rules``, a policy of its own.

        ``fields`` are those of ``auth/token/create-orphan`` (``ttl``, ``num_uses``, ``explicit_max_ttl`` ...).
        """
        names = list(policies)
        if rules is not None:
            names.append(f"rig-{self.audit.mark():x}")
            self.api.write(f"sys/policies/acl/{names[-1]}", policy=rules)
        body = {"policies": names, "no_default_policy": False, "ttl": "10m", **fields}
        return str(self.api.write("auth/token/create-orphan", **body).body["auth"]["client_token"])

    def sealed(self) -> bool:
        """Return whether the server is sealed."""
        return bool(self.as_token(None).request("GET", "sys/seal-status").body.get("sealed"))

    def seal(self) -> None:
        """Seal the server and wait until it says so."""
        self.api.write("sys/seal")
        self.wait_until(self.sealed, 10.0, "the seal")

    def unseal(self) -> None:
        """Unseal the server and wait until it serves requests."""
        self.as_token(None).write("sys/unseal", key=self._unseal_key)
        self.wait_until(self._active, 10.0, "the unsealed server")

    def restart(self) -> None:
        """Stop and start the server at the same address with its data, unsealed."""
        if self.storage == "inmem":
            raise RigError("inmem storage does not survive a restart: use storage='raft'")
        self._running().stop()
        self._start()
        self.unseal()

    def stop(self) -> None:
        """End the server and remove its directory; harmless when done already."""
        if self._process is not None:
            self._process.stop()
        self._cleanup()

    def wait_until(self, condition: Callable[[], T | None], deadline: float = 10.0, what: str = "the condition") -> T:
        """Return the first true value of ``condition``; raise RigError with the server's log after ``deadline`` s."""
        return self._running().ready(condition, deadline, what)

    def _running(self) -> Process:
        if self._process is None:
            raise RigError("the server was never started")
        return self._process

    def _launch(self) -> None:
        """Find a port and start; another program may take the port in between, so try again elsewhere."""
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port, self._cluster_port = free_port(), free_port()
            try:
                self._start()
            except RigError as error:
                if "address already in use" not in str(error) or attempt == START_ATTEMPTS:
                    raise
            else:
                return

    def _start(self) -> None:
        configuration = self.directory / "server.hcl"
        write_private(configuration, self._configuration().encode())
        argv = [self.binary, "server", f"-config={configuration}"]
        self._process = Process("server", argv, self.directory, clean_environment(HOME=str(self.directory)))
        self._process.start()
        self._process.ready(self._answers, START_DEADLINE, "the API")

    def _configuration(self) -> str:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        return CONFIGURATION.format(
            url=json.dumps(self.url),
            storage=STORAGE[self.storage].format(data=json.dumps(str(data))),
            address=json.dumps(f"{LOOPBACK}:{self.port}"),
            cluster=json.dumps(f"{LOOPBACK}:{self._cluster_port}"),
            cluster_url=json.dumps(f"https://{LOOPBACK}:{self._cluster_port}"),
            certificate=json.dumps(str(self._pair.certificate)),
            key=json.dumps(str(self._pair.key)),
            audit=json.dumps(str(self.audit.path)),
        )

    def _answers(self) -> bool:
        try:
            return self.as_token(None).request("GET", "sys/init").status == 200
        except OSError:
            return False

    def _active(self) -> bool:
        return self.as_token(None).request("GET", "sys/health").status == 200

    def _initialise(self) -> None:
        body = {"secret_shares": 1, "secret_threshold": 1}
        answer = self.as_token(None).request("PUT", "sys/init", body)
        if answer.status != 200:
            raise RigError(f"init: {answer.status} {answer.errors}\n{self._running().log_tail()}")
        self.root_token = str(answer.body["root_token"])
        self._unseal_key = str(answer.body["keys_base64"][0])
        self.unseal()

    def _ensure_audit(self) -> None:
        """Make sure that requests are logged: OpenBao read the device from its configuration, Vault wants it by API."""
        if not self.api.read("sys/audit"):
            self.api.write("sys/audit/rig", type="file", options={"file_path": str(self.audit.path)})
        mark = self.audit.mark()
        self.api.read("sys/mounts")
        if [record.path for record in self.audit.reads(mark)] != ["sys/mounts"]:
            raise RigError(f"the audit log shows nothing\n{self._running().log_tail()}")
