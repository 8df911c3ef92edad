# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The embedded development authority: its files, and signing with it."""

from __future__ import annotations

import datetime
import os
import threading
import typing as t
from dataclasses import dataclass

from .._core.clock import Clock, system_clock
from .._core.errors import InvalidInput
from .._core.files import read_file
from .._core.normal import spell_duration
from .._core.redact import Secret
from .._pki.certificate import iso, parse_certificates, validity
from .._pki.chain import order_chain
from .._pki.drift import BACKDATE_SECONDS
from .._pki.errors import PkiError
from .._pki.issuance import Authority, Span, sign_leaf
from .._pki.keys import load_private_key, spki_sha256
from .._pki.names import dn_text

if t.TYPE_CHECKING:
    from cryptography import x509

    from .._pki.drift import Wanted

    Chain = tuple[x509.Certificate, ...]

#: Life of a leaf for which nothing is declared.
DEFAULT_LEAF_SECONDS: t.Final = 365 * 86400
_SHORTEST_PASSPHRASE = 8


@dataclass(frozen=True)
class AuthorityPaths:
    """The files of an authority below its directory."""

    directory: str

    @property
    def certificate(self) -> str:
        return os.path.join(self.directory, "ca-cert.pem")

    @property
    def key(self) -> str:
        return os.path.join(self.directory, "ca-key.pem")

    @property
    def chain(self) -> str:
        """The certificates above an intermediate, issuer first, the root included; a root has no such file."""
        return os.path.join(self.directory, "ca-chain.pem")


def read_chain(paths: AuthorityPaths) -> Chain | None:
    """Return the authority's certificate and those above it, issuer first; ``None`` when there is no authority."""
    own = read_file(paths.certificate)
    if own is None:
        return None
    above = read_file(paths.chain)
    try:
        return order_chain(parse_certificates(own)[0], parse_certificates(above) if above else ())
    except PkiError as error:
        raise error.within(paths.certificate) from None


def existing_chain(paths: AuthorityPaths) -> Chain:
    """Return :func:`read_chain` of an authority that has to be there; raises :class:`PkiError` when it is not."""
    chain = read_chain(paths)
    if chain is None:
        raise _missing(paths.certificate)
    return chain


def _missing(path: str) -> PkiError:
    return PkiError("does not exist", field=path, remedy="Make the authority first (trustmesh.security.local_ca).")


def load_authority(paths: AuthorityPaths, passphrase: Secret | None) -> Authority:
    """Read certificate and key; raises :class:`PkiError` when they are missing or do not belong together."""
    chain, pem = existing_chain(paths), read_file(paths.key)
    if pem is None:
        raise _missing(paths.key)
    try:
        key = load_private_key(pem, passphrase)
    except PkiError as error:
        raise error.within(paths.key) from None
    if spki_sha256(key) != spki_sha256(chain[0]):
        raise PkiError(
            f"does not belong to {paths.certificate}", field=paths.key, remedy="Restore both files from one backup."
        )
    return Authority(chain[0], key)


def read_passphrase(path: str | None, field: str = "passphrase_file") -> Secret | None:
    """Return the passphrase that a file holds, without its line end; raises :class:`InvalidInput`."""
    if path is None:
        return None
    content = read_file(path)
    if content is None:
        raise InvalidInput(f"{path} does not exist on this host", field=field, remedy="Create it, mode 0600.")
    try:
        return checked_passphrase(content.decode("utf-8").rstrip("\r\n"), field)
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not text in UTF-8", field=field, remedy="Write one line.") from None


def checked_passphrase(text: str, field: str) -> Secret:
    """Return a passphrase as a secret; raises :class:`InvalidInput` for one that protects nothing."""
    if len(text) < _SHORTEST_PASSPHRASE:
        raise InvalidInput(
            f"shorter than {_SHORTEST_PASSPHRASE} characters", field=field, remedy="Choose a longer passphrase."
        )
    return Secret(text)


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

    def check(self, wanted: Wanted) -> None:
        """Refuse a lifetime beyond the authority's own end; clients would stop trusting the certificate then."""
        chain = self.chain()
        if chain is None or wanted.ttl is None:
            return
        end = validity(chain[0])[1]
        if self._clock() + datetime.timedelta(seconds=wanted.ttl) > end:
            raise InvalidInput(
                f"{spell_duration(wanted.ttl)} reaches beyond the end of {dn_text(chain[0].subject)} at {iso(end)}",
                field="ttl",
                remedy="Declare a shorter ttl, or renew the authority (trustmesh.security.local_ca).",
            )

    def sign(self, csr: x509.CertificateSigningRequest, wanted: Wanted) -> tuple[x509.Certificate, Chain]:
        """Return the certificate and the chain of its issuer, issuer first.

        It starts 30 seconds ago, as Vault's do, for hosts whose clocks are a little slow, and ends with the authority
        at the latest.
        """
        if not csr.is_signature_valid:
            raise PkiError("the signature of the certificate request is wrong", remedy="Make a new request.")
        issuer, chain = self._issuer(), self.chain() or ()
        now = self._clock()
        life = datetime.timedelta(seconds=wanted.ttl or DEFAULT_LEAF_SECONDS)
        span = Span(
            now - datetime.timedelta(seconds=BACKDATE_SECONDS), min(now + life, validity(issuer.certificate)[1])
        )
        declared = wanted.state.managed_values()
        leaf = sign_leaf(csr, issuer, span, declared.get("key_usage"), declared.get("extended_key_usage"))
        return leaf, chain

    def _issuer(self) -> Authority:
        with self._lock:
            if self._authority is None:
                self._authority = load_authority(
                    self._paths, read_passphrase(self._passphrase_file, "ca_passphrase_file")
                )
            return self._authority
