# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Where certificates to look at come from: files, text, TLS servers and Vault."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .._core.address import at, route, word
from .._core.errors import InvalidInput, TrustmeshError
from .._core.files import read_file
from .._core.foreign import Answer
from .._core.spec import Options
from .._pki.certificate import decoded, iso, parse_certificates, serial_number, serial_text
from .._pki.errors import PkiError
from .endpoint import Endpoint, fetch

if t.TYPE_CHECKING:
    from cryptography import x509

SOURCE_OPTIONS: t.Final[Options] = {
    "name": {"type": "str"},
    "path": {"type": "path"},
    "pem": {"type": "str"},
    "der": {"type": "str"},
    "endpoint": {"type": "str"},
    "server_name": {"type": "str"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "connect_timeout": {"type": "int", "default": 10},
    "mount": {"type": "str"},
    "serial": {"type": "str"},
    "issuer": {"type": "str"},
}
_KINDS: t.Final = ("path", "pem", "der", "endpoint", "serial", "issuer")
SOURCE_CONSTRAINTS: t.Final[Mapping[str, t.Any]] = {
    "required_one_of": [_KINDS],
    "mutually_exclusive": [_KINDS],
    "required_together": [("client_cert", "client_key")],
    "required_by": {"serial": ("mount",), "issuer": ("mount",)},
}


class Reader(t.Protocol):
    """What is needed of the port to Vault."""

    def read(self, path: str) -> dict[str, t.Any] | None:
        """Return the data of a path, ``None`` only when there is no such object."""

    def list(self, path: str) -> list[str]:
        """Return the keys below a path."""


class NotFound(TrustmeshError):
    """There is no certificate where one was looked for."""


@dataclass(frozen=True)
class Found:
    """Certificates of one source, the one asked for first, and what else the source said."""

    certificates: tuple[x509.Certificate, ...]
    #: Terms of a TLS connection.
    tls: Mapping[str, t.Any] | None = None
    #: When and why, if the source itself says that the certificate is revoked.
    revoked: str | None = None
    #: Whether the source knows about revocation at all.
    knows_revocation: bool = False
    #: Why the engine that was to be asked about revocation could not tell.
    unknown: str = ""
    warnings: tuple[str, ...] = field(default=())


def label(item: Mapping[str, t.Any]) -> str:
    """Return what to call a source in results."""
    if item["name"]:
        return str(item["name"])
    if item["serial"] or item["issuer"]:
        return f"{item['mount']}/{item['serial'] or item['issuer']}"
    return str(item["endpoint"] or item["path"] or ("PEM text" if item["pem"] else "DER data"))


def find(item: Mapping[str, t.Any], vault: Callable[[], Reader]) -> Found:
    """Get the certificates of a source; raises :class:`TrustmeshError`. ``vault`` is called when a mount is named."""
    if item["path"] is not None:
        return Found(certificates_in(item["path"], "path"))
    if item["pem"] is not None:
        return Found(parse_certificates(item["pem"].encode()))
    if item["der"] is not None:
        return Found(parse_certificates(decoded(item["der"])))
    if item["endpoint"] is not None:
        return _presented(Endpoint.declared(item))
    mount = route(item["mount"], "mount")
    if item["serial"] is not None:
        return _issued(vault(), mount, item["serial"])
    return _issuer(vault(), mount, item["issuer"])


def certificates_in(path: str, option: str) -> tuple[x509.Certificate, ...]:
    """Read all certificates of a file on this host, PEM or DER."""
    content = read_file(path)
    if content is None:
        raise NotFound(f"{path} does not exist on this host", field=option)
    try:
        return parse_certificates(content)
    except PkiError as error:
        raise error.within(path) from None


def _presented(endpoint: Endpoint) -> Found:
    seen = fetch(endpoint)
    warnings = [] if seen.whole else ["only the leaf can be seen with this version of Python; the chain needs 3.10"]
    if seen.refusal:
        warnings.append(f"{endpoint} showed its certificate and then ended the handshake: {seen.refusal}")
    certificates = tuple(certificate for der in seen.certificates for certificate in parse_certificates(der))
    tls = {"endpoint": str(endpoint), "version": seen.tls_version, "cipher": seen.cipher, "refusal": seen.refusal}
    return Found(certificates, tls=tls, warnings=tuple(warnings))


def _issued(vault: Reader, mount: str, serial: str) -> Found:
    try:
        name = serial_text(serial_number(serial))
    except ValueError as error:
        raise InvalidInput(str(error), field="serial") from None
    data = _read(vault, at(mount, "cert", name))
    if data is None:
        raise NotFound(
            f"{mount} has no certificate {name}",
            field="serial",
            remedy="It may have been tidied away, or its role does not store certificates (no_store).",
        )
    return Found(_chain_of(data), revoked=_revocation(data), knows_revocation=True)


def _issuer(vault: Reader, mount: str, name: str) -> Found:
    data = _read(vault, at(mount, "issuer", word(name, "issuer"), "json"))
    if data is None:
        raise NotFound(
            f"{mount} has no issuer {name}", field="issuer", remedy="List them with trustmesh.security.vault_info."
        )
    return Found(_chain_of(data), revoked=_revocation(data), knows_revocation=True)


def _read(vault: Reader, path: str) -> Answer | None:
    data = vault.read(path)
    return None if data is None else Answer.of(data, path)


def _chain_of(data: Answer) -> tuple[x509.Certificate, ...]:
    """Return the certificate and the rest of its chain; an issuer's chain begins with itself."""
    texts = [data.text("certificate"), *data.texts("ca_chain")]
    found = parse_certificates("\n".join(texts).encode())
    return tuple(dict.fromkeys(found))


def _revocation(data: Answer) -> str | None:
    if not data.seconds("revocation_time"):
        return None
    return f"since {iso(data.instant('revocation_time'))}"
