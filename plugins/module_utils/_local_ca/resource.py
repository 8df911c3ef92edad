# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The development authority as a resource: a key, its certificate, the chain above it and a revocation list."""

from __future__ import annotations

import datetime
import os
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._core.clock import ahead, still_to_come
from .._core.errors import InvalidInput, PolicyRefusal
from .._core.files import FileTransaction
from .._core.own_files import Directories, Lasting
from .._core.plan import ABSENT, NO_PLAN, UNWANTED, Action, Change, Plan, Step, plan_state
from .._core.resource import Resource
from .._pki.certificate import CertificateFacts, certificate_pem, iso, validity
from .._pki.drift import BACKDATE_SECONDS, issuer_change, lifetime_tolerance
from .._pki.errors import PkiError
from .._pki.renewal import due_at, spell_span, verdict
from .._pki.revocation import CrlFacts
from .._pki.signature import is_signed_by
from .state import Desired, DesiredCrl, Held, Placing, desired_of, read_held
from .writer import AuthorityWriter

_FIELD_VERBS: t.Final = {"path_length": "certify", "encrypted": "write_key", "revoked": "write_crl"}


@dataclass(frozen=True)
class Finding:
    """A difference and the verb that removes it; one that costs the key ``destroys``."""

    change: Change
    verb: str
    destroys: bool = False


class LocalAuthority(Resource[Held]):
    """One authority in a directory of this host. A certificate that needs no new key is signed anew with the old."""

    kind = "local_ca"
    noun = "authority"

    def __init__(self, name: str, placing: Placing, wanted: Desired | None, on_mismatch: str) -> None:
        super().__init__(name, None)
        self.placing = placing
        self.wanted = wanted
        self.on_mismatch = on_mismatch
        #: The authority above this one, when the same run manages it, and what its own last plan says.
        self.above: LocalAuthority | None = None
        self.planned = NO_PLAN

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> LocalAuthority:
        """Build from an item of the module."""
        placing = Placing.declared(item)
        wanted = None if item["state"] == "absent" else desired_of(item, placing)
        return cls(item["name"], placing, wanted, item["on_mismatch"])

    @property
    def lock_directory(self) -> str:
        return self.placing.paths.directory

    @property
    def makes_lock_directory(self) -> bool:
        return self.wanted is not None

    @property
    def workplaces(self) -> t.Sequence[str]:
        return (self.placing.paths.directory,)

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        files = self.placing.files()
        return (("crl_file" if what == "crl" else "directory", path) for what, (path, _attributes) in files.items())

    def read(self) -> Held | None:
        return read_held(self.placing, self.wanted)

    def plan(self, current: Held | None, now: datetime.datetime) -> Plan:
        """Return what has to happen, the consequences of what happens to the parent in this run included."""
        self.planned = NO_PLAN
        self.planned = self._plan(current, now)
        return self.planned

    def _plan(self, current: Held | None, now: datetime.datetime) -> Plan:
        if self.wanted is None:
            return self._plan_absence(current)
        if current is None or current.is_new:
            made = ["make_key", "certify", "write_chain", *(["write_crl"] if self.wanted.crl else [])]
            return Plan(Action.CREATE, tuple(_first_changes(self.wanted)), _steps(made, now))
        findings = list(self._findings(current, self.wanted, now))
        warnings = tuple(self._warnings(current, self.wanted, now))
        if not findings:
            return Plan(warnings=warnings)
        changes = tuple(finding.change for finding in findings)
        destroys = any(finding.destroys for finding in findings)
        if destroys and self.on_mismatch == "fail":
            raise PolicyRefusal(
                f"needs a new key: {'; '.join(finding.change.reason for finding in findings if finding.destroys)}",
                field="on_mismatch",
                remedy="Correct the declaration or restore the files; or set on_mismatch to replace, after which "
                "nothing this authority has signed is trusted any more.",
            )
        verbs = [finding.verb for finding in findings]
        if destroys:
            verbs += ["make_key", "certify", *(["write_crl"] if self.wanted.crl else [])]
        action = Action.REPLACE if destroys else Action.UPDATE
        return Plan(action, changes, _steps(verbs, now), warnings)

    def apply(self, plan: Plan) -> None:
        verbs = frozenset(step.verb for step in plan.steps)
        work = FileTransaction()
        with work.group(self.identity) as group:
            if self.wanted is None:
                for path, _attributes in self.placing.files().values():
                    group.remove(path)
                group.remove(self.placing.paths.exchange.store)
            else:
                AuthorityWriter(self.placing, self.wanted).stage(group, verbs, plan.steps[0].body["at"])
        for failure in work.commit().values():
            raise failure

    def describe(self, current: Held | None) -> dict[str, t.Any]:
        if current is None or current.facts is None or self.wanted is None:
            return {}
        facts, paths = current.facts, self.placing.paths
        due = due_at(facts.not_before, facts.not_after, self.wanted.window)
        shown = facts.shown()
        kept = ("subject_dn", "issuer_dn", "serial", "not_before", "not_after", "key_type", "key_size", "path_length")
        described = {name: shown[name] for name in (*kept, "fingerprint_sha256", "spki_sha256", "development")}
        described.update(
            renew_at=iso(due),
            certificate=certificate_pem(facts.certificate),
            certificate_file=paths.certificate,
            key_file=paths.key,
        )
        if current.above:
            described["chain_file"] = paths.chain
        if current.crl is not None:
            described["crl"] = {"path": self.placing.crl, **current.crl.shown()}
        return described

    def _plan_absence(self, current: Held | None) -> Plan:
        if current is None:
            return NO_PLAN
        if current.facts is not None and not current.facts.development:
            raise PolicyRefusal(
                f"{self.placing.paths.certificate} is not of a development authority and is not removed",
                remedy="Correct directory; remove a real authority yourself.",
            )
        subject = current.facts.subject_dn if current.facts else "key without certificate"
        return Plan(Action.DELETE, (Change("authority", subject, None, UNWANTED),), (Step("remove", self.name),))

    def _findings(self, current: Held, wanted: Desired, now: datetime.datetime) -> Iterator[Finding]:
        """Yield every difference."""
        if current.unfinished:
            reason = "a run was killed while it changed the files"
            yield Finding(Change("files", "links", "plain files", reason), "settle")
        for what, changes in current.placement.items():
            if what != "chain" or wanted.parent:
                yield from (Finding(change, f"write_{what}") for change in changes)
        if current.key_spki is None:
            yield Finding(Change("key", None, "exists", "ca-key.pem is missing"), "make_key", destroys=True)
        if current.facts is None:
            yield Finding(Change("certificate", None, "exists", "ca-cert.pem is missing"), "certify")
        else:
            yield from _certificate_findings(current, current.facts, wanted, now, self._parent_verbs())
        if wanted.crl is not None:
            yield from _crl_findings(current, wanted.crl, now)

    def _parent_verbs(self) -> frozenset[str]:
        return frozenset(step.verb for step in self.above.planned.steps) if self.above else frozenset()

    def _warnings(self, current: Held, wanted: Desired, now: datetime.datetime) -> Iterator[str]:
        if self._parent_verbs():
            return
        if wanted.parent is not None and current.parent is None:
            yield f"{self.identity}: its parent is not in {wanted.parent.paths.directory}"
        if current.facts is not None and _waits_for_parent(current, current.facts):
            found = verdict(now, current.facts.not_before, current.facts.not_after, wanted.window)
            if found.due:
                yield f"{self.identity}: {found.reason}, but its parent ends then too; renew the parent first"


