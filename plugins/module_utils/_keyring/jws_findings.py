# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What is wrong with signing keys and with the places that verify: pure."""

from __future__ import annotations

import datetime
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._core.normal import spell_duration
from .._core.redact import Secret
from .._jose import keys
from .._jose.errors import JoseError
from .._pki import keys as pki
from .._pki.errors import PkiError
from .directory import SUFFIX
from .record import spell_instant

#: Checks that tell of something to be seen to, but of nothing that fails now.
_WARNINGS: t.Final = frozenset({"aged", "pending", "undeclared"})
_PRIVATE: t.Final = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: with whose key, where, and what to do."""

    check: str
    participant: t.Optional[str]
    where: str
    problem: str
    remedy: str

    def shown(self) -> dict[str, t.Any]:
        """Return it as an entry of the result."""
        verdict = "warn" if self.check in _WARNINGS else "fail"
        return {
            "check": self.check,
            "verdict": verdict,
            "participant": self.participant,
            "where": self.where,
            "problem": self.problem,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Kept:
    """What custody holds of a participant: texts as they are, moments as far as known."""

    name: str
    place: str
    private: t.Optional[Secret] = None
    public: t.Optional[str] = None
    #: The key is with a holder, which gives no private text away.
    held_elsewhere: bool = False
    created: t.Optional[datetime.datetime] = None
    next_created: t.Optional[datetime.datetime] = None
    next_public: t.Optional[str] = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return self.private is None and not self.held_elsewhere


@dataclass(frozen=True)
class Place:
    """What one target holds, and names in it that no verifier takes for a participant's."""

    identity: str
    texts: Mapping[str, str]
    strays: Sequence[str] = ()
    #: Participants that are not expected there.
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wanted:
    """Who there should be; ``trusted`` are those whose private keys are kept elsewhere."""

    names: Sequence[str]
    trusted: Sequence[str] = ()
    max_age: t.Optional[int] = None


def custody_findings(kept: Kept, wanted: Wanted, now: datetime.datetime) -> Iterator[Finding]:
    """Yield what is wrong with one participant's key in custody."""

    def found(check: str, problem: str, remedy: str) -> Finding:
        return Finding(check, kept.name, kept.place, problem, remedy)

    if kept.empty:
        yield found("missing", "has no private key", "Make one (trustmesh.security.jws_key).")
        return
    if kept.private is not None:
        yield from _private_findings(kept, found)
    if kept.created is not None and wanted.max_age is not None:
        age = int((now - kept.created).total_seconds())
        if age > wanted.max_age:
            problem = f"the key is {spell_duration(age)} old, max_age is {spell_duration(wanted.max_age)}"
            yield found("aged", problem, "Rotate it (max_age or not_before of trustmesh.security.jws_key).")
    if kept.next_created is not None:
        made = spell_instant(kept.next_created)
        yield found("pending", f"the key made at {made} is not in use yet", "Run trustmesh.security.jws_key again.")


def _private_findings(kept: Kept, found: t.Callable[[str, str, str], Finding]) -> Iterator[Finding]:
    private = t.cast(Secret, kept.private)
    try:
        key = pki.load_private_key(private.reveal().encode("utf-8", "replace"))
    except PkiError as error:
        yield found("not_a_key", error.problem, error.remedy or "Replace it.")
        return
    weakness = _weakness(key)
    if weakness:
        yield found("weak", weakness, "Rotate it; neither adapters nor the connection manager check the size.")
    elif not keys.readable_by_peer(private):
        problem = f"the {pki.spec_of(key).type} key is written as {keys.private_encoding(private)}"
        remedy = "Write EC keys as SEC1 (BEGIN EC PRIVATE KEY): of any other form the adapter makes a bad signature."
        yield found("wrong_encoding", problem, remedy)
    if kept.public is not None and _identity(kept.public) != pki.spki_sha256(key):
        yield found("mismatched", "public and private key do not belong together", "Run trustmesh.security.jws_key.")


