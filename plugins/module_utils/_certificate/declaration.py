# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""From module options to certificates."""

from __future__ import annotations

import datetime
import platform
import typing as t
from collections.abc import Mapping

from .._core.errors import InvalidInput
from .._core.files import FileTransaction
from .._core.kinds import SECONDS
from .._core.normal import instant
from .._core.spec import STATE, Options
from .._pki.drift import CertificateState, Wanted
from .._pki.keys import SIZES, KeySpec
from .._pki.names import SubjectAltNames
from .._pki.renewal import Window
from .layout import LAYOUT_OPTIONS, Layout
from .resource import Absence, Certificate, HostCertificate, Policy
from .signer import Signer

_DECLARED: t.Final = ("key_usage", "extended_key_usage", "key_type", "key_size")
_NAMES: t.Final = ("dns_names", "ip_addresses", "uris", "emails")

#: What concerns one certificate alone.
_OWN_OPTIONS: t.Final[dict[str, Mapping[str, t.Any]]] = {
    "name": {"type": "str", "required": True},
    "common_name": {"type": "str"},
    **{name: CertificateState.options()[name] for name in _NAMES},
    **STATE,
}

#: What may also be said once for all certificates of a call.
_COMMON_OPTIONS: t.Final[dict[str, Mapping[str, t.Any]]] = {
    **{name: CertificateState.options()[name] for name in _DECLARED},
    "common_name_in_sans": {"type": "bool", "default": True},
    "ttl": dict(SECONDS.option),
    "renew_before": {"type": "str", "default": "33%"},
    "renew_jitter_percent": {"type": "int", "default": 10},
    "not_before": {"type": "str"},
    "renew_key": {"type": "bool", "default": True, "no_log": False},
    "keep_generations": {"type": "int", "default": 2},
    "on_mismatch": {"type": "str", "choices": ["fail", "replace"], "default": "replace"},
    "allow_development_ca": {"type": "bool", "default": False},
    "provider": {"type": "str", "choices": ["vault", "local"], "default": "vault"},
    "mount": {"type": "str"},
    "role": {"type": "str"},
    "issuer": {"type": "str"},
    "ca_directory": {"type": "path"},
    "ca_passphrase_file": {"type": "path", "no_log": False},
    **LAYOUT_OPTIONS,
}

ITEM_OPTIONS: t.Final[Options] = {**_OWN_OPTIONS, **_COMMON_OPTIONS}
SHARED: t.Final = tuple(_COMMON_OPTIONS)


def declared(
    item: Mapping[str, t.Any], signer_for: t.Callable[[Mapping[str, t.Any]], Signer], files: FileTransaction
) -> HostCertificate:
    """Build one certificate; raises :class:`InvalidInput` naming the option."""
    name = item["name"]
    if item["keep_generations"] < 1:
        raise InvalidInput(
            "has to be at least 1", field="keep_generations", remedy="The one in force is a generation too."
        )
    policy = Policy(
        item["on_mismatch"],
        item["renew_key"],
        item["allow_development_ca"],
        item["keep_generations"],
        _instant(item["not_before"]),
    )
    layout = Layout.declared(item)
    if item["state"] == "absent":
        return Absence(name, layout, files)
    _refuse_missing(item)
    return Certificate(name, layout, files, _wanted(item), signer_for(item), policy)


def _wanted(item: Mapping[str, t.Any]) -> Wanted:
    common_name = item["common_name"] or item["name"]
    sans = SubjectAltNames.declared(*(item[name] for name in _NAMES))
    if item["common_name_in_sans"]:
        sans = sans.including(common_name)
    state = CertificateState.declared(
        {**{name: item[name] for name in _DECLARED}, "common_name": common_name, **sans.shown()},
    )
    if not 0 <= item["renew_jitter_percent"] <= 100:
        raise InvalidInput("is not between 0 and 100", field="renew_jitter_percent", remedy="Give a percentage.")
    KeySpec.declared(item["key_type"] or next(iter(SIZES)), item["key_size"])  # refuses what cannot be made
    wanted = Wanted(
        state,
        ttl=_seconds(item["ttl"]),
        window=Window.parse(item["renew_before"]),
        jitter_fraction=item["renew_jitter_percent"] / 100,
        seed=f"{platform.node()}/{item['name']}",
    )
    _refuse_unreachable_margin(wanted)
    return wanted


def _seconds(value: t.Optional[str]) -> t.Optional[int]:
    if value is None:
        return None
    try:
        seconds: int = SECONDS.canonical(value)
    except ValueError as error:
        raise InvalidInput(str(error), field="ttl") from None
    return seconds


def _instant(value: t.Optional[str]) -> t.Optional[datetime.datetime]:
    try:
        return None if value is None else instant(value)
    except ValueError as error:
        raise InvalidInput(str(error), field="not_before") from None


def _refuse_unreachable_margin(wanted: Wanted) -> None:
    """Refuse a margin that no certificate of the declared life can satisfy; each run would issue again."""
    if wanted.ttl is not None and wanted.window.seconds is not None and wanted.window.seconds >= wanted.ttl:
        raise InvalidInput(
            "is not shorter than ttl, so that every run would issue again",
            field="renew_before",
            remedy="Shorten it, or give a share of the lifetime such as 33%.",
        )


def _refuse_missing(item: Mapping[str, t.Any]) -> None:
    needed = {"vault": ("mount", "role"), "local": ("ca_directory",)}[item["provider"]]
    for option in needed:
        if not item[option]:
            raise InvalidInput(f"not given, but provider {item['provider']} needs it", field=option, remedy="Give it.")
