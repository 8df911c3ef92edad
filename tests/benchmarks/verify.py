# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at what a contender made: a run whose files are not as declared is void."""

from __future__ import annotations

import datetime
import pathlib
import stat

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from tests.benchmarks.contenders import Contender, Leaf
from tests.benchmarks.estate import Estate

SHORTEST = datetime.timedelta(days=29)


class Void(Exception):
    """The run did not make what it was to make."""


def verify(contender: Contender, wanted: list[Leaf], target: pathlib.Path, estate: Estate) -> None:
    """Check mode, key, names, life and chain of every certificate; raise Void at the first that is not right."""
    if contender.local:
        authorities = [x509.load_pem_x509_certificate((estate.local_ca / "ca.pem").read_bytes())]
    else:
        authorities = [
            x509.load_pem_x509_certificate(pem.encode()) for pem in (estate.intermediate_pem, estate.root_pem)
        ]
        _issued_by(authorities[0], authorities[1], "intermediate")
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    for leaf in wanted:
        _verify_one(contender, leaf, target, authorities[0], now)


def _verify_one(
    contender: Contender, leaf: Leaf, target: pathlib.Path, issuer: x509.Certificate, now: datetime.datetime
) -> None:
    files = contender.files(leaf, target)
    try:
        private, chain = files.key.read_bytes(), x509.load_pem_x509_certificates(files.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise Void(f"{leaf.name}: {error}") from None
    if stat.S_IMODE(files.key.stat().st_mode) != 0o600:
        raise Void(f"{leaf.name}: the key is readable by others")
    certificate = chain[0]
    if serialization.load_pem_private_key(private, None).public_key() != certificate.public_key():
        raise Void(f"{leaf.name}: key and certificate do not belong together")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if set(names.get_values_for_type(x509.DNSName)) != set(leaf.dns_names):
        raise Void(f"{leaf.name}: wrong names")
    if certificate.not_valid_after_utc - now < SHORTEST or certificate.not_valid_before_utc > now:
        raise Void(f"{leaf.name}: wrong life")
    _issued_by(certificate, issuer, leaf.name)
    if contender.has_chain and (len(chain) != 2 or chain[1] != issuer):
        raise Void(f"{leaf.name}: wrong chain")


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate, name: str) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError) as error:
        raise Void(f"{name}: not issued by {issuer.subject.rfc4514_string()} ({error})") from None


def serials(contender: Contender, wanted: list[Leaf], target: pathlib.Path) -> dict[str, int]:
    """Return the serial number of every certificate, to see which ones a run replaced."""
    found = {}
    for leaf in wanted:
        content = contender.files(leaf, target).certificate.read_bytes()
        found[leaf.name] = x509.load_pem_x509_certificates(content)[0].serial_number
    return found
