# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The port to whoever signs: Vault, the local CA, or another authority."""

from __future__ import annotations

import datetime
import typing as t

if t.TYPE_CHECKING:
    from cryptography import x509

    from .._core.errors import InvalidInput
    from .._pki.drift import Wanted


class Signer(t.Protocol):
    """Turns a certificate request into a certificate. One signer serves many certificates and threads."""

    @property
    def identity(self) -> str:
        """What messages call it, for example ``pki_int/sign/mesh``."""

    def chain(self) -> t.Optional[tuple[x509.Certificate, ...]]:
        """Return the certificates of the signing CA, issuer first; ``None`` while there is no such CA (yet)."""

    def revocation(self, certificate: x509.Certificate) -> t.Optional[str]:
        """Say since when and why the authority has revoked a certificate; ``None`` when it has not, or cannot tell."""

    @property
    def backdate_seconds(self) -> int:
        """By how much the validity of what it signs begins before the moment of signing."""

    def prepare(self, wanted: Wanted, *, new: bool) -> None:
        """Look up what :meth:`objections` needs; ``new`` where no certificate of that life was granted yet."""

    def objections(self, wanted: Wanted, now: datetime.datetime) -> list[InvalidInput]:
        """Return what this authority is known to refuse or to change; pure, after :meth:`prepare`."""

    def sign(
        self, csr: x509.CertificateSigningRequest, wanted: Wanted
    ) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
        """Return the certificate and the chain of its issuer, issuer first."""
