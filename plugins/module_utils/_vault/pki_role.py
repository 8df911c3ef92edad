# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Roles of the PKI engine (``<mount>/roles``): what certificates may be issued, and how they look."""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass, replace

from .._core.address import word
from .._core.errors import InvalidInput
from .._core.kinds import BOOLEAN, INTEGER, NETWORKS, SECONDS, SET, TEXT, Kind
from .._core.normal import dns_name, spell_duration
from .._core.plan import Action, Plan, Step, plan_state
from .._core.reconcile import Batch
from .._core.sections import Each, Section
from .._core.spec import STATE
from .._core.state import UNMANAGED, Field, State, managed
from .._pki.usages import EXTENDED_KEY_USAGES, KEY_USAGES, extended_key_usage, key_usage
from .pki_key import KEY_BITS, settled_bits
from .pki_mount import MOUNT_OPTION, PkiMount, PkiMounts, PkiResource
from .port import Vault
from .resource import unsupported, vault_batch

# What the engine allows unless told otherwise, and what we forbid unless told otherwise. Only for roles that we create:
# tightening one that exists is for its owner to declare.
STRICTER: t.Final = {"allow_wildcard_certificates": False, "allow_localhost": False, "allow_ip_sans": False}

# What HashiCorp Vault stores for 0, its own choice, whatever the type of key; OpenBao stores the 0.
_CHOSEN_SIGNATURE_BITS: t.Final = 256

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def _folded(names: t.Iterable[str]) -> Kind:
    """Return a kind of set whose entries mean the same in any case; the server stores unknown ones, too."""
    known = {name.lower(): name for name in names}
    return Kind(
        lambda value: frozenset(known.get(entry.lower(), entry) for entry in SET.canonical(value)), SET.option, sorted
    )


_AFTER_BOUNDS: t.Final = ("permit", "ttl-limited", "forbid")


