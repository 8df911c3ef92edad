# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signing certificate requests with a role of the PKI engine (``<mount>/sign/<role>``)."""

from __future__ import annotations

import functools
import threading
import typing as t

from .._core.errors import InvalidInput
from .._core.normal import spell_duration
from .._pki.certificate import parse_certificates
from .._pki.request import request_pem
from .errors import Forbidden, NoIssuer, NoMount
from .port import Data, Vault
from .revoked import RevokedCertificates

if t.TYPE_CHECKING:
    from cryptography import x509

    from .._pki.drift import Wanted

    Chain = tuple[x509.Certificate, ...]


class VaultSigner:
    """Signs with one role; reads the role and the issuer once, however many certificates it serves."""

    def __init__(
        self, vault: Vault, mount: str, role: str, issuer: t.Optional[str], revoked: RevokedCertificates
    ) -> None:
        self._vault = vault
        self._revoked = revoked
        self._mount = mount.strip("/")
        self._role_name = role
        self._issuer = issuer
        self._lock = threading.Lock()
        self._read = False
        self._role: t.Optional[Data] = None
        self._chain: t.Optional[Chain] = None

    @property
    def identity(self) -> str:
        return f"{self._mount}/sign/{self._role_name}"

    def chain(self) -> t.Optional[Chain]:
        """Return the certificates of the signing CA, issuer first; ``None`` while there is no such CA (yet)."""
        with self._lock:
            if not self._read:
                self._role = self._read_role()
                self._chain = self._read_chain()
                self._read = True
        return self._chain

    def revocation(self, certificate: x509.Certificate) -> t.Optional[str]:
        """Say since when and why the mount has revoked a certificate."""
        try:
            standing = self._revoked.standing(certificate, self._issuer_ref)
        except NoMount:  # reading the issuer has warned about that
            return None
        if standing.note:
            self._vault.warn(standing.note)
        return standing.revoked

    def check(self, wanted: Wanted) -> None:
        """Refuse what the role would cut short; the server does so with no more than a warning."""
        self.chain()
        longest = (self._role or {}).get("max_ttl") or 0
        ttl = wanted.ttl
        if ttl and longest and ttl > longest:
            raise InvalidInput(
                f"{spell_duration(ttl)} exceeds the max_ttl of role {self._role_name}, {spell_duration(longest)}",
                field="ttl",
                remedy="Declare a shorter ttl or raise max_ttl (trustmesh.security.vault_pki_role).",
            )

    def sign(self, csr: x509.CertificateSigningRequest, wanted: Wanted) -> tuple[x509.Certificate, Chain]:
        """Return the signed certificate and the chain of its issuer."""
        reply = self._vault.write(self._path, self._body(csr, wanted), once=True).data
        leaf = parse_certificates(reply["certificate"].encode())[0]
        chain = "\n".join(reply.get("ca_chain") or [reply["issuing_ca"]])
        return leaf, _parsed(chain)

    @property
    def _path(self) -> str:
        issuer = f"issuer/{self._issuer}/" if self._issuer else ""
        return f"{self._mount}/{issuer}sign/{self._role_name}"

    def _body(self, csr: x509.CertificateSigningRequest, wanted: Wanted) -> Data:
        """Return the request.

        By default a role takes names from the request and warns about names given beside it; one that does not
        (``use_csr_common_name``, ``use_csr_sans``) gets them here. The common name is among the SANs of the request
        where that is wanted, so that the server has nothing to add.
        """
        body: Data = {"csr": request_pem(csr), "format": "pem", "exclude_cn_from_sans": True}
        if wanted.ttl:
            body["ttl"] = f"{wanted.ttl}s"
        role = self._role or {}
        if not role.get("use_csr_common_name", True):
            body["common_name"] = wanted.common_name
        if not role.get("use_csr_sans", True):
            sans = wanted.sans
            body["alt_names"] = ",".join(sorted(sans.dns | sans.email))  # a list is refused here
            body["ip_sans"] = sorted(sans.ip)
            body["uri_sans"] = sorted(sans.uri)
        return body

    def _read_role(self) -> t.Optional[Data]:
        """Return the role, or ``None`` where the token may sign but not look; the signature is checked either way."""
        try:
            return self._vault.read(f"{self._mount}/roles/{self._role_name}")
        except (Forbidden, NoMount) as error:
            self._vault.warn(f"role {self._role_name} cannot be read: {error}")
            return None

    @property
    def _issuer_ref(self) -> str:
        return self._issuer or (self._role or {}).get("issuer_ref") or "default"

    def _read_chain(self) -> t.Optional[Chain]:
        try:
            data = self._vault.read(f"{self._mount}/issuer/{self._issuer_ref}/json")
        except (NoIssuer, NoMount) as error:
            self._vault.warn(f"no certificate can be issued yet: {error}")
            return None
        if data is None:
            return None
        return parse_certificates("\n".join(data.get("ca_chain") or [data["certificate"]]).encode())


@functools.lru_cache(maxsize=8)  # every reply repeats the same few
def _parsed(chain: str) -> Chain:
    return parse_certificates(chain.encode())
