# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The port to Vault or OpenBao: read, list, write, patch, delete.

hvac is the transport (TLS, proxies, client certificates, namespaces); this file sits on its lowest request call,
because the high-level helpers lack endpoints and hide status codes. Paths are those of the HTTP API without ``/v1/``.
"""

from __future__ import annotations

import email.utils
import functools
import random
import secrets
import threading
import time
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._core.errors import InvalidInput
from .errors import (
    Behind,
    NoMount,
    RateLimited,
    Rejected,
    Sealed,
    ServerFault,
    UnknownParameter,
    Unreachable,
    VaultError,
    from_status,
    from_transport,
    speaks_tls,
)

Data = dict[str, t.Any]

# 502 and 504 come from proxies in between.
_PASSING_STATUSES = frozenset({502, 503, 504})
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Reply:
    """A server's answer to a write."""

    data: Data = field(default_factory=dict)
    auth: Data = field(default_factory=dict)
    wrap_info: Data = field(default_factory=dict)
    warnings: Sequence[str] = ()
    #: The whole answer, for the few endpoints that put nothing into ``data``.
    body: Data = field(default_factory=dict)


class Transport(t.Protocol):
    """What the port needs of hvac's ``RawAdapter``."""

    token: str | None
    base_uri: str

    def request(self, method: str, url: str, **options: t.Any) -> t.Any:
        """Send one request below ``/v1/`` and return a ``requests.Response``."""