def _first_changes(wanted: Desired) -> Iterator[Change]:
    for path, value in wanted.state.managed_values().items():
        if value or path == "path_length":
            yield Change(path, None, value, ABSENT)


def _steps(verbs: t.Iterable[str], now: datetime.datetime) -> tuple[Step, ...]:
    return tuple(Step(verb, "authority", {"at": now}) for verb in dict.fromkeys(verbs))


def _certificate_findings(
    current: Held, facts: CertificateFacts, wanted: Desired, now: datetime.datetime, parent_verbs: frozenset[str]
) -> Iterator[Finding]:
    if current.key_spki is not None and current.key_spki != facts.spki_sha256:
        reason = "ca-key.pem does not belong to ca-cert.pem"
        yield Finding(Change("spki_sha256", current.key_spki, facts.spki_sha256, reason), "make_key", destroys=True)
    metas = wanted.state.metas()
    crl_missing = current.crl is None
    for change in plan_state(current.state, wanted.state).changes:
        if change.path == "revoked" and crl_missing:
            continue
        verb = _FIELD_VERBS.get(change.path, "certify")
        yield Finding(change, verb, destroys=metas[change.path].replace)
    if wanted.parent is None:
        yield from _root_findings(current, facts)
    else:
        yield from _parent_findings(current, facts, parent_verbs)
    yield from _time_findings(current, facts, wanted, now, parent_verbs)


def _root_findings(current: Held, facts: CertificateFacts) -> Iterator[Finding]:
    if not is_signed_by(facts.certificate, facts.certificate):
        reason = f"issuer is {facts.issuer_dn}, declared is a root"
        yield Finding(Change("issuer", facts.issuer_dn, facts.subject_dn, reason), "certify")
    elif current.above:
        yield Finding(Change("chain", "present", None, "a root has no chain above it"), "write_chain")


