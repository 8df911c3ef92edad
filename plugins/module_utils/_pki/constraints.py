# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Name constraints of authorities (RFC 5280, 4.2.1.10)."""

from __future__ import annotations

import ipaddress
import itertools
import re
import typing as t
from urllib.parse import urlsplit

from .extensions import extensions_of
from .names import SubjectAltNames, dn_text

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

#: A kind of name and one of that kind.
Named = tuple[str, t.Any]
#: A common name that programs take for a host: at least two labels.
_HOST_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")


def name_violations(path: t.Sequence[x509.Certificate]) -> list[str]:
    """Return the names in a path, leaf first, that an authority above them does not allow, in sentences.

    Alternative names of leaf and intermediates are checked, and what programs take for one in the subject: mail
    addresses, and a common name where the leaf has no DNS name. An authority that issued itself a new certificate is
    exempt (RFC 5280, 4.2.1.10). Constraints of other kinds than DNS, IP, mail, URI and
    directory names are reported as unchecked when they are critical, because ignoring them would be wrong.
    """
    return refused_names(lambda: _names(path[0], is_leaf=True), path[1:])


def names_of(subject: x509.Name, sans: SubjectAltNames, *, is_leaf: bool = True) -> list[Named]:
    """Return the kinds and names that constraints may concern."""
    found: list[Named] = []
    for kind in ("dns", "ip", "uri", "email"):
        found += ((kind, name) for name in sorted(getattr(sans, kind)))
    for attribute in subject:
        text = str(attribute.value).lower()
        if attribute.oid == x509.NameOID.EMAIL_ADDRESS:
            found.append(("email", text))
        elif attribute.oid == x509.NameOID.COMMON_NAME and is_leaf and not sans.dns and _HOST_NAME.fullmatch(text):
            found.append(("dns", text))
    return [*found, ("directory", subject)] if subject.rdns else found


def refused_names(leaf: t.Callable[[], list[Named]], authorities: t.Sequence[x509.Certificate]) -> list[str]:
    """Return as :func:`name_violations` what authorities, issuer first, refuse of a leaf that may be yet to be signed.

    The names of the leaf are asked for only where something is constrained.
    """
    problems = []
    for at, authority in enumerate(authorities):
        extension = _extension(authority, "NameConstraints")
        if extension is None:
            continue
        between = (entry for entry in authorities[:at] if entry.subject != entry.issuer)
        below = [leaf(), *(_names(entry, is_leaf=False) for entry in between)]
        for kind, name in itertools.chain.from_iterable(below):
            complaint = _complaint(extension.value, kind, name)
            if complaint:
                problems.append(f"{dn_text(authority.subject)} {complaint}")
        if extension.critical:
            problems += [f"{dn_text(authority.subject)} {text}" for text in _unchecked(extension.value)]
    return list(dict.fromkeys(problems))


def closed_domains(domains: t.Iterable[str], authorities: t.Iterable[x509.Certificate]) -> list[str]:
    """Return for which DNS subtrees authorities allow no name at all, in sentences."""
    problems = []
    for authority in authorities:
        extension = _extension(authority, "NameConstraints")
        if extension is None:
            continue
        excluded, permitted = (
            [subtree.value for subtree in subtrees or () if _kind_of(subtree) == "dns"]
            for subtrees in (extension.value.excluded_subtrees, extension.value.permitted_subtrees)
        )
        for domain in domains:
            inside = any(_dns(domain, subtree) or _dns(subtree, domain) for subtree in permitted)
            if any(_dns(domain, subtree) for subtree in excluded) or (permitted and not inside):
                problems.append(f"{dn_text(authority.subject)} permits no name in {domain}")
    return problems


def constrains(authority: x509.Certificate) -> bool:
    """Tell whether an authority constrains the names below it."""
    return _extension(authority, "NameConstraints") is not None


def _extension(certificate: x509.Certificate, name: str) -> t.Any:
    return next((entry for entry in extensions_of(certificate) if type(entry.value).__name__ == name), None)


def _names(certificate: x509.Certificate, *, is_leaf: bool) -> list[Named]:
    extension = _extension(certificate, "SubjectAlternativeName")
    sans = SubjectAltNames.observed(extension.value if extension else None)
    return names_of(certificate.subject, sans, is_leaf=is_leaf)


def _complaint(constraints: x509.NameConstraints, kind: str, name: t.Any) -> str | None:
    shown = dn_text(name) if kind == "directory" else name
    for subtree in constraints.excluded_subtrees or ():
        if _kind_of(subtree) == kind and _MATCHES[kind](name, subtree.value):
            return f"excludes the name {shown}"
    permitted = [subtree for subtree in constraints.permitted_subtrees or () if _kind_of(subtree) == kind]
    if permitted and not any(_MATCHES[kind](name, subtree.value) for subtree in permitted):
        return f"does not permit the name {shown}"
    return None


def _unchecked(constraints: x509.NameConstraints) -> list[str]:
    subtrees = (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))
    kinds = sorted({type(subtree).__name__ for subtree in subtrees if _kind_of(subtree) is None})
    return [f"constrains names of the kind {kind}, which is not checked here" for kind in kinds]


def _kind_of(name: x509.GeneralName) -> str | None:
    kinds = {
        "DNSName": "dns",
        "IPAddress": "ip",
        "UniformResourceIdentifier": "uri",
        "RFC822Name": "email",
        "DirectoryName": "directory",
    }
    return kinds.get(type(name).__name__)


def _dns(name: str, subtree: str) -> bool:
    """Match a name in the subtree: the domain itself or anything below; empty matches all.

    A leading dot, which RFC 5280 does not know for DNS names, excludes the domain itself, as in OpenSSL.
    """
    base = subtree.lower()
    if base.startswith("."):
        return name.endswith(base)
    name = name[2:] if name.startswith("*.") else name
    return not base or name == base or name.endswith("." + base)


def _ip(name: str, subtree: t.Any) -> bool:
    address = ipaddress.ip_address(name)
    return bool(address.version == subtree.version and address in subtree)


def _host(host: str, subtree: str) -> bool:
    """Match a host of a URI or mail address: ``.example.org`` covers what is below, ``example.org`` that host alone."""
    subtree = subtree.lower()
    return host.endswith(subtree) if subtree.startswith(".") else host == subtree


def _uri(name: str, subtree: str) -> bool:
    return _host((urlsplit(name).hostname or "").lower(), subtree)


def _email(name: str, subtree: str) -> bool:
    return name == subtree if "@" in subtree else _host(name.rpartition("@")[2], subtree)


def _directory(name: x509.Name, subtree: x509.Name) -> bool:
    """Match a name that begins with the attributes of the subtree, in order."""
    return name.rdns[: len(subtree.rdns)] == subtree.rdns


_MATCHES: t.Final[t.Mapping[str, t.Callable[[t.Any, t.Any], bool]]] = {
    "dns": _dns,
    "ip": _ip,
    "uri": _uri,
    "email": _email,
    "directory": _directory,
}
