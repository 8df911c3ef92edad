# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Looking at files by the rules of :mod:`.places`: only regular ones are opened, and none is read without a limit.

Nothing here waits for a pipe or fills the memory from a device. "Not there" is ``None``, all else that goes wrong a
:class:`FileFailure` that names the path.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from .attributes import FileFailure, failure, kind_of, named_failure, user_name
from .places import Directory, directory, locate, open_entry, open_in, status_of

#: The most bytes that are read of a file unless the caller says otherwise.
LIMIT: t.Final = 16 * 2**20
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_DEEPEST = 128


@dataclass(frozen=True)
class Found:
    """What a file held when it was read, and its owner, mode and times at that moment."""

    content: bytes
    status: os.stat_result
    #: Whether nobody but root and the effective user can have written it, or put it where it is.
    ours: bool


def read_found(path: str, *, limit: int = LIMIT) -> t.Optional[Found]:
    """Return content and status of a file, ``None`` when there is none; raises :class:`FileFailure` otherwise."""
    try:
        descriptor, folder = open_entry(path, _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unopened(path, error) from None
    return _taken(descriptor, folder, path, limit)


def read_file(path: str, *, limit: int = LIMIT) -> t.Optional[bytes]:
    """Return the content of a file, ``None`` when there is none; raises :class:`FileFailure` otherwise."""
    found = read_found(path, limit=limit)
    return None if found is None else found.content


def read_entry(folder: Directory, name: str, *, limit: int = LIMIT) -> t.Optional[Found]:
    """Return what an entry of an open directory holds, ``None`` when there is none; a link is not followed."""
    path = os.path.join(folder.real, name)
    try:
        descriptor = open_in(folder, name, _FLAGS | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        with contextlib.suppress(OSError):
            refuse_unless_regular(folder.stat(name), folder, path)
        raise failure(path, error) from None
    return _taken(descriptor, folder, path, limit)


@contextlib.contextmanager
def open_file(path: str) -> Iterator[t.BinaryIO]:
    """Open a file to be read bit by bit, however large; raises :class:`FileFailure` when there is none."""
    try:
        descriptor, folder = open_entry(path, _FLAGS)
    except FileNotFoundError:
        raise FileFailure("does not exist", field=path, remedy="Correct the path.") from None
    except OSError as error:
        raise _unopened(path, error) from None
    try:
        refuse_unless_regular(os.fstat(descriptor), folder, path)
    except BaseException:
        os.close(descriptor)
        raise
    with open(descriptor, "rb") as handle:
        yield handle


@contextlib.contextmanager
def open_to_append(path: str, mode: int = 0o600) -> Iterator[int]:
    """Yield a descriptor that appends to a file, which is made when it is missing."""
    try:
        descriptor, folder = open_entry(
            path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY, mode
        )
    except OSError as error:
        raise _unopened(path, error) from None
    try:
        refuse_unless_regular(os.fstat(descriptor), folder, path)
        os.set_blocking(descriptor, True)
        yield descriptor
    finally:
        os.close(descriptor)


def status(path: str, *, follow: bool = False) -> t.Optional[os.stat_result]:
    """Return owner, mode and times of what is there, ``None`` when nothing is.

    Of a link they are its own; with ``follow`` those of what it leads to, where links are followed at all.
    """
    try:
        if follow:
            return status_of(path)
        folder, name = locate(path)
        return folder.stat(name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failure(path, error) from None


def exists(path: str) -> bool:
    """Tell whether there is anything, be it a link that leads nowhere."""
    return status(path) is not None


def is_directory(path: str) -> bool:
    """Tell whether there is a directory, or a link to one that is followed."""
    found = status(path, follow=True)
    return found is not None and stat.S_ISDIR(found.st_mode)


def link_text(path: str) -> t.Optional[str]:
    """Return what a symbolic link says; ``None`` when there is nothing, or no link."""
    try:
        folder, name = locate(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise failure(path, error) from None
    return link_of(folder, name)


def link_of(folder: Directory, name: str) -> t.Optional[str]:
    """Return what a link in an open directory says; ``None`` when there is nothing, or no link."""
    try:
        return os.readlink(name, dir_fd=folder.descriptor)
    except OSError:  # the system says EINVAL of what is no link
        return None


def entries(path: str) -> t.Optional[list[str]]:
    """Return the names in a directory, sorted; ``None`` when there is none."""
    try:
        folder = directory(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failure(path, error) from None
    return names_in(folder)


def names_in(folder: Directory) -> list[str]:
    """Return the names in an open directory, sorted; raises :class:`FileFailure`."""
    with named_failure(folder.real):
        descriptor = folder.opened()
        try:
            return sorted(os.listdir(descriptor))
        finally:
            os.close(descriptor)


def walk(
    path: str,
    *,
    deepest: int = _DEEPEST,
    enters: t.Callable[[str, os.stat_result], bool] = lambda _path, _status: True,
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every path below a directory with its own status, in order; links are named and not followed.

    A directory is named, and entered where ``enters`` says so. Raises :class:`FileFailure` for what cannot be listed,
    and for a tree that is nested too deeply.
    """
    try:
        folder = directory(path)
    except OSError as error:
        raise failure(path, error) from None
    yield from _below(folder, path, deepest, enters)


def _below(
    folder: Directory, path: str, deepest: int, enters: t.Callable[[str, os.stat_result], bool]
) -> Iterator[tuple[str, os.stat_result]]:
    if deepest == 0:
        raise FileFailure("directories are nested too deeply", field=path, remedy="Flatten them, or leave them out.")
    for name in names_in(folder):
        inner = os.path.join(path, name)
        try:
            found = folder.stat(name)
        except FileNotFoundError:  # gone meanwhile
            continue
        yield inner, found
        if stat.S_ISDIR(found.st_mode) and enters(inner, found):
            try:
                child = folder.enter(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise failure(inner, error) from None
            yield from _below(child, inner, deepest - 1, enters)


def refuse_unless_regular(found: os.stat_result, folder: Directory, path: str) -> None:
    """Refuse what is not a regular file, and a file of others that was given one more name in a strange directory."""
    if not stat.S_ISREG(found.st_mode):
        raise _irregular(found, path)
    if found.st_nlink > 1 and not folder.vouches_for(found):
        owner = folder.status.st_uid
        if found.st_uid != owner or folder.open_to_others:
            raise FileFailure(
                f"is a file of {user_name(found.st_uid)} with a second name (hard link) in a directory of "
                f"{user_name(owner)}; it is not read",
                field=path,
                remedy="Remove this name, or copy the file.",
            )


def _unopened(path: str, error: OSError) -> FileFailure:
    """Say why a file could not be opened: what it is, where that is the reason."""
    with contextlib.suppress(OSError, FileFailure):
        found = status_of(path)
        if not stat.S_ISREG(found.st_mode) and not isinstance(error, PermissionError):
            return _irregular(found, path)
    return failure(path, error)


def _irregular(found: os.stat_result, path: str) -> FileFailure:
    return FileFailure(f"is {kind_of(found)}, not a regular file", field=path, remedy="Remove it, or correct the path.")


def _taken(descriptor: int, folder: Directory, path: str, limit: int) -> Found:
    try:
        found = os.fstat(descriptor)
        refuse_unless_regular(found, folder, path)
        return Found(_content(descriptor, found.st_size, path, limit), found, folder.is_ours(found))
    except OSError as error:
        raise failure(path, error) from None
    finally:
        os.close(descriptor)


def _content(descriptor: int, size: int, path: str, limit: int) -> bytes:
    """Read to the end, which may be further off than ``size`` says (``/proc``), but not beyond the limit."""
    parts: list[bytes] = []
    held = 0
    while held <= limit:
        parts.append(os.read(descriptor, io.DEFAULT_BUFFER_SIZE))
        held += len(parts[-1])
        if held <= limit and (not parts[-1] or held == size):
            return b"".join(parts)
    raise FileFailure(
        f"is larger than {limit // 2**10} KiB, the most that is read of such a file",
        field=path,
        remedy="See what wrote it; shorten or remove it.",
    )
