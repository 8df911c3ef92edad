# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module that documents how to log in does so where its options say: method, mount and namespace."""

from __future__ import annotations

import http.server
import json
import pathlib
import threading
import typing as t
from collections.abc import Iterator

import pytest
import yaml

from tests.integration.faults.test_every_module import ARGUMENTS

#: What everybody is told, so that a module has a reason to log in.
TOLD: t.Final = {
    "/v1/sys/health": {"initialized": True, "sealed": False, "standby": False, "version": "2.7.0"},
    "/v1/sys/seal-status": {
        "type": "shamir", "initialized": True, "sealed": False, "t": 1, "n": 1, "progress": 0, "version": "2.7.0"
    },
}  # fmt: skip
#: Where a login needs other arguments than any request does.
MORE: t.Final[dict[str, dict[str, t.Any]]] = {"vault_seal": {"state": "sealed"}}
LOGIN: t.Final = {
    "auth_method": "userpass",
    "auth_mount": "staff",
    "username": "jo",
    "password": "not-a-password-of-anybody",
    "namespace": "work",
}


class Doorman:
    """Notes in which namespace each request comes, and lets nobody in."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._note(self)
                namespace = self.headers.get("X-Vault-Namespace") or ""
                if self.path in TOLD:
                    self._answer(200, TOLD[self.path])
                elif namespace.startswith("no-such"):
                    self._answer(404, {"errors": ["namespace not found"]})
                else:
                    self._answer(403, {"errors": ["permission denied"]})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer._note(self)
                self._answer(400, {"errors": ["invalid username or password"]})

            do_LIST = do_GET  # noqa: N815

            def _answer(self, status: int, body: dict[str, t.Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: t.Any) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _note(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.seen.append((request.path, request.headers.get("X-Vault-Namespace")))

    @property
    def logins(self) -> list[tuple[str, str | None]]:
        """Path and namespace of each login."""
        return [(path, namespace) for path, namespace in self.seen if path.startswith("/v1/auth/")]

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def doorman() -> Iterator[Doorman]:
    """A server of the test's own."""
    server = Doorman()
    yield server
    server.stop()


@pytest.mark.parametrize(("namespace", "heard"), [("people", "people"), ("root", None), (None, "work")])
@pytest.mark.parametrize("module", ARGUMENTS)
def test_s12_a_login_is_made_where_it_is_declared(
    run_module: t.Any, doorman: Doorman, tmp_path: pathlib.Path, module: str, namespace: str | None, heard: str | None
) -> None:
    given = yaml.safe_load(yaml.safe_dump(ARGUMENTS[module]).replace("DIRECTORY", str(tmp_path / "out")))
    where = {"url": doorman.url, "retries": 0, "timeout": 10}
    done = run_module(module, {**where, **given, **MORE.get(module, {}), **LOGIN, "auth_namespace": namespace})
    everything = str(done.result)
    assert done.failed, everything
    assert "invalid username or password" in everything
    assert "defect in trustmesh.security" not in everything
    assert set(doorman.logins) == {("/v1/auth/staff/login/jo", heard)}