def place_findings(place: Place, kept: Mapping[str, Kept], wanted: Wanted) -> Iterator[Finding]:
    """Yield what is wrong at one place that verifies."""
    known = {*wanted.names, *wanted.trusted}
    for name in [*wanted.names, *wanted.trusted]:
        if name not in place.without:
            yield from _published_findings(place, name, kept.get(name))
    for name in sorted(set(place.texts) - known):
        alike = next((other for other in known if other.lower() == name.lower()), None)
        if alike:
            remedy = f"Rename it to {alike}{SUFFIX}: it is compared exactly with FSPIOP-Source."
            yield Finding("wrong_name", alike, place.identity, f"{name}{SUFFIX} differs from {alike} in case", remedy)
        else:
            remedy = (
                "Declare it, or let trustmesh.security.jws_key prune it: messages signed with this key are accepted."
            )
            yield Finding("undeclared", name, place.identity, f"has a key of {name}, who is not declared", remedy)
    for stray in place.strays:
        yield from _stray_findings(place, stray, known)


def _published_findings(place: Place, name: str, kept: t.Optional[Kept]) -> Iterator[Finding]:
    text = place.texts.get(name)
    if text is None:
        remedy = "Publish it (trustmesh.security.jws_key): messages of this participant are refused there."
        yield Finding("missing", name, place.identity, f"has no key of {name}", remedy)
        return
    if _PRIVATE.search(text):
        remedy = "Put the public key there and rotate the pair: all who could read it can sign."
        yield Finding("exposed", name, place.identity, f"has the private key of {name}", remedy)
        return
    try:
        identity = pki.spki_sha256(keys.load_public(text))
    except JoseError as error:
        weak = "too short" in error.problem or "do not sign" in error.problem
        remedy = "Publish a usable key; a verifier notices at the first message only."
        yield Finding("weak" if weak else "not_a_key", name, place.identity, error.problem, remedy)
        return
    expected = {_identity(one) for one in (kept.public, kept.next_public) if one} if kept else set()
    if kept is not None and kept.private is not None:
        expected |= {_private_identity(kept.private)}
    if expected and identity not in expected:
        remedy = "Publish the key in use (trustmesh.security.jws_key), then restart verifiers that read at start only."
        yield Finding("mismatched", name, place.identity, f"has another key of {name} than custody", remedy)


def _stray_findings(place: Place, stray: str, known: t.Collection[str]) -> Iterator[Finding]:
    stem = stray.rpartition(".")[0]
    owner = next((name for name in known if name.lower() in (stray.lower(), stem.lower())), None)
    if owner is not None:
        remedy = f"Rename it to {owner}{SUFFIX}: adapters ignore every other name without a word."
        yield Finding("wrong_name", owner, place.identity, f"{stray} does not end in {SUFFIX}", remedy)


def shared_findings(kept: t.Iterable[Kept], places: t.Iterable[Place]) -> Iterator[Finding]:
    """Yield keys that several participants have; each can sign as the other."""
    in_custody = [(one.name, _private_identity(one.private)) for one in kept if one.private is not None]
    by_place = [("custody", in_custody)]
    by_place += [(place.identity, [(name, _identity(text)) for name, text in place.texts.items()]) for place in places]
    for where, pairs in by_place:
        owners: dict[str, list[str]] = {}
        for name, identity in pairs:
            if identity is not None:
                owners.setdefault(identity, []).append(name)
        for names in owners.values():
            if len(names) > 1:
                remedy = "Rotate all of them but one: each can sign as the other."
                problem = f"{', '.join(sorted(names))} have one key"
                yield Finding("shared", sorted(names)[0], where, problem, remedy)


def _weakness(key: t.Any) -> t.Optional[str]:
    try:
        keys.require_strong(key)
    except JoseError as error:
        return error.problem
    return None


def _identity(text: t.Optional[str]) -> t.Optional[str]:
    """Return the SPKI digest of a public key, weak or not; ``None`` for what is none."""
    if text is None:
        return None
    try:
        return pki.spki_sha256(keys.load_public(text))
    except JoseError:
        return None


def _private_identity(private: Secret) -> t.Optional[str]:
    try:
        return pki.spki_sha256(pki.load_private_key(private.reveal().encode("utf-8", "replace")))
    except PkiError:
        return None
