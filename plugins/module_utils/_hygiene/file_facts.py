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

import codecs
import contextlib
import functools
import lzma
import os
import re
import stat
import struct
import typing as t
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .._core.errors import InvalidInput
from .._core.examining import Examined, examine, leads_to, real_path
from .._core.files import named_failure, status, walk
from .content import BEGINNING, packed_as
from .interruption import SECONDS, TookTooLong, interrupted_after
from .key_material import keys_read, the_worse
from .packed import DAMAGED, OPENERS, Limited, TooMuch, members, unpacked

#: The most that is searched of a file.
MOST_SEARCHED: t.Final = 1 << 30
_PUBLIC: t.Final = re.compile(rb"^-----BEGIN (?:[A-Z0-9 ]*PUBLIC KEY(?: BLOCK)?|CERTIFICATE)")
_START: t.Final = 1 << 12

# acl(5): entries of the extended attribute, after a version of four bytes (linux/posix_acl_xattr.h).
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
    #: What was searched, without links on the way.
    real_root: t.Optional[str] = None
    #: Reasons why files, or parts of them, were not looked into, and how many.
    unread: t.Mapping[str, int] = field(default_factory=dict)

    @functools.cached_property
    def names(self) -> t.Mapping[tuple[int, int], int]:
        """How many names each file has, by its identity."""
        return Counter(it.identity for it in self.files)


@dataclass(frozen=True)
class Names:
    """Which names mean what; each a pattern of whole paths or ``None``."""

    secret: t.Optional[t.Pattern[str]]
    forbidden: t.Optional[t.Pattern[str]]
    backup: t.Optional[t.Pattern[str]]
    excluded: t.Optional[t.Pattern[str]]
    #: What a backup adds to a name.
    backup_ending: t.Pattern[str]
    #: Which files are archives by their names; ``None`` when nothing that is packed is looked into.
    archive: t.Optional[t.Pattern[str]] = None


def survey(root: str, names: Names) -> TreeFacts:
    """Look at a file, or at everything below a directory; raises :class:`InvalidInput` when there is nothing."""
    found = status(root)
    if found is None:
        raise InvalidInput("does not exist on this host", field=root, remedy="Correct the path.")
    examined = 0
    files: list[FileFacts] = []
    unread: Counter[str] = Counter()
    for path, entry in _below(root, found, names):
        examined += 1
        facts, why = _facts(path, entry, names)
        if facts is not None:
            files.append(facts)
        unread.update(why)
    directories = dict(_directories(files))
    return TreeFacts(examined, tuple(files), directories, real_path(root), dict(sorted(unread.items())))


