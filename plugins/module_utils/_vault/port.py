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
from dataclasses import dataclass, field, replace

from .._core.address import at, sendable
from .._core.errors import InvalidInput
from .._core.foreign import printable
from .answer import Fields, deleted_version, frame, refusal, understand
from .errors import (
    Behind,
    Forbidden,
    InvalidToken,
    NoMount,
    NotVault,
    RateLimited,
    Rejected,
    ServerFault,
    UnknownParameter,
    Unreachable,
    VaultError,
    from_transport,
    speaks_tls,
)

Data = dict[str, t.Any]

# 502 and 504 come from proxies in between.
_PASSING_STATUSES = frozenset({502, 503, 504})
_LONGEST_PAUSE_SECONDS = 5.0
_OWN_TOKEN = "auth/token/lookup-self"


@dataclass(frozen=True)
class Reply:
    """A server's answer to a write."""

    data: Fields = field(default_factory=Fields)
    auth: Fields = field(default_factory=Fields)
    wrap_info: Fields = field(default_factory=Fields)
    warnings: Sequence[str] = ()
    #: The whole answer, for the few endpoints that put nothing into ``data``.
    body: Fields = field(default_factory=Fields)
    #: Whether an earlier attempt, whose answer was lost, may have done it already.
    repeated: bool = False


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
        retries: int,
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
        #: Where the token was made, when that is another namespace: only there the server tells whether it knows it.
        self.owner: Vault | None = None
        self._expected: tuple[str, ...] = ()
        #: Of tokens that an answer made doubtful, whether the server refuses them.
        self._refused: dict[str, bool] = {}

    @property
    def url(self) -> str:
        return self._transport.base_uri

    def use_token(self, token: str) -> None:
        """Authenticate every later request with ``token``; an empty one means none."""
        if token and not looks_like_token(token):
            raise InvalidInput(
                "has blanks or control characters in it, so it is not a token",
                field="token",
                remedy="Check where it comes from; a file may hold something else.",
            )
        self._transport.token = token

    def read(self, path: str) -> Fields | None:
        """Return the object's data, or ``None`` only when the mount exists and the object does not."""
        status, body = self._exchange("get", path, repeatable=True)
        return None if status == 404 else body.mapping("data")

    def read_or_nothing(self, path: str) -> Fields:
        """Return the object's data, without any field where there is no object."""
        data = self.read(path)
        return Fields.of({}, f"get {path}") if data is None else data

    def read_version(self, path: str) -> Fields | None:
        """Return ``data`` and ``metadata`` of the newest version of a secret; ``data`` is null when it is deleted."""
        status, body = self._exchange("get", path, repeatable=True)
        held = deleted_version(body) if status == 404 else body.mapping("data")
        if held is None:
            return None
        if status != 404:
            held.mapping("data")
        held.mapping("metadata").number("version")
        return held

    def read_bare(self, path: str) -> Fields:
        """Return the whole answer of an endpoint that puts nothing into ``data``, such as ``sys/seal-status``."""
        _status, body = self._exchange("get", path, repeatable=True)
        return body

    def mount_of(self, path: str) -> Fields:
        """Return what the server tells every user of a mount about the one that a path is in."""
        about = self.read_or_nothing(at("sys/internal/ui/mounts", path))
        if not f"{path}/".startswith(about.text("path")):
            raise about.wrong("path", "is that of another mount")
        return about

    def own_token(self) -> Fields:
        """Return what the server says about the token of this connection, and about no other."""
        about = self.read_or_nothing(_OWN_TOKEN)
        if about.text("id") != self._transport.token:
            raise about.wrong("id", "is that of another token")
        return about

    def list(self, path: str) -> list[str]:
        """Return the keys below a path; an empty level lists as nothing."""
        return list(self.catalog(path))

    def catalog(self, path: str) -> dict[str, Fields]:
        """Return the keys below a path, each with what the listing says about it."""
        status, body = self._exchange("list", path, repeatable=True)
        if status == 404:
            return {}
        data = body.mapping("data")
        if data.get("keys") is None:
            raise data.wrong("keys", "is missing")
        info = data.mapping_or("key_info")
        return {key: info.mapping_or(key) for key in data.texts("keys")}

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
        status, payload, repeated = self._repeat("post", path, not once, {"json": dict(body or {}), **options})
        return replace(self._reply(path, status, payload, declared), repeated=repeated)

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
        except (Rejected, NotVault) as error:  # what stands in between may refuse the method as well
            if error.status != 405:
                raise
        held = self.read(path)
        if held is None:
            raise _nothing_at(path)
        return self.write(path, {**held, **body})

    def delete(self, path: str) -> None:
        """Delete; deleting what is not there succeeds, as it does on the server."""
        self._exchange("delete", path, repeatable=True)

    def probe(self, path: str) -> tuple[int, Fields]:
        """Return status and body of a path whose status codes are its answer, such as ``sys/health``."""
        response = self._send("get", path, {})
        return response.status_code, frame(response, self.url, "get", path)

    def ignores_namespaces(self) -> bool:
        """Tell whether the server takes no notice of namespaces, as the free edition of HashiCorp Vault does.

        What it shows to everybody is asked for in a namespace that cannot exist: only such a server answers that.
        """
        headers = {"X-Vault-Namespace": f"no-such-namespace-{secrets.token_hex(8)}"}
        try:
            self._exchange("get", "sys/internal/ui/mounts", repeatable=True, headers=headers)
        except (Unreachable, NotVault):
            raise
        except VaultError:
            return False
        return True

    def fields(self, path: str) -> frozenset[str] | None:
        """Return the names of the fields that an endpoint knows, or ``None`` when the server does not say.

        They tell what a product or version can do before a write has to find out.
        """
        schemas = self.help(path)[1].mapping_or("components").mapping_or("schemas")
        return (
            frozenset(name for schema in schemas for name in schemas.mapping(schema).mapping_or("properties")) or None
        )

    def help(self, path: str) -> tuple[int, Fields]:
        """Return status and what an endpoint says about itself (OpenAPI); every token may ask, and changes nothing."""
        response = self._send("get", path, {"query": "help=1"})
        return response.status_code, frame(response, self.url, "get", path, own="openapi").mapping_or("openapi")

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

    def _reply(self, path: str, status: int, payload: Fields, declared: t.Sequence[str] = ()) -> Reply:
        if status == 404:
            raise _nothing_at(path)
        warnings = tuple(printable(text) for text in payload.texts("warnings"))
        for text in warnings:
            if "unrecognized parameters" in text.lower():
                raise UnknownParameter(
                    f"the server does not know a field sent to {path}: {text}",
                    remedy="This product or version lacks the feature; remove the option or upgrade the server.",
                )
            if not any(part in text for part in declared):
                self.warn(f"{path}: {text}")
        data, auth, wrap_info = (payload.mapping_or(name) for name in ("data", "auth", "wrap_info"))
        return Reply(data, auth, wrap_info, warnings, payload)

    def _exchange(self, method: str, path: str, *, repeatable: bool, **options: t.Any) -> tuple[int, Fields]:
        """Send a request, repeat it where that is safe, and return status and body.

        The status is below 300, or 404 with the meaning "no such object".
        """
        return self._repeat(method, path, repeatable, options)[:2]

    def _repeat(self, method: str, path: str, repeatable: bool, options: Data) -> tuple[int, Fields, bool]:
        """Return also whether an attempt before the last may have done what was asked."""
        repeated = False
        for attempt in range(self._retries + 1):
            try:
                status, body = self._attempt(method, path, options)
                return status, body, repeated
            except VaultError as error:
                error.repeated = repeated
                pause = _pause(error, attempt)
                if attempt == self._retries or not _may_repeat(error, repeatable):
                    raise
                repeated = repeated or not _did_nothing(error)
                self._sleep(pause)
        raise AssertionError("unreachable")

    def _attempt(self, method: str, path: str, options: Data) -> tuple[int, Fields]:
        response = self._send(method, path, options)
        refusal(response, method, path)
        if response.status_code == 400 and b"HTTP request to an HTTPS server" in response.content:
            raise speaks_tls(self.url)
        try:
            return understand(response, self.url, method, path)
        except Forbidden as error:
            if error.doubtful and self._refuses_token(path):
                raise _unaccepted(error) from None
            raise

    def _refuses_token(self, path: str) -> bool:
        """Tell whether the token is good for nothing; asked of the server once, where an answer has raised the doubt.

        A token may be without the right to look itself up, so that the refusal of that alone proves nothing.
        """
        token = self._transport.token
        if not token:
            return False
        if path == _OWN_TOKEN:
            return True
        with self._lock:
            if token not in self._refused:
                try:
                    understand((self.owner or self)._send("get", _OWN_TOKEN, {}), self.url, "get", _OWN_TOKEN)
                    self._refused[token] = False
                except Forbidden as error:
                    self._refused[token] = error.doubtful
                except VaultError:  # the doubt stays, and what was said first is what is known
                    return False
            return self._refused[token]

    def _send(self, method: str, path: str, options: Data) -> t.Any:
        try:
            response = self._transport.request(method, f"v1/{sendable(path)}", raise_exception=False, **options)
        except OSError as error:  # every exception of requests is one
            raise from_transport(error, self.url) from None
        self._note_clock(response.headers.get("Date"))
        return response

    def _note_clock(self, date: str | None) -> None:
        told = _timestamp(date) if date else None
        if told is not None:
            self.clock_lead = told - self._clock()


