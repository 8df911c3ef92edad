# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What the bytes of a file are: text in some encoding, something with text in it, something packed, or a key in DER."""

from __future__ import annotations

import codecs
import typing as t
from collections.abc import Iterator

#: First bytes of files whose content no search sees unless they are unpacked.
_PACKED: t.Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x1f\x9d", "compress"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"LPKSHHRH", "the systemd journal"),
)
#: So many bytes tell what packed a file.
BEGINNING: t.Final = 16
_UTF: t.Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: t.Final = 4096


def packed_as(start: bytes) -> t.Optional[str]:
    """Return what packed a file that begins like this; ``None`` for a file that can be searched as it is."""
    return next((name for magic, name in _PACKED if start.startswith(magic)), None)


def texts_of(content: bytes) -> Iterator[str]:
    """Yield the texts to search in a content: one where it is text in UTF-8, UTF-16 or UTF-32, with or without a mark.

    Anything else is read twice, with its zero bytes as gaps and without them, so that both plain texts and texts in two
    bytes per character are found in the midst of other data.
    """
    encoding = next((name for mark, name in _UTF if content.startswith(mark)), None) or _without_mark(content)
    if encoding is not None:
        yield content.decode(encoding, "replace")
        return
    yield content.replace(b"\0", b" ").decode("utf-8", "replace")
    if b"\0" in content:
        yield content.replace(b"\0", b"").decode("utf-8", "replace")


def _without_mark(content: bytes) -> t.Optional[str]:
    """Tell UTF-16 without a mark by its zeros: nearly all at even places, or nearly all at odd ones."""
    sample = content[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(content) % 2 or max(even, odd) < len(sample) / 5 or min(even, odd) > len(sample) / 50:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def is_text(content: bytes) -> bool:
    """Tell text from other data."""
    return (
        b"\0" not in content
        or any(content.startswith(mark) for mark, _name in _UTF)
        or (_without_mark(content) is not None)
    )


# Identifiers of X.509 keys in DER (RFC 8017, 5915, 5958) and of encryption by a password (RFC 8018).
_RSA, _EC, _ED, _DSA = (
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01",
    b"\x2a\x86\x48\xce\x3d\x02\x01",
    b"\x2b\x65",
    b"\x2a\x86\x48\xce\x38\x04\x01",
)
_BY_PASSWORD: t.Final = (b"\x2a\x86\x48\x86\xf7\x0d\x01\x05", b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01")
_SEQUENCE, _INTEGER, _OCTETS, _OID = 0x30, 0x02, 0x04, 0x06


def der_key(content: bytes) -> t.Optional[str]:
    """Tell whether a file is a private key in DER: ``plain``, ``encrypted`` or ``None``."""
    whole = _element(content, 0)
    if whole is None or whole[0] != _SEQUENCE or whole[2] < len(content.rstrip(b"\r\n")):
        return None
    first = _element(content, whole[1])
    second = None if first is None else _element(content, first[2])
    if first is None or second is None:
        return None
    if first[0] == _SEQUENCE and second[0] == _OCTETS:
        method = _element(content, first[1])
        named = b"" if method is None or method[0] != _OID else content[method[1] : method[2]]
        return "encrypted" if named.startswith(_BY_PASSWORD) else None
    version = content[first[1] : first[2]]
    if first[0] != _INTEGER or version not in (b"\0", b"\1"):
        return None
    if second[0] == _SEQUENCE:
        method = _element(content, second[1])
        named = b"" if method is None or method[0] != _OID else content[method[1] : method[2]]
        return "plain" if named.startswith((_RSA, _EC, _ED, _DSA)) else None
    is_sec1 = version == b"\1" and second[0] == _OCTETS and 16 <= second[2] - second[1] <= 66
    is_pkcs1 = version == b"\0" and second[0] == _INTEGER and second[2] - second[1] >= 64
    return "plain" if is_sec1 or is_pkcs1 else None


#: First bytes of stores of keys in forms of their own: Java's two, and that of KeePass.
_KEYSTORES: t.Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce", b"\x03\xd9\xa2\x9a")
#: PKCS #7 data, which a PKCS #12 file holds after its version (RFC 7292).
_PKCS7_DATA: t.Final = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07"


def is_keystore(start: bytes) -> bool:
    """Tell whether a file that begins like this is a store of keys: PKCS #12, JKS, JCEKS or KeePass."""
    if start.startswith(_KEYSTORES):
        return True
    return start[:1] == b"\x30" and b"\x02\x01\x03\x30" in start[2:10] and _PKCS7_DATA in start[:32]


def _element(content: bytes, at: int) -> t.Optional[tuple[int, int, int]]:
    """Return tag, start and end of the content of an element of DER (X.690); ``None`` for what is none."""
    if len(content) < at + 2:
        return None
    tag, length, start = content[at], content[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or len(content) < start + count:
            return None
        length, start = int.from_bytes(content[start : start + count], "big"), start + count
    return (tag, start, start + length) if start + length <= len(content) else None
