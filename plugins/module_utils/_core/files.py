# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Files that appear whole or not at all, many in one go.

A :class:`FileTransaction` collects groups of files. Each file is written under a temporary name in its own directory,
with owner and mode in place before the name becomes visible. One pass makes everything durable, then the names are
moved into place in the order in which they were staged, group by group. A process killed at any point leaves every
visible name either old or new and never partial; its temporary files are removed by the next transaction there.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import grp
import os
import pwd
import re
import secrets
import shutil
import stat
import threading
import typing as t
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .errors import InvalidInput, TrustmeshError

# From here on one syncfs(2) is cheaper than an fsync(2) per file.
_FSYNC_ONE_BY_ONE = 8
_TEMPORARY = re.compile(r"\.trustmesh-(\d+)-[0-9a-f]+\.tmp")

_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free some space."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space."),
    errno.EROFS: ("the file system is read-only", "Remount it writable or choose another directory."),
    errno.EACCES: ("permission denied", "Run as a user who may write there (become: true)."),
    errno.EPERM: ("operation not permitted", "Run as a user who may set this owner and mode (become: true)."),
    errno.ENOENT: ("no such directory", "Create it first."),
    errno.ENOTDIR: ("a part of the path is a file", "Correct the path."),
    errno.EISDIR: ("a directory is in the way", "Correct the path or remove the directory."),
    errno.ENAMETOOLONG: ("the name is too long", "Shorten it."),
    errno.ELOOP: ("symbolic links form a loop", "Correct the links."),
}


class FileFailure(TrustmeshError):
    """A file could not be read or written."""


@contextlib.contextmanager
def named_failure(path: str) -> Iterator[None]:
    """Turn an ``OSError`` into a failure that names the path, the cause and the remedy."""
    try:
        yield
    except OSError as error:
        problem, remedy = _REMEDIES.get(error.errno or 0, (error.strerror or type(error).__name__, None))
        raise FileFailure(problem, field=path, remedy=remedy) from None


@dataclass(frozen=True)
class Attributes:
    """Owner, group and permission bits of a file; ``None`` leaves what the system gives."""

    uid: t.Optional[int] = None
    gid: t.Optional[int] = None
    mode: int = 0o600

    @classmethod
    def declared(
        cls, owner: t.Optional[str], group: t.Optional[str], mode: str, mode_field: str = "mode"
    ) -> Attributes:
        """Resolve names on this host; raises :class:`InvalidInput` for what does not exist here."""
        return cls(
            None if owner is None else _lookup(owner, "owner", lambda name: pwd.getpwnam(name).pw_uid),
            None if group is None else _lookup(group, "group", lambda name: grp.getgrnam(name).gr_gid),
            octal_mode(mode, mode_field),
        )

    def differences(self, status: os.stat_result) -> list[tuple[str, str, str]]:
        """Return (what, held, wanted) for every declared attribute that a file does not have."""
        found = []
        if self.uid is not None and status.st_uid != self.uid:
            found.append(("owner", user_name(status.st_uid), user_name(self.uid)))
        if self.gid is not None and status.st_gid != self.gid:
            found.append(("group", group_name(status.st_gid), group_name(self.gid)))
        if stat.S_IMODE(status.st_mode) != self.mode:
            found.append(("mode", f"{stat.S_IMODE(status.st_mode):04o}", f"{self.mode:04o}"))
        return found


def octal_mode(value: str, name: str) -> int:
    """Return permission bits from an octal text; raises :class:`InvalidInput` naming ``name``."""
    if not re.fullmatch(r"(0o?)?[0-7]{3,4}", str(value)):
        raise InvalidInput(f"{value!r} is not an octal mode", field=name, remedy='Quote it, for example "0640".')
    return int(str(value).replace("o", ""), 8)


def _lookup(value: str, name: str, find: t.Callable[[str], int]) -> int:
    if str(value).isdigit():
        return int(value)
    try:
        return find(value)
    except KeyError:
        raise InvalidInput(f"{value!r} does not exist on this host", field=name, remedy="Create it first.") from None


