# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The mark of the development authority, and how everybody else recognises it.

What the embedded authority signs must never be trusted in production. Everything it makes says so twice:

* the authority's subject has the organizational unit ``Development CA - not for production``, which leaves repeat in
  their issuer field, so that a leaf tells without its chain;
* every certificate carries the policy ``1.3.6.1.4.1.32473.7468.1`` with the same words as user notice. The enterprise
  number 32473 is the one that RFC 5612 reserves for documentation and bars from real use, so that no production
  certificate can have it by accident. (An identifier made from a UUID, ``2.25.…``, would need no such care, but its
  arc does not fit the integers of older Go programs, which then refuse the whole certificate.)
"""

from __future__ import annotations

import functools
import typing as t

from .extensions import extensions_of

try:
    from cryptography import x509
except ImportError:  # reported through Spec.requires before any of this is called
    pass

DEVELOPMENT_UNIT: t.Final = "Development CA - not for production"
DEVELOPMENT_POLICY: t.Final = "1.3.6.1.4.1.32473.7468.1"

_ORGANIZATIONAL_UNIT: t.Final = "2.5.4.11"


def policy_extension() -> x509.CertificatePolicies:
    """Return the certificate policies extension that marks a certificate of the development authority."""
    notice = x509.UserNotice(notice_reference=None, explicit_text=DEVELOPMENT_UNIT)
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(DEVELOPMENT_POLICY), policy_qualifiers=[notice])]
    )


@functools.lru_cache(maxsize=64)  # a batch asks for the same few authorities again and again
def has_marker(certificate: x509.Certificate) -> bool:
    """Tell whether one certificate is of the development authority, by either mark."""
    for name in (certificate.subject, certificate.issuer):
        for attribute in name:
            if attribute.value == DEVELOPMENT_UNIT and attribute.oid.dotted_string == _ORGANIZATIONAL_UNIT:
                return True
    for extension in extensions_of(certificate):
        if isinstance(extension.value, x509.CertificatePolicies):
            return any(policy.policy_identifier.dotted_string == DEVELOPMENT_POLICY for policy in extension.value)
    return False


def is_development(certificates: x509.Certificate | t.Iterable[x509.Certificate]) -> bool:
    """Tell whether a certificate, or any certificate of a chain, is of the development authority."""
    chain = [certificates] if isinstance(certificates, x509.Certificate) else certificates
    return any(has_marker(certificate) for certificate in chain)
