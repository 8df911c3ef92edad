# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Certificates: reading them and the facts about one (RFC 5280)."""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import hashlib
import re
import typing as t
from dataclasses import dataclass, field

from .._core.mistaken import explained, is_other
from .._core.normal import pem_blocks
from .._core.pem import find_blocks
from .development import has_marker
from .errors import PkiError
from .extensions import extensions_of
from .keys import KeySpec, public_key, spec_of, spki_sha256
from .malformed import MALFORMED
from .names import Subject, SubjectAltNames, dn_text
from .usages import extended_key_usage_names, key_usage_names

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509.oid import AuthorityInformationAccessOID as access
except ImportError:  # reported through Spec.requires before any of this is called
    pass

_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_DER_SEQUENCE = b"\x30"
#: What the library parses when it is first asked for.
_LAZY_PARTS: t.Final = ("version", "subject", "issuer", "signature_algorithm_oid")


def parse_certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """Read every certificate of a PEM text (CRLF, comments and other blocks allowed) or the one of a DER file.

    Raises :class:`PkiError` when there is none or one is malformed.
    """
    if data[:1] == _DER_SEQUENCE:
        if is_other(data, "certificate"):
            raise _other(data)
        return (_load(data, "the DER data"),)
    text = data.decode("ascii", "replace")
    blocks = [text[block.start : block.end] for block in find_blocks(text, _LABELS.__contains__)]
    if not blocks:
        raise _other(data)
    return tuple(_load(_der(block, at), f"certificate {at} of {len(blocks)}") for at, block in enumerate(blocks, 1))


def _other(data: bytes) -> PkiError:
    """Say what data without a certificate is, where that can be told."""
    remedy = "Give PEM text (-----BEGIN CERTIFICATE-----) or one certificate in DER."
    problem, remedy = explained("no certificate was found", remedy, data, "certificate")
    return PkiError(problem, remedy=remedy)


def _der(block: str, at: int) -> bytes:
    try:
        lines = pem_blocks(block)[0].splitlines()
    except ValueError as error:
        raise PkiError(f"certificate {at} is malformed: {error}", remedy="Restore the file or remove it.") from None
    return base64.b64decode("".join(lines[1:-1]))


def _load(der: bytes, what: str) -> x509.Certificate:
    """Read a certificate and all that the library leaves for later, so that nobody meets damage further on."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        for part in _LAZY_PARTS:
            getattr(certificate, part)
        extensions_of(certificate)
    except MALFORMED:
        raise PkiError(f"{what} is malformed", remedy="Restore the file or remove it.") from None
    return certificate


def decoded(text: str) -> bytes:
    """Return the bytes of a base64 text, in which line ends are allowed; PEM inside (as ``slurp`` gives) is fine."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PkiError("is not base64", remedy="Encode DER with base64, or give PEM text.") from None


def certificate_pem(*certificates: x509.Certificate) -> str:
    """Return certificates as PEM text, one after the other, LF line ends and a final newline."""
    return "".join(entry.public_bytes(serialization.Encoding.PEM).decode("ascii") for entry in certificates)


