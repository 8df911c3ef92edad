# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Revocations (``<mount>/revoke``): certificates that must not be trusted any more, declared once and for all."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, replace

from .._core.clock import system_clock
from .._core.deps import CRYPTOGRAPHY
from .._core.errors import InvalidInput
from .._core.files import read_file
from .._core.kinds import BOOLEAN, INTEGER
from .._core.plan import NO_PLAN, Plan, Step
from .._core.reconcile import Batch
from .._core.sections import Each, Section
from .._core.state import Field, State, managed
from .._pki.certificate import certificate_pem, iso, parse_certificates, serial_number, serial_text, validity
from .answer import Fields
from .errors import NoMount
from .pki_mount import MOUNT_OPTION, PkiMount, PkiMounts, PkiResource
from .port import Vault
from .resource import vault_batch

#: Only OpenBao has it.
_ENDED_TOO: t.Final = "allow_expired_cert_revocation"


@dataclass(frozen=True)
class RevocationState(State):
    """Whether a certificate is revoked and since when, in seconds of Unix time; the first time stays."""

    revoked: Field[bool] = managed(BOOLEAN)
    revocation_time: Field[int] = managed(INTEGER, server_default=0)
    #: Whether the engine has the certificate, so that its number is enough.
    stored: bool = False
    #: When it ended, of a certificate that the server revokes no more for that reason.
    ended: str = ""
    #: Whether the mount makes its revocation lists by time, and not at each revocation.
    listed_later: bool = False


@dataclass(frozen=True)
class Target:
    """The certificate to revoke: its serial number, itself where that is known, and the file it was looked for in.

    Without a serial number, the file does not exist, as before the first run that makes it.
    """

    serial: str
    pem: str = ""
    file: str = ""

    @classmethod
    def declared(cls, item: t.Mapping[str, t.Any]) -> Target:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        if item["serial"] is not None:
            try:
                return cls(serial_text(serial_number(item["serial"])))
            except ValueError as error:
                raise InvalidInput(str(error), field="serial") from None
        if item["certificate"] is not None:
            return cls._of("certificate", item["certificate"].encode())
        path = item["certificate_file"]
        content = read_file(path)
        return cls("", file=path) if content is None else cls._of("certificate_file", content, path)

    @classmethod
    def _of(cls, field: str, data: bytes, path: str = "") -> Target:
        try:
            leaf = parse_certificates(data)[0]
        except InvalidInput as error:
            raise error.within(field) from None
        return cls(serial_text(leaf.serial_number), certificate_pem(leaf), path)


class Revocation(PkiResource[RevocationState]):
    """The revocation of one certificate. There is no way back, so there is no absence to declare."""

    kind = "vault_pki_revocation"
    noun = "revocation"

    def __init__(self, mount: PkiMount, target: Target) -> None:
        super().__init__(mount, target.serial, RevocationState(revoked=True))
        if not target.serial:
            self.name = target.file
        self._target = target
        self._sent = False

    @classmethod
    def declared(cls, mount: PkiMount, item: t.Mapping[str, t.Any]) -> Revocation:
        """Build from an item of the module."""
        return cls(mount, Target.declared(item))

    def read(self) -> RevocationState | None:
        if not self._target.serial:
            self.vault.warn(f"{self.identity} does not exist")
            return RevocationState(revoked=False)
        try:
            held = self.vault.read(self.mount.at("cert", self._target.serial))
        except NoMount as error:
            # A first check run comes before the mount; if nothing makes it, revoking fails with that error.
            self.vault.miss(self.identity, self.mount.at("cert"), error)
            return RevocationState(revoked=False, stored=True)
        pem = self._target.pem if held is None else held.text("certificate")
        if held is not None and held.seconds("revocation_time"):
            return RevocationState.observed(held, revoked=True, stored=True)
        rules = self.mount.revocation_rules()
        return RevocationState.observed(
            held or {},
            revoked=False,
            stored=held is not None,
            ended=self._beyond_revoking(pem, rules) if pem else "",
            listed_later=_says(rules, "auto_rebuild"),
        )

    @property
    def _rules_at(self) -> str:
        return self.mount.at("config/crl")

    def _beyond_revoking(self, pem: str, rules: Fields) -> str:
        """Return when a certificate ended, by the server's clock, if the server therefore leaves it as it is.

        Where its rules cannot be read, the server is asked first.
        """
        end = validity(parse_certificates(pem.encode())[0])[1]
        over = end < system_clock() + datetime.timedelta(seconds=self.vault.clock_lead or 0)
        return iso(end) if over and (self._sent or (rules and not _says(rules, _ENDED_TOO))) else ""

    def refine(self, plan: Plan, current: RevocationState | None) -> Plan:
        if self._target.serial and not self._target.pem and not (current and current.stored):
            raise InvalidInput(
                f"{self.mount.path} stores no certificate with this number",
                field="serial",
                remedy="Check number and mount. What a role with no_store issued is revoked by certificate_file.",
            )
        if not plan or current is None:
            return plan
        if current.ended:
            problem = f"ended at {current.ended}; nothing accepts it, and the server does not revoke it any more"
            if self._sent:
                raise InvalidInput(problem, remedy=f"Take it from the list, or let the token read {self._rules_at}.")
            return replace(NO_PLAN, warnings=(f"{self.identity} {problem}. Take it from the list.",))
        if current.listed_later:
            later = (
                f"the revocation list of {self.mount.path} shows revocations from its next rebuild on (auto_rebuild)"
            )
            return replace(plan, warnings=(f"{later}. To have them in it now, read {self.mount.at('crl/rotate')}.",))
        return plan

    def steps(self, plan: Plan, current: RevocationState | None) -> t.Iterable[Step]:
        # What is stored is revoked by number, because the server then needs no proof that it issued the certificate.
        by_number = current is not None and current.stored
        body = {"serial_number": self._target.serial} if by_number else {"certificate": self._target.pem}
        yield Step("write", self.mount.at("revoke"), body)

    def apply(self, plan: Plan) -> None:
        if not self._target.serial:
            raise InvalidInput(
                f"{self._target.file} does not exist on this host",
                field="certificate_file",
                remedy="Correct the path, or make the certificate first.",
            )
        self._sent = True
        super().apply(plan)

    def describe(self, current: RevocationState | None) -> dict[str, t.Any]:
        since = current.revocation_time if current else 0
        instant = datetime.datetime.fromtimestamp(since, tz=datetime.timezone.utc) if isinstance(since, int) else None
        return {
            "serial": self._target.serial,
            "revoked": bool(since),
            "revoked_at": iso(instant) if since and instant else None,
        }


def _says(rules: Fields, name: str) -> bool:
    """Return a rule that not every product has."""
    return rules.get(name) is not None and rules.flag(name)


def _gather(vault: Vault, each: Each) -> Batch:
    mounts = PkiMounts(vault)
    return vault_batch(vault, each(lambda item: Revocation.declared(mounts.at(item["mount"]), item)))


_WAYS: t.Final = ("serial", "certificate", "certificate_file")
REVOCATIONS: t.Final = Section(
    "revocations",
    {
        **MOUNT_OPTION,
        "serial": {"type": "str"},
        "certificate": {"type": "str"},
        "certificate_file": {"type": "path"},
    },
    _gather,
    key="serial",
    shared=("mount",),
    constraints={"required_one_of": [_WAYS], "mutually_exclusive": [_WAYS]},
    requires=(CRYPTOGRAPHY,),
)
