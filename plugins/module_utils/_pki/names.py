# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Names in certificates: subjects and subject alternative names, in canonical form."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._core import normal
from .errors import PkiError

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LONGEST_NAME = 253
#: ub-common-name of RFC 5280, appendix A.
_LONGEST_COMMON_NAME = 64


def dns_name(value: t.Any) -> str:
    """Return a host name as certificates carry it: A-labels, lower case, at most a leading ``*`` label (RFC 6125)."""
    return _dns_name(str(value))


@functools.lru_cache(maxsize=4096)  # a batch meets each name as declared, as common name and in the certificate
def _dns_name(value: str) -> str:
    name = normal.dns_name(value)
    if _is_address(name):
        raise ValueError(f"{value!r} is an IP address; declare it in ip_addresses")
    labels = name.split(".")
    if labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{value!r} is not a DNS name")
    return name


def _certified_address(value: t.Any) -> str:
    """Return an IP address as certificates may carry it; authorities and clients refuse IPv4 in the form of IPv6."""
    address = normal.ip_address(value)
    plain = getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
    if plain is not None:
        raise ValueError(
            f"{value!r} is an IPv4 address in the form of IPv6, which certificates may not carry; declare {plain}"
        )
    return address


def email_address(value: t.Any) -> str:
    """Return a mail address with its domain in lower case; the local part may be case sensitive (RFC 5321, 2.4)."""
    text = str(value).strip()
    local, at, domain = text.rpartition("@")
    if not at or not local or not text.isascii() or re.search(r"\s", text):
        raise ValueError(f"{value!r} is not a mail address in ASCII")
    return f"{local}@{dns_name(domain)}"


