# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical forms: every spelling of a value is one value, and canonical is a fixed point."""

from __future__ import annotations

import base64
import ipaddress
import re
import textwrap
import typing as t
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plugins.module_utils._core import normal

#: 2^63 nanoseconds.
MOST_SECONDS = 9_223_372_036
SECONDS = st.integers(min_value=0, max_value=MOST_SECONDS)
UNITS = {"h": 3600, "m": 60, "s": 1}


def _go_text(nanoseconds: int) -> str:
    """Spell a duration as Go's ``Duration.String`` does: ``720h0m0s``, ``1m0.25s``, ``1.5µs``, ``0s``."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 10**9:
        unit, size = next((u, s) for u, s in (("ms", 10**6), ("µs", 10**3), ("ns", 1)) if nanoseconds >= s)
        return _decimal(Fraction(nanoseconds, size)) + unit
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = _decimal(Fraction(rest, 10**9)) + "s"
    text = f"{minutes}m{text}" if hours or minutes else text
    return f"{hours}h{text}" if hours else text


def _decimal(value: Fraction) -> str:
    whole, rest = divmod(value, 1)
    digits = f"{int(rest * 10**9):09d}".rstrip("0")
    return f"{int(whole)}.{digits}" if digits else str(int(whole))


@given(SECONDS)
def test_trap_01_every_spelling_of_whole_seconds_is_one(seconds: int) -> None:
    for spelling in (seconds, str(seconds), f"{seconds}s", float(seconds), _go_text(seconds * 10**9), f" {seconds} "):
        assert normal.duration(spelling) == seconds
    assert normal.duration(normal.spell_duration(seconds)) == seconds


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from("wdhms")), min_size=1, max_size=6))
def test_trap_01_terms_add_up_in_any_order(terms: list[tuple[int, str]]) -> None:
    sizes = {"w": 604800, "d": 86400, **UNITS}
    text = "".join(f"{count}{unit}" for count, unit in terms)
    total = sum(count * sizes[unit] for count, unit in terms)
    assume(total <= MOST_SECONDS)
    assert normal.duration(text) == total


@pytest.mark.parametrize("longest", [MOST_SECONDS, f"{MOST_SECONDS}s", "106751d", "2562047h47m16s"])
def test_longest_duration_that_servers_count_is_taken(longest: int | str) -> None:
    """hashicorp/vault#4641: at the edge."""
    assert normal.duration(longest) <= MOST_SECONDS
    assert normal.milliseconds(longest) <= MOST_SECONDS * 1000


@pytest.mark.parametrize("longer", [MOST_SECONDS + 1, f"{MOST_SECONDS + 1}", "106752d", "2562048h", "9" * 40])
def test_duration_beyond_what_servers_count_is_refused(longer: int | str) -> None:
    """hashicorp/vault#4641: a safety buffer beyond 2^63 nanoseconds became negative, and tidying removed everything."""
    for parse in (normal.duration, normal.milliseconds):
        with pytest.raises(ValueError, match="is longer than 292 years, the longest that servers can count"):
            parse(longer)


@given(st.integers(min_value=0, max_value=10**16))
def test_go_spellings_count_in_milliseconds_or_are_refused(nanoseconds: int) -> None:
    text = _go_text(nanoseconds)
    for parse, size in ((normal.duration, 10**9), (normal.milliseconds, 10**6)):
        if nanoseconds % size:
            with pytest.raises(ValueError, match="is not a whole number of"):
                parse(text)
        else:
            assert parse(text) == nanoseconds // size


@pytest.mark.parametrize(
    ("spelling", "seconds"),
    [
        ("720h0m0s", 2592000),
        ("1h30m", 5400),
        ("1d", 86400),
        ("2w", 1209600),
        ("1.5h", 5400),
        (".5h", 1800),
        ("1.h", 3600),
        ("+1h", 3600),
        ("1000ms", 1),
        ("1000000us", 1),
        ("1000000µs", 1),
        ("1000000μs", 1),
        ("1000000000ns", 1),
        ("0", 0),
        ("0s", 0),
        (3600.0, 3600),
        ("3600.0", 3600),
        ("007", 7),
    ],
)
def test_durations_that_servers_and_people_write(spelling: t.Any, seconds: int) -> None:
    assert normal.duration(spelling) == seconds


@pytest.mark.parametrize(
    "wrong",
    [
        *("", " ", "h", "1x", "1h 30m", "-5s", "-1", "1e3", "0x10", "1,5h", ".", ".h", "+", "++1h", "1..5h", "٣", "٣h"),
        *(True, False, None, [], {}, 1.5, "1.5", float("nan"), float("inf"), "1hh", "one hour", "infinity"),
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(wrong: t.Any) -> None:
    with pytest.raises(ValueError, match=r"90d, 72h or 1h30m|whole number of seconds"):
        normal.duration(wrong)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90 * 86400, "90d"), (129600, "1d12h"), (3661, "1h1m1s"), (59, "59s"), (-90, "-1m30s")],
)
def test_a_duration_is_spelled_as_a_person_would(seconds: int, text: str) -> None:
    assert normal.spell_duration(seconds) == text


