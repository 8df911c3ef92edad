# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The table of shapes, for logs and repositories; see :mod:`.shapes`.

Every pattern takes linear time, whatever the text: what repeats is either bounded, or cannot begin in the midst of
another repetition. A test grows texts against each of them.
"""

from __future__ import annotations

import re
import typing as t

from .._core.secret_names import DOUBTFUL_NAMES, SECRET_NAMES, name_pattern
from .shapes import Shape, entropy, is_card_number, is_real_value, is_url_password, looks_assigned, looks_random

_DIGEST_BEFORE: t.Final = re.compile(
    r"(?i)(?:sha-?(?:2|3|256|384|512)?(?:sums?)?|md5|digest|hash|checksum|fingerprint|thumbprint|etag|integrity"
    r"|commit|revision|blob|layer|image|trace_?id|span_?id|request_?id|tx_?id|condition|txid)[\"'\]]*\s*[:=@\s/(\[-]{1,3}"
    r"[\"'<]?$"
)
_TOKEN: t.Final = re.compile(r"[\w.~+/=-]{16,4096}")
_ASSIGNED: t.Final = r"\s{0,64}(?:=>|:=|[:=])\s{0,64}(?:!!\w+\s+|&\w+\s+)?"
#: A value in quotation marks, escaped as often as the text is nested; its end is looked for by :func:`.shapes.find`.
_QUOTED: t.Final = r"(?P<quote>\\*[\"'])"
_BARE: t.Final = r"(?P<bare>[^\s\"',;&)}\]\\][^\s\"',;&)}\]]*)"
#: A value below a name of XML: in an element that has it, in a ``value`` beside it, or beside a ``name`` or ``key``.
_ELEMENT: t.Final = (
    rf"(?:<(?:[\w-]{{1,64}}:)?[\w.-]{{0,64}}?{name_pattern(SECRET_NAMES)}(?:(?:\s[^<>]{{0,256}})?>\s{{0,64}}(?:<!\[CDATA\[)?"
    r"(?=[^<>]{1,1024}<|[^<>]{1,1024}\]\]>)|(?:\s[^<>]{0,256}?)?\svalue\s?=\s?[\"'])"
    rf"|\b(?:name|key)\s?=\s?[\"'][\w.:-]{{0,64}}?{name_pattern(SECRET_NAMES)}\s[^<>]{{0,256}}?\bvalue\s?=\s?[\"'])"
    r"(?P<secret>[^\s<>\"'\]][^\s<>\"']{3,1023}?)(?=\s|[<\"']|\]\]>)"
)

#: How the names of parameters end; looked for with the sign behind, which few lines have.
_PARAMETER_LITERALS: t.Final = tuple(dict.fromkeys(f"{name.split()[-1]}=" for name in SECRET_NAMES))
_FIELD_LITERALS: t.Final = ("pass", "pwd", "secret", "key", "token", "credential")


def _looks_like_a_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None and any(map(str.isdigit, text)) and entropy(text) > 3.5


def _shape(rule: str, title: str, severity: str, pattern: str, *literals: str, **more: t.Any) -> Shape:
    return Shape(rule, title, severity, re.compile(pattern), literals, **more)


SHAPES: t.Final[tuple[Shape, ...]] = (
    _shape(
        "private-key",
        "a private key in PEM form",
        "critical",
        # In a log a whole key stands in one line, with escaped line ends.
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:\\+[nr]|\s)*[A-Za-z0-9+/=:, -]+)*",
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
        r"\beyJ[\w-]{8,4096}\.eyJ[\w-]{8,8192}\.[\w-]{16,}",
        "eyj",
    ),
    _shape(
        "url-password",
        "a password in a URL",
        "high",
        r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}:(?:\\{0,32}/){2}[^\s/:@\"'<>\\]{0,256}:"
        r"(?P<secret>[^\s/\"'<>]{1,512}|[^\s<>]{1,512}?)@[\w.\[-]",
        "://",
        ":\\",
        check=is_url_password,
    ),
    _shape(
        "authorization-header",
        "credentials of an Authorization header",
        "high",
        r"(?i)\bauthorization\\*[\"']?\s{0,64}[:=]\s{0,64}\\*[\"']?(?:bearer|basic|token|apikey)\s+(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
        "authorization",
        check=is_real_value,
    ),
    _shape(
        "password-field",
        "a field that is named as a secret",
        "high",
        name_pattern(SECRET_NAMES) + _ASSIGNED + f"(?:{_QUOTED}|{_BARE})",
        *_FIELD_LITERALS,
        check=is_real_value,
        in_code=False,
    ),
    _shape(
        "secret-element",
        "an element of XML that is named as a secret",
        "high",
        _ELEMENT,
        *_FIELD_LITERALS,
        check=looks_assigned,
    ),
    _shape(
        "password-word",
        "a password told in a sentence",
        "medium",
        r"(?i)\b(?:password|passphrase|secret)\s+(?:is|was|for \S{1,100} is|set to)\s+[\"']?(?P<secret>[^\s\"',;]{6,})",
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
        name_pattern(DOUBTFUL_NAMES) + _ASSIGNED + f"(?:{_QUOTED}|{_BARE})",
        "token",
        "authorization",
        "session",
        "cookie",
        check=_looks_like_a_token,
    ),
    _shape(
        "environment-assignment",
        "a variable that is named as a secret",
        "high",
        r"(?:^|[\s;\"'])(?:[A-Z0-9]+_)*(?:PASS(?:WORD|WD|PHRASE)?|SECRET(?:_ID|_KEY)?|TOKEN|(?:API|MASTER|PRIVATE|SIGNING"
        r"|ENCRYPTION)_?KEY)=[\"']?(?P<secret>[^\s\"'$()<>{}]{8,})",
        "=",
        check=looks_random,
        in_logs=False,
    ),
    _shape(
        "password-directive",
        "a directive with a password",
        "high",
        r"(?i)^\s*(?:ENV\s+[\w.-]*(?:password|passwd|token|secret|key)|[\w.-]*password|passwd|requirepass|masterauth|bindpw|secret)\s+[\"']?"
        r"(?P<secret>(?=\S*\d)[^\s\"'$()<>{};]{8,})[\"']?\s*(?:;\s*)?$",
        "pass",
        "auth",
        "bindpw",
        "secret",
        "env",
        check=looks_random,
        in_logs=False,
    ),
    _shape(
        "secret-field",
        "a field that is named as a secret",
        "high",
        name_pattern(SECRET_NAMES) + _ASSIGNED + _QUOTED,
        *_FIELD_LITERALS,
        check=looks_assigned,
        in_logs=False,
    ),
    _shape(
        "secret-setting",
        "a setting that is named as a secret",
        "high",
        r"^\s{0,256}(?:-\s+|export\s+|ENV\s+|ARG\s+)?[\"']?[\w.-]{0,128}?"
        + name_pattern(SECRET_NAMES)
        + _ASSIGNED
        + r"(?P<secret>[^\s\"'`(){}<>$,;][^\s\"'`(){}<>,;]{7,})\s*(?:[,;]\s*)?(?:\s[#/].*)?$",
        *_FIELD_LITERALS,
        check=looks_assigned,
        in_logs=False,
    ),
    _shape(
        "secret-parameter",
        "a parameter that is named as a secret",
        "high",
        r"[?&](?:amp;)?[\w.-]{0,64}?" + name_pattern(SECRET_NAMES) + r"=(?P<secret>[^\s\"'&<>;\\]{8,})",
        *_FIELD_LITERALS,
        check=looks_assigned,
        in_logs=False,
    ),
    _shape(
        "secret-parameter",
        "a parameter that is named as a secret",
        "high",
        # Of a connection string (``Server=db;Pwd=...``, ``host=db password=...``), of a program, of a registry.
        name_pattern(SECRET_NAMES) + r"=(?P<bare>[^\s\"'`&<>;,)\\]{8,})",
        *_PARAMETER_LITERALS,
        check=looks_assigned,
        in_logs=False,
    ),
    _shape(
        "login-argument",
        "a password among the arguments of a program",
        "high",
        r"(?<!\S)(?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:\"']{1,256}:(?P<secret>[^\s\"'$]{4,})",
        "curl",
        check=is_real_value,
    ),
    _shape(
        "login-argument",
        "a password among the arguments of a program",
        "high",
        r"\b(?:(?:mysql|mariadb)(?:dump|admin|-dump|-admin)?\s[^|;&\n]{0,256}?(?<=\s)-p"
        r"|sshpass\s+-p\s*|redis-cli\s[^|;&\n]{0,256}?(?<=\s)-a\s+"
        r"|(?:docker|podman|helm registry|oc|skopeo|buildah)\s+login\s[^|;&\n]{0,256}?(?<=\s)-p[ =]?)"
        r"[\"']?(?P<secret>[^\s\"'$|;&<>]{8,})",
        "mysql",
        "mariadb",
        "sshpass",
        "redis-cli",
        "login",
        check=looks_assigned,
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
        check=looks_random,
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
