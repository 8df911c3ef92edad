# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names: one spelling per meaning, and refusal of what no certificate should carry."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest
from cryptography import x509
from hypothesis import assume, given
from hypothesis import strategies as st

from plugins.module_utils._pki import names
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.names import Subject, SubjectAltNames
from tests.unit.pki import forge

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=5).map(".".join).filter(lambda host: not host.replace(".", "").isdigit())


def _swap_case(text: str, flips: list[bool]) -> str:
    return "".join(c.upper() if flip else c for c, flip in zip(text, flips, strict=False)) + text[len(flips) :]


@given(HOSTS, st.lists(st.booleans(), max_size=80), st.sampled_from(["", ".", " "]))
def test_trap_24_every_spelling_of_a_host_is_one_name(host: str, flips: list[bool], tail: str) -> None:
    assert names.dns_name(_swap_case(host, flips) + tail) == host
    assert names.dns_name(names.dns_name(host)) == host


def test_trap_24_names_in_different_case_are_one_entry() -> None:
    found = SubjectAltNames.declared(dns_names=["A.SVC.example", "a.svc.example.", "a.svc.EXAMPLE"])
    assert found.dns == {"a.svc.example"}


@given(st.ip_addresses())
def test_trap_24_addresses_are_compared_as_addresses(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    spellings = [str(address), address.exploded.upper()]
    assume(getattr(address, "ipv4_mapped", None) is None)
    assert SubjectAltNames.declared(ip_addresses=spellings) == SubjectAltNames(ip=frozenset({str(address)}))


@pytest.mark.parametrize("address", ["::ffff:10.0.0.1", "::FFFF:0A00:0001", "0:0:0:0:0:ffff:10.0.0.1"])
def test_ipv4_address_in_the_form_of_ipv6_is_refused_with_its_plain_form(address: str) -> None:
    """golang/go#79776: authorities refuse such requests and clients such certificates, after check mode said yes."""
    with pytest.raises(PkiError, match=r"certificates may not carry; declare 10\.0\.0\.1"):
        SubjectAltNames.declared(ip_addresses=[address])


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.Example.com", "*.example.com"),
        ("localhost", "localhost"),
        ("_acme.example.com", "_acme.example.com"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_host_names_in_canonical_form(given_name: str, expected: str) -> None:
    assert names.dns_name(given_name) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        *("", " ", ".", "*", "a.*.b", "**.example", "a..b", "-a.example", "a-.example", "a b", "a/b", "a,b"),
        *("10.0.0.1", "2001:db8::1", "user@example.com", "https://a", "a:443"),
        *("a" * 64 + ".example", ".".join(["abcdefghi"] * 26)),
    ],
)
def test_what_is_no_host_name_is_refused(wrong: str) -> None:
    with pytest.raises(PkiError) as caught:
        SubjectAltNames.declared(dns_names=[wrong])
    assert caught.value.field == "dns_names"


@pytest.mark.parametrize(
    ("given_uri", "expected"),
    [
        ("SPIFFE://Example.ORG/ns/A", "spiffe://example.org/ns/A"),
        ("https://User@Example.org:8443/Path?Q#F", "https://User@example.org:8443/Path?Q#F"),
        ("urn:Example:Thing", "urn:Example:Thing"),
    ],
)
def test_uris_keep_the_case_of_their_path(given_uri: str, expected: str) -> None:
    assert names.uri(given_uri) == expected


@pytest.mark.parametrize(
    "wrong",
    ["", "example.org", "spiffe://", "spiffe://example.org", "spiffe://example.org/", "://x", "a b:c", "http:", "x:ü"],
)
def test_what_is_no_absolute_uri_is_refused(wrong: str) -> None:
    with pytest.raises(PkiError) as caught:
        SubjectAltNames.declared(uris=[wrong])
    assert caught.value.field == "uris"


def test_a_mail_address_keeps_the_case_of_its_local_part() -> None:
    assert names.email_address(" Ops@Example.ORG ") == "Ops@example.org"
    for wrong in ("ops", "@example.org", "ops@", "ö@example.org", "a b@example.org"):
        with pytest.raises(ValueError, match=r"is not a mail address|is empty"):
            names.email_address(wrong)


