# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What a git repository holds: the files of its working tree, and everything that ever was in its history.

Nothing of the repository is executed or changed: no hook, no filter, no watcher, no signature program, no lock, no
fetch. Plumbing commands are used, which read few settings, and every setting that names a program or hides something
is overruled. git's own refusal of repositories that belong to somebody else stays in force.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._core.errors import TrustmeshError
from .._core.examining import real_path
from .._core.programs import Finished, ProgramFailure, conversation, environment, run
from .._core.reading import exists

#: A repository's own configuration may set any of these (git-config(1)); the command line comes last.
_SETTINGS: t.Final = {
    # What names a program.
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "core.editor": "false",
    "core.pager": "cat",
    "core.gitProxy": "false",
    "core.alternateRefsCommand": "false",
    "credential.helper": "",
    "diff.external": "",
    "gpg.program": "false",
    "gpg.openpgp.program": "false",
    "gpg.x509.program": "false",
    "gpg.ssh.program": "false",
    "gpg.ssh.defaultKeyCommand": "false",
    "log.showSignature": "false",
    "protocol.allow": "never",
    # What makes git overlook commits or files: caches that somebody else may have written.
    "core.commitGraph": "false",
    "core.multiPackIndex": "false",
    "core.untrackedCache": "false",
    "core.ignoreCase": "false",
    "diff.ignoreSubmodules": "none",
    "submodule.recurse": "false",
}
#: For git itself: no replaced objects, no grafted parents, no locks, no questions, no network.
_VARIABLES: t.Final = {
    "LC_ALL": "C",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_RAW: t.Final = re.compile(rb"\n?:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])\d*")
_COMMIT: t.Final = re.compile(rb"[0-9a-f]{40,64}")
_REGULAR: t.Final = (b"100644", b"100755", b"120000")
_MOST_SECONDS: t.Final = 600
_PATIENCE: t.Final = 60
_PIECE: t.Final = 1 << 20


class GitFailure(TrustmeshError):
    """git did not do what it was asked."""


#: Who made a commit or a tag; when that was is left out.
_PERSON: t.Final = re.compile(rb"(?:author|committer|tagger) (?P<who>.*>)")


@dataclass(frozen=True)
class Blob:
    """One version of one file, and the commit that brought it first; the name of a reference for what has no commit."""

    identity: str
    path: str
    commit: str


#: Returns kind and content of an object by its identity; no content for one that is too large.
Read = t.Callable[[str], tuple[str, t.Optional[bytes]]]


class Repository:
    """A git repository at a path on this host."""

    def __init__(self, path: str) -> None:
        self.path = path

    def is_git(self) -> bool:
        """Tell whether it is one; a plain directory has no history."""
        return exists(os.path.join(self.path, ".git")) or exists(os.path.join(self.path, "HEAD"))

    def is_bare(self) -> bool:
        """Tell whether it has no working tree; what its configuration says of that (core.bare) does not count."""
        return not exists(os.path.join(self.path, ".git"))

    def is_shallow(self) -> bool:
        """Tell whether a part of the history was not cloned."""
        return self._text("rev-parse", "--is-shallow-repository") == "true"

    def is_partial(self) -> bool:
        """Tell whether objects were left on a server until they are needed; reading them would fetch them."""
        pattern = r"^(remote\..*\.(promisor|partialclonefilter)|extensions\.partialclone)$"
        done = self._run("config", "--get-regexp", pattern, accept=(0, 1))
        return done.strip() != b""

    def tracked_and_new(self) -> list[str]:
        """Return the files of the working tree that are committed or would be by ``git add --all``."""
        listed = self._in_tree("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return sorted({os.fsdecode(name) for name in listed.split(b"\0") if name})

    def not_ignored(self, names: Sequence[str]) -> list[str]:
        """Return those of some names that git would add."""
        if not names:
            return []
        given = b"\0".join(os.fsencode(name) for name in names) + b"\0"
        ignored = self._in_tree("check-ignore", "-z", "--no-index", "--stdin", accept=(0, 1), given=given)
        return [name for name in names if os.fsencode(name) not in ignored.split(b"\0")]

    def commits(self) -> list[str]:
        """Return every commit that any reference reaches, or any stash, the oldest first.

        Only the newest stash has a reference; the others are kept in its log.
        """
        stashes = self._run("log", "--walk-reflogs", "--format=%H", "refs/stash", "--", accept=(0, 128)).decode("ascii")
        return self._text("rev-list", "--all", "--reverse", *stashes.split()).split()

    def history(self, commits: Sequence[str]) -> Iterator[Blob]:
        """Yield every version of every file of some commits, each once, with the first commit that has it.

        Merges are compared with every parent, so that what only a merge brought is seen too.
        """
        seen: set[bytes] = set()
        commit = ""
        given = "".join(f"{entry}\n" for entry in commits).encode("ascii")
        argv = ("diff-tree", "--stdin", "--raw", "-r", "-m", "--root", "--no-renames", "--no-abbrev", "--no-ext-diff",
                "--no-textconv", "--ignore-submodules=none", "-z")  # fmt: skip
        tokens = iter(self._run(*argv, given=given).split(b"\0"))
        for token in tokens:
            entry = _RAW.fullmatch(token)
            if entry is None:
                found = _COMMIT.match(token.strip())
                commit = found.group().decode("ascii") if found else commit
                continue
            path, identity = next(tokens, b""), entry.group(4)
            if entry.group(2) in _REGULAR and identity.strip(b"0") and identity + path not in seen:
                seen.add(identity + path)
                yield Blob(identity.decode("ascii"), os.fsdecode(path), commit)

    def beside_commits(self, read: Read) -> Iterator[tuple[str, str, t.Optional[bytes]]]:
        """Yield what references name beside commits: reference, path (empty for the text of a tag), content.

        Files and trees that were put in the place of others (git-replace(1)) are such.
        """
        for line in self._text("for-each-ref", "--format=%(objecttype) %(objectname) %(refname)").splitlines():
            kind, identity, name = line.split(" ", 2)
            seen: set[str] = set()
            while kind == "tag" and identity not in seen:
                seen.add(identity)
                content = read(identity)[1]
                head = (content or b"").partition(b"\n\n")[0]
                yield name, "", None if content is None else self.message(content)
                yield name, "", None if content is None else self.people(content)
                about = dict(entry.split(b" ", 1) for entry in head.split(b"\n") if b" " in entry)
                kind, identity = (about.get(field, b"").decode("ascii", "replace") for field in (b"type", b"object"))
            if kind == "blob":
                yield name, name, read(identity)[1]
            elif kind == "tree":
                for held, path in self._tree(identity):
                    yield name, path, read(held)[1]

    def _tree(self, identity: str) -> Iterator[tuple[str, str]]:
        """Yield identity and path of every file of a tree."""
        for entry in self._run("ls-tree", "-r", "-z", "--full-tree", identity).split(b"\0"):
            about, _tab, path = entry.partition(b"\t")
            if about.startswith(_REGULAR):
                yield about.split()[2].decode("ascii"), os.fsdecode(path)

    @staticmethod
    def message(commit: bytes) -> bytes:
        """Return the message in the content of a commit."""
        return commit.partition(b"\n\n")[2]

    @staticmethod
    def people(content: bytes) -> bytes:
        """Return each name and address above the message of a commit or a tag, one a line."""
        lines = content.partition(b"\n\n")[0].split(b"\n")
        return b"\n".join(dict.fromkeys(found["who"] for found in map(_PERSON.match, lines) if found))

    @contextlib.contextmanager
    def reader(self, largest: int) -> Iterator[Read]:
        """Yield a function that reads objects; content that is larger than ``largest`` is left out."""
        argv = self._argv("cat-file", "--batch")
        with conversation(argv, _environment(self.path), remedy="Install the package git.") as (questions, answers):

            def read(identity: str) -> tuple[str, t.Optional[bytes]]:
                questions.write(f"{identity}\n".encode("ascii"))
                questions.flush()
                if not select.select([answers], [], [], _PATIENCE)[0]:
                    raise GitFailure(f"git does not read object {identity}", remedy="Scan a fresh clone of it.")
                about = answers.readline().split()
                if len(about) != 3:
                    raise GitFailure(f"object {identity} is missing", remedy="Repair the repository (git fsck).")
                kind, size = about[1].decode("ascii"), int(about[2])
                if size > largest:
                    for start in range(0, size + 1, _PIECE):
                        answers.read(min(_PIECE, size + 1 - start))
                    return kind, None
                return kind, answers.read(size + 1)[:-1]

            yield read

    def _text(self, *arguments: str) -> str:
        return self._run(*arguments).decode("utf-8", "replace").strip()

    def _in_tree(self, *arguments: str, accept: Sequence[int] = (0,), given: bytes = b"") -> bytes:
        """Run git on the working tree at this path, whatever tree the repository's configuration names."""
        return self._run(f"--work-tree={self.path}", *arguments, accept=accept, given=given)

    def _argv(self, *arguments: str) -> list[str]:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return ["git", *settings, "-C", self.path, "--no-pager", *arguments]

    def _run(self, *arguments: str, accept: Sequence[int] = (0,), given: bytes = b"") -> bytes:
        argv = self._argv(*arguments)
        try:
            done = run(argv, _environment(self.path), _MOST_SECONDS, given=given, remedy="Install the package git.")
        except ProgramFailure as failure:
            raise GitFailure(failure.problem, remedy=failure.remedy) from None
        if done.status not in accept:
            raise GitFailure(_git_message(done), remedy=_remedy(done.complaints))
        return done.output


def _git_message(done: Finished) -> str:
    line = done.complaints[0] if done.complaints else done.complaint
    return f"git: {re.sub(r'^(fatal|error): ', '', line)}"


def _remedy(said: Sequence[str]) -> str:
    if any("dubious ownership" in line for line in said):
        return "Run as its owner (become_user): the configuration of a repository may name programs to run."
    return "See what git says of it."


def _environment(path: str) -> dict[str, str]:
    """Return an environment in which git looks at the given repository alone, asks nobody, and writes nothing."""
    # SUDO_UID: git takes a repository of the user who called sudo for one of root's own.
    ceiling = os.path.dirname(real_path(path))
    return environment("SUDO_UID", "XDG_CONFIG_HOME", GIT_CEILING_DIRECTORIES=ceiling, **_VARIABLES)
