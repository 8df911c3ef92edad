# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""How issuers come into being: a root signs itself, an intermediate is signed here or elsewhere, a CA is imported."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import replace

from .._core.address import at
from .._core.errors import InvalidInput
from .._core.files import FileTransaction, read_file
from .._core.plan import ABSENT, Action, Change, Plan, Step, plan_state
from .._core.redact import Secret
from .._pki.certificate import CertificateFacts, certificate_pem, parse_certificates
from .._pki.chain import is_self_signed
from .._pki.errors import PkiError
from .._pki.keys import load_private_key, spki_sha256
from .._pki.names import Subject
from .._pki.request import load_request
from .._pki.signature import is_signed_by
from .errors import NoIssuer, NoMount
from .pki_issuer import Declaration, IssuerView, Key, PkiIssuer, key_retiring, waiting
from .pki_issuer_state import ITSELF, KEY, MAKING, PARTICULAR_MAKING, SUBJECT, Held, IssuerState, misfits
from .pki_mount import PkiMount
from .pki_parent import Parent, child, is_granted, refuse_unfit

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

#: Signing comes after planning, and the server counts from then on.
_SIGNING_SECONDS: t.Final = 60
_MAKING: t.Final = (Action.CREATE, Action.REPLACE)


class Root(PkiIssuer):
    """A CA that signs itself, its key made inside the engine."""

    named_when_made = True

    def signer(self, facts: CertificateFacts, parent: Parent | None) -> str:
        return ITSELF if is_self_signed(facts.certificate) else facts.issuer_dn

    def recognises(self, held: Held) -> bool:
        same_name = held.facts.subject.common_name == self.declaration.state.common_name
        return bool(held.key_id) and same_name and is_self_signed(held.facts.certificate)

    def read(self) -> IssuerView:
        if self.declaration.wanted:
            particular = PARTICULAR_MAKING & self.declaration.wanted.managed_values().keys()
            self.mount.require_fields(self.mount.at("root", "generate", "internal"), particular)
            self.mount.learn()
        return super().read()

    def check(self, view: IssuerView, now: datetime.datetime) -> None:
        check_key(self.declaration, waiting(view))

    def making(self, view: IssuerView, now: datetime.datetime, retiring: t.Sequence[Step]) -> t.Iterator[Step]:
        declaration, key = self.declaration, waiting(view)
        yield from lifetime_guard(self.mount, declaration.state)
        yield from key_retiring(view, declaration.key_name)
        yield from retiring
        fields = [*SUBJECT, *MAKING, *([] if key else KEY)]
        body = {"issuer_name": declaration.name, "exclude_cn_from_sans": True, **declaration.state.wire(only=fields)}
        where, which = ("existing", {"key_ref": key.id}) if key else ("internal", {"key_name": declaration.key_name})
        yield Step("generate", self.mount.at("root", "generate", where), {**body, **which}, once=True)


class Requested(PkiIssuer):
    """A CA whose key is made inside the engine and whose certificate comes from another."""

    def recognises(self, held: Held) -> bool:
        same_name = held.facts.subject.common_name == self.declaration.state.common_name
        return bool(held.key_id) and same_name and not is_self_signed(held.facts.certificate)

    def requesting(self, key: Key | None) -> Step:
        """Return the deed that makes a request: for the waiting key where there is one, never for a second."""
        declaration = self.declaration
        body = {"exclude_cn_from_sans": True, **declaration.state.wire(only=[*SUBJECT, *([] if key else KEY)])}
        where, which = ("existing", {"key_ref": key.id}) if key else ("internal", {"key_name": declaration.key_name})
        return Step(
            "make_request", self.mount.at("intermediate", "generate", where), {**body, **which}, once=key is None
        )