@functools.lru_cache(maxsize=4)
def _timestamp(date: str) -> float | None:
    """Read a date header, if it is one; hundreds of answers come within the second that one text stands for."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, LookupError, OverflowError, OSError):
        return None


def _unaccepted(error: Forbidden) -> InvalidToken:
    refused = InvalidToken(
        f"the server does not accept the token: {error.problem}",
        field="token",
        remedy="It is invalid or expired, of another namespace, or bound to other addresses. Log in again.",
    )
    refused.status = error.status
    return refused


def _nothing_at(path: str) -> Rejected:
    return Rejected(f"there is nothing at {path} to write to (HTTP 404)", remedy="Something else removed it meanwhile.")


def looks_like_token(text: str) -> bool:
    """Tell whether a header could carry a text as a token."""
    return text.isascii() and text.isprintable() and " " not in text


def _did_nothing(error: VaultError) -> bool:
    """Tell whether the request certainly had no effect."""
    return isinstance(error, (RateLimited, Behind)) or (isinstance(error, Unreachable) and error.unsent)


def _may_repeat(error: VaultError, repeatable: bool) -> bool:
    """Tell whether sending again is safe and may help."""
    if _did_nothing(error):
        return True
    if not repeatable:
        return False
    return isinstance(error, Unreachable) or (
        isinstance(error, (ServerFault, NotVault)) and error.status in _PASSING_STATUSES
    )


def _pause(error: VaultError, attempt: int) -> float:
    """Return seconds to wait: what the server asks for, else an exponential back-off with jitter."""
    asked = error.retry_after
    if asked and asked.isascii() and asked.isdigit():
        return min(float(asked), _LONGEST_PAUSE_SECONDS)
    return float(min(0.2 * 2**attempt * random.uniform(0.5, 1.5), _LONGEST_PAUSE_SECONDS))
