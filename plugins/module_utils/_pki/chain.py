# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Chains: bringing certificates into order and verifying a path (RFC 5280, section 6, without policy processing)."""

from __future__ import annotations

import datetime
import functools
import itertools
import typing as t
from dataclasses import dataclass, replace

from .certificate import CertificateFacts, facts_of, iso
from .constraints import Named, constrains, name_violations, refused_names
from .extensions import extensions_of
from .keys import strength
from .signature import is_signed_by

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

Certificates = t.Sequence["x509.Certificate"]
_LONGEST_PATH: t.Final = 10
#: Of authorities that sign each other there are more paths than anybody needs.
_MOST_PATHS: t.Final = 64
#: What TLS needs of the key of a leaf, any of these (RFC 5246, 7.4.2 and 7.4.6; RFC 8446, 4.4.2.2).
_USAGES_FOR: t.Final = {
    "ServerAuth": frozenset({"DigitalSignature", "KeyEncipherment", "KeyAgreement"}),
    "ClientAuth": frozenset({"DigitalSignature", "KeyAgreement"}),
}
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


@dataclass(frozen=True)
class Path:
    """A leaf and those above it, each signed by the next, and what is wrong with them, in sentences.

    ``anchored`` says whether the last one is trusted; what is trusted needs no signature and no issuer.
    """

    certificates: tuple[x509.Certificate, ...]
    problems: tuple[str, ...]
    anchored: bool

    @property
    def issued(self) -> tuple[x509.Certificate, ...]:
        """Those that somebody else has issued, and can revoke."""
        last = self.certificates[-1]
        return self.certificates[:-1] if self.anchored or is_self_signed(last) else self.certificates


def verify_chain(
    leaf: x509.Certificate,
    intermediates: t.Iterable[x509.Certificate],
    roots: t.Iterable[x509.Certificate],
    at: datetime.datetime,
    purpose: str | None = None,
) -> list[str]:
    """Return why ``leaf`` does not chain to one of ``roots`` at an instant, in sentences; empty when it does."""
    return list(best_path(leaf, intermediates, roots, at, purpose).problems)


def best_path(
    leaf: x509.Certificate,
    intermediates: t.Iterable[x509.Certificate],
    roots: t.Iterable[x509.Certificate],
    at: datetime.datetime,
    purpose: str | None = None,
) -> Path:
    """Return the path from ``leaf`` to one of ``roots``; where there is none, how far it goes and where it ends.

    ``roots`` are trusted whether self-signed or not. ``purpose`` is an extended key usage (``ServerAuth``) that the
    path has to allow. Of several paths (cross-signing) the one with the fewest problems counts, then the one that
    lasts longest.
    """
    anchors = list(dict.fromkeys(roots))
    pool = [entry for entry in dict.fromkeys(intermediates) if entry not in anchors]
    found = [
        Path(path, tuple(_path_problems(path, at, purpose)), True)
        for path in itertools.islice(_paths((leaf,), pool, anchors), _MOST_PATHS)
    ]
    if found:
        return min(found, key=lambda path: (len(path.problems), -_end(path.certificates).timestamp()))
    loose = loose_path(leaf, [*anchors, *pool], purpose)
    return replace(loose, problems=(_dead_end(leaf, pool, anchors), *loose.problems))


def loose_path(leaf: x509.Certificate, others: t.Iterable[x509.Certificate], purpose: str | None = None) -> Path:
    """Return the path that can be seen where nothing is said to be trusted; dates are not judged."""
    path = order_chain(leaf, others)
    return Path(
        path, tuple(dict.fromkeys(_structure_problems(path, purpose, anchored=is_self_signed(path[-1])))), False
    )


@dataclass(frozen=True)
class Prospect:
    """A certificate that is yet to be signed: its names, and the extended key usages it is to have (``ServerAuth``)."""

    names: t.Callable[[], list[Named]]
    purposes: frozenset[str] = frozenset()
    #: Whether it is to be a CA, which takes its place in the length of the path.
    is_authority: bool = False


def trusted_of(chain: Certificates) -> tuple[x509.Certificate, ...]:
    """Return what to trust of a chain: its self-signed certificates, else its last one."""
    return tuple(entry for entry in chain if is_self_signed(entry)) or tuple(chain[-1:])


@functools.lru_cache(maxsize=64)  # a batch asks for the same few authorities
def first_to_end(chain: tuple[x509.Certificate, ...]) -> x509.Certificate:
    """Return the authority with whose end a chain, issuer first, is no longer valid; the issuer where several are."""
    return min(order_chain(chain[0], chain), key=lambda entry: facts_of(entry).not_after)


