# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Envoy for the tests, started from a configuration given as data or YAML text."""

from __future__ import annotations

import copy
import http.client
import json
import pathlib
import shutil
import tempfile
import typing as t
import weakref
from collections.abc import Mapping

import yaml

from tests.rigs.pki import write_private
from tests.rigs.process import LOOPBACK, Process, RigError, clean_environment, find_binary, free_port, listening

BINARY_VARIABLE = "TRUSTMESH_ENVOY_BIN"
START_ATTEMPTS = 3
START_DEADLINE = 20.0


class Envoy:
    """One Envoy process; every address in its listeners is on loopback.

    A listener whose ``port_value`` is 0 gets a free port, found afterwards under its name in ``ports``. The admin
    interface is off unless ``admin`` is true; then it is on loopback at ``admin_port``. Usable as a context manager.
    """

    def __init__(
        self,
        config: Mapping[str, t.Any] | str,
        *,
        admin: bool = False,
        binary: str | None = None,
        directory: pathlib.Path | None = None,
    ) -> None:
        self.binary = binary or find_binary("envoy", BINARY_VARIABLE)
        self.ports: dict[str, int] = {}
        self.admin_port: int | None = None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rig-envoy-", dir=directory))
        self._cleanup = weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self._process: Process | None = None
        try:
            wanted = yaml.safe_load(config) if isinstance(config, str) else config
            self._launch(wanted, admin)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Envoy:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def log_path(self) -> pathlib.Path:
        """Envoy's own log."""
        return self.directory / "envoy.log"

    def stop(self) -> None:
        """End the process and remove its directory; harmless when done already."""
        if self._process is not None:
            self._process.stop()
        self._cleanup()

    def admin(self, path: str) -> str:
        """Return the admin interface's answer to GET ``path``."""
        if self.admin_port is None:
            raise RigError("the admin interface is off")
        connection = http.client.HTTPConnection(LOOPBACK, self.admin_port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def _launch(self, wanted: Mapping[str, t.Any], admin: bool) -> None:
        """Find ports and start; another program may take one in between, so try again with others."""
        for attempt in range(1, START_ATTEMPTS + 1):
            config = self._with_ports(wanted, admin)
            try:
                self._start(config)
            except RigError as error:
                if "cannot bind" not in str(error) or attempt == START_ATTEMPTS:
                    raise
            else:
                return

    def _with_ports(self, wanted: Mapping[str, t.Any], admin: bool) -> dict[str, t.Any]:
        config = copy.deepcopy(dict(wanted))
        self.ports = {}
        for number, listener in enumerate(config.get("static_resources", {}).get("listeners", [])):
            address = listener["address"]["socket_address"]
            if address["address"] not in (LOOPBACK, "::1"):
                raise RigError(f"listener on {address['address']}: rigs stay on loopback")
            address["port_value"] = address["port_value"] or free_port()
            # By default two Envoys share a port in silence, each getting some of the connections.
            listener.setdefault("enable_reuse_port", False)
            self.ports[listener.get("name", f"listener-{number}")] = address["port_value"]
        if admin:
            self.admin_port = free_port()
            config["admin"] = {"address": {"socket_address": {"address": LOOPBACK, "port_value": self.admin_port}}}
        return config

    def _start(self, config: Mapping[str, t.Any]) -> None:
        path = self.directory / "envoy.json"
        write_private(path, json.dumps(config).encode())
        # Hot restart talks over a machine-wide name, which two rigs would fight for.
        options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "info"]
        argv = [self.binary, "--config-path", str(path), *options]
        self._process = Process("envoy", argv, self.directory, clean_environment(HOME=str(self.directory)))
        self._process.start()
        try:
            self._process.ready(self._live, START_DEADLINE, "the listeners")
        except RigError:
            self._process.stop()
            raise

    def _live(self) -> bool:
        if self.admin_port is not None:
            try:
                if self.admin("/ready").strip() != "LIVE":
                    return False
            except OSError:
                return False
        return self.pid is not None and set(self.ports.values()) <= {port for _address, port in listening(self.pid)}