@dataclass(frozen=True)
class RoleState(State):
    """A role. Lists are sets: the server keeps their order and repetitions, which mean nothing."""

    issuer_ref: Field[str] = managed(TEXT, server_default="default")
    ttl: Field[int] = managed(SECONDS, server_default=0)
    max_ttl: Field[int] = managed(SECONDS, server_default=0)
    not_before_duration: Field[int] = managed(SECONDS, server_default=30)
    not_before: Field[str] = managed(TEXT, server_default="", particular=True)
    not_after: Field[str] = managed(TEXT, server_default="")
    not_before_bound: Field[str] = managed(
        TEXT.choices("permit", "duration", "forbid"), server_default="permit", particular=True
    )
    not_after_bound: Field[str] = managed(TEXT, server_default="permit", particular=True)
    allowed_domains: Field[frozenset[str]] = managed(SET, server_default=())
    allowed_domains_template: Field[bool] = managed(BOOLEAN, server_default=False)
    allow_bare_domains: Field[bool] = managed(BOOLEAN, server_default=False)
    allow_subdomains: Field[bool] = managed(BOOLEAN, server_default=False)
    allow_glob_domains: Field[bool] = managed(BOOLEAN, server_default=False)
    allow_any_name: Field[bool] = managed(BOOLEAN, server_default=False)
    allow_localhost: Field[bool] = managed(BOOLEAN, server_default=True)
    allow_wildcard_certificates: Field[bool] = managed(BOOLEAN, server_default=True)
    allow_globs_in_identity_templates: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    enforce_hostnames: Field[bool] = managed(BOOLEAN, server_default=True)
    allow_ip_sans: Field[bool] = managed(BOOLEAN, server_default=True)
    allowed_ip_sans_cidr: Field[frozenset[str]] = managed(NETWORKS, server_default=(), particular=True)
    allowed_uri_sans: Field[frozenset[str]] = managed(SET, server_default=())
    allowed_uri_sans_template: Field[bool] = managed(BOOLEAN, server_default=False)
    allowed_other_sans: Field[frozenset[str]] = managed(SET, server_default=())
    allowed_serial_numbers: Field[frozenset[str]] = managed(SET, server_default=())
    allowed_user_ids: Field[frozenset[str]] = managed(SET, server_default=())
    cn_validations: Field[frozenset[str]] = managed(SET, server_default=("email", "hostname"))
    require_cn: Field[bool] = managed(BOOLEAN, server_default=True)
    use_csr_common_name: Field[bool] = managed(BOOLEAN, server_default=True)
    use_csr_sans: Field[bool] = managed(BOOLEAN, server_default=True)
    serial_number_source: Field[str] = managed(
        TEXT.choices("json-csr", "json"), server_default="json-csr", particular=True
    )
    key_type: Field[str] = managed(TEXT.choices(*KEY_BITS), server_default="rsa")
    key_bits: Field[int] = managed(INTEGER, server_default=0)
    signature_bits: Field[int] = managed(INTEGER, server_default=0)
    use_pss: Field[bool] = managed(BOOLEAN, server_default=False)
    server_flag: Field[bool] = managed(BOOLEAN, server_default=True)
    client_flag: Field[bool] = managed(BOOLEAN, server_default=True)
    code_signing_flag: Field[bool] = managed(BOOLEAN, server_default=False)
    email_protection_flag: Field[bool] = managed(BOOLEAN, server_default=False)
    key_usage: Field[frozenset[str]] = managed(_folded(KEY_USAGES), server_default=())
    ext_key_usage: Field[frozenset[str]] = managed(_folded(EXTENDED_KEY_USAGES), server_default=())
    ext_key_usage_oids: Field[frozenset[str]] = managed(SET, server_default=())
    basic_constraints_valid_for_non_ca: Field[bool] = managed(BOOLEAN, server_default=False)
    policy_identifiers: Field[frozenset[str]] = managed(SET, server_default=())
    organization: Field[frozenset[str]] = managed(SET, server_default=())
    ou: Field[frozenset[str]] = managed(SET, server_default=())
    country: Field[frozenset[str]] = managed(SET, server_default=())
    province: Field[frozenset[str]] = managed(SET, server_default=())
    locality: Field[frozenset[str]] = managed(SET, server_default=())
    street_address: Field[frozenset[str]] = managed(SET, server_default=())
    postal_code: Field[frozenset[str]] = managed(SET, server_default=())
    generate_lease: Field[bool] = managed(BOOLEAN, server_default=False)
    no_store: Field[bool] = managed(BOOLEAN, server_default=False)
    no_store_metadata: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)

    @classmethod
    def declared(cls, options: t.Mapping[str, t.Any], **known: t.Any) -> RoleState:
        """Build from options; raises :class:`InvalidInput` for what the server would take and not honour."""
        state = super().declared({**options, **_spelled(options)}, **known)
        _check_times(state)
        if state.no_store is True and state.generate_lease is True:
            raise InvalidInput(
                "cannot be true together with no_store, which the server would give precedence without an error",
                field="generate_lease",
                remedy="Choose one: a lease can only revoke a certificate that is stored.",
            )
        return replace(state, key_bits=settled_bits(state.key_bits, state.key_type))


def _domain(value: str) -> str:
    """Return a domain as requests are matched against it: lower case, IDNA; a template is left as it is."""
    return value if "{{" in value else dns_name(value)


def _named_usage(value: str) -> str:
    name = extended_key_usage(value)
    if name not in EXTENDED_KEY_USAGES:
        raise ValueError(f"{name} has no name that the server knows; move it to ext_key_usage_oids")
    return name


_SPELLINGS: t.Final[t.Mapping[str, t.Callable[[str], str]]] = {
    "allowed_domains": _domain,
    "key_usage": key_usage,
    "ext_key_usage": _named_usage,
}


