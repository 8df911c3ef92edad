# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Who signed it: the check of one signature by one issuer."""

from __future__ import annotations

import typing as t

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
except ImportError:  # reported through Spec.requires before any of this is called
    pass

_RSASSA_PSS: t.Final = "1.2.840.113549.1.1.10"


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether ``issuer`` is named as the issuer of ``certificate`` and its key made the signature.

    Says nothing about dates or whether the issuer may sign; :func:`..chain.verify_chain` does.
    """
    if certificate.issuer != issuer.subject:
        return False
    check = getattr(certificate, "verify_directly_issued_by", None)
    if check is None:  # cryptography before 40
        return has_valid_signature(certificate, issuer)
    try:
        check(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def has_valid_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Check a certificate's signature with the primitives, for libraries that have no method for it."""
    try:
        key: t.Any = issuer.public_key()
        arguments: tuple[t.Any, ...] = ()
        if isinstance(key, rsa.RSAPublicKey):
            arguments = _rsa_arguments(certificate)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            arguments = (ec.ECDSA(_digest(certificate)),)
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, *arguments)
    except (InvalidSignature, ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        return False
    return True


def _digest(certificate: x509.Certificate) -> hashes.HashAlgorithm:
    digest = certificate.signature_hash_algorithm
    if digest is None:
        raise ValueError("signed without a digest by a key that needs one")
    return digest


def _rsa_arguments(certificate: x509.Certificate) -> tuple[t.Any, ...]:
    digest = _digest(certificate)
    if certificate.signature_algorithm_oid.dotted_string == _RSASSA_PSS:
        return (padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return (padding.PKCS1v15(), digest)