def user_name(uid: int) -> str:
    """Return the name of a user on this host, or the number of one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Return the name of a group on this host, or the number of one that has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@dataclass(frozen=True)
class _Move:
    """A finished file that gets its name by one rename."""

    temporary: str
    final: str

    def take_effect(self) -> None:
        os.replace(self.temporary, self.final)


@dataclass(frozen=True)
class _Link:
    """A symbolic link, which appears whole by itself unless it has to replace something."""

    target: str
    final: str
    temporary_beside: t.Callable[[str], str]

    def take_effect(self) -> None:
        try:
            os.symlink(self.target, self.final)
        except FileExistsError:
            temporary = self.temporary_beside(self.final)
            os.symlink(self.target, temporary)
            os.replace(temporary, self.final)


@dataclass
class FileGroup:
    """Files that take effect together, in the order in which they are staged."""

    identity: str
    #: Called with a directory before the first temporary name is made in it.
    sweep: t.Callable[[str], None]
    #: What makes the staged names visible, in order.
    deeds: list[t.Union[_Move, _Link]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)
    #: Directories that are there, as far as this group has looked.
    directories: set[str] = field(default_factory=set)

    def directory(self, path: str, attributes: t.Optional[Attributes] = None) -> None:
        """Create a directory and its parents now; an empty directory is no half-written state."""
        if path in self.directories:
            return
        self.directories.add(path)
        if os.path.isdir(path):
            return
        with named_failure(path):
            os.makedirs(path, mode=0o755, exist_ok=True)
            if attributes is not None:
                _give(path, attributes)

    def write(self, path: str, content: bytes, attributes: Attributes) -> None:
        """Write a file that nothing refers to yet, directly under its name."""
        with named_failure(path):
            _write(path, content, attributes)
        self.written.append(path)

    def put(self, path: str, content: bytes, attributes: Attributes) -> str:
        """Stage a file that replaces ``path`` when the group takes effect; return its name until then."""
        temporary = self._temporary_beside(path)
        self.deeds.append(_Move(temporary, path))
        self.written.append(temporary)
        with named_failure(path):
            _write(temporary, content, attributes)
        return temporary

    def link(self, path: str, target: str) -> None:
        """Stage a symbolic link that replaces ``path`` when the group takes effect."""
        self.deeds.append(_Link(target, path, self._temporary_beside))

    def remove(self, path: str) -> None:
        """Remove a file, link or tree after everything else of the group took effect."""
        self.obsolete.append(path)

    def discard(self) -> None:
        """Drop the temporary names that were not moved.

        Files written directly stay: a move that already happened may refer to them.
        """
        for deed in self.deeds:
            if isinstance(deed, _Move):
                with contextlib.suppress(OSError):
                    os.unlink(deed.temporary)

    def _temporary_beside(self, path: str) -> str:
        directory = os.path.dirname(path) or "."
        self.sweep(directory)
        return os.path.join(directory, f".trustmesh-{os.getpid()}-{secrets.token_hex(6)}.tmp")

    def take_effect(self) -> None:
        """Make every staged name visible."""
        for deed in self.deeds:
            with named_failure(deed.final):
                deed.take_effect()

    def clean_up(self) -> None:
        """Remove what is obsolete."""
        for path in self.obsolete:
            with named_failure(path):
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(path)


class FileTransaction:
    """Groups of files of a whole batch; see the module docstring."""

    def __init__(self) -> None:
        self._groups: list[FileGroup] = []
        self._swept: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def group(self, identity: str) -> Iterator[FileGroup]:
        """Collect the files of one item; if collecting fails, nothing of the item takes effect."""
        group = FileGroup(identity, self._sweep)
        try:
            yield group
        except BaseException:
            group.discard()
            raise
        with self._lock:
            self._groups.append(group)

    def _sweep(self, directory: str) -> None:
        with self._lock:
            fresh = directory not in self._swept
            self._swept.add(directory)
        if fresh:
            _remove_leftovers(directory)

    def commit(self) -> dict[str, TrustmeshError]:
        """Make everything durable and visible; return failures by identity."""
        groups, self._groups = self._groups, []
        failures: dict[str, TrustmeshError] = {}
        written = [path for group in groups for path in group.written]
        _flush([*written, *dict.fromkeys(os.path.dirname(path) for path in written)])
        self._each(groups, FileGroup.take_effect, failures)
        _flush({os.path.dirname(deed.final) for group in groups for deed in group.deeds})
        self._each(groups, FileGroup.clean_up, failures)
        return failures

    @staticmethod
    def _each(
        groups: Iterable[FileGroup], phase: t.Callable[[FileGroup], None], failures: dict[str, TrustmeshError]
    ) -> None:
        for group in groups:
            if group.identity not in failures:
                try:
                    phase(group)
                except TrustmeshError as error:
                    failures[group.identity] = error
                    group.discard()


def put_file(path: str, content: bytes, attributes: Attributes) -> None:
    """Replace one file by itself; raises :class:`TrustmeshError` and then leaves what was there."""
    transaction = FileTransaction()
    with transaction.group(path) as group:
        group.put(path, content, attributes)
    for failure in transaction.commit().values():
        raise failure


@contextlib.contextmanager
def reserve_file(path: str, size: int, attributes: Attributes) -> Iterator[t.Callable[[bytes], None]]:
    """Yield the function that writes a file of at most ``size`` bytes, once it is certain that it can be written.

    For content that exists only once: directory, owner, mode and disk space are settled before it is made.
    """
    transaction = FileTransaction()
    # The group clears up after any exception, the one that ends a generator included.
    with transaction.group(path) as group:  # pylint: disable=contextmanager-generator-missing-cleanup
        temporary = group.put(path, bytes(size), attributes)
        _flush([temporary])

        def fill(content: bytes) -> None:
            with named_failure(path), open(temporary, "r+b") as handle:
                handle.write(content)
                handle.truncate()

        yield fill
    for failure in transaction.commit().values():
        raise failure


def read_file(path: str) -> t.Optional[bytes]:
    """Return the content of a file, ``None`` when there is none; raises :class:`FileFailure` otherwise."""
    with named_failure(path):
        try:
            with open(path, "rb") as handle:
                return handle.read()
        except FileNotFoundError:
            return None


def _remove_leftovers(directory: str) -> None:
    """Remove the temporary files of processes that no longer run."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            owner = _TEMPORARY.fullmatch(name)
            if owner and not os.path.exists(f"/proc/{owner.group(1)}"):
                os.unlink(os.path.join(directory, name))


def _write(path: str, content: bytes, attributes: Attributes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        _give(descriptor, attributes)
    finally:
        os.close(descriptor)


def _give(target: t.Union[int, str], attributes: Attributes) -> None:
    if attributes.uid is not None or attributes.gid is not None:
        os.chown(
            target, -1 if attributes.uid is None else attributes.uid, -1 if attributes.gid is None else attributes.gid
        )
    os.chmod(target, attributes.mode)


def _flush(paths: Iterable[str]) -> None:
    """Make files and directories durable: each by itself when few, by file system when many."""
    chosen = list(paths)
    if len(chosen) > _FSYNC_ONE_BY_ONE and _flush_file_systems(chosen):
        return
    for path in chosen:
        with contextlib.suppress(OSError):  # durability is best effort, the move itself is not
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _flush_file_systems(paths: Iterable[str]) -> bool:
    """Call syncfs(2) once per file system; tell whether that worked."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return False
    by_device: dict[int, str] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            by_device.setdefault(os.stat(path).st_dev, path)
    for path in by_device.values():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if syncfs(descriptor) != 0:
                return False
        finally:
            os.close(descriptor)
    return True
