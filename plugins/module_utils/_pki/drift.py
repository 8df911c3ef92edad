# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Why a certificate has to be issued again: what was declared against what is there.

A certificate is not compared with its request, because authorities rewrite requests: Vault copies the common name into
the alternative names, replaces usages by those of the role, drops organisations and back-dates. Fields that the
authority decides are left undeclared; the rules below know the rest.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import typing as t
from dataclasses import dataclass, field

from .._core.kinds import INTEGER, SET, TEXT, Kind
from .._core.normal import ip_address, spell_duration
from .._core.plan import Change, plan_state
from .._core.state import Field, State, managed
from . import names, usages
from .certificate import CertificateFacts, facts_of, iso
from .keys import SIZES, KeySpec
from .renewal import Window, verdict
from .signature import is_signed_by

if t.TYPE_CHECKING:
    from cryptography import x509

#: Vault's ``not_before_duration`` unless the role says otherwise.
BACKDATE_SECONDS: t.Final = 30
#: The path of a change that time alone makes due.
EXPIRY: t.Final = "not_after"
#: The path of the change that a revocation at the authority makes due.
REVOKED: t.Final = "revoked"
_LIST: t.Final = {"type": "list", "elements": "str"}
_SAN_FIELDS: t.Final = {"dns": "dns_names", "ip": "ip_addresses", "uri": "uris", "email": "emails"}
_SUBJECT_SETS: t.Final = (
    "organization",
    "organizational_unit",
    "country",
    "province",
    "locality",
    "street_address",
    "postal_code",
)


def _set_of(canonical: t.Callable[[t.Any], str]) -> Kind:
    return Kind(lambda value: frozenset(canonical(entry) for entry in value), _LIST, sorted)


DNS_NAMES = _set_of(names.dns_name)
IP_ADDRESSES = _set_of(ip_address)
URIS = _set_of(names.uri)
EMAILS = _set_of(names.email_address)
KEY_USAGE = _set_of(usages.key_usage)
EXTENDED_KEY_USAGE = _set_of(usages.extended_key_usage)


@dataclass(frozen=True)
class CertificateState(State):
    """The fields of a certificate that can be declared and read back."""

    common_name: Field[str] = managed(TEXT)
    organization: Field[frozenset[str]] = managed(SET)
    organizational_unit: Field[frozenset[str]] = managed(SET)
    country: Field[frozenset[str]] = managed(SET)
    province: Field[frozenset[str]] = managed(SET)
    locality: Field[frozenset[str]] = managed(SET)
    street_address: Field[frozenset[str]] = managed(SET)
    postal_code: Field[frozenset[str]] = managed(SET)
    dns_names: Field[frozenset[str]] = managed(DNS_NAMES)
    ip_addresses: Field[frozenset[str]] = managed(IP_ADDRESSES)
    uris: Field[frozenset[str]] = managed(URIS)
    emails: Field[frozenset[str]] = managed(EMAILS)
    key_usage: Field[frozenset[str]] = managed(KEY_USAGE)
    extended_key_usage: Field[frozenset[str]] = managed(EXTENDED_KEY_USAGE)
    key_type: Field[str] = managed(TEXT.choices(*SIZES))
    key_size: Field[int] = managed(INTEGER)

    @classmethod
    def of(cls, facts: CertificateFacts) -> CertificateState:
        """Build the current side from a certificate."""
        values = {name: frozenset(getattr(facts.subject, name)) for name in _SUBJECT_SETS}
        return cls(
            common_name=facts.subject.common_name,
            **values,
            dns_names=facts.sans.dns,
            ip_addresses=facts.sans.ip,
            uris=facts.sans.uri,
            emails=facts.sans.email,
            key_usage=facts.key_usage,
            extended_key_usage=facts.extended_key_usage,
            key_type=facts.key.type,
            key_size=facts.key.size,
        )

    def without_copied_name(self, wanted: CertificateState) -> CertificateState:
        """Drop the common name from the alternative names where the authority, not the declaration, put it there."""
        if not isinstance(self.common_name, str):
            return self
        copied = names.SubjectAltNames().including(self.common_name)
        values: dict[str, t.Any] = {}
        for name, extra in (("dns_names", copied.dns), ("ip_addresses", copied.ip), ("emails", copied.email)):
            declared, held = getattr(wanted, name), getattr(self, name)
            if extra and isinstance(declared, frozenset):
                values[name] = held - (extra - declared)
        return dataclasses.replace(self, **values)


@dataclass(frozen=True)
class Wanted:
    """What a certificate has to satisfy: the declared fields, a lifetime in seconds and when to renew."""

    state: CertificateState
    ttl: int | None = None
    window: Window = field(default_factory=Window)
    jitter_fraction: float = 0.0
    seed: str = ""

    @property
    def common_name(self) -> str | None:
        return self.subject.common_name

    @functools.cached_property
    def subject(self) -> names.Subject:
        """The declared subject, for a request."""
        return names.Subject.declared(self._declared())

    @functools.cached_property
    def sans(self) -> names.SubjectAltNames:
        """The declared alternative names, for a request."""
        values = self._declared()
        return names.SubjectAltNames(
            **{kind: values.get(name) or frozenset() for kind, name in _SAN_FIELDS.items()},
        )

    @functools.cached_property
    def key(self) -> KeySpec:
        """The declared kind of key, completed by defaults, for making one."""
        values = self._declared()
        return KeySpec.declared(values.get("key_type") or next(iter(SIZES)), values.get("key_size"))

    def shown(self) -> dict[str, t.Any]:
        """Return what is declared as plain data, for the plan of a first certificate."""
        lifetime = {} if self.ttl is None else {"ttl": spell_duration(self.ttl)}
        return {**self.state.shown(), **lifetime}

    def _declared(self) -> dict[str, t.Any]:
        values = self.state.managed_values()
        return {name: sorted(value) if name in _SUBJECT_SETS else value for name, value in values.items()}


