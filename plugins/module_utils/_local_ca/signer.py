# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The local authority as a signer of certificate requests."""

from __future__ import annotations

import datetime
import threading
import typing as t

from .._core.clock import Clock, system_clock
from .._core.errors import InvalidInput
from .._core.normal import spell_duration
from .._core.passphrase import read_passphrase
from .._pki.certificate import iso, validity
from .._pki.chain import first_to_end
from .._pki.drift import BACKDATE_SECONDS
from .._pki.errors import PkiError
from .._pki.issuance import Authority, Span, sign_leaf
from .._pki.names import dn_text
from .store import AuthorityPaths, load_authority, read_chain

if t.TYPE_CHECKING:
    from cryptography import x509

    from .._pki.drift import Wanted

    Chain = tuple[x509.Certificate, ...]

#: Life of a leaf for which nothing is declared.
DEFAULT_LEAF_SECONDS: t.Final = 365 * 86400


class LocalSigner:
    """Signs requests with the authority in a directory; its key is read when the first certificate is signed."""

    def __init__(self, directory: str, passphrase_file: str | None = None, clock: Clock = system_clock) -> None:
        self._paths = AuthorityPaths(directory)
        self._passphrase_file = passphrase_file
        self._clock = clock
        self._lock = threading.Lock()
        self._chain: Chain | None = None
        self._authority: Authority | None = None

    @property
    def identity(self) -> str:
        """What messages call it."""
        return f"local CA {self._paths.directory}"

    def chain(self) -> Chain | None:
        """Return the authority's certificate and those above it, issuer first; ``None`` while there is none."""
        with self._lock:
            if self._chain is None:
                self._chain = read_chain(self._paths)
            return self._chain

    def revocation(self, certificate: x509.Certificate) -> str | None:
        """Return ``None``: where the lists of a local authority are published is not known here."""

    backdate_seconds = BACKDATE_SECONDS

    def prepare(self, wanted: Wanted, *, new: bool) -> None:
        """Look up nothing beside the chain."""

    def objections(self, wanted: Wanted, now: datetime.datetime) -> list[InvalidInput]:
        """Object to a lifetime beyond the authority's own end; clients would stop trusting the certificate then."""
        chain = self.chain()
        if chain is None or wanted.ttl is None:
            return []
        first = first_to_end(chain)
        end = validity(first)[1]
        if now + datetime.timedelta(seconds=wanted.ttl) <= end:
            return []
        problem = f"{spell_duration(wanted.ttl)} reaches beyond the end of {dn_text(first.subject)} at {iso(end)}"
        remedy = "Declare a shorter ttl, or renew the authority (trustmesh.security.local_ca)."
        return [InvalidInput(problem, field="ttl", remedy=remedy)]

    def sign(self, csr: x509.CertificateSigningRequest, wanted: Wanted) -> tuple[x509.Certificate, Chain]:
        """Return the certificate and the chain of its issuer, issuer first.

        It starts 30 seconds ago, as Vault's do, for hosts whose clocks are a little slow, and ends with
        the first of the authorities above it at the latest.
        """
        if not csr.is_signature_valid:
            raise PkiError("the signature of the certificate request is wrong", remedy="Make a new request.")
        issuer, chain = self._issuer(), self.chain() or ()
        end = validity(first_to_end(chain) if chain else issuer.certificate)[1]
        now = self._clock()
        life = datetime.timedelta(seconds=wanted.ttl or DEFAULT_LEAF_SECONDS)
        span = Span(now - datetime.timedelta(seconds=BACKDATE_SECONDS), min(now + life, end))
        declared = wanted.state.managed_values()
        leaf = sign_leaf(csr, issuer, span, declared.get("key_usage"), declared.get("extended_key_usage"))
        return leaf, chain

    def _issuer(self) -> Authority:
        with self._lock:
            if self._authority is None:
                self._authority = load_authority(
                    self._paths, read_passphrase(self._passphrase_file, "ca_passphrase_file"), "ca_passphrase_file"
                )
            return self._authority
