# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The certificate of a service on a host: key, certificate and chains as one resource."""

from __future__ import annotations

import datetime
import functools
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .._core.clock import ahead, made_before, still_to_come
from .._core.errors import InvalidInput, PolicyRefusal, TrustmeshError
from .._core.files import FileTransaction
from .._core.normal import spell_duration
from .._core.plan import ABSENT, NO_PLAN, UNWANTED, Action, Change, Plan, Step
from .._core.resource import Resource
from .._pki.certificate import CertificateFacts, certificate_pem, facts_of, iso, parse_certificates
from .._pki.chain import (
    Prospect,
    foreseen_problems,
    is_self_signed,
    order_chain,
    purpose_problems,
    trusted_of,
    verify_chain,
)
from .._pki.constraints import names_of
from .._pki.development import is_development
from .._pki.drift import EXPIRY, REVOKED, Wanted, is_granted, reissue_reasons
from .._pki.keys import generate, load_private_key, private_pem, spki_sha256
from .._pki.renewal import due_at
from .._pki.request import make_csr
from . import generation
from .generation import Contents
from .holding import Holding, read_holding
from .layout import Layout
from .look import look
from .signer import Signer

if t.TYPE_CHECKING:
    from cryptography import x509

    Chain = tuple[x509.Certificate, ...]


#: Extended key usages that the chain of a certificate is held against.
_TLS: t.Final = frozenset({"ServerAuth", "ClientAuth"})


class SignedOtherwise(TrustmeshError):
    """The authority signed something other than what was declared; nothing was installed."""


@dataclass(frozen=True)
class Policy:
    """What a declaration allows about replacing a key or certificate; names as the module's options."""

    on_mismatch: str
    renew_key: bool
    allow_development_ca: bool
    keep: int
    #: What was made before this instant is replaced, with its key, from this instant on.
    not_before: t.Optional[datetime.datetime] = None


class HostCertificate(Resource[Holding]):
    """What a certificate that is wanted and one that is not have in common: a name and a layout."""

    kind = "certificate"
    noun = "certificate"

    def __init__(self, name: str, layout: Layout, files: FileTransaction) -> None:
        super().__init__(name, None)
        self.layout = layout
        self.files = files

    @property
    def lock_directory(self) -> str:
        return self.layout.home.path

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return ((f"{role}_file", path) for role, path in self.layout.published.items())


class Absence(HostCertificate):
    """A certificate that shall not be on this host."""

    makes_lock_directory = False

    def read(self) -> t.Optional[Holding]:
        return read_holding(self.layout, None)

    def plan(self, current: t.Optional[Holding], now: datetime.datetime) -> Plan:
        if current is None:
            return NO_PLAN
        if current.foreign:
            paths = ", ".join(sorted(self.layout.published[role] for role in current.foreign))
            raise PolicyRefusal(
                f"{paths} was not made by this module and is not removed by it", remedy="Remove it yourself if unused."
            )
        held = current.facts.serial if current.facts else ", ".join(current.left) or "an empty directory"
        return Plan(Action.DELETE, (Change("certificate", held, None, UNWANTED),), (Step("remove", self.name),))

    def apply(self, plan: Plan) -> None:
        with self.files.group(self.identity) as group:
            generation.stage_removal(group, self.layout)


