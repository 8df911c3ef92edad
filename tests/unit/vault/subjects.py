# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the words of a plan table to a resource and its current state.

A case says with ``current`` what the server (or the file) holds, in the server's own words, and with ``item`` what a
user writes. Items pass through the module's own argument spec, so that defaults are those of a real run.
"""

from __future__ import annotations

import datetime
import pathlib
import typing as t
from collections.abc import Callable

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils._core.files import Attributes
from plugins.module_utils._core.redact import Secret
from plugins.module_utils._core.resource import Resource
from plugins.module_utils._core.spec import Spec, build_each
from plugins.module_utils._vault.approle import AppRole, AppRoleState
from plugins.module_utils._vault.kv import KvSecret, KvState
from plugins.module_utils._vault.kv_versions import KvVersions
from plugins.module_utils._vault.login import METHODS
from plugins.module_utils._vault.mount import Mount, MountState, MountTable
from plugins.module_utils._vault.policy import Policy, PolicyState
from plugins.module_utils._vault.seal import Keys, Seal, SealState, SealTerms
from plugins.module_utils._vault.secret_id import DeliveryState, Record, digest
from plugins.module_utils._vault.session import Session, SessionState, SessionTerms
from plugins.module_utils._vault.transit_key import TransitKeyResource, TransitKeyState
from plugins.modules import vault_approle, vault_kv_secret, vault_mount, vault_policy, vault_transit_key

Case = dict[str, t.Any]
Subject = tuple[Resource[t.Any], t.Any]


class SilentVault:
    """What planning may ask a server: nothing but its address."""

    url = "https://vault.example.com:8200"

    def __getattr__(self, name: str) -> t.NoReturn:
        raise AssertionError(f"planning asked the server ({name})")


SILENT: t.Any = SilentVault()


def completed(spec: Spec, **params: t.Any) -> dict[str, t.Any]:
    """Return parameters as AnsibleModule would hand them over; ValueError with its messages when it would refuse."""
    result = ArgumentSpecValidator(spec.argument_spec(), **spec.constraints()).validate(params)
    if result.error_messages:
        raise ValueError("; ".join(result.error_messages))
    return t.cast("dict[str, t.Any]", result.validated_parameters)


def _item(spec: Spec, case: Case, build: Callable[[dict[str, t.Any]], t.Any], key: str = "name") -> t.Any:
    (resource,) = build_each(spec, completed(spec, **{t.cast(str, spec.plural): [case["item"]]}), build, key=key)
    return resource


def policy(case: Case) -> Subject:
    """``current``: the answer of ``sys/policies/acl/<name>``."""
    held = case["current"]
    resource = _item(vault_policy.SPEC, case, lambda item: Policy.declared(SILENT, item))
    return resource, None if held is None else PolicyState.observed({"rules": held["policy"]})


def mount(case: Case) -> Subject:
    """``current``: the entry of the mount table."""
    table = MountTable(SILENT)
    resource = _item(vault_mount.SPEC, case, lambda item: Mount.declared(SILENT, table, item), key="path")
    return resource, None if case["current"] is None else MountState.from_entry(case["current"])


def approle(case: Case) -> Subject:
    """``current``: the role's answer; ``held``: what is known about a delivery, where the item declares one."""
    resource = _item(vault_approle.SPEC, case, lambda item: AppRole.declared(SILENT, item))
    role = None if case["current"] is None else AppRoleState.observed(case["current"])
    if "delivery" not in case["item"]:
        return resource, (role,)
    return resource, (role, _delivery(case.get("held")))


def _delivery(held: Case | None) -> DeliveryState | None:
    if held is None:
        return None
    content = Secret(held["content"]) if held.get("content") else None
    record = None
    if held.get("record") is not None:
        known = {
            "role": "auth/approle/role/svc",
            "accessor": "a",
            "sha256": digest(Secret("delivered")),
            **held["record"],
        }
        record = Record(**{"expires": None, "unwrap_before": None, **known})
    misplaced = tuple(tuple(entry) for entry in held.get("misplaced", ()))
    return DeliveryState(record, held.get("alive", True), content, misplaced)


class FixedVersions(KvVersions):
    """Mounts whose version was looked up before."""

    def __init__(self, version: int) -> None:
        super().__init__(SILENT)
        self._version = version

    def of(self, mount: str) -> int:
        """Return the fixed version."""
        return self._version


def kv(case: Case) -> Subject:
    """``current``: data and metadata together as the resource knows them; ``engine``: its version."""
    versions = FixedVersions(case.get("engine", 2))

    def build(item: dict[str, t.Any]) -> KvSecret:
        return KvSecret.declared(SILENT, versions, item)

    resource = _item(vault_kv_secret.SPEC, {"item": {"mount": "kv", **case["item"]}}, build, key="path")
    held = case["current"]
    return resource, None if held is None else KvState.observed(held, version=held.get("version", 1))


def session(case: Case) -> Subject:
    """``item``: origin and least TTL wanted, null for absent; ``current``: what the server says about the token."""
    held, item = case["current"], case["item"]
    terms = None
    if item is not None:
        params = {"auth_mount": item.get("auth_mount")}
        terms = SessionTerms(METHODS["approle"], params, Attributes(), item.get("min_ttl", 600))
    state = None
    if held is not None:
        misplaced = tuple(tuple(entry) for entry in held.get("misplaced", ()))
        origin = held.get("origin", "auth/approle/login")
        state = SessionState(Secret("t0ken-in-file"), held.get("ttl"), held["valid"], "acc", origin, (), misplaced)
    return Session(SILENT, "/run/token", terms), state


def seal(case: Case) -> Subject:
    """``current``: ``sys/seal-status`` with the files found; ``item``: the options that matter for a plan."""
    held, item = dict(case["current"]), case["item"]
    terms = SealTerms(
        sealed=item.get("state") == "sealed",
        keys_file="/keys.json",
        root_token_file=item.get("root_token_file"),
        shares=item.get("shares", 1),
        threshold=item.get("threshold", 1),
        attributes=Attributes(),
        login=lambda vault: Secret("unused"),
        patience=1,
    )
    keys = held.pop("keys", None)
    root = Secret("root-token") if held.pop("root_token_known", True) else None
    found = held.pop("root_token", None)
    state = SealState(
        **{"type": "shamir", "shares": 1, "threshold": 1, "progress": 0, **held},
        keys=None if keys is None else Keys(tuple(Secret(key) for key in keys), root),
        root_token=None if found is None else Secret(found),
    )
    return Seal(SILENT, terms), state


def transit_key(case: Case) -> Subject:
    """``current``: the answer of ``transit/keys/<name>``."""
    held = case["current"]
    resource = _item(vault_transit_key.SPEC, case, lambda item: TransitKeyResource.declared(SILENT, item))
    return resource, None if held is None else TransitKeyState.of(held)


SUBJECTS: dict[str, Callable[[Case], Subject]] = {
    "policy": policy,
    "mount": mount,
    "approle": approle,
    "kv": kv,
    "session": session,
    "seal": seal,
    "transit_key": transit_key,
}
TABLES = sorted((pathlib.Path(__file__).parent / "plans").glob("*.yml"))
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
