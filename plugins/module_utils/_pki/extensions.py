# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The extensions of certificates that several threads look at."""

from __future__ import annotations

import functools
import typing as t

try:
    import cryptography
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
except ImportError:  # reported through Spec.requires before any of this is called
    pass


#: The first release of the library whose certificates several threads may ask at once.
_FIRST_SHARED: t.Final = 42


def extensions_of(certificate: x509.Certificate) -> x509.Extensions:
    """Return the extensions; raises ``MALFORMED`` where one cannot be read or is twice there.

    In older libraries (Debian 12 has 38) a certificate that is asked for its extensions has to be nobody else's at that
    moment: with another thread looking at it in any way it raises ``RuntimeError: Already borrowed``. Authorities are
    everybody's, so there a copy is asked.
    """
    if int(cryptography.__version__.split(".")[0]) < _FIRST_SHARED:
        return _of_a_copy(certificate)
    return certificate.extensions


@functools.lru_cache(maxsize=2048)
def _of_a_copy(certificate: x509.Certificate) -> x509.Extensions:
    return x509.load_der_x509_certificate(certificate.public_bytes(serialization.Encoding.DER)).extensions
