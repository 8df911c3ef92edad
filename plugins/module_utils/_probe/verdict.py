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
#: The server never answered the question. Meets no expectation.
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
#: HTTP statuses by which servers refuse a client: those that have verified its certificate (401, 403, as Envoy does)
#: and those that let TLS complete and judge the certificate afterwards (495, 496 of nginx).
_FORBIDDEN: t.Final = (401, 403, 495, 496)
#: What nginx's own statuses say, whether sent as such or as a page with 400.
_NGINX: t.Final[t.Mapping[int, str]] = {495: "certificate_error", 496: "no_certificate"}
#: HTTP statuses with which a server says that it was not asked what it answers, so that nothing follows for the client.
_MISPLACED: t.Final[t.Mapping[int, str]] = {
    421: "it does not serve this name on this connection (421)",
    497: "it takes the request for plain HTTP (497)",
}


@dataclass(frozen=True)
class Credential:
    """The client certificate that was presented; ``broken`` says why it does not chain to the CA, if known."""

    facts: CertificateFacts
    broken: tuple[str, ...] | None

    @property
    def suits_clients(self) -> bool:
        """Whether its extended key usage lets a client use it."""
        return not self.facts.extended_key_usage or bool(self.facts.extended_key_usage & {"ClientAuth", "Any"})

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


def judge(
    seen: Observation,
    credential: Credential | None,
    now: datetime.datetime,
    refusing: t.Collection[int] = (),
) -> Judgement:
    """Tell what an observation means for the client that presented ``credential``, or no certificate.

    ``refusing`` are HTTP statuses that count as a refusal at this server beside those that always do.
    """
    if seen.trouble is not None:
        return Judgement(INCONCLUSIVE, None, seen.trouble)
    how = _refusal(seen, refusing)
    misplaced = _MISPLACED[497] if seen.http_page == "plain_http" else _MISPLACED.get(seen.http_status or 0)
    if how is None and misplaced:
        return Judgement(INCONCLUSIVE, None, f"the server has not judged the client: {misplaced}")
    if how is None:
        if seen.closed:
            return Judgement(INCONCLUSIVE, None, "the connection was closed without an alert or an answer")
        answer = "" if seen.http_status is None else f" and answered with HTTP status {seen.http_status}"
        return Judgement(ACCEPTED, None, f"accepted with {seen.tls_version}{answer}")
    reason = _reason(seen, credential, now)
    return Judgement(REFUSED, reason, f"refused by {how}{_because(reason, credential, now)}")


def _refusal(seen: Observation, refusing: t.Collection[int]) -> str | None:
    """Say how the server refused, ``None`` when it did not."""
    if seen.alert is not None:
        return f"the TLS alert {seen.alert}"
    if _nginx(seen) is not None:
        return f"HTTP status {seen.http_status} about the client certificate"
    return f"HTTP status {seen.http_status}" if seen.http_status in (*_FORBIDDEN, *refusing) else None


def _nginx(seen: Observation) -> str | None:
    """Return what nginx says about the client certificate."""
    page = seen.http_page if seen.http_page in _NGINX.values() else None
    return page or _NGINX.get(seen.http_status or 0)


def _reason(seen: Observation, credential: Credential | None, now: datetime.datetime) -> str:
    """Name the reason: what the alert says, else what is left when the certificate itself is without fault."""
    fault = "no_certificate" if credential is None else credential.fault(now)
    told = _TELLING.get(seen.alert or "")
    if told == "expired" and fault == "not_yet_valid":  # the same alert stands for both
        return fault
    if told is not None:
        return told
    if _nginx(seen) == "no_certificate":
        return "no_certificate"
    if _nginx(seen) is not None:  # it looks at no name: what is left of a certificate without fault is a list
        whole = credential is not None and credential.broken == () and credential.suits_clients
        return fault or ("revoked" if whole else "unspecified")
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
