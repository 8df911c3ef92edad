# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several threads look at an authority at once, and the library of Debian 12 then refuses to give its extensions."""

from __future__ import annotations

import pathlib
import re
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plugins.module_utils._pki.certificate import CertificateFacts
from plugins.module_utils._pki.constraints import constrains, name_violations
from plugins.module_utils._pki.development import has_marker, policy_extension
from plugins.module_utils._pki.revocation import Revocation, make_crl, parse_crls
from tests.unit.pki import forge
from tests.unit.pki.forge import DAY, NOON, make

_ROOT = pathlib.Path(__file__).parents[3]
_ASKED = re.compile(r"certificate\.extensions\b")

AUTHORITY = make(
    "Shared",
    ca=True,
    end=NOON + 99 * DAY,
    extensions=[(x509.NameConstraints([x509.DNSName("example")], None), True), (policy_extension(), False)],
)
LEAF = make("a.example", AUTHORITY, extensions=[(forge.sans("a.example"), False)])


class Borrowed:
    """A certificate at which another thread looks, as older libraries have it."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._certificate = certificate

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._certificate, name)

    @property
    def extensions(self) -> t.NoReturn:
        raise RuntimeError("Already borrowed")


@pytest.fixture(autouse=True)
def library_of_debian_12(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptography.__version__", "38.0.4")


def _borrowed(made: forge.Made) -> x509.Certificate:
    return t.cast("x509.Certificate", Borrowed(made.certificate))


def test_the_facts_of_a_certificate_that_another_thread_looks_at_are_read() -> None:
    assert CertificateFacts.of(_borrowed(LEAF)).shown() == CertificateFacts.of(LEAF.certificate).shown()


def test_the_mark_and_the_constraints_of_such_a_certificate_are_seen() -> None:
    assert has_marker(_borrowed(AUTHORITY))
    assert constrains(_borrowed(AUTHORITY))
    assert name_violations([_borrowed(LEAF), _borrowed(AUTHORITY)]) == []
    other = make("b.other", AUTHORITY, extensions=[(forge.sans("b.other"), False)])
    assert name_violations([_borrowed(other), _borrowed(AUTHORITY)])


def test_many_threads_find_the_same_entry_of_a_list() -> None:
    entries = [Revocation(number, NOON, "key_compromise") for number in range(1, 50)]
    made = make_crl(AUTHORITY.certificate, AUTHORITY.key, entries, number=1, this_update=NOON, next_update=NOON + DAY)
    (facts,) = parse_crls(made.public_bytes(serialization.Encoding.DER))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(facts.find, [7] * 200))
    assert {entry.serial_number if entry else None for entry in found} == {7}


def test_one_place_alone_asks_a_certificate_itself() -> None:
    places = [path for path in (_ROOT / "plugins").rglob("*.py") if _ASKED.search(path.read_text("utf-8"))]
    assert [path.name for path in places] == ["extensions.py"]


@pytest.mark.parametrize("text", ["for entry in certificate.extensions:", "x = facts.certificate.extensions"])
def test_the_guard_notices(text: str) -> None:
    assert _ASKED.search(text)
