# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Certificate revocation lists: reading, asking and making them (RFC 5280, section 5)."""

from __future__ import annotations

import base64
import datetime
import functools
import threading
import typing as t
from dataclasses import dataclass, field

from .._core.mistaken import explained, is_other
from .._core.normal import pem_blocks
from .._core.pem import find_blocks
from .certificate import CertificateFacts, iso, serial_text
from .errors import PkiError
from .malformed import MALFORMED
from .names import dn_text
from .request import signature_hash
from .signature import has_valid_signature

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    from .keys import PrivateKey

#: Reasons that may be declared (RFC 5280, 5.3.1); the library's enumeration has members of the same names.
REASONS: t.Final[tuple[str, ...]] = (
    "unspecified",
    "key_compromise",
    "ca_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "certificate_hold",
    "privilege_withdrawn",
    "aa_compromise",
)
_LABEL = "X509 CRL"
_DER_SEQUENCE = b"\x30"


@dataclass(frozen=True)
class Revocation:
    """One entry: the certificate's serial number, when it was revoked and why."""

    serial_number: int
    revoked_at: datetime.datetime
    reason: str = "unspecified"

    @property
    def sentence(self) -> str:
        """When and why, to follow "revoked"."""
        return f"since {iso(self.revoked_at)} ({self.reason.replace('_', ' ')})"


@dataclass(frozen=True)
class Standing:
    """What an authority says about one certificate.

    ``revoked`` says since when and why it is revoked; ``None`` stands for "not revoked" where ``known`` is true.
    ``note`` says how far the answer can be relied on, empty where it is exact.
    """

    revoked: str | None
    note: str = ""
    known: bool = True


