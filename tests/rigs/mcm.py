# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of the Mojaloop connection manager, as far as signing keys go.

It has the documented endpoints (hub, participants, all, rotate, external), and the two habits that matter: every key
is stored and handed out, also one that it could not read and therefore answers ``INVALID`` about, and what it reads is
RSA. Documents are kept by the paths of version 1 of a key-value engine (``dfsp-jws-certs/<dfspId>``), replaced whole.
"""

from __future__ import annotations

import http.server
import json
import re
import ssl
import threading
import time
import typing as t
import urllib.parse

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.rigs.pki import ServerPair

VALID, INVALID = "VALID", "INVALID"
HUB_PATH = "hub-jws-certs"
DFSP_PATH = "dfsp-jws-certs"
EXTERNAL_PATH = "dfsp-external-jws-certs"
_PARSES = "TEXT_PUBLIC_KEY_CORRECT"

Document = dict[str, t.Any]


def _reads(public_key: str) -> bool:
    """Tell whether the manager's library can read a key: RSA of any size, and nothing else."""
    try:
        return isinstance(load_pem_public_key(public_key.encode()), rsa.RSAPublicKey)
    except (ValueError, UnsupportedAlgorithm):
        return False


class Manager:
    """A connection manager on loopback: ``with Manager(["hub", "dfsp-1"]) as manager: manager.url``."""

    def __init__(
        self, participants: t.Iterable[str] = (), token: str | None = None, tls: ServerPair | None = None
    ) -> None:
        self.participants = set(participants)
        self.token = token
        #: Documents by path, as in a key-value engine of version 1.
        self.store: dict[str, Document] = {}
        #: Method and path of every request, in order.
        self.requests: list[tuple[str, str]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Manager:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Address of its API."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/api"

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [request for request in self.requests if request[0] != "GET"]

    def answer(self, method: str, path: str, body: Document) -> tuple[int, t.Any]:
        """Return status and JSON of one request."""
        self.requests.append((method, path))
        if path == "/hub/jwscerts":
            return self._one(method, HUB_PATH, None, body)
        if path == "/hub/jwscerts/rotate" and method == "POST":
            return 200, self.store.get(HUB_PATH, {})
        if path == "/dfsps/jwscerts" and method == "GET":
            return 200, [
                document for place, document in self.store.items() if place.startswith((DFSP_PATH, EXTERNAL_PATH))
            ]
        if path == "/external-dfsps/jwscerts" and method == "POST":
            for entry in t.cast("list[Document]", body):
                self.store[f"{EXTERNAL_PATH}/{entry['dfspId']}"] = {**_judged(entry), "dfspId": entry["dfspId"]}
            return 200, body
        own = re.fullmatch(r"/dfsps/([^/]+)/jwscerts", path)
        if own is None:
            return 404, {"error": {"message": "no such endpoint"}}
        name = urllib.parse.unquote(own.group(1))
        if name not in self.participants:
            return 404, {"error": {"message": f"DFSP {name} not found"}}
        return self._one(method, f"{DFSP_PATH}/{name}", name, body)

    def _one(self, method: str, place: str, name: str | None, body: Document) -> tuple[int, t.Any]:
        if method == "POST":
            if not isinstance(body.get("publicKey"), str) or not isinstance(body.get("createdAt"), (int, float)):
                return 400, {"error": {"message": "publicKey and createdAt are needed"}}
            self.store[place] = {**_judged(body), **({"dfspId": name} if name else {})}
            return 201, self.store[place]
        if method == "DELETE" and name is not None:
            return (204, None) if self.store.pop(place, None) else (404, {"error": {"message": "no key"}})
        if method == "GET" and place in self.store:
            return 200, self.store[place]
        return 404, {"error": {"message": "no key"}}


def _judged(body: Document) -> Document:
    """Return a key with the verdict of the manager, which keeps it whatever that is."""
    state = VALID if _reads(str(body.get("publicKey"))) else INVALID
    validation = {"validationCode": _PARSES, "performed": True, "result": state, "messageKey": _PARSES}
    return {
        "id": int(time.time() * 1000),
        "publicKey": body.get("publicKey"),
        "createdAt": body.get("createdAt"),
        "validations": [validation],
        "validationState": state,
    }


def _handler(manager: Manager) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """Speaks HTTP for the manager."""

        def _serve(self) -> None:
            if manager.token is not None and self.headers.get("Authorization") != f"Bearer {manager.token}":
                self._send(401, {"error": {"message": "Unauthorized"}})
                return
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            path = urllib.parse.urlsplit(self.path).path
            self._send(*manager.answer(self.command, path.removeprefix("/api"), body))

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815

        def _send(self, status: int, answer: t.Any) -> None:
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: t.Any) -> None:
            """Say nothing."""

    return Handler
