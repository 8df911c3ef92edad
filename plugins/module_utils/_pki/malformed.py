# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What the library raises about damaged structures of X.509; apart from the errors, which bare keys have as well."""

from __future__ import annotations

#: Raised as soon as a part of a structure is asked for.
MALFORMED: tuple[type[Exception], ...] = (ValueError, TypeError)
try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    MALFORMED += (
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    )
except ImportError:  # reported through Spec.requires before any of this is called
    pass
