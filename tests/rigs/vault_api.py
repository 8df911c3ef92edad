# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Vault HTTP API as the tests use it: a second, independent client beside the one under test."""

from __future__ import annotations

import dataclasses
import http.client
import json
import ssl
import typing as t
import urllib.parse

from tests.rigs.process import RigError

TIMEOUT = 30.0


@dataclasses.dataclass(frozen=True)
class Answer:
    """One HTTP answer; ``body`` is the decoded JSON object, empty when the server sent none."""

    status: int
    body: dict[str, t.Any]

    @property
    def data(self) -> dict[str, t.Any]:
        """The ``data`` member that most answers carry."""
        return t.cast("dict[str, t.Any]", self.body.get("data") or {})

    @property
    def errors(self) -> list[str]:
        """The server's error texts."""
        return list(self.body.get("errors") or [])


class VaultApi:
    """Requests with one token over verified TLS; environment proxies and CA variables have no say."""

    def __init__(self, url: str, context: ssl.SSLContext, token: str | None) -> None:
        self._where = urllib.parse.urlsplit(url)
        self._context = context
        self._token = token

    def __repr__(self) -> str:
        return f"VaultApi({self._where.netloc})"

    def request(self, method: str, path: str, body: t.Any = None, **headers: str) -> Answer:
        """Send one request below ``/v1/`` and return the answer whatever its status.

        ``headers`` spell ``_`` for ``-``. Raises OSError when there is no connection.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._token is not None:
            sent["X-Vault-Token"] = self._token
        assert self._where.hostname is not None
        connection = http.client.HTTPSConnection(
            self._where.hostname, self._where.port, timeout=TIMEOUT, context=self._context
        )
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/v1/{urllib.parse.quote(path, safe='/?=&')}", body=content, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, _decode(response.read()))
        finally:
            connection.close()

    def read(self, path: str) -> dict[str, t.Any] | None:
        """Return the object at ``path``, or None when there is none."""
        answer = self.request("GET", path)
        return None if answer.status == 404 else _expect(answer, "GET", path).data

    def list(self, path: str) -> list[str]:
        """Return the names below ``path``."""
        answer = self.request("LIST", path)
        return [] if answer.status == 404 else list(_expect(answer, "LIST", path).data.get("keys") or [])

    def fields(self, path: str) -> set[str]:
        """Return the fields that an endpoint says it knows: what tells one product from another."""
        schemas = self.request("GET", f"{path}?help=1").body["openapi"]["components"]["schemas"]
        return {name for schema in schemas.values() for name in schema.get("properties") or {}}

    def write(self, path: str, **body: t.Any) -> Answer:
        """Write an object; raises RigError when the server refuses."""
        return _expect(self.request("POST", path, body), "POST", path)

    def delete(self, path: str) -> None:
        """Delete an object; raises RigError when the server refuses."""
        _expect(self.request("DELETE", path), "DELETE", path)


def _decode(content: bytes) -> dict[str, t.Any]:
    try:
        body = json.loads(content) if content else {}
    except ValueError:
        return {"raw": content.decode(errors="replace")}
    return body if isinstance(body, dict) else {"raw": body}


def _expect(answer: Answer, method: str, path: str) -> Answer:
    if answer.status >= 400:
        raise RigError(f"{method} {path}: {answer.status} {answer.errors}")
    return answer