@dataclass(frozen=True)
class CrlFacts:
    """What a revocation list says about itself; entries are asked for one by one, since lists can be long."""

    issuer_dn: str
    number: int | None
    this_update: datetime.datetime
    next_update: datetime.datetime | None
    crl: x509.CertificateRevocationList = field(repr=False, compare=False)
    extensions: t.Mapping[str, t.Any] = field(repr=False, compare=False)
    #: Identifiers of critical extensions that nobody here understands (RFC 5280, 5.2).
    unknown_critical: tuple[str, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @functools.cached_property
    def _index(self) -> x509.CertificateRevocationList:
        return x509.load_der_x509_crl(self.crl.public_bytes(serialization.Encoding.DER))

    @classmethod
    def of(cls, crl: x509.CertificateRevocationList) -> CrlFacts:
        """Read the facts; raises ValueError or the library's own exceptions where the list is malformed."""
        this_update, next_update = _updates(crl)
        found = {type(entry.value).__name__: entry.value for entry in crl.extensions}
        unknown = tuple(
            entry.oid.dotted_string
            for entry in crl.extensions
            if entry.critical and isinstance(entry.value, x509.UnrecognizedExtension)
        )
        number = found["CRLNumber"].crl_number if "CRLNumber" in found else None
        return cls(dn_text(crl.issuer), number, this_update, next_update, crl, found, unknown)

    def entries(self) -> list[Revocation]:
        """Return all entries, in the order of the list."""
        return [_revocation(entry) for entry in self.crl]

    def find(self, serial_number: int) -> Revocation | None:
        """Return the entry of one certificate.

        In older libraries a list in which a number is looked up has to be nobody else's at that moment, as
        with the extensions of certificates: so there is a copy for this alone, and one thread at a time.
        """
        with self._lock:
            entry = self._index.get_revoked_certificate_by_serial_number(serial_number)
        return None if entry is None else _revocation(entry)

    def may_cover(self, facts: CertificateFacts) -> bool:
        """Tell whether the list is of the key that signed a certificate, as far as both name it."""
        authority = self.extensions.get("AuthorityKeyIdentifier")
        named = authority.key_identifier.hex() if authority and authority.key_identifier else None
        return named is None or facts.authority_key_id in (None, named)

    def scope_problem(self, facts: CertificateFacts) -> str | None:
        """Say why the list does not cover all that could be revoked of a certificate; ``None`` when it does."""
        if "DeltaCRLIndicator" in self.extensions:
            return "holds the changes to another list alone"
        scope = self.extensions.get("IssuingDistributionPoint")
        if scope is None:
            return None
        if scope.only_contains_attribute_certs or (facts.is_ca and scope.only_contains_user_certs):
            return "does not cover CA certificates"
        if scope.only_contains_ca_certs and not facts.is_ca:
            return "covers CA certificates alone"
        if scope.indirect_crl or scope.only_some_reasons:
            return "covers some reasons or other issuers alone"
        places = {name.value for name in scope.full_name or () if isinstance(name, x509.UniformResourceIdentifier)}
        if scope.relative_name or (scope.full_name and not places & set(facts.crl_urls)):
            return f"is for other certificates (those of {', '.join(sorted(places)) or 'another place'})"
        return None

    def is_signed_by(self, issuer: x509.Certificate) -> bool:
        """Tell whether ``issuer`` is the named issuer and its key made the signature."""
        return self.crl.issuer == issuer.subject and has_valid_signature(self.crl, issuer)

    def shown(self) -> dict[str, t.Any]:
        """Return the facts and entries as plain JSON data."""
        return {
            "issuer_dn": self.issuer_dn,
            "number": self.number,
            "this_update": iso(self.this_update),
            "next_update": iso(self.next_update) if self.next_update else None,
            "revoked": [
                {
                    "serial": serial_text(entry.serial_number),
                    "revoked_at": iso(entry.revoked_at),
                    "reason": entry.reason,
                }
                for entry in sorted(self.entries(), key=lambda entry: entry.serial_number)
            ],
        }


def parse_crl(data: bytes) -> CrlFacts:
    """Read the one revocation list of a file of ours; raises :class:`PkiError`."""
    lists = parse_crls(data)
    if len(lists) != 1:
        raise PkiError(f"{len(lists)} revocation lists were found, one is needed", remedy="Give a file with one list.")
    return lists[0]


def parse_crls(data: bytes) -> tuple[CrlFacts, ...]:
    """Read every revocation list of a PEM text, or the one of a DER file; raises :class:`PkiError`."""
    if data[:1] == _DER_SEQUENCE and not is_other(data, "revocation list"):
        return (_load(data, "the revocation list"),)
    text = data.decode("ascii", "replace")
    blocks = [text[block.start : block.end] for block in find_blocks(text, _LABEL.__eq__)]
    if not blocks:
        remedy = "Give a CRL in PEM (X509 CRL) or DER."
        problem, remedy = explained("no revocation list was found", remedy, data, "revocation list")
        raise PkiError(problem, remedy=remedy)
    return tuple(_load(_der(block), f"revocation list {at} of {len(blocks)}") for at, block in enumerate(blocks, 1))


def _der(block: str) -> bytes:
    try:
        return base64.b64decode("".join(pem_blocks(block)[0].splitlines()[1:-1]))
    except ValueError:
        return b""


def _load(der: bytes, what: str) -> CrlFacts:
    try:
        return CrlFacts.of(x509.load_der_x509_crl(der))
    except MALFORMED:
        raise PkiError(f"{what} is malformed", remedy="Fetch it again, or make a new one.") from None


def make_crl(
    issuer: x509.Certificate,
    key: PrivateKey,
    entries: t.Iterable[Revocation],
    *,
    number: int,
    this_update: datetime.datetime,
    next_update: datetime.datetime,
) -> x509.CertificateRevocationList:
    """Sign a complete list; ``number`` has to grow with every list of an issuer (RFC 5280, 5.2.3)."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    for entry in sorted(entries, key=lambda entry: entry.serial_number):
        revoked = x509.RevokedCertificateBuilder().serial_number(entry.serial_number).revocation_date(entry.revoked_at)
        # A reason of "unspecified" should be absent rather than spelt out (RFC 5280, 5.3.1).
        if entry.reason != "unspecified":
            revoked = revoked.add_extension(x509.CRLReason(x509.ReasonFlags[entry.reason]), critical=False)
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(key, t.cast(t.Any, signature_hash(key)))


def crl_pem(crl: x509.CertificateRevocationList) -> bytes:
    """Return a revocation list as PEM."""
    return crl.public_bytes(serialization.Encoding.PEM)


def _updates(crl: x509.CertificateRevocationList) -> tuple[datetime.datetime, datetime.datetime | None]:
    try:
        return crl.last_update_utc, crl.next_update_utc
    except AttributeError:  # cryptography before 42
        utc = datetime.timezone.utc
        end = crl.next_update
        return crl.last_update.replace(tzinfo=utc), None if end is None else end.replace(tzinfo=utc)


def _revocation(entry: x509.RevokedCertificate) -> Revocation:
    try:
        since = entry.revocation_date_utc
    except AttributeError:  # cryptography before 42
        since = entry.revocation_date.replace(tzinfo=datetime.timezone.utc)
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.name
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):  # revoked all the same
        reason = "unspecified"
    return Revocation(entry.serial_number, since, reason)