class Certificate(HostCertificate):
    """A certificate that shall be on this host with its key, as ``wanted``."""

    def __init__(
        self, name: str, layout: Layout, files: FileTransaction, wanted: Wanted, signer: Signer, policy: Policy
    ) -> None:
        super().__init__(name, layout, files)
        self.wanted = wanted
        self.signer = signer
        self.policy = policy

    def read(self) -> t.Optional[Holding]:
        authority = self.signer.chain()
        self._refuse_development(authority)
        holding = read_holding(self.layout, authority, self.policy.keep)
        self.signer.prepare(self.wanted, new=not self._was_granted(holding))
        if holding is None or holding.facts is None:
            return holding
        revoked = self.signer.revocation(holding.facts.certificate)
        return replace(holding, revoked=revoked) if revoked else holding

    def plan(self, current: t.Optional[Holding], now: datetime.datetime) -> Plan:
        plan = self._plan(current, now)
        return replace(plan, warnings=(*plan.warnings, *current.obstacles)) if current and current.obstacles else plan

    def _plan(self, current: t.Optional[Holding], now: datetime.datetime) -> Plan:
        faults = self._faults(current.authority if current else self.signer.chain(), now)
        objections = [*self.signer.objections(self.wanted, now), *faults]
        if current is None:
            _refuse(objections)
            changes = tuple(Change(path, None, value, ABSENT) for path, value in self.wanted.shown().items())
            return Plan(Action.CREATE, changes, (Step("issue", self.name, {"key": "new", "at": now}),))
        renewal = self._renewal(current, now)
        if renewal:
            _refuse(objections)
            body = {"key": "same" if self._may_keep_key(current, now) else "new", "at": now, "held": current.made_at}
            step = Step("issue", self.name, body)
            return Plan(Action.REPLACE, tuple(renewal), (step,))
        _refuse(faults)
        repairs = [*current.placement, *_text_changes(current)]
        warnings = tuple(f"{self.identity}: the next renewal would be refused. {problem}" for problem in objections)
        if not repairs and current.left:
            left = ", ".join(current.left)
            change = Change("store", left, None, f"{self.layout.store} has {left}, which is kept no longer")
            return Plan(Action.UPDATE, (change,), (Step("prune", self.name, {"at": now}),), warnings)
        if not repairs:
            return Plan(warnings=warnings) if warnings else NO_PLAN
        step = Step("arrange", self.name, {"authority": current.authority, "at": now, "held": current.made_at})
        return Plan(Action.UPDATE, tuple(repairs), (step,), warnings)

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            now, held = step.body["at"], step.body.get("held")
            with self.files.group(self.identity) as group:
                seen = look(self.layout)
                if step.verb == "prune":
                    generation.stage_pruning(group, seen, keep=self.policy.keep, now=now)
                    continue
                contents = seen.contents
                stage = functools.partial(
                    generation.stage, group, self.layout, keep=self.policy.keep, now=now, held=held, seen=seen
                )
                if step.verb == "issue":
                    # What is issued has to be kept: owner, mode and room are settled before the authority is asked.
                    fill = stage(generation.ROOM)
                    fill(self._issue(contents["key"] if step.body["key"] == "same" else None, now))
                else:
                    stage(self._arrange(contents, step.body["authority"]), made=held)

    def describe(self, current: t.Optional[Holding]) -> dict[str, t.Any]:
        if current is None or current.facts is None:
            return {}
        facts, wanted = current.facts, self.wanted
        due = due_at(facts.not_before, facts.not_after, wanted.window, wanted.jitter_fraction, wanted.seed)
        return {
            "common_name": facts.subject.common_name,
            **facts.sans.shown(),
            "serial": facts.serial,
            "fingerprint_sha256": facts.fingerprint_sha256,
            "issuer": facts.issuer_dn,
            "not_before": iso(facts.not_before),
            "not_after": iso(facts.not_after),
            "renew_at": iso(due),
            "made_at": current.made_at and iso(current.made_at),
            "previous": [{"made_at": iso(made), "certificate_file": path} for made, path in current.previous],
            "key_type": facts.key.type,
            "key_size": facts.key.size,
            "files": dict(self.layout.published),
        }

    def _renewal(self, current: Holding, now: datetime.datetime) -> list[Change]:
        """Return why a new certificate is due, in the order: unusable, different, expiring."""
        for role in ("key", "certificate"):
            problem = next((text for text in current.problems if text.startswith(f"the {role} cannot")), None)
            if problem and role in current.foreign:
                raise PolicyRefusal(
                    f"{problem}; the file was not made by this module and is not overwritten",
                    field=self.layout.published[role],
                    remedy="Move it away, or correct the path.",
                )
        changes = [Change("certificate", "unusable", "usable", problem) for problem in current.problems]
        if current.facts is not None:
            held_key = current.key.spki_sha256 if current.key else None
            changes += reissue_reasons(
                current.facts,
                self.wanted,
                now,
                key_spki=held_key,
                authority=current.authority,
                revoked=current.revoked,
                backdate_seconds=self.signer.backdate_seconds,
                signed_at=current.made_at,
            )
        differing = [change for change in changes if change.path not in (EXPIRY, REVOKED)]
        if differing and self.policy.on_mismatch == "fail":
            raise PolicyRefusal(
                f"would have to be issued again: {'; '.join(change.reason for change in differing)}",
                field="on_mismatch",
                remedy="Correct the declaration, or set on_mismatch to replace.",
            )
        changes += self._outdated(current, now)
        if not changes and current.facts is not None and ahead([current.facts.not_before], now):
            begins = current.facts.not_before
            raise still_to_come("the certificate is valid from", begins, "declare not_before, which renews it")
        return changes

    def _outdated(self, current: Holding, now: datetime.datetime) -> Iterator[Change]:
        wanted, made = self.policy.not_before, current.made_at
        if wanted is not None and made is not None and made_before(made, wanted, now):
            reason = f"the certificate was made at {iso(made)}, not_before is {iso(wanted)}"
            yield Change("made_at", iso(made), "renewed", reason)

    def _was_granted(self, current: t.Optional[Holding]) -> bool:
        """Tell whether the certificate in place has the declared life, so that the authority grants it."""
        if current is None or current.facts is None:
            return False
        return is_granted(current.facts, self.wanted.ttl, self.signer.backdate_seconds, current.made_at)

    def _may_keep_key(self, current: Holding, now: datetime.datetime) -> bool:
        if self.policy.renew_key or current.revoked or any(self._outdated(current, now)):
            return False
        return current.key is not None and current.key.spec == self.wanted.key

    @functools.cached_property
    def _purposes(self) -> frozenset[str]:
        """What the certificate is declared to be for."""
        declared = self.wanted.state.extended_key_usage
        return declared & _TLS if isinstance(declared, frozenset) else frozenset()

    def _faults(self, chain: t.Optional[Chain], now: datetime.datetime) -> list[InvalidInput]:
        """Return why nothing that the authority signs now would verify, whoever asks it."""
        if not chain:
            return []
        subject, sans = self.wanted.subject, self.wanted.sans
        prospect = Prospect(lambda: names_of(subject.name(), sans), self._purposes)
        problems = foreseen_problems(prospect, chain, now)
        return [_unsound(problems)] if problems else []

    def _refuse_development(self, chain: t.Optional[Chain]) -> None:
        if chain and not self.policy.allow_development_ca and is_development(chain):
            raise InvalidInput(
                "the signing CA is marked as a development CA",
                field="allow_development_ca",
                remedy="Use a real CA; set allow_development_ca: true only where nothing depends on it.",
            )

    def _issue(self, key_pem: t.Optional[bytes], now: datetime.datetime) -> Contents:
        """Have the public part of a key signed, of a new one where none is given."""
        self.signer.prepare(self.wanted, new=True)
        _refuse([*self.signer.objections(self.wanted, now), *self._faults(self.signer.chain(), now)])
        key = generate(self.wanted.key) if key_pem is None else load_private_key(key_pem)
        csr = make_csr(key, self.wanted.subject, self.wanted.sans)
        leaf, chain = self.signer.sign(csr, self.wanted)
        self._refuse_development(chain)
        self._verify(facts_of(leaf), chain, spki_sha256(key), now)
        pair = {"key": private_pem(key), "certificate": certificate_pem(leaf).encode()}
        return {**pair, **_encoded(_texts(leaf, chain))}

    @staticmethod
    def _arrange(held: Contents, authority: t.Optional[Chain]) -> Contents:
        """Return the same pair with the chains it should have; without an authority, those it has."""
        if not authority:
            return held
        leaf = parse_certificates(held["certificate"])[0]
        return {**held, **_encoded(_texts(leaf, authority))}

    def _verify(self, facts: CertificateFacts, chain: Chain, key_spki: str, now: datetime.datetime) -> None:
        """Refuse to install what would be due, different or invalid from its first moment, so that no run loops."""
        signer = self.signer.identity
        if facts.not_before > now:
            behind = int((facts.not_before - now).total_seconds())
            raise SignedOtherwise(
                f"the certificate from {signer} becomes valid only in {spell_duration(behind)} by this host's clock",
                field="clock",
                remedy="Set the clock of this host (it is behind the authority's), then run again.",
            )
        backdate = self.signer.backdate_seconds
        changes = reissue_reasons(
            facts, self.wanted, now, key_spki=key_spki, authority=chain, backdate_seconds=backdate, signed_at=now
        )
        never_rests = self.wanted.window.problem(facts.not_before, facts.not_after)
        reasons = [never_rests] if never_rests else [change.reason for change in changes]
        if reasons:
            fields = ["renew_before"] if never_rests else [change.path for change in changes]
            raise SignedOtherwise(
                f"what {signer} signed is not what was declared: {'; '.join(reasons)}",
                field=fields[0],
                remedy="Correct the declaration or the authority (role, mount's max_lease_ttl); nothing was installed.",
            )
        problems = verify_chain(facts.certificate, chain, trusted_of(chain), now) or _unfit(
            self._purposes, facts, chain
        )
        if problems:
            raise SignedOtherwise(
                f"the chain from {signer} does not hold: {'; '.join(problems)}",
                field="issuer",
                remedy="Complete the chain of that issuer; nothing was installed.",
            )


