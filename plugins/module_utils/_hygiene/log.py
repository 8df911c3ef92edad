# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets in logs: file by file, line by line, so that size does not matter.

What a line says before a secret helps to find who wrote it, so that an excerpt is returned (see :mod:`.excerpt`).
"""

from __future__ import annotations

import lzma
import re
import typing as t
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._core.errors import InvalidInput, TrustmeshError
from .._core.files import FileFailure
from .._core.spec import Options
from .excerpt import excerpt
from .finding import Allowances, Finding, is_open, spell_path, summarise, with_failures, worst_first
from .log_file import open_log
from .paths import expand
from .shape_table import SHAPES
from .shapes import SEVERITIES, Hit, Shape, find, readable

RULE_OPTIONS: t.Final[Options] = {
    "rule": {"type": "str", "required": True},
    "pattern": {"type": "str", "required": True},
    "title": {"type": "str"},
    "severity": {"type": "str", "choices": list(SEVERITIES), "default": "high"},
}
LOG_RULES: t.Final = tuple(shape for shape in SHAPES if shape.in_logs)

_REMEDY: t.Final = "Stop writing it there, remove it from the file and its copies, and replace the secret: it is known."


@dataclass(frozen=True)
class LogRules:
    """What is looked for in logs."""

    shapes: tuple[Shape, ...]
    #: Values in hexadecimal that are known to be digests of something public, in lower case.
    known_digests: frozenset[str]
    max_findings: int

    @classmethod
    def declared(cls, params: Mapping[str, t.Any]) -> LogRules:
        """Build from the options of the module; raises :class:`InvalidInput`."""
        by_name = {shape.rule: shape for shape in LOG_RULES}
        for option in ("rules", "skip_rules"):
            unknown = sorted(set(params[option] or ()) - set(by_name))
            if unknown:
                raise InvalidInput(
                    f"there is no rule {', '.join(unknown)}", field=option, remedy=f"There are {', '.join(by_name)}."
                )
        chosen = params["rules"] if params["rules"] is not None else list(by_name)
        shapes = [by_name[name] for name in chosen if name not in (params["skip_rules"] or ())]
        shapes += [_extra(at, item, by_name) for at, item in enumerate(params["extra_rules"])]
        digests = frozenset(entry.lower() for entry in params["known_digests"])
        return cls(tuple(shapes), digests, params["max_findings"])

    def hits(self, line: str) -> list[Hit]:
        """Return what a line gives away."""
        return [hit for hit in find(line, self.shapes) if hit.secret.lower() not in self.known_digests]


def _extra(at: int, item: Mapping[str, t.Any], taken: Mapping[str, Shape]) -> Shape:
    place = f"extra_rules[{at}]"
    if item["rule"] in taken:
        raise InvalidInput(f"{item['rule']} is a rule already", field=f"{place}.rule", remedy="Choose another name.")
    try:
        pattern = re.compile(item["pattern"])
    except re.error as error:
        raise InvalidInput(f"is not a regular expression ({error})", field=f"{place}.pattern") from None
    if pattern.match(""):
        raise InvalidInput("matches an empty text", field=f"{place}.pattern", remedy="It would match every line.")
    return Shape(item["rule"], item["title"] or item["rule"], item["severity"], pattern)


class LogScan:
    """Scans files with one set of rules."""

    def __init__(self, rules: LogRules, allowances: Allowances, tail_bytes: int | None) -> None:
        self._rules = rules
        self._allowances = allowances
        self._tail_bytes = tail_bytes

    def run(self, paths: Sequence[str], exclude: Sequence[str]) -> dict[str, t.Any]:
        """Return the facts of the module: a result per file, a summary, and a message when one could not be read."""
        results = [result for path in paths for result in self._results(path, exclude)]
        allowances = self._allowances.shown()
        facts = {"results": results, "allowances": allowances, "summary": summarise(results, allowances)}
        return with_failures(facts)

    def _results(self, path: str, exclude: Sequence[str]) -> list[dict[str, t.Any]]:
        try:
            files = expand(path, exclude)
        except TrustmeshError as error:
            return [{"item": spell_path(path), "failed": True, "msg": str(error)}]
        if not files:
            return [{"item": spell_path(path), "failed": True, "msg": "there is no such file on this host"}]
        return [self._result(file) for file in files]

    def _result(self, path: str) -> dict[str, t.Any]:
        seen = _Seen(self._rules.max_findings)
        try:
            with open_log(path, self._tail_bytes) as log:
                for line, past, upto in log:
                    for finding in self._findings(path, log.lines, line, past, upto):
                        (judged,) = self._allowances.judge([finding])
                        seen.add(judged)
        except (EOFError, zlib.error, lzma.LZMAError, OSError):
            damaged = FileFailure("the compressed file is damaged", field=path, remedy="Remove or repair it.")
            return {"item": spell_path(path), "failed": True, "msg": str(damaged)}
        except TrustmeshError as error:
            return {"item": spell_path(path), "failed": True, "msg": str(error)}
        told = [*seen.open, *seen.allowed][: self._rules.max_findings]
        return {
            "item": spell_path(path),
            "ok": not seen.open and log.unread is None,
            "lines": log.lines,
            "matches": dict(sorted(seen.counts.items())),
            "findings": [finding.shown() for finding in worst_first(told)],
            "unread": {} if log.unread is None else {log.unread: 1},
            "complete": log.unread is None and sum(seen.counts.values()) == len(told),
        }

    def _findings(self, path: str, number: int, line: str, past: int, upto: int) -> Iterator[Finding]:
        """Yield what a line gives away, of what ends after ``past`` and no later than ``upto``."""
        told: set[tuple[str, str]] = set()
        readings = _readings(line)
        for text in readings:
            hits = [hit for hit in self._rules.hits(text) if past < hit.end <= upto]
            shown = excerpt(text, hits) if hits else ""
            for hit in hits:
                key = (hit.shape.rule, hit.secret)
                if key not in told or len(readings) == 1:
                    problem, facts = f"line {number} holds {hit.shape.title}", (("excerpt", shown),)
                    shown_path = spell_path(path)
                    yield Finding(
                        hit.shape.rule, hit.shape.severity, shown_path, problem, _REMEDY, line=number, facts=facts
                    )
                told.add(key)


def _readings(line: str) -> list[str]:
    """Return what a line may say: with zero bytes for gaps, and without them, as in text of two bytes a character."""
    if "\0" not in line:
        return [readable(line)]
    without = readable(line.replace("\0", ""))
    return [without] if line.count("\0") * 3 > len(line) else [readable(line.replace("\0", " ")), without]


@dataclass
class _Seen:
    """What was found in one file so far; of each sort no more is kept than can be told."""

    most: int
    counts: Counter[str] = field(default_factory=Counter)
    open: list[Finding] = field(default_factory=list)
    allowed: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it if there is room."""
        self.counts[finding.rule] += 1
        kept = self.open if is_open(finding) else self.allowed
        # One that is open has to be known even where none can be told.
        if len(kept) < max(1, self.most):
            kept.append(finding)
