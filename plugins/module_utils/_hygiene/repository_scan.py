# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets in repositories: the working tree, every version in the history, and the messages of commits.

A secret that was removed from the tree is still in everybody's clone, so the history counts as much as the tree. One
secret in one file is one finding, however many versions hold it; it tells the commit that brought it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._core.errors import InvalidInput, TrustmeshError
from .._core.reading import is_directory, link_text, read_file, status, walk
from .._core.spec import Options
from .content import texts_of
from .finding import Allowances, Finding, is_open, rank, spell_path, summarise, with_failures
from .paths import path_pattern
from .repository import Repository
from .scanner import Detected, Scanner, fingerprints

_COMMON: t.Final[Options] = {
    "history": {"type": "bool", "default": True},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "must_ignore": {"type": "list", "elements": "str", "default": [".env", ".env.local"]},
    "largest_file": {"type": "int", "default": 1 << 20},
}
ITEM_OPTIONS: t.Final[Options] = {"path": {"type": "path", "required": True}, **_COMMON}
SHARED: t.Final = tuple(_COMMON)

_MESSAGE: t.Final = "(message)"
_TOO_LARGE: t.Final = "larger than largest_file"
_IN_TREE: t.Final = "Take it out of the file, replace the secret because it is known, and clean the history."
_IN_HISTORY: t.Final = "Replace the secret: everybody who cloned the repository has it. Then clean the history."
_COMMIT: t.Final = re.compile(r"[0-9a-f]{40,64}")
_Key = tuple[str, str, str]


@dataclass
class _Seen:
    """What was found in one repository so far, and what was looked at."""

    files: int = 0
    versions: int = 0
    commits: int = 0
    unread: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    #: By rule, path and secret: the finding without its fingerprint.
    found: dict[_Key, Finding] = field(default_factory=dict)
    #: By path and digest of the content: what scanning it found.
    known: dict[tuple[str, bytes], tuple[_Key, ...]] = field(default_factory=dict)
    #: By path and hash of a line: what was found in it, in whatever version.
    lines: dict[str, dict[int, tuple[_Key, ...]]] = field(default_factory=dict)
    complete: bool = True

    def skip(self, why: str) -> None:
        """Count a file that was not looked into."""
        self.unread[why] = self.unread.get(why, 0) + 1
        self.complete = False