def uri(value: t.Any) -> str:
    """Return an absolute URI with scheme and host in lower case (RFC 3986, 6.2.2.1); the path keeps its case."""
    text = str(value).strip()
    match = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*):(//[^/?#]*)?([!-~]+)?", text)
    if match is None or not (match.group(2) or match.group(3)):
        raise ValueError(f"{value!r} is not an absolute URI, such as spiffe://example.org/service")
    scheme, authority, rest = match.group(1).lower(), match.group(2) or "", match.group(3) or ""
    user, at, host = authority.rpartition("@")
    if scheme == "spiffe" and (not urlsplit(text).hostname or not rest.strip("/")):
        raise ValueError(f"{value!r} is not a SPIFFE ID, such as spiffe://example.org/service")
    return f"{scheme}:{user}{at}{host.lower()}{rest}"


def _is_address(text: str) -> bool:
    if ":" not in text and not text[-1:].isdigit():  # most names end here, at a tenth of the price
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class SubjectAltNames:
    """The names a certificate is valid for (RFC 5280, 4.2.1.6), as sets: order and repetition mean nothing."""

    dns: frozenset[str] = frozenset()
    ip: frozenset[str] = frozenset()
    uri: frozenset[str] = frozenset()
    email: frozenset[str] = frozenset()

    @classmethod
    def declared(
        cls,
        dns_names: t.Iterable[str] | None = None,
        ip_addresses: t.Iterable[str] | None = None,
        uris: t.Iterable[str] | None = None,
        emails: t.Iterable[str] | None = None,
    ) -> SubjectAltNames:
        """Build from option lists; raises :class:`PkiError` naming the option."""
        return cls(
            dns=_each("dns_names", dns_name, dns_names),
            ip=_each("ip_addresses", _certified_address, ip_addresses),
            uri=_each("uris", uri, uris),
            email=_each("emails", email_address, emails),
        )

    @classmethod
    def observed(cls, extension: x509.SubjectAlternativeName | None) -> SubjectAltNames:
        """Build from a certificate's extension; what does not follow the rules is kept as written, to be seen."""
        if extension is None:
            return cls()
        return cls(
            dns=frozenset(_tolerant(dns_name, name) for name in extension.get_values_for_type(x509.DNSName)),
            ip=frozenset(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
            uri=frozenset(
                _tolerant(uri, name) for name in extension.get_values_for_type(x509.UniformResourceIdentifier)
            ),
            email=frozenset(_tolerant(email_address, name) for name in extension.get_values_for_type(x509.RFC822Name)),
        )

    def __bool__(self) -> bool:
        return bool(self.dns or self.ip or self.uri or self.email)

    def including(self, common_name: str | None) -> SubjectAltNames:
        """Add the common name as the kind of name it looks like; authorities do, and clients ignore the subject."""
        text = (common_name or "").strip()
        if _is_address(text):
            return dataclasses.replace(self, ip=self.ip | {normal.ip_address(text)})
        for kind, canonical in (("email", email_address), ("dns", dns_name)):
            try:
                return dataclasses.replace(self, **{kind: getattr(self, kind) | {canonical(text)}})
            except ValueError:
                continue
        return self

    def covers(self, host: str) -> bool:
        """Tell whether a client that connects to a host name or address accepts these names (RFC 9525, 6.3).

        A ``*`` stands for exactly one label. The common name is not looked at; clients stopped doing so.
        """
        if _is_address(host):
            return normal.ip_address(host) in self.ip
        try:
            name = normal.dns_name(host)
        except ValueError:
            return False
        parent = name.partition(".")[2]
        return name in self.dns or (bool(parent) and f"*.{parent}" in self.dns)

    def general_names(self) -> list[x509.GeneralName]:
        """Return the names for an extension, in an order that does not depend on how they were declared."""
        return [
            *(x509.DNSName(name) for name in sorted(self.dns)),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(self.ip)),
            *(x509.UniformResourceIdentifier(name) for name in sorted(self.uri)),
            *(x509.RFC822Name(name) for name in sorted(self.email)),
        ]

    def shown(self) -> dict[str, list[str]]:
        """Return plain lists under the names of the options."""
        return {
            "dns_names": sorted(self.dns),
            "ip_addresses": sorted(self.ip),
            "uris": sorted(self.uri),
            "emails": sorted(self.email),
        }


def _each(field: str, canonical: t.Callable[[t.Any], str], values: t.Iterable[str] | None) -> frozenset[str]:
    try:
        return frozenset(canonical(value) for value in values or ())
    except ValueError as error:
        raise PkiError(str(error), field=field) from None


def _tolerant(canonical: t.Callable[[t.Any], str], value: str) -> str:
    try:
        return canonical(value)
    except ValueError:
        return value


# Go's order of the attributes, so that a name made here and one made by Vault from the same options are equal.
_ATTRIBUTES: t.Final[tuple[tuple[str, str], ...]] = (
    ("country", "2.5.4.6"),
    ("organization", "2.5.4.10"),
    ("organizational_unit", "2.5.4.11"),
    ("locality", "2.5.4.7"),
    ("province", "2.5.4.8"),
    ("street_address", "2.5.4.9"),
    ("postal_code", "2.5.4.17"),
    ("common_name", "2.5.4.3"),
    ("serial_number", "2.5.4.5"),
)
_SINGLE = ("common_name", "serial_number")


@dataclass(frozen=True)
class Subject:
    """A distinguished name; the fields are Vault's option names, several values per attribute allowed."""

    common_name: str | None = None
    organization: tuple[str, ...] = ()
    organizational_unit: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    province: tuple[str, ...] = ()
    locality: tuple[str, ...] = ()
    street_address: tuple[str, ...] = ()
    postal_code: tuple[str, ...] = ()
    serial_number: str | None = None

    @classmethod
    def declared(cls, options: t.Mapping[str, t.Any]) -> Subject:
        """Build from options of the same names; a text stands for a list of one."""
        values: dict[str, t.Any] = {}
        for name, _oid in _ATTRIBUTES:
            value = options.get(name)
            if value is None or value == "":
                continue
            if name in _SINGLE:
                values[name] = str(value).strip()
            else:
                entries = [value] if isinstance(value, str) else list(value)
                values[name] = tuple(str(entry).strip() for entry in entries)
        _check_lengths(values)
        return cls(**values)

    @classmethod
    def observed(cls, name: x509.Name) -> Subject:
        """Build from a certificate's name; attributes that have no option are left out."""
        found: dict[str, list[str]] = {}
        for attribute in name:
            found.setdefault(attribute.oid.dotted_string, []).append(_text(attribute.value))
        values: dict[str, t.Any] = {}
        for field, dotted in _ATTRIBUTES:
            if dotted in found:
                values[field] = found[dotted][-1] if field in _SINGLE else tuple(found[dotted])
        return cls(**values)

    def name(self) -> x509.Name:
        """Return the distinguished name, its attributes in Go's order."""
        attributes = []
        for field, dotted in _ATTRIBUTES:
            value = getattr(self, field)
            for entry in [value] if field in _SINGLE else value:
                if entry:
                    attributes.append(x509.NameAttribute(x509.ObjectIdentifier(dotted), entry))
        return x509.Name(attributes)

    def shown(self) -> dict[str, t.Any]:
        """Return the attributes that are set, as plain data."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()


def _check_lengths(values: t.Mapping[str, t.Any]) -> None:
    if len(values.get("common_name", "")) > _LONGEST_COMMON_NAME:
        raise PkiError(
            f"longer than {_LONGEST_COMMON_NAME} characters, the limit of X.509",
            field="common_name",
            remedy="Use a shorter one and put the long name into dns_names.",
        )
    for country in values.get("country", ()):
        if not re.fullmatch(r"[A-Za-z]{2}", country):
            raise PkiError(f"{country!r} is not a two letter code (ISO 3166)", field="country")


def dn_text(name: x509.Name) -> str:
    """Return a distinguished name as text (RFC 4514)."""
    return name.rfc4514_string()
