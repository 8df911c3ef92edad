# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The issuer that signs another, and whether what it signs now would hold: judged before a key is made."""

from __future__ import annotations

import contextlib
import datetime
import functools
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._core.address import at
from .._core.errors import InvalidInput
from .._core.normal import instant
from .._pki.certificate import facts_of, iso, parse_certificates
from .._pki.chain import Prospect, first_to_end, foreseen_problems
from .._pki.constraints import closed_domains, names_of
from .._pki.names import Subject, SubjectAltNames
from .answer import Fields
from .errors import Forbidden, NoIssuer
from .pki_issuer_state import SUBJECT, Held, IssuerState
from .port import Vault

if t.TYPE_CHECKING:
    from cryptography import x509

#: What of a declaration the CAs above may have something against.
_JUDGED: t.Final = (*SUBJECT, "permitted_dns_domains")
_ISSUING: t.Final = "issuing-certificates"
# What can be switched off of cutting, where a server does that (HashiCorp Vault from 1.17 on; OpenBao does not).
_CUTTING: t.Final = "enforce_leaf_not_after_behavior"


@dataclass(frozen=True)
class Parent:
    """An issuer: what everybody may read of it, and what its keepers may, where the token is one's."""

    shown: Fields
    kept: Fields = field(default_factory=Fields)
    #: Whether the server cuts a life that nobody declared to the end of the issuer that signs.
    cuts: bool = True

    @classmethod
    def read(cls, vault: Vault, path: str) -> Parent:
        """Return what everybody may read; raises :class:`NoIssuer` when there is no such issuer."""
        with contextlib.suppress(NoIssuer):
            shown = vault.read(at(path, "json"))
            if shown is not None:
                return cls(shown)
        raise NoIssuer(f"there is no issuer {path}", field="signed_by", remedy="Declare it before this one.")

    def looked_at(self, vault: Vault, path: str, *, granted: bool) -> Parent:
        """Return it with what the engine keeps beside its certificate; ``granted`` where no life is declared."""
        fields = vault.fields(at(path, "sign-intermediate")) if granted else None
        cuts = fields is None or _CUTTING in fields
        try:
            return Parent(self.shown, vault.read_or_nothing(path), cuts)
        except Forbidden:  # signing is no right to look at that, and tells when it is refused
            return Parent(self.shown, cuts=cuts)

    @functools.cached_property
    def _issuer(self) -> Held:
        return Held(self.shown, facts_of(parse_certificates(self.shown.text("certificate").encode())[0]))

    @property
    def certificate(self) -> x509.Certificate:
        """Its own certificate."""
        return self._issuer.facts.certificate

    @functools.cached_property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Its certificate and those above it, as far as the server has them."""
        return self._issuer.chain

    @property
    def room(self) -> int | None:
        """How many CAs may follow below it, ``None`` for any number; self-issued ones are counted too."""
        limits = (
            facts.path_length - below
            for below, facts in enumerate(map(facts_of, self.chain))
            if facts.path_length is not None
        )
        return min(limits, default=None)

    def hindrances(self) -> Iterator[str]:
        """Yield why it signs nothing, in sentences."""
        name = self._issuer.facts.subject_dn
        if "revoked" in self.kept and self.kept.flag("revoked"):
            yield f"{name} is revoked"
        elif _ISSUING not in self.kept.text_or("usage", _ISSUING):
            yield f"{name} is not for issuing (its usage is {self.kept.text('usage')})"
        if self.kept.text_or("key_id", "unknown") == "":
            yield f"the server has no key of {name}"


def is_granted(state: IssuerState) -> bool:
    """Tell whether the server grants a life, because none is declared."""
    return not isinstance(state.ttl, int)


def child(state: IssuerState, ends: datetime.datetime | None) -> dict[str, t.Any]:
    """Return what is judged about a declared CA, as plain data; ``ends`` is when it would, if that is known."""
    granted = {"granted": True} if is_granted(state) else {}
    return {**state.wire(only=_JUDGED), "ends": None if ends is None else iso(ends), **granted}


def refuse_unfit(parent: Parent, declared: Mapping[str, t.Any], now: datetime.datetime) -> None:
    """Raise :class:`InvalidInput` unless what the parent signs now for a :func:`child` holds, and to its end."""

    def names() -> list[t.Any]:
        subject = Subject.declared({**declared, "organizational_unit": declared.get("ou")})
        return names_of(subject.name(), SubjectAltNames(), is_leaf=False)

    problems = [
        *parent.hindrances(),
        *foreseen_problems(Prospect(names, is_authority=True), parent.chain, now),
        *closed_domains(declared.get("permitted_dns_domains") or (), parent.chain),
    ]
    if problems:
        raise InvalidInput(
            f"{'; '.join(problems)}; a CA below it would be of no use",
            field="signed_by",
            remedy="Declare another one, or renew or replace it; or declare what it may sign.",
        )
    is_cut = declared.get("granted") and parent.cuts and first_to_end(parent.chain) == parent.chain[0]
    if declared["ends"] is not None and not is_cut:
        refuse_outliving(parent.chain, instant(declared["ends"]))


def refuse_outliving(chain: Sequence[x509.Certificate], ends: datetime.datetime) -> None:
    """Raise :class:`InvalidInput` when a CA would outlive those above it; servers warn, cut it, or say nothing."""
    first = first_to_end(tuple(chain))
    facts = facts_of(first)
    if ends > facts.not_after:
        raise InvalidInput(
            f"the CA would live until {iso(ends)}, longer than {facts.subject_dn}, which "
            f"{'signs it' if first == chain[0] else 'stands above it'} and ends at {iso(facts.not_after)}",
            field="ttl",
            remedy="Declare a shorter ttl.",
        )
