# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a git repository holds: the files of its working tree, and everything that ever was in its history.

Nothing of the repository is executed or changed: no hook, no filter, no watcher, no lock, no fetch. git's own refusal
of repositories that belong to somebody else stays in force, because their configuration may name programs.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._core.errors import TrustmeshError, certain

_SETTINGS: t.Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")
_RAW: t.Final = re.compile(rb"\n?:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])\d*")
_REGULAR: t.Final = (b"100644", b"100755", b"120000")
_DEADLINE: t.Final = 600
_PIECE: t.Final = 1 << 20


class GitFailure(TrustmeshError):
    """git did not do what it was asked."""


@dataclass(frozen=True)
class Blob:
    """One version of one file, and the commit that brought it first."""

    identity: str
    path: str
    commit: str


class Repository:
    """A git repository at a path on this host."""

    def __init__(self, path: str) -> None:
        self.path = path

    def is_git(self) -> bool:
        """Tell whether it is one; a plain directory has no history."""
        return os.path.lexists(os.path.join(self.path, ".git")) or os.path.isfile(os.path.join(self.path, "HEAD"))

    def is_bare(self) -> bool:
        """Tell whether it has no working tree."""
        return self._text("rev-parse", "--is-bare-repository") == "true"

    def is_shallow(self) -> bool:
        """Tell whether a part of the history was not cloned."""
        return self._text("rev-parse", "--is-shallow-repository") == "true"

    def is_partial(self) -> bool:
        """Tell whether objects were left on a server until they are needed; reading them would fetch them."""
        done = self._run("config", "--get-regexp", r"^remote\..*\.promisor$", accept=(0, 1))
        return done.strip() != b""

    def tracked_and_new(self) -> list[str]:
        """Return the files of the working tree that are committed or would be by ``git add --all``."""
        listed = self._run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return sorted({os.fsdecode(name) for name in listed.split(b"\0") if name})

    def not_ignored(self, names: Sequence[str]) -> list[str]:
        """Return those of some names that git would add."""
        if not names:
            return []
        given = b"\0".join(os.fsencode(name) for name in names) + b"\0"
        ignored = self._run("check-ignore", "-z", "--no-index", "--stdin", accept=(0, 1), given=given)
        return [name for name in names if os.fsencode(name) not in ignored.split(b"\0")]

    def history(self) -> Iterator[Blob]:
        """Yield every version of every file that any reference reaches, the oldest first, each once.

        Merges are compared with every parent, so that what only a merge brought is seen too.
        """
        seen: set[bytes] = set()
        commit = ""
        tokens = iter(
            self._run(
                "log", "--all", "--reverse", "--raw", "--no-abbrev", "--root", "-m", "--no-renames", "-z",
                "--format=commit %H",
            ).split(b"\0")
        )  # fmt: skip
        for token in tokens:
            entry = _RAW.fullmatch(token)
            if entry is None:
                commit = token.decode("ascii", "replace").strip().partition("commit ")[2] or commit
                continue
            path, identity = next(tokens, b""), entry.group(4)
            if entry.group(2) in _REGULAR and identity.strip(b"0") and identity + path not in seen:
                seen.add(identity + path)
                yield Blob(identity.decode("ascii"), os.fsdecode(path), commit)

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Yield commit and message of every commit that any reference reaches."""
        tokens = self._run("log", "--all", "--reverse", "-z", "--format=%H%n%B").split(b"\0")
        for token in filter(None, tokens):
            commit, _newline, message = token.partition(b"\n")
            yield commit.decode("ascii"), message

    @contextlib.contextmanager
    def reader(self, largest: int) -> Iterator[t.Callable[[str], t.Optional[bytes]]]:
        """Yield a function from the identity of a blob to its content, ``None`` when it is larger than ``largest``."""
        with subprocess.Popen(  # pylint: disable=ansible-bad-function
            self._argv("cat-file", "--batch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        ) as process:
            questions, answers = certain(process.stdin), certain(process.stdout)

            def read(identity: str) -> t.Optional[bytes]:
                questions.write(f"{identity}\n".encode("ascii"))
                questions.flush()
                about = answers.readline().split()
                if len(about) != 3:
                    raise GitFailure(f"object {identity} is missing", remedy="Repair the repository (git fsck).")
                size = int(about[2])
                if size > largest:
                    for start in range(0, size + 1, _PIECE):
                        answers.read(min(_PIECE, size + 1 - start))
                    return None
                return answers.read(size + 1)[:-1]

            yield read

    def _text(self, *arguments: str) -> str:
        return self._run(*arguments).decode("utf-8", "replace").strip()

    def _argv(self, *arguments: str) -> list[str]:
        return ["git", *_SETTINGS, "-C", self.path, "--no-pager", *arguments]

    def _run(self, *arguments: str, accept: Sequence[int] = (0,), given: t.Optional[bytes] = None) -> bytes:
        try:
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                self._argv(*arguments),
                input=given if given is not None else b"",
                capture_output=True,
                check=False,
                env=_environment(),
                timeout=_DEADLINE,
            )
        except FileNotFoundError:
            raise GitFailure("git is not installed on this host", remedy="Install the package git.") from None
        except subprocess.TimeoutExpired:
            raise GitFailure(f"git took longer than {_DEADLINE} s", remedy="Scan a clone of it elsewhere.") from None
        if done.returncode not in accept:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitFailure(_told(said[0] if said else f"status {done.returncode}"), remedy=_remedy(said))
        return done.stdout


def _told(line: str) -> str:
    return f"git: {re.sub(r'^(fatal|error): ', '', line)}"


def _remedy(said: Sequence[str]) -> str:
    if any("dubious ownership" in line for line in said):
        return "Run as its owner (become_user): the configuration of a repository may name programs to run."
    return "See what git says of it."


def _environment() -> dict[str, str]:
    """Return an environment in which git looks at the given repository alone, asks nobody, and writes nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
