# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What looks like a secret and is public or sealed: certificates, public keys, ciphertexts, references to secrets.

What the collection itself makes for a repository is among it. It is blanked before a text is searched, with every
line where it was.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

from .._core.pem import find_blocks

_PUBLIC_LABELS: t.Final = frozenset(
    {
        "AGE ENCRYPTED FILE", "CERTIFICATE", "CERTIFICATE REQUEST", "CMS", "DH PARAMETERS", "EC PARAMETERS",
        "EC PUBLIC KEY", "ENCRYPTED MESSAGE", "NEW CERTIFICATE REQUEST", "PGP MESSAGE", "PGP PUBLIC KEY BLOCK",
        "PGP SIGNATURE", "PKCS7", "PUBLIC KEY", "RSA PUBLIC KEY", "SSH SIGNATURE", "TRUSTED CERTIFICATE",
        "X509 CERTIFICATE", "X509 CRL",
    }
)  # fmt: skip
_SPANS: t.Final = (
    # SOPS (github.com/getsops/sops): a value, encrypted in its place.
    ("ENC[", re.compile(r"ENC\[[A-Z0-9_]{1,40},[^\[\]\s]*\]")),
    # Transit of Vault and OpenBao.
    ("vault:v", re.compile(r"(?<![\w:])vault:v\d{1,9}:[A-Za-z0-9+/=_-]+")),
    # RFC 4253: the name of the algorithm, then the key, which begins with the length of that name.
    ("AAAA", re.compile(r"(?<!\S)(?:ssh-|ecdsa-|sk-)[\w@.-]{1,60}\s{1,8}AAAA[A-Za-z0-9+/=]+")),
)
_DOCUMENT: t.Final = re.compile(r"^---", re.MULTILINE)
_SEALED: t.Final = re.compile(r"\bkind[\"']?\s{0,8}:\s{0,8}[\"']?SealedSecret\b")
_SEALED_VALUE: t.Final = re.compile(r"(?<![A-Za-z0-9+/])A[gQ][A-Za-z0-9+/]{100,}={0,2}")
_REFERENCES: t.Final = re.compile(
    r"\bkind[\"']?\s{0,8}:\s{0,8}[\"']?(?:(?:Cluster)?ExternalSecret|PushSecret|(?:Cluster)?SecretStore|SecretProviderClass"
    r"|Vault(?:Static|Dynamic|PKI)Secret)\b"
)
_REFERENCE: t.Final = re.compile(
    r"[\"']?\b(?:secretKey|remoteKey|key|property|name|secretName|secretPath|path|objectName|objectAlias|mount|mountPath"
    r"|role|version)[\"']?\s{0,8}:\s{0,8}(?P<value>[^\s,{}\[\]][^,{}\[\]\n]*)"
)
_SOPS: t.Final = re.compile(r"^[ \t\"']{0,8}sops[\"']?\s{0,8}:", re.MULTILINE)
_SOPS_VALUE: t.Final = re.compile(
    r"\b(?:enc|mac|fp|arn|recipient|resource_id|key_id|vault_address|key_name)[\"']?\s{0,8}:\s{0,8}(?P<value>[^\s,{}|>][^\n,}]*)"
)
_JWK: t.Final = re.compile(r"\{[^{}]*\}")
_JWK_KIND: t.Final = re.compile(r"\"kty\\*\"\s{0,8}:")
#: The private parts of a key (RFC 7518, 6; RFC 9964, 3).
JWK_PRIVATE: t.Final = re.compile(
    r"\"(?:d|k|p|q|dp|dq|qi|priv)\\*\"\s{0,8}:\s{0,8}\\*\"(?P<value>[A-Za-z0-9_+/=-]{8,})\\*\""
)
_JWK_PUBLIC: t.Final = re.compile(
    r"\"(?:n|x|y|pub|x5c|x5t|x5t#S256|kid)\\*\"\s{0,8}:\s{0,8}(?P<value>\\*\"[^\"\\]*|\[[^\[\]]*\])"
)


def without_harmless(text: str) -> str:
    """Return a text of the same length in which everything that is known to be harmless is blank."""
    parts, at = [], 0
    for start, end in sorted(_spans(text)):
        if end > at:
            parts += [text[at : max(at, start)], _blank(text[max(at, start) : end])]
            at = end
    return "".join([*parts, text[at:]]) if parts else text


def _blank(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    if "-----BEGIN" in text:
        for block in find_blocks(text, _PUBLIC_LABELS.__contains__):
            if text.find("PRIVATE KEY", block.inner_start, block.inner_end) < 0:
                yield block.inner_start, block.inner_end
    for literal, pattern in _SPANS:
        if literal in text:
            yield from (found.span() for found in pattern.finditer(text))
    if "kty" in text:
        yield from _in_public_keys(text)
    if "Secret" in text or "sops" in text:
        yield from _in_documents(text)


def _in_documents(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sealed values and the references of documents of Kubernetes, and what SOPS says of its keys."""
    starts = [0, *(found.start() for found in _DOCUMENT.finditer(text)), len(text)]
    for start, end in zip(starts, starts[1:]):
        for mark, value in ((_SEALED, _SEALED_VALUE), (_REFERENCES, _REFERENCE)):
            if mark.search(text, start, end):
                group = "value" if value.groups else 0
                yield from (found.span(group) for found in value.finditer(text, start, end))
        sops = _SOPS.search(text, start, end)
        if sops:
            yield from (found.span("value") for found in _SOPS_VALUE.finditer(text, sops.start(), end))


def _in_public_keys(text: str) -> Iterator[tuple[int, int]]:
    for found in jwks_in(text):
        if not JWK_PRIVATE.search(text, found.start(), found.end()):
            yield from (part.span("value") for part in _JWK_PUBLIC.finditer(text, found.start(), found.end()))


def jwks_in(text: str) -> Iterator[t.Match[str]]:
    """Yield the JSON Web Keys of a text, public and private."""
    return (found for found in _JWK.finditer(text) if _JWK_KIND.search(text, found.start(), found.end()))