def _parent_findings(current: Held, facts: CertificateFacts, verbs: frozenset[str]) -> Iterator[Finding]:
    """Yield what follows from the parent as it is, and from what this run does to it."""
    issuer = next(iter(current.parent or current.above), None)
    if "make_key" in verbs:
        yield Finding(Change("issuer", facts.issuer_dn, "the parent", "its parent gets a new key"), "certify")
    elif issuer is None:
        yield Finding(Change("issuer", facts.issuer_dn, "the parent", "is not signed by its parent"), "certify")
    elif not is_signed_by(facts.certificate, issuer):
        yield Finding(issuer_change(facts, issuer), "certify")
    elif verbs & {"certify", "write_chain"}:
        reason = "its parent gets a new certificate"
        yield Finding(Change("chain", "the parent's chain", "the parent's new chain", reason), "write_chain")
    elif current.parent is not None and current.above != current.parent:
        reason = "ca-chain.pem is not the chain of the parent"
        yield Finding(Change("chain", "other certificates", "the parent's chain", reason), "write_chain")


def _time_findings(
    current: Held, facts: CertificateFacts, wanted: Desired, now: datetime.datetime, parent_verbs: frozenset[str]
) -> Iterator[Finding]:
    if _waits_for_parent(current, facts):
        if "certify" in parent_verbs:
            reason = "its parent, with which it ends, gets a new certificate"
            yield Finding(Change("not_after", iso(facts.not_after), "renewed", reason), "certify")
        elif now > facts.not_after:
            raise PkiError(
                f"expired at {iso(facts.not_after)} together with its parent", remedy="Renew the parent first."
            )
        return
    lifetime = datetime.timedelta(seconds=facts.lifetime_seconds)
    if abs(facts.lifetime_seconds - BACKDATE_SECONDS - wanted.ttl) > lifetime_tolerance(wanted.ttl):
        held, declared = spell_span(lifetime), spell_span(datetime.timedelta(seconds=wanted.ttl))
        yield Finding(Change("ttl", held, declared, f"lifetime is {held}, declared ttl {declared}"), "certify")
    if ahead([facts.not_before], now):
        remedy = "remove the certificate, and a new one is signed with the same key"
        raise still_to_come("the certificate is valid from", facts.not_before, remedy)
    found = verdict(now, facts.not_before, facts.not_after, wanted.window)
    if found.due:
        yield Finding(Change("not_after", iso(facts.not_after), "renewed", found.reason), "certify")


def _waits_for_parent(current: Held, facts: CertificateFacts) -> bool:
    """Tell whether the authority ends with its parent, so that signing it again would gain nothing."""
    return current.parent is not None and validity(current.parent[0])[1] <= facts.not_after


def _crl_findings(current: Held, wanted: DesiredCrl, now: datetime.datetime) -> Iterator[Finding]:
    crl = current.crl
    if crl is None:
        yield Finding(Change("crl", None, "exists", f"{os.path.basename(wanted.path)} is missing"), "write_crl")
        return
    if current.facts is not None and not crl.is_signed_by(current.facts.certificate):
        reason = "the revocation list is not signed by this authority"
        yield Finding(Change("crl.issuer", crl.issuer_dn, current.facts.subject_dn, reason), "write_crl")
    yield from _crl_time_findings(crl, wanted, now)


def _crl_time_findings(crl: CrlFacts, wanted: DesiredCrl, now: datetime.datetime) -> Iterator[Finding]:
    if crl.next_update is None:
        yield Finding(Change("crl.next_update", None, "declared", "the revocation list has no end"), "write_crl")
        return
    held = crl.next_update - crl.this_update
    if int(held.total_seconds()) != wanted.ttl:
        declared = spell_span(datetime.timedelta(seconds=wanted.ttl))
        reason = f"the revocation list is made for {spell_span(held)}, declared {declared}"
        yield Finding(Change("crl_ttl", spell_span(held), declared, reason), "write_crl")
    found = verdict(now, crl.this_update, crl.next_update, wanted.window)
    if found.due or ahead([crl.this_update], now):
        reason = f"the revocation list {found.reason}"
        yield Finding(Change("crl.next_update", iso(crl.next_update), "renewed", reason), "write_crl")


def resolve_parents(authorities: t.Iterable[LocalAuthority]) -> None:
    """Tell each authority of a run which other one is above it; refuses a wrong order."""
    directories = Directories()
    known: dict[Lasting, LocalAuthority] = {}
    awaited: dict[Lasting, LocalAuthority] = {}
    for authority in authorities:
        directory = directories.lasting(authority.placing.paths.directory)
        if directory in awaited:
            raise InvalidInput(
                f"{authority.name} comes after {awaited[directory].name}, which it signs",
                field="parent",
                remedy="Declare the parent first.",
            )
        known[directory] = authority
        if authority.wanted is not None and authority.wanted.parent is not None:
            above = directories.lasting(authority.wanted.parent.paths.directory)
            authority.above = known.get(above)
            awaited[above] = authority
