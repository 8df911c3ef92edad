# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Canonical forms: one spelling per meaning.

Servers, users and files spell the same value in several ways. These functions return the one form that states hold, so
that comparing states is plain equality. Each raises ``ValueError`` with a sentence that fits after the field's name.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import ipaddress
import re
import typing as t
from collections.abc import Mapping, Sequence
from fractions import Fraction

from .pem import find_blocks

# Go's time.ParseDuration units plus the `d` that Vault adds; `w` is ours (we always send seconds).
_UNIT_SECONDS: dict[str, Fraction] = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),  # U+00B5, which Go writes
    "μs": Fraction(1, 10**6),  # U+03BC, which it reads as well
    "ms": Fraction(1, 10**3),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
    "w": Fraction(604800),
}
# Python takes quadratic time to read a number, and no duration is longer.
_LONGEST_DURATION = 100
#: What servers in Go can count, in seconds: 292 years. Some take more for less than nothing, and remove what they keep.
_MOST_SECONDS = (2**63 - 1) // 10**9
_NUMBER = r"[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}"
_TERM = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h|d|w)")
_FRACTION = re.compile(r"\.([0-9]{1,6})[0-9]*")
# Sharp s, final sigma and the joiners: dropped or replaced by one edition, kept by the other.
_DISPUTED = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
_KINDS: t.Final[t.Sequence[tuple[t.Union[type, tuple[type, ...]], str]]] = (
    (bool, "a truth value"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "a text"),
    ((bytes, bytearray), "bytes"),
    ((datetime.date, datetime.time), "a date"),
    (Mapping, "a mapping"),
    ((set, frozenset), "a set"),
    (Sequence, "a list"),
)


def duration(value: t.Any) -> int:
    """Return whole seconds for ``3600``, ``"3600"``, ``"72h"``, ``"1h30m"``, ``"30d"`` or ``"720h0m0s"``."""
    return _seconds(value) if isinstance(value, str) else _whole(value, 1, "a whole number of seconds")


def milliseconds(value: t.Any) -> int:
    """Return whole milliseconds for the same spellings and ``"250ms"``; a number without a unit is seconds."""
    return _whole(value, 1000, "a whole number of milliseconds")


@functools.lru_cache(maxsize=256)  # a batch declares the same few again and again
def _seconds(value: str) -> int:
    return _whole(value, 1, "a whole number of seconds")


def _whole(value: t.Any, parts: int, what: str) -> int:
    """Return a duration in units of which a second has ``parts``."""
    text = re.sub(r"^\+", "", str(value).strip())
    if (
        isinstance(value, bool)
        or len(text) > _LONGEST_DURATION
        or not re.fullmatch(rf"{_NUMBER}|(?:{_TERM.pattern})+", text)
    ):
        raise ValueError(f"{value!r} is not a duration; write seconds or a text such as 90d, 72h or 1h30m")
    terms = _TERM.findall(text) or [(text, "s")]
    total = sum((Fraction(f"0{number}") * _UNIT_SECONDS[unit] for number, unit in terms), Fraction(0)) * parts
    if total.denominator != 1:
        raise ValueError(f"{text!r} is not {what}")
    if total > _MOST_SECONDS * parts:
        raise ValueError(f"{text!r} is longer than 292 years, the longest that servers can count; declare less")
    return int(total)


def spell_duration(seconds: int) -> str:
    """Return a duration as a person would write it: ``90d``, ``1d12h``, ``0s``."""
    if seconds < 0:
        return f"-{spell_duration(-seconds)}"
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def instant(text: str) -> datetime.datetime:
    """Read an RFC 3339 text with its offset; raises ``ValueError``."""
    shown = f"{str(text)!r}"
    # A trailing Z, and a fraction of other than three or six digits, are understood from Python 3.11 on.
    plain = _FRACTION.sub(lambda found: f".{found[1]:0<6}", re.sub("[Zz]$", "+00:00", str(text).strip()))
    try:
        moment = datetime.datetime.fromisoformat(plain)
        if moment.tzinfo is not None:
            return moment.astimezone(datetime.timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown} is not an instant; write it like 2026-11-21T14:00:00Z") from None
    raise ValueError(f"{shown} names no offset from UTC; write it like 2026-11-21T14:00:00Z")


def kind_of(value: t.Any) -> str:
    """Return what a value is in the words of YAML and JSON; the types of Python and Ansible mean nothing to users."""
    if value is None:
        return "null"
    for kinds, name in _KINDS:
        if isinstance(value, kinds):
            return name
    return "an object"


def dns_name(value: t.Any) -> str:
    """Return a host name in lower case and in its ASCII (IDNA) form; a leading ``*.`` stays."""
    text = str(value).strip()
    if _DISPUTED.search(text):
        raise ValueError(
            f"{value!r} stands for different names in IDNA 2003 (RFC 3490) and 2008 (RFC 5891); write its xn-- form"
        )
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{value!r} is not a valid international name") from None
    text = text.rstrip(".")
    if not text:
        raise ValueError("a name is empty")
    if re.search(r"[\s,/]", text):
        raise ValueError(f"{value!r} is not a DNS name")
    return text.lower()


def ip_address(value: t.Any) -> str:
    """Return an IPv4 or IPv6 address in its shortest standard form (RFC 5952)."""
    text = str(value).strip()
    try:
        if "%" in text:  # a zone means something on one host only (RFC 4007)
            raise ValueError
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None


def cidr(value: t.Any) -> str:
    """Return a network in CIDR form with host bits cleared; a bare address becomes its /32 or /128."""
    text = str(value).strip()
    try:
        if "%" in text:
            raise ValueError
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP network") from None


def text_lines(value: t.Any) -> str:
    """Return a text with LF line ends, no trailing white space on lines and exactly one final newline."""
    lines = [line.rstrip() for line in str(value).replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip("\n") + "\n"


def pem_blocks(value: t.Any) -> tuple[str, ...]:
    """Return every PEM block of a text, each in canonical form (RFC 7468: LF, 64 columns, final newline)."""
    blocks = []
    text = str(value)
    for block in find_blocks(text):
        label, body = block.label, text[block.inner_start : block.inner_end].strip()
        if "Proc-Type:" in body.partition("\n\n")[0]:
            raise ValueError(f"the {label} block uses legacy PEM encryption; convert it to PKCS#8 first")
        try:
            der = base64.b64decode("".join(body.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"the {label} block is not valid base64") from None
        encoded = base64.b64encode(der).decode("ascii")
        wrapped = "\n".join(encoded[at : at + 64] for at in range(0, len(encoded), 64))
        blocks.append(f"-----BEGIN {label}-----\n{wrapped}\n-----END {label}-----\n")
    if not blocks:
        raise ValueError("no PEM block (-----BEGIN …-----) was found")
    return tuple(blocks)


def pem(value: t.Any) -> str:
    """Return a text of PEM blocks in canonical form, comments between blocks dropped."""
    return "".join(pem_blocks(value))
