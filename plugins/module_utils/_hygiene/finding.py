# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Findings, and what is allowed all the same.

An allowance says who answers for a finding, why, and until when. One that has run out allows nothing, and one that
allows nothing is told, so that a list of exceptions does not outlive its reasons.
"""

from __future__ import annotations

import datetime
import fnmatch
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .._core.errors import InvalidInput
from .._core.spec import Options
from .shapes import SEVERITIES

ALLOWANCE_OPTIONS: t.Final[Options] = {
    "rule": {"type": "str"},
    "path": {"type": "str"},
    "fingerprint": {"type": "str"},
    "owner": {"type": "str", "required": True},
    "reason": {"type": "str", "required": True},
    "expires": {"type": "str", "required": True},
}
ALLOW: t.Final[Options] = {
    "allow": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": ALLOWANCE_OPTIONS,
        "required_one_of": [("rule", "path", "fingerprint")],
    }
}


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be; nothing secret is in it."""

    rule: str
    severity: str
    path: str
    problem: str
    remedy: str
    line: t.Optional[int] = None
    #: Stands for the secret in allowances; only where there is one and where it cannot be guessed from this.
    fingerprint: t.Optional[str] = None
    #: Further facts for the result, by name.
    facts: tuple[tuple[str, t.Any], ...] = ()
    #: Who allows it; ``None`` when nobody does.
    allowed_by: t.Optional[str] = None

    def shown(self) -> dict[str, t.Any]:
        """Return plain data for a result."""
        shown: dict[str, t.Any] = {
            "rule": self.rule,
            "severity": self.severity,
            "path": self.path,
            "problem": self.problem,
            "remedy": self.remedy,
            "allowed_by": self.allowed_by,
        }
        for name, value in (("line", self.line), ("fingerprint", self.fingerprint), *self.facts):
            if value is not None:
                shown[name] = value
        return shown


@dataclass(frozen=True)
class Allowance:
    """What is allowed: the findings that agree in everything that is given. ``path`` may hold ``*`` and ``?``."""

    owner: str
    reason: str
    #: The last day on which it holds, in UTC.
    expires: datetime.date
    rule: t.Optional[str] = None
    path: t.Optional[str] = None
    fingerprint: t.Optional[str] = None

    @classmethod
    def declared(cls, item: Mapping[str, t.Any]) -> Allowance:
        """Build from an item of the option; raises :class:`InvalidInput`."""
        for name in ("owner", "reason"):
            if not item[name].strip():
                raise InvalidInput(
                    "is empty", field=name, remedy="An allowance has to say who answers for it, and why."
                )
        try:
            expires = datetime.date.fromisoformat(item["expires"])
        except ValueError:
            raise InvalidInput(
                f"{item['expires']!r} is not a day", field="expires", remedy='Write it quoted, like "2026-12-31".'
            ) from None
        return cls(item["owner"], item["reason"], expires, item["rule"], item["path"], item["fingerprint"])

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding is meant."""
        return self.fingerprint in (None, finding.fingerprint) and self.may_cover(finding)

    def may_cover(self, finding: Finding) -> bool:
        """Tell whether a finding is meant if it has the fingerprint."""
        is_rule = self.rule in (None, finding.rule)
        return is_rule and (self.path is None or fnmatch.fnmatchcase(finding.path, self.path))

    def holds(self, now: datetime.datetime) -> bool:
        """Tell whether it has not run out."""
        return now.date() <= self.expires

    def shown(self, verdict: str) -> dict[str, t.Any]:
        """Return plain data for a result."""
        given = {"rule": self.rule, "path": self.path, "fingerprint": self.fingerprint}
        named = {name: value for name, value in given.items() if value is not None}
        return {
            **named,
            "owner": self.owner,
            "reason": self.reason,
            "expires": self.expires.isoformat(),
            "verdict": verdict,
        }


class Allowances:
    """The allowances of one run; remembers which of them were needed."""

    def __init__(self, items: Sequence[Mapping[str, t.Any]], now: datetime.datetime) -> None:
        self._now = now
        self._used: set[int] = set()
        self._all: list[Allowance] = []
        for at, item in enumerate(items):
            try:
                self._all.append(Allowance.declared(item))
            except InvalidInput as error:
                raise error.within(f"allow[{at}]") from None

    def judge(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings, worst first, each with the owner of the allowance that covers it and still holds."""
        return worst_first(replace(finding, allowed_by=self._owner(finding)) for finding in findings)

    def need_fingerprint(self, finding: Finding) -> bool:
        """Tell whether it depends on the fingerprint of a finding whether it is allowed."""
        return any(allowance.fingerprint is not None and allowance.may_cover(finding) for allowance in self._all)

    def _owner(self, finding: Finding) -> t.Optional[str]:
        owner = None
        for at, allowance in enumerate(self._all):
            if allowance.covers(finding):
                self._used.add(at)
                if owner is None and allowance.holds(self._now):
                    owner = allowance.owner
        return owner

    def shown(self) -> list[dict[str, t.Any]]:
        """Return every allowance with its verdict: ``used``, ``expired`` (but still needed), ``unused``."""
        return [
            allowance.shown("unused" if at not in self._used else "used" if allowance.holds(self._now) else "expired")
            for at, allowance in enumerate(self._all)
        ]


def spell_path(path: str) -> str:
    """Return a path as a result holds it: what is no text in it is spelled out."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by severity, then by place."""
    return sorted(findings, key=rank)


def rank(finding: Finding) -> tuple[int, str, int, str]:
    """Return what findings are ordered by."""
    return SEVERITIES.index(finding.severity), finding.path, finding.line or 0, finding.rule


def is_open(finding: Finding) -> bool:
    """Tell whether something has to be done about a finding."""
    return finding.allowed_by is None


def summarise(results: Sequence[Mapping[str, t.Any]], allowances: Sequence[Mapping[str, t.Any]]) -> dict[str, int]:
    """Count results by verdict, findings by whether somebody allows them, and allowances that are of no use."""
    failed = sum(1 for result in results if result.get("failed"))
    good = sum(1 for result in results if result.get("ok"))
    findings = [finding for result in results for finding in result.get("findings", ())]
    return {
        "ok": good,
        "problems": len(results) - good - failed,
        "failed": failed,
        "findings": sum(1 for finding in findings if finding["allowed_by"] is None),
        "allowed": sum(1 for finding in findings if finding["allowed_by"] is not None),
        "stale_allowances": sum(1 for allowance in allowances if allowance["verdict"] != "used"),
    }


def with_failures(facts: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the facts of a module, with a message when one of the results failed."""
    failed = [result for result in facts["results"] if result.get("failed")]
    if failed:
        more = f" ({len(failed)} of {len(facts['results'])} failed, see results)" if len(facts["results"]) > 1 else ""
        facts.update(failed=True, msg=f"{failed[0]['item']}: {failed[0]['msg']}{more}")
    return facts
