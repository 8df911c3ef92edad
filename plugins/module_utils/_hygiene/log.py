# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets in logs: file by file, line by line, so that size does not matter.

What a line says around a secret helps to find who wrote it, so an excerpt is told: with every secret that any shape
knows masked, and with every long word masked too, because a secret that no shape knows may stand beside one.
"""

from __future__ import annotations

import bz2
import contextlib
import glob
import gzip
import lzma
import os
import re
import stat
import typing as t
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._core.errors import InvalidInput, TrustmeshError
from .._core.files import FileFailure, named_failure
from .._core.spec import Options
from .finding import Allowances, Finding, is_open, summarise, with_failures, worst_first
from .shapes import SEVERITIES, SHAPES, Hit, Shape, find

RULE_OPTIONS: t.Final[Options] = {
    "rule": {"type": "str", "required": True},
    "pattern": {"type": "str", "required": True},
    "title": {"type": "str"},
    "severity": {"type": "str", "choices": list(SEVERITIES), "default": "high"},
}
LOG_RULES: t.Final = tuple(shape for shape in SHAPES if shape.in_logs)

#: What is held in memory at a time; of a longer line one piece after the other is looked at.
_LONGEST_LINE: t.Final = 1 << 20
_EXCERPT: t.Final = 120
_LONG_WORD: t.Final = re.compile(r"[A-Za-z0-9+/=_~.-]{20,}")
_REMEDY: t.Final = "Stop writing it there, remove it from the file and its copies, and replace the secret: it is known."
_OPENERS: t.Final[Mapping[bytes, Callable[[t.Any], t.Any]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}


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
        raise InvalidInput(f"is no regular expression ({error})", field=f"{place}.pattern") from None
    if pattern.match(""):
        raise InvalidInput("matches an empty text", field=f"{place}.pattern", remedy="It would match every line.")
    return Shape(item["rule"], item["title"] or item["rule"], item["severity"], pattern)


def excerpt(line: str, hits: Sequence[Hit]) -> str:
    """Return the neighbourhood of the first hit with all that may be secret masked; at most 120 characters."""
    ordered = sorted(hits, key=lambda hit: hit.start)
    parts, at = [], 0
    for hit in ordered:
        parts += [_masked(line[at : hit.start]), f"[{hit.shape.rule}]"]
        at = hit.end
    before = parts[0]
    whole = "".join([before[-_EXCERPT // 2 :], *parts[1:], _masked(line[at:])])
    return "".join(character if character.isprintable() else " " for character in whole)[:_EXCERPT].strip()


def _masked(text: str) -> str:
    return _LONG_WORD.sub("[...]", text)


class LogScan:
    """Scans files with one set of rules."""

    def __init__(self, rules: LogRules, allowances: Allowances, tail_bytes: int | None) -> None:
        self._rules = rules
        self._allowances = allowances
        self._tail_bytes = tail_bytes

    def run(self, paths: Sequence[str], exclude: Sequence[str]) -> dict[str, t.Any]:
        """Return the facts of the module: a result per file, a summary, and a message when one could not be read."""
        results: list[dict[str, t.Any]] = []
        for path in paths:
            files = expand(path, exclude)
            if not files:
                results.append({"item": path, "failed": True, "msg": "there is no such file on this host"})
            results += [self._result(file) for file in files]
        allowances = self._allowances.shown()
        facts = {"results": results, "allowances": allowances, "summary": summarise(results, allowances)}
        return with_failures(facts)

    def _result(self, path: str) -> dict[str, t.Any]:
        seen = _Seen(self._rules.max_findings)
        try:
            with named_failure(path), _open(path) as (handle, packed):
                for number, line in _lines(handle, None if packed else self._tail_bytes):
                    seen.lines = number
                    hits = self._rules.hits(line)
                    for finding in _findings(path, number, line, hits):
                        (judged,) = self._allowances.judge([finding])
                        seen.add(judged)
        except (EOFError, zlib.error, lzma.LZMAError):
            damaged = FileFailure("the compressed file is damaged", field=path, remedy="Remove or repair it.")
            return {"item": path, "failed": True, "msg": str(damaged)}
        except TrustmeshError as error:
            return {"item": path, "failed": True, "msg": str(error)}
        told = [*seen.open, *seen.allowed][: self._rules.max_findings]
        return {
            "item": path,
            "ok": not seen.open,
            "lines": seen.lines,
            "matches": dict(sorted(seen.counts.items())),
            "findings": [finding.shown() for finding in worst_first(told)],
            "complete": sum(seen.counts.values()) == len(told),
        }


@dataclass
class _Seen:
    """What was found in one file so far; of each sort no more is kept than can be told."""

    most: int
    lines: int = 0
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


def _lines(handle: t.Any, tail_bytes: int | None) -> Iterator[tuple[int, str]]:
    """Yield numbered lines; with ``tail_bytes``, only those of the end of the file."""
    number, rest_of_line = 0, False
    if tail_bytes is not None:
        number = _skip(handle, max(0, handle.seek(0, os.SEEK_END) - tail_bytes))
    while raw := handle.readline(_LONGEST_LINE):
        number += 0 if rest_of_line else 1
        rest_of_line = not raw.endswith(b"\n")
        yield number, raw.decode("utf-8", "replace")


def _findings(path: str, number: int, line: str, hits: Sequence[Hit]) -> Iterator[Finding]:
    shown = excerpt(line, hits) if hits else ""
    for hit in hits:
        yield Finding(
            hit.shape.rule,
            hit.shape.severity,
            path,
            f"line {number} holds {hit.shape.title}",
            _REMEDY,
            line=number,
            facts=(("excerpt", shown),),
        )


@contextlib.contextmanager
def _open(path: str) -> Iterator[tuple[t.Any, bool]]:
    """Open a log file for reading, unpacked; tell whether it is compressed."""
    # A pipe or a terminal would keep us waiting for its writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb") as handle:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            raise FileFailure("is no regular file", field=path, remedy="Name the file that it is written to.")
        start = handle.read(6)
        handle.seek(0)
        opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
        if opener is None:
            yield handle, False
        else:
            with opener(handle) as unpacked:
                yield unpacked, True


def _skip(handle: t.BinaryIO, offset: int) -> int:
    """Go to the first line that begins at or after ``offset``; return how many lines lie before it."""
    handle.seek(0)
    lines, done = 0, 0
    while done < offset:
        piece = handle.read(min(1 << 20, offset - done))
        lines += piece.count(b"\n")
        done += len(piece)
    if offset:
        handle.seek(offset - 1)
        if handle.read(1) != b"\n":
            handle.readline()
            lines += 1
    return lines


def expand(path: str, exclude: Sequence[str]) -> list[str]:
    """Return the files that a path stands for: itself, those below a directory, or those that match a pattern."""
    found: list[str] = []
    for place in sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else [path]:
        if os.path.isdir(place):
            found += sorted(os.path.join(base, name) for base, _folders, names in os.walk(place) for name in names)
        elif os.path.lexists(place):
            found.append(place)
    excluded = path_pattern(exclude)
    return [file for file in dict.fromkeys(found) if excluded is None or not excluded.fullmatch(file)]


def path_pattern(globs: Sequence[str]) -> t.Optional[t.Pattern[str]]:
    """Return a pattern for the paths that any of some globs means; ``None`` for no globs.

    ``*`` stands for any text and ``?`` for any character; a glob without a slash means a name in any directory.
    """
    return re.compile("|".join(_glob_pattern(entry) for entry in globs)) if globs else None


def _glob_pattern(entry: str) -> str:
    inner = "".join(".*" if part == "*" else "." if part == "?" else re.escape(part) for part in entry)
    return f"(?:{inner})" if "/" in entry else f"(?:.*/)?(?:{inner})"
