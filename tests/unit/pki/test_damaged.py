# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R23: a damaged octet is an error of this domain at once, never an exception of the library further on."""

from __future__ import annotations

import base64
import random
import warnings

import pytest
from ansible.errors import AnsibleFilterError
from cryptography import x509

from plugins.filter.x509_parse import x509_parse
from plugins.module_utils._pki.certificate import CertificateFacts, parse_certificates
from plugins.module_utils._pki.chain import loose_path, verify_chain
from plugins.module_utils._pki.development import has_marker, policy_extension
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.request import load_request, make_csr
from plugins.module_utils._pki.revocation import Revocation, make_crl, parse_crls
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, NOON, make

ROOT = make("Root", ca=True, end=NOON + 999 * DAY)
LEAF = make(
    "a.example",
    ROOT,
    ca=True,
    extensions=[
        (forge.sans("a.example", "10.0.0.1", "a://b", "me@x.example"), False),
        (policy_extension(), False),
        (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.NameConstraints([x509.DNSName("example")], None), True),
    ],
)


def _damaged(whole: bytes) -> list[bytes]:
    """Return a structure with each octet changed in a few ways, and cut at each."""
    chance = random.Random(23)
    found = []
    for at, octet in enumerate(whole):
        for value in {0, 1, 19, 255, octet ^ 1, octet ^ 128, (octet + 1) & 255, chance.randrange(256)} - {octet}:
            found.append(whole[:at] + bytes([value]) + whole[at + 1 :])
        found.append(whole[:at])
    return found


@pytest.mark.parametrize("made", [ROOT, LEAF], ids=["authority", "leaf"])
def test_r23_a_damaged_certificate_is_our_error_or_can_be_judged(made: forge.Made) -> None:
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for der in _damaged(made.der):
            try:
                (certificate,) = parse_certificates(der)
                CertificateFacts.of(certificate).shown()
            except PkiError:
                refused += 1
                continue
            has_marker(certificate)
            verify_chain(certificate, [], [ROOT.certificate], NOON, "ServerAuth")
            verify_chain(LEAF.certificate, [certificate], [ROOT.certificate], NOON)
            loose_path(LEAF.certificate, [certificate])
    assert refused > 1000


def test_r23_a_damaged_revocation_list_is_our_error_or_can_be_asked() -> None:
    entries = [Revocation(5, NOON, "superseded"), Revocation(LEAF.certificate.serial_number, NOON)]
    crl = make_crl(ROOT.certificate, ROOT.key, entries, number=1, this_update=NOON, next_update=NOON + DAY)
    facts, refused = CertificateFacts.of(LEAF.certificate), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for der in _damaged(crl.public_bytes(forge.serialization.Encoding.DER)):
            try:
                (found,) = parse_crls(der)
            except PkiError:
                refused += 1
                continue
            found.shown()
            found.find(5)
            found.is_signed_by(ROOT.certificate)
            found.scope_problem(facts)
    assert refused > 1000


def test_r23_a_damaged_request_is_our_error() -> None:
    facts = CertificateFacts.of(LEAF.certificate)
    request = make_csr(LEAF.key, facts.subject, facts.sans).public_bytes(forge.serialization.Encoding.DER)
    head, tail = "-----BEGIN CERTIFICATE REQUEST-----\n", "-----END CERTIFICATE REQUEST-----\n"
    refused = 0
    for der in _damaged(request):
        try:
            assert load_request(head + base64.encodebytes(der).decode() + tail).subject
        except PkiError:
            refused += 1
    assert refused > 1000


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"\x0c\x04Root", b"\x01\x04Root"), (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x13")],
    ids=["subject", "version"],
)
def test_r23_the_filter_reports_an_error(before: bytes, after: bytes) -> None:
    damaged = ROOT.der.replace(before, after)
    assert damaged != ROOT.der
    with pytest.raises(AnsibleFilterError, match="the DER data is malformed"):
        x509_parse(damaged)
