# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Signing certificate requests with a role of the PKI engine (``<mount>/sign/<role>``)."""

from __future__ import annotations

import datetime
import functools
import threading
import typing as t
from dataclasses import replace

from .._core.address import at, route, word
from .._core.clock import system_clock
from .._core.errors import InvalidInput
from .._pki.certificate import parse_certificates, validity
from .._pki.chain import first_to_end, is_self_signed, order_chain
from .._pki.drift import BACKDATE_SECONDS
from .._pki.names import dn_text
from .._pki.request import request_pem
from .answer import Fields
from .errors import Forbidden, NoIssuer, NoMount
from .pki_mount import PkiMount
from .port import Data, Vault
from .revoked import RevokedCertificates
from .role_rules import ABOVE, Bounds, life_objections, objections, well_formed

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
        self._mount = route(mount, "mount")
        self._role_name = word(role, "role")
        self._issuer = word(issuer, "issuer") if issuer else None
        self._lock = threading.Lock()
        self._read = False
        self._role = Fields()
        self._chain: t.Optional[Chain] = None
        self._bounds = Bounds(self._mount)
        self._engine = PkiMount(vault, self._mount)

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

    @property
    def backdate_seconds(self) -> int:
        """By how much the validity of what the role signs begins before the moment of signing."""
        seconds = self._role.get("not_before_duration", BACKDATE_SECONDS)
        return seconds if isinstance(seconds, int) else BACKDATE_SECONDS

    def prepare(self, wanted: Wanted, *, new: bool) -> None:
        """Look up what :meth:`objections` needs beside role and issuer; ``new`` where no such life was granted yet."""
        chain = self.chain()
        with self._lock:
            if new:
                self._bounds = replace(self._bounds, ceiling=self._engine.ceiling)
            life = wanted.ttl or self._role.get("ttl") or 0
            first = first_to_end(chain) if chain else None
            if chain and first and system_clock() + datetime.timedelta(seconds=life) > validity(first)[1]:
                beyond = self._beyond_end() if first is chain[0] else ABOVE
                self._bounds = replace(self._bounds, issuer=first, beyond_end=beyond)

    def objections(self, wanted: Wanted, now: datetime.datetime) -> list[InvalidInput]:
        """Return what role, mount and issuer would refuse or change, as far as it was looked up."""
        role: Data = self._role
        found = list(objections(role, self._role_name, wanted)) if role else []
        return [*found, *life_objections(role, self._role_name, wanted, self._bounds, now)]

    def sign(self, csr: x509.CertificateSigningRequest, wanted: Wanted) -> tuple[x509.Certificate, Chain]:
        """Return the signed certificate and the chain of its issuer."""
        reply = self._vault.write(self._path, self._body(csr, wanted), once=True).data
        leaf = parse_certificates(reply.text("certificate").encode())[0]
        chain = "\n".join(reply.texts("ca_chain") or [reply.text("issuing_ca")])
        return leaf, _parsed(chain)

    @property
    def _path(self) -> str:
        issuer = ("issuer", self._issuer) if self._issuer else ()
        return at(self._mount, *issuer, "sign", self._role_name)

    def _body(self, csr: x509.CertificateSigningRequest, wanted: Wanted) -> Data:
        """Return the request.

        By default a role takes names from the request and warns about names given beside it; one that does not
        (``use_csr_common_name``, ``use_csr_sans``) gets them here. The common name is among the SANs of the request
        where that is wanted, so that the server has nothing to add.
        """
        body: Data = {"csr": request_pem(csr), "format": "pem", "exclude_cn_from_sans": True}
        if wanted.ttl:
            body["ttl"] = f"{wanted.ttl}s"
        role = self._role
        if not role.get("use_csr_common_name", True):
            body["common_name"] = wanted.common_name
        if not role.get("use_csr_sans", True):
            sans = wanted.sans
            body["alt_names"] = ",".join(sorted(sans.dns | sans.email))  # a list is refused here
            body["ip_sans"] = sorted(sans.ip)
            body["uri_sans"] = sorted(sans.uri)
        return body

    def _beyond_end(self) -> t.Optional[str]:
        """Return what the issuer does with a life that reaches beyond its own end; a right of its keepers to read."""
        if self._bounds.beyond_end is None:
            try:
                data = self._vault.read_or_nothing(at(self._mount, "issuer", self._issuer_ref))
            except (Forbidden, NoIssuer, NoMount):
                return None
            return data.text_or("leaf_not_after_behavior", "err")
        return self._bounds.beyond_end

    def _read_role(self) -> Fields:
        """Return the role, or nothing where the token may sign but not look; the signature is checked either way."""
        try:
            role = self._vault.read(at(self._mount, "roles", self._role_name))
            if role is None:
                self._vault.warn(f"{self._mount} has no role {self._role_name} yet")
            elif role and role.keys().isdisjoint(("allowed_domains", "allow_any_name", "key_type", "max_ttl")):
                raise role.wrong("allowed_domains", "is missing")
            return well_formed(Fields.of(role or {}, self.identity))
        except (Forbidden, NoMount) as error:
            self._vault.warn(f"role {self._role_name} cannot be read: {error}")
            return Fields()

    @property
    def _issuer_ref(self) -> str:
        return self._issuer or self._role.get("issuer_ref") or "default"

    def _read_chain(self) -> t.Optional[Chain]:
        try:
            data = self._vault.read(at(self._mount, "issuer", self._issuer_ref, "json"))
        except (NoIssuer, NoMount) as error:
            self._vault.warn(f"no certificate can be issued yet: {error}")
            return None
        if data is None:
            return None
        chain = parse_certificates("\n".join(data.texts("ca_chain") or [data.text("certificate")]).encode())
        last = order_chain(chain[0], chain)[-1]
        if not is_self_signed(last):
            self._vault.warn(
                f"the chain of issuer {self._issuer_ref} of {self._mount} ends before a root, at "
                f"{dn_text(last.subject)}; ca_file holds that, and many clients trust roots only. Import what is "
                "missing (trustmesh.security.vault_pki_issuer)."
            )
        return chain


@functools.lru_cache(maxsize=8)  # every reply repeats the same few
def _parsed(chain: str) -> Chain:
    return parse_certificates(chain.encode())
