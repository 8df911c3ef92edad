# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a host says about files that hold secrets: attributes, access lists, links, and whether a key is in them.

Files are found by name and by content: a private key is one under any name. Nothing is followed out of the tree that
is searched, and no file system but its own is entered.
"""

from __future__ import annotations

import base64
import binascii
import lzma
import os
import re
import stat
import struct
import tarfile
import typing as t
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .._core.files import named_failure

_SNIFFED: t.Final = 1 << 16
_PRIVATE: t.Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY(?: BLOCK)?-----(.*?)(?:-----END|\Z)", re.DOTALL)
_PUTTY: t.Final = re.compile(rb"^PuTTY-User-Key-File-\d", re.MULTILINE)
_AGE: t.Final = b"AGE-SECRET-KEY-1"
_PUBLIC: t.Final = re.compile(rb"^-----BEGIN (?:[A-Z0-9 ]*PUBLIC KEY(?: BLOCK)?|CERTIFICATE)")
_OPENSSH: t.Final = b"openssh-key-v1\0"

# acl(5): entries of the extended attribute, after a version of four bytes (linux/posix_acl_xattr.h).
_ACL: t.Final = "system.posix_acl_access"
_ACL_USER, _ACL_GROUP, _ACL_MASK = 0x02, 0x08, 0x10


@dataclass(frozen=True)
class FileFacts:
    """One file that is secret by name or content, or that must not exist."""

    path: str
    kind: str
    mode: int = 0o600
    uid: int = 0
    gid: int = 0
    links: int = 1
    #: Device and inode, so that a repair meets the file that was judged.
    identity: tuple[int, int] = (0, 0)
    #: Of a symbolic link, where it leads in the end; ``None`` when nowhere.
    target: t.Optional[str] = None
    #: Whom an access list lets in beside owner and group, such as ``user 1001``.
    let_in: tuple[str, ...] = ()
    #: A private key in it: ``plain``, ``encrypted``, or ``None`` for no key.
    key: t.Optional[str] = None
    secret_by_name: bool = False
    forbidden: bool = False
    backup: bool = False
    #: Of an archive, the secret files in it.
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class DirectoryFacts:
    """One directory on the way to a secret file."""

    path: str
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True)
class TreeFacts:
    """Everything that the rules are held against."""

    examined: int
    files: tuple[FileFacts, ...]
    #: By path.
    directories: t.Mapping[str, DirectoryFacts]


@dataclass(frozen=True)
class Names:
    """Which names mean what; each a pattern of whole paths or ``None``."""

    secret: t.Optional[t.Pattern[str]]
    forbidden: t.Optional[t.Pattern[str]]
    backup: t.Optional[t.Pattern[str]]
    excluded: t.Optional[t.Pattern[str]]
    #: What a backup adds to a name.
    backup_ending: t.Pattern[str]
    #: Which files are archives to look into; ``None`` for none.
    archive: t.Optional[t.Pattern[str]] = None


def survey(root: str, names: Names) -> TreeFacts:
    """Look at a file, or at everything below a directory; raises :class:`InvalidInput` when there is nothing."""
    if not os.path.lexists(root):
        raise InvalidInput("does not exist on this host", field=root, remedy="Correct the path.")
    examined = 0
    files: list[FileFacts] = []
    for path in _below(root, names):
        examined += 1
        facts = _facts(path, names)
        if facts is not None:
            files.append(facts)
    directories: dict[str, DirectoryFacts] = {}
    for place in {os.path.dirname(os.path.abspath(facts.path)) for facts in files}:
        for parent in _upward(place):
            if parent not in directories:
                status = os.stat(parent)
                directories[parent] = DirectoryFacts(parent, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    return TreeFacts(examined, tuple(files), directories)


def _below(root: str, names: Names) -> Iterator[str]:
    """Yield the paths of everything that is no directory, in order."""
    if not os.path.isdir(root) or os.path.islink(root):
        yield root
        return
    device = os.stat(root).st_dev
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        with named_failure(folder), os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if names.excluded is not None and names.excluded.fullmatch(entry.path):
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield entry.path
            elif entry.stat(follow_symlinks=False).st_dev == device:
                waiting.append(entry.path)


def _facts(path: str, names: Names) -> t.Optional[FileFacts]:
    """Return what is known of a file; ``None`` for one that is of no interest, or has gone meanwhile."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    kind = "link" if stat.S_ISLNK(status.st_mode) else "file" if stat.S_ISREG(status.st_mode) else "other"
    original = names.backup_ending.sub("", path)
    backup = names.backup is not None and bool(names.backup.fullmatch(path))
    by_name = any(names.secret is not None and names.secret.fullmatch(name) for name in (path, original))
    forbidden = names.forbidden is not None and bool(names.forbidden.fullmatch(path))
    content = _start(path) if kind == "file" else b""
    key = key_in(content)
    if key is None and _PUBLIC.match(content.lstrip()):
        by_name = False
    members: tuple[str, ...] = ()
    if kind == "file" and names.archive is not None and names.archive.fullmatch(path):
        members = tuple(secret_members(path, names))
    if kind == "other" or not (by_name or forbidden or key or members):
        return None
    return FileFacts(
        path,
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_nlink,
        (status.st_dev, status.st_ino),
        _target(path) if kind == "link" else None,
        _let_in(path) if kind == "file" else (),
        key,
        by_name,
        forbidden,
        backup,
        members,
    )


def secret_members(path: str, names: Names) -> Iterator[str]:
    """Yield the names of the secret files in an archive; of one that is damaged, those before the damage."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                held = packed.namelist()
        else:
            with tarfile.open(path) as packed_files:
                held = packed_files.getnames()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError):
        return
    for name in held:
        if names.secret is not None and names.secret.fullmatch(names.backup_ending.sub("", f"/{name}")):
            yield name


def _start(path: str) -> bytes:
    with named_failure(path), open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as handle:
        return handle.read(_SNIFFED)


def key_in(content: bytes) -> t.Optional[str]:
    """Tell whether a private key is in a content, and whether it is encrypted: ``plain``, ``encrypted`` or ``None``."""
    states = {"encrypted" if _is_encrypted(kind, body) else "plain" for kind, body in _PRIVATE.findall(content)}
    if _PUTTY.search(content):
        states.add("plain" if b"Encryption: none" in content else "encrypted")
    if _AGE in content:
        states.add("plain")
    return "plain" if "plain" in states else "encrypted" if states else None


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


def _target(path: str) -> t.Optional[str]:
    try:
        return os.path.realpath(path, strict=True) if os.path.exists(path) else None
    except TypeError:  # Python 3.9 has no strict
        return os.path.realpath(path)


def _let_in(path: str) -> tuple[str, ...]:
    """Return whom the access list of a file lets in beside owner and group; what its mask takes away does not count."""
    try:
        packed = os.getxattr(path, _ACL, follow_symlinks=False)
    except OSError:  # no list, or a file system without them
        return ()
    entries = [struct.unpack_from("<HHI", packed, at) for at in range(4, len(packed) - 7, 8)]
    mask = next((permissions for tag, permissions, _id in entries if tag == _ACL_MASK), 7)
    named = {_ACL_USER: "user", _ACL_GROUP: "group"}
    return tuple(f"{named[tag]} {ident}" for tag, perms, ident in entries if tag in named and perms & mask)


def _upward(path: str) -> Iterator[str]:
    while True:
        yield path
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)