class RepositoryScan:
    """Scans repositories with one scanner."""

    def __init__(self, scanner: Scanner, allowances: Allowances, max_findings: int) -> None:
        self._scanner = scanner
        self._allowances = allowances
        self._max_findings = max_findings

    def run(self, items: Sequence[Mapping[str, t.Any]]) -> dict[str, t.Any]:
        """Return the facts of the module: a result per repository, a summary, and a message when one failed."""
        results = [self._result(item) for item in items]
        allowances = self._allowances.shown()
        facts = {"results": results, "allowances": allowances, "summary": summarise(results, allowances)}
        return with_failures(facts)

    def _result(self, item: Mapping[str, t.Any]) -> dict[str, t.Any]:
        seen = _Seen()
        try:
            self._look(item, seen)
        except TrustmeshError as error:
            return {"item": item["path"], "failed": True, "msg": str(error)}
        seen.problems += [
            f"{count} files or versions were not looked into: {why}" for why, count in sorted(seen.unread.items())
        ]
        told, any_open = self._told(seen)
        return {
            "item": item["path"],
            "ok": not seen.problems and not any_open,
            "problems": [*seen.problems, *(finding.problem for finding in told if is_open(finding))],
            "findings": [finding.shown() for finding in told],
            "files": seen.files,
            "versions": seen.versions,
            "commits": seen.commits,
            "unread": dict(sorted(seen.unread.items())),
            "complete": seen.complete and len(told) == len(seen.found),
        }

    def _told(self, seen: _Seen) -> tuple[list[Finding], bool]:
        """Return the findings that are told, open ones first and the worst first, and whether any at all is open.

        A fingerprint takes long on purpose. So only those are made on which something depends.
        """
        depend = (key[2] for key, found in seen.found.items() if self._allowances.need_fingerprint(found))
        made = fingerprints(depend)
        judged = [
            (key[2], self._allowances.judge([replace(found, fingerprint=made.get(key[2]))])[0])
            for key, found in seen.found.items()
        ]
        judged.sort(key=lambda entry: (not is_open(entry[1]), rank(entry[1])))
        told = judged[: self._max_findings]
        made.update(fingerprints(secret for secret, _found in told if secret not in made))
        any_open = bool(judged) and is_open(judged[0][1])
        return [replace(found, fingerprint=made[secret]) for secret, found in told], any_open

    def _look(self, item: Mapping[str, t.Any], seen: _Seen) -> None:
        repository = Repository(item["path"])
        if not is_directory(repository.path):
            raise InvalidInput("there is no such directory on this host", field="path")
        excluded = path_pattern(item["exclude"])

        def wanted(path: str) -> bool:
            return excluded is None or not excluded.fullmatch(path)

        is_git = repository.is_git()
        has_tree = not is_git or not repository.is_bare()
        if item["history"] and not is_git:
            raise InvalidInput(
                "is not a git repository", field="path", remedy="Set history to false to search a plain directory."
            )
        if has_tree:
            names = repository.tracked_and_new() if is_git else _files_below(repository.path)
            self._tree(repository.path, [name for name in names if wanted(name)], item["largest_file"], seen)
        if is_git and has_tree:
            seen.problems += [
                f"git would add {name}; it belongs in .gitignore"
                for name in repository.not_ignored(item["must_ignore"])
            ]
        if item["history"]:
            self._history(repository, wanted, item["largest_file"], seen)

    def _tree(self, root: str, names: Sequence[str], largest: int, seen: _Seen) -> None:
        for name in names:
            path = os.path.join(root, name)
            found = status(path)
            if found is None:  # removed, and not yet committed
                continue
            if stat.S_ISLNK(found.st_mode):
                content: t.Optional[bytes] = os.fsencode(link_text(path) or "")
            elif stat.S_ISDIR(found.st_mode):
                seen.skip("a repository of its own, to be searched by itself")
                continue
            elif not stat.S_ISREG(found.st_mode):
                seen.skip("not a regular file")
                continue
            else:
                seen.files += 1
                content = read_file(path, limit=largest) if found.st_size <= largest else None
            self._version(name, content, "", seen)

    def _history(self, repository: Repository, wanted: Callable[[str], bool], largest: int, seen: _Seen) -> None:
        if repository.is_partial():
            raise InvalidInput(
                "is a partial clone, whose history lies on a server", field="path", remedy="Scan a full clone."
            )
        if repository.is_shallow():
            seen.problems.append("the clone is shallow: what happened before its first commit was not seen")
            seen.complete = False
        commits = repository.commits()
        seen.commits += len(commits)
        with repository.reader(largest) as read:
            for blob in repository.history(commits):
                if wanted(blob.path):
                    seen.versions += 1
                    self._version(blob.path, read(blob.identity)[1], blob.commit, seen)
            for commit in commits:
                content = read(commit)[1]
                for part in (repository.message, repository.people):
                    self._version(_MESSAGE, None if content is None else part(content), commit, seen)
            for name, path, content in repository.beside_commits(read):
                if not path or wanted(path):
                    seen.versions += bool(path)
                    self._version(path or _MESSAGE, content, name, seen)

    def _version(self, path: str, content: t.Optional[bytes], commit: str, seen: _Seen) -> None:
        if content is None:
            seen.skip(_TOO_LARGE)
        else:
            self._scan(path, content, commit, seen)

    def _scan(self, path: str, content: bytes, commit: str, seen: _Seen) -> None:
        """Scan one text, or take what it gave the last time; what the tree has shown only learns its commit."""
        text = (path, hashlib.sha256(content).digest())
        if text not in seen.known:
            known = seen.lines.setdefault(path, {})
            scanned = self._scanner.scan(path, content, known)
            if scanned.unread is not None:
                seen.skip(scanned.unread)
            found = {(entry.rule, path, entry.secret): entry for entry in scanned.found}
            lines = [hash(line) for line in next(texts_of(content)).split("\n")]
            seen.known[text] = tuple(dict.fromkeys([*found, *(key for line in lines for key in known.get(line, ()))]))
            known.update((line, ()) for line in lines if line not in known)
            for key, entry in found.items():
                seen.found.setdefault(key, _finding(entry, path, commit))
                line = lines[min(entry.line, len(lines)) - 1]
                known[line] = tuple(dict.fromkeys([*known[line], key]))
        for key in seen.known[text]:
            if commit and not dict(seen.found[key].facts).get("commit"):
                seen.found[key] = _since(seen.found[key], commit)


def _finding(entry: Detected, path: str, commit: str) -> Finding:
    shown = spell_path(path)
    where = "message" if path == _MESSAGE else "history" if commit else "tree"
    brought_by = commit[:12] if _COMMIT.fullmatch(commit) else commit
    place = f"the message of {brought_by}" if where == "message" else shown
    return Finding(
        entry.rule,
        entry.severity,
        shown,
        f"{place}, line {entry.line}: {entry.title}" + (f", in commit {brought_by}" if where == "history" else ""),
        _IN_HISTORY if commit else _IN_TREE,
        line=entry.line,
        facts=(("where", where), ("commit", commit or None)),
    )


def _since(finding: Finding, commit: str) -> Finding:
    facts = {**dict(finding.facts), "commit": commit}
    return replace(finding, facts=tuple(facts.items()))


def _files_below(root: str) -> Iterator[str]:
    """Yield what is below a directory and is no directory, by its path from there."""
    for path, found in walk(root):
        name = os.path.relpath(path, root)
        if not stat.S_ISDIR(found.st_mode) and ".git" not in name.split(os.sep):
            yield name