def validity(certificate: x509.Certificate) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the first and the last instant of a certificate as aware times in UTC, with any cryptography since 36."""
    try:
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except AttributeError:  # cryptography before 42
        utc = datetime.timezone.utc
        return certificate.not_valid_before.replace(tzinfo=utc), certificate.not_valid_after.replace(tzinfo=utc)


def serial_text(number: int) -> str:
    """Return a serial number as Vault and OpenSSL write it, in lower case: ``39:dd:2e``."""
    digits = f"{number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def serial_number(text: str) -> int:
    """Return the number of a serial in hexadecimal, with colons, dashes or neither."""
    digits = re.sub(r"[:\s-]", "", text)
    if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]+", digits):
        raise ValueError(f"{text!r} is not a serial number in hexadecimal, such as 39:dd:2e")
    return int(digits, 16)


def iso(instant: datetime.datetime) -> str:
    """Return an instant in UTC as ``2026-01-31T12:00:00Z``."""
    return instant.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class CertificateFacts:
    """What a certificate says, in canonical form.

    Times are aware and in UTC, digests and identifiers lower case hex, usages the names of :mod:`.usages`.
    """

    subject: Subject
    issuer_dn: str
    serial: str
    sans: SubjectAltNames
    key_usage: frozenset[str]
    extended_key_usage: frozenset[str]
    is_ca: bool
    path_length: int | None
    not_before: datetime.datetime
    not_after: datetime.datetime
    key: KeySpec
    spki_sha256: str
    fingerprint_sha256: str
    certificate: x509.Certificate = field(repr=False, compare=False)
    #: What the facts below are read from when somebody asks; a batch that renews in time asks for few of them.
    extensions: _Extensions = field(repr=False, compare=False)

    @classmethod
    def of(cls, certificate: x509.Certificate) -> CertificateFacts:
        """Read the facts; raises :class:`PkiError` when an extension is malformed or twice there."""
        extensions = _Extensions(certificate)
        constraints = extensions.get("BasicConstraints")
        usage, extended = extensions.get("KeyUsage"), extensions.get("ExtendedKeyUsage")
        not_before, not_after = validity(certificate)
        public = public_key(certificate)
        return cls(
            subject=Subject.observed(certificate.subject),
            issuer_dn=dn_text(certificate.issuer),
            serial=serial_text(certificate.serial_number),
            sans=SubjectAltNames.observed(extensions.get("SubjectAlternativeName")),
            key_usage=key_usage_names(usage) if usage else frozenset(),
            extended_key_usage=extended_key_usage_names(extended) if extended else frozenset(),
            is_ca=bool(constraints and constraints.ca),
            path_length=constraints.path_length if constraints else None,
            not_before=not_before,
            not_after=not_after,
            key=spec_of(public),
            spki_sha256=spki_sha256(public),
            fingerprint_sha256=fingerprint_sha256(certificate),
            certificate=certificate,
            extensions=extensions,
        )

    @property
    def subject_dn(self) -> str:
        return dn_text(self.certificate.subject)

    @property
    def subject_key_id(self) -> str | None:
        own = self.extensions.get("SubjectKeyIdentifier")
        return own.digest.hex() if own else None

    @property
    def authority_key_id(self) -> str | None:
        authority = self.extensions.get("AuthorityKeyIdentifier")
        return authority.key_identifier.hex() if authority and authority.key_identifier else None

    @property
    def ocsp_urls(self) -> tuple[str, ...]:
        return self.extensions.access_urls(access.OCSP)

    @property
    def issuer_urls(self) -> tuple[str, ...]:
        return self.extensions.access_urls(access.CA_ISSUERS)

    @property
    def crl_urls(self) -> tuple[str, ...]:
        return self.extensions.crl_urls()

    @property
    def signature_algorithm(self) -> str:
        return _algorithm(self.certificate)

    @property
    def policies(self) -> tuple[str, ...]:
        return self.extensions.policies()

    @property
    def development(self) -> bool:
        return has_marker(self.certificate)

    @property
    def lifetime_seconds(self) -> int:
        return int((self.not_after - self.not_before).total_seconds())

    @property
    def self_issued(self) -> bool:
        return self.certificate.subject == self.certificate.issuer

    def shown(self) -> dict[str, t.Any]:
        """Return the facts as plain JSON data."""
        return {
            "subject": self.subject.shown(),
            "subject_dn": self.subject_dn,
            "issuer_dn": self.issuer_dn,
            "serial": self.serial,
            **self.sans.shown(),
            "key_usage": sorted(self.key_usage),
            "extended_key_usage": sorted(self.extended_key_usage),
            "is_ca": self.is_ca,
            "path_length": self.path_length,
            "not_before": iso(self.not_before),
            "not_after": iso(self.not_after),
            "lifetime_seconds": self.lifetime_seconds,
            "key_type": self.key.type,
            "key_size": self.key.size,
            "spki_sha256": self.spki_sha256,
            "fingerprint_sha256": self.fingerprint_sha256,
            "subject_key_id": self.subject_key_id,
            "authority_key_id": self.authority_key_id,
            "ocsp_urls": list(self.ocsp_urls),
            "issuer_urls": list(self.issuer_urls),
            "crl_urls": list(self.crl_urls),
            "signature_algorithm": self.signature_algorithm,
            "policies": list(self.policies),
            "self_issued": self.self_issued,
            "development": self.development,
        }


def fingerprint_sha256(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the certificate in DER, lower case hex without colons."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def _algorithm(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    name: str = getattr(oid, "_name", "")
    return name if name and name != "Unknown OID" else oid.dotted_string


class _Extensions:
    """Extensions by the name of their class, absent ones as ``None``."""

    def __init__(self, certificate: x509.Certificate) -> None:
        try:
            self._found = {type(entry.value).__name__: entry.value for entry in extensions_of(certificate)}
        except MALFORMED as error:
            raise PkiError(
                f"an extension of the certificate {serial_text(certificate.serial_number)} is malformed: {error}",
                remedy="Issue the certificate again.",
            ) from None

    def get(self, name: str) -> t.Any:
        return self._found.get(name)

    def access_urls(self, method: x509.ObjectIdentifier) -> tuple[str, ...]:
        entries = self.get("AuthorityInformationAccess") or ()
        return tuple(
            entry.access_location.value
            for entry in entries
            if entry.access_method == method and isinstance(entry.access_location, x509.UniformResourceIdentifier)
        )

    def crl_urls(self) -> tuple[str, ...]:
        return tuple(
            name.value
            for point in self.get("CRLDistributionPoints") or ()
            for name in point.full_name or ()
            if isinstance(name, x509.UniformResourceIdentifier)
        )

    def policies(self) -> tuple[str, ...]:
        return tuple(entry.policy_identifier.dotted_string for entry in self.get("CertificatePolicies") or ())


@functools.lru_cache(maxsize=2048)
def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    """Return facts, remembered: a batch asks for the same few authorities, and for a new leaf until it is proved."""
    return CertificateFacts.of(certificate)
