# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the words of a plan table to a resource and its current state."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from plugins.module_utils._core.resource import Resource
from plugins.module_utils._vault.pki_config import SECTIONS, PkiConfig
from plugins.module_utils._vault.pki_mount import PkiMount
from plugins.module_utils._vault.pki_role import PkiRole, RoleState

Case = dict[str, t.Any]
Subject = tuple[Resource[t.Any], t.Any]


class SilentVault:
    """What planning may ask a server: nothing."""

    def __getattr__(self, name: str) -> t.NoReturn:
        raise AssertionError(f"planning asked the server ({name})")


class KnownMount(PkiMount):
    """A mount whose ceiling was looked up before."""

    def __init__(self, ceiling: int | None = None) -> None:
        super().__init__(SilentVault(), "pki")  # type: ignore[arg-type]
        self._measured, self._ceiling = True, ceiling


def role(case: Case) -> Subject:
    """``current``: the server's answer; ``desired``: options; ``ceiling``: of the mount, in seconds."""
    mount = KnownMount(case.get("ceiling"))
    item = {"name": "r", "state": "absent"} if case["desired"] is None else {"state": "present", **case["desired"]}
    current = None if case["current"] is None else RoleState.observed(case["current"])
    return PkiRole.declared(mount, {**dict.fromkeys(RoleState.options()), "name": "r", **item}), current


def config(case: Case) -> Subject:
    """``current``: the server's answers by section; ``desired``: options by section."""
    mount = KnownMount()
    resource = PkiConfig.declared(mount, case["desired"])
    states = {section.noun: section.state.observed(case["current"].get(section.noun, {})) for section in SECTIONS}
    return resource, tuple(states[member.noun] for member in resource.members)


SUBJECTS: dict[str, Callable[[Case], Subject]] = {"role": role, "config": config}
