# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Who signed it: the check of one signature by one issuer."""

from __future__ import annotations

import functools
import typing as t

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
except ImportError:  # reported through Spec.requires before any of this is called
    pass

if t.TYPE_CHECKING:
    Signed = t.Union[x509.Certificate, x509.CertificateRevocationList]

_RSASSA_PSS: t.Final = "1.2.840.113549.1.1.10"


@functools.lru_cache(maxsize=2048)  # a new certificate is asked for when it arrives, in its chain and when it is proved
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


def has_valid_signature(signed: Signed, issuer: x509.Certificate) -> bool:
    """Check the signature of a certificate or revocation list with the primitives.

    For libraries whose own method is missing (certificates before 40) or knows no Ed25519 (lists before 41).
    """
    content = signed.tbs_certificate_bytes if isinstance(signed, x509.Certificate) else signed.tbs_certlist_bytes
    try:
        key: t.Any = issuer.public_key()
        attempts = list(_attempts(signed, key))
    except (ValueError, UnsupportedAlgorithm):
        return False
    return any(_verifies(key, signed.signature, content, arguments) for arguments in attempts)


def _verifies(key: t.Any, signature: bytes, content: bytes, arguments: tuple[t.Any, ...]) -> bool:
    try:
        key.verify(signature, content, *arguments)
    except (InvalidSignature, ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        return False
    return True


def _attempts(signed: Signed, key: t.Any) -> t.Iterator[tuple[t.Any, ...]]:
    """Yield the arguments with which the key's type verifies; more than one where the library hides the digest."""
    if isinstance(key, rsa.RSAPublicKey) and signed.signature_algorithm_oid.dotted_string == _RSASSA_PSS:
        for digest in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
            yield padding.PSS(padding.MGF1(digest), digest.digest_size), digest
    elif isinstance(key, rsa.RSAPublicKey):
        yield padding.PKCS1v15(), _digest(signed)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        yield (ec.ECDSA(_digest(signed)),)
    else:
        yield ()


def _digest(signed: Signed) -> hashes.HashAlgorithm:
    digest = signed.signature_hash_algorithm
    if digest is None:
        raise ValueError("signed without a digest by a key that needs one")
    return digest
