# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets of podman: made, replaced and removed, and compared without ever being read back.

A label holds a keyed digest of the value (see :mod:`.digest`). Values reach podman on its standard input, never on its
command line.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .._core.errors import InvalidInput, TrustmeshError, certain
from .._core.foreign import parse_value
from .._core.kinds import PUBLIC_TEXTS, TEXT, Kind
from .._core.plan import Action, Plan, Step
from .._core.programs import ProgramFailure, environment, run
from .._core.redact import Secret
from .._core.resource import StateResource
from .._core.spec import STATE, Options
from .._core.state import Field, State, managed
from .digest import DigestKey
from .values import VALUE_OPTIONS, Fetch, resolve

LABEL: t.Final = "security.trustmesh.digest"
_NAME: t.Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
_LARGEST: t.Final = 512_000
_MOST_SECONDS: t.Final = 60
#: So many names of the greatest length are well below what a command line may hold.
_MOST_NAMED: t.Final = 2000
_INSTALL: t.Final = "Install podman 4.3 or newer, or correct the name."
#: Where podman of this user keeps its secrets, and how it reaches them.
_SETTINGS: t.Final = (
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINER_CONNECTION",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "DBUS_SESSION_BUS_ADDRESS",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
)
#: Stand for digests: while there is no key nothing can be compared, and what others made has none.
_UNKNOWN, _FOREIGN = "?", "-"

ITEM_OPTIONS: t.Final[Options] = {
    "name": {"type": "str", "required": True},
    **STATE,
    **VALUE_OPTIONS,
    "driver": {"type": "str", "default": "file"},
    "labels": {"type": "dict", "no_log": False},
}


class ContainerFailure(TrustmeshError):
    """The container engine did not do what it was asked."""


class Podman:
    """The few verbs that secrets need. One listing serves all secrets."""

    def __init__(self, executable: str) -> None:
        self._executable = executable

    def secrets(self) -> dict[str, dict[str, t.Any]]:
        """Return every secret by name, without its value."""
        names = self._run(["ls", "--noheading", "--format", "{{.Name}}"]).split()
        found: dict[str, dict[str, t.Any]] = {}
        for at in range(0, len(names), _MOST_NAMED):
            found.update(_described(self._run(["inspect", "--", *names[at : at + _MOST_NAMED]])))
        return found

    def can_replace(self) -> bool:
        """Tell whether a secret can be replaced in one go; podman learnt that after 4.3."""
        return "--replace" in self._run(["create", "--help"])

    def create(self, name: str, value: Secret, driver: str, labels: Mapping[str, str], *, replace: bool) -> None:
        """Make a secret, in the place of another when ``replace``."""
        marked = [argument for key, text in sorted(labels.items()) for argument in ("--label", f"{key}={text}")]
        in_place = ["--replace"] if replace and self.can_replace() else []
        if replace and not in_place:
            self.remove(name)
        self._run(["create", *in_place, "--driver", driver, *marked, "--", name, "-"], value.reveal())

    def remove(self, name: str) -> None:
        """Remove a secret."""
        self._run(["rm", "--", name])

    def _run(self, arguments: Sequence[str], given: str = "") -> str:
        argv = [self._executable, "secret", *arguments]
        try:
            done = run(argv, environment(*_SETTINGS), _MOST_SECONDS, given=given.encode("utf-8"), remedy=_INSTALL)
        except ProgramFailure as failure:
            raise failure.within("executable") from None
        if done.status != 0:
            raise ContainerFailure(f"podman secret {arguments[0]}: {done.complaint}")
        return done.output.decode("utf-8", "replace")


_DIGEST: t.Final = Kind(lambda value: None if value is None else Secret(str(value)))


@dataclass(frozen=True)
class ContainerSecretState(State):
    """One secret: everything about it is fixed when it is made."""

    driver: Field[str] = managed(TEXT, replace=True)
    labels: Field[Mapping[str, str]] = managed(PUBLIC_TEXTS, replace=True, partial=True)
    #: Keyed digest of the value; a secret in diffs, since it need not be shown either.
    value: Field[Secret] = managed(_DIGEST, replace=True)


