# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Certificate requests (PKCS#10, RFC 2986)."""

from __future__ import annotations

import typing as t

from .._core.mistaken import explained
from .._core.normal import pem_blocks
from .errors import PkiError
from .malformed import MALFORMED
from .names import Subject, SubjectAltNames
from .usages import extended_key_usage_extension, key_usage_extension

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    from .keys import PrivateKey

_LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")


def signature_hash(key: PrivateKey) -> hashes.HashAlgorithm | None:
    """Return the digest to sign with: as strong as the key, none for Ed25519, which brings its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {384: hashes.SHA384(), 521: hashes.SHA512()}.get(key.curve.key_size, hashes.SHA256())
    return hashes.SHA256()


def make_csr(
    key: PrivateKey,
    subject: Subject,
    sans: SubjectAltNames,
    key_usage: t.AbstractSet[str] | None = None,
    extended_key_usage: t.AbstractSet[str] | None = None,
) -> x509.CertificateSigningRequest:
    """Make a request signed by ``key``; usages are canonical names, ``None`` or empty leaves the extension out."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject.name())
    if sans:
        # A certificate without a subject has to mark its alternative names critical (RFC 5280, 4.2.1.6).
        builder = builder.add_extension(
            x509.SubjectAlternativeName(sans.general_names()), critical=not subject.name().rdns
        )
    if key_usage:
        builder = builder.add_extension(key_usage_extension(key_usage), critical=True)
    if extended_key_usage:
        builder = builder.add_extension(extended_key_usage_extension(extended_key_usage), critical=False)
    return builder.sign(key, t.cast(t.Any, signature_hash(key)))


def request_pem(request: x509.CertificateSigningRequest) -> str:
    """Return a request as PEM."""
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def load_request(text: str) -> x509.CertificateSigningRequest:
    """Read a request from PEM and check that its sender holds the key; raises :class:`PkiError`."""
    try:
        blocks = [block for block in pem_blocks(text) if any(f"BEGIN {label}-----" in block for label in _LABELS)]
    except ValueError as error:
        problem, remedy = explained(str(error), "Make a new request.", text.encode("utf-8", "replace"), "request")
        raise PkiError(f"the certificate request cannot be read: {problem}", remedy=remedy) from None
    try:
        if not blocks:
            problem, remedy = explained(
                "0 certificate requests were found, one is needed",
                "Give exactly one request.",
                text.encode("utf-8", "replace"),
                "request",
            )
            raise PkiError(problem, remedy=remedy)
        if len(blocks) != 1:
            raise PkiError(
                f"{len(blocks)} certificate requests were found, one is needed", remedy="Give exactly one request."
            )
        request = x509.load_pem_x509_csr(blocks[0].encode("ascii"))
        _whole = request.subject, request.extensions  # parsed when first asked for
        valid = request.is_signature_valid
    except MALFORMED as error:
        raise PkiError(f"the certificate request cannot be read: {error}", remedy="Make a new request.") from None
    if not valid:
        raise PkiError("the signature of the certificate request is wrong", remedy="Make a new request.")
    return request
