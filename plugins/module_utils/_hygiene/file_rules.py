# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The rules that secret files have to keep: a table of pure checks."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .._core.files import group_name, user_name
from .file_facts import DirectoryFacts, FileFacts, TreeFacts
from .finding import Finding, spell_path


@dataclass(frozen=True)
class AuditPolicy:
    """What is declared of the files below one path."""

    root: str
    #: The permissions that a secret file may have at most.
    mode: int = 0o600
    uid: t.Optional[int] = None
    gid: t.Optional[int] = None
    #: The permissions that a directory with secret files may have at most; ``None`` leaves that open.
    directory_mode: t.Optional[int] = None
    #: Where private keys may be; ``None`` for anywhere.
    key_directories: t.Optional[tuple[str, ...]] = None
    encrypted_keys: bool = False


Check = Callable[[FileFacts, AuditPolicy, TreeFacts], t.Iterable[str]]


@dataclass(frozen=True)
class Rule:
    """One check: yields a sentence per violation."""

    name: str
    severity: str
    check: Check
    remedy: str
    #: The repair that removes the violation, if there is one.
    repair: t.Optional[str] = None


def _open_to_all(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.kind == "file" and it.mode & 0o007 & ~policy.mode:
        rights = [name for bit, name in ((4, "read"), (2, "write"), (1, "run")) if it.mode & bit]
        yield f"everybody on the host can {' and '.join(rights)} it (mode {it.mode:04o})"


def _mode(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.kind == "file" and it.mode & ~policy.mode and not it.mode & 0o007 & ~policy.mode:
        yield f"its mode is {it.mode:04o}, more than {policy.mode:04o}"


def _owner(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.kind == "file" and policy.uid is not None and it.uid != policy.uid:
        yield f"its owner is {user_name(it.uid)} and not {user_name(policy.uid)}"
    if it.kind == "file" and policy.gid is not None and it.gid != policy.gid:
        yield f"its group is {group_name(it.gid)} and not {group_name(policy.gid)}"


def _access_list(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.let_in:
        yield f"its access list lets in {', '.join(it.let_in)}"


def _hard_link(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    inside = tree.names[it.identity]
    if it.kind == "file" and it.links > inside:
        yield f"it has {it.links - inside} more names outside of {policy.root}"


def _link(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.kind == "link" and it.target is None:
        yield "it is a symbolic link that leads nowhere: a user who can write there decides what is read"
    elif it.kind == "link" and it.target is not None and not _within(it.target, tree.real_root or policy.root):
        yield f"it is a symbolic link that leads out, to {it.target}"


def _stray(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    places = policy.key_directories
    if it.key and places is not None and not any(_within(it.path, place) for place in places):
        yield f"it holds a private key outside of {', '.join(places) or 'every allowed place'}"


def _plain_key(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.key == "plain" and policy.encrypted_keys:
        yield "it holds a private key that is not encrypted"


def _forbidden(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.forbidden:
        yield "no file of this name may be here"


def _backup(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.backup:
        yield "it is a copy that an editor, a package manager or a person left behind"


def _archive(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    if it.members:
        others = f" and {len(it.members) - 3} more" if len(it.members) > 3 else ""
        yield f"it is an archive with secret files in it: {', '.join(it.members[:3])}{others}"


def _path(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    """Whoever can write to a directory on the way can put another file in the place of this one."""
    for place in _way(it, tree):
        sticky = place.mode & 0o1000
        if place.uid not in (0, it.uid):
            yield f"{place.path} on its way belongs to {user_name(place.uid)}, who can put another file in its place"
        elif place.mode & 0o002 and not sticky:
            yield f"{place.path} on its way is writable by everybody"
        elif place.mode & 0o020 and not sticky and place.gid not in (0, it.gid):
            yield f"{place.path} on its way is writable by the group {group_name(place.gid)}"


def _directory(it: FileFacts, policy: AuditPolicy, tree: TreeFacts) -> Iterator[str]:
    place = next(_way(it, tree), None)
    if policy.directory_mode is not None and place is not None and place.mode & ~policy.directory_mode & 0o777:
        yield f"its directory has mode {place.mode:04o}, more than {policy.directory_mode:04o}"


def _way(it: FileFacts, tree: TreeFacts) -> Iterator[DirectoryFacts]:
    """Yield the directories from the one that holds a file up to the root."""
    path = os.path.dirname(os.path.abspath(it.path))
    while True:
        if path in tree.directories:
            yield tree.directories[path]
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


RULES: t.Final[tuple[Rule, ...]] = (
    Rule("open-to-all", "critical", _open_to_all, "Take the rights away, and replace the secret.", "mode"),
    Rule("mode", "high", _mode, "Take the rights away.", "mode"),
    Rule("owner", "high", _owner, "Give it to the right owner.", "owner"),
    Rule("access-list", "high", _access_list, "Remove the entries (setfacl --remove-all)."),
    Rule("path", "high", _path, "Let only root and the owner of the file write to that directory."),
    Rule("directory", "medium", _directory, "Take the rights of others to the directory away."),
    Rule("link", "high", _link, "Put the file itself there, or remove the link."),
    Rule("hard-link", "medium", _hard_link, "Find the other names (find -samefile) and remove them."),
    Rule("stray-key", "high", _stray, "Move the key to its place, or destroy it and the certificates that go with it."),
    Rule("plain-key", "high", _plain_key, "Encrypt it with a passphrase."),
    Rule("forbidden", "high", _forbidden, "Remove it, and hand its values over in the environment or as credentials."),
    Rule("backup", "medium", _backup, "Remove it."),
    Rule("archive", "high", _archive, "Encrypt it, or leave secrets out of it."),
)  # fmt: skip


def judge(tree: TreeFacts, policy: AuditPolicy) -> Iterator[tuple[Rule, FileFacts, Finding]]:
    """Yield every violation with its rule and its file; pure."""
    for it in tree.files:
        path = spell_path(it.path)
        for rule in RULES:
            for sentence in rule.check(it, policy, tree):
                problem = f"{path}: {spell_path(sentence)}"
                yield rule, it, Finding(rule.name, rule.severity, path, problem, rule.remedy)
