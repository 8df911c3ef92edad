# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What FSPIOP-URI says of a request: the path from the service on, without scheme, host and prefix.

There are two derivations. The clean one finds the service by whole segments of the path. The peer's is what the
reference library does: it takes the last slash that is followed by the name of a service *or by nothing*, so that an
identifier may pass for a service, a final slash for the whole, and the host for a part of the path. Both agree on the
paths of the API; the second is there to talk to peers about the others.
"""

from __future__ import annotations

import re
import typing as t

from .errors import JoseError

UriMode = t.Literal["clean", "peer"]

SERVICES: t.Final = (
    "participants",
    "parties",
    "quotes",
    "bulkQuotes",
    "transfers",
    "bulkTransfers",
    "transactionRequests",
    "thirdpartyRequests",
    "authorizations",
    "consents",
    "consentRequests",
    "fxQuotes",
    "fxTransfers",
)
#: Scheme and authority (RFC 3986, 3). Without a scheme it is the target of a request, which may begin with two slashes.
_ORIGIN: t.Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
#: What a request line can carry (RFC 9112, 3): no white space, no control characters, no fragment.
_REQUESTED: t.Final = re.compile(r"[!-\"$-~]+")
_SERVICE: t.Final = re.compile(rf"/(?:{'|'.join(SERVICES)})(?=[/?]|$)")


def derive(url: t.Any, mode: UriMode = "clean") -> str:
    """Return FSPIOP-URI for the URL, or the path, that is asked for; raises :class:`JoseError` for what is neither.

    The query belongs to it, as in the reference library.
    """
    if not isinstance(url, str) or not _REQUESTED.fullmatch(url):
        raise JoseError("is not a URL or path of a request", field="url", remedy="Encode it (RFC 3986), no fragment.")
    if mode not in ("clean", "peer"):
        raise JoseError("is unknown", field="uri_mode", remedy="Use clean or peer.")
    return _peer(url) if mode == "peer" else _clean(url)


def _clean(url: str) -> str:
    origin = _ORIGIN.match(url)
    target = url[origin.end() :] if origin else url
    if not target.startswith("/"):
        raise JoseError("has no path", field="url", remedy="Name the service, as in https://host/transfers.")
    path = target.partition("?")[0]
    service = _SERVICE.search(path)
    return target[service.start() :] if service else target


def names_service(uri: str) -> bool:
    """Tell whether FSPIOP-URI begins with a service of the API."""
    return _SERVICE.match(uri) is not None


def _peer(url: str) -> str:
    for at in range(len(url) - 1, -1, -1):
        if url[at] != "/":
            continue
        rest = url[at + 1 :]
        if rest == "" or rest.startswith("/") or any(_is_service(rest, name) for name in SERVICES):
            return url[at:]
    raise JoseError("has nothing that the reference library takes for a path", field="url", remedy="Use clean.")


def _is_service(rest: str, name: str) -> bool:
    return rest.startswith(name) and rest[len(name) : len(name) + 1] in ("", "/")
