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
from dataclasses import dataclass

from .._core.errors import InvalidInput, TrustmeshError
from .._core.files import FileFailure, named_failure
from .._core.spec import Options
from .finding import Allowances, Finding, is_open, summarise, with_failures
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
        for field in ("rules", "skip_rules"):
            unknown = sorted(set(params[field] or ()) - set(by_name))
            if unknown:
                raise InvalidInput(
                    f"there is no rule {', '.join(unknown)}", field=field, remedy=f"There are {', '.join(by_name)}."
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
        findings: list[Finding] = []
        counts: Counter[str] = Counter()
        lines = 0
        try:
            for lines, line in self._lines(path):
                hits = self._rules.hits(line)
                counts.update(hit.shape.rule for hit in hits)
                if hits and len(findings) < self._rules.max_findings:
                    findings += _findings(path, lines, line, hits)
        except TrustmeshError as error:
            return {"item": path, "failed": True, "msg": str(error)}
        judged = self._allowances.judge(findings[: self._rules.max_findings])
        return {
            "item": path,
            "ok": not any(is_open(finding) for finding in judged),
            "lines": lines,
            "matches": dict(sorted(counts.items())),
            "findings": [finding.shown() for finding in judged],
            "complete": sum(counts.values()) == len(judged),
        }

    def _lines(self, path: str) -> Iterator[tuple[int, str]]:
        """Yield numbered lines; with ``tail_bytes``, only those of the end of a file that is not compressed."""
        with named_failure(path), _open(path) as (handle, packed):
            number = 0
            if self._tail_bytes is not None and not packed:
                end = handle.seek(0, os.SEEK_END)
                number = _skip(handle, max(0, end - self._tail_bytes))
            try:
                rest_of_line = False
                while raw := handle.readline(_LONGEST_LINE):
                    number += 0 if rest_of_line else 1
                    rest_of_line = not raw.endswith(b"\n")
                    yield number, raw.decode("utf-8", "replace")
            except (EOFError, zlib.error, lzma.LZMAError):
                raise FileFailure("the compressed file is damaged", field=path, remedy="Remove or repair it.") from None


def _findings(path: str, number: int, line: str, hits: Sequence[Hit]) -> Iterator[Finding]:
    shown = excerpt(line, hits)
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
