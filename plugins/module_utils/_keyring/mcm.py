# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Public keys in a Mojaloop connection manager (``/dfsps/jwscerts``, ``/dfsps/{dfspId}/jwscerts``, ``/hub/jwscerts``).

It stores and hands out a key that it could not read all the same, and says so in its reply only: there the state has to
be ``VALID``. What it reads is RSA.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import time
import typing as t
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit

from .._core.errors import InvalidInput, TrustmeshError
from .._core.lending import lend
from .._core.redact import Secret

VALID: t.Final = "VALID"
_MISSING = 404


class McmFailure(TrustmeshError):
    """The connection manager did not do what was asked."""


class McmPublisher:
    """One connection manager. ``hub`` is the owner whose key goes to the hub's own place."""

    def __init__(
        self,
        url: str,
        token: t.Optional[str] = None,
        hub: t.Optional[str] = None,
        ca_cert: t.Optional[str] = None,
        timeout: int = 30,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                f"{url!r} is not an address", field="url", remedy="Write it like https://mcm.example/api."
            )
        self._url = url.rstrip("/")
        self._token = Secret(token) if token else None
        self._hub = hub
        self._ca_cert = ca_cert
        self._timeout = timeout

    @property
    def identity(self) -> str:
        return f"mcm {self._url}"

    def held(self) -> Mapping[str, str]:
        """Return the keys by owner; one that the manager does not hold for valid counts as another text."""
        found = self._call("GET", "/dfsps/jwscerts")
        if not isinstance(found, list):
            raise self._unexpected("/dfsps/jwscerts")
        texts = {str(entry.get("dfspId")): self._text(entry) for entry in found if isinstance(entry, dict)}
        if self._hub is not None:
            own = self._call("GET", "/hub/jwscerts")
            if isinstance(own, dict) and own.get("publicKey"):
                texts[self._hub] = self._text(own)
        return texts

    def publish(self, texts: Mapping[str, t.Optional[str]]) -> dict[str, TrustmeshError]:
        failures: dict[str, TrustmeshError] = {}
        for name, text in texts.items():
            try:
                self._withdraw(name) if text is None else self._put(name, text)
            except TrustmeshError as error:
                failures[name] = error
        return failures

    def _put(self, name: str, text: str) -> None:
        path = self._path(name)
        reply = self._call("POST", path, {"publicKey": text, "createdAt": int(time.time())})
        if not isinstance(reply, dict):
            raise self._unexpected(path)
        state = reply.get("validationState")
        if state != VALID:
            raise McmFailure(
                f"the connection manager took the key of {name} with state {state or 'unknown'}: {_why(reply)}",
                field="publish",
                remedy="It hands this key out all the same and reads RSA keys only; use RS256 with 2048 bits or more.",
            )

    def _withdraw(self, name: str) -> None:
        if name == self._hub:
            raise McmFailure(
                "the key of the hub cannot be taken back, only replaced", field="publish", remedy="Publish another one."
            )
        self._call("DELETE", self._path(name))

    def _path(self, name: str) -> str:
        return "/hub/jwscerts" if name == self._hub else f"/dfsps/{quote(name, safe='')}/jwscerts"

    def _text(self, entry: Mapping[str, t.Any]) -> str:
        text = str(entry.get("publicKey") or "")
        return text if entry.get("validationState") == VALID else f"{entry.get('validationState')} {text}"

    def _call(self, method: str, path: str, body: t.Optional[Mapping[str, t.Any]] = None) -> t.Any:
        """Return the JSON of an answer, ``None`` for not found or an empty one."""
        # Of no use to the many runs without a connection manager, and a good part of what starting them takes.
        from ansible.module_utils.urls import ConnectionError as UrlsError
        from ansible.module_utils.urls import open_url

        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        data = None if body is None else json.dumps(body)
        try:
            with contextlib.ExitStack() as stack:
                answer = open_url(
                    self._url + path,
                    method=method,
                    data=data,
                    headers=headers,
                    timeout=self._timeout,
                    ca_path=stack.enter_context(lend(self._ca_cert, "ca_cert")).name if self._ca_cert else None,
                    follow_redirects="none",
                )
                content = answer.read()
        except HTTPError as error:
            if error.code == _MISSING and method != "POST":
                return None
            raise self._refused(method, path, error.code) from None
        except (UrlsError, URLError, HTTPException, OSError, ValueError) as error:
            raise self._unreached(error) from None
        try:
            return json.loads(content) if content.strip() else None
        except (ValueError, RecursionError):
            raise self._unexpected(path) from None

    def _unreached(self, error: Exception) -> McmFailure:
        reason = getattr(error, "reason", None)
        if isinstance(reason, ssl.SSLError) or type(error).__name__ == "SSLValidationError":
            why = getattr(reason, "verify_message", None) or "TLS failed"
            return McmFailure(
                f"the certificate of {self._url} was not accepted: {why}",
                field="ca_cert",
                remedy="Give the PEM file of the CA that signed it, and an address it is valid for.",
            )
        return McmFailure(
            f"{self._url} cannot be reached: {reason or type(error).__name__}",
            field="url",
            remedy="Check address and firewall.",
        )

    def _refused(self, method: str, path: str, status: int) -> McmFailure:
        remedy = "Check what it logs."
        if status in (401, 403):
            remedy = "Check token: it has to be valid and allowed to manage keys."
        elif status == _MISSING:
            remedy = "Create the participant in the connection manager first."
        return McmFailure(f"{method} {self._url}{path} was refused (HTTP {status})", field="url", remedy=remedy)

    def _unexpected(self, path: str) -> McmFailure:
        return McmFailure(
            f"{self._url}{path} did not answer as a connection manager does",
            field="url",
            remedy="Give the address of its API.",
        )


def _why(reply: Mapping[str, t.Any]) -> str:
    """Return what the validations of a reply complain about."""
    failed = [
        str(entry.get("validationCode") or entry.get("message"))
        for entry in reply.get("validations") or ()
        if isinstance(entry, dict) and entry.get("result") not in (VALID, "NOT_AVAILABLE", None)
    ]
    return ", ".join(failed) or "it gives no reason"