def reissue_reasons(
    facts: CertificateFacts,
    wanted: Wanted,
    now: datetime.datetime,
    *,
    key_spki: str | None = None,
    authority: t.Sequence[x509.Certificate] | None = None,
    revoked: str | None = None,
    backdate_seconds: int = BACKDATE_SECONDS,
    signed_at: datetime.datetime | None = None,
) -> list[Change]:
    """Return every reason to issue the certificate again, not only the first; empty when it can stay.

    ``key_spki`` is the digest of the private key beside the certificate, ``authority`` the chain of who would sign now,
    issuer first; where either is ``None`` (unreadable, not there yet) its check is left out. ``revoked`` says since
    when and why the authority has revoked the certificate. ``signed_at`` is the moment of signing where that is known,
    ``backdate_seconds`` by how much the authority lets validity begin before it.
    """
    current = CertificateState.of(facts).without_copied_name(wanted.state)
    return [
        *plan_state(current, wanted.state).changes,
        *_key_reasons(facts, key_spki),
        *_issuer_reasons(facts, authority),
        *_lifetime_reasons(facts, wanted.ttl, backdate_seconds, signed_at),
        *_time_reasons(facts, wanted, now),
        *_revocation_reasons(revoked),
    ]


def _key_reasons(facts: CertificateFacts, key_spki: str | None) -> t.Iterator[Change]:
    if key_spki is not None and key_spki != facts.spki_sha256:
        reason = "certificate and private key do not belong together"
        yield Change("spki_sha256", facts.spki_sha256, key_spki, reason)


def _issuer_reasons(facts: CertificateFacts, authority: t.Sequence[x509.Certificate] | None) -> t.Iterator[Change]:
    if not authority or is_signed_by(facts.certificate, authority[0]):
        return
    yield issuer_change(facts, authority[0])


def issuer_change(facts: CertificateFacts, issuer: x509.Certificate) -> Change:
    """Return the change from the issuer that a certificate has to another; of equal names the keys are shown."""
    held, wanted = facts.issuer_dn, names.dn_text(issuer.subject)
    if issuer.subject != facts.certificate.issuer:
        return Change("issuer", held, wanted, f"issuer is {held}, declared {wanted}")
    key = facts_of(issuer).subject_key_id
    reason = f"issuer {wanted} has another key now"
    return Change("issuer", f"{held} with key {facts.authority_key_id}", f"{wanted} with key {key}", reason)


def lifetime_tolerance(seconds: int) -> int:
    """Return by how much a lifetime may miss a declared one: a minute and one percent.

    Back-dating differs between authorities (none here, 30 seconds in Vault), and some round to minutes.
    """
    return 60 + seconds // 100


def is_granted(
    facts: CertificateFacts, ttl: int | None, backdate_seconds: int, signed_at: datetime.datetime | None = None
) -> bool:
    """Tell whether a certificate was granted the declared life, in seconds.

    Life counts from the moment of signing; back-dating lengthens the dates, not what was granted. The habit may have
    changed since, and the clock of this host may differ from the authority's, so that either figure may be the right
    one. Without a moment, back-dating may be missing altogether.
    """
    if ttl is None:
        return True
    since = facts.not_before if signed_at is None else signed_at
    lives = facts.lifetime_seconds - backdate_seconds, int((facts.not_after - since).total_seconds())
    return any(abs(life - ttl) <= lifetime_tolerance(ttl) for life in lives)


def _lifetime_reasons(
    facts: CertificateFacts, ttl: int | None, backdate_seconds: int, signed_at: datetime.datetime | None
) -> t.Iterator[Change]:
    if ttl is None or is_granted(facts, ttl, backdate_seconds, signed_at):
        return
    # A usual back-dating is not worth a word.
    seconds = facts.lifetime_seconds - (backdate_seconds if backdate_seconds > BACKDATE_SECONDS else 0)
    held, declared = spell_duration(seconds), spell_duration(ttl)
    yield Change("ttl", held, declared, f"lifetime is {held}, declared ttl {declared}")


def _time_reasons(facts: CertificateFacts, wanted: Wanted, now: datetime.datetime) -> t.Iterator[Change]:
    found = verdict(now, facts.not_before, facts.not_after, wanted.window, wanted.jitter_fraction, wanted.seed)
    if found.due:
        yield Change(EXPIRY, iso(facts.not_after), "renewed", found.reason)


def _revocation_reasons(revoked: str | None) -> t.Iterator[Change]:
    if revoked is not None:
        yield Change(REVOKED, True, False, f"is revoked {revoked}")
