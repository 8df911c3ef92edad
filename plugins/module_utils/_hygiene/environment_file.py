# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""An environment file of a service: which variables it has, and who may read it.

Compared is what the declared readers make of a file, not how it is spelled. The values of variables that are not
declared as plain are secrets, those that others wrote included.
"""

from __future__ import annotations

import os
import stat
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .._core.errors import InvalidInput
from .._core.files import Attributes, FileTransaction, group_name, link_text, octal_mode, read_found, user_name
from .._core.free_text import free_texts, in_the_clear
from .._core.kinds import TEXT, Kind
from .._core.plan import Action, Plan, Step
from .._core.redact import Secret
from .._core.resource import StateResource
from .._core.spec import STATE, Options
from .._core.state import UNMANAGED, Field, State, managed
from .._ilp.published import published
from .environment_readers import NAME, READERS
from .environment_text import DEFAULT_READERS, render_environment, view_environment
from .values import NAMED_VALUES, Fetch, resolve

_SHARED: t.Final[Options] = {
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str", "default": "0600"},
    "readers": {"type": "list", "elements": "str", "choices": list(READERS), "default": list(DEFAULT_READERS)},
}
ITEM_OPTIONS: t.Final[Options] = {
    "path": {"type": "path", "required": True},
    **STATE,
    "variables": {"type": "dict", "default": {}},
    "secrets": NAMED_VALUES,
    **_SHARED,
}
SHARED: t.Final = tuple(_SHARED)

#: Settings that do less than their readers think: names, values, and what follows.
_DOUBTFUL: t.Final[tuple[tuple[frozenset[str], frozenset[str], str], ...]] = (
    (
        frozenset({"DB_SSL_MODE", "DB_SSLMODE", "PGSSLMODE", "POSTGRES_SSL_MODE"}),
        frozenset({"require", "prefer", "allow"}),
        "does not verify the server; verify-full does",
    ),
    (
        frozenset({"DB_SSL_MODE", "DB_SSLMODE", "PGSSLMODE", "POSTGRES_SSL_MODE"}),
        frozenset({"disable"}),
        "sends passwords and data in the clear; use verify-full",
    ),
    (frozenset({"NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY"}), frozenset({"0"}), "trusts every certificate"),
    (
        frozenset({"VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY", "GIT_SSL_NO_VERIFY"}),
        frozenset({"1", "true", "t", "yes"}),
        "trusts every certificate",
    ),
)

Variables = Mapping[str, t.Union[str, Secret]]


@dataclass(frozen=True)
class EnvironmentState(State):
    """What a file says, and its attributes as this host spells them."""

    variables: Field[Variables] = managed(Kind(dict))
    owner: Field[str] = managed(TEXT)
    group: Field[str] = managed(TEXT)
    mode: Field[str] = managed(TEXT)


class EnvironmentFile(StateResource[EnvironmentState]):
    """One environment file."""

    kind = "environment_file"
    noun = "file"
    makes_lock_directory = False

    def __init__(
        self,
        files: FileTransaction,
        path: str,
        desired: EnvironmentState | None,
        attributes: Attributes,
        plain: frozenset[str],
        readers: Sequence[str] = DEFAULT_READERS,
    ) -> None:
        super().__init__(path, desired)
        self._readers = readers
        self._files = files
        self._attributes = attributes
        self._plain = plain

    @classmethod
    def declared(cls, files: FileTransaction, fetch: Fetch, item: Mapping[str, t.Any]) -> EnvironmentFile:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        path = os.path.abspath(item["path"])
        attributes = Attributes.declared(item["owner"], item["group"], item["mode"])
        if item["state"] == "absent":
            return cls(files, path, None, attributes, frozenset())
        if octal_mode(item["mode"], "mode") & 0o007 and item["secrets"]:
            raise InvalidInput("lets everybody on the host read secrets", field="mode", remedy='Use "0600" or "0640".')
        variables: dict[str, str | Secret] = {**free_texts(item["variables"], "variables")}
        plain = frozenset(variables)
        for at, secret in enumerate(item["secrets"]):
            try:
                variables.update(_secret(secret, variables, fetch))
            except InvalidInput as error:
                raise error.within(f"secrets[{at}] ({secret['name']})") from None
        if not item["readers"]:
            raise InvalidInput("is empty", field="readers", remedy=f"Name what reads the file: {', '.join(READERS)}.")
        render_environment(_revealed(variables), item["readers"])
        state = EnvironmentState(
            variables=dict(sorted(variables.items())),
            owner=UNMANAGED if attributes.uid is None else user_name(attributes.uid),
            group=UNMANAGED if attributes.gid is None else group_name(attributes.gid),
            mode=f"{attributes.mode:04o}",
        )
        return cls(files, path, state, attributes, plain, item["readers"])

    @property
    def lock_directory(self) -> str:
        return os.path.dirname(self.name)

    @property
    def own_files(self) -> t.Iterable[tuple[str, str]]:
        return (("path", self.name),)

    def read(self) -> EnvironmentState | None:
        if link_text(self.name) is not None:
            raise InvalidInput(
                "is a symbolic link", field=self.name, remedy="Name the file itself, or remove the link."
            )
        found = read_found(self.name)
        if found is None:
            return None
        return EnvironmentState(
            variables=self._held(found.content),
            owner=user_name(found.status.st_uid),
            group=group_name(found.status.st_gid),
            mode=f"{stat.S_IMODE(found.status.st_mode):04o}",
        )

    def _held(self, content: bytes) -> Variables:
        """Return what programs find; what cannot be foreseen is a secret, and no value that can be declared."""
        desired = self.desired.variables if self.desired is not None else UNMANAGED
        declared = _revealed(desired) if isinstance(desired, Mapping) else {}
        try:
            held = view_environment(content.decode("utf-8"), self._readers, declared)
        except UnicodeDecodeError:
            held = {"line 1": None}
        return {
            name: Secret("\0") if text is None else text if name in self._plain else Secret(text)
            for name, text in held.items()
        }

    def refine(self, plan: Plan, current: EnvironmentState | None) -> Plan:
        """Add warnings about settings that do less than they seem to."""
        doubts = tuple(_doubts(self.desired, self._plain)) if self.desired is not None else ()
        return replace(plan, warnings=(*plan.warnings, *doubts))

    def steps(self, plan: Plan, current: EnvironmentState | None) -> t.Iterable[Step]:
        yield Step("remove" if plan.action is Action.DELETE else "write", self.name)

    def apply(self, plan: Plan) -> None:
        with self._files.group(self.identity) as group:
            if self.desired is None:
                group.remove(self.name)
            elif isinstance(self.desired.variables, Mapping):
                text = render_environment(_revealed(self.desired.variables), self._readers)
                group.put(self.name, text.encode("utf-8"), self._attributes)

    def describe(self, current: EnvironmentState | None) -> dict[str, t.Any]:
        if current is None or not isinstance(current.variables, Mapping):
            return {}
        attributes = {"owner": current.owner, "group": current.group, "mode": current.mode}
        return {"path": self.name, "variables": sorted(filter(NAME.fullmatch, current.variables)), **attributes}


def _secret(item: Mapping[str, t.Any], taken: Variables, fetch: Fetch) -> dict[str, Secret]:
    if item["name"] in taken:
        raise InvalidInput("is declared twice", field="name", remedy="Keep one of them.")
    value = resolve(item, fetch)
    origin = published(value.reveal())
    if origin is not None:
        raise InvalidInput(f"is the {origin}, known to everybody", field="value", remedy="Make a value of your own.")
    if not value:
        raise InvalidInput("is empty", field="value")
    return {item["name"]: value}


def _revealed(variables: Variables) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in variables.items()}


def _doubts(state: EnvironmentState, plain: frozenset[str]) -> t.Iterator[str]:
    variables = state.variables if isinstance(state.variables, Mapping) else {}
    shown = {name: value for name, value in variables.items() if name in plain}
    yield from in_the_clear(shown, "variables", "Give it in secrets, whose values are in no diff.")
    for names, values, consequence in _DOUBTFUL:
        for name in sorted(names & set(variables)):
            value = variables[name]
            if isinstance(value, str) and value.lower() in values:
                yield f"{name}={value} {consequence}"