class Intermediate(Requested):
    """A CA that is signed by another issuer of the same server."""

    def __init__(
        self, mount: PkiMount, declaration: Declaration, files: FileTransaction, parent_mount: PkiMount, parent: str
    ) -> None:
        super().__init__(mount, declaration, files)
        self._parent_mount = parent_mount
        self._parent_path = parent_mount.at("issuer", parent)

    @property
    def authority(self) -> PkiMount:
        return self._parent_mount

    def parent(self) -> Parent | None:
        try:
            return Parent.read(self.vault, self._parent_path)
        except (NoIssuer, NoMount):
            return None  # made earlier in the batch, or signing fails with that error

    def signer(self, facts: CertificateFacts, parent: Parent | None) -> str:
        signed = parent is not None and is_signed_by(facts.certificate, parent.certificate)
        return str(self.declaration.state.signed_by) if signed else facts.issuer_dn

    def recognises(self, held: Held) -> bool:
        return super().recognises(held) and self.signer(held.facts, self.parent()) == self.declaration.state.signed_by

    def read(self) -> IssuerView:
        particular = PARTICULAR_MAKING & self.declaration.state.managed_values().keys()
        self.authority.require_fields(at(self._parent_path, "sign-intermediate"), particular)
        self.authority.learn()
        view = super().read()
        if view.parent and plan_state(view.state, self.declaration.state).action in _MAKING:
            granted = is_granted(self.declaration.state)
            return replace(view, parent=view.parent.looked_at(self.vault, self._parent_path, granted=granted))
        return view

    def check(self, view: IssuerView, now: datetime.datetime) -> None:
        check_key(self.declaration, waiting(view))
        if view.parent:
            refuse_unfit(view.parent, self._child(now), now)

    def _child(self, now: datetime.datetime) -> dict[str, t.Any]:
        ttl = self.declaration.state.ttl
        life = ttl if isinstance(ttl, int) else self.authority.usual
        ends = now + datetime.timedelta(seconds=life + _SIGNING_SECONDS) if life else None
        return child(self.declaration.state, ends)

    def _warnings(self, view: IssuerView, now: datetime.datetime) -> t.Iterator[str]:
        yield from super()._warnings(view, now)
        wanted, room = self.declaration.state.max_path_length, view.parent.room if view.parent else None
        if view.held is None and isinstance(wanted, int) and room is not None and wanted >= room:
            yield f"max_path_length {wanted} of {self.name} has no effect: the CAs above allow {room - 1} below it"

    def making(self, view: IssuerView, now: datetime.datetime, retiring: t.Sequence[Step]) -> t.Iterator[Step]:
        yield from lifetime_guard(self.authority, self.declaration.state)
        if view.parent is None:
            yield Step("fence", self._parent_path, self._child(now))
        yield from key_retiring(view, self.declaration.key_name)
        yield self.requesting(waiting(view))
        body = {"exclude_cn_from_sans": True, **self.declaration.state.wire(only=[*SUBJECT, *MAKING])}
        yield Step("sign", at(self._parent_path, "sign-intermediate"), body, once=True)
        yield from retiring
        yield Step("install", self.mount.at("issuers", "import", "cert"))


class External(Requested):
    """A CA that is signed elsewhere: its request goes out as a file, its certificate comes back as an option."""

    def __init__(
        self, mount: PkiMount, declaration: Declaration, files: FileTransaction, csr_file: str, certificates: str
    ) -> None:
        super().__init__(mount, declaration, files)
        self._csr_file = csr_file
        self._certificates = certificates

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return () if self._certificates else (("csr_file", self._csr_file),)

    def read(self) -> IssuerView:
        view = super().read()
        if view.held or self._certificates or not view.key:
            return view
        return replace(view, request=self._fitting_request(view.key))

    def _fitting_request(self, key: Key) -> str:
        """Return the request in the file if it is one for the waiting key and the declared subject, else nothing."""
        content = read_file(self._csr_file)
        if content is None:
            return ""
        text = content.decode("ascii", "replace")
        try:
            request = load_request(text)
        except PkiError:
            return ""
        same_key = not key.subject_key_id or key.subject_key_id == _subject_key_id(request)
        options = self.declaration.state.wire()
        wanted = Subject.declared({**options, "organizational_unit": options.get("ou")})
        same_subject = _as_sets(wanted) == _as_sets(Subject.observed(request.subject))
        return text if same_key and same_subject else ""

    def check(self, view: IssuerView, now: datetime.datetime) -> None:
        if not self._certificates:
            raise InvalidInput(
                "is needed to replace a CA that is signed elsewhere",
                field="certificate",
                remedy="Correct the declaration, or declare a CA of a new name and have that one signed.",
            )
        facts = check_installable(self.declaration.state, self._certificates)
        key_id = view.key.subject_key_id if view.key else None
        if key_id is None or (key_id and key_id != _subject_key_id(facts.certificate)):
            raise InvalidInput(
                f"was not made for the key {self.declaration.key_name} of {self.mount.path}",
                field="certificate",
                remedy=f"Have the request in {self._csr_file} signed; without certificate, a run writes it.",
            )

    def plan(self, current: IssuerView | None, now: datetime.datetime) -> Plan:
        view = current or IssuerView()
        if view.held or self._certificates:
            return super().plan(current, now)
        check_key(self.declaration, view.key)
        note = f"{self.name} waits for its certificate: have {self._csr_file} signed, then declare it as certificate"
        if view.request:
            return Plan(warnings=(note,))
        changes = [Change("csr_file", None, self._csr_file, "csr_file does not hold a request for the waiting key")]
        if view.key is None:
            changes = [Change("key_name", None, self.declaration.key_name, f"the key {ABSENT}"), *changes]
        steps = (self.requesting(view.key), Step("save_request", self._csr_file))
        return Plan(Action.UPDATE if view.key else Action.CREATE, tuple(changes), steps, (note,))

    def making(self, view: IssuerView, now: datetime.datetime, retiring: t.Sequence[Step]) -> t.Iterator[Step]:
        yield from retiring
        yield Step("install", self.mount.at("issuers", "import", "cert"), (self._certificates, None))

    def describe(self, current: IssuerView | None) -> dict[str, t.Any]:
        if current and current.request:
            return {"csr": current.request}
        return super().describe(current)


