# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Which certificates a mount has revoked: one listing, however many certificates are asked about."""

from __future__ import annotations

import datetime
import threading
import typing as t
from collections.abc import Mapping

from .._core.address import at, route
from .._core.errors import TrustmeshError
from .._core.foreign import LAST_SECOND, Answer
from .._pki.certificate import iso, serial_number
from .._pki.names import dn_text
from .._pki.revocation import CrlFacts, Standing, parse_crl
from .errors import Forbidden, NoEndpoint, NoIssuer, VaultError
from .port import Data

if t.TYPE_CHECKING:
    from cryptography import x509


class Reader(t.Protocol):
    """What is needed of the port."""

    def read(self, path: str) -> Data | None:
        """Return the data of a path, ``None`` only when there is no such object."""

    def list(self, path: str) -> list[str]:
        """Return the keys below a path."""


class RevokedCertificates:
    """What one mount has revoked, asked for when the first certificate is asked about.

    The engine's own record (``LIST <mount>/certs/revoked``) is exact at once. Where the token may not list it, the
    revocation list of the issuer stands in, which everybody may read; it knows nothing since it was made, and a mount
    whose lists are disabled publishes an empty one. The answer says so.
    """

    def __init__(self, vault: Reader, mount: str) -> None:
        self._vault = vault
        self._mount = route(mount, "mount")
        self._lock = threading.Lock()
        self._asked = False
        #: The serial numbers as the engine spells them; ``None`` where the token may not list them.
        self._listed: Mapping[int, str] | None = None
        self._lists: dict[str, CrlFacts | None] = {}

    def standing(self, certificate: x509.Certificate, issuer: str = "default") -> Standing:
        """Tell whether a certificate is revoked; ``issuer`` names whose list to ask where there is no other way.

        Raises :class:`NoMount` where there is no such mount.
        """
        with self._lock:
            if not self._asked:
                self._listed, self._asked = self._list(), True
            if self._listed is None:
                return self._by_list(certificate, issuer)
            name = self._listed.get(certificate.serial_number)
        return Standing(None if name is None else self._since(name))

    @property
    def _path(self) -> str:
        return at(self._mount, "certs/revoked")

    def _list(self) -> Mapping[int, str] | None:
        try:
            return {self._number(name): name for name in self._vault.list(self._path)}
        except (Forbidden, NoEndpoint):
            return None

    def _number(self, name: str) -> int:
        try:
            return serial_number(name)
        except ValueError as error:
            raise VaultError(
                f"LIST {self._path} was answered with something else than serial numbers: {error}",
                remedy="Check that a PKI engine is mounted there.",
            ) from None

    def _since(self, name: str) -> str:
        seconds = (self._vault.read(at(self._mount, "cert", name)) or {}).get("revocation_time")
        if not isinstance(seconds, int) or not 0 < seconds < LAST_SECOND:
            return f"according to {self._path}"
        return f"since {iso(datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc))}"

    def _by_list(self, certificate: x509.Certificate, issuer: str) -> Standing:
        if issuer not in self._lists:
            self._lists[issuer] = self._read_list(issuer)
        crl = self._lists[issuer]
        right = f"Give the token the capability list on {self._path}."
        if crl is None or crl.crl.issuer != certificate.issuer:
            return Standing(
                None,
                f"whether {self._mount} has revoked certificates of {dn_text(certificate.issuer)} is unknown, because "
                f"{self._path} cannot be listed and there is no revocation list of that issuer. {right}",
                known=False,
            )
        entry = crl.find(certificate.serial_number)
        return Standing(
            entry.sentence if entry else None,
            f"{self._path} cannot be listed; a certificate that was revoked since the revocation list of "
            f"{crl.issuer_dn} was made at {iso(crl.this_update)}, or while lists are disabled, is not noticed. {right}",
        )

    def _read_list(self, issuer: str) -> CrlFacts | None:
        path = at(self._mount, "issuer", issuer, "crl")
        try:
            data = self._vault.read(path)
        except (Forbidden, NoEndpoint, NoIssuer):
            return None
        text = "" if data is None else Answer.of(data, path).text_or("crl")
        try:
            return parse_crl(text.encode()) if text else None
        except TrustmeshError as error:
            raise error.within(path) from None
