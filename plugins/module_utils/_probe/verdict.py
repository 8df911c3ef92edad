# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What an observed handshake means, and whether that was wanted: pure."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .._pki.certificate import CertificateFacts, iso
from .tls import Observation

ACCEPTED: t.Final = "accepted"
REFUSED: t.Final = "refused"
#: The server's opinion of the client was not learnt. Never counts as what was expected.
INCONCLUSIVE: t.Final = "inconclusive"

#: Why a server refuses a client.
REASONS: t.Final = (
    "no_certificate",
    "unknown_ca",
    "expired",
    "not_yet_valid",
    "revoked",
    "name_not_allowed",
    "protocol_version",
    "unspecified",
)

#: Alerts that name the reason by themselves (RFC 8446, section 6.2).
_TELLING: t.Final[t.Mapping[str, str]] = {
    "access_denied": "name_not_allowed",
    "certificate_expired": "expired",
    "certificate_required": "no_certificate",
    "certificate_revoked": "revoked",
    "protocol_version": "protocol_version",
    "unknown_ca": "unknown_ca",
}
#: Alerts that say no more than that something is wrong with the certificate, or that there is none.
_VAGUE: t.Final = ("bad_certificate", "certificate_unknown", "handshake_failure", "unsupported_certificate")
#: HTTP statuses by which a server that has verified a certificate refuses its owner.
_FORBIDDEN: t.Final = (401, 403)


@dataclass(frozen=True)
class Credential:
    """The client certificate that was presented; ``broken`` says why it does not chain to the CA, if known."""

    facts: CertificateFacts
    broken: tuple[str, ...] | None

    def fault(self, now: datetime.datetime) -> str | None:
        """Return the reason for which a server ought to refuse it, as far as the certificate itself shows."""
        if now > self.facts.not_after:
            return "expired"
        if now < self.facts.not_before:
            return "not_yet_valid"
        return "unknown_ca" if self.broken else None

    def examined(self, now: datetime.datetime) -> dict[str, str]:
        """Say of name, validity and chain how each stands."""
        names = sorted({*self.facts.sans.dns, *self.facts.sans.ip, *self.facts.sans.uri, *self.facts.sans.email})
        if now > self.facts.not_after:
            validity = f"expired at {iso(self.facts.not_after)}"
        elif now < self.facts.not_before:
            validity = f"not valid before {iso(self.facts.not_before)}"
        else:
            validity = f"valid until {iso(self.facts.not_after)}"
        if self.broken is None:
            chain = "not examined, because no CA was given"
        else:
            chain = "; ".join(self.broken) or "leads to the given CA"
        return {"name": ", ".join([self.facts.subject_dn, *names]), "validity": validity, "chain": chain}


@dataclass(frozen=True)
class Judgement:
    """What an observation means: the outcome, the reason of a refusal, and the sentence that says so."""

    outcome: str
    reason: str | None
    explanation: str


@dataclass(frozen=True)
class Expectation:
    """What was wanted: ``accept`` with one of the HTTP ``status``, or ``refuse`` for ``reason`` (any when ``None``)."""

    expect: str
    reason: str | None
    status: tuple[int, ...]

    def complaint(self, seen: Observation, judged: Judgement) -> str | None:
        """Return what is wrong, or ``None`` when everything is as expected."""
        wanted = self.expect if self.reason is None else f"{self.expect} ({self.reason})"
        if judged.outcome == INCONCLUSIVE:
            return f"expected {wanted}, but nothing could be learnt: {judged.explanation}"
        if self.expect == "accept":
            if judged.outcome != ACCEPTED:
                return f"expected {wanted}, but was {judged.explanation}"
            if seen.http_status is not None and seen.http_status not in self.status:
                return (
                    f"expected {wanted} with HTTP status {' or '.join(map(str, self.status))}, but {judged.explanation}"
                )
            return None
        if judged.outcome != REFUSED or self.reason not in (None, judged.reason):
            return f"expected {wanted}, but was {judged.explanation}"
        return None


def judge(seen: Observation, credential: Credential | None, now: datetime.datetime) -> Judgement:
    """Tell what an observation means for the client that presented ``credential``, or no certificate."""
    if seen.trouble is not None:
        return Judgement(INCONCLUSIVE, None, seen.trouble)
    how = _refusal(seen)
    if how is None:
        if seen.closed:
            return Judgement(INCONCLUSIVE, None, "the connection was closed without an alert or an answer")
        answer = "" if seen.http_status is None else f" and answered with HTTP status {seen.http_status}"
        return Judgement(ACCEPTED, None, f"accepted with {seen.tls_version}{answer}")
    reason = _reason(seen, credential, now)
    return Judgement(REFUSED, reason, f"refused by {how}{_because(reason, credential, now)}")


def _refusal(seen: Observation) -> str | None:
    """Say how the server refused, ``None`` when it did not."""
    if seen.alert is not None:
        return f"the TLS alert {seen.alert}"
    return f"HTTP status {seen.http_status}" if seen.http_status in _FORBIDDEN else None


def _reason(seen: Observation, credential: Credential | None, now: datetime.datetime) -> str:
    """Name the reason: what the alert says, else what is left when the certificate itself is without fault."""
    fault = "no_certificate" if credential is None else credential.fault(now)
    told = _TELLING.get(seen.alert or "")
    if told == "expired" and fault == "not_yet_valid":  # the same alert stands for both
        return fault
    if told is not None:
        return told
    if seen.alert is None:
        return fault or "name_not_allowed"
    return fault if fault is not None and seen.alert in _VAGUE else "unspecified"


def _because(reason: str, credential: Credential | None, now: datetime.datetime) -> str:
    if credential is None:
        return "; no client certificate was presented"
    said = credential.examined(now)
    hint = ""
    if reason == "unspecified" and credential.fault(now) is None:
        hint = ", so that it is revoked, or its name is not allowed"
    return (
        f" ({reason}); the client certificate: name {said['name']}; validity: {said['validity']}; "
        f"chain: {said['chain']}{hint}"
    )
