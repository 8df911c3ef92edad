# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""AppRoles (``auth/approle/role``): what a machine may log in as, and how its tokens are."""

from __future__ import annotations

import datetime
import ipaddress
import os
import typing as t
from dataclasses import dataclass, replace

from .._core.address import at, route, word
from .._core.errors import InvalidInput
from .._core.kinds import BOOLEAN, INTEGER, NETWORKS, SECONDS, SET, TEXT, Kind
from .._core.plan import Action, Plan, Step
from .._core.reconcile import Batch
from .._core.resource import ON_MISMATCH, Composite, Members
from .._core.sections import Each, Section
from .._core.spec import STATE
from .._core.state import Field, State, managed
from .port import Vault
from .resource import VaultResource, unsupported, vault_batch
from .secret_id import DELIVERY, Delivery, DeliveryTerms

# The server folds the names of policies to lower case when a token is made, but not in the role.
POLICIES = Kind(lambda value: frozenset(name.lower() for name in SET.canonical(value)), SET.option, sorted)


@dataclass(frozen=True)
class AppRoleState(State):
    """A role. Durations are seconds, 0 meaning the mount's default; an empty set of networks means any."""

    role_id: Field[str] = managed(TEXT)
    bind_secret_id: Field[bool] = managed(BOOLEAN)
    secret_id_bound_cidrs: Field[frozenset[str]] = managed(NETWORKS, server_default=())
    secret_id_num_uses: Field[int] = managed(INTEGER)
    secret_id_ttl: Field[int] = managed(SECONDS)
    local_secret_ids: Field[bool] = managed(BOOLEAN, replace=True, server_default=False)
    token_policies: Field[frozenset[str]] = managed(POLICIES, server_default=())
    token_ttl: Field[int] = managed(SECONDS)
    token_max_ttl: Field[int] = managed(SECONDS)
    token_explicit_max_ttl: Field[int] = managed(SECONDS)
    token_period: Field[int] = managed(SECONDS)
    token_num_uses: Field[int] = managed(INTEGER)
    token_bound_cidrs: Field[frozenset[str]] = managed(NETWORKS, server_default=())
    token_no_default_policy: Field[bool] = managed(BOOLEAN)
    token_type: Field[str] = managed(TEXT.choices("default", "service", "batch"))
    token_strictly_bind_ip: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)


class Role(VaultResource[AppRoleState]):
    """The role itself; its name is lower case because the server folds it."""

    kind = "vault_approle"
    noun = "role"

    def __init__(self, vault: Vault, mount: str, name: str, desired: AppRoleState | None) -> None:
        super().__init__(vault, name, desired)
        self.path = at("auth", mount, "role", name)

    def read(self) -> AppRoleState | None:
        data = self.lookup(self.path)
        self.check_support(self.path, data)
        if data is None:
            return None
        known = unsupported(AppRoleState, data, self.desired)
        known["role_id"] = self.vault.read_or_nothing(at(self.path, "role-id")).text_or("role_id") or None
        return AppRoleState.observed(data, **known)

    def steps(self, plan: Plan, current: AppRoleState | None) -> t.Iterable[Step]:
        if plan.action in (Action.DELETE, Action.REPLACE):
            yield Step("delete", self.path)
        if self.desired is None:
            return
        # The endpoint merges, so that what is not declared keeps its value; the role id has an endpoint of its own.
        body = self.desired.wire(None if plan.action is not Action.UPDATE else plan.changed_fields)
        role_id = body.pop("role_id", None)
        if body or plan.action is not Action.UPDATE:
            yield Step("write", self.path, body)
        if role_id is not None:
            yield Step("write", at(self.path, "role-id"), {"role_id": role_id})


class AppRole(Composite):
    """A role and, if declared, the secret-id that is delivered for it."""

    kind = "vault_approle"
    noun = "role"

    @classmethod
    def declared(cls, vault: Vault, item: t.Mapping[str, t.Any]) -> AppRole:
        """Build from an item of the module."""
        mount, name = route(item["mount"], "mount"), word(item["name"]).lower()
        absent = item["state"] == "absent"
        desired = None if absent else AppRoleState.declared(item)
        role = Role(vault, mount, name, desired)
        role.on_mismatch = item["on_mismatch"]
        members: list[t.Any] = [role]
        if item["delivery"] is not None:
            terms = DeliveryTerms.declared(item["delivery"])
            if desired is not None:
                _refuse_wider(desired, terms)
            members.append(Delivery(vault, role.path, item["delivery"]["path"], None if absent else terms))
        return cls(name if mount == "approle" else f"{mount}/{name}", members)

    @property
    def lock_directory(self) -> str | None:
        """The directory that is delivered into: two runs, of one host or of several that share it, take turns."""
        return next((os.path.dirname(os.path.abspath(delivery.name)) for delivery in self.members[1:]), None)

    #: A directory that does not exist is an error of the delivery; nothing is made for the lock.
    makes_lock_directory = False

    def plan(self, current: Members | None, now: datetime.datetime) -> Plan:
        """Making a role anew takes its secret-ids with it, so that what was delivered is void."""
        if current is not None and len(current) > 1 and current[1] is not None:
            role, delivery = current
            if self.members[0].plan(role, now).action is Action.REPLACE:
                current = (role, replace(delivery, alive=False))
        return super().plan(current, now)

    def describe(self, current: Members | None) -> dict[str, t.Any]:
        return super().describe(current) if current and current[0] is not None else {}


def _refuse_wider(desired: AppRoleState, terms: DeliveryTerms) -> None:
    """Raise when a secret-id is declared for networks outside those of its role; the server answers that with a 500."""
    for outer, inner, name in (
        (desired.secret_id_bound_cidrs, terms.cidr_list, "cidr_list"),
        (desired.token_bound_cidrs, terms.token_bound_cidrs, "token_bound_cidrs"),
    ):
        if isinstance(outer, frozenset) and outer:
            for network in sorted(inner):
                if not any(_within(network, entry) for entry in outer):
                    raise InvalidInput(
                        f"{network} is outside the networks of the role ({', '.join(sorted(outer))})",
                        field=f"delivery.{name}",
                        remedy="Narrow it, or widen the role.",
                    )


def _within(inner: str, outer: str) -> bool:
    small, large = ipaddress.ip_network(inner), ipaddress.ip_network(outer)
    return small.version == large.version and small.subnet_of(large)  # type: ignore[arg-type]


def _gather(vault: Vault, each: Each) -> Batch:
    return vault_batch(vault, each(lambda item: AppRole.declared(vault, item)))


APPROLES: t.Final = Section(
    "roles",
    {
        "name": {"type": "str", "required": True},
        "mount": {"type": "str", "default": "approle"},
        **AppRoleState.options(),
        "delivery": {"type": "dict", "options": DELIVERY},
        **ON_MISMATCH,
        **STATE,
    },
    _gather,
    shared=("mount",),
)