@given(st.text(max_size=80))
def test_a_host_name_in_canonical_form_stays_so(text: str) -> None:
    try:
        name = normal.dns_name(text)
    except ValueError:
        assume(False)
        return
    assert normal.dns_name(name) == name
    assert name.isascii()
    assert name == name.lower()
    assert not name.endswith(".")


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("Example.COM.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("例え。テスト。", "xn--r8jz45g.xn--zckzah"),
        ("*.Bücher.example", "*.xn--bcher-kva.example"),
        (" a ", "a"),
    ],
)
def test_trap_24_host_names(given_name: str, expected: str) -> None:
    assert normal.dns_name(given_name) == expected


@pytest.mark.parametrize("wrong", ["", ".", "..", "a b", "a,b", "a/b", "。", "a\u200b b", "ü" * 64, "\ud800.example"])
def test_what_is_no_host_name_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"name"):
        normal.dns_name(wrong)


@pytest.mark.parametrize("name", ["straße.example", "βόλος.example", "na\u200dme.example", "na\u200cme.example"])
def test_a_name_that_the_two_editions_of_idna_map_to_different_hosts_is_not_guessed(name: str) -> None:
    with pytest.raises(ValueError, match="write its xn-- form"):
        normal.dns_name(name)


@given(st.ip_addresses())
def test_every_spelling_of_an_address_is_one(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    canonical = normal.ip_address(str(address))
    for spelling in (address.exploded, address.exploded.upper(), f" {address.compressed} ", address):
        assert normal.ip_address(spelling) == canonical
    assert normal.ip_address(canonical) == canonical


@pytest.mark.parametrize(
    "wrong", ["", "10.0.0", "10.0.0.256", "010.0.0.1", "::1/128", "fe80::1%eth0", "a", "1", 1, None]
)
def test_what_is_no_address_is_refused(wrong: t.Any) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        normal.ip_address(wrong)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_trap_13_a_network_loses_its_host_bits(address: ipaddress.IPv4Address, length: int) -> None:
    network = normal.cidr(f"{address}/{length}")
    assert ipaddress.ip_address(str(address)) in ipaddress.ip_network(network)
    assert normal.cidr(network) == network
    assert normal.cidr(str(address)) == f"{address}/32"


@pytest.mark.parametrize(
    ("given_network", "expected"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ],
)
def test_networks(given_network: str, expected: str) -> None:
    assert normal.cidr(given_network) == expected


@pytest.mark.parametrize("wrong", ["", "10.0.0.0/33", "10.0.0/8", "a/8", "10.0.0.0/8/8", "fe80::1%eth0"])
def test_what_is_no_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not an IP network"):
        normal.cidr(wrong)


LINES = st.lists(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=20), max_size=8
)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", " ", "\t"]), st.integers(0, 3))
def test_trap_12_line_ends_and_trailing_space_mean_nothing(lines: list[str], end: str, tail: str, extra: int) -> None:
    plain = normal.text_lines("\n".join(lines))
    assert normal.text_lines(end.join(line + tail for line in lines) + end * extra) == plain
    assert normal.text_lines(plain) == plain
    assert plain.endswith("\n")
    assert "\r" not in plain


BLOCKS = st.lists(
    st.tuples(
        st.sampled_from(["CERTIFICATE", "EC PRIVATE KEY", "X509 CRL", "PKCS7"]), st.binary(min_size=1, max_size=300)
    ),
    min_size=1,
    max_size=3,
)


@given(
    BLOCKS,
    st.integers(1, 90),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "  "]),
    st.sampled_from(["", "# c\n"]),
)
def test_trap_27_pem_in_every_shape_is_one(
    blocks: list[tuple[str, bytes]], width: int, end: str, indent: str, comment: str
) -> None:
    shaped, canonical = "", []
    for label, data in blocks:
        text = base64.b64encode(data).decode()
        body = textwrap.wrap(text, width)
        shaped += comment + "".join(
            f"{indent}{line}{end}" for line in (f"-----BEGIN {label}-----", *body, f"-----END {label}-----")
        )
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        canonical.append("\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]))
    for text in (shaped, shaped.rstrip(), shaped + "\n\n"):
        assert normal.pem_blocks(text) == tuple(canonical)
    assert normal.pem("".join(canonical)) == "".join(canonical)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("", "no PEM block"),
        ("-----BEGIN A-----\nAAAA", "no PEM block"),
        ("-----BEGIN A-----\nAAAA\n-----END B-----", "no PEM block"),
        ("-----BEGIN A-----\nA?==\n-----END A-----", "the A block is not valid base64"),
        ("-----BEGIN A-----\nAAA\n-----END A-----", "the A block is not valid base64"),
        ("-----BEGIN A-----\nÄÄÄÄ\n-----END A-----", "the A block is not valid base64"),
        ("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----", "legacy PEM encryption"),
        ("-----BEGIN A-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nAAAA\r\n-----END A-----", "legacy PEM encryption"),
    ],
)
def test_what_is_no_pem_is_refused_without_quoting_it(wrong: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        normal.pem_blocks(wrong)
    assert "AAAA" not in str(caught.value)


@pytest.mark.parametrize("text", ["yesterday", "", "2026-02-31T00:00:00Z", "14:00"])
def test_f7_a_text_that_is_not_an_instant_is_named_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not an instant; write it like 2026-11-21T14:00:00Z"):
        normal.instant(text)
