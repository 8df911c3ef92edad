# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What secrets look like, and how to find them in a line; the table itself is in :mod:`.shape_table`.

A shape names the secret part of a match with the group ``secret``; without one the whole match is secret. A line is
held against a pattern only when one of the shape's literals (in lower case) is in it: most lines are innocent, and
looking for a literal is far cheaper than a regular expression.
"""

from __future__ import annotations

import bisect
import math
import re
import typing as t
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

#: Worst first.
SEVERITIES: t.Final = ("critical", "high", "medium")


@dataclass(frozen=True)
class Shape:
    """One kind of secret, and how to tell it in a line of text."""

    rule: str
    title: str
    severity: str
    pattern: t.Pattern[str]
    literals: tuple[str, ...] = ()
    #: Says of the secret part whether it really is one, where a pattern cannot.
    check: t.Optional[Callable[[str], bool]] = None
    #: Says of the text before a match that it is no secret after all.
    innocent_after: t.Optional[t.Pattern[str]] = None
    #: Where it is worth reporting: a card number in a test of some code is data, in a log it is a leak.
    in_logs: bool = True
    in_code: bool = True


@dataclass(frozen=True)
class Hit:
    """One secret in a line: its rule, what it is, and where it stands (columns from 0)."""

    shape: Shape
    secret: str
    start: int
    end: int


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters of a text, in bits per character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts) if text else 0.0


def is_card_number(text: str) -> bool:
    """Tell whether digits are a payment card number: an issuer's length and prefix, and the check digit of ISO 7812."""
    digits = re.sub(r"[ -]", "", text)
    if len(set(digits)) < 3 or not _CARD_ISSUERS.match(digits):
        return False
    total = 0
    for at, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + at % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


# Visa, Mastercard (both ranges), American Express, Discover, Diners, JCB, UnionPay, Maestro.
_CARD_ISSUERS: t.Final = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|2720\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|62\d{14,17}|(?:50|5[6-9]|6\d)\d{10,17})$"
)

_STAND_IN: t.Final = re.compile(
    r"(?i)^(?:\*+|\*[\w-]+|x+|\.+|-+|_+|#+|null|none|nil|true|false|undefined|redacted|masked|hidden|removed|secret|password"
    r"|\[[\w .:*-]*\]?|<[^>]*>?|\{\{.*|\$[\w{(].*|%[\w({].*|%s|env\(.*|secret:[0-9a-f]{12}"
    r"|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER)$"
)


def is_real_value(text: str) -> bool:
    """Tell a value from what stands in for one: stars, ``[REDACTED]``, ``<your-key>``, ``${VARIABLE}``, a template."""
    return len(text) >= 4 and not _STAND_IN.match(text)


def looks_random(text: str) -> bool:
    """Tell noise from words, and from what stands in for a value."""
    return entropy(text) > 3.0 and is_real_value(text)


def looks_assigned(text: str) -> bool:
    """Tell a value that is assigned to a secret name from a reference, a path, a call or a sentence."""
    plain = text.replace("\\", "")
    letters, others = any(map(str.isalpha, plain)), any(not it.isalpha() for it in plain)
    return len(plain) >= 8 and letters and others and entropy(plain) > 2.5 and not _NO_VALUE.match(plain)


def is_url_password(text: str) -> bool:
    """Tell a password in a URL from a port that is followed by a path."""
    return is_real_value(text) and not _PORT.match(text)


#: What stands where a value is expected and is none: references, paths, addresses, calls, names of files and variables.
_NO_VALUE: t.Final = re.compile(
    rf"(?:{_STAND_IN.pattern[4:]}"
    r"|[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_]\w*)+\Z|[A-Za-z_]+\d?\Z|[a-z]+(?:[-/][a-z]+)+\Z|\.{0,2}/|~/|[A-Za-z][\w+.-]{0,20}://"
    r"|[^\s(]{0,80}\(|.{0,200}(?:\$\{|\{\{|\.(?:pem|key|crt|txt|json|ya?ml|env|p12|jks)\Z)|ENC\[|vault:v\d|!\w)",
    re.IGNORECASE,
)
_PORT: t.Final = re.compile(r"\d{1,5}(?:[/\"',;?#\\]|$)")


def find(line: str, shapes: Sequence[Shape]) -> Iterator[Hit]:
    """Yield every secret in a line, in the order of the shapes; what lies within an earlier one is not told twice."""
    lowered = line.lower()
    taken = _Taken()
    for shape in shapes:
        if shape.literals and not any(literal in lowered for literal in shape.literals):
            continue
        for match in shape.pattern.finditer(line):
            start, end = _secret_part(line, match)
            secret = line[start:end]
            if shape.check is not None and not shape.check(secret):
                continue
            if shape.innocent_after is not None and shape.innocent_after.search(line[max(0, start - 40) : start]):
                continue
            if taken.add(start, end):
                yield Hit(shape, secret, start, end)


class _Taken:
    """Spans that do not overlap."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> bool:
        """Add a span unless it overlaps one that is there; tell whether it did not."""
        at = bisect.bisect_right(self._starts, start)
        if (at and self._ends[at - 1] > start) or (at < len(self._starts) and self._starts[at] < end):
            return False
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        return True


def _secret_part(line: str, match: t.Match[str]) -> tuple[int, int]:
    """Return where the secret part of a match begins and ends."""
    groups = match.groupdict()
    if groups.get("quote") is not None:
        return match.end("quote"), _closing(line, match.end("quote"), groups["quote"])
    for name in ("secret", "bare"):
        if groups.get(name) is not None:
            return match.span(name)
    return match.span()


def _closing(line: str, start: int, quote: str) -> int:
    """Return where a quoted value ends: before the same mark, escaped as often as the one that opened it."""
    furthest = min(len(line), start + _LONGEST_VALUE)
    at = line.find(quote, start, furthest)
    while at > start and line[at - 1] == "\\":
        at = line.find(quote, at + 1, furthest)
    return len(line[start:furthest].rstrip()) + start if at < 0 else at


def readable(line: str) -> str:
    """Return a line without colours of a terminal, and with what JSON spells as numbers (``\\u003d``) spelled out."""
    if "[" in line and any(escape in line for escape in _ESCAPES):
        line = _COLOUR.sub("", line)
    return _SPELLED.sub(lambda match: chr(int(match.group(1), 16)), line) if "\\u00" in line else line


_ESCAPES: t.Final = ("\x1b", "u001b", "u001B", "x1b", "x1B", "\\033", "\\e")
#: A control sequence (ECMA-48, 5.4), begun by the character or by what stands for it in a text.
_COLOUR: t.Final = re.compile(r"(?:\x1b|\\{1,32}(?:u001[bB]|x1[bB]|033|e))\[[0-?]{0,32}[ -/]{0,4}[@-~]")
_SPELLED: t.Final = re.compile(r"\\{1,32}u00([2-7][0-9A-Fa-f])")
#: A value in quotation marks that are never closed does not reach further than this.
_LONGEST_VALUE: t.Final = 8192
