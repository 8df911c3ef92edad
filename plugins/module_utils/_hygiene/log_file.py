# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Reading logs line by line, unpacked, with limits on the length of a line and on what a file unpacks to."""

from __future__ import annotations

import contextlib
import io
import typing as t
from collections.abc import Iterator

from .._core.reading import open_file
from .content import packed_as
from .packed import MOST_ALWAYS, MOST_TIMES, OPENERS

_BLOCK: t.Final = 1 << 18
#: What is held in memory at a time; a longer line is looked at in pieces that overlap.
_LONGEST_LINE: t.Final = 1 << 20
_OVERLAP: t.Final = 1 << 13


class LogFile:
    """An open log. ``lines`` counts what was read so far; ``unread`` says why the rest was not."""

    def __init__(self, handle: t.Any, most: int, first: int, unread: t.Optional[str] = None) -> None:
        self._handle = handle
        self._most = most
        self.lines = first
        self.unread = unread

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        """Yield the lines that are not empty, each with the part of it in which a finding has to end.

        The pieces of a line that is too long overlap, and each end in the overlap belongs to one of them.
        """
        rest, seen = b"", 0
        while block := self._block():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self.lines += 1
                if line:
                    text = _text(line)
                    yield text, seen, len(text)
                seen = 0
            if len(rest) > _LONGEST_LINE:
                self.lines += 1
                text = _text(rest)
                yield text, seen, len(text) - len(_text(rest[-_OVERLAP // 2 :]))
                self.lines -= 1
                rest = rest[-_OVERLAP:]
                seen = len(_text(rest[: -_OVERLAP // 2]))
        if rest:
            self.lines += 1
            text = _text(rest)
            yield text, seen, len(text)

    def _block(self) -> bytes:
        block = b"" if self.unread else t.cast("bytes", self._handle.read(_BLOCK))
        self._most -= len(block)
        if self._most < 0:
            self.unread = f"unpacks to more than {MOST_TIMES} times its size"
        return block


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")


@contextlib.contextmanager
def open_log(path: str, tail_bytes: t.Optional[int]) -> Iterator[LogFile]:
    """Open a log file for reading; with ``tail_bytes``, from the first line that begins within so many from its end."""
    with open_file(path) as handle:
        # A log may grow while it is read: what is there now is read.
        size = handle.seek(0, io.SEEK_END)
        handle.seek(0)
        packed = packed_as(handle.read(16))
        handle.seek(0)
        if packed is None:
            first = 0 if tail_bytes is None else _skip(handle, max(0, size - tail_bytes))
            yield LogFile(_Beginning(handle, size - handle.tell()), size + 1, first)
        elif packed not in OPENERS:
            yield LogFile(None, 0, 0, f"packed with {packed}")
        else:
            with OPENERS[packed](handle) as unpacked:
                yield LogFile(unpacked, max(MOST_ALWAYS, MOST_TIMES * size), 0)


class _Beginning:
    """A file of which so many bytes are read."""

    def __init__(self, handle: t.BinaryIO, left: int) -> None:
        self._handle = handle
        self._left = left

    def read(self, size: int) -> bytes:
        block = self._handle.read(min(size, self._left))
        self._left -= len(block)
        return block


def _skip(handle: t.BinaryIO, offset: int) -> int:
    """Go to the first line that begins at or after ``offset``; return how many lines lie before it."""
    handle.seek(0)
    lines, done = 0, 0
    while done < offset:
        piece = handle.read(min(1 << 20, offset - done))
        if not piece:
            break
        lines += piece.count(b"\n")
        done += len(piece)
    if offset:
        handle.seek(offset - 1)
        if handle.read(1) != b"\n":
            handle.readline()
            lines += 1
    return lines
