# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a file of keys or certificates is, by how it looks.

Only the outside is looked at, so that nothing here needs a library or can fail on damaged content.
"""

from __future__ import annotations

import base64
import binascii
import re
import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sort:
    """One sort of file: what it is called, what it serves as already, and how to make something else of it."""

    what: str
    serves: str = ""
    remedies: t.Mapping[str, str] = field(default_factory=dict)
    remedy: str = ""

    def fits(self, wanted: str) -> bool:
        """Return whether it is what is wanted; in PEM form, where that is part of the wish."""
        return self.serves == wanted or (wanted == f"PEM {self.serves}" and not self.what.endswith(" in DER"))


def _convert(command: str) -> str:
    return f"Convert a copy with: {command}"


_P12 = "openssl pkcs12 -in FILE"
_EXTRACTION = {"private key": f"Extract the key with: {_P12} -nocerts -nodes -out key.pem"}
_EXTRACTION.update(
    dict.fromkeys(
        ("certificate", "PEM certificate"), f"Extract the certificates with: {_P12} -nokeys -out certificates.pem"
    )
)
_PUBLIC_OF = {"public key": "Give the public part: openssl pkey -in FILE -pubout -out public.pem"}

PKCS12: t.Final = Sort("a PKCS#12 keystore", remedies=_EXTRACTION, remedy="Give the PEM file.")
_PKCS7 = Sort(
    "a PKCS#7 bundle",
    remedies=dict.fromkeys(
        ("certificate", "PEM certificate"),
        "Extract the certificates with: openssl pkcs7 -in FILE -print_certs -out certificates.pem",
    ),
)
_JAVA = Sort(
    "a Java keystore",
    remedy="Convert a copy with: keytool -importkeystore -srckeystore FILE -destkeystore copy.p12 -deststoretype "
    "pkcs12, then extract from that with openssl pkcs12.",
)
_DER_KEY = Sort(
    "a private key in DER", remedies={"private key": _convert("openssl pkey -inform DER -in FILE -out key.pem")}
)
_DER_LOCKED = Sort(
    "an encrypted private key in DER",
    remedies={"private key": _convert("openssl pkcs8 -inform DER -in FILE -out key.pem")},
)
_DER_PUBLIC = Sort(
    "a public key in DER",
    remedies={"public key": _convert("openssl pkey -pubin -inform DER -in FILE -pubout -out public.pem")},
)
_DER_PKCS1 = Sort(
    "a public key in PKCS#1 form, in DER",
    remedies={"public key": _convert("openssl rsa -RSAPublicKey_in -inform DER -in FILE -pubout -out public.pem")},
)
_DER_CERTIFICATE = Sort(
    "a certificate in DER",
    "certificate",
    dict.fromkeys(
        ("public key", "PEM certificate"), _convert("openssl x509 -inform DER -in FILE -out certificate.pem")
    ),
)
_DER_REQUEST = Sort(
    "a certificate request in DER", remedies={"request": _convert("openssl req -inform DER -in FILE -out request.pem")}
)
_DER_LIST = Sort("a revocation list in DER", "revocation list")

_PEM_SORTS: t.Final[t.Mapping[str, Sort]] = {
    "CERTIFICATE": Sort("a certificate", "certificate"),
    "X509 CERTIFICATE": Sort("a certificate", "certificate"),
    "TRUSTED CERTIFICATE": Sort(
        "an OpenSSL trusted certificate",
        remedies=dict.fromkeys(
            ("certificate", "PEM certificate"), _convert("openssl x509 -in FILE -out certificate.pem")
        ),
    ),
    "CERTIFICATE REQUEST": Sort("a certificate request", "request"),
    "NEW CERTIFICATE REQUEST": Sort("a certificate request", "request"),
    "X509 CRL": Sort("a revocation list", "revocation list"),
    "PUBLIC KEY": Sort("a public key", "public key"),
    "RSA PUBLIC KEY": Sort(
        "a public key in PKCS#1 form",
        remedies={"public key": _convert("openssl rsa -RSAPublicKey_in -in FILE -pubout -out public.pem")},
    ),
    "PRIVATE KEY": Sort("a private key", "private key", _PUBLIC_OF),
    "RSA PRIVATE KEY": Sort("a private key", "private key", _PUBLIC_OF),
    "EC PRIVATE KEY": Sort("a private key", "private key", _PUBLIC_OF),
    "DSA PRIVATE KEY": Sort("a private key", "private key", _PUBLIC_OF),
    "ENCRYPTED PRIVATE KEY": Sort("an encrypted private key", "private key", _PUBLIC_OF),
    "OPENSSH PRIVATE KEY": Sort(
        "an OpenSSH private key", remedies={"private key": _convert("ssh-keygen -p -m PKCS8 -f FILE")}
    ),
    "PKCS7": _PKCS7,
    "CMS": _PKCS7,
    "PGP PRIVATE KEY BLOCK": Sort("an OpenPGP private key"),
    "PGP PUBLIC KEY BLOCK": Sort("an OpenPGP public key"),
    "PGP MESSAGE": Sort("an OpenPGP message", remedy="Decrypt it first."),
    "EC PARAMETERS": Sort("a set of EC parameters without a key"),
    "DH PARAMETERS": Sort("a set of Diffie-Hellman parameters"),
}
#: How texts and binary files begin that are neither PEM nor DER.
_BEGINNINGS: t.Final[t.Sequence[tuple[bytes, Sort]]] = (
    (rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce", _JAVA),
    (
        rb"\xff\xfe|\xfe\xff|.?\x00-",
        Sort("a text in UTF-16", remedy="Convert a copy with: iconv -f UTF-16 -t UTF-8 FILE"),
    ),
    (
        rb"\$ANSIBLE_VAULT;",
        Sort(
            "a file that ansible-vault encrypted",
            remedy="Decrypt it for this task: hand its content over as a variable, or run ansible-vault decrypt.",
        ),
    ),
    (
        rb"(?:ssh-|ecdsa-sha2-|sk-)[\w@.-]+ ",
        Sort("an SSH public key", remedies={"public key": _convert("ssh-keygen -e -m PKCS8 -f FILE")}),
    ),
    (
        rb"---- BEGIN SSH2 PUBLIC KEY ----",
        Sort(
            "an SSH public key",
            remedies={"public key": _convert("ssh-keygen -i -f FILE | ssh-keygen -e -m PKCS8 -f /dev/stdin")},
        ),
    ),
    (
        rb"PuTTY-User-Key-File",
        Sort("a PuTTY key", remedies={"private key": _convert("puttygen FILE -O private-openssh -o key.pem")}),
    ),
    (rb"(?i:<!doctype|<html)", Sort("an HTML page", remedy="Fetch the file again; a server answered with a page.")),
    (rb"\{[^{}]{0,2000}\"kty\"", Sort("a JSON Web Key", remedy="Convert it to PEM.")),
)
_PEM_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_SEQUENCE, _INTEGER, _BITS, _OCTETS, _OID, _TAGGED = 0x30, 0x02, 0x03, 0x04, 0x06, 0xA0
_TIMES = (0x17, 0x18)
_PKCS7_OID = bytes.fromhex("2a864886f70d0107")
_ENCRYPTION_OIDS = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))


def recognise(data: bytes, wanted: str = "") -> Sort | None:
    """Return the sort of a file by how it looks from outside, ``None`` for one that is not known.

    Of a file with several objects it is the one that is wanted, else the first.
    """
    start = data.lstrip()
    if data[:1] == bytes([_SEQUENCE]):
        return _binary(data)
    for beginning, sort in _BEGINNINGS:
        if re.match(beginning, start, re.DOTALL):
            return sort
    labels = [found.group(1).decode("ascii") for found in _PEM_BEGIN.finditer(data)]
    known = [_PEM_SORTS[label] for label in labels if label in _PEM_SORTS]
    if known:
        return _cut_short(data, labels) or next((sort for sort in known if sort.fits(wanted)), known[0])
    return _unarmoured(data)


def _cut_short(data: bytes, labels: t.Sequence[str]) -> Sort | None:
    if any(f"-----END {label}-----".encode() in data for label in set(labels)):
        return None
    return Sort(f"a PEM block without its end (-----END {labels[0]}-----)", remedy="Restore the whole file.")


def _unarmoured(data: bytes) -> Sort | None:
    """Recognise base64 of DER without the lines that make it PEM."""
    try:
        inner = _binary(base64.b64decode(b"".join(data.split()), validate=True))
    except (binascii.Error, ValueError):
        return None
    if inner is None:
        return None
    return Sort(f"base64 of {inner.what}", remedy="Decode a copy with: base64 -d, or give it in PEM.")


def _binary(data: bytes) -> Sort | None:
    """Tell the structures that files hold in DER apart by the tags of their first members."""
    members = _members(data)
    tags = [member[0] for member in members]
    inner = _members(members[0][1], whole=False) if members and members[0][0] == _SEQUENCE else []
    if tags[:2] == [_INTEGER, _SEQUENCE]:
        oid = next((value for tag, value in _members(members[1][1], whole=False) if tag == _OID), b"")
        return PKCS12 if oid.startswith(_PKCS7_OID) else _DER_KEY if _OCTETS in tags else None
    if tags[:1] == [_OID]:
        return _PKCS7 if members[0][1].startswith(_PKCS7_OID) else None
    if tags[:2] == [_INTEGER, _OCTETS] or (tags[:2] == [_INTEGER, _INTEGER] and len(tags) > 2):
        return _DER_KEY
    if tags == [_INTEGER, _INTEGER]:
        return _DER_PKCS1
    if tags == [_SEQUENCE, _OCTETS]:
        return _DER_LOCKED if inner and inner[0][1].startswith(_ENCRYPTION_OIDS) else None
    if tags == [_SEQUENCE, _BITS]:
        return _DER_PUBLIC
    return _signed([member[0] for member in inner]) if tags == [_SEQUENCE, _SEQUENCE, _BITS] else None


def _signed(tags: t.Sequence[int]) -> Sort | None:
    """Tell certificates, requests and revocation lists apart by the members of what is signed."""
    if any(tag in _TIMES for tag in tags):
        return _DER_LIST
    if list(tags[:3]) == [_INTEGER, _SEQUENCE, _SEQUENCE] and tags[3:4] in ([], [_TAGGED]):
        return _DER_REQUEST
    return _DER_CERTIFICATE if len(tags) >= 6 else None


def _members(data: bytes, *, whole: bool = True) -> list[tuple[int, bytes]]:
    """Return tag and content of the first members of a SEQUENCE, or of its content when not ``whole``."""
    if whole:
        outer = _member(data, 0)
        data = outer[1] if outer and outer[0] == _SEQUENCE else b""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < 10:
        member = _member(data, at)
        if member is None:
            break
        found.append(member[:2])
        at = member[2]
    return found


def _member(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """Return tag, content and end of one element in DER or BER with definite lengths."""
    if at + 2 > len(data):
        return None
    tag, length, start = data[at], data[at + 1], at + 2
    if length == 0x80:  # indefinite, as some keystores are written: all that follows
        return tag, data[start:], len(data)
    if length & 0x80:
        width = length & 0x7F
        length, start = int.from_bytes(data[start : start + width], "big"), start + width
    return tag, data[start : start + length], start + length
