# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Chains: bringing certificates into order and verifying a path (RFC 5280, section 6, without policy processing)."""

from __future__ import annotations

import datetime
import typing as t

from .certificate import CertificateFacts, facts_of, iso
from .constraints import name_violations
from .signature import is_signed_by

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

Certificates = t.Sequence["x509.Certificate"]
_LONGEST_PATH: t.Final = 10
_BROKEN_DIGESTS: t.Final = ("md5", "sha1")


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is signed by its own key, as roots are."""
    return certificate.issuer == certificate.subject and is_signed_by(certificate, certificate)


def order_chain(leaf: x509.Certificate, others: t.Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Return the leaf followed by the issuers found among ``others``, each signing the one before.

    Order, repetition and unrelated entries of ``others`` do not matter; of two issuers that fit, the first given wins.
    A root is included when it is given.
    """
    pool = list(dict.fromkeys(others))
    chain = [leaf]
    while not is_self_signed(chain[-1]):
        issuer = next((entry for entry in pool if entry not in chain and is_signed_by(chain[-1], entry)), None)
        if issuer is None:
            break
        chain.append(issuer)
    return tuple(chain)


def fullchain(leaf: x509.Certificate, others: t.Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Return what a server presents: the leaf and its intermediates without the root (RFC 8446, 4.4.2)."""
    chain = order_chain(leaf, others)
    return chain[:1] + tuple(entry for entry in chain[1:] if not is_self_signed(entry))


def verify_chain(
    leaf: x509.Certificate,
    intermediates: t.Iterable[x509.Certificate],
    roots: t.Iterable[x509.Certificate],
    at: datetime.datetime,
    purpose: str | None = None,
) -> list[str]:
    """Return why ``leaf`` does not chain to one of ``roots`` at an instant, in sentences; empty when it does.

    ``roots`` are trusted whether self-signed or not. ``purpose`` is an extended key usage (``ServerAuth``) that the
    path has to allow. Of several paths (cross-signing) the one with the fewest problems counts.
    """
    anchors = list(dict.fromkeys(roots))
    pool = [entry for entry in dict.fromkeys(intermediates) if entry not in anchors]
    best: list[str] | None = None
    for path in _paths((leaf,), pool, anchors):
        problems = _path_problems(path, at, purpose)
        if not problems:
            return []
        if best is None or len(problems) < len(best):
            best = problems
    return best if best is not None else [_dead_end(leaf, pool, anchors)]


def _paths(
    path: tuple[x509.Certificate, ...], pool: Certificates, anchors: Certificates
) -> t.Iterator[tuple[x509.Certificate, ...]]:
    """Yield every path from the leaf to an anchor, shortest branch first."""
    last = path[-1]
    if last in anchors:
        yield path
        return
    for issuer in (*anchors, *pool):
        if issuer not in path and len(path) < _LONGEST_PATH and is_signed_by(last, issuer):
            yield from _paths((*path, issuer), pool, anchors)


def _path_problems(path: Certificates, at: datetime.datetime, purpose: str | None) -> list[str]:
    leaf, *authorities = (facts_of(entry) for entry in path)
    problems = []
    for facts in (leaf, *authorities):
        problems += _date_problems(facts, at)
    below = 0
    for facts in authorities:
        problems += _authority_problems(facts, below)
        below += 0 if facts.self_issued else 1
    for facts in (leaf, *authorities[:-1]):
        problems += _signature_problems(facts)
    problems += name_violations(path)
    problems += _purpose_problems((leaf, *authorities[:-1]), purpose)
    return problems


def _date_problems(facts: CertificateFacts, at: datetime.datetime) -> list[str]:
    if at < facts.not_before:
        return [f"{facts.subject_dn} is not valid before {iso(facts.not_before)}"]
    if at > facts.not_after:
        return [f"{facts.subject_dn} expired at {iso(facts.not_after)}"]
    return []


def _authority_problems(facts: CertificateFacts, below: int) -> list[str]:
    """Check what a certificate needs to stand above ``below`` intermediates and a leaf."""
    problems = []
    if not facts.is_ca:
        problems.append(f"{facts.subject_dn} has signed, but is not a CA certificate")
    if facts.key_usage and "CertSign" not in facts.key_usage:
        problems.append(f"{facts.subject_dn} has signed, but its key usage does not allow that")
    if facts.path_length is not None and below > facts.path_length:
        problems.append(
            f"{facts.subject_dn} allows {facts.path_length} CA certificates below it, the chain has {below}"
        )
    return problems


def _signature_problems(facts: CertificateFacts) -> list[str]:
    """Refuse digests that can be forged, and critical extensions that nobody here understands (RFC 5280, 4.2)."""
    problems = []
    algorithm = facts.signature_algorithm.lower().replace("-", "")
    if any(digest in algorithm for digest in _BROKEN_DIGESTS):
        problems.append(f"{facts.subject_dn} is signed with {facts.signature_algorithm}, which can be forged")
    for extension in facts.certificate.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            problems.append(f"{facts.subject_dn} has the unknown critical extension {extension.oid.dotted_string}")
    return problems


def _purpose_problems(path: t.Iterable[CertificateFacts], purpose: str | None) -> list[str]:
    return [
        f"{facts.subject_dn} is not for {purpose}"
        for facts in path
        if purpose and facts.extended_key_usage and not facts.extended_key_usage & {purpose, "Any"}
    ]


def _dead_end(leaf: x509.Certificate, pool: Certificates, anchors: Certificates) -> str:
    """Say where the way to an anchor ends."""
    last = order_chain(leaf, [*anchors, *pool])[-1]
    facts = CertificateFacts.of(last)
    if is_self_signed(last):
        return f"{facts.subject_dn} is self-signed and not among the trusted CA certificates"
    unusable = _signature_problems(facts)
    if unusable:  # the library may refuse to look at such a signature at all
        return unusable[0]
    if any(entry.subject == last.issuer for entry in (*anchors, *pool)):
        return f"{facts.subject_dn} is not signed by the key of the given {facts.issuer_dn}, only the name is the same"
    return f"the issuer of {facts.subject_dn}, {facts.issuer_dn}, is not among the given CA certificates"
