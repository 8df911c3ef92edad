# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a role of the PKI engine would refuse or change, judged before a request is signed: pure.

The rules about names, keys and usages are those of the engine (``validateNames`` and ``generateCreationBundle`` in
``builtin/logical/pki``). What depends on who asks (templates over identities, names of tokens), or on
the product (upper case), is left to the server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import ipaddress
import re
import typing as t
from collections.abc import Iterable, Iterator

from .._core.errors import InvalidInput
from .._core.normal import spell_duration
from .._core.plan import plan_state
from .._pki import usages
from .._pki.certificate import iso, validity
from .._pki.names import dn_text
from .answer import Fields
from .port import Data

if t.TYPE_CHECKING:
    from cryptography import x509

    from .._pki.drift import Wanted

_ROLE: t.Final = "trustmesh.security.vault_pki_role"
_FLAGS: t.Final = {
    "server_flag": "ServerAuth",
    "client_flag": "ClientAuth",
    "code_signing_flag": "CodeSigning",
    "email_protection_flag": "EmailProtection",
}
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
_WILDCARD_LABEL = re.compile(r"[A-Za-z0-9-]*\*[A-Za-z0-9-]*")


_READ: t.Final = {
    "texts": ("cn_validations", "allowed_domains", "allowed_ip_sans_cidr", "allowed_uri_sans", "key_usage",
              "ext_key_usage", "ext_key_usage_oids"),
    "text_or": ("issuer_ref", "key_type", "not_after"),
    "number_or": ("ttl", "max_ttl", "not_before_duration", "key_bits"),
}  # fmt: skip


def well_formed(role: Fields) -> Fields:
    """Return a role whose fields are of the types that are relied on here; raises :class:`NotVault`."""
    for way, names in _READ.items():
        for name in names:
            getattr(role, way)(name)
    return role


def objections(role: Data, name: str, wanted: Wanted) -> Iterator[InvalidInput]:
    """Yield what the role called ``name`` has against names, key and usages of a declaration."""
    yield from _names(role, name, wanted)
    yield from _addresses(role, name, wanted)
    yield from _uris(role, name, wanted)
    yield from _key(role, name, wanted)
    yield from _usages(role, name, wanted)
    if role.get("not_after") and wanted.ttl:
        yield InvalidInput(
            f"role {name} sets the end of every certificate itself (not_after {role['not_after']})",
            field="ttl",
            remedy=f"Leave ttl out, or clear not_after of the role ({_ROLE}).",
        )


def _names(role: Data, name: str, wanted: Wanted) -> Iterator[InvalidInput]:
    common = wanted.common_name
    validations = role.get("cn_validations") or []
    if common and validations != ["disabled"]:
        kind = "email" if "@" in common else "hostname"
        if _refuses_name(role, common) or (validations and kind not in validations):
            yield _refused(role, name, "common_name", [common])
    for field, values in (("dns_names", wanted.sans.dns), ("emails", wanted.sans.email)):
        refused = sorted(value for value in values if value != common and _refuses_name(role, value))
        if refused:
            yield _refused(role, name, field, refused)


def _refused(role: Data, name: str, field: str, values: Iterable[str]) -> InvalidInput:
    domains = ", ".join(role.get("allowed_domains") or []) or "none"
    ways = [
        way
        for way, option in (
            ("themselves", "allow_bare_domains"),
            ("with subdomains", "allow_subdomains"),
            ("as patterns", "allow_glob_domains"),
            ("with wildcards", "allow_wildcard_certificates"),
        )
        if role.get(option)
    ]
    shown = f"{domains} ({', '.join(ways)})" if ways and domains != "none" else domains
    return InvalidInput(
        f"role {name} does not allow {', '.join(values)}; its allowed_domains are {shown}",
        field=field,
        remedy=f"Declare a name that the role allows, or widen the role ({_ROLE}).",
    )


def _refuses_name(role: Data, name: str) -> bool:
    """Tell whether the role refuses a DNS name or mail address; false where that cannot be known."""
    if not name.isascii():
        return False
    host = name.rpartition("@")[2].lower()
    label, is_wildcard = "", "*" in host
    if name.count("@") > 1 or (is_wildcard and ("@" in name or role.get("allow_wildcard_certificates") is False)):
        return True
    if is_wildcard:
        label, _dot, host = host.partition(".")
        if "*" in host:
            return True
    if role.get("enforce_hostnames", True):
        if host and (len(host) > 253 or not _HOST_NAME.fullmatch(host)):
            return True
        if is_wildcard and not _WILDCARD_LABEL.fullmatch(label):
            return True
    if role.get("allow_any_name"):
        return False
    return not any(allow(role, name.lower(), host, is_wildcard) for allow in (_local, _undecidable, _in_domains))


