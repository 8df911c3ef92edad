# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the words of a plan table to a resource and its current state."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable

from plugins.module_utils._core.files import FileTransaction
from plugins.module_utils._core.resource import Resource
from plugins.module_utils._vault.answer import Fields
from plugins.module_utils._vault.pki_config import SECTIONS, PkiConfig
from plugins.module_utils._vault.pki_issuer import IssuerView, Key
from plugins.module_utils._vault.pki_issuer_declaration import ISSUER_OPTIONS, declared_issuer
from plugins.module_utils._vault.pki_issuer_state import Held
from plugins.module_utils._vault.pki_mount import PkiMount, PkiMounts
from plugins.module_utils._vault.pki_parent import Parent
from plugins.module_utils._vault.pki_role import PkiRole, RoleState
from tests.unit.vault_pki.certificates import Authority, authority

Case = dict[str, t.Any]
Subject = tuple[Resource[t.Any], t.Any]


class SilentVault:
    """What planning may ask a server: nothing."""

    def __getattr__(self, name: str) -> t.NoReturn:
        raise AssertionError(f"planning asked the server ({name})")


class KnownMount(PkiMount):
    """A mount whose ceiling was looked up before."""

    def __init__(self, ceiling: int | None = None, path: str = "pki", usual: int | None = None) -> None:
        super().__init__(SilentVault(), path)  # type: ignore[arg-type]
        self._measured, self._ceiling, self._usual = True, ceiling, usual


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


NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
DAY = 86400


def made(case: Case, name: str, parent: Authority | None = None) -> Authority | None:
    """Return the CA that a case describes by its common name, its life in days, and its age in days."""
    told = case.get(name)
    if told is None:
        return None
    begin = NOON - datetime.timedelta(days=told.get("age", 0))
    facts = {field: told[field] for field in ("organization", "path_length") if field in told}
    facts["permitted"] = tuple(told.get("permitted", ()))
    return authority(told["common_name"], begin, told["days"] * DAY, parent=parent, **facts)


def issuer(case: Case) -> Subject:
    """``desired``: options; ``current``: the CA and what the server keeps beside it; ``parent``: the CA above it.

    ``key`` waits under the key name, ``users`` are roles, ``ceiling`` is that of the mount that signs.
    """
    mounts = PkiMounts(SilentVault())  # type: ignore[arg-type]
    for path in ("pki", "above"):
        mounts._mounts[path] = KnownMount(case.get("ceiling"), path, case.get("usual"))
    options = {**dict.fromkeys(ISSUER_OPTIONS), "on_mismatch": "fail", "force": False, "delete_key": False}
    item = {"name": "ca", "mount": "pki", "state": "present", **case["desired"]}
    resource = declared_issuer(mounts, FileTransaction(), {**options, **item})
    top = made(case, "grandparent")
    above = made(case, "parent", top)
    parent = _parent(case, above, top)
    key = Key("waiting", case["key"], "") if "key" in case else None
    view = IssuerView(key=key, parent=parent)
    ca = made(case, "current", above)
    if ca is not None:
        held = _held(case["current"], ca, above)
        wanted = resource.declaration.wanted
        state = held.state(wanted, resource.signer(held.facts, parent), {})
        users = tuple(case.get("users", ()))
        key = Key("held", "ec", "") if case["current"].get("key_named") else key
        view = IssuerView(held, state, key, parent, users, case.get("key_is_shared", False))
    return resource, view


def _parent(case: Case, above: Authority | None, top: Authority | None) -> Parent | None:
    if above is None:
        return None
    chain = [entry.pem for entry in (above, top) if entry]
    beside = Fields.of(case["parent"].get("beside", {}), "the issuer")
    shown = Fields.of({"certificate": above.pem, "ca_chain": chain}, "the issuer")
    return Parent(shown, beside, case["parent"].get("cuts", True))


def _held(told: Case, ca: Authority, above: Authority | None) -> Held:
    chain = [ca.pem, *([above.pem] if above else [])]
    data = {"issuer_id": "id", "key_id": "held", "issuer_name": "ca", "certificate": ca.pem, "ca_chain": chain}
    return Held.of({**data, **told.get("beside", {})}, default=told.get("default", False))


SUBJECTS: dict[str, Callable[[Case], Subject]] = {"role": role, "config": config, "issuer": issuer}
