# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The embedded development authority: its files, and signing with it."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from .._core.redact import Secret
from .._pki.certificate import parse_certificates
from .._pki.chain import order_chain
from .._pki.errors import PkiError
from .._pki.issuance import Authority
from .._pki.keys import load_private_key, spki_sha256
from .exchange import Exchange

if t.TYPE_CHECKING:
    from cryptography import x509

    Chain = tuple[x509.Certificate, ...]


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

    @property
    def exchange(self) -> Exchange:
        """How they are read and changed."""
        return Exchange(self.directory)


def read_chain(paths: AuthorityPaths) -> Chain | None:
    """Return the authority's certificate and those above it, issuer first; ``None`` when there is no authority."""
    own = paths.exchange.read("certificate", paths.certificate)
    if own is None:
        return None
    above = paths.exchange.read("chain", paths.chain)
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


def load_authority(paths: AuthorityPaths, passphrase: Secret | None, option: str) -> Authority:
    """Read certificate and key; raises :class:`PkiError` when they are missing or do not belong together.

    ``option`` is what the passphrase was declared with, or can be.
    """
    chain, pem = existing_chain(paths), paths.exchange.read("key", paths.key)
    if pem is None:
        raise _missing(paths.key)
    try:
        key = load_private_key(pem, passphrase, option=option)
    except PkiError as error:
        raise error.within(paths.key) from None
    if spki_sha256(key) != spki_sha256(chain[0]):
        raise PkiError(
            f"does not belong to {paths.certificate}", field=paths.key, remedy="Restore both files from one backup."
        )
    return Authority(chain[0], key)
