# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What secrets look like: one table for logs and repositories.

A shape names the secret part of a match with the group ``secret``; without one the whole match is secret. A line is
held against a pattern only when one of the shape's literals (in lower case) is in it: most lines are innocent, and
looking for a literal is far cheaper than a regular expression.
"""

from __future__ import annotations

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
    r"(?i)^(?:\*+|x+|\.+|-+|_+|#+|null|none|nil|true|false|undefined|redacted|masked|hidden|removed|secret|password"
    r"|\[[\w .:*-]*\]?|<[^>]*>?|\{\{.*|\$[\w{(].*|%[\w({].*|%s|env\(.*|secret:[0-9a-f]{12}"
    r"|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER)$"
)


def is_real_value(text: str) -> bool:
    """Tell a value from what stands in for one: stars, ``[REDACTED]``, ``<your-key>``, ``${VARIABLE}``, a template."""
    return len(text) >= 4 and not _STAND_IN.match(text)


def _looks_random(text: str) -> bool:
    return entropy(text) > 3.0 and is_real_value(text)


_VALUE: t.Final = r"(?:\\?[\"'](?P<secret>(?:[^\"'\\]|\\[^\"'])+)\\?[\"']|(?P<bare>[^\s\"',;&)}\]]+))"
_DIGEST_BEFORE: t.Final = re.compile(
    r"(?i)(?:sha-?(?:2|3|256|384|512)?(?:sums?)?|md5|digest|hash|checksum|fingerprint|thumbprint|etag|integrity"
    r"|commit|revision|blob|layer|image|trace_?id|span_?id|request_?id|tx_?id|condition|txid)[\"'\]]*\s*[:=@\s/(\[-]{1,3}"
    r"[\"'<]?$"
)


def _shape(rule: str, title: str, severity: str, pattern: str, *literals: str, **more: t.Any) -> Shape:
    return Shape(rule, title, severity, re.compile(pattern), literals, **more)


SHAPES: t.Final[tuple[Shape, ...]] = (
    _shape(
        "private-key",
        "a private key in PEM form",
        "critical",
        # In a log a whole key stands in one line, with escaped line ends.
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:\\[nr]|\s)*[A-Za-z0-9+/=:, -]+)*",
        "private key",
    ),
    _shape("putty-key", "a private key of PuTTY", "critical", r"PuTTY-User-Key-File-[23]: \S+", "putty-user-key-file"),
    _shape("age-key", "a private key of age", "critical", r"AGE-SECRET-KEY-1[0-9A-Z]{58}", "age-secret-key-1"),
    _shape(
        "vault-token",
        "a token of Vault or OpenBao",
        "critical",
        r"(?<![\w.])(?:hv[bsr]\.[\w-]{24,}|[sbr]\.[A-Za-z0-9]{24}(?![\w.]))",
        "hvs.",
        "hvb.",
        "hvr.",
        "s.",
        "b.",
        "r.",
        check=lambda text: entropy(text) > 3.5,
    ),
    _shape(
        "aws-access-key",
        "an access key of AWS",
        "critical",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        "akia",
        "asia",
        "abia",
        "acca",
        check=lambda text: entropy(text) > 3.0,
    ),
    _shape(
        "github-token",
        "a token of GitHub",
        "critical",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{80,})",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
    ),
    _shape("gitlab-token", "a token of GitLab", "critical", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{20,}", "gl"),
    _shape("slack-token", "a token of Slack", "high", r"\bxox[abeoprs]-[\w-]{10,}", "xox"),
    _shape(
        "slack-webhook",
        "an incoming webhook of Slack",
        "high",
        r"https://hooks\.slack\.com/(?:services|workflows)/[\w/+-]{40,}",
        "hooks.slack.com",
    ),
    _shape("stripe-key", "a key of Stripe", "critical", r"\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,}", "k_"),
    _shape("google-api-key", "an API key of Google", "high", r"\bAIza[\w-]{35}(?![\w-])", "aiza"),
    _shape("npm-token", "a token of npm", "critical", r"\bnpm_[A-Za-z0-9]{36}\b", "npm_"),
    _shape("pypi-token", "a token of PyPI", "critical", r"\bpypi-AgEIcHlwaS5vcmc[\w-]{40,}", "pypi-"),
    _shape(
        "service-token",
        "a token of a cloud service",
        "critical",
        r"\b(?:do[opr]_v1_[0-9a-f]{64}|hf_[A-Za-z]{34}|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
        r"|dp\.pt\.[A-Za-z0-9]{43}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|NRAK-[A-Z0-9]{27}|lin_api_[A-Za-z0-9]{40})\b"
        r"|(?<![\w~.-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])",
        "_v1_",
        "hf_",
        "glsa_",
        "shp",
        "dp.pt.",
        "pmak-",
        "nrak-",
        "lin_api_",
        "q~",
    ),
    _shape(
        "json-web-token",
        "a signed JSON Web Token",
        "high",
        r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}",
        "eyj",
    ),
    _shape(
        "url-password",
        "a password in a URL",
        "high",
        r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"'<>]*:(?P<secret>[^\s/@\"'<>]+)@[\w.\[-]",
        "://",
        check=is_real_value,
    ),
    _shape(
        "authorization-header",
        "credentials of an Authorization header",
        "high",
        r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token|apikey)\s+(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
        "authorization",
        check=is_real_value,
    ),
    _shape(
        "password-field",
        "a field that is named as a secret",
        "high",
        r"(?i)(?:\b|_)(?:pass(?:word|wd|phrase|code)?|pwd|secret(?:[_-]?(?:id|key|access[_-]?key))?|api[_-]?key"
        r"|auth[_-]?token|access[_-]?token|refresh[_-]?token|client[_-]?secret|private[_-]?key|encryption[_-]?key"
        r"|master[_-]?key|signing[_-]?key|session[_-]?key|credentials?)\\?[\"']?\s*(?:=>|[:=])\s*" + _VALUE,
        "pass",
        "pwd",
        "secret",
        "key",
        "token",
        "credential",
        check=is_real_value,
        in_code=False,
    ),
    _shape(
        "password-word",
        "a password told in a sentence",
        "medium",
        r"(?i)\b(?:password|passphrase|secret)\s+(?:is|was|for \S+ is|set to)\s+[\"']?(?P<secret>[^\s\"',;]{6,})",
        "password is",
        "password was",
        "password for",
        "password set",
        "passphrase is",
        "passphrase was",
        "secret is",
        "secret was",
        "secret set",
        check=lambda text: is_real_value(text) and bool(re.search(r"\d|[^\w.]", text)),
        in_code=False,
    ),
    _shape(
        "named-token",
        "a value that is named as a token",
        "high",
        r"(?i)(?:token|credentials?|authorization)[\"']?\s*(?::=|=>|[:=])\s*[\"'](?P<secret>(?=[^\"']*\d)[\w.~+/=-]{16,})[\"']",
        "token",
        "credential",
        "authorization",
        check=lambda text: entropy(text) > 3.5,
        in_logs=False,
    ),
    _shape(
        "environment-assignment",
        "a variable that is named as a secret",
        "high",
        r"(?:^|[\s;\"'])(?:[A-Z0-9]+_)*(?:PASS(?:WORD|WD|PHRASE)?|SECRET(?:_ID|_KEY)?|TOKEN|(?:API|MASTER|PRIVATE|SIGNING"
        r"|ENCRYPTION)_?KEY)=[\"']?(?P<secret>[^\s\"'$()<>{}]{8,})",
        "=",
        check=_looks_random,
        in_logs=False,
    ),
    _shape(
        "password-directive",
        "a directive with a password",
        "high",
        r"(?i)^\s*(?:[\w.-]*password|passwd|requirepass|masterauth|bindpw|secret)\s+[\"']?"
        r"(?P<secret>(?=\S*\d)[^\s\"'$()<>{};]{8,})[\"']?\s*;?\s*$",
        "pass",
        "auth",
        "bindpw",
        "secret",
        check=_looks_random,
        in_logs=False,
    ),
    _shape(
        "login-argument",
        "a password among the arguments of a program",
        "high",
        r"\bcurl\b[^\n]*?\s(?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:\"']+:(?P<secret>[^\s\"'$]{4,})",
        "curl",
        check=is_real_value,
        in_logs=False,
    ),
    _shape(
        "payment-card-number",
        "the number of a payment card",
        "critical",
        r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-]|\.\d)",
        check=is_card_number,
        in_code=False,
    ),
    _shape(
        "hex-key",
        "32 or 64 bytes in hexadecimal, as keys are written",
        "high",
        r"(?<![\w/+])(?:0x)?(?P<secret>[0-9a-f]{128}|[0-9A-F]{128}|[0-9a-f]{64}|[0-9A-F]{64})(?![\w/+=])",
        check=_looks_random,
        innocent_after=_DIGEST_BEFORE,
        in_code=False,
    ),
    _shape(
        "base64-key",
        "32 or 64 bytes in base64, as keys are written",
        "medium",
        r"(?<![\w/+.-])(?P<secret>[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==|[\w-]{43}=)(?![\w/+=])",
        "=",
        check=lambda text: entropy(text) > 4.0,
        innocent_after=_DIGEST_BEFORE,
        in_code=False,
    ),
)


def find(line: str, shapes: Sequence[Shape]) -> Iterator[Hit]:
    """Yield every secret in a line, in the order of the shapes; what lies within an earlier one is not told twice."""
    lowered = line.lower()
    taken: list[tuple[int, int]] = []
    for shape in shapes:
        if shape.literals and not any(literal in lowered for literal in shape.literals):
            continue
        for match in shape.pattern.finditer(line):
            start, end = _secret_part(match)
            secret = line[start:end]
            if shape.check is not None and not shape.check(secret):
                continue
            if shape.innocent_after is not None and shape.innocent_after.search(line[max(0, start - 40) : start]):
                continue
            if not any(start < other_end and other_start < end for other_start, other_end in taken):
                taken.append((start, end))
                yield Hit(shape, secret, start, end)


def _secret_part(match: t.Match[str]) -> tuple[int, int]:
    """Return where the secret part of a match begins and ends."""
    for name in ("secret", "bare"):
        if match.groupdict().get(name) is not None:
            return match.span(name)
    return match.span()
