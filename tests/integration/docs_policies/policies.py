# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies that the guides "Least privilege" print, as data."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.unit.docs.blocks import walk_through

_RULE: t.Final = re.compile(r'((?:#.*\n)*)path "([^"]+)" \{\n  capabilities = \[([^\]]*)\]\n\}\n')
_OPTIONAL: t.Final = "# Optional:"


@dataclass(frozen=True)
class Rule:
    """One path and what may be done there; without an optional rule the module works, and says less."""

    path: str
    capabilities: tuple[str, ...]
    optional: bool

    def __str__(self) -> str:
        granted = ", ".join(f'"{capability}"' for capability in self.capabilities)
        return f'path "{self.path}" {{\n  capabilities = [{granted}]\n}}\n'


Policy = tuple[Rule, ...]


def printed() -> dict[str, Policy]:
    """Return the policies of the guides by the name of the trial that their caption gives."""
    found = {}
    for block in walk_through("least_privilege", "least_privilege_messages"):
        if block.caption.endswith(".hcl"):
            rules = [
                Rule(path, tuple(re.findall(r'"([a-z]+)"', granted)), _OPTIONAL in comment)
                for comment, path, granted in _RULE.findall(block.text)
            ]
            assert block.text.count("path ") == len(rules), f"{block.place}: not all of it was understood"
            found[block.caption.removesuffix(".hcl")] = tuple(rules)
    return found


def text(policy: Policy, names: Mapping[str, str]) -> str:
    """Return a policy for the server, with the names of the guide replaced by those of the test."""
    rules = "".join(str(rule) for rule in policy)
    for printed_name, name in names.items():
        rules = re.sub(rf'(?<=[/"]){re.escape(printed_name)}(?=[/"])', name, rules)
    return rules


def lesser(policy: Policy) -> Iterator[tuple[Rule, str, Policy]]:
    """Yield every policy that lacks one capability of one rule, with the rule and the capability."""
    for at, rule in enumerate(policy):
        for capability in rule.capabilities:
            left = tuple(entry for entry in rule.capabilities if entry != capability)
            kept = (Rule(rule.path, left, rule.optional),) if left else ()
            yield rule, capability, (*policy[:at], *kept, *policy[at + 1 :])
