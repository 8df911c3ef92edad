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
import socket
import ssl
import time
import typing as t
import zlib
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from .._core.address import at, whole
from .._core.deadline import within
from .._core.errors import InvalidInput, TrustmeshError
from .._core.foreign import LARGEST_ANSWER, Answer, Unreadable, destination, parse_value, printable
from .._core.lending import lend
from .._core.redact import Secret

VALID: t.Final = "VALID"
_MISSING = 404


class McmFailure(TrustmeshError):
    """The connection manager did not do what was asked."""


class Document(Answer):
    """An object in an answer of the connection manager."""

    def wrong(self, name: str, problem: str) -> McmFailure:
        """Return the error of a field that is not as a connection manager sends it."""
        return McmFailure(
            f"{self.place} did not answer as a connection manager does: {name} {problem}",
            field="url",
            remedy="Give the address of its API.",
        )


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
        if not _is_address(url):
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

    def file(self, name: str) -> None:
        return None

    def held(self) -> Mapping[str, str]:
        """Return the keys by owner; one that the manager does not hold for valid counts as another text."""
        path = "/dfsps/jwscerts"
        found = self._call("GET", path)
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise self._unexpected(path, "it is not a list of keys")
        documents = [Document.of(entry, f"{self._url}{path}") for entry in found]
        texts = {entry.text("dfspId"): self._text(entry) for entry in documents}
        if self._hub is not None:
            own = self._document("GET", "/hub/jwscerts")
            if own is not None and own.text_or("publicKey"):
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
        reply = self._document("POST", path, {"publicKey": text, "createdAt": int(time.time())})
        if reply is None:
            raise self._unexpected(path, "it does not say what became of the key")
        state = reply.text_or("validationState")
        if state != VALID:
            said = printable(state, 60) or "unknown"
            raise McmFailure(
                f"the connection manager took the key of {name} with state {said}: {_why(reply)}",
                field="publish",
                remedy="It still hands this key out, and reads RSA keys only; use RS256 with 2048 bits or more.",
            )

    def _withdraw(self, name: str) -> None:
        if name == self._hub:
            raise McmFailure(
                "the key of the hub cannot be taken back, only replaced", field="publish", remedy="Publish another one."
            )
        self._call("DELETE", self._path(name))

    def _path(self, name: str) -> str:
        return "/hub/jwscerts" if name == self._hub else f"/{at('dfsps', whole(name), 'jwscerts')}"

    def _text(self, entry: Document) -> str:
        text, state = entry.text_or("publicKey"), entry.text_or("validationState")
        return text if state == VALID else f"{state or None} {text}"

    def _document(self, method: str, path: str, body: t.Optional[Mapping[str, t.Any]] = None) -> t.Optional[Document]:
        """Return the JSON object of an answer, ``None`` as :meth:`_call` does."""
        value = self._call(method, path, body)
        if value is not None and not isinstance(value, dict):
            raise self._unexpected(path, "it is not an object")
        return None if value is None else Document.of(value, f"{self._url}{path}")

    def _call(self, method: str, path: str, body: t.Optional[Mapping[str, t.Any]] = None) -> t.Any:
        """Return the JSON of an answer, ``None`` for not found, said in JSON, or for a write that has nothing to tell.

        The time-out is for the whole request.
        """
        try:
            status, location, content = within(self._timeout, lambda: self._ask(method, path, body))
        except (URLError, HTTPException, OSError, ValueError, EOFError, zlib.error) as error:
            raise self._unreached(error) from None
        except Exception as error:  # pylint: disable=broad-except  # Ansible's own, which is imported late
            if type(error).__module__ != "ansible.module_utils.urls":
                raise
            raise self._unreached(error) from None
        if 300 <= status < 400:
            raise self._unexpected(path, f"it redirects to {destination(location)} (HTTP {status})")
        if status >= 400 and (status != _MISSING or method == "POST"):
            raise self._refused(method, path, status)
        if len(content) > LARGEST_ANSWER:
            raise self._unexpected(path, f"its body is larger than {LARGEST_ANSWER >> 20} MiB")
        if not content.strip() and status != _MISSING and method != "GET":
            return None
        try:
            value = parse_value(content)
        except Unreadable as error:
            raise self._unexpected(path, f"{error} (HTTP {status})") from None
        if status != _MISSING:
            return value
        if not isinstance(value, dict):
            raise self._unexpected(path, "it says 404 without a reason")
        return None

    def _ask(self, method: str, path: str, body: t.Optional[Mapping[str, t.Any]]) -> tuple[int, str, bytes]:
        """Return status, the place that a redirect names, and the body, of which no more is read than is looked at."""
        # Of no use to the many runs without a connection manager, and a good part of what starting them takes.
        from ansible.module_utils.urls import open_url

        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        with contextlib.ExitStack() as stack:
            try:
                answer = open_url(
                    self._url + path,
                    method=method,
                    data=None if body is None else json.dumps(body),
                    headers=headers,
                    timeout=self._timeout,
                    ca_path=stack.enter_context(lend(self._ca_cert, "ca_cert")).name if self._ca_cert else None,
                    follow_redirects="none",
                )
            except HTTPError as error:
                answer = error
            stack.enter_context(answer)
            return answer.getcode(), answer.headers.get("Location") or "", answer.read(LARGEST_ANSWER + 1)

    def _unreached(self, error: Exception) -> McmFailure:
        reason = getattr(error, "reason", None)
        if isinstance(reason, ssl.SSLError) or type(error).__name__ == "SSLValidationError":
            why = getattr(reason, "verify_message", None) or "TLS failed"
            return McmFailure(
                f"the certificate of {self._url} was not accepted: {why}",
                field="ca_cert",
                remedy="Give the PEM file of the CA that signed it, and an address it is valid for.",
            )
        if isinstance(reason or error, socket.timeout):
            reason = f"no whole answer within {self._timeout} s"
        return McmFailure(
            f"{self._url} cannot be reached: {printable(str(reason or type(error).__name__))}",
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

    def _unexpected(self, path: str, why: str) -> McmFailure:
        return McmFailure(
            f"{self._url}{path} did not answer as a connection manager does: {why}",
            field="url",
            remedy="Give the address of its API.",
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _why(reply: Document) -> str:
    """Return what the validations of a reply complain about."""
    failed = [
        printable(entry.text_or("validationCode") or entry.text_or("message"), 60)
        for entry in reply.mappings("validations")
        if entry.text_or("result") not in (VALID, "NOT_AVAILABLE", "")
    ]
    return ", ".join(failed) or "it gives no reason"
