# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""When a server counts as ready: it accepts connections on a port, or answers a URL with an accepted status."""

from __future__ import annotations

import errno
import http.client
import socket
import typing as t
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._core.client_pair import trusting
from .._core.deadline import within
from .._core.errors import InvalidInput
from .._core.files import exists
from .._core.foreign import printable

#: The options of a readiness condition; exactly one of ``port`` and ``url`` is given.
READY_OPTIONS: t.Final[Mapping[str, Mapping[str, t.Any]]] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int"},
    "url": {"type": "str"},
    "ca_cert": {"type": "path"},
    "status": {"type": "list", "elements": "int", "default": [200]},
}

# Long enough for a handshake on a busy machine; the waiting around it has its own deadline.
_ONE_TRY = 2.0
#: For servers that send an octet now and then.
_WHOLE_TRY = 3 * _ONE_TRY


@dataclass(frozen=True)
class Readiness:
    """One condition: where it looks, and the look itself, which returns ``None`` or what is still wrong."""

    host: str
    port: int
    complaint: Callable[[], str | None]

    @classmethod
    def declared(cls, options: Mapping[str, t.Any]) -> Readiness:
        """Build from the options; raises :class:`InvalidInput` naming the option."""
        if options["url"] is None:
            host, port = options["host"], options["port"]
            if not 0 < port < 65536:
                raise InvalidInput(f"{port} is not a TCP port", field="ready.port")
            return cls(host, port, lambda: _refusal(host, port))
        try:
            parts = urlsplit(options["url"])
            host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:  # of brackets or a port that make no sense
            parts, host = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not host:
            raise InvalidInput(f"{options['url']!r} is not an http or https address", field="ready.url")
        return cls(host, port, lambda: _bad_answer(options))

    def port_is_taken(self) -> bool:
        """Return whether something listens there; ``False`` for an address that is not of this host."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: connections of an earlier one that linger are no obstacle, a listener is.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                return error.errno == errno.EADDRINUSE
        return False


def _refusal(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), timeout=_ONE_TRY).close()
    except OSError as error:
        return f"{host}:{port} does not accept connections ({error.strerror or type(error).__name__})"
    return None


def _bad_answer(options: Mapping[str, t.Any]) -> str | None:
    url = options["url"]
    try:
        status = within(_WHOLE_TRY, lambda: _status(url, options["ca_cert"]))
    except (OSError, ValueError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        why = getattr(cause, "strerror", None) or printable(str(cause)) or type(cause).__name__
        return f"{url} does not answer ({why})"
    return None if status in options["status"] else f"{url} answers with HTTP status {status}"


def _status(url: str, ca_cert: str | None) -> int:
    """Ask once, around any proxy, since that could not reach our loopback; raises ``OSError``."""
    if ca_cert is not None and not exists(ca_cert):
        raise OSError(errno.ENOENT, f"{ca_cert} does not exist")
    context = trusting(ca_cert)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect()
    )
    try:
        with opener.open(url, timeout=_ONE_TRY) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leave a redirection as the answer that it is."""

    def redirect_request(self, *_arguments: t.Any) -> None:
        return None
