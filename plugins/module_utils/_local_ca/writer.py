# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Making and writing the files of a development authority."""

from __future__ import annotations

import datetime
import typing as t

from .._core.files import FileGroup, exists
from .._pki.certificate import CertificateFacts, certificate_pem, validity
from .._pki.drift import BACKDATE_SECONDS
from .._pki.errors import PkiError
from .._pki.issuance import Authority, Span, sign_authority
from .._pki.keys import generate, is_encrypted, load_private_key, private_pem
from .._pki.names import dn_text
from .._pki.revocation import Revocation, crl_pem, make_crl, parse_crl
from .state import Desired, DesiredCrl, Parent, Placing
from .store import existing_chain, load_authority

if t.TYPE_CHECKING:
    from cryptography import x509

    from .._pki.keys import PrivateKey

    Chain = tuple[x509.Certificate, ...]


class AuthorityWriter:
    """Carries out steps: ``make_key``, ``certify``, and ``write_`` with the name of a file. Decides nothing."""

    def __init__(self, placing: Placing, wanted: Desired) -> None:
        self._placing = placing
        self._wanted = wanted

    def stage(self, group: FileGroup, verbs: frozenset[str], now: datetime.datetime) -> None:
        """Stage the files; of a new authority the key goes first, those of another one change at one moment."""
        files, exchange = self._placing.files(), self._placing.paths.exchange
        group.directory(self._placing.paths.directory)
        contents = self._contents(verbs, now)
        if exchange.unfinished or (len(contents) > 1 and exists(self._placing.paths.certificate)):
            exchange.stage(group, files, contents)
        else:
            for what, content in contents.items():
                path, attributes = files[what]
                group.put(path, content, attributes)
        if self._wanted.parent is None:
            group.remove(files["chain"][0])

    def _contents(self, verbs: frozenset[str], now: datetime.datetime) -> dict[str, bytes]:
        """Make what the verbs ask for; in the order in which the files of a new authority are safe to appear."""
        contents: dict[str, bytes] = {}
        key = generate(self._wanted.key) if "make_key" in verbs else self._load_key()
        if verbs & {"make_key", "write_key"}:
            contents["key"] = private_pem(key, self._wanted.passphrase)
        above = existing_chain(self._wanted.parent.paths) if self._wanted.parent else ()
        certificate = self._certify(key, now) if "certify" in verbs else existing_chain(self._placing.paths)[0]
        if verbs & {"certify", "write_certificate"}:
            contents["certificate"] = certificate_pem(certificate).encode()
        if above and verbs & {"certify", "write_chain"}:
            contents["chain"] = certificate_pem(*above).encode()
        if self._wanted.crl is not None and "write_crl" in verbs:
            contents["crl"] = self._revocation_list(self._wanted.crl, Authority(certificate, key), now)
        return contents

    def _load_key(self) -> PrivateKey:
        paths = self._placing.paths
        pem = paths.exchange.read("key", paths.key) or b""
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

    def _revocation_list(self, wanted: DesiredCrl, authority: Authority, now: datetime.datetime) -> bytes:
        """Return a new list; entries that were on the old one keep their date."""
        old = self._placing.paths.exchange.read("crl", wanted.path)
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