def _local(role: Data, name: str, host: str, is_wildcard: bool) -> bool:
    if not role.get("allow_localhost"):
        return False
    if host in ("localhost", "localdomain"):
        return True
    return bool(role.get("allow_subdomains")) and host.endswith((".localhost", ".localdomain"))


def _undecidable(role: Data, name: str, host: str, is_wildcard: bool) -> bool:
    """Tell whether the answer depends on who asks."""
    if role.get("allow_token_displayname"):
        return True
    return bool(role.get("allowed_domains_template")) and any("{{" in domain for domain in _domains(role))


def _domains(role: Data) -> list[str]:
    return [str(domain).lower() for domain in role.get("allowed_domains") or [] if domain]


def _in_domains(role: Data, name: str, host: str, is_wildcard: bool) -> bool:
    for domain in _domains(role):
        if role.get("allow_bare_domains") and (name == domain or ("@" in name and host == domain)):
            return True
        if role.get("allow_subdomains") and (host.endswith(f".{domain}") or (is_wildcard and host == domain)):
            return True
        if role.get("allow_glob_domains") and "*" in domain and _glob(domain, name):
            return True
    return False


def _glob(pattern: str, text: str) -> bool:
    """Match as the engine does: an asterisk stands for anything, dots included."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _addresses(role: Data, name: str, wanted: Wanted) -> Iterator[InvalidInput]:
    addresses = sorted(wanted.sans.ip)
    if addresses and role.get("allow_ip_sans") is False:
        yield InvalidInput(
            f"role {name} allows no IP addresses, declared {', '.join(addresses)}",
            field="ip_addresses",
            remedy=f"Leave them out, or set allow_ip_sans of the role ({_ROLE}).",
        )
    networks = role.get("allowed_ip_sans_cidr") or []
    outside = [entry for entry in addresses if networks and not _within(entry, networks)]
    if outside:
        yield InvalidInput(
            f"role {name} allows addresses in {', '.join(networks)} only, declared {', '.join(outside)}",
            field="ip_addresses",
            remedy=f"Declare an address in these networks, or widen the role ({_ROLE}).",
        )


def _within(address: str, networks: Iterable[str]) -> bool:
    try:
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(entry, strict=False) for entry in networks)
    except ValueError:
        return True


def _uris(role: Data, name: str, wanted: Wanted) -> Iterator[InvalidInput]:
    patterns = [str(pattern) for pattern in role.get("allowed_uri_sans") or []]
    if role.get("allowed_uri_sans_template") and any("{{" in pattern for pattern in patterns):
        return
    refused = sorted(entry for entry in wanted.sans.uri if not any(_glob(pattern, entry) for pattern in patterns))
    if refused:
        allowed = ", ".join(patterns) or "none"
        yield InvalidInput(
            f"role {name} does not allow {', '.join(refused)}; its allowed_uri_sans are {allowed}",
            field="uris",
            remedy=f"Declare a URI that the role allows, or widen the role ({_ROLE}).",
        )


def _key(role: Data, name: str, wanted: Wanted) -> Iterator[InvalidInput]:
    kind, least = role.get("key_type"), role.get("key_bits")
    if kind not in (None, "", "any", wanted.key.type):
        yield InvalidInput(
            f"role {name} signs {kind} keys only, the key would be {wanted.key.type}",
            field="key_type",
            remedy=f"Declare key_type {kind}, or set key_type of the role to any ({_ROLE}).",
        )
    elif kind != "any" and isinstance(least, int) and wanted.key.size is not None and wanted.key.size < least:
        yield InvalidInput(
            f"role {name} demands at least {least} bits, the key would have {wanted.key.size}",
            field="key_size",
            remedy=f"Declare a larger key_size, or lower key_bits of the role ({_ROLE}).",
        )


def _usages(role: Data, name: str, wanted: Wanted) -> Iterator[InvalidInput]:
    """Compare the declared usages with those that the role gives to everything it signs."""
    declared = wanted.state.managed_values()
    given: dict[str, t.Any] = {}
    with contextlib.suppress(ValueError, TypeError):  # a usage that the server knows and this collection does not
        if "key_usage" in declared and "key_usage" in role:
            given["key_usage"] = frozenset(map(usages.key_usage, role["key_usage"] or []))
        if "extended_key_usage" in declared and "ext_key_usage" in role:
            given["extended_key_usage"] = frozenset(_extended(role))
    for change in plan_state(dataclasses.replace(wanted.state, **given), wanted.state).changes:
        yield InvalidInput(
            f"role {name} gives other usages: {change.reason}",
            field=change.path,
            remedy=f"Correct the declaration or the role ({_ROLE}).",
        )


def _extended(role: Data) -> Iterator[str]:
    yield from (usage for flag, usage in _FLAGS.items() if role.get(flag))
    yield from map(usages.extended_key_usage, role["ext_key_usage"] or [])
    yield from map(usages.extended_key_usage, role.get("ext_key_usage_oids") or [])


#: In place of what an issuer does beyond its own end: an authority above it ends before it.
ABOVE: t.Final = "above"


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What bounds the life of a certificate beside its role; what is not known is ``None`` or zero."""

    mount: str
    #: The longest life that the mount grants, in seconds.
    ceiling: int | None = None
    #: Of the authorities the one that ends first, and what the issuer does with a life that reaches beyond its end.
    issuer: x509.Certificate | None = None
    beyond_end: str | None = None


