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
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .._pki.certificate import CertificateFacts, facts_of, iso
from .._pki.chain import Path, best_path, loose_path
from .._pki.development import is_development
from .._pki.renewal import Standing, Verdict, Window, verdict
from .._pki.revocation import CrlFacts
from .revocation import Answer, ask_lists
from .sources import Found

if t.TYPE_CHECKING:
    from cryptography import x509

_DAY_SECONDS: t.Final = 86400
#: From the worst to the best.
_RANKS: t.Final = (Standing.EXPIRED, Standing.EARLY, Standing.DUE, Standing.VALID)
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
class Link:
    """One certificate of a chain and where it is in its life."""

    facts: CertificateFacts
    time: Verdict
    depth: int

    @property
    def reason(self) -> str:
        """What the clock says against it, with its name unless it is the leaf."""
        if not self.depth or not self.time.reason:
            return self.time.reason
        return f"{self.facts.subject_dn} {self.time.reason}"

    def shown(self) -> dict[str, t.Any]:
        """Return the link as plain JSON data."""
        return {
            "depth": self.depth,
            "subject_dn": self.facts.subject_dn,
            "serial": self.facts.serial,
            "fingerprint_sha256": self.facts.fingerprint_sha256,
            "not_after": iso(self.facts.not_after),
            "days_left": math.floor(self.time.seconds_left / _DAY_SECONDS),
        }


@dataclass(frozen=True)
class Inspection:
    """Facts and verdicts; a verdict is ``None`` when nothing was given to decide it by."""

    facts: CertificateFacts
    chain: tuple[CertificateFacts, ...]
    links: tuple[Link, ...]
    #: Certificates of the source that are not in the chain of its first one.
    unused: tuple[CertificateFacts, ...]
    chain_problems: tuple[str, ...] | None
    key_matches: bool | None
    name_matches: bool | None
    revocation: Answer
    problems: tuple[str, ...]

    @property
    def first_to_end(self) -> Link:
        """The link with which the chain ends."""
        return min(self.links, key=lambda link: link.facts.not_after)

    @property
    def worst(self) -> Link:
        """The link that is worst off by the clock, the leaf before the others."""
        return min(self.links, key=lambda link: _RANKS.index(link.time.standing))

    def shown(self) -> dict[str, t.Any]:
        """Return the inspection as plain JSON data."""
        ends = self.first_to_end
        return {
            "certificate": self.facts.shown(),
            "chain": [facts.shown() for facts in self.chain],
            "links": [link.shown() for link in self.links],
            "expiry": self.worst.time.standing.value,
            "expiry_reason": self.worst.reason,
            "days_left": ends.shown()["days_left"],
            "valid_until": iso(ends.facts.not_after),
            "due_at": iso(min(link.time.due_at for link in self.links)),
            "chain_valid": None if self.chain_problems is None else not self.chain_problems,
            "chain_problems": list(self.chain_problems or ()),
            "key_matches": self.key_matches,
            "name_matches": self.name_matches,
            "revoked": self.revocation.revoked,
            "revoked_reason": self.revocation.reason,
            "revoked_depth": self.revocation.depth,
            "ok": not self.problems,
            "problems": list(self.problems),
        }


def inspect(found: Found, expected: Expectation, now: datetime.datetime) -> Inspection:
    """Judge the first certificate of a source with the chain above it."""
    leaf, *others = found.certificates
    facts = facts_of(leaf)
    path = _path(found, expected, now)
    links = tuple(_links(path, expected.window, now))
    key_matches = None if expected.key_spki is None else expected.key_spki == facts.spki_sha256
    name_matches = None if expected.host is None else facts.sans.covers(expected.host)
    revocation = _revocation(found, path, expected, now)
    problems = [
        *(link.reason for link in links if link.reason and not (path.anchored and link.depth and _is_over(link))),
        *path.problems,
        *(["the private key belongs to another certificate"] if key_matches is False else []),
        *([f"is not valid for the name {expected.host}"] if name_matches is False else []),
        *revocation.problems,
        *_development_problems(found, expected),
    ]
    return Inspection(
        facts=facts,
        chain=tuple(facts_of(entry) for entry in others),
        links=links,
        unused=tuple(facts_of(entry) for entry in others if entry not in path.certificates),
        chain_problems=None if expected.anchors is None else path.problems,
        key_matches=key_matches,
        name_matches=name_matches,
        revocation=revocation,
        problems=tuple(dict.fromkeys(problems)),
    )


def _path(found: Found, expected: Expectation, now: datetime.datetime) -> Path:
    """Return the chain to the given anchors; without any, what can be seen of it."""
    leaf, *others = found.certificates
    pool, purpose = (*others, *expected.intermediates), PURPOSES.get(expected.purpose or "")
    if expected.anchors is None:
        return loose_path(leaf, pool, purpose)
    return best_path(leaf, pool, expected.anchors, now, purpose)


def _links(path: Path, window: Window, now: datetime.datetime) -> Iterator[Link]:
    """Judge every link by the clock. Above the leaf its margin counts: what stands above has to outlast its renewal."""
    leaf, *above = (facts_of(entry) for entry in path.certificates)
    yield Link(leaf, verdict(now, leaf.not_before, leaf.not_after, window), 0)
    margin = window.margin(leaf.not_before, leaf.not_after)
    same = Window(int(margin.total_seconds()), None)
    for depth, facts in enumerate(above, 1):
        yield Link(facts, verdict(now, facts.not_before, facts.not_after, same), depth)


def _is_over(link: Link) -> bool:
    """Tell whether a link is not valid now, which verifying an anchored chain says as well."""
    return link.time.standing in (Standing.EARLY, Standing.EXPIRED)


def _development_problems(found: Found, expected: Expectation) -> Iterator[str]:
    if not expected.allow_development and is_development(found.certificates):
        yield "is of a development CA"


def _revocation(found: Found, path: Path, expected: Expectation, now: datetime.datetime) -> Answer:
    """Ask the source, then every list given."""
    if found.revoked is not None:
        return Answer(True, found.revoked, (f"is revoked {found.revoked}",), 0)
    known = False if found.knows_revocation else None
    if not expected.crls:
        return Answer(known, problems=(found.unknown,) if found.unknown else ())
    if not path.issued:  # a root has nobody above it who could revoke it
        return Answer(known)
    authorities = (*found.certificates, *expected.intermediates, *(expected.anchors or ()))
    answer = ask_lists(path.issued, expected.crls, authorities, now, verified=expected.anchors is not None)
    return replace(answer, revoked=known) if answer.revoked is None and len(path.issued) == 1 else answer
