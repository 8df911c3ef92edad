# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Private keys in the content of a file, wherever in it they are: in PEM, DER, a keystore, or the forms of some tools.

A file is read in pieces that overlap by more than a key is long. Zeros are left out, so that text in UTF-16 and UTF-32
is read as any other.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
import typing as t
from collections.abc import Iterable, Iterator

from .content import der_key, is_keystore

_PIECE: t.Final = 1 << 20
_OVERLAP: t.Final = 1 << 16
_PRIVATE: t.Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY(?: BLOCK)?-----(.*?)(?:-----END|\Z)", re.DOTALL)
_PUTTY: t.Final = re.compile(rb"(?:^|\xff\xfe|\xfe\xff|\xef\xbb\xbf)PuTTY-User-Key-File-\d", re.MULTILINE)
_AGE: t.Final = b"AGE-SECRET-KEY-1"
_OPENSSH: t.Final = b"openssh-key-v1\0"
_PLAIN, _ENCRYPTED = "plain", "encrypted"


class Readable(t.Protocol):
    """Something that is read from its beginning."""

    def read(self, size: int, /) -> bytes: ...


def key_in(content: bytes) -> t.Optional[str]:
    """Tell whether a private key is in a content, and whether it is encrypted: ``plain``, ``encrypted`` or ``None``."""
    return the_worse(keys_read(io.BytesIO(content)))


def the_worse(states: Iterable[str]) -> t.Optional[str]:
    """Return what stands for several keys: one that is not encrypted, if there is any."""
    found = set(states)
    return _PLAIN if _PLAIN in found else _ENCRYPTED if found else None


def keys_read(handle: Readable) -> Iterator[str]:
    """Yield how the keys in what a handle reads are kept, in a memory of fixed size, up to the first plain one."""
    states: set[str] = set()
    rest, is_first, is_last = b"", True, False
    while not is_last and _PLAIN not in states:
        piece = _piece(handle)
        content = rest + piece
        is_last = len(piece) < _PIECE
        if is_first and is_keystore(content):
            states.add(_ENCRYPTED)
        if is_first and is_last:
            states.update(filter(None, [der_key(content)]))
        # What begins near the end of a piece may go on in the next one, with which it is searched again.
        rest = b"" if is_last else content[-_OVERLAP:]
        states.update(_states(content, len(content) - len(rest)))
        yield from states
        is_first = False


def _piece(handle: Readable) -> bytes:
    """Return the next piece, shorter only at the end: who unpacks may return less at a time."""
    parts, left = [], _PIECE
    while left:
        part = handle.read(left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _states(content: bytes, end: int) -> Iterator[str]:
    """Yield whether the keys that begin before ``end`` are encrypted."""
    views = [(content, end)]
    if b"\0" in content:
        views.append((content.replace(b"\0", b""), end - content.count(b"\0", 0, end)))
    for view, limit in views:
        if b"PRIVATE KEY" in view:
            for found in _PRIVATE.finditer(view):
                if found.start() < limit:
                    yield _ENCRYPTED if _is_encrypted(found.group(1), found.group(2)) else _PLAIN
        putty = _PUTTY.search(view) if b"PuTTY-User-Key-File-" in view else None
        if putty is not None and putty.start() < limit:
            yield _PLAIN if b"Encryption: none" in view else _ENCRYPTED
        if 0 <= view.find(_AGE) < limit:
            yield _PLAIN


def _is_encrypted(kind: bytes, body: bytes) -> bool:
    """Tell of one PEM block: PKCS#8 says so in its label, the older form in a header, OpenSSH's inside."""
    if kind.startswith(b"ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in body:
        return True
    if not kind.startswith(b"OPENSSH"):
        return False
    try:
        inside = base64.b64decode(b"".join(body.split()), validate=True)
        (length,) = struct.unpack_from(">I", inside, len(_OPENSSH))
    except (binascii.Error, ValueError, struct.error):
        return False
    cipher = inside[len(_OPENSSH) + 4 :][:length]
    return inside.startswith(_OPENSSH) and cipher != b"none"
