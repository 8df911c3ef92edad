# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Whether a certificate or an authority above it is revoked, by the lists that were given: pure (RFC 5280, 6.3)."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._pki.certificate import CertificateFacts, facts_of
from .._pki.renewal import say_span
from .._pki.revocation import CrlFacts
from .._pki.signature import is_signed_by

if t.TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class Answer:
    """What lists say about a chain; ``revoked`` is ``None`` where they cannot tell, ``depth`` counts from the leaf."""

    revoked: bool | None
    reason: str = ""
    problems: tuple[str, ...] = ()
    depth: int | None = None


def ask_lists(
    issued: Sequence[x509.Certificate],
    crls: Sequence[CrlFacts],
    authorities: Sequence[x509.Certificate],
    now: datetime.datetime,
    *,
    verified: bool,
) -> Answer:
    """Ask the lists about each of ``issued``, leaf first; ``authorities`` are the certificates to check lists with.

    Where the issuer's certificate is not among them, a list can accuse; it acquits only where chains are not to be
    ``verified`` either.
    """
    answers = [
        _ask_about(facts_of(certificate), depth, crls, authorities, now, verified)
        for depth, certificate in enumerate(issued)
    ]
    problems = tuple(dict.fromkeys(problem for answer in answers for problem in answer.problems))
    guilty = next((answer for answer in answers if answer.revoked), None)
    if guilty is not None:
        return Answer(True, guilty.reason, problems, guilty.depth)
    return Answer(None if any(answer.revoked is None for answer in answers) else False, "", problems)


def _ask_about(
    facts: CertificateFacts,
    depth: int,
    crls: Sequence[CrlFacts],
    authorities: Sequence[x509.Certificate],
    now: datetime.datetime,
    verified: bool,
) -> Answer:
    """Ask every list of the issuer; one that proves nothing may still name the certificate.

    An authority whose key was exchanged keeps its name, and each key has a list of its own: only the list of the key
    that signed the certificate acquits it.
    """
    named = [crl for crl in crls if crl.crl.issuer == facts.certificate.issuer]
    namesakes = [entry for entry in authorities if entry.subject == facts.certificate.issuer]
    signers = [entry for entry in namesakes if is_signed_by(facts.certificate, entry)]
    signed = [crl for crl in named if any(crl.is_signed_by(entry) for entry in signers)]
    believed = [crl for crl in named if any(crl.is_signed_by(entry) for entry in namesakes)]
    # Lists of two keys may be alike in all that is compared.
    fitting = [crl for crl in named if all(crl is not entry for entry in believed) and crl.may_cover(facts)]
    if not signers and not verified:
        signed = fitting
    for crl in believed if signers else [*believed, *fitting]:
        entry = crl.find(facts.certificate.serial_number)
        if entry is not None and entry.reason != "remove_from_crl":
            who = "is" if depth == 0 else f"{facts.subject_dn} (depth {depth}) is"
            reason = entry.sentence if depth == 0 else f"{entry.sentence}: {facts.subject_dn}"
            return Answer(True, reason, (f"{who} revoked {entry.sentence}",), depth)
    whole = [crl for crl in signed if crl.scope_problem(facts) is None]
    if not whole:
        return Answer(None, problems=(_nothing_of(facts, depth, named, signed, signers),))
    faults = tuple(fault for crl in whole for fault in _faults(crl, signers, now))
    sound = any(not list(_faults(crl, signers, now)) for crl in whole)
    return Answer(False if sound else None, problems=faults)


def _nothing_of(
    facts: CertificateFacts,
    depth: int,
    named: Sequence[CrlFacts],
    signed: Sequence[CrlFacts],
    signers: Sequence[x509.Certificate],
) -> str:
    """Say why no list says anything about a certificate."""
    issuer = f"its issuer {facts.issuer_dn}" if depth == 0 else f"{facts.issuer_dn}, the issuer of {facts.subject_dn}"
    if not named:
        return f"no revocation list given is of {issuer}"
    if not signers:
        return f"the revocation list of {issuer} cannot be verified without the certificate of that issuer"
    if not signed:
        return f"the revocation list of {issuer} is not signed by its key"
    return f"the revocation list of {issuer} {signed[0].scope_problem(facts)}"


def _faults(crl: CrlFacts, signers: Sequence[x509.Certificate], now: datetime.datetime) -> Iterator[str]:
    """Yield why a list that is complete proves no innocence."""
    name = f"the revocation list of {crl.issuer_dn}"
    if crl.next_update is not None and now > crl.next_update:
        yield f"{name} ended {say_span(now - crl.next_update)} ago"
    if now < crl.this_update:
        yield f"{name} is from the future: it begins in {say_span(crl.this_update - now)}"
    if crl.unknown_critical:
        yield f"{name} has the unknown critical extension {', '.join(crl.unknown_critical)}"
    usages = [facts_of(entry).key_usage for entry in signers if crl.is_signed_by(entry)]
    if usages and all(usage and "CRLSign" not in usage for usage in usages):
        yield f"{crl.issuer_dn} has signed a revocation list, but its key usage does not allow that"