def foreseen_problems(prospect: Prospect, chain: tuple[x509.Certificate, ...], at: datetime.datetime) -> list[str]:
    """Return why nothing that the first of ``chain`` signs now for ``prospect`` would verify, in sentences.

    What :func:`verify_chain` says of the certificate itself cannot be known before it is made. Of several ways to an
    anchor the one with the fewest problems counts.
    """
    return min((way.problems(prospect, at) for way in _ways(chain, int(prospect.is_authority))), key=len)


@dataclass(frozen=True)
class _Way:
    """Authorities, issuer first and anchor last, and what is wrong with them at any time, whatever they sign."""

    certificates: tuple[x509.Certificate, ...]
    lasting: tuple[str, ...]
    constrains: bool

    def problems(self, prospect: Prospect, at: datetime.datetime) -> list[str]:
        """Return what is wrong with them above what is to be signed."""
        links = [facts_of(entry) for entry in self.certificates]
        return [
            *(problem for facts in links for problem in _date_problems(facts, at)),
            *self.lasting,
            *(refused_names(prospect.names, self.certificates) if self.constrains else ()),
            *purpose_problems(prospect.purposes, links),
        ]


@functools.lru_cache(maxsize=64)
def _ways(chain: tuple[x509.Certificate, ...], below: int) -> tuple[_Way, ...]:
    anchors = trusted_of(chain)
    pool = [entry for entry in dict.fromkeys(chain) if entry not in anchors]
    ways = list(itertools.islice(_paths((chain[0],), pool, anchors), _MOST_PATHS)) or [order_chain(chain[0], chain)]
    return tuple(_Way(way, tuple(_above_problems(way, below)), any(map(constrains, way))) for way in ways)


def purpose_problems(purposes: t.Iterable[str], above: t.Iterable[CertificateFacts]) -> list[str]:
    """Return which authorities are not for what a certificate below them is for."""
    return [problem for facts in above for purpose in sorted(purposes) for problem in _unfit(facts, purpose)]


def _above_problems(way: Certificates, below: int = 0) -> list[str]:
    """Return what is wrong at any time with authorities, issuer first and anchor last, above ``below`` others."""
    links = [facts_of(entry) for entry in way]
    problems = []
    for facts in links:
        problems += _authority_problems(facts, below)
        below += 0 if facts.self_issued else 1
    for facts, issuer in zip(links, links[1:]):
        problems += [*_signature_problems(facts), *_issuer_key_problems(facts, issuer)]
    return [*problems, *(problem for facts in links for problem in _key_problems(facts))]


def _end(path: Certificates) -> datetime.datetime:
    return min(facts_of(entry).not_after for entry in path)


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
    dates = [problem for entry in path for problem in _date_problems(facts_of(entry), at)]
    return [*dates, *_structure_problems(path, purpose, anchored=True)]


def _structure_problems(path: Certificates, purpose: str | None, *, anchored: bool) -> list[str]:
    """Return what is wrong with a path at any time; the signature below an anchor is the last that counts."""
    leaf, *above = (facts_of(entry) for entry in path)
    problems = _above_problems(path[1:])
    unanchored = [] if anchored or not above else [above[-1]]
    signed = [leaf, *unanchored] if above or not anchored else []
    for facts in signed:
        problems += _signature_problems(facts)
    if above:
        problems += _issuer_key_problems(leaf, above[0])
    problems += [*_key_problems(leaf), *name_violations(path)]
    return [*problems, *_purpose_problems([leaf, *above], purpose)]


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
    for extension in extensions_of(facts.certificate):
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            problems.append(f"{facts.subject_dn} has the unknown critical extension {extension.oid.dotted_string}")
    return problems


def _issuer_key_problems(facts: CertificateFacts, issuer: CertificateFacts) -> list[str]:
    """Programs that look for the issuer by the identifier of its key (OpenSSL) do not find another one."""
    named, held = facts.authority_key_id, issuer.subject_key_id
    if named is None or held is None or named == held:
        return []
    return [f"{facts.subject_dn} names {named} as the key of its issuer, which {issuer.subject_dn} calls {held}"]


def _key_problems(facts: CertificateFacts) -> list[str]:
    bits, least = strength(facts.certificate)
    if least is None or bits >= least:
        return []
    return [
        f"{facts.subject_dn} has a key of {facts.key.type} with {bits} bits, which can be broken; {least} are needed"
    ]


def _purpose_problems(path: t.Sequence[CertificateFacts], purpose: str | None) -> list[str]:
    if purpose is None:
        return []
    problems = [problem for facts in path for problem in _unfit(facts, purpose)]
    leaf, usages = path[0], _USAGES_FOR.get(purpose, frozenset())
    if leaf.key_usage and usages and not leaf.key_usage & usages:
        problems.append(f"{leaf.subject_dn} is not for {purpose} by its key usage")
    return problems


def _unfit(facts: CertificateFacts, purpose: str) -> list[str]:
    usages = facts.extended_key_usage
    return [f"{facts.subject_dn} is not for {purpose}"] if usages and not usages & {purpose, "Any"} else []


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
