# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Secrets that more than one line makes: values below their names, Secrets of Kubernetes, private JSON Web Keys.

Texts are read leniently, line by line, because templates and cut files are no YAML.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from .._core.secret_names import SECRET_NAMES, name_pattern
from .harmless import JWK_PRIVATE, jwks_in
from .shapes import is_real_value, looks_assigned, looks_random

#: A name at the end of a line, and what may open a value on the next one.
_OPEN: t.Final = re.compile(
    name_pattern(SECRET_NAMES)
    + r"\s{0,64}(?:=>|:=|[:=])\s{0,64}(?:[|>][+-]?\d?[+-]?|\\|\(|\"\"\"|'''|[\"'])?\s{0,64}(?:\s#.*)?$"
)
_NAMED: t.Final = re.compile(r"[\"']?[\w.-]{1,128}[\"']?\s{0,8}:(?:\s|$)|-\s")
_KIND: t.Final = re.compile(
    r"(?P<lead>\s{0,512}(?:-\s{1,64})?)[\"']?kind[\"']?\s{0,64}:\s{0,64}[\"']?Secret[\"']?\s{0,64}(?:,\s{0,64})?(?:#.*)?$"
)
_FIELD: t.Final = re.compile(r"\s*[\"']?(?P<key>[\w.-]{1,253})[\"']?\s{0,64}:(?:\s+(?P<value>\S.*)|\s*$)")
_INLINE: t.Final = re.compile(
    r"[\"']?[\w.-]{1,253}[\"']?\s{0,64}:\s{0,64}(?P<value>\"[^\"]*\"|'[^']*'|[^\s,{}\"'][^,{}\"']*)"
)
_TEMPLATE: t.Final = re.compile(r"\{\{|\$\{|\$\(|<[^<>]*>|ENC\[|vault:v\d")
_DEEPEST: t.Final = 50

#: Line (from 1) and value.
Found = Iterator[tuple[int, str]]


def values_below_names(lines: Sequence[str]) -> Found:
    """Yield values that stand on the lines after their names: block scalars of YAML, continued lines of code."""
    for at, line in enumerate(lines[:-1]):
        if not _OPEN.search(line[-512:]):
            continue
        indent = _indent(line)
        value: list[str] = []
        for below in lines[at + 1 : at + 33]:
            text = below.strip()
            if text and (_indent(below) <= indent or _NAMED.match(text)) and not (not value and text[:1] in "\"'"):
                break
            value.append(text)
        joined = " ".join(value).strip(" \"',;)")
        if looks_assigned(joined[:4096]) or (len(joined) >= 16 and looks_random(joined[:4096])):
            yield at + 2, joined


def private_jwks(text: str) -> Found:
    """Yield the private parts of JSON Web Keys, the first of each key."""
    line, past = 1, 0
    for found in jwks_in(text) if "kty" in text else ():
        part = JWK_PRIVATE.search(text, found.start(), found.end())
        if part:
            line, past = line + text.count("\n", past, part.start()), part.start()
            yield line, part.group("value")


def kubernetes_values(lines: Sequence[str]) -> Found:
    """Yield the values of Secrets of Kubernetes, whatever their keys are called; templates and sealed ones excepted."""
    past: dict[int, int] = {}
    for at, line in enumerate(lines):
        if "Secret" not in line:
            continue
        found = _KIND.match(line)
        if found is not None and past.get(len(found.group("lead")), 0) <= at:
            column = len(found.group("lead"))
            first, last = _mapping_around(lines, at, column)
            past[column] = last
            yield from _in_mapping(lines[first:last], column, first)
        elif '"kind"' in line:
            yield from ((at + 1, value) for value in _in_json(line))


def _mapping_around(lines: Sequence[str], at: int, column: int) -> tuple[int, int]:
    """Return the lines of the mapping that has a key in a column of a line."""
    first = at
    while first > 0 and lines[first][:column].strip() == "" and _continues(lines[first - 1], column, item=True):
        first -= 1
    last = at + 1
    while last < len(lines) and _continues(lines[last], column, item=False):
        last += 1
    return first, last


def _continues(line: str, column: int, *, item: bool) -> bool:
    text = line.strip()
    if text.startswith("---"):
        return False
    return not text or text.startswith("#") or len(line) - len(line.lstrip(" -" if item else " ")) >= column


def _in_mapping(lines: Sequence[str], column: int, first: int) -> Found:
    """Yield the values of ``data`` and ``stringData`` in the lines of a mapping, which begins at a line of the text."""
    within, deeper = False, 0
    for at, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" -" if at == 0 else " "))
        if indent <= column:
            name = line.strip().lstrip("- ").replace('"', "").replace("'", "")
            within, deeper = name.startswith(("data:", "stringData:")), 0
            if within and "{" in name:
                inline = (it.group("value") for it in _INLINE.finditer(line, line.index("{")))
                yield from ((first + at + 1, value) for value in filter(None, map(_value, inline)))
            continue
        deeper = deeper or indent
        field = _FIELD.match(line) if within and indent == deeper else None
        if field is not None:
            value = field.group("value") or ""
            folded = value[:1] in ("|", ">") or not value
            value = _block(lines[at + 1 :], indent) if folded else value
            real = _value(value)
            if real:
                yield first + at + (2 if folded else 1), real


def _block(lines: Sequence[str], indent: int) -> str:
    taken: list[str] = []
    for line in lines[:200]:
        if line.strip() and _indent(line) <= indent:
            break
        taken.append(line.strip())
    return "\n".join(taken).strip()


def _value(text: str) -> str:
    """Return what a value says, or nothing for one that is empty, a template, or sealed."""
    bare = re.sub(r"\s#.*$", "", text.strip().rstrip(",")).strip().strip("\"'")
    try:
        decoded = base64.b64decode(bare, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        decoded = bare
    return bare if bare and is_real_value(decoded) and not _TEMPLATE.search(bare[:4096]) else ""


def _in_json(line: str) -> Iterator[str]:
    """Yield what an object in one line says; leniently, because a secret in JSON that is not quite right is one too."""
    try:
        waiting: list[tuple[t.Any, int]] = [(json.loads(line.strip().rstrip(",")), 0)]
    except (ValueError, RecursionError):
        return
    while waiting:
        entry, depth = waiting.pop()
        if isinstance(entry, Mapping):
            if entry.get("kind") == "Secret":
                for part in (entry.get("data"), entry.get("stringData")):
                    held = part.values() if isinstance(part, Mapping) else ()
                    yield from filter(None, (_value(value) for value in held if isinstance(value, str)))
            waiting += [(value, depth + 1) for value in entry.values() if depth < _DEEPEST]
        elif isinstance(entry, list):
            waiting += [(value, depth + 1) for value in entry if depth < _DEEPEST]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
