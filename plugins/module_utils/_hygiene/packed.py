# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What is packed: files in one stream, and the names in archives. Nothing is written, and nothing read without a limit.

Whoever made a file may want it to fill the memory or to take for ever: a stream that unpacks to a thousand times its
size, a list of members or a header as large as the file itself, a chain of headers without end. Each ends in a reason
why the rest was not looked into.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import tarfile
import typing as t
import zipfile
from collections.abc import Callable, Iterator, Mapping

from .content import BEGINNING, packed_as
from .interruption import SECONDS, TookTooLong, interrupted_after

#: What a compressed file may unpack to: so many times its size (a log seldom reaches 50 times), and this at least.
MOST_TIMES: t.Final = 250
MOST_ALWAYS: t.Final = 64 << 20
OPENERS: t.Final[Mapping[str, Callable[[t.Any], t.Any]]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
MOST_MEMBERS: t.Final = 200_000
DAMAGED: t.Final = "a damaged archive"
#: The most that is read in one go: a header, or the list of the members of a zip.
_LARGEST_READ: t.Final = 32 << 20
_ZIP: t.Final = "zip"
#: The record at the end of a zip, and how far from the end it may begin.
_ZIP_END, _ZIP_END_WITHIN = b"PK\x05\x06", 65_557


class TooMuch(Exception):
    """More than is read of a packed file; its text says what."""


class Limited:
    """A file that is read and searched within limits; raises :class:`TooMuch` beyond them."""

    def __init__(self, handle: t.Any, most: t.Optional[int] = None) -> None:
        self._handle = handle
        self._most = most

    def read(self, size: int = -1, /) -> bytes:
        """Read as any file does."""
        if not 0 <= size <= _LARGEST_READ:
            size = _LARGEST_READ + 1
        content: bytes = self._handle.read(size)
        if len(content) > _LARGEST_READ:
            raise TooMuch("has a header that is too large")
        self._check(self._handle.tell())
        return content

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place as in any file."""
        if whence == 0:
            self._check(offset)
        return t.cast("int", self._handle.seek(offset, whence))

    def tell(self) -> int:
        """Tell the place as any file does."""
        return t.cast("int", self._handle.tell())

    def seekable(self) -> bool:
        """Tell that any place can be gone to."""
        return True

    def _check(self, at: int) -> None:
        if self._most is not None and at > self._most:
            raise TooMuch(f"unpacks to more than {MOST_TIMES} times its size")


@contextlib.contextmanager
def unpacked(handle: t.BinaryIO, size: int, packed: str) -> Iterator[Limited]:
    """Yield what a stream unpacks to, as far as it is read at all; ``packed`` is one of ``OPENERS``."""
    handle.seek(0)
    with OPENERS[packed](handle) as inner:
        yield Limited(inner, max(MOST_ALWAYS, MOST_TIMES * size))


def members(handle: t.BinaryIO, size: int, *, named: bool) -> tuple[list[str], t.Optional[str]]:
    """Return the names of the files in an archive, and why there may be more; none of what is no archive.

    What is packed as one stream has to be an archive only if its name says so (``named``).
    """
    names: list[str] = []
    why = None
    try:
        with interrupted_after(SECONDS):
            for name in _names(handle, size, named):
                names.append(name)
                if len(names) > MOST_MEMBERS:
                    raise TooMuch(f"has more than {MOST_MEMBERS} members")
    except TookTooLong:
        why = f"took longer than {SECONDS} s"
    except TooMuch as error:
        why = str(error)
    except Exception:  # pylint: disable=broad-except  # the libraries raise anything at damaged archives
        why = DAMAGED
    return names, why


def _names(handle: t.BinaryIO, size: int, named: bool) -> Iterator[str]:
    handle.seek(0)
    packed = packed_as(handle.read(BEGINNING))
    # A zip is found from its end, whatever it begins with.
    handle.seek(max(0, size - _ZIP_END_WITHIN))
    if packed == _ZIP or _ZIP_END in handle.read(_ZIP_END_WITHIN):
        try:
            with zipfile.ZipFile(file=t.cast("t.Any", Limited(handle))) as archive:
                yield from archive.namelist()
        except zipfile.BadZipFile:
            if packed == _ZIP:
                raise
    if packed in OPENERS:
        with unpacked(handle, size, t.cast("str", packed)) as stream:
            yield from _in_tar(stream, is_tar=named)
    elif packed is None:
        handle.seek(0)
        yield from _in_tar(Limited(handle), is_tar=False)
    elif packed != _ZIP:
        raise TooMuch(f"packed with {packed}")


def _in_tar(stream: Limited, *, is_tar: bool) -> Iterator[str]:
    """Yield the names in a tar; what does not begin like one is none, unless it has to be."""
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(tarfile.open(fileobj=t.cast("t.Any", stream), mode="r:"))
        except tarfile.ReadError:
            if is_tar:
                raise
            return
        while (member := archive.next()) is not None:
            if not member.isdir():
                yield member.name
            # They are kept by default, all of them.
            vars(archive)["members"].clear()
