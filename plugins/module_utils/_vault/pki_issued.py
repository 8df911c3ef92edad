# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The certificates that a PKI engine has issued to some names, from its own store (``<mount>/certs``)."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Collection

from .._core.address import at
from .._core.at_once import at_once
from .._core.normal import instant
from .._pki.certificate import CertificateFacts, facts_of, iso, parse_certificates
from .answer import Fields
from .connection import WORKERS
from .errors import Forbidden, NoEndpoint, Rejected
from .port import Vault


def issued_to(vault: Vault, mount: str, names: Collection[str], now: datetime.datetime) -> list[dict[str, t.Any]]:
    """Return what the engine stores of certificates that were issued to ``names`` and have not expired.

    A certificate is issued to its common name; one without a common name to its DNS names. The oldest comes first.
    """
    wanted = frozenset(name.lower() for name in names)
    candidates = _candidates(vault, mount, wanted, now)
    found = [
        _shown(facts, data)
        for facts, data in filter(None, at_once(lambda serial: _entry(vault, mount, serial), candidates, WORKERS))
        if facts.not_after > now and wanted & _names(facts)
    ]
    return sorted(found, key=lambda entry: (entry["not_before"], entry["serial"]))


def _candidates(vault: Vault, mount: str, wanted: frozenset[str], now: datetime.datetime) -> list[str]:
    """Return the serial numbers to read: OpenBao's listing tells names and times, HashiCorp's tells numbers alone."""
    try:
        listed = vault.catalog(at(mount, "certs/detailed"))
    except (Forbidden, NoEndpoint, Rejected):  # a server without this listing may deny what it does not know
        return vault.list(at(mount, "certs"))
    return [serial for serial, told in listed.items() if _may_fit(told, wanted, now)]


def _may_fit(told: Fields, wanted: frozenset[str], now: datetime.datetime) -> bool:
    """Tell whether a certificate has to be read to know; what the listing does not tell is read."""
    names = {name.lower() for name in [told.text_or("common_name"), *told.texts("dns_names")] if name}
    if names and not names & wanted:
        return False
    try:
        return instant(told.text_or("not_after")) > now
    except ValueError:
        return True


def _entry(vault: Vault, mount: str, serial: str) -> tuple[CertificateFacts, Fields] | None:
    """Return a certificate and what the engine says about it; ``None`` when it was tidied away meanwhile."""
    data = vault.read(at(mount, "cert", serial))
    if data is None:
        return None
    return facts_of(parse_certificates(data.text("certificate").encode())[0]), data


def _names(facts: CertificateFacts) -> frozenset[str]:
    names = [facts.subject.common_name] if facts.subject.common_name else facts.sans.dns
    return frozenset(name.lower() for name in names)


def _shown(facts: CertificateFacts, data: Fields) -> dict[str, t.Any]:
    is_revoked = bool(data.seconds("revocation_time"))
    return {
        "serial": facts.serial,
        "common_name": facts.subject.common_name,
        "dns_names": sorted(facts.sans.dns),
        "not_before": iso(facts.not_before),
        "not_after": iso(facts.not_after),
        "spki_sha256": facts.spki_sha256,
        "fingerprint_sha256": facts.fingerprint_sha256,
        "revoked": is_revoked,
        "revoked_at": iso(data.instant("revocation_time")) if is_revoked else None,
    }
