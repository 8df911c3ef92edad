# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Credentials of systemd services (systemd.exec(5), LoadCredential=; systemd-creds(1)).

Per service there is a directory with a file per credential and a drop-in that names them. systemd hands them to the
service in memory that no other user can read. Where systemd-creds is at hand, the files are encrypted for this host;
they differ in every byte each time, so that what they hold is compared after decrypting.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.errors import InvalidInput, TrustmeshError, certain
from .._core.files import Attributes, FileTransaction, entries, read_file, status
from .._core.kinds import MAPPING, TEXT, Kind
from .._core.plan import Action, Plan, Step
from .._core.programs import environment, find, run
from .._core.redact import Secret
from .._core.resource import StateResource
from .._core.spec import STATE, Options
from .._core.state import Field, State, managed
from .values import NAMED_VALUES, Fetch, resolve

_SHARED: t.Final[Options] = {
    "directory": {"type": "path", "default": "/etc/trustmesh/credentials"},
    "unit_directory": {"type": "path", "default": "/etc/systemd/system"},
    "encrypt": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "with_key": {"type": "str", "choices": ["auto", "host", "tpm2", "host+tpm2"], "default": "auto", "no_log": False},
}
ITEM_OPTIONS: t.Final[Options] = {
    "service": {"type": "str", "required": True},
    **STATE,
    "credentials": NAMED_VALUES,
    **_SHARED,
}
SHARED: t.Final = tuple(_SHARED)

_DROP_IN: t.Final = "60-trustmesh-credentials.conf"
_NAME: t.Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_UNIT: t.Final = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(?:service|socket|mount|swap)")
#: What systemd hands to one service at most, in octets: all values, with their names.
_LARGEST: t.Final = 1 << 20
#: What it opens at most is a file of 1152 KiB in base64, in which a value takes 1.35 times its size.
_LARGEST_SEALED: t.Final = 850 << 10
_MOST_SECONDS: t.Final = 60
_TOOL: t.Final = "systemd-creds"
_INSTALL: t.Final = "Install systemd 250 or newer, or set encrypt to never."
#: Stands for what cannot be decrypted here; no value is like it.
_UNREADABLE: t.Final = Secret("\0")


class CredentialFailure(TrustmeshError):
    """systemd-creds did not do what it was asked."""


class Sealer:
    """Encrypts and decrypts for this host, by standard input and output."""

    def available(self) -> bool:
        """Tell whether systemd-creds is installed."""
        return find(_TOOL, environment()) is not None

    def seal(self, name: str, value: Secret, with_key: str) -> bytes:
        """Return a value as systemd decrypts it for the credential of this name only."""
        return self._run("encrypt", f"--name={name}", f"--with-key={with_key}", "-", "-", given=value.reveal().encode())

    def open(self, name: str, content: bytes) -> Secret:
        """Return what a sealed file holds; something unlike any value when it was not made for this host and name."""
        try:
            return Secret(self._run("decrypt", f"--name={name}", "-", "-", given=content).decode("utf-8", "replace"))
        except CredentialFailure:
            return _UNREADABLE

    def _run(self, *arguments: str, given: bytes) -> bytes:
        done = run([_TOOL, *arguments], environment(), _MOST_SECONDS, given=given, remedy=_INSTALL)
        if done.status != 0:
            raise CredentialFailure(f"{_TOOL} {arguments[0]}: {done.complaint}")
        return done.output


@dataclass(frozen=True)
class Place:
    """Where the credentials of one service are."""

    directory: str
    drop_in: str
    encrypted: bool
    with_key: str

    def file(self, name: str) -> str:
        """Return the file of a credential."""
        return os.path.join(self.directory, f"{name}.cred" if self.encrypted else name)

    def text(self, names: t.Iterable[str]) -> str:
        """Return the drop-in that loads credentials; systemd takes a percent sign in a path for the start of a name."""
        setting = "LoadCredentialEncrypted" if self.encrypted else "LoadCredential"
        lines = [f"{setting}={name}:{self.file(name).replace('%', '%%')}\n" for name in sorted(names)]
        return "# Written by trustmesh.security.systemd_credential; changes are lost.\n[Service]\n" + "".join(lines)


@dataclass(frozen=True)
class CredentialState(State):
    """The credentials of one service by name, the drop-in that loads them, and what is wrong with the files."""

    credentials: Field[Mapping[str, Secret]] = managed(Kind(dict))
    drop_in: Field[str] = managed(TEXT)
    #: Mode of each file that is there under a name of ours or another's.
    modes: Field[Mapping[str, str]] = managed(MAPPING)


