# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""ACL policies (``sys/policies/acl``)."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from .._core.address import at, route
from .._core.errors import InvalidInput
from .._core.free_text import in_the_clear
from .._core.kinds import LINES
from .._core.plan import Plan, Step
from .._core.reconcile import Batch
from .._core.sections import Each, Section
from .._core.spec import STATE
from .._core.state import Field, State, managed
from .port import Vault
from .resource import VaultResource, vault_batch

# The server refuses to change or delete these two in any useful way.
_BUILT_IN = ("root", "default")
#: A name and the first text that it is given, in HCL or JSON.
_GIVEN: t.Final = re.compile(r'([A-Za-z0-9_.-]{1,64})"?[ \t]{0,8}[=:][ \t]{0,8}\[?[ \t]{0,8}"([^"\n]{1,256})"')


@dataclass(frozen=True)
class PolicyState(State):
    """The rules of a policy, in HCL or JSON as the server stores them."""

    rules: Field[str] = managed(LINES)


class Policy(VaultResource[PolicyState]):
    """One ACL policy; its name is lower case because the server folds it."""

    kind = "vault_policy"
    noun = "policy"

    @classmethod
    def declared(cls, vault: Vault, item: t.Mapping[str, t.Any]) -> Policy:
        """Build from an item of the module."""
        name = route(item["name"].strip().lower(), "name")
        if name == "root" or (name in _BUILT_IN and item["state"] == "absent"):
            raise InvalidInput(f"the built-in policy {name} cannot be managed", field="name")
        if item["state"] == "absent":
            return cls(vault, name, None)
        if not (item["rules"] or "").strip():
            raise InvalidInput(
                "a policy without rules is refused by the server", field="rules", remedy="Write its rules."
            )
        return cls(vault, name, PolicyState.declared(item))

    @property
    def path(self) -> str:
        return at("sys/policies/acl", self.name)

    def read(self) -> PolicyState | None:
        data = self.vault.read(self.path)
        return None if data is None else PolicyState.observed({"rules": data.text("policy")})

    def refine(self, plan: Plan, current: PolicyState | None) -> Plan:
        """Warn of a secret among the rules, such as a parameter that is allowed with one value."""
        rules = str(self.desired.rules) if self.desired is not None else ""
        given = {name: value for name, value in _GIVEN.findall(rules) if not value.startswith("*")}
        doubts = tuple(in_the_clear(given, "rules", "Whoever may read policies sees it."))
        return replace(plan, warnings=(*plan.warnings, *doubts)) if doubts else plan

    def steps(self, plan: Plan, current: PolicyState | None) -> t.Iterable[Step]:
        if self.desired is None:
            return [Step("delete", self.path)]
        return [Step("write", self.path, {"policy": self.desired.rules})]


def _gather(vault: Vault, each: Each) -> Batch:
    return vault_batch(vault, each(lambda item: Policy.declared(vault, item)))


POLICIES: t.Final = Section(
    "policies",
    {"name": {"type": "str", "required": True}, **PolicyState.options(), **STATE},
    _gather,
    constraints={"required_if": [("state", "present", ("rules",))]},
)
