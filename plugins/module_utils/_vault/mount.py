# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secret engines and auth methods and their tuning (``sys/mounts``, ``sys/auth``)."""

from __future__ import annotations

import threading
import typing as t
from dataclasses import dataclass, replace

from .._core.address import at, route
from .._core.errors import InvalidInput
from .._core.kinds import BOOLEAN, MAPPING, SECONDS, SET, TEXT, Kind
from .._core.plan import Action, Plan, Step
from .._core.reconcile import Batch
from .._core.resource import ON_MISMATCH
from .._core.sections import Each, Section
from .._core.spec import STATE
from .._core.state import UNMANAGED, Field, State, managed
from .answer import Fields
from .errors import Rejected
from .port import Data, Vault
from .resource import VaultResource, overtaken, vault_batch

# Header names mean the same in any case; this is how Go, and so the server, writes them.
HEADERS = Kind(
    lambda value: frozenset("-".join(part.capitalize() for part in name.split("-")) for name in SET.canonical(value)),
    SET.option,
    sorted,
)

# Cannot be disabled; the first three cannot even be mounted.
_BUILT_IN = {"secret": ("sys", "identity", "cubbyhole"), "auth": ("token",)}
_KV_ALIASES = {"kv-v1": "1", "kv-v2": "2"}
# These go beside ``config`` in the request that enables; everything else that can be tuned goes into it.
_TOP_LEVEL = ("type", "description", "options", "local", "seal_wrap", "external_entropy_access")


@dataclass(frozen=True)
class MountState(State):
    """What is enabled at a path, and how it is tuned. A TTL of 0 seconds means the system's default."""

    type: Field[str] = managed(TEXT, replace=True)
    description: Field[str] = managed(TEXT, server_default="")
    engine_options: Field[dict[str, str]] = managed(MAPPING, server_default={}, partial=True, wire_name="options")
    default_lease_ttl: Field[int] = managed(SECONDS, server_default=0)
    max_lease_ttl: Field[int] = managed(SECONDS, server_default=0)
    listing_visibility: Field[str] = managed(TEXT.choices("hidden", "unauth"), server_default="hidden")
    audit_non_hmac_request_keys: Field[frozenset[str]] = managed(SET, server_default=())
    audit_non_hmac_response_keys: Field[frozenset[str]] = managed(SET, server_default=())
    allowed_response_headers: Field[frozenset[str]] = managed(HEADERS, server_default=())
    passthrough_request_headers: Field[frozenset[str]] = managed(HEADERS, server_default=())
    token_type: Field[str] = managed(TEXT.choices("default-service", "default-batch", "service", "batch"))
    local: Field[bool] = managed(BOOLEAN, replace=True, server_default=False)
    seal_wrap: Field[bool] = managed(BOOLEAN, replace=True, server_default=False)
    external_entropy_access: Field[bool] = managed(BOOLEAN, replace=True, server_default=False)

    @classmethod
    def from_entry(cls, entry: Data) -> MountState:
        """Build from an entry of the mount table, which keeps what can be tuned in ``config``.

        The table holds what was set; a mount's own ``tune`` endpoint would answer with the system's defaults filled in.
        """
        about = Fields.of(entry, "the table of mounts")
        options = dict(about.mapping_or("options"))
        if about.text("type") == "kv":
            options.setdefault("version", "1")
        config = {name: value for name, value in about.mapping_or("config").items() if value != ""}
        return cls.observed(Fields.of({**config, **entry, "options": options}, about.place))