class Vault:
    """A logged-in connection that many threads may share."""

    def __init__(
        self,
        transport: Transport,
        *,
        retries: int = 3,
        sleep: t.Callable[[float], None] = time.sleep,
        clock: t.Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._retries = retries
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        #: Warnings of the server, each once, in order of arrival.
        self.warnings: list[str] = []
        #: Seconds by which the server's clock is ahead of ours, as of the last answer; ``None`` before the first.
        self.clock_lead: float | None = None
        self._expected: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return self._transport.base_uri

    def use_token(self, token: str) -> None:
        """Authenticate every later request with ``token``; an empty one means none."""
        if token and not looks_like_token(token):
            raise InvalidInput(
                "has blanks or control characters in it, so that it is no token",
                field="token",
                remedy="Check where it comes from; a file may hold something else.",
            )
        self._transport.token = token

    def read(self, path: str) -> Data | None:
        """Return the object's data, or ``None`` only when the mount exists and the object does not."""
        status, payload = self._exchange("get", path, repeatable=True)
        if status == 404:
            return None
        data: Data = payload.get("data") or {}
        return data

    def read_bare(self, path: str) -> Data:
        """Return the whole answer of an endpoint that puts nothing into ``data``, such as ``sys/seal-status``."""
        _status, payload = self._exchange("get", path, repeatable=True)
        return payload

    def list(self, path: str) -> list[str]:
        """Return the keys below a path; an empty level lists as nothing."""
        return list(self.catalog(path))

    def catalog(self, path: str) -> dict[str, Data]:
        """Return the keys below a path, each with what the listing says about it."""
        _status, payload = self._exchange("list", path, repeatable=True)
        data = payload.get("data") or {}
        info = data.get("key_info") or {}
        return {key: info.get(key) or {} for key in data.get("keys") or []}

    def write(
        self,
        path: str,
        body: Mapping[str, t.Any] | None = None,
        *,
        once: bool = False,
        wrap_ttl: str | None = None,
        declared: t.Sequence[str] = (),
    ) -> Reply:
        """Create or update; ``once`` marks requests that make something new each time (issue, sign, generate, login).

        Those are repeated only when the first attempt certainly did nothing. ``declared`` are parts of warnings that
        say no more than what was declared; they are not surfaced.
        """
        options = {"wrap_ttl": wrap_ttl} if wrap_ttl else {}
        status, payload = self._exchange("post", path, repeatable=not once, json=dict(body or {}), **options)
        return self._reply(path, status, payload, declared)

    def patch(self, path: str, body: Mapping[str, t.Any]) -> Reply:
        """Update the named fields and leave the others (RFC 7396 merge patch)."""
        headers = {"Content-Type": "application/merge-patch+json"}
        status, payload = self._exchange("patch", path, repeatable=True, json=dict(body), headers=headers)
        return self._reply(path, status, payload)

    def merge(self, path: str, body: Mapping[str, t.Any]) -> Reply:
        """Update the named fields of an object whose write resets what it leaves out.

        Where the server has no PATCH for it, the object is read and written back whole.
        """
        try:
            return self.patch(path, body)
        except Rejected as error:
            if error.status != 405:
                raise
        return self.write(path, {**(self.read(path) or {}), **body})

    def delete(self, path: str) -> None:
        """Delete; deleting what is not there succeeds, as it does on the server."""
        self._exchange("delete", path, repeatable=True)

    def probe(self, path: str) -> tuple[int, Data]:
        """Return status and body of a path whose status codes are its answer, such as ``sys/health``."""
        response = self._send("get", path, {})
        return response.status_code, _body(response)

    def ignores_namespaces(self) -> bool:
        """Tell whether the server takes no notice of namespaces, as the free edition of HashiCorp Vault does.

        What it shows to everybody is asked for in a namespace that cannot exist: only such a server answers that.
        """
        headers = {"X-Vault-Namespace": f"no-such-namespace-{secrets.token_hex(8)}"}
        try:
            self._exchange("get", "sys/internal/ui/mounts", repeatable=True, headers=headers)
        except Unreachable:
            raise
        except VaultError:
            return False
        return True

    def fields(self, path: str) -> frozenset[str] | None:
        """Return the names of the fields that an endpoint knows, or ``None`` when the server does not say.

        Every token may ask for an endpoint's help, and asking changes nothing, so this tells what a product or version
        can do before a write has to find out.
        """
        _status, body = self.probe(f"{path}?help=1")
        schemas = ((body.get("openapi") or {}).get("components") or {}).get("schemas") or {}
        return frozenset(name for schema in schemas.values() for name in schema.get("properties") or {}) or None

    def expect(self, mounts: t.Iterable[str]) -> None:
        """Note paths at which something is declared to be mounted, so that nobody wonders when it is not there yet."""
        self._expected += tuple(f"{mount}/" for mount in mounts)

    def miss(self, identity: str, path: str, error: NoMount) -> None:
        """Warn that something has no mount to live in, unless the mount is declared beside it."""
        if not path.startswith(self._expected):
            self.warn(f"{identity}: {error}")

    def warn(self, text: str) -> None:
        """Surface a warning once."""
        with self._lock:
            if text not in self.warnings:
                self.warnings.append(text)

    def _reply(self, path: str, status: int, payload: Data, declared: t.Sequence[str] = ()) -> Reply:
        if status == 404:
            raise Rejected(
                f"there is nothing at {path} to write to (HTTP 404)", remedy="Something else removed it meanwhile."
            )
        warnings = tuple(payload.get("warnings") or ())
        for text in warnings:
            if "unrecognized parameters" in text.lower():
                raise UnknownParameter(
                    f"the server does not know a field sent to {path}: {text}",
                    remedy="This product or version lacks the feature; remove the option or upgrade the server.",
                )
            if not any(part in text for part in declared):
                self.warn(f"{path}: {text}")
        return Reply(
            payload.get("data") or {}, payload.get("auth") or {}, payload.get("wrap_info") or {}, warnings, payload
        )

    def _exchange(self, method: str, path: str, *, repeatable: bool, **options: t.Any) -> tuple[int, Data]:
        """Send a request, repeat it where that is safe, and return status and body.

        The status is below 300, or 404 with the meaning "no such object".
        """
        for attempt in range(self._retries + 1):
            try:
                return self._attempt(method, path, options)
            except VaultError as error:
                pause = _pause(error, attempt)
                if attempt == self._retries or not _may_repeat(error, repeatable):
                    raise
                self._sleep(pause)
        raise AssertionError("unreachable")

    def _attempt(self, method: str, path: str, options: Data) -> tuple[int, Data]:
        response = self._send(method, path, options)
        status: int = response.status_code
        body = _body(response)
        if status < 300:
            return status, body
        errors = [str(entry) for entry in body.get("errors") or []]
        # An absent object is 404 without a message (KV v2 adds metadata of a deleted version); a missing mount says so.
        if status == 404 and not errors:
            return status, body
        if status == 400 and b"HTTP request to an HTTPS server" in response.content:
            raise speaks_tls(self.url)
        error = from_status(status, errors, method, path)
        error.status = status
        error.retry_after = response.headers.get("Retry-After")
        error.data = body.get("data") or {}
        raise error

    def _send(self, method: str, path: str, options: Data) -> t.Any:
        try:
            response = self._transport.request(method, f"v1/{path}", raise_exception=False, **options)
        except OSError as error:  # every exception of requests is one
            raise from_transport(error, self.url) from None
        self._note_clock(response.headers.get("Date"))
        return response

    def _note_clock(self, date: str | None) -> None:
        if date:
            self.clock_lead = _timestamp(date) - self._clock()


@functools.lru_cache(maxsize=4)
def _timestamp(date: str) -> float:
    """Read a date header; hundreds of answers come within the second that one text stands for."""
    return email.utils.parsedate_to_datetime(date).timestamp()


def looks_like_token(text: str) -> bool:
    """Tell whether a header could carry a text as a token."""
    return text.isascii() and text.isprintable() and " " not in text


def _body(response: t.Any) -> Data:
    if not response.content:
        return {}
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _may_repeat(error: VaultError, repeatable: bool) -> bool:
    """Tell whether sending again is safe and may help."""
    if isinstance(error, (RateLimited, Behind)) or (isinstance(error, Unreachable) and error.unsent):
        return True
    if not repeatable or isinstance(error, (Sealed, NoMount)):
        return False
    if isinstance(error, Unreachable):
        return True
    return isinstance(error, ServerFault) and error.status in _PASSING_STATUSES


def _pause(error: VaultError, attempt: int) -> float:
    """Return seconds to wait: what the server asks for, else an exponential back-off with jitter."""
    asked = error.retry_after
    if asked and asked.isdigit():
        return min(float(asked), _LONGEST_PAUSE_SECONDS)
    return float(min(0.2 * 2**attempt * random.uniform(0.5, 1.5), _LONGEST_PAUSE_SECONDS))
