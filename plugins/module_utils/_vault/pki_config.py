# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Configuration of a PKI engine (``<mount>/config``): URLs in certificates, cluster paths, CRL and OCSP, tidying.

Each section is an endpoint of its own whose write keeps what it leaves out. A section always exists; before its mount
does, it is what the server will make it.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .._core import normal
from .._core.errors import InvalidInput
from .._core.kinds import BOOLEAN, INTEGER, ORDERED, SECONDS, TEXT, Kind
from .._core.normal import spell_duration
from .._core.plan import Plan, Step
from .._core.reconcile import Batch
from .._core.resource import Composite
from .._core.sections import Each, Section
from .._core.spec import Options
from .._core.state import Field, State, managed
from .errors import UnknownParameter
from .pki_mount import PkiMount, PkiMounts, PkiResource
from .port import Vault
from .resource import unsupported, vault_batch


def _pause(value: t.Any) -> str:
    """Return a short duration with its unit, in which a fraction of a second is meaningful."""
    whole = normal.milliseconds(value)
    return f"{whole}ms" if whole % 1000 else f"{whole // 1000}s"


_DAY: t.Final = 86400


@dataclass(frozen=True)
class UrlsState(State):
    """Where certificates say that their issuer, its CRL and its OCSP responder are found."""

    issuing_certificates: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    crl_distribution_points: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    delta_crl_distribution_points: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    ocsp_servers: Field[tuple[str, ...]] = managed(ORDERED, server_default=())
    enable_templating: Field[bool] = managed(BOOLEAN, server_default=False)


@dataclass(frozen=True)
class ClusterState(State):
    """Where this cluster's engine is reached; templates and ACME build on it."""

    path: Field[str] = managed(TEXT, server_default="")
    aia_path: Field[str] = managed(TEXT, server_default="")


