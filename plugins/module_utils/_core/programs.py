# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Foreign programs: the only place that starts one.

A program gets an environment that is made for it: what any session has, and the variables that its caller names. The
rest of ours stays here, because it may hold tokens and because settings such as ``GIT_DIR`` would change what the
program does. It is found on absolute directories of ``PATH`` alone, so that a file of the working directory never runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .errors import TrustmeshError, certain

#: What a program may expect of any session.
_INHERITED: t.Final = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER")
_USUAL_PATH: t.Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ProgramFailure(TrustmeshError):
    """A program could not be started, or did not end in time."""


@dataclass(frozen=True)
class Finished:
    """What a program left when it ended."""

    status: int
    output: bytes
    complaints: tuple[str, ...]

    @property
    def complaint(self) -> str:
        """The last line of what it complained about, or its status."""
        return self.complaints[-1] if self.complaints else f"status {self.status}"


def environment(*names: str, **settings: str) -> dict[str, str]:
    """Return an environment for a program: the usual variables and those of ``names`` from ours, and ``settings``."""
    kept = {name: os.environ[name] for name in (*_INHERITED, *names) if name in os.environ}
    path = [entry for entry in kept.get("PATH", "").split(os.pathsep) if os.path.isabs(entry)]
    return {**kept, "PATH": os.pathsep.join(path) or _USUAL_PATH, **settings}


def find(program: str, variables: Mapping[str, str]) -> str | None:
    """Return the path of a program on the ``PATH`` of an environment; ``None`` when there is none."""
    return shutil.which(program, path=variables.get("PATH"))


def run(
    argv: Sequence[str], variables: Mapping[str, str], seconds: float, *, given: bytes = b"", remedy: str | None = None
) -> Finished:
    """Run a program to its end; raises :class:`ProgramFailure`, with ``remedy`` for a program that is not there.

    After ``seconds`` the program is killed.
    """
    with _named(argv[0], remedy):
        try:
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                list(argv), input=given, capture_output=True, check=False, env=dict(variables), timeout=seconds
            )
        except subprocess.TimeoutExpired:
            raise ProgramFailure(
                f"{_name(argv)} took longer than {seconds:g} s", remedy="See what it waits for."
            ) from None
    complaints = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return Finished(done.returncode, done.stdout, tuple(complaints))


@contextlib.contextmanager
def conversation(
    argv: Sequence[str], variables: Mapping[str, str], *, remedy: str | None = None
) -> Iterator[tuple[t.IO[bytes], t.IO[bytes]]]:
    """Run a program that answers line by line; yield its input and its output, and end it afterwards."""
    with _named(argv[0], remedy):
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function,consider-using-with
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(variables),
        )
    try:
        yield certain(process.stdin), certain(process.stdout)
    finally:
        process.kill()
        with contextlib.suppress(BrokenPipeError):
            process.communicate()


def start_session(
    argv: Sequence[str], executable: str | None, directory: str, variables: Mapping[str, str], log: int
) -> int:
    """Start a program in a session of its own, its output appended to a descriptor; return its process id."""
    # run_command waits for what it starts; this has to outlive the module.
    child = subprocess.Popen(  # pylint: disable=ansible-bad-function,consider-using-with
        argv,
        executable=executable,
        cwd=directory,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    # Without this the destructor would warn that it still runs.
    child.returncode = 0
    return child.pid


@contextlib.contextmanager
def _named(program: str, remedy: str | None) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ProgramFailure(f"there is no program {program} on this host", remedy=remedy) from None
    except OSError as error:
        raise ProgramFailure(f"{program} cannot be started: {error.strerror}", remedy=remedy) from None


def _name(argv: Sequence[str]) -> str:
    return os.path.basename(argv[0])
