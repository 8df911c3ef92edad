# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The audit of secret files below one path; what may be repaired is a plan like any other."""

from __future__ import annotations

import datetime
import os
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._core.examining import amend
from .._core.files import Attributes, octal_mode, user_name
from .._core.plan import Action, Change, Plan, Step
from .._core.resource import Resource
from .._core.spec import Options
from .file_facts import FileFacts, Names, TreeFacts, survey
from .file_rules import AuditPolicy, Rule, judge
from .finding import ALLOW, Allowances, Finding, is_open, spell_path
from .paths import path_pattern

#: Names of files that are secret by custom. Other names are found by the private key in the file.
SECRET_NAMES: t.Final = (
    "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*-key.pem", "*_key.pem", "key.pem", "privkey*.pem",
    "id_rsa", "id_ecdsa", "id_ed25519", ".env", ".env.*", "*.env", ".pgpass", ".netrc", ".git-credentials",
    ".vault-token", "secret-id", "secret_id", "*.secret", "*.token", "*.htpasswd", "vault_pass*", "*.credentials",
)  # fmt: skip
BACKUP_NAMES: t.Final = (
    "*~", "*.bak", "*.backup", "*.old", "*.orig", "*.save", "*.rpmsave", "*.rpmorig", "*.dpkg-old", "*.dpkg-dist",
    "*.swp", "*.swo", "#*#", "*.copy",
)  # fmt: skip
ARCHIVE_NAMES: t.Final = ("*.tar", "*.tar.*", "*.tgz", "*.tbz", "*.tbz2", "*.txz", "*.zip", "*.jar", "*.war")
_ENDING: t.Final = re.compile(
    r"(?:~|\.(?:bak|backup|old|orig|save|rpmsave|rpmorig|dpkg-old|dpkg-dist|swp|swo|copy)){1,16}\Z"
)

_COMMON: t.Final[Options] = {
    "names": {"type": "list", "elements": "str", "default": list(SECRET_NAMES)},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "forbidden": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str", "default": "0600"},
    "directory_mode": {"type": "str"},
    "key_directories": {"type": "list", "elements": "path", "no_log": False},
    "encrypted_keys": {"type": "bool", "default": False, "no_log": False},
    "archives": {"type": "bool", "default": False},
    "repair": {"type": "list", "elements": "str", "choices": ["mode", "owner"], "default": []},
}
ITEM_OPTIONS: t.Final[Options] = {"path": {"type": "path", "required": True}, **_COMMON, **ALLOW}
SHARED: t.Final = tuple(_COMMON)


@dataclass(frozen=True)
class _Judged:
    rule: Rule
    file: FileFacts
    finding: Finding


class FileAudit(Resource[TreeFacts]):
    """The secret files at or below one path."""

    kind = "file_secret_audit"
    noun = "audit"

    def __init__(
        self, policy: AuditPolicy, names: Names, repair: frozenset[str], allow: t.Any, now: datetime.datetime
    ) -> None:
        super().__init__(policy.root, None)
        self._policy = policy
        self._names = names
        self._repair = repair
        self._allow = allow
        self._now = now
        Allowances(allow, now)

    @classmethod
    def declared(cls, item: Mapping[str, t.Any], now: datetime.datetime) -> FileAudit:
        """Build from an item of the module; raises :class:`InvalidInput` naming the option."""
        attributes = Attributes.declared(item["owner"], item["group"], item["mode"])
        directory_mode = item["directory_mode"]
        places = item["key_directories"]
        policy = AuditPolicy(
            os.path.abspath(item["path"]),
            attributes.mode,
            attributes.uid,
            attributes.gid,
            None if directory_mode is None else octal_mode(directory_mode, "directory_mode"),
            None if places is None else tuple(os.path.abspath(place) for place in places),
            item["encrypted_keys"],
        )
        return cls(policy, _names(item), frozenset(item["repair"]), item["allow"], now)

    def read(self) -> TreeFacts:
        return survey(self._policy.root, self._names)

    def plan(self, current: TreeFacts | None, now: datetime.datetime) -> Plan:
        judged, allowances = self._judged(current)
        stale = tuple(
            f"the allowance of {entry['owner']} ({entry['reason']}) is {entry['verdict']}"
            for entry in allowances.shown()
            if entry["verdict"] != "used"
        )
        due = [entry for entry in judged if is_open(entry.finding) and entry.rule.repair in self._repair]
        mended: dict[Step, Change] = {}
        for entry in due:
            change, step = self._mended(entry)
            mended.setdefault(step, change)
        # Giving a file away drops none of its mode bits but those of privilege, so the order does not matter.
        return Plan(Action.UPDATE, tuple(mended.values()), tuple(mended), stale) if mended else Plan(warnings=stale)

    def _mended(self, entry: _Judged) -> tuple[Change, Step]:
        it, policy = entry.file, self._policy
        if entry.rule.repair == "mode":
            wanted = it.mode & policy.mode
            change = Change(f"{spell_path(it.path)} mode", f"{it.mode:04o}", f"{wanted:04o}", entry.finding.problem)
            return change, Step("chmod", it.path, (it.identity, wanted))
        uid = it.uid if policy.uid is None else policy.uid
        gid = it.gid if policy.gid is None else policy.gid
        before, after = (f"{user_name(user)}:{group}" for user, group in ((it.uid, it.gid), (uid, gid)))
        change = Change(f"{spell_path(it.path)} owner", before, after, entry.finding.problem)
        return change, Step("chown", it.path, (it.identity, uid, gid))

    def apply(self, plan: Plan) -> None:
        for step in plan.steps:
            identity, *wanted = step.body
            if step.verb == "chmod":
                amend(step.target, identity, mode=wanted[0])
            else:
                amend(step.target, identity, owner=(wanted[0], wanted[1]))

    def describe(self, current: TreeFacts | None) -> dict[str, t.Any]:
        if current is None:
            return {}
        judged, allowances = self._judged(current)
        findings = [entry.finding for entry in judged]
        return {
            "ok": not current.unread and not any(is_open(finding) for finding in findings),
            "examined": current.examined,
            "secret_files": sum(1 for it in current.files if it.key or it.secret_by_name),
            "findings": [finding.shown() for finding in findings],
            "allowances": allowances.shown(),
            "unread": dict(current.unread),
            "complete": not current.unread,
        }

    def _judged(self, current: TreeFacts | None) -> tuple[list[_Judged], Allowances]:
        allowances = Allowances(self._allow, self._now)
        if current is None:
            return [], allowances
        judged = [
            _Judged(rule, it, allowances.judge([finding])[0]) for rule, it, finding in judge(current, self._policy)
        ]
        order = {finding: at for at, finding in enumerate(allowances.judge(entry.finding for entry in judged))}
        return sorted(judged, key=lambda entry: order[entry.finding]), allowances


def _names(item: Mapping[str, t.Any]) -> Names:
    return Names(
        path_pattern([*item["names"], *item["forbidden"]]),
        path_pattern(item["forbidden"]),
        path_pattern(BACKUP_NAMES),
        path_pattern(item["exclude"]),
        _ENDING,
        path_pattern(ARCHIVE_NAMES) if item["archives"] else None,
    )
