# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Looking at many certificates in one go: options, expectations and one result per source."""

from __future__ import annotations

import datetime
import functools
import threading
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from .._core.at_once import at_once
from .._core.errors import TrustmeshError
from .._core.files import read_file
from .._core.passphrase import read_passphrase
from .._core.spec import Options
from .._pki.errors import PkiError
from .._pki.keys import load_private_key, spki_sha256
from .._pki.renewal import Window
from .._pki.revocation import CrlFacts, Standing, parse_crls
from .endpoint import Endpoint
from .inspection import PURPOSES, Expectation, Inspection, inspect
from .sources import SOURCE_CONSTRAINTS, SOURCE_OPTIONS, Found, NotFound, Reader, certificates_in, find, label

if t.TYPE_CHECKING:
    from cryptography import x509

_COMMON: t.Final[Options] = {
    "ca_file": {"type": "path"},
    "chain_file": {"type": "path"},
    "crl_files": {"type": "list", "elements": "path"},
    "expires_within": {"type": "str", "default": "10%"},
    "purpose": {"type": "str", "choices": list(PURPOSES)},
    "allow_development_ca": {"type": "bool", "default": False},
    "connect_timeout": SOURCE_OPTIONS["connect_timeout"],
}
ITEM_OPTIONS: t.Final[Options] = {
    **SOURCE_OPTIONS,
    "host_name": {"type": "str"},
    "key_file": {"type": "path", "no_log": False},
    "key_passphrase_file": {"type": "path", "no_log": False},
    **_COMMON,
}
ITEM_CONSTRAINTS: t.Final = SOURCE_CONSTRAINTS
SHARED: t.Final = tuple(_COMMON)

# A slow server holds one worker until its timeout.
_WORKERS: t.Final = 16


class Revoked(t.Protocol):
    """What one engine has revoked."""

    def standing(self, certificate: x509.Certificate) -> Standing:
        """Tell whether a certificate is revoked."""


class Survey:
    """Reads files that several sources name once, and judges all sources at one instant."""

    def __init__(
        self,
        vault: Callable[[], Reader],
        now: datetime.datetime,
        revoked: Callable[[Reader, str], Revoked] | None = None,
    ) -> None:
        self._vault = _once(vault)
        self._now = now
        self._revoked = revoked
        self._engines: dict[str, Revoked] = {}
        self._lock = threading.Lock()
        self._certificates = functools.lru_cache(maxsize=None)(certificates_in)
        self._crls = functools.lru_cache(maxsize=None)(_crls)

    def run(self, items: Sequence[Mapping[str, t.Any]]) -> dict[str, t.Any]:
        """Return the facts of the module: results in order, a summary, and a message when something failed."""
        results = at_once(self._result, items, _WORKERS)
        failed = [result for result in results if result.get("failed")]
        good = sum(1 for result in results if result.get("ok"))
        summary = {"ok": good, "problems": len(results) - good - len(failed), "failed": len(failed)}
        facts: dict[str, t.Any] = {"results": results, "summary": summary}
        if failed:
            first = f"{failed[0]['item']}: {failed[0]['msg']}"
            more = f" ({len(failed)} of {len(results)} sources failed, see results)" if len(results) > 1 else ""
            facts.update(failed=True, msg=first + more)
        return facts

    def _result(self, item: Mapping[str, t.Any]) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {"item": label(item)}
        try:
            expected = self._expectation(item)
            found = find(item, self._vault)
            found = self._asked(item, found)
            inspection = inspect(found, expected, self._now)
        except TrustmeshError as error:
            return {**result, "failed": True, "msg": str(error), "warnings": []}
        if found.tls is not None:
            result["tls"] = dict(found.tls)
        return {**result, **inspection.shown(), "warnings": [*found.warnings, *_unused(inspection)]}

    def _asked(self, item: Mapping[str, t.Any], found: Found) -> Found:
        """Ask the engine that is named beside a file or server whether it has revoked the certificate."""
        if self._revoked is None or not item["mount"] or found.knows_revocation:
            return found
        mount = item["mount"].strip("/")
        with self._lock:
            if mount not in self._engines:
                self._engines[mount] = self._revoked(self._vault(), mount)
        standing = self._engines[mount].standing(found.certificates[0])
        notes = (*found.warnings, standing.note) if standing.note else found.warnings
        unknown = "" if standing.known else standing.note
        return replace(
            found, revoked=standing.revoked, knows_revocation=standing.known, unknown=unknown, warnings=notes
        )

    def _expectation(self, item: Mapping[str, t.Any]) -> Expectation:
        anchors = self._certificates(item["ca_file"], "ca_file") if item["ca_file"] else None
        return Expectation(
            anchors=anchors,
            intermediates=self._certificates(item["chain_file"], "chain_file") if item["chain_file"] else (),
            key_spki=_key_spki(item["key_file"], item["key_passphrase_file"]) if item["key_file"] else None,
            crls=tuple(crl for path in item["crl_files"] or () for crl in self._crls(path)),
            window=Window.parse(item["expires_within"], "expires_within"),
            host=item["host_name"] or (Endpoint.declared(item).server_name if item["endpoint"] else None),
            purpose=item["purpose"],
            allow_development=item["allow_development_ca"],
        )


def _unused(inspection: Inspection) -> Iterator[str]:
    """Say which certificates of a source were not judged."""
    if inspection.unused:
        names = "; ".join(dict.fromkeys(facts.subject_dn for facts in inspection.unused))
        yield f"not in the chain of the first certificate, and not judged: {names}"


def _once(make: Callable[[], Reader]) -> Callable[[], Reader]:
    """Log in at most once, whichever thread asks first; a failure is everybody's."""
    lock = threading.Lock()
    outcome: list[Reader | TrustmeshError] = []

    def reader() -> Reader:
        with lock:
            if not outcome:
                try:
                    outcome.append(make())
                except TrustmeshError as error:
                    outcome.append(error)
        if isinstance(outcome[0], TrustmeshError):
            raise outcome[0]
        return outcome[0]

    return reader


def _key_spki(path: str, passphrase_file: str | None) -> str:
    content = read_file(path)
    if content is None:
        raise NotFound(f"{path} does not exist on this host", field="key_file")
    try:
        return spki_sha256(
            load_private_key(
                content, read_passphrase(passphrase_file, "key_passphrase_file"), option="key_passphrase_file"
            )
        )
    except PkiError as error:
        raise error.within(path) from None


def _crls(path: str) -> tuple[CrlFacts, ...]:
    content = read_file(path)
    if content is None:
        raise NotFound(f"{path} does not exist on this host", field="crl_files")
    try:
        return parse_crls(content)
    except PkiError as error:
        raise error.within(path) from None
