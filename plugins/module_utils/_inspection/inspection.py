# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Verdicts about a certificate: pure, from what was found and what is expected."""

from __future__ import annotations

import datetime
import math
import typing as t
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .._pki.certificate import CertificateFacts, iso
from .._pki.chain import verify_chain
from .._pki.development import is_development
from .._pki.renewal import Standing, Window, due_at, say_span, verdict
from .._pki.revocation import CrlFacts
from .sources import Found

if t.TYPE_CHECKING:
    from cryptography import x509

_DAY_SECONDS: t.Final = 86400
#: Values of the option ``purpose`` and the extended key usage each stands for.
PURPOSES: t.Final = {"server": "ServerAuth", "client": "ClientAuth"}


@dataclass(frozen=True)
class Expectation:
    """What a certificate is measured against; ``None`` or empty leaves a verdict out."""

    anchors: tuple[x509.Certificate, ...] | None = None
    intermediates: tuple[x509.Certificate, ...] = ()
    key_spki: str | None = None
    crls: tuple[CrlFacts, ...] = ()
    window: Window = field(default_factory=Window)
    host: str | None = None
    purpose: str | None = None
    allow_development: bool = False


@dataclass(frozen=True)
class Inspection:
    """Facts and verdicts; a verdict is ``None`` when nothing was given to decide it by."""

    facts: CertificateFacts
    chain: tuple[CertificateFacts, ...]
    standing: Standing
    expiry_reason: str
    due_at: datetime.datetime
    days_left: int
    chain_problems: tuple[str, ...] | None
    key_matches: bool | None
    name_matches: bool | None
    revoked: bool | None
    revoked_reason: str
    problems: tuple[str, ...]

    def shown(self) -> dict[str, t.Any]:
        """Return the inspection as plain JSON data."""
        return {
            "certificate": self.facts.shown(),
            "chain": [facts.shown() for facts in self.chain],
            "expiry": self.standing.value,
            "expiry_reason": self.expiry_reason,
            "days_left": self.days_left,
            "due_at": iso(self.due_at),
            "chain_valid": None if self.chain_problems is None else not self.chain_problems,
            "chain_problems": list(self.chain_problems or ()),
            "key_matches": self.key_matches,
            "name_matches": self.name_matches,
            "revoked": self.revoked,
            "revoked_reason": self.revoked_reason,
            "ok": not self.problems,
            "problems": list(self.problems),
        }


def inspect(found: Found, expected: Expectation, now: datetime.datetime) -> Inspection:
    """Judge the first certificate of a source."""
    leaf, *others = found.certificates
    facts = CertificateFacts.of(leaf)
    time = verdict(now, facts.not_before, facts.not_after, expected.window)
    pool = (*others, *expected.intermediates)
    chain_problems = None
    if expected.anchors is not None:
        purpose = PURPOSES.get(expected.purpose or "")
        chain_problems = tuple(verify_chain(leaf, pool, expected.anchors, now, purpose))
    key_matches = None if expected.key_spki is None else expected.key_spki == facts.spki_sha256
    name_matches = None if expected.host is None else facts.sans.covers(expected.host)
    revocation = _Revocation.of(facts, found, expected, now)
    problems = [
        *([time.reason] if time.reason else []),
        *(chain_problems or ()),
        *(["the private key belongs to another certificate"] if key_matches is False else []),
        *([f"is not valid for the name {expected.host}"] if name_matches is False else []),
        *revocation.problems,
        *_development_problems(found, expected),
    ]
    return Inspection(
        facts=facts,
        chain=tuple(CertificateFacts.of(entry) for entry in others),
        standing=time.standing,
        expiry_reason=time.reason,
        due_at=due_at(facts.not_before, facts.not_after, expected.window),
        days_left=math.floor(time.seconds_left / _DAY_SECONDS),
        chain_problems=chain_problems,
        key_matches=key_matches,
        name_matches=name_matches,
        revoked=revocation.revoked,
        revoked_reason=revocation.reason,
        problems=tuple(dict.fromkeys(problems)),
    )


def _development_problems(found: Found, expected: Expectation) -> Iterator[str]:
    if not expected.allow_development and is_development(found.certificates):
        yield "is of a development CA"


@dataclass(frozen=True)
class _Revocation:
    revoked: bool | None
    reason: str
    problems: tuple[str, ...]

    @classmethod
    def of(cls, facts: CertificateFacts, found: Found, expected: Expectation, now: datetime.datetime) -> _Revocation:
        """Ask the source and every list of the certificate's issuer; a list past its end proves no innocence."""
        if found.revoked is not None:
            return cls(True, found.revoked, (f"is revoked {found.revoked}",))
        unknown = False if found.knows_revocation else None
        if found.unknown and not expected.crls:
            return cls(None, "", (found.unknown,))
        # A root has nobody above it who could revoke it.
        if not expected.crls or facts.self_issued:
            return cls(unknown, "", ())
        authorities = (*found.certificates, *expected.intermediates, *(expected.anchors or ()))
        good = [crl for crl in expected.crls if _is_of_issuer(crl, facts, authorities)]
        if not good:
            return cls(unknown, "", (f"no revocation list given is of its issuer {facts.issuer_dn}",))
        for crl in good:
            entry = crl.find(facts.certificate.serial_number)
            if entry is not None and entry.reason != "remove_from_crl":
                return cls(True, entry.sentence, (f"is revoked {entry.sentence}",))
        stale = tuple(problem for crl in good for problem in _staleness(crl, now))
        return cls(unknown if stale else False, "", stale)


def _is_of_issuer(crl: CrlFacts, facts: CertificateFacts, authorities: Iterable[x509.Certificate]) -> bool:
    """Match by name, and by signature where the issuer's certificate is at hand."""
    if crl.crl.issuer != facts.certificate.issuer:
        return False
    issuers = [entry for entry in authorities if entry.subject == crl.crl.issuer]
    return not issuers or any(crl.is_signed_by(entry) for entry in issuers)


def _staleness(crl: CrlFacts, now: datetime.datetime) -> Iterator[str]:
    if crl.next_update is not None and now > crl.next_update:
        yield f"the revocation list of {crl.issuer_dn} ended {say_span(now - crl.next_update)} ago"