class ServiceCredentials(StateResource[CredentialState]):
    """All credentials of one service; they change together."""

    kind = "systemd_credential"
    noun = "service"

    def __init__(
        self, files: FileTransaction, sealer: Sealer, service: str, place: Place, desired: CredentialState | None
    ) -> None:
        super().__init__(service, desired)
        self._files = files
        self._sealer = sealer
        self._place = place

    @classmethod
    def declared(
        cls, files: FileTransaction, sealer: Sealer, fetch: Fetch, item: Mapping[str, t.Any]
    ) -> ServiceCredentials:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        service = item["service"] if "." in item["service"] else f"{item['service']}.service"
        if not _UNIT.fullmatch(service):
            raise InvalidInput(f"{item['service']!r} is not a unit that takes credentials", field="service")
        place = Place(
            os.path.join(os.path.abspath(item["directory"]), service),
            os.path.join(os.path.abspath(item["unit_directory"]), f"{service}.d", _DROP_IN),
            item["encrypt"] == "always" or (item["encrypt"] == "auto" and sealer.available()),
            item["with_key"],
        )
        if item["state"] == "absent":
            return cls(files, sealer, service, place, None)
        values: dict[str, Secret] = {}
        for at, entry in enumerate(item["credentials"]):
            try:
                values.update(_credential(entry, values, fetch))
            except InvalidInput as error:
                raise error.within(f"credentials[{at}] ({entry['name']})") from None
        if not values:
            raise InvalidInput("is empty", field="credentials", remedy="Declare some, or the state absent.")
        _refuse_too_much(values, place.encrypted)
        modes = {os.path.basename(place.file(name)): "0600" for name in values}
        return cls(
            files, sealer, service, place, CredentialState(dict(sorted(values.items())), place.text(values), modes)
        )

    @property
    def lock_directory(self) -> str:
        return os.path.dirname(self._place.directory)

    @property
    def makes_lock_directory(self) -> bool:
        return self.desired is not None

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        # All that is in the directory is this service's.
        return (("directory", os.path.join(self._place.directory, ".")), ("unit_directory", self._place.drop_in))

    def read(self) -> CredentialState | None:
        place = self._place
        drop_in = read_file(place.drop_in)
        held = self._held()
        if drop_in is None and not held:
            return None
        values = {name: self._value(name) for name in self._wanted() if os.path.basename(place.file(name)) in held}
        return CredentialState(values, (drop_in or b"").decode("utf-8", "replace"), held)

    def _wanted(self) -> t.Iterable[str]:
        values = self.desired.credentials if self.desired is not None else {}
        return values if isinstance(values, Mapping) else ()

    def _held(self) -> dict[str, str]:
        """Return the files of the service's directory with their modes."""
        names = entries(self._place.directory) or []
        found = {name: status(os.path.join(self._place.directory, name)) for name in names}
        return {name: f"{stat.S_IMODE(it.st_mode):04o}" for name, it in found.items() if it is not None}

    def _value(self, name: str) -> Secret:
        content = certain(read_file(self._place.file(name)))
        if self._place.encrypted:
            return self._sealer.open(name, content)
        return Secret(content.decode("utf-8", "replace"))

    def steps(self, plan: Plan, current: CredentialState | None) -> t.Iterable[Step]:
        if plan.action is Action.DELETE:
            yield Step("remove", self._place.drop_in)
            yield Step("remove", self._place.directory)
            return
        desired = certain(self.desired)
        values = desired.credentials if isinstance(desired.credentials, Mapping) else {}
        held = current.credentials if current is not None and isinstance(current.credentials, Mapping) else {}
        modes = current.modes if current is not None and isinstance(current.modes, Mapping) else {}
        wanted = {os.path.basename(self._place.file(name)): name for name in values}
        for file, name in wanted.items():
            if held.get(name) != values[name] or modes.get(file) != "0600":
                yield Step("put", self._place.file(name), name)
        if "drop_in" in plan.changed_fields:
            yield Step("load", self._place.drop_in, desired.drop_in)
        for file in modes:
            if file not in wanted:
                yield Step("remove", os.path.join(self._place.directory, file))

    def apply(self, plan: Plan) -> None:
        with self._files.group(self.identity) as group:
            for step in plan.steps:
                if step.verb == "put":
                    group.directory(os.path.dirname(step.target), Attributes(mode=0o700))
                    group.put(step.target, self._content(step.body), Attributes())
                elif step.verb == "load":
                    group.directory(os.path.dirname(step.target), Attributes(mode=0o755))
                    group.put(step.target, str(step.body).encode("utf-8"), Attributes(mode=0o644))
                else:
                    group.remove(step.target)

    def _content(self, name: str) -> bytes:
        values = certain(self.desired).credentials
        value = values[name] if isinstance(values, Mapping) else Secret("")
        return (
            self._sealer.seal(name, value, self._place.with_key) if self._place.encrypted else value.reveal().encode()
        )

    def describe(self, current: CredentialState | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        values = current.credentials if isinstance(current.credentials, Mapping) else {}
        return {
            "name": self.name,
            "credentials": sorted(values),
            "encrypted": self._place.encrypted,
            "drop_in": self._place.drop_in,
            "directory": self._place.directory,
        }


def _credential(item: Mapping[str, t.Any], taken: Mapping[str, Secret], fetch: Fetch) -> dict[str, Secret]:
    if not _NAME.fullmatch(item["name"]):
        raise InvalidInput("is not a name of a credential", field="name", remedy="Use letters, digits, _ . and -.")
    if item["name"] in taken:
        raise InvalidInput("is declared twice", field="name", remedy="Keep one of them.")
    return {item["name"]: resolve(item, fetch)}


def _refuse_too_much(values: Mapping[str, Secret], encrypted: bool) -> None:
    """Refuse what systemd would not hand over, so that the service would not start."""
    sizes = {name: len(name) + len(value.reveal().encode("utf-8")) for name, value in values.items()}
    for name, size in sizes.items():
        if encrypted and size > _LARGEST_SEALED:
            raise InvalidInput(
                f"{name} is larger than 850 KiB, the most that systemd opens of an encrypted one",
                field="credentials",
                remedy="Make it smaller, or set encrypt to never.",
            )
    if sum(sizes.values()) > _LARGEST:
        raise InvalidInput(
            "are larger than 1 MiB together, the most that systemd hands to one service",
            field="credentials",
            remedy="Hand large values over as files.",
        )