class MountTable:
    """Everything that is enabled, fetched once for all items of a batch and again after a change."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._lock = threading.Lock()
        self._entries: dict[str, Fields] = {}

    def entry(self, category: str, path: str) -> Fields | None:
        """Return what is enabled at ``path``, or ``None``."""
        with self._lock:
            if category not in self._entries:
                self._entries[category] = self._vault.read_or_nothing(_ROOTS[category])
            table, name = self._entries[category], f"{path}/"
            return table.mapping(name) if name in table else None

    def forget(self) -> None:
        """Fetch again when asked the next time."""
        with self._lock:
            self._entries.clear()


_ROOTS = {"secret": "sys/mounts", "auth": "sys/auth"}


class Mount(VaultResource[MountState]):
    """One secret engine or auth method."""

    kind = "vault_mount"
    noun = "mount"

    def __init__(self, table: MountTable, vault: Vault, category: str, path: str, desired: MountState | None) -> None:
        super().__init__(vault, path, desired)
        self._table = table
        self._category = category

    @classmethod
    def declared(cls, vault: Vault, table: MountTable, item: t.Mapping[str, t.Any]) -> Mount:
        """Build from an item of the module."""
        category = item["category"] or "secret"
        path = route(item["path"], "path")
        absent = item["state"] == "absent"
        _refuse_path(category, path, absent)
        mount = cls(table, vault, category, path, None if absent else _desired(category, item))
        mount.on_mismatch = item["on_mismatch"]
        return mount

    @property
    def place(self) -> str:
        """Where its objects are, as a path of the API."""
        return f"auth/{self.name}" if self._category == "auth" else self.name

    @property
    def identity(self) -> str:
        return f"{self.kind} {self.place}"

    @property
    def path(self) -> str:
        return at(_ROOTS[self._category], self.name)

    def read(self) -> MountState | None:
        entry = self._table.entry(self._category, self.name)
        return None if entry is None else MountState.from_entry(entry)

    def refine(self, plan: Plan, current: MountState | None) -> Plan:
        """A key-value engine can be upgraded in place; the way back is a new engine."""
        versions = [(change.before, change.after) for change in plan.changes if change.path == "engine_options.version"]
        if plan.action is Action.UPDATE and versions == [("2", "1")]:
            return replace(plan, action=Action.REPLACE)
        return plan

    def steps(self, plan: Plan, current: MountState | None) -> t.Iterable[Step]:
        if plan.action in (Action.DELETE, Action.REPLACE):
            yield Step("delete", self.path)
        if self.desired is None:
            return
        if plan.action is Action.UPDATE:
            yield Step("write", at(self.path, "tune"), self.desired.wire(only=plan.changed_fields))
        else:
            yield Step("write", self.path, _enabling(self.desired.wire()))

    def apply(self, plan: Plan) -> None:
        self._table.forget()
        try:
            super().apply(plan)
        except Rejected as error:
            # Others enabled it since we looked; the proof after this decides whether it is what was declared.
            if "path is already in use" not in str(error):
                raise
            if plan.action is Action.CREATE and not error.repeated:
                raise overtaken(self.place) from None
        finally:
            self._table.forget()

    def describe(self, current: MountState | None) -> dict[str, t.Any]:
        entry = self._table.entry(self._category, self.name)
        if current is None or entry is None:
            return {}
        return {"category": self._category, "accessor": entry.text("accessor"), **current.shown()}


def _refuse_path(category: str, path: str, absent: bool) -> None:
    if path.startswith("auth/"):
        raise InvalidInput(
            "auth/ is the place of the auth methods and not part of a path",
            field="path",
            remedy="Set category to auth and leave auth/ out.",
        )
    if absent and path in _BUILT_IN[category]:
        raise InvalidInput(f"{path} is built in and cannot be disabled", field="path")


def _desired(category: str, item: t.Mapping[str, t.Any]) -> MountState:
    options = {name: "" if value is None else value for name, value in (item["engine_options"] or {}).items()}
    version = _KV_ALIASES.get(item["type"])
    if version is not None:
        item = {**item, "type": "kv"}
        options.setdefault("version", version)
    desired = MountState.declared({**item, "engine_options": options or None})
    if category == "secret" and desired.token_type is not UNMANAGED:
        raise InvalidInput("only an auth method has one", field="token_type", remedy="Remove it or set category: auth.")
    return desired


def _enabling(body: Data) -> Data:
    """Return the request that enables, given all declared fields."""
    top = {name: value for name, value in body.items() if name in _TOP_LEVEL}
    config = {name: value for name, value in body.items() if name not in _TOP_LEVEL}
    return {**top, "config": config} if config else top


def _gather(vault: Vault, each: Each) -> Batch:
    table = MountTable(vault)
    mounts = [t.cast(Mount, mount) for mount in each(lambda item: Mount.declared(vault, table, item))]
    vault.expect(mount.place for mount in mounts)
    return vault_batch(vault, mounts)


MOUNTS: t.Final = Section(
    "mounts",
    {
        "path": {"type": "str", "required": True},
        "category": {"type": "str", "choices": ["secret", "auth"], "default": "secret"},
        **MountState.options(),
        **ON_MISMATCH,
        **STATE,
    },
    _gather,
    key="path",
    shared=("category",),
    constraints={"required_if": [("state", "present", ("type",))]},
)
