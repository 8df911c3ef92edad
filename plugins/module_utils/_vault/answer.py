# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""One strict reading of answers: only what has the form of Vault's own says anything.

What the servers send (OpenBao 2.7, HashiCorp Vault 1.21): an object with ``request_id``, ``data``, ``auth``,
``wrap_info`` and ``warnings`` for what was done; ``errors``, a list of texts, for what was not; 204 without a body
where a write has nothing to tell; a few endpoints below ``sys/`` with fields of their own. An object that does not
exist is 404 with an empty list of errors. KV version 2 has one more form: 404 with the metadata of a deleted version.
"""

from __future__ import annotations

import typing as t

from .._core.foreign import Answer, Unreadable, destination, parse_object, printable
from .errors import NotVault, RateLimited, Rejected, Standby, VaultError, from_status, not_vault

#: Endpoints that answer without the usual frame, and a field that is always there.
BARE: t.Final[t.Mapping[str, str]] = {
    "sys/health": "initialized",
    "sys/init": "keys_base64",
    "sys/leader": "ha_enabled",
    "sys/seal-status": "type",
    "sys/unseal": "type",
}
_FRAME: t.Final = ("request_id", "data", "auth", "wrap_info", "warnings")
_REDIRECTS: t.Final = range(300, 400)
_DONE: t.Final = (200, 202)
_LONGEST_LIST: t.Final = 5


class Fields(Answer):
    """An object in an answer of a Vault or OpenBao."""

    def wrong(self, name: str, problem: str) -> NotVault:
        """Return the error of a field that is not as the servers send it."""
        return NotVault(
            f"the answer to {self.place} is not as a Vault or OpenBao gives it: {name} {problem}",
            field="url",
            remedy="Check the address; a proxy or another service may stand there.",
        )


def understand(response: t.Any, url: str, method: str, path: str) -> tuple[int, Fields]:
    """Return status and body of an answer in Vault's own form: below 300, or 404 with the meaning "no such object".

    Raises another :class:`VaultError` for what the server itself refused, and :class:`NotVault` for all else.
    """
    status: int = response.status_code
    place = f"{method} {path}"
    if status == 204 and not response.content and method not in ("get", "list"):
        return status, Fields.of({}, place)
    body = frame(response, url, method, path)
    if status in _DONE:
        return status, body
    errors = body.texts("errors")
    if (
        status == 404
        and not errors
        and (body.get("errors") == [] or deleted_version(body) or method in ("post", "patch"))
    ):
        return status, body
    said = [printable(text) for text in _said(errors, body)]
    if status // 100 == 2 or (status == 404 and not said):
        raise strange(response, url, place, "this status does not go with its body")
    failure = _unsaid(place, said) if status == 404 and not errors else from_status(status, said, method, path)
    failure.status = status
    failure.retry_after = response.headers.get("Retry-After")
    failure.data = body.mapping_or("data")
    raise failure


def _unsaid(place: str, said: list[str]) -> VaultError:
    """Return the error of an answer that is neither absence nor the lack of a mount; its text is all there is."""
    return Rejected(f"{place} found nothing (HTTP 404: {'; '.join(said)})", remedy="Correct what the message names.")


def _said(errors: list[str], body: Fields) -> list[str]:
    """Return what the server gives as reasons; some endpoints put them elsewhere."""
    said = errors or [body.mapping_or("data").text_or("error"), *body.texts("warnings")]
    return [text for text in said if text][:_LONGEST_LIST]


def frame(response: t.Any, url: str, method: str, path: str, *, own: str = "") -> Fields:
    """Return the body of an answer whatever its status; raises :class:`NotVault` unless it has Vault's own form.

    ``own`` is the field that what was asked for puts in place of the usual frame.
    """
    status: int = response.status_code
    place = f"{method} {path}"
    if status in _REDIRECTS:
        raise _redirected(response, url)
    kind = (response.headers.get("Content-Type") or "application/json").partition(";")[0].strip().lower()
    try:
        if kind != "application/json":
            raise Unreadable("it is not JSON")
        body = Fields.of(parse_object(response.content), place)
    except Unreadable as error:
        raise strange(response, url, place, str(error)) from None
    own = own or BARE.get(path, "")
    if status in _DONE:
        known: t.Iterable[str] = (own,) if own else _FRAME
    else:
        known = ("errors", own, *_FRAME)
    if body.keys().isdisjoint(known):
        raise strange(response, url, place, "its body has none of the fields that belong to it")
    return body


def deleted_version(body: Fields) -> Fields | None:
    """Return data and metadata of a version of a secret, if an answer with 404 says that it is deleted."""
    data = body.get("data")
    if not isinstance(data, dict) or data.get("data") is not None or not isinstance(data.get("metadata"), dict):
        return None
    about = data["metadata"]
    gone = about.get("deletion_time") or about.get("destroyed") is True
    version = about.get("version")
    if not gone or not isinstance(version, int) or isinstance(version, bool):
        return None
    return Fields.of(data, body.place)


def refusal(response: t.Any, method: str, path: str) -> None:
    """Raise for two refusals that say nothing about any object, so that they may come from whatever is in between."""
    status: int = response.status_code
    if status == 429:
        limited = RateLimited(
            f"{method} {path} was rate limited (429)", remedy="Lower the load or raise the quota on that path."
        )
        limited.status, limited.retry_after = status, response.headers.get("Retry-After")
        raise limited
    if status == 413:
        large = from_status(413, [], method, path)
        large.status = status
        raise large


def strange(response: t.Any, url: str, place: str, why: str) -> NotVault:
    """Return the error of an answer that is not Vault's."""
    facts = [f"HTTP {response.status_code}"]
    for name in ("Content-Type", "Server"):
        if response.headers.get(name):
            facts.append(f"{name}: {printable(response.headers[name], 60)}")
    failure = not_vault(url, f"{place} ({', '.join(facts)})", why)
    failure.status = response.status_code
    return failure


def _redirected(response: t.Any, url: str) -> VaultError:
    status: int = response.status_code
    location = response.headers.get("Location") or ""
    where = destination(location)
    if status in (307, 308) and (not location or ("//" in where and "/v1/" in where)):
        active = f", which names {where}" if location else ""
        failure: VaultError = Standby(
            f"the node at {url} is a standby (HTTP {status}){active}",
            field="url",
            remedy="Point url at the active node.",
        )
    else:
        failure = NotVault(
            f"{url} answers, but not as a Vault or OpenBao does: it redirects to {where} (HTTP {status})",
            field="url",
            remedy="Give the address of the server itself; a proxy or another service may stand there.",
        )
    failure.status = status
    return failure