def _below(root: str, found: os.stat_result, names: Names) -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything that is no directory, in order."""
    if not stat.S_ISDIR(found.st_mode):
        yield root, found
        return

    def wanted(path: str) -> bool:
        return names.excluded is None or not names.excluded.fullmatch(path)

    def enters(path: str, entry: os.stat_result) -> bool:
        return entry.st_dev == found.st_dev and wanted(path)

    for path, entry in walk(root, enters=enters):
        if not stat.S_ISDIR(entry.st_mode) and wanted(path):
            yield path, entry


def _directories(files: t.Iterable[FileFacts]) -> Iterator[tuple[str, DirectoryFacts]]:
    """Yield every directory on the way to some files."""
    seen: set[str] = set()
    for place in {os.path.dirname(os.path.abspath(facts.path)) for facts in files}:
        for parent in _upward(place):
            if parent in seen:
                break
            seen.add(parent)
            entry = status(parent, follow=True)
            if entry is not None:
                yield parent, DirectoryFacts(parent, stat.S_IMODE(entry.st_mode), entry.st_uid, entry.st_gid)


def _facts(path: str, entry: os.stat_result, names: Names) -> tuple[t.Optional[FileFacts], list[str]]:
    """Return what is known of a file, ``None`` for one that is of no interest, and what was not looked into."""
    if stat.S_ISLNK(entry.st_mode):
        return _noted(path, entry, names, "link", target=leads_to(path)), []
    if not stat.S_ISREG(entry.st_mode):
        return None, []
    with named_failure(path), examine(path) as found:
        if found is None:  # gone meanwhile
            return None, []
        unread: list[str] = []
        packed = None if names.archive is None else packed_as(found.handle.read(BEGINNING))
        more: dict[str, t.Any] = {"key": _key(found, packed if packed in OPENERS else None, unread)}
        named = _matches(names.archive, path)
        if named or packed is not None:
            more["members"] = tuple(_secret_members(found, names, named=named, unread=unread))
        more["let_in"] = tuple(_let_in(found.access_list))
        public = more["key"] is None and _is_public(found)
        return _noted(path, found.status, names, "file", public=public, **more), unread


def _noted(
    path: str, entry: os.stat_result, names: Names, kind: str, *, public: bool = False, **more: t.Any
) -> t.Optional[FileFacts]:
    """Return the facts of a file that is secret by its name or by what is in it, or must not exist."""
    original = names.backup_ending.sub("", path)
    by_name = any(_matches(names.secret, name) for name in (path, original)) and not public
    forbidden = _matches(names.forbidden, path)
    if not (by_name or forbidden or more.get("key") or more.get("members")):
        return None
    return FileFacts(
        path,
        kind,
        stat.S_IMODE(entry.st_mode),
        entry.st_uid,
        entry.st_gid,
        entry.st_nlink,
        (entry.st_dev, entry.st_ino),
        secret_by_name=by_name,
        forbidden=forbidden,
        backup=_matches(names.backup, path),
        **more,
    )


def _matches(pattern: t.Optional[t.Pattern[str]], path: str) -> bool:
    return pattern is not None and bool(pattern.fullmatch(path))


def _key(found: Examined, packed: t.Optional[str], unread: list[str]) -> t.Optional[str]:
    """Look for a private key, also in what is packed as one stream."""
    states: set[str] = set()
    found.handle.seek(0)
    try:
        with interrupted_after(SECONDS), contextlib.ExitStack() as stack:
            stream = Limited(found.handle, MOST_SEARCHED)
            if packed is not None:
                stream = stack.enter_context(unpacked(found.handle, found.status.st_size, packed))
            for state in keys_read(stream):
                states.add(state)
    except TookTooLong:
        unread.append(f"took longer than {SECONDS} s")
    except TooMuch as error:
        unread.append(str(error) if packed else f"larger than {MOST_SEARCHED >> 20} MiB")
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        if packed is None:
            raise
        unread.append(DAMAGED)
    return the_worse(states)


def _is_public(found: Examined) -> bool:
    found.handle.seek(0)
    return _PUBLIC.match(found.handle.read(_START).removeprefix(codecs.BOM_UTF8).lstrip()) is not None


def _secret_members(found: Examined, names: Names, *, named: bool, unread: list[str]) -> Iterator[str]:
    """Yield the names of the secret files in an archive; ``named`` if its name says that it is one."""
    held, why = members(found.handle, found.status.st_size, named=named)
    for name in held:
        if _matches(names.secret, names.backup_ending.sub("", "/" + name.replace("\\", "/"))):
            yield name
    if why is not None and why not in unread:
        unread.append(why)


def _let_in(packed: bytes) -> Iterator[str]:
    """Yield whom an access list lets in beside owner and group; what its mask takes away does not count."""
    entries = [struct.unpack_from("<HHI", packed, at) for at in range(4, len(packed) - 7, 8)]
    mask = next((permissions for tag, permissions, _id in entries if tag == _ACL_MASK), 7)
    named = {_ACL_USER: "user", _ACL_GROUP: "group"}
    yield from (f"{named[tag]} {ident}" for tag, perms, ident in entries if tag in named and perms & mask)


def _upward(path: str) -> Iterator[str]:
    while True:
        yield path
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)