def test_names_survive_the_way_through_a_certificate() -> None:
    declared = SubjectAltNames.declared(
        ["B.example", "a.example", "*.a.example"], ["10.0.0.1", "2001:DB8::0:1"], ["spiffe://X.org/A"], ["Ops@X.org"]
    )
    extension = x509.SubjectAlternativeName(declared.general_names())
    made = forge.make("a.example", extensions=[(extension, False)])
    read = made.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert SubjectAltNames.observed(read) == declared
    text = forge.openssl("x509", "-noout", "-ext", "subjectAltName", data=made.pem)
    for shown in ("DNS:*.a.example, DNS:a.example, DNS:b.example", "IP Address:10.0.0.1", "URI:spiffe://x.org/A"):
        assert shown in text


@given(st.permutations(["c.example", "a.example", "b.example"]))
def test_the_order_of_declaration_leaves_no_trace(order: list[str]) -> None:
    first = SubjectAltNames.declared(dns_names=["a.example", "b.example", "c.example"])
    assert SubjectAltNames.declared(dns_names=order).general_names() == first.general_names()


def test_names_that_break_the_rules_are_seen_as_written() -> None:
    extension = forge.sans("Under_Score-.Example", "not a uri://")
    observed = SubjectAltNames.observed(extension)
    assert observed.dns == {"Under_Score-.Example"}
    assert observed.uri == {"not a uri://"}


@pytest.mark.parametrize(
    ("common_name", "where", "entry"),
    [
        ("Node1.example.com", "dns", "node1.example.com"),
        ("10.0.0.1", "ip", "10.0.0.1"),
        ("2001:DB8::1", "ip", "2001:db8::1"),
        ("Ops@Example.com", "email", "Ops@example.com"),
        ("Mesh Root", "dns", None),
        ("", "dns", None),
        (None, "dns", None),
    ],
)
def test_trap_23_a_common_name_counts_as_the_kind_of_name_it_is(
    common_name: str | None, where: str, entry: str | None
) -> None:
    found = SubjectAltNames().including(common_name)
    assert getattr(found, where) == (frozenset({entry}) if entry else frozenset())
    assert bool(found) is bool(entry)


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("a.example", True),
        ("A.EXAMPLE.", True),
        ("x.wild.example", True),
        ("x.y.wild.example", False),
        ("wild.example", False),
        ("10.0.0.1", True),
        ("10.0.0.2", False),
        ("2001:DB8:0::1", True),
        ("other.example", False),
        ("bad name", False),
        ("", False),
    ],
)
def test_covering_a_host_follows_rfc_9525(host: str, covered: bool) -> None:
    found = SubjectAltNames.declared(["a.example", "*.wild.example"], ["10.0.0.1", "2001:db8::1"])
    assert found.covers(host) is covered


SUBJECT: dict[str, t.Any] = {
    "common_name": 'Hub, the "first" + only',
    "organization": ["Example Hub", "Second"],
    "organizational_unit": "Operations",
    "country": ["LU"],
    "province": ["Luxembourg"],
    "locality": ["Esch-sur-Alzette"],
    "street_address": ["1, rue de l'Exemple"],
    "postal_code": ["L-1000"],
    "serial_number": "42",
}


def test_a_subject_survives_the_way_through_a_certificate() -> None:
    declared = Subject.declared(SUBJECT)
    made = forge.make(declared.name())
    assert Subject.observed(made.certificate.subject) == declared
    assert declared.shown() == {**SUBJECT, "organizational_unit": ["Operations"]}
    text = forge.openssl("x509", "-noout", "-subject", "-nameopt", "multiline,utf8,-esc_msb", data=made.pem)
    assert [line.split("=")[0].strip() for line in text.splitlines()[1:]] == [
        *("countryName", "organizationName", "organizationName", "organizationalUnitName", "localityName"),
        *("stateOrProvinceName", "streetAddress", "postalCode", "commonName", "serialNumber"),
    ]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"common_name": "x" * 65}, "common_name"),
        ({"country": ["Luxembourg"]}, "country"),
        ({"country": "1"}, "country"),
    ],
)
def test_subjects_beyond_the_limits_of_x509_are_refused_by_name(options: dict[str, t.Any], field: str) -> None:
    with pytest.raises(PkiError) as caught:
        Subject.declared(options)
    assert caught.value.field == field


def test_an_empty_subject_is_empty() -> None:
    assert not Subject().name().rdns
    assert Subject().shown() == {}
    assert Subject.observed(x509.Name([])) == Subject()
