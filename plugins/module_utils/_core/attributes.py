# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Owner, group and mode of a file, and how a failed system call is reported."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import re
import stat
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import Defect, InvalidInput, TrustmeshError

_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free some space."),
    errno.EDQUOT: (
        "a disk quota is used up, of space or of files",
        "See which one (quota). Remove files, or raise it.",
    ),
    errno.EMFILE: (
        "the limit for open files of this process is reached",
        "Raise it (ulimit -n, LimitNOFILE= of a service), and run again.",
    ),
    errno.ENFILE: ("the limit for open files of this system is reached", "Raise fs.file-max, and run again."),
    errno.EFBIG: (
        "the limit for the size of a file is reached",
        "Raise it (ulimit -f, LimitFSIZE= of a service), or choose another file system.",
    ),
    errno.ENOMEM: ("the memory is used up", "Free some, or raise its limit (ulimit -v, MemoryMax= of a service)."),
    errno.EROFS: ("the file system is read-only", "Remount it writable or choose another directory."),
    errno.EACCES: ("permission denied", "Run as a user who may read and write there (become: true)."),
    errno.EPERM: (
        "operation not permitted",
        "Run as a user who may set this owner and mode (become: true). Not even root changes what is immutable.",
    ),
    errno.EBUSY: ("something is mounted there", "Unmount it, or mount the directory that holds it instead."),
    errno.ENOENT: ("no such directory", "Create it first."),
    errno.ENOTDIR: ("a part of the path is a file", "Correct the path."),
    errno.EISDIR: ("a directory is in the way", "Correct the path or remove the directory."),
    errno.ENAMETOOLONG: ("the name is too long", "Shorten it."),
    errno.ELOOP: ("symbolic links form a loop", "Correct the links."),
}

_NO_INODES: t.Final = ("the file system has no inode left for another file", "Remove files (df -i), or choose another.")
#: What any library may meet, and no mistake of ours.
_LIMITS: t.Final = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)
_NO_THREADS: t.Final = "can't start new thread"

#: The extended attribute with the rights of further users and groups (acl(5)); what a file system says without one.
ACCESS_LIST: t.Final = "system.posix_acl_access"
_NO_LIST: t.Final = (errno.ENODATA, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class FileFailure(TrustmeshError):
    """A file could not be read or written."""


def failure(path: str, error: OSError) -> FileFailure:
    """Return what an ``OSError`` means for ``path``: the cause and the remedy."""
    problem, remedy = _REMEDIES.get(error.errno or 0, (error.strerror or type(error).__name__, None))
    if error.errno == errno.ENOSPC and _lacks_inodes(path):
        problem, remedy = _NO_INODES
    return FileFailure(problem, field=path, remedy=remedy)


def at_limit(error: OSError) -> bool:
    """Tell whether a system call failed at a limit of this host, whatever it was for."""
    return error.errno in _LIMITS


def unforeseen(error: Exception) -> TrustmeshError:
    """Return what an exception means that nobody expected: a limit of this host is reached, or we made a mistake."""
    if isinstance(error, OSError) and at_limit(error):
        return failure(str(error.filename or "files"), error)
    if isinstance(error, MemoryError):
        problem, remedy = _REMEDIES[errno.ENOMEM]
        return TrustmeshError(problem, remedy=remedy)
    if isinstance(error, RuntimeError) and str(error) == _NO_THREADS:
        return TrustmeshError(
            "the limit for processes and threads is reached",
            remedy="Raise it (ulimit -u, TasksMax= of a service, pids.max of a container), and run again.",
        )
    return Defect.of(error)


def _lacks_inodes(path: str) -> bool:
    """Tell whether a file system has room for content and none for names."""
    at = os.path.abspath(path)
    while True:
        try:
            found = os.statvfs(at)
        except OSError:
            if at == "/":
                return False
            at = os.path.dirname(at)
        else:
            return bool(found.f_files and found.f_bavail) and not found.f_favail


@contextlib.contextmanager
def named_failure(path: str) -> Iterator[None]:
    """Turn an ``OSError`` into a failure that names the path, the cause and the remedy."""
    try:
        yield
    except OSError as error:
        raise failure(path, error) from None


def kind_of(status: os.stat_result) -> str:
    """Name what kind of file there is, as a message does."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "a regular file")


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

    @classmethod
    def of(cls, status: os.stat_result) -> Attributes:
        """Return those of a file that is there, as far as this process can give them; else a file of its own."""
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if os.geteuid() == 0 or (status.st_uid == os.geteuid() and status.st_gid in (os.getegid(), *os.getgroups())):
            return cls(status.st_uid, status.st_gid, mode)
        return cls(mode=0o600)

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

    def give(self, descriptor: int) -> None:
        """Set them on an open file or directory, whatever the umask, so that nobody beside them has a right to it."""
        _drop_list(descriptor)
        if self.uid is not None or self.gid is not None:
            os.chown(descriptor, -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid)
        os.chmod(descriptor, self.mode)


def _drop_list(descriptor: int) -> None:
    """Take away the access control list (acl(5)) that the owner of the directory above wants new files to have."""
    if not hasattr(os, "removexattr"):
        return
    try:
        os.removexattr(descriptor, ACCESS_LIST)
    except OSError as error:
        if error.errno not in _NO_LIST:
            raise


#: Of a directory that everybody may pass and its owner alone may write.
OPEN_DIRECTORY: t.Final = Attributes(mode=0o755)


def octal_mode(value: str, name: str) -> int:
    """Return permission bits from an octal text; raises :class:`InvalidInput` naming ``name``."""
    if not re.fullmatch(r"(0o?)?[0-7]{3,4}", str(value)):
        raise InvalidInput(f"{value!r} is not an octal mode", field=name, remedy='Quote it, for example "0640".')
    mode = int(str(value).replace("o", ""), 8)
    strange = "" if str(value)[0] == "0" else _strange(mode >> 6 & 7, mode >> 3 & 7, mode & 7)
    if strange:
        raise InvalidInput(f"{value!r} {strange}", field=name, remedy='Quote it with its zero, as in "0640".')
    return mode


def _strange(owner: int, group: int, others: int) -> str:
    """Return what nobody means: YAML reads 0640 without quotes as the number 416, which arrives as a text."""
    if group & ~owner or others & ~group:
        return "allows others more than the owner"
    if not owner & 4:
        return "does not let the owner read"
    return "lets others execute what they cannot read" if not owner & 2 and group & 5 == 1 else ""


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
