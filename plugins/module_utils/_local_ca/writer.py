# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Making and writing the files of a development authority."""

from __future__ import annotations

import datetime
import typing as t

from .._core.files import FileGroup, read_file
from .._pki.certificate import CertificateFacts, certificate_pem, validity
from .._pki.drift import BACKDATE_SECONDS
from .._pki.errors import PkiError
from .._pki.issuance import Authority, Span, sign_authority
from .._pki.keys import generate, is_encrypted, load_private_key, private_pem
from .._pki.names import dn_text
from .._pki.revocation import Revocation, crl_pem, make_crl, parse_crl
from .state import CrlWish, Parent, Placing, Wish
from .store import existing_chain, load_authority

if t.TYPE_CHECKING:
    from cryptography import x509

    from .._pki.keys import PrivateKey

    Chain = tuple[x509.Certificate, ...]


class AuthorityWriter:
    """Carries out deeds: ``make_key``, ``certify``, and ``write_`` with the name of a file. Decides nothing."""

    def __init__(self, placing: Placing, wanted: Wish) -> None:
        self._placing = placing
        self._wanted = wanted

    def stage(self, group: FileGroup, deeds: frozenset[str], now: datetime.datetime) -> None:
        """Stage the files; the key goes first, so that a crash cannot leave a certificate whose key is lost."""
        files = self._placing.files()
        group.directory(self._placing.paths.directory)
        key = generate(self._wanted.key) if "make_key" in deeds else self._load_key()
        if deeds & {"make_key", "write_key"}:
            self._put(group, "key", private_pem(key, self._wanted.passphrase))
        above = existing_chain(self._wanted.parent.paths) if self._wanted.parent else ()
        certificate = self._certify(key, now) if "certify" in deeds else existing_chain(self._placing.paths)[0]
        if deeds & {"certify", "write_certificate"}:
            self._put(group, "certificate", certificate_pem(certificate).encode())
        if above and deeds & {"certify", "write_chain"}:
            self._put(group, "chain", certificate_pem(*above).encode())
        elif not above:
            group.remove(files["chain"][0])
        if self._wanted.crl is not None and "write_crl" in deeds:
            self._put(group, "crl", _revocation_list(self._wanted.crl, Authority(certificate, key), now))

    def _put(self, group: FileGroup, what: str, content: bytes) -> None:
        path, attributes = self._placing.files()[what]
        group.put(path, content, attributes)

    def _load_key(self) -> PrivateKey:
        pem = read_file(self._placing.paths.key) or b""
        return load_private_key(pem, self._wanted.passphrase if is_encrypted(pem) else None, option="passphrase_file")

    def _certify(self, key: PrivateKey, now: datetime.datetime) -> x509.Certificate:
        """Sign a certificate for the key; an intermediate ends with its parent at the latest."""
        wanted = self._wanted
        end = now + datetime.timedelta(seconds=wanted.ttl)
        parent = _parent(wanted.parent, wanted.path_length) if wanted.parent else None
        if parent is not None:
            end = min(end, validity(parent.certificate)[1])
        span = Span(now - datetime.timedelta(seconds=BACKDATE_SECONDS), end)
        return sign_authority(wanted.subject, key, span, wanted.path_length, parent)


def _parent(declared: Parent, path_length: int) -> Authority:
    parent = load_authority(declared.paths, declared.passphrase, "parent_passphrase_file")
    allowed = CertificateFacts.of(parent.certificate).path_length
    if allowed is not None and path_length >= allowed:
        raise PkiError(
            f"{dn_text(parent.certificate.subject)} has path_length {allowed}, at least {path_length + 1} is needed",
            field="path_length",
            remedy="Raise path_length of the parent.",
        )
    return parent


def _revocation_list(wanted: CrlWish, authority: Authority, now: datetime.datetime) -> bytes:
    """Return a new list; entries that were on the old one keep their date."""
    old = read_file(wanted.path)
    facts = parse_crl(old) if old else None
    known = {entry.serial_number: entry.revoked_at for entry in facts.entries()} if facts else {}
    entries = [Revocation(number, known.get(number, now), reason) for number, reason in wanted.reasons.items()]
    crl = make_crl(
        authority.certificate,
        authority.key,
        entries,
        number=(facts.number or 0) + 1 if facts else 1,
        this_update=now,
        next_update=now + datetime.timedelta(seconds=wanted.ttl),
    )
    return crl_pem(crl)
