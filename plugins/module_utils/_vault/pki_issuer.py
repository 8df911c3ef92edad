# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Issuers of the PKI engine: what all of them have in common, however they come into being.

An issuer is known by its name. One that has none (an import never gets one, and a run may have ended before the naming)
is recognised by what it is, and named. A key waits under its own name, so that a run that ended between making the key
and installing the certificate is continued rather than begun again.
"""

from __future__ import annotations

import abc
import datetime
import typing as t
from dataclasses import dataclass, replace

from .._core.errors import InvalidInput, PolicyRefusal, certain
from .._core.files import FileTransaction
from .._core.plan import NO_PLAN, UNWANTED, Action, Change, Plan, Step, plan_state
from .._core.resource import Resource
from .._pki.certificate import CertificateFacts, iso
from .._pki.chain import is_self_signed
from .answer import Fields
from .errors import NoIssuer, NoMount
from .pki_issuer_deeds import Deeds
from .pki_issuer_state import SETTINGS, Held, IssuerState
from .pki_mount import PkiMount
from .pki_parent import Parent

_SHOWN_USERS: t.Final = 5
#: The share of its life from which on an issuer's end is worth a warning.
_LAST_TENTH: t.Final = 10


@dataclass(frozen=True)
class Key:
    """A key in the engine; its private half never leaves it."""

    id: str
    type: str
    #: SHA-1 of the public key in hex (RFC 5280, 4.2.1.2), empty where the server does not tell.
    subject_key_id: str


@dataclass(frozen=True)
class IssuerView:
    """Everything that planning needs to know about an issuer and what surrounds it."""

    held: Held | None = None
    state: IssuerState | None = None
    #: The key that goes by the declared key name.
    key: Key | None = None
    parent: Parent | None = None
    #: Of an issuer to be deleted: the roles that issue with it, and whether another issuer has its key.
    users: tuple[str, ...] = ()
    key_is_shared: bool = False
    #: A certificate request in a file that fits the waiting key.
    request: str = ""


@dataclass(frozen=True)
class Declaration:
    """What is declared about an issuer beside its state."""

    name: str
    key_name: str
    wanted: IssuerState | None
    on_mismatch: str = "fail"
    force: bool = False
    delete_key: bool = False
    no_default: bool = False

    @property
    def state(self) -> IssuerState:
        """The declared state of an issuer that is to be present."""
        return certain(self.wanted)


class PkiIssuer(Resource[IssuerView]):
    """One issuer of one engine."""

    kind = "vault_pki_issuer"
    noun = "issuer"
    #: Whether the request that makes the issuer gives it its name.
    named_when_made: t.ClassVar[bool] = False

    def __init__(self, mount: PkiMount, declaration: Declaration, files: FileTransaction) -> None:
        super().__init__(mount.named(declaration.name), None)
        self.mount = mount
        self.vault = mount.vault
        self.declaration = declaration
        self.files = files

    # -- what a kind of issuer adds ------------------------------------------------------------------------------------

    @property
    def authority(self) -> PkiMount:
        """The engine that signs."""
        return self.mount

    def parent(self) -> Parent | None:
        """Return the issuer that signs, if it is another one and exists."""
        return None

    def signer(self, facts: CertificateFacts, parent: Parent | None) -> str:
        """Say who signed a certificate, in the words of the declaration where that is true."""
        return facts.issuer_dn

    @abc.abstractmethod
    def recognises(self, held: Held) -> bool:
        """Tell whether a nameless issuer is the declared one."""

    @abc.abstractmethod
    def check(self, view: IssuerView, now: datetime.datetime) -> None:
        """Refuse to make an issuer that cannot be what is declared."""

    @abc.abstractmethod
    def making(self, view: IssuerView, now: datetime.datetime, retiring: t.Sequence[Step]) -> t.Iterable[Step]:
        """Return the deeds that make the issuer; ``retiring`` has to happen before the new one takes the name."""

    # -- read ----------------------------------------------------------------------------------------------------------

    def read(self) -> IssuerView:
        parent = self.parent()
        try:
            data = self._find()
            if data is None:
                return IssuerView(parent=parent, key=self._key())
            return self._view(data, parent)
        except NoMount as error:
            # A first check run comes before the mount; if nothing makes it, making the issuer fails with that error.
            self.vault.miss(self.identity, self.mount.at("issuer"), error)
            return IssuerView(parent=parent)

    def _find(self) -> Fields | None:
        try:
            return self.vault.read(self.mount.at("issuer", self.declaration.name))
        except NoIssuer:
            return self._nameless() if self.declaration.wanted else None

    def _nameless(self) -> Fields | None:
        found = []
        for issuer_id, info in self.vault.catalog(self.mount.at("issuers")).items():
            data = None if info.text_or("issuer_name") else self.vault.read(self.mount.at("issuer", issuer_id))
            if data and self.recognises(Held.of(data)):
                found.append(data)
        if len(found) > 1:
            raise InvalidInput(
                f"{len(found)} nameless issuers fit: {', '.join(entry.text('issuer_id') for entry in found)}",
                field="name",
                remedy=f"Give the right one the name {self.declaration.name} (issuer_name), or delete the others.",
            )
        return found[0] if found else None

    def _view(self, data: Fields, parent: Parent | None) -> IssuerView:
        wanted = self.declaration.wanted
        configured = self.vault.read_or_nothing(self.mount.at("config", "issuers"))
        held = Held.of(
            data,
            default=configured.get("default") == data.text("issuer_id"),
            fleeting=bool(configured.get("default_follows_latest_issuer")),
        )
        issuers = self.vault.catalog(self.mount.at("issuers")) if data.texts("manual_chain") or wanted is None else {}
        names = {issuer_id: info.text_or("issuer_name") for issuer_id, info in issuers.items()}
        state = held.state(wanted, self.signer(held.facts, parent), names)
        if wanted is None:
            others = [info for issuer_id, info in issuers.items() if issuer_id != held.issuer_id]
            shared = any(info.get("key_id") == held.key_id for info in others)
            return IssuerView(held, state, users=tuple(self._users(held)), key_is_shared=shared)
        key = self._key() if plan_state(state, wanted).action is Action.REPLACE else None
        return IssuerView(held, state, key, parent)

    def _key(self) -> Key | None:
        for key_id, info in self.vault.catalog(self.mount.at("keys")).items():
            if info.get("key_name") == self.declaration.key_name:
                data = self.vault.read_or_nothing(self.mount.at("key", key_id))
                digest = data.text_or("subject_key_id").replace(":", "").lower()
                return Key(key_id, data.text_or("key_type"), digest)
        return None

    def _users(self, held: Held) -> t.Iterator[str]:
        references = {self.declaration.name, held.issuer_id, *(["default"] if held.default else [])}
        for name in self.vault.list(self.mount.at("roles")):
            role = self.vault.read_or_nothing(self.mount.at("roles", name))
            if (role.text_or("issuer_ref") or "default") in references:
                yield name

    # -- plan ----------------------------------------------------------------------------------------------------------

    def plan(self, current: IssuerView | None, now: datetime.datetime) -> Plan:
        view = current or IssuerView()
        if self.declaration.wanted is None:
            return self._removal(view)
        plan = plan_state(view.state, self.declaration.state)
        if plan.action is Action.REPLACE and self.declaration.on_mismatch == "fail":
            raise PolicyRefusal(
                f"cannot be changed in place: {'; '.join(plan.reasons)}",
                field="on_mismatch",
                remedy="Correct the declaration, or set on_mismatch to replace. A new CA then takes the name, and the "
                "present one is kept under another.",
            )
        if plan.action in (Action.CREATE, Action.REPLACE) or "has_key" in plan.changed_fields:
            self.check(view, now)
        steps = self._steps(plan, view, now) if plan else ()
        return replace(plan, steps=tuple(steps), warnings=tuple(self._warnings(view, now)))

    def _steps(self, plan: Plan, view: IssuerView, now: datetime.datetime) -> t.Iterator[Step]:
        anew = plan.action in (Action.CREATE, Action.REPLACE)
        issuer_id = view.held.issuer_id if view.held and not anew else ""
        if anew:
            yield from self.making(view, now, list(self._retiring(view)))
        elif "has_key" in plan.changed_fields:
            yield from self.making(view, now, ())
        settings = set(SETTINGS) if anew else set(plan.changed_fields) & set(SETTINGS)
        if anew and self.named_when_made:
            settings.discard("issuer_name")
        body = self.declaration.state.wire(only=settings)
        if body:
            yield Step("adjust", issuer_id, body)
        # A default stays one when it is replaced: roles that say "default" mean the CA and not its first version.
        if "default" in plan.changed_fields or (anew and view.held and view.held.default):
            yield Step("make_default", issuer_id)

    def _retiring(self, view: IssuerView) -> t.Iterator[Step]:
        """Yield the deed that takes the name from what is replaced."""
        if view.held:
            yield Step("rename_issuer", view.held.issuer_id, f"{self.declaration.name}-{_mark(view.held)}")

    def _warnings(self, view: IssuerView, now: datetime.datetime) -> t.Iterator[str]:
        held = view.held
        if held is None:
            return
        facts = held.facts
        if now >= facts.not_after:
            yield f"{self.name} expired at {iso(facts.not_after)}; nothing it issued is valid any more"
        elif (facts.not_after - now) * _LAST_TENTH < facts.not_after - facts.not_before:
            yield f"{self.name} is in the last tenth of its life, it ends at {iso(facts.not_after)}"
        if held.default and self.declaration.no_default:
            yield f"{self.name} is the default of its engine until another issuer is declared with default: true"
        if view.parent and not is_self_signed(held.chain[-1]):
            yield f"the chain of {self.name} ends before a root; set manual_chain, or import what is missing"

    def _removal(self, view: IssuerView) -> Plan:
        plan = plan_state(view.state, None)
        if view.held is None:
            if not (self.declaration.delete_key and view.key):
                return NO_PLAN
            change = Change("key_name", self.declaration.key_name, None, f"key {UNWANTED}")
            return Plan(Action.DELETE, (change,), (Step("delete", self.mount.at("key", view.key.id)),))
        if view.users and not self.declaration.force:
            more = f" and {len(view.users) - _SHOWN_USERS} more" if len(view.users) > _SHOWN_USERS else ""
            raise PolicyRefusal(
                f"roles issue with it: {', '.join(view.users[:_SHOWN_USERS])}{more}",
                field="force",
                remedy="Point them at another issuer (issuer_ref), or set force to true and let them fail.",
            )
        steps = [Step("delete", self.mount.at("issuer", view.held.issuer_id))]
        if self.declaration.delete_key and view.held.key_id and not view.key_is_shared:
            steps.append(Step("delete", self.mount.at("key", view.held.key_id)))
        warnings = [f"{self.mount.path} has no default issuer after {self.name} is gone"] if view.held.default else []
        return replace(plan, steps=tuple(steps), warnings=tuple(warnings))

    # -- apply ---------------------------------------------------------------------------------------------------------

    def apply(self, plan: Plan) -> None:
        Deeds(self.mount, self.authority, self.files, self.identity).carry_out(plan.steps)

    def describe(self, current: IssuerView | None) -> dict[str, t.Any]:
        if current is None or current.held is None or current.state is None:
            return {}
        return current.held.shown(current.state)


def _mark(held: Held) -> str:
    """Return what tells an issuer apart from those that had its name before."""
    return held.facts.fingerprint_sha256[:8]


def waiting(view: IssuerView) -> Key | None:
    """Return a key that was made for the issuer and has no certificate yet."""
    if view.key and view.held and view.key.id == view.held.key_id:
        return None
    return view.key


def key_retiring(view: IssuerView, key_name: str) -> t.Iterator[Step]:
    """Yield the deed that takes the key name from the key of what is replaced."""
    if view.key and view.held and view.key.id == view.held.key_id:
        yield Step("rename_key", view.key.id, f"{key_name}-{_mark(view.held)}")