@dataclass(frozen=True)
class CrlState(State):
    """Revocation lists and OCSP answers. Durations come back from the server as they were typed."""

    expiry: Field[int] = managed(SECONDS, server_default=3 * _DAY)
    disable: Field[bool] = managed(BOOLEAN, server_default=False)
    ocsp_disable: Field[bool] = managed(BOOLEAN, server_default=False)
    ocsp_expiry: Field[int] = managed(SECONDS, server_default=_DAY // 2)
    auto_rebuild: Field[bool] = managed(BOOLEAN, server_default=False)
    auto_rebuild_grace_period: Field[int] = managed(SECONDS, server_default=_DAY // 2)
    enable_delta: Field[bool] = managed(BOOLEAN, server_default=False)
    delta_rebuild_interval: Field[int] = managed(SECONDS, server_default=15 * 60)
    allow_expired_cert_revocation: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    max_crl_entries: Field[int] = managed(INTEGER, server_default=100000)
    cross_cluster_revocation: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    unified_crl: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    unified_crl_on_existing_paths: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)


@dataclass(frozen=True)
class AutoTidyState(State):
    """What the server removes by itself, how often, and how long after it ran out."""

    enabled: Field[bool] = managed(BOOLEAN, server_default=False)
    interval_duration: Field[int] = managed(SECONDS, server_default=_DAY // 2)
    min_startup_backoff_duration: Field[int] = managed(SECONDS, server_default=5 * 60)
    max_startup_backoff_duration: Field[int] = managed(SECONDS, server_default=15 * 60)
    tidy_cert_store: Field[bool] = managed(BOOLEAN, server_default=False)
    tidy_revoked_certs: Field[bool] = managed(BOOLEAN, server_default=False)
    tidy_revoked_cert_issuer_associations: Field[bool] = managed(BOOLEAN, server_default=False)
    tidy_invalid_certs: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    tidy_expired_issuers: Field[bool] = managed(BOOLEAN, server_default=False)
    tidy_move_legacy_ca_bundle: Field[bool] = managed(BOOLEAN, server_default=False)
    tidy_acme: Field[bool] = managed(BOOLEAN, server_default=False)
    tidy_revocation_queue: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    tidy_cross_cluster_revoked_certs: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    tidy_cmpv2_nonce_store: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    tidy_cert_metadata: Field[bool] = managed(BOOLEAN, server_default=False, particular=True)
    safety_buffer: Field[int] = managed(SECONDS, server_default=3 * _DAY)
    revoked_safety_buffer: Field[int] = managed(SECONDS, server_default=3 * _DAY)
    issuer_safety_buffer: Field[int] = managed(SECONDS, server_default=365 * _DAY)
    acme_account_safety_buffer: Field[int] = managed(SECONDS, server_default=30 * _DAY)
    revocation_queue_safety_buffer: Field[int] = managed(SECONDS, server_default=2 * _DAY)
    pause_duration: Field[str] = managed(Kind(_pause, {"type": "str"}, numbers=True), server_default="0s")
    page_size: Field[int] = managed(INTEGER, server_default=1000)
    maintain_stored_certificate_counts: Field[bool] = managed(BOOLEAN, server_default=False)
    publish_stored_certificate_count_metrics: Field[bool] = managed(BOOLEAN, server_default=False)


class Merged:
    """What a section will hold: the declared value of a field where there is one, else the one it holds now."""

    def __init__(self, current: State, desired: State) -> None:
        self._values = {**current.managed_values(), **desired.managed_values()}

    def __getattr__(self, name: str) -> t.Any:
        return self._values.get(name)

    def any_of(self, names: t.Iterable[str]) -> bool:
        """Tell whether one of these fields is true."""
        return any(self._values.get(name) for name in names)


_TIDY_OPERATIONS: t.Final = tuple(name for name in AutoTidyState.metas() if name.startswith("tidy_"))


class PkiSection(PkiResource[State]):
    """One section of one engine's configuration; its noun is the option it is declared with."""

    kind = "vault_pki_config"
    endpoint: t.ClassVar[str]
    state: t.ClassVar[type[State]]

    def __init__(self, mount: PkiMount, desired: State) -> None:
        super().__init__(mount, self.noun, desired)
        self.path = mount.at("config", self.endpoint)

    @classmethod
    def declared(cls, mount: PkiMount, options: t.Mapping[str, t.Any]) -> PkiSection:
        """Build from the section's mapping of an item."""
        try:
            return cls(mount, cls.state.declared(options))
        except InvalidInput as error:
            raise error.within(cls.noun) from None

    def read(self) -> State | None:
        data = self.lookup(self.path)
        if data is None:
            return self.state.observed({})
        try:
            self.drop_unsupported(self.path, self.unreported(data))
        except UnknownParameter as error:
            raise error.within(self.noun) from None
        return self.state.observed(data, **unsupported(self.state, data, self.desired))

    def plan(self, current: State | None, now: datetime.datetime) -> Plan:
        return super().plan(current, now).within(self.noun)

    def refine(self, plan: Plan, current: State | None) -> Plan:
        if plan and current and self.desired:
            try:
                self.check(Merged(current, self.desired))
            except InvalidInput as error:
                raise error.within(self.noun) from None
        return plan

    def check(self, merged: Merged) -> None:
        """Raise :class:`InvalidInput` for what the server would refuse, or take and not honour."""

    def steps(self, plan: Plan, current: State | None) -> t.Iterable[Step]:
        if self.desired is not None:
            yield Step("write", self.path, self.desired.wire(only=plan.changed_fields))

    def describe(self, current: State | None) -> dict[str, t.Any]:
        return {self.noun: current.shown()} if current else {}


class Cluster(PkiSection):
    noun = "cluster"
    endpoint = "cluster"
    state = ClusterState


class Urls(PkiSection):
    noun = "urls"
    endpoint = "urls"
    state = UrlsState


class Crl(PkiSection):
    noun = "crl"
    endpoint = "crl"
    state = CrlState

    def check(self, merged: Merged) -> None:
        if merged.expiry <= 0:
            raise InvalidInput("a list that is never valid is of no use", field="expiry", remedy="Use disable.")
        if merged.enable_delta and not merged.auto_rebuild:
            raise InvalidInput(
                "needs auto_rebuild, without which every revocation renews the whole list",
                field="enable_delta",
                remedy="Set auto_rebuild to true as well.",
            )
        periods = {"auto_rebuild_grace_period": merged.auto_rebuild, "delta_rebuild_interval": merged.enable_delta}
        for field, matters in periods.items():
            seconds = getattr(merged, field)
            if matters and seconds >= merged.expiry:
                raise InvalidInput(
                    f"{spell_duration(seconds)} is not shorter than expiry, {spell_duration(merged.expiry)}",
                    field=field,
                    remedy="Shorten it or raise expiry.",
                )


class AutoTidy(PkiSection):
    noun = "auto_tidy"
    endpoint = "auto-tidy"
    state = AutoTidyState

    def check(self, merged: Merged) -> None:
        if merged.enabled and not merged.any_of(_TIDY_OPERATIONS):
            raise InvalidInput(
                "is true, but nothing is selected to be tidied",
                field="enabled",
                remedy="Set tidy_cert_store, tidy_revoked_certs or another of the tidy_ options to true.",
            )
        if merged.publish_stored_certificate_count_metrics and not merged.maintain_stored_certificate_counts:
            raise InvalidInput(
                "needs maintain_stored_certificate_counts",
                field="publish_stored_certificate_count_metrics",
                remedy="Set that to true as well.",
            )


#: In the order in which they are written: templated URLs need the cluster's paths.
SECTIONS: t.Final[tuple[type[PkiSection], ...]] = (Cluster, Urls, Crl, AutoTidy)


def section_options() -> Options:
    """Return the options of an item: one mapping per section."""
    return {section.noun: {"type": "dict", "options": section.state.options()} for section in SECTIONS}


class PkiConfig(Composite):
    """The declared sections of one engine."""

    kind = "vault_pki_config"
    noun = "config"

    @classmethod
    def declared(cls, mount: PkiMount, item: t.Mapping[str, t.Any]) -> PkiConfig:
        """Build from an item of the module."""
        given = [section for section in SECTIONS if item.get(section.noun) is not None]
        return cls(mount.path, [section.declared(mount, item[section.noun]) for section in given])


def _gather(vault: Vault, each: Each) -> Batch:
    mounts = PkiMounts(vault)
    return vault_batch(vault, each(lambda item: PkiConfig.declared(mounts.at(item["mount"]), item)))


ENGINES: t.Final = Section(
    "engines",
    {"mount": {"type": "str", "required": True}, **section_options()},
    _gather,
    key="mount",
    constraints={"required_one_of": [tuple(section.noun for section in SECTIONS)]},
)