def _unsound(problems: t.Sequence[str]) -> InvalidInput:
    return InvalidInput(
        f"{'; '.join(problems)}; certificates below it are not valid",
        field="issuer",
        remedy="Renew or replace that authority, declare what it may sign, or set this host's clock if it is wrong.",
    )


def _unfit(purposes: frozenset[str], facts: CertificateFacts, chain: Chain) -> list[str]:
    """Say why a certificate is of no use for what it is declared for; where nothing is, for anything that it says."""
    above = [facts_of(entry) for entry in order_chain(chain[0], chain)]
    problems = purpose_problems(purposes, above)
    each = [purpose_problems({purpose}, above) for purpose in facts.extended_key_usage & _TLS]
    return problems or (each[0] if each and all(each) else [])


def _refuse(objections: t.Sequence[InvalidInput]) -> None:
    """Raise what an authority has against a declaration, before it is asked to sign."""
    if objections:
        first, *others = objections
        more = "".join(f"; {other.field}: {other.problem}" for other in others)
        raise InvalidInput(f"{first.problem}{more}", field=first.field, remedy=first.remedy)


@functools.lru_cache(maxsize=64)
def _authority_texts(chain: Chain) -> tuple[str, str]:
    """Return intermediates and anchor as PEM; a batch asks for the same few authorities again and again."""
    between = [certificate for certificate in order_chain(chain[0], chain) if not is_self_signed(certificate)]
    return certificate_pem(*between), certificate_pem(*trusted_of(chain))


def _texts(leaf: x509.Certificate, chain: Chain) -> dict[str, str]:
    """Return the chain files: intermediates, leaf with intermediates (no root), and the anchor to trust."""
    between, anchor = _authority_texts(chain)
    return {"chain": between, "fullchain": certificate_pem(leaf) + between, "ca": anchor}


def _text_changes(current: Holding) -> Iterator[Change]:
    """Yield what differs in the chain files; the certificate itself is in order when this is asked."""
    if current.facts is None or not current.authority:
        return
    for role, wanted in _texts(current.facts.certificate, current.authority).items():
        held = current.texts.get(role)
        if held != wanted:
            yield Change(role, held and "other", "chain of the issuer", f"the {role} file is not the issuer's")


def _encoded(texts: Mapping[str, str]) -> dict[str, bytes]:
    return {role: text.encode("ascii") for role, text in texts.items()}