def _described(text: str) -> dict[str, dict[str, t.Any]]:
    """Return the secrets that ``podman secret inspect`` tells of, each with the fields that are relied on."""
    found = {}
    try:
        for entry in parse_value(text):
            spec = entry["Spec"]
            labels = spec.get("Labels") or {}
            if not all(isinstance(label, str) for label in (spec["Driver"]["Name"], *labels, *labels.values())):
                raise TypeError
            found[str(spec["Name"])] = spec
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ContainerFailure(
            "podman secret inspect: its answer is not a list of secrets", field="executable", remedy=_INSTALL
        ) from None
    return found


class Engine:
    """What the secrets of one call share: the engine's listing, asked once per phase, and the key of the digests."""

    def __init__(self, podman: Podman, key: DigestKey) -> None:
        self.podman = podman
        self.key = key
        self._listing: t.Optional[dict[str, dict[str, t.Any]]] = None

    def held(self, name: str) -> t.Optional[dict[str, t.Any]]:
        """Return what the engine says of a secret."""
        if self._listing is None:
            self._listing = self.podman.secrets()
        return self._listing.get(name)

    def forget(self) -> None:
        """Ask again the next time."""
        self._listing = None


class ContainerSecret(StateResource[ContainerSecretState]):
    """One secret of the engine."""

    kind = "container_secret"
    noun = "secret"

    def __init__(self, engine: Engine, name: str, desired: ContainerSecretState | None, value: Secret | None) -> None:
        super().__init__(name, desired)
        self._engine = engine
        self._value = value

    @classmethod
    def declared(cls, engine: Engine, fetch: Fetch, item: Mapping[str, t.Any]) -> ContainerSecret:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        if not _NAME.fullmatch(item["name"]):
            raise InvalidInput(
                f"{item['name']!r} is not a name of a secret", field="name", remedy="Use letters, digits, _ . and -."
            )
        if item["state"] == "absent":
            return cls(engine, item["name"], None, None)
        if LABEL in (item["labels"] or {}):
            raise InvalidInput(f"{LABEL} belongs to this module", field="labels")
        value = resolve(item, fetch)
        if not 0 < len(value.reveal().encode("utf-8")) <= _LARGEST:
            raise InvalidInput(f"has to be between 1 and {_LARGEST} bytes long", field="value")
        digest = engine.key.of(item["name"], value)
        labels = {} if item["labels"] is None else {"labels": item["labels"]}
        state = ContainerSecretState.declared({"driver": item["driver"], "value": digest or _UNKNOWN, **labels})
        return cls(engine, item["name"], state, value)

    def read(self) -> ContainerSecretState | None:
        held = self._engine.held(self.name)
        if held is None:
            return None
        labels = dict(held.get("Labels") or {})
        digest = labels.pop(LABEL, None)
        return ContainerSecretState.observed(
            {"driver": held["Driver"]["Name"], "labels": labels, "value": digest or _FOREIGN}
        )

    def plan(self, current: ContainerSecretState | None, now: datetime.datetime) -> Plan:
        if self.desired is not None and self._value is not None:
            # The key may have been made since this was declared.
            digest = self._engine.key.of(self.name, self._value)
            self.desired = replace(self.desired, value=Secret(digest or _UNKNOWN))
        return super().plan(current, now)

    def steps(self, plan: Plan, current: ContainerSecretState | None) -> t.Iterable[Step]:
        if self.desired is None:
            yield Step("remove", self.name)
        else:
            labels = {**_labels(current), **_labels(self.desired)}
            yield Step("replace" if plan.action is Action.REPLACE else "create", self.name, labels)

    def apply(self, plan: Plan) -> None:
        engine = self._engine
        engine.forget()
        for step in plan.steps:
            if self.desired is None or self._value is None:
                engine.podman.remove(self.name)
                continue
            engine.key.ensure()
            labels = {**step.body, LABEL: certain(engine.key.of(self.name, self._value))}
            driver, again = str(self.desired.driver), step.verb == "replace"
            engine.podman.create(self.name, self._value, driver, labels, replace=again)

    def describe(self, current: ContainerSecretState | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        return {"name": self.name, "driver": current.driver, "labels": dict(_labels(current))}


def _labels(state: ContainerSecretState | None) -> Mapping[str, str]:
    return state.labels if state is not None and isinstance(state.labels, Mapping) else {}