class Imported(PkiIssuer):
    """A CA that was made elsewhere, with its key or, to verify and serve revocation lists only, without."""

    def __init__(
        self,
        mount: PkiMount,
        declaration: Declaration,
        files: FileTransaction,
        certificates: str,
        private_key: Secret | None,
    ) -> None:
        super().__init__(mount, declaration, files)
        self._certificates = certificates
        self._private_key = private_key

    def recognises(self, held: Held) -> bool:
        return certificate_pem(held.facts.certificate) == self.declaration.state.certificate

    def check(self, view: IssuerView, now: datetime.datetime) -> None:
        facts = check_installable(self.declaration.state, self._certificates)
        if self._private_key is None:
            return
        try:
            own = spki_sha256(load_private_key(self._private_key.reveal().encode()))
        except PkiError as error:
            raise error.within("private_key") from None
        if own != facts.spki_sha256:
            raise InvalidInput("does not belong to certificate", field="private_key", remedy="Give the right one.")

    def making(self, view: IssuerView, now: datetime.datetime, retiring: t.Sequence[Step]) -> t.Iterator[Step]:
        yield from retiring
        what = "bundle" if self._private_key else "cert"
        yield Step("install", self.mount.at("issuers", "import", what), (self._certificates, self._private_key))
        if self._private_key:
            yield Step("name_key", "", self.declaration.key_name)


def lifetime_guard(mount: PkiMount, wanted: IssuerState) -> t.Iterator[Step]:
    """Yield the deed that refuses a lifetime which the signing engine would cut, if it seems to do so."""
    if isinstance(wanted.ttl, int) and mount.too_long(wanted.ttl):
        yield Step("guard", "ttl", wanted.ttl)


def check_key(declaration: Declaration, key: Key | None) -> None:
    """Refuse a waiting key of another type than declared."""
    key_type = declaration.state.key_type
    if key and key.type and isinstance(key_type, str) and key.type != key_type:
        raise InvalidInput(
            f"a key {declaration.key_name} waits in the engine and is {key.type}, declared {key_type}",
            field="key_name",
            remedy="Declare another key_name, or delete that key if nothing needs it.",
        )


def check_installable(wanted: IssuerState, certificates: str) -> CertificateFacts:
    """Return facts of the first certificate; raises :class:`InvalidInput` when it is not the CA that is declared."""
    facts = CertificateFacts.of(parse_certificates(certificates.encode())[0])
    problems = misfits(facts, wanted)
    if not facts.is_ca:
        problems.insert(0, "it is not the certificate of a CA")
    if problems:
        raise InvalidInput("; ".join(problems), field="certificate", remedy="Give the right one, the CA's own first.")
    return facts


def _subject_key_id(holder: t.Any) -> str:
    return x509.SubjectKeyIdentifier.from_public_key(holder.public_key()).digest.hex()


def _as_sets(subject: Subject) -> dict[str, t.Any]:
    return {name: sorted(value) if isinstance(value, list) else value for name, value in subject.shown().items()}