def life_objections(
    role: Data, name: str, wanted: Wanted, bounds: Bounds, now: datetime.datetime
) -> Iterator[InvalidInput]:
    """Yield what would cut or refuse the life of a certificate that is signed now. Life counts from that moment."""
    if role.get("not_after"):
        return
    limits = [(role.get("max_ttl") or 0, f"max_ttl of role {name}", f"raise max_ttl ({_ROLE})")]
    limits.append(
        (bounds.ceiling or 0, f"max_lease_ttl of mount {bounds.mount}", "raise it (trustmesh.security.vault_mount)")
    )
    known = [limit for limit in limits if limit[0]]
    for seconds, what, remedy in known:
        if wanted.ttl and wanted.ttl > seconds:
            yield InvalidInput(
                f"{spell_duration(wanted.ttl)} exceeds the {what}, {spell_duration(seconds)}",
                field="ttl",
                remedy=f"Declare a shorter ttl or {remedy}.",
            )
            return
    asked = wanted.ttl or role.get("ttl") or 0
    most = min([*filter(None, [asked]), *(seconds for seconds, _what, _remedy in known)], default=None)
    if most is None:
        return
    backdated = now - datetime.timedelta(seconds=role.get("not_before_duration") or 0)
    never_rests = wanted.window.problem(backdated, now + datetime.timedelta(seconds=most))
    if never_rests:
        yield InvalidInput(
            never_rests,
            field="renew_before",
            remedy=f"Shorten renew_before, or raise the life that role {name} grants ({_ROLE}).",
        )
    if bounds.issuer is not None:
        yield from _beyond_issuer(most if asked else 0, bounds, now)


def _beyond_issuer(seconds: int, bounds: Bounds, now: datetime.datetime) -> Iterator[InvalidInput]:
    issuer = t.cast("x509.Certificate", bounds.issuer)
    end = validity(issuer)[1]
    if end <= now:
        yield InvalidInput(
            f"{dn_text(issuer.subject)}, which signs, ended at {iso(end)}",
            field="issuer",
            remedy="Replace it (trustmesh.security.vault_pki_issuer); nothing it signs is valid.",
        )
        return
    if now + datetime.timedelta(seconds=seconds) <= end or bounds.beyond_end == "permit":
        return
    does = {
        "err": "which the issuer refuses",
        "truncate": "where the issuer cuts it",
        ABOVE: "which stands above the issuer, so that the certificate would not be valid to its end",
    }
    yield InvalidInput(
        f"{spell_duration(seconds)} reaches beyond the end of {dn_text(issuer.subject)} at {iso(end)}, "
        f"{does.get(bounds.beyond_end or '', 'and whether the issuer permits that cannot be read')}",
        field="ttl",
        remedy="Declare a shorter ttl, or replace the issuer (trustmesh.security.vault_pki_issuer).",
    )