def _spelled(options: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """Return the options whose entries the server would store in any spelling and then not recognise."""
    spelled = {}
    for field, canonical in _SPELLINGS.items():
        if options.get(field) is not None:
            try:
                spelled[field] = [canonical(entry) for entry in options[field]]
            except ValueError as error:
                raise InvalidInput(str(error), field=field) from None
    return spelled


def _check_times(state: RoleState) -> None:
    ttl, max_ttl = state.ttl, state.max_ttl
    if isinstance(ttl, int) and isinstance(max_ttl, int) and 0 < max_ttl < ttl:
        raise InvalidInput(
            f"{spell_duration(ttl)} is longer than max_ttl, {spell_duration(max_ttl)}",
            field="ttl",
            remedy="Lower ttl or raise max_ttl.",
        )
    for field, words in (("not_before", ()), ("not_after", ()), ("not_after_bound", _AFTER_BOUNDS)):
        value = getattr(state, field)
        if value and value not in words and not _is_instant(value):
            raise InvalidInput(
                " nor ".join((f"{value!r} is not an instant in UTC", *words)),
                field=field,
                remedy='Write it in quotes, like "2030-12-31T23:59:59Z".',
            )


def _is_instant(value: str) -> bool:
    if not _INSTANT.fullmatch(value):
        return False
    try:
        datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    return True


class PkiRole(PkiResource[RoleState]):
    """One role. Its write resets every field it leaves out, so an existing role is merged into."""

    kind = "vault_pki_role"
    noun = "role"

    def __init__(self, mount: PkiMount, name: str, desired: RoleState | None) -> None:
        super().__init__(mount, name, desired)
        self.path = mount.at("roles", name)

    @classmethod
    def declared(cls, mount: PkiMount, item: t.Mapping[str, t.Any]) -> PkiRole:
        """Build from an item of the module."""
        return cls(mount, word(item["name"]), None if item["state"] == "absent" else RoleState.declared(item))

    def read(self) -> RoleState | None:
        if self.desired is not None and any(self._lifetimes()):
            _ceiling = self.mount.ceiling  # measured now, so that plan() needs no request
        data = self.lookup(self.path)
        self.check_support(self.path, data)
        return None if data is None else RoleState.observed(data, **unsupported(RoleState, data, self.desired))

    def refine(self, plan: Plan, current: RoleState | None) -> Plan:
        if self.desired is None:
            return plan
        if current is None:
            plan = plan_state(None, _strict(self.desired))
        elif self.desired.signature_bits == 0 and current.signature_bits == _CHOSEN_SIGNATURE_BITS:
            plan = plan_state(current, replace(self.desired, signature_bits=UNMANAGED))
        return replace(plan, warnings=tuple(f"{field}: {problem}" for field, _seconds, problem in self._cuts()))

    def steps(self, plan: Plan, current: RoleState | None) -> t.Iterable[Step]:
        if self.desired is None:
            yield Step("delete", self.path)
            return
        for field, seconds, _problem in self._cuts():
            yield Step("guard", field, seconds)
        if plan.action is Action.CREATE:
            yield Step("write", self.path, _strict(self.desired).wire())
        else:
            yield Step("merge", self.path, self.desired.wire(only=plan.changed_fields))

    def _lifetimes(self) -> t.Iterator[tuple[str, int]]:
        """Yield the declared lifetimes that a mount may cut; 0 is the mount's own."""
        for field in ("ttl", "max_ttl"):
            seconds = getattr(self.desired, field)
            if seconds:
                yield field, seconds

    def _cuts(self) -> t.Iterator[tuple[str, int, str]]:
        for field, seconds in self._lifetimes():
            problem = self.mount.too_long(seconds)
            if problem:
                yield field, seconds, problem


def _strict(desired: RoleState) -> RoleState:
    """Return what a new role gets: what is declared, and what we forbid unless it is declared."""
    undeclared: dict[str, t.Any] = {
        name: value for name, value in STRICTER.items() if getattr(desired, name) is UNMANAGED
    }
    return replace(desired, **undeclared)


def _gather(vault: Vault, each: Each) -> Batch:
    mounts = PkiMounts(vault)
    return vault_batch(vault, each(lambda item: PkiRole.declared(mounts.at(item["mount"]), item)))


PKI_ROLES: t.Final = Section(
    "roles",
    {"name": {"type": "str", "required": True}, **MOUNT_OPTION, **RoleState.options(), **STATE},
    _gather,
    shared=("mount",),
)
